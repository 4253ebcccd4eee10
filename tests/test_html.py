"""Every page of every role through the W3C's own checker (npm vnu-jar): no errors."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest
from django.db import transaction
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse

from evaluations.models.paper_codes import PaperKind, paper_code
from tests.test_authorization import BY_CODE, ONESELF, PUBLIC, ROWS, World, address, world

__all__ = ["world"]
# Pages look the same on both databases, and the checker takes its time: once is enough, as with the browser.
pytestmark = pytest.mark.browser
CHECKER = Path(__file__).parent / "node_modules" / "vnu-jar" / "build" / "dist" / "vnu.jar"


@pytest.fixture(autouse=True)
def needs_the_checker() -> None:
    if not shutil.which("java") or not CHECKER.exists():
        pytest.skip("not run: the W3C checker needs Java and npm's vnu-jar (script/setup test says how)")


def asked(client: Client, url: str) -> list[HttpResponse]:
    """The page, and the page again with an empty form's errors; what that changed is undone."""
    mark = transaction.savepoint()
    try:
        return [client.get(url), client.post(url)]
    finally:
        transaction.savepoint_rollback(mark)


def pages(world: World) -> dict[str, bytes]:
    """A name for the file → the bytes of the page; each page as everybody sees it who may."""
    urls = {name.replace(":", "-").replace("#", "-"): (address(name, world.own), row.ok) for name, row in ROWS.items()}
    people = set(world.clients)
    urls |= {name.replace(":", "-"): (reverse(name), people) for name in ONESELF}
    found = {}
    for name, (url, readers) in urls.items():
        for who in sorted(readers):
            for number, response in enumerate(asked(world.clients[who], url)):
                if response.headers["Content-Type"].startswith("text/html") and response.content[:9] == b"<!doctype":
                    found[f"{name}-{who}-{number}"] = response.content
    stranger = Client()
    by_document = {"evaluations:check_page", "evaluations:paper_code"}
    code = paper_code(PaperKind.DOCUMENT, world.own["document_id"])
    for name in sorted(PUBLIC | BY_CODE):
        response = stranger.get(reverse(name, args=[code] if name in by_document else []))
        if response.status_code == 200 and response.headers["Content-Type"].startswith("text/html"):
            found[f"{name.replace(':', '-')}-stranger"] = response.content
    found["resend-stranger"] = stranger.post(urls["members-joint_review"][0], {"held_on": "x"}).content
    found["missing-officer"] = world.clients["officer"].get("/khong-co/").content
    return found


def test_no_page_has_an_error(world: World, tmp_path: Path) -> None:
    found = pages(world)
    written: set[bytes] = set()
    for name, content in found.items():
        if content not in written:
            (tmp_path / f"{name}.html").write_bytes(content)
            written.add(content)

    command = ["java", "-Xss1m", "-jar", str(CHECKER), "--errors-only", "--format", "json", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    errors = {
        f"{Path(line['url']).stem}: {line['message']} {line.get('extract', '')[:120]!r}"
        for line in json.loads(done.stderr)["messages"]
    }

    assert len(found) > 60
    assert not errors, "\n".join(sorted(errors))
