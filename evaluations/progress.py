"""How far requests are, as pictures: the stages of the road, counted for many units at once. Reads only.

Every page and paper that speaks of progress counts here, so that the same request is counted once and everywhere alike:
the stages of a unit add up to all its requests but those that were taken back.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from django.db.models import (
    Case,
    CharField,
    Count,
    DateField,
    F,
    Min,
    OuterRef,
    Q,
    Subquery,
    Value,
    When,
)
from django.db.models.functions import Coalesce
from django.db.models.lookups import LessThan
from django.utils import timezone

from evaluations.models import AssessmentVersion, EvaluationRequest
from evaluations.models.requests import RequestQuerySet
from evaluations.steps import CELL_DUE
from members.models import Organization

State = EvaluationRequest.State


@dataclass(frozen=True)
class Owner:
    """Whose hand a request waits for."""

    code: str
    words: str


RESIDENCE = Owner("residence", "Chờ chi bộ, đảng ủy nơi cư trú")
CELL = Owner("cell", "Chờ chi bộ nơi cư trú")
COMMUNE = Owner("commune", "Chờ đảng ủy xã, phường")
ASKER = Owner("asker", "Chờ nơi công tác")
NOBODY = Owner("nobody", "Đã xong")
OWNERS = (RESIDENCE, CELL, COMMUNE, ASKER, NOBODY)


@dataclass(frozen=True)
class Stage:
    code: str
    words: str
    # Light to dark, three times along the road: waiting, being checked, answered. Words stand beside it everywhere.
    fill: str
    owner: Owner
    is_owed: bool = True  # whether somebody still has to do something for the answer


STAGES = (
    Stage("prepared", "chờ phát hành", "#ffffff", ASKER),
    Stage("register", "chờ vào sổ", "#fbe3b0", COMMUNE),
    Stage("paper", "chờ trả lời bằng giấy", "#f8d0b8", COMMUNE),
    Stage("assign", "chờ phân chi bộ", "#f3c567", COMMUNE),
    # Counted over many units; nearer by it is one of the four that follow.
    Stage("at_cell", "chi bộ nhận xét hoặc đảng ủy xác nhận", "#e0962a", RESIDENCE),
    Stage("write", "chi bộ đang nhận xét", "#e0962a", CELL),
    Stage("mend", "chi bộ đang bổ sung", "#b3661a", CELL),
    Stage("confirm", "chờ xác nhận", "#a8cbea", COMMUNE),
    Stage("reply", "đã xác nhận chờ công văn trả lời", "#5b95cc", COMMUNE),
    Stage("again", "nơi công tác đề nghị bổ sung", "#24578a", COMMUNE, False),
    Stage("answered", "đã trả lời chưa mở đọc", "#a9dab4", ASKER, False),
    Stage("received", "nơi công tác đã nhận", "#58a86c", ASKER, False),
    Stage("used", "đã sử dụng khi kiểm điểm", "#1d6b35", NOBODY, False),
    Stage("declined", "chuyển lại", "#9aa4b1", NOBODY, False),
    Stage("silent", "chưa có ý kiến của nơi cư trú", "#8a1420", NOBODY, False),
)
BY_CODE = {stage.code: stage for stage in STAGES}
CELL_STAGES = [stage.code for stage in STAGES if stage.owner == CELL]
OWED = tuple(stage.code for stage in STAGES if stage.is_owed)
ANSWERED = ("again", "answered", "received", "used")
# The stage that the state alone says; that of a request at its cell depends on its text.
OF_STATE: dict[str, str] = {
    State.PREPARED: "prepared",
    State.ISSUED: "register",
    State.AT_COMMUNE: "assign",
    State.AT_CELL: "at_cell",
    State.RETURN_ASKED: "again",
    State.ANSWERED: "answered",
    State.RECEIVED: "received",
    State.CONSIDERED: "used",
    State.DECLINED: "declined",
    State.NO_REPLY: "silent",
}


def _external() -> Q:
    external = Organization.objects.filter(kind=Organization.Kind.EXTERNAL)
    return Q(residence_commune__in=external.order_by().values("pk"))


# The newest text says the stage at a cell; a second one is written because the commune gave the first back.
_OF_TEXT = Case(
    When(state="submitted", then=Value("confirm")),
    When(state="confirmed", then=Value("reply")),
    When(state__in=["draft", "keyed"], no__gt=1, then=Value("mend")),
    default=Value("write"),
    output_field=CharField(),
)
_NEWEST = AssessmentVersion.objects.filter(assessment=OuterRef("assessment")).order_by("-no")
AT_CELL = Coalesce(Subquery(_NEWEST.values_list(_OF_TEXT)[:1]), Value("write"))


def with_stage(matters: RequestQuerySet, *, by_inner: bool = False) -> RequestQuerySet:
    """Requests with the `stage` they are at; those that were taken back are at none and stay out.

    `by_inner`: within a commune a cell is late after the inner deadline; to the workplace its own date counts.
    """
    stage = Case(
        When(state=State.AT_CELL, then=AT_CELL),
        When(_external(), state=State.ISSUED, then=Value("paper")),
        *(When(state=state, then=Value(code)) for state, code in OF_STATE.items()),
        output_field=CharField(),
    )
    inner = [When(stage__in=CELL_STAGES, then=CELL_DUE)] if by_inner else []
    due = Case(*inner, default=F("due_on"), output_field=DateField())
    there = matters.exclude(state__in=EvaluationRequest.WITHDRAWN)
    return there.annotate(stage=stage).annotate(step_due_on=due)


@dataclass
class Progress:
    """How many requests of one unit, or of all, are at which stage; how many are late, and since when."""

    counts: Counter[str] = field(default_factory=Counter)
    late: Counter[str] = field(default_factory=Counter)
    due: dict[str, date] = field(default_factory=dict)  # the first day on which something at the stage is due

    @property
    def total(self) -> int:
        return self.counts.total()

    @property
    def owed(self) -> int:
        return sum(self.counts[code] for code in OWED)

    @property
    def answered(self) -> int:
        return sum(self.counts[code] for code in ANSWERED)

    @property
    def overdue(self) -> int:
        return self.late.total()

    @property
    def due_on(self) -> date | None:
        return min(self.due.values(), default=None)

    @property
    def parts(self) -> list[dict[str, Any]]:
        return parts(self.counts)

    @property
    def words(self) -> str:
        return words(self.counts)

    def days_late(self, today: date) -> int:
        return max((today - self.due_on).days, 0) if self.due_on else 0

    def add(self, code: str, count: int, late: int, due_on: date | None) -> None:
        self.counts[code] += count
        if BY_CODE[code].is_owed and due_on:
            self.late[code] += late
            self.due[code] = min(self.due.get(code, due_on), due_on)

    def waits(self, today: date) -> list[dict[str, Any]]:
        """For each whose hand is waited for: how many, how many of them late, by how many days, at which stages."""
        pieces = {piece["code"]: piece for piece in self.parts}
        found = []
        for owner in OWNERS:
            codes = [stage.code for stage in STAGES if stage.owner == owner and stage.code in pieces]
            due = [self.due[code] for code in codes if code in self.due]
            waiting = {
                "owner": owner,
                "count": sum(self.counts[code] for code in codes),
                "late": sum(self.late[code] for code in codes),
                "days": max((today - min(due)).days, 0) if due else 0,
                "parts": [pieces[code] for code in codes],
            }
            found += [waiting] if codes else []
        return found


def progress_by(matters: RequestQuerySet, unit: str, *, by_inner: bool = False) -> dict[Any, Progress]:
    """{value of the column `unit`: its progress} of one campaign, commune or cell; three queries."""
    found = progress_over(matters.exclude(state=State.AT_CELL), unit)
    figures = {**_figures(F("due_on")), **{f"inner_{name}": value for name, value in _figures(CELL_DUE).items()}}
    at_cell = matters.filter(state=State.AT_CELL).order_by().annotate(stage=AT_CELL)
    for key, code, count, late, due, _, inner_late, inner_due in at_cell.values_list(unit, "stage").annotate(**figures):
        is_inner = by_inner and code in CELL_STAGES
        figures_of = (inner_late, inner_due) if is_inner else (late, due)
        found.setdefault(key, Progress()).add(code, count, *figures_of)
    return found


def progress_over(matters: RequestQuerySet, unit: str) -> dict[Any, Progress]:
    """The same over half a million requests: one query that reads nothing but the index request_dashboard.

    It leaves together what lies at the cells: which of it waits for the commune stands in another table's texts.
    What could be said of each row (taken back, late) is said of the groups: that is half the time.
    """
    found: dict[Any, Progress] = defaultdict(Progress)
    today, counted = timezone.localdate(), matters.order_by()
    # The few communes on paper, by themselves: asking for it in the large query would cost a third more.
    on_paper = counted.filter(_external(), state=State.ISSUED).values_list(unit, "due_on")
    paper = {(key, due_on): count for key, due_on, count in on_paper.annotate(n=Count("*"))}
    for key, state, due_on, count in counted.values_list(unit, "state", "due_on").annotate(n=Count("*")):
        if state in EvaluationRequest.WITHDRAWN:
            continue
        apart = min(paper.get((key, due_on), 0), count) if state == State.ISSUED else 0
        for code, number in (("paper", apart), (OF_STATE[state], count - apart)):
            if number:
                found[key].add(code, number, number if due_on < today else 0, due_on)
    return dict(found)


def _figures(due: Any) -> dict[str, Any]:
    """How many, how many of them late, and the first due date."""
    late = Count("due_on", filter=LessThan(due, Value(timezone.localdate(), output_field=DateField())))
    return {"n": Count("*"), "late": late, "due": Min(due)}


@dataclass(frozen=True)
class Unit:
    """One line of a page: a commune, a cell or a workplace, and how far it is."""

    key: Any
    organization: Organization | None  # None: not yet with any cell
    progress: Progress
    days_late: int

    @property
    def name(self) -> str:
        return self.organization.name if self.organization else "Chưa phân về chi bộ"


def units_of(found: dict[Any, Progress], places: dict[Any, Organization] | None = None) -> list[Unit]:
    """In the order in which they need a hand: the longest delay, then most that are late, then most still to do.

    `places` names the organisation of a key that is not one itself; otherwise one query reads them.
    """
    known = Organization.objects.in_bulk([key for key in found if key]) if places is None else places
    today = timezone.localdate()
    units = [Unit(key, known.get(key), progress, progress.days_late(today)) for key, progress in found.items()]
    return sorted(
        units, key=lambda unit: (-unit.days_late, -unit.progress.overdue, -unit.progress.owed, unit.name, unit.key or 0)
    )


def whole_of(units: list[Unit]) -> dict[str, Any]:
    """What stands above the lines of a page: the same figures, added up (templates/evaluations/steps_whole.html)."""
    whole, today = together(unit.progress for unit in units), timezone.localdate()
    return {
        "whole": whole,
        "waits": whole.waits(today),
    }


def together(units: Iterable[Progress]) -> Progress:
    whole = Progress()
    for unit in units:
        for code, count in unit.counts.items():
            whole.add(code, count, unit.late[code], unit.due.get(code))
    return whole


def parts(counts: dict[str, int]) -> list[dict[str, Any]]:
    """The pieces of a bar a hundred wide; texts, because a number in a template would be written the Vietnamese way."""
    total, start = sum(counts.values()), 0.0
    pieces = []
    for stage in STAGES:
        if count := counts.get(stage.code, 0):
            width = 100 * count / total
            piece = {"code": stage.code, "words": stage.words, "fill": stage.fill, "count": count}
            pieces.append(piece | {"x": f"{start:.2f}", "width": f"{width:.2f}"})
            start += width
    return pieces


def words(counts: dict[str, int]) -> str:
    """What the bar shows, for who does not see it."""
    said = [f"{counts[stage.code]} {stage.words}" for stage in STAGES if counts.get(stage.code)]
    return ", ".join(said) or "chưa có đề nghị nào"
