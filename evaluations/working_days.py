"""Which days offices work in Vietnam, and the n-th working day before or after another. The days off are data."""

import tomllib
from datetime import date, timedelta
from functools import cache
from pathlib import Path
from typing import Any

SATURDAY = 5
DAY = timedelta(days=1)


@cache
def _calendar() -> dict[str, Any]:
    return tomllib.loads(Path(__file__).with_name("working_days.toml").read_text("utf-8"))


def is_working_day(day: date) -> bool:
    year = _calendar()["years"].get(str(day.year), {})
    if day in year.get("worked", ()):
        return True
    return day.weekday() < SATURDAY and f"{day:%m-%d}" not in _calendar()["fixed"] and day not in year.get("off", ())


def shifted(day: date, by: int) -> date:
    """The `by`-th working day after `day` (before it when negative); the day itself for 0, whatever day it is."""
    step = DAY if by > 0 else -DAY
    for _ in range(abs(by)):
        day += step
        while not is_working_day(day):
            day += step
    return day
