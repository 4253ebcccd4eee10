"""Rulebooks contradict themselves when they are read, never in the middle of somebody's form."""

import tomllib
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from evaluations import rulebooks
from evaluations.rulebooks import CURRENT, RulebookError, _build, _check, load

SOURCE = Path(rulebooks.__file__).with_name(f"{CURRENT}.toml")
Change = Callable[[dict[str, Any]], object]


def data() -> dict[str, Any]:
    return tomllib.loads(SOURCE.read_text("utf-8"))


def read(change: Change) -> None:
    book = data()
    change(book)
    _check(_build(book), CURRENT)


def test_the_current_book_loads() -> None:
    book = load()
    assert (book.code, book.valid_from, book.admitted_months) == ("qd213-2020", date(2020, 1, 2), 6)
    assert [(criterion.no, criterion.code, len(criterion.options)) for criterion in book.criteria] == [
        (1, "exemplary_conduct", 3),
        (2, "civic_duty", 3),
        (3, "meeting_attendance", 3),
        (4, "contact_and_opinions", 3),
        (5, "community_activity", 3),
    ]
    assert [criterion.code for criterion in book.criteria if criterion.evidence == "attendance"] == [
        "meeting_attendance"
    ]
    assert book.recommendation.options[book.recommendation.remarks_required_from :] == ("Xem xét xử lý",)
    assert (book.send_before_s, book.due_before_s) == (45, 15)
    assert book.reminders == (-10, -5, -1, 0, 1, 3, 7)


def test_every_book_of_the_house_loads() -> None:
    assert [load(path.stem).code for path in SOURCE.parent.glob("*.toml")] == [
        path.stem for path in SOURCE.parent.glob("*.toml")
    ]


def test_it_is_read_once() -> None:
    assert load(CURRENT) is load(CURRENT)


@pytest.mark.parametrize("code", ["qd999-2030", ""])
def test_unknown(code: str) -> None:
    with pytest.raises(RulebookError, match="There is no rulebook"):
        load(code)


@pytest.mark.parametrize(
    "key",
    [
        "code",
        "name",
        "valid_from",
        "basis",
        "admitted_months",
        "deadlines",
        "reminders",
        "criteria",
        "recommendation",
        "exemptions",
        "return_codes",
        "decline_codes",
    ],
)
def test_missing(key: str) -> None:
    with pytest.raises(RulebookError, match=f"missing or misspelt '{key}'"):
        read(lambda book: book.pop(key))


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        pytest.param(lambda b: b["deadlines"].pop("due_before_s"), "misspelt 'due_before_s'", id="deadline"),
        pytest.param(lambda b: b["criteria"][0].pop("short"), "misspelt .*'short'", id="criterion-short"),
        pytest.param(lambda b: b["criteria"][0].pop("options"), "misspelt 'options'", id="options"),
        pytest.param(lambda b: b["criteria"][0].update(colour="red"), "misspelt .*'colour'", id="unknown-key"),
        pytest.param(
            lambda b: b["recommendation"].pop("remarks_required_from"),
            "misspelt .*'remarks_required_from'",
            id="recommendation",
        ),
        pytest.param(lambda b: b.update(code="qd000-2000"), "the file is named for another code", id="wrong-code"),
        pytest.param(
            lambda b: b["criteria"][1].update(code=b["criteria"][0]["code"]), "a criterion stands twice", id="double"
        ),
        pytest.param(lambda b: b["criteria"][1].update(no=7), "not numbered 1, 2, 3", id="numbering"),
        pytest.param(lambda b: b["criteria"].reverse(), "not numbered 1, 2, 3", id="order"),
        pytest.param(
            lambda b: b["criteria"][0].update(options=["Tốt"]), "fewer than two options", id="single-option"
        ),
        pytest.param(lambda b: b["deadlines"].update(due_before_s=45), "due before they are asked", id="deadlines"),
        pytest.param(lambda b: b["reminders"].update(before=[1, 5]), "order of their days", id="reminders"),
        pytest.param(
            lambda b: b["recommendation"].update(remarks_required_from=3), "recommendation index", id="index-too-high"
        ),
        pytest.param(
            lambda b: b["recommendation"].update(remarks_required_from=0), "recommendation index", id="index-too-low"
        ),
    ],
)  # fmt: skip
def test_contradictions(change: Change, sentence: str) -> None:
    with pytest.raises(RulebookError, match=sentence):
        read(change)


def test_nothing_changed_is_nothing_wrong() -> None:
    read(lambda book: None)
