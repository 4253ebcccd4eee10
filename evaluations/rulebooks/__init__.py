"""Rulebooks: one TOML file per form version, read and checked once. Criteria, options, codes and deadlines are data."""

import tomllib
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

CURRENT = "qd213-2020"


class RulebookError(Exception):
    """A rulebook file contradicts itself; raised when it is read, never in the middle of somebody's form."""


@dataclass(frozen=True)
class Criterion:
    code: str
    no: int
    text: str
    short: str
    options: tuple[str, ...]  # best first
    evidence: str = ""

    @property
    def lowest(self) -> int:
        return len(self.options) - 1


@dataclass(frozen=True)
class Recommendation:
    text: str
    options: tuple[str, ...]
    remarks_required_from: int


@dataclass(frozen=True)
class Rulebook:
    code: str
    name: str
    valid_from: date
    basis: tuple[str, ...]
    admitted_months: int
    send_before_s: int
    due_before_s: int
    reminders: tuple[int, ...]  # working days from the due date, rising: -10 … 0 … 7
    both_from_months: int  # a residence is asked about a part of the year from so many months on
    remind_again: int
    deputy_after: int
    above_after: int
    asker_after: int
    introduction_days: int  # working days within which a member who was introduced should be received
    review_ahead: int  # days before its review date that an exemption is shown as one to look at
    criteria: tuple[Criterion, ...]
    recommendation: Recommendation
    exemptions: dict[str, str]
    return_codes: dict[str, str]
    decline_codes: dict[str, str]
    use_codes: dict[str, str]  # what the workplace did with an answer


@cache
def load(code: str = CURRENT) -> Rulebook:
    """The rulebook with this code. Raises RulebookError."""
    path = Path(__file__).with_name(f"{code}.toml")
    if not path.is_file():
        raise RulebookError(f"There is no rulebook {code!r}.")
    return _check(_build(tomllib.loads(path.read_text("utf-8"))), code)


def known() -> list[Rulebook]:
    """Every rulebook there is, the newest first."""
    books = [load(path.stem) for path in Path(__file__).parent.glob("*.toml")]
    return sorted(books, key=lambda book: book.valid_from, reverse=True)


def _build(data: dict[str, Any]) -> Rulebook:
    try:
        criteria = tuple(Criterion(**{**row, "options": tuple(row["options"])}) for row in data["criteria"])
        recommendation = {**data["recommendation"], "options": tuple(data["recommendation"]["options"])}
        return Rulebook(
            code=data["code"],
            name=data["name"],
            valid_from=data["valid_from"],
            basis=tuple(data["basis"]),
            admitted_months=data["admitted_months"],
            send_before_s=data["deadlines"]["send_before_s"],
            due_before_s=data["deadlines"]["due_before_s"],
            reminders=(*(-days for days in data["reminders"]["before"]), 0, *data["reminders"]["after"]),
            both_from_months=data["moves"]["both_from_months"],
            remind_again=data["reminders"]["again"],
            deputy_after=data["escalation"]["deputy"],
            above_after=data["escalation"]["above"],
            asker_after=data["escalation"]["asker"],
            introduction_days=data["introductions"]["receive_within"],
            review_ahead=data["introductions"]["review_ahead"],
            criteria=criteria,
            recommendation=Recommendation(**recommendation),
            exemptions=data["exemptions"],
            return_codes=data["return_codes"],
            decline_codes=data["decline_codes"],
            use_codes=data["use_codes"],
        )
    except (KeyError, TypeError) as problem:
        raise RulebookError(f"Rulebook {data.get('code')}: missing or misspelt {problem}.") from problem


def _check(book: Rulebook, code: str) -> Rulebook:
    codes = [criterion.code for criterion in book.criteria]
    faults = [
        (book.code != code, "the file is named for another code"),
        (len(set(codes)) != len(codes), "a criterion stands twice"),
        ([c.no for c in book.criteria] != list(range(1, len(codes) + 1)), "criteria are not numbered 1, 2, 3 …"),
        (any(len(c.options) < 2 for c in book.criteria), "a criterion has fewer than two options"),
        (book.due_before_s >= book.send_before_s, "answers would be due before they are asked for"),
        (not 1 <= book.both_from_months <= 6, "no year has two parts of so many months"),
        (book.remind_again < 1, "reminders would never end on one day"),
        (not 0 < book.deputy_after <= book.above_after <= book.asker_after, "the asker is told before the others"),
        (list(book.reminders) != sorted(set(book.reminders)), "reminders do not stand in the order of their days"),
        (not 0 < book.recommendation.remarks_required_from < len(book.recommendation.options), "recommendation index"),
    ]
    for is_wrong, sentence in faults:
        if is_wrong:
            raise RulebookError(f"Rulebook {code}: {sentence}.")
    return book
