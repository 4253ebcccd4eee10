"""A real browser on the real pages. A console error, a CSP report or an uncaught exception fails the test."""

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from django.test import Client
from playwright.sync_api import Browser, ConsoleMessage, Page, sync_playwright
from pytest_django.live_server_helper import LiveServer

from members.models import User

AXE = (Path(__file__).parent.parent / "vendor" / "axe.min.js").read_text("utf-8")
CHROMIUM = shutil.which("chromium")


@pytest.fixture(autouse=True)
def needs_chromium() -> None:
    if not CHROMIUM:
        pytest.skip("not run: Debian's chromium is not installed (script/setup test says how)")


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    # The sync API of Playwright keeps an event loop in this thread, in which Django would refuse its database.
    # It stands for the rest of this worker: whatever starts a program gives it an environment of its own
    # (tests/processes.py).
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(
            executable_path=CHROMIUM,
            args=["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"],
        )
        yield chromium
        chromium.close()


@pytest.fixture
def sign_in_as(browser: Browser, live_server: LiveServer) -> Iterator[Callable[..., Page]]:
    """Opens a window, as wide as a laptop or a phone, of somebody signed in; `hears` are the errors it may show."""
    problems: list[str] = []
    contexts = []

    def open_window(person: User | None, *, width: int = 1280, hears: tuple[str, ...] = (), **options: object) -> Page:
        def heard(message: ConsoleMessage) -> None:
            if message.type == "error" and not any(expected in message.text for expected in hears):
                problems.append(message.text)

        context = browser.new_context(
            base_url=live_server.url, viewport={"width": width, "height": 900}, locale="vi-VN", **options
        )
        contexts.append(context)
        page = context.new_page()
        page.on("console", heard)
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.set_default_timeout(15_000)
        if person:
            client = Client()
            client.force_login(person)
            cookie = {"name": "sessionid", "value": client.cookies["sessionid"].value, "url": live_server.url}
            context.add_cookies([cookie])
            page.goto("/")
        return page

    yield open_window
    for context in contexts:
        context.close()
    assert problems == []


def faults(page: Page) -> list[str]:
    """What axe finds on the page and whether it can be scrolled sideways."""
    # Evaluated by the driver, not added as a tag: the page's own policy forbids inline scripts, and shall.
    page.evaluate(AXE)
    found = page.evaluate("() => axe.run({resultTypes: ['violations']})")
    lines = [f"{page.url} {rule['id']}: {rule['nodes'][0]['html'][:160]}" for rule in found["violations"]]
    if page.evaluate("document.documentElement.scrollWidth > window.innerWidth"):
        lines.append(f"{page.url} scrolls sideways")
    return lines
