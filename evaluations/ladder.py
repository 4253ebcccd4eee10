"""The ladder: on which working days who is told of a step that waits. Only days; the rulebook has the numbers.

The days are counted from the due date, or from the arrival of work that arrived later. Nothing asks whether today *is*
such a day, only which was the last one: a run that was missed is caught up by the next.
"""

from datetime import date
from enum import StrEnum
from functools import lru_cache

from evaluations.rulebooks import load
from evaluations.working_days import shifted


class Rung(StrEnum):
    OWNER = "owner"  # whoever owes the step
    DEPUTY = "deputy"  # the same office, who stands in for him
    ABOVE = "above"  # the office above
    ASKER = "asker"  # who waits for the answer


def first_after(rung: Rung) -> int:
    """Working days after the due date from which this rung is told."""
    book = load()
    first = {Rung.DEPUTY: book.deputy_after, Rung.ABOVE: book.above_after, Rung.ASKER: book.asker_after}
    return first.get(rung, 0)


def last_day(rung: Rung, due_on: date, arrived: date, today: date) -> date | None:
    """The last day up to today on which this rung is told of such work; None while it is not its turn."""
    day = _last_day(rung, max(due_on, arrived), today)
    return day if day and day > arrived else None


@lru_cache(20_000)
def _last_day(rung: Rung, start: date, today: date) -> date | None:
    book, found = load(), None
    named = book.reminders if rung == Rung.OWNER else (first_after(rung),)
    for by in named:
        if (day := shifted(start, by)) > today:
            return found
        found = day
    # After the last day named, again and again: what waits is never forgotten.
    assert found
    while (day := shifted(found, book.remind_again)) <= today:
        found = day
    return found
