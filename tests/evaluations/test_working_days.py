"""Weekends, holidays, exchanged days, and counting over them."""

from datetime import date

import pytest

from evaluations.working_days import is_working_day, shifted


@pytest.mark.parametrize(
    ("day", "works"),
    [
        ("2026-11-13", True),  # Friday
        ("2026-11-14", False),
        ("2026-11-15", False),
        ("2026-11-24", False),  # Ngày Văn hóa Việt Nam
        ("2026-09-02", False),
        ("2026-02-17", False),  # the first of Tết
        ("2026-08-22", True),  # a Saturday worked for …
        ("2026-08-31", False),  # … this Monday
        ("2031-04-30", False),  # fixed days hold in years that nobody has announced yet
        ("2031-05-02", True),
    ],
)
def test_offices_work(day: str, works: bool) -> None:
    assert is_working_day(date.fromisoformat(day)) is works


@pytest.mark.parametrize(
    ("day", "by", "found"),
    [
        ("2026-11-15", 0, "2026-11-15"),
        ("2026-11-15", -1, "2026-11-13"),
        ("2026-11-15", 1, "2026-11-16"),
        ("2026-11-15", -10, "2026-11-02"),
        ("2026-11-15", 7, "2026-11-25"),  # the 24th is nobody's day
        ("2026-02-13", 1, "2026-02-23"),  # over the whole of Tết
    ],
)
def test_counting_leaves_days_off_out(day: str, by: int, found: str) -> None:
    assert shifted(date.fromisoformat(day), by) == date.fromisoformat(found)
