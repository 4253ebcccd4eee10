"""A hundred comrades without touching the mouse: who came to the meeting, and six ratings each."""

import time
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from evaluations.models import AssessmentVersion
from members.models import Attendance
from tests import factories
from tests.browser.conftest import faults
from tests.conftest import Cast
from tests.season import GOOD, Season

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
PEOPLE = 100
FOCUSED = "document.activeElement"
# Seconds for every key pressed: what an impatient person would notice is a key that takes longer than that.
A_KEY = 0.25


@pytest.fixture
def page(transactional_db: None, cast: Cast, sign_in_as: Callable[..., Page]) -> Page:
    for number in range(PEOPLE):
        factories.member(f"Lê Thử {number:03d}", workplace=cast.office_cell, commune=cast.ward, cell=cast.cell)
    return sign_in_as(cast.secretary)


def into_the_table(page: Page) -> None:
    """With Tab alone, as far as the first choice; the way past the table stands before it."""
    passed = []
    for _ in range(60):
        page.keyboard.press("Tab")
        passed.append(page.evaluate(f"{FOCUSED}.textContent.trim()"))
        if page.evaluate(f"{FOCUSED}.matches('table[data-keys] select')"):
            break
    assert "Bỏ qua bảng, đến nút Lưu" in passed
    assert page.evaluate(f"{FOCUSED}.matches(':focus-visible')")
    assert page.evaluate(f"getComputedStyle({FOCUSED}).outlineStyle") == "solid"


def name_of_the_focused(page: Page) -> str:
    """What a screen reader says of the choice: the person and the question."""
    said: str = page.evaluate(
        f"{FOCUSED}.getAttribute('aria-labelledby').split(' ')"
        ".map(id => document.getElementById(id).textContent.trim().replace(/\\s+/g, ' ')).join(', ')"
    )
    return said


def press(page: Page, keys: list[str]) -> None:
    began = time.monotonic()
    for key in keys:
        page.keyboard.press(key)
    assert time.monotonic() - began < len(keys) * A_KEY


def leave_and_save(page: Page) -> None:
    """Nobody is caught in the table: Tab leads out of its end, to the button."""
    for _ in range(12):
        page.keyboard.press("Tab")
        if page.evaluate(f"{FOCUSED}.id") == "save":
            break
    page.keyboard.press("Enter")


def test_attendance_of_a_hundred(page: Page, cast: Cast, play: Season) -> None:
    play.meeting()
    page.goto(f"/chi-bo/{cast.cell.pk}/diem-danh/{Season.YEAR}/")
    into_the_table(page)
    assert name_of_the_focused(page).endswith("15/05/2026Gặp mặt định kỳ 6 tháng")
    press(page, [key for number in range(PEOPLE) for key in (str(1 + number % 3), "Enter")])
    assert page.evaluate(f"{FOCUSED}.matches('tbody tr:nth-last-child(2) select')")
    expect(page.locator("#kept")).to_contain_text("Đã lưu lúc", timeout=10_000)
    leave_and_save(page)
    expect(page.get_by_text("Không có gì thay đổi.")).to_be_visible()
    statuses = list(Attendance.objects.order_by("placement__member__sort_key").values_list("status", flat=True))
    assert statuses == [("present", "excused", "absent")[number % 3] for number in range(PEOPLE)]
    assert faults(page) == []

    # Whoever only wants the button is there with one key, from before the table.
    page.locator("[data-print], .page-head a").first.focus()
    while page.evaluate(f"{FOCUSED}.className") != "skip-grid":
        page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    assert page.evaluate(f"{FOCUSED}.id") == "save"


def test_ratings_of_a_hundred(page: Page, cast: Cast) -> None:
    page.goto(f"/chi-bo/{cast.cell.pk}/nhan-xet/{Season.YEAR}/")
    into_the_table(page)
    assert name_of_the_focused(page).startswith("Lê Thử 000 ·")
    assert name_of_the_focused(page).endswith("1. Nêu gương")
    press(page, [key for _ in range(PEOPLE) for choice in "111112" for key in (choice, "Enter")])
    # A slip of the finger is put right with the arrows.
    press(page, ["ArrowUp", "ArrowLeft", "2"])
    expect(page.locator("#kept")).to_contain_text("Đã lưu lúc", timeout=15_000)
    expect(page.get_by_text("100 / 100").first).to_be_visible()
    leave_and_save(page)
    expect(page.get_by_text("Không có thay đổi nào cần lưu.")).to_be_visible()
    versions = AssessmentVersion.objects.order_by("assessment__placement__member__sort_key")
    answers = [version.answers for version in versions]
    assert answers[:98] + answers[99:] == [GOOD] * 99
    assert answers[98] == GOOD | {"community_activity": {**GOOD["community_activity"], "option": 1}}
