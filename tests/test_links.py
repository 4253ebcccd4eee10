"""No page leads anybody to a closed door: whoever is shown a link may follow it."""

import re
from html import unescape

import pytest
from django.db import transaction
from django.test import Client

from tests.test_authorization import ONESELF, ROWS, World, address, reverse, world

__all__ = ["world"]
pytestmark = pytest.mark.browser  # takes its time as those do, and looks the same on both databases
LINK = re.compile(rb'<a [^>]*href="(/[^"#]*)')


def _asked(client: Client, url: str) -> tuple[int, set[str]]:
    """The answer, and where the page leads; what a reading changed is undone."""
    mark = transaction.savepoint()
    try:
        response = client.get(url)
    finally:
        transaction.savepoint_rollback(mark)
    is_page = response.headers["Content-Type"].startswith("text/html")
    return response.status_code, {
        unescape(found.decode()) for found in LINK.findall(response.content)
    } if is_page else set()


def test_whoever_is_shown_a_link_may_follow_it(world: World) -> None:
    known = [(address(name, world.own), row.ok) for name, row in ROWS.items()]
    known += [(reverse(name), set(world.clients)) for name in ONESELF]
    closed = set()
    for who, client in world.clients.items():
        seen = {url for url, readers in known if who in readers}  # the matrix has opened those
        for url in sorted(seen):
            for link in sorted(_asked(client, url)[1] - seen):
                seen.add(link)
                status, _ = _asked(client, link)
                if status >= 400:
                    closed.add(f"{who}: {url} leads to {link}: {status}")
    assert not closed, "\n".join(sorted(closed))
