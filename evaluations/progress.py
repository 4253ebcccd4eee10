"""How far requests are, as pictures: the stages of the road, counted for many units at once. Reads only."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from django.db.models import Case, CharField, Count, DateField, F, Min, OuterRef, Q, Subquery, Value, When

from evaluations.models import AssessmentVersion, EvaluationRequest
from evaluations.models.requests import RequestQuerySet
from evaluations.steps import CELL_DUE
from members.models import Organization

State = EvaluationRequest.State


@dataclass(frozen=True)
class Stage:
    code: str
    words: str
    # Light to dark along the road: it must tell its story on a grey print too. Words stand beside it everywhere.
    fill: str
    is_owed: bool = True  # whether somebody still has to do something for the answer


STAGES = (
    Stage("prepared", "chờ phát hành", "#ffffff"),
    Stage("register", "chờ vào sổ", "#fbe3b0"),
    Stage("paper", "chờ trả lời bằng giấy", "#f8d0b8"),
    Stage("assign", "chờ phân chi bộ", "#f3c567"),
    Stage("write", "chi bộ đang nhận xét", "#e0962a"),
    Stage("confirm", "chờ xác nhận", "#7fb0de"),
    Stage("reply", "chờ công văn trả lời", "#2f6fab"),
    Stage("answered", "đã trả lời", "#1d6b35", False),
    Stage("declined", "chuyển lại", "#9aa4b1", False),
    Stage("silent", "chưa có ý kiến", "#8a1420", False),
)
BY_CODE = {stage.code: stage for stage in STAGES}
OWED = tuple(stage.code for stage in STAGES if stage.is_owed)


def with_stage(matters: RequestQuerySet, *, by_inner: bool = False) -> RequestQuerySet:
    """Requests with the `stage` they are at; those that were taken back are at none and stay out.

    `by_inner`: within a commune a cell is late after the inner deadline; to the workplace its own date counts.
    """
    versions = AssessmentVersion.objects.filter(assessment=OuterRef("assessment")).order_by("-no")
    newest = Subquery(versions.values("state")[:1])
    stage = Case(
        When(state=State.PREPARED, then=Value("prepared")),
        When(state=State.ISSUED, residence_commune__kind=Organization.Kind.EXTERNAL, then=Value("paper")),
        When(state=State.ISSUED, then=Value("register")),
        When(state=State.AT_COMMUNE, then=Value("assign")),
        When(Q(state=State.AT_CELL) & Q(newest="submitted"), then=Value("confirm")),
        When(Q(state=State.AT_CELL) & Q(newest="confirmed"), then=Value("reply")),
        When(state=State.AT_CELL, then=Value("write")),
        When(state=State.DECLINED, then=Value("declined")),
        When(state=State.NO_REPLY, then=Value("silent")),
        default=Value("answered"),
        output_field=CharField(),
    )
    inner = [When(stage="write", then=CELL_DUE)] if by_inner else []
    due = Case(*inner, default=F("due_on"), output_field=DateField())
    there = matters.exclude(state__in=[State.CANCELLED, State.SUPERSEDED])
    return there.annotate(newest=newest).annotate(stage=stage).annotate(step_due_on=due)


@dataclass
class Progress:
    """How many requests of one unit, or of all, are at which stage, and when the first of those still owed is due."""

    counts: Counter[str] = field(default_factory=Counter)
    due_on: date | None = None

    @property
    def total(self) -> int:
        return self.counts.total()

    @property
    def owed(self) -> int:
        return sum(self.counts[code] for code in OWED)

    @property
    def parts(self) -> list[dict[str, Any]]:
        return parts(self.counts)

    @property
    def words(self) -> str:
        return words(self.counts)

    def days_late(self, today: date) -> int:
        return max((today - self.due_on).days, 0) if self.due_on else 0

    def add(self, code: str, count: int, due_on: date | None) -> None:
        self.counts[code] += count
        if BY_CODE[code].is_owed and due_on:
            self.due_on = min(self.due_on or due_on, due_on)


def progress_by(matters: RequestQuerySet, unit: str, *, by_inner: bool = False) -> dict[Any, Progress]:
    """{value of the column `unit`: its progress}, one query."""
    found: dict[Any, Progress] = {}
    there = with_stage(matters, by_inner=by_inner).order_by()
    rows = there.values_list(unit, "stage").annotate(n=Count("pk"), due=Min("step_due_on"))
    for key, code, count, due_on in rows:
        found.setdefault(key, Progress()).add(code, count, due_on)
    return found


def together(units: Iterable[Progress]) -> Progress:
    whole = Progress()
    for unit in units:
        for code, count in unit.counts.items():
            whole.add(code, count, unit.due_on)
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
