"""Who owes which step of the season, counted for everybody at once: the table behind reminders."""

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.db.models import Count, Exists, F, Min, OuterRef, Subquery
from django.db.models.functions import Coalesce
from django.utils import timezone

from evaluations.models import AssessmentVersion, EvaluationRequest, InnerDeadline
from evaluations.models.requests import RequestQuerySet
from members.models import Organization
from members.roles import Action

State = EvaluationRequest.State
EXTERNAL = Organization.Kind.EXTERNAL
RESIDENCE_DUE = F("due_on")
# The cells work by the one deadline of their commune.
INNER = InnerDeadline.objects.filter(commune=OuterRef("residence_commune"), year=OuterRef("year"))
CELL_DUE = Coalesce(Subquery(INNER.values("due_on")[:1]), F("due_on"))
# The workplace needs the answers when its own meetings begin.
WORKPLACE_DUE = Coalesce(F("campaign__self_criticism_on"), F("due_on"))


@dataclass(frozen=True)
class Step:
    """One row of the table: which requests wait, at whom, for whose seats; and who would ring them up."""

    code: str
    words: str  # after a figure
    action: Action
    rows: Callable[[], RequestQuerySet]
    owner: str
    since: str  # when the work reached them
    caller: str = ""
    due: Any = RESIDENCE_DUE
    counts: str = "pk"


def _in(*states: str) -> RequestQuerySet:
    return EvaluationRequest.objects.filter(state__in=states)


def _at_cell(*versions: str) -> RequestQuerySet:
    """Requests at a cell that have a text in one of the states; without any state, none that has left the cell."""
    texts = AssessmentVersion.objects.filter(assessment=OuterRef("assessment"))
    if versions:
        return _in(State.AT_CELL).filter(Exists(texts.filter(state__in=versions)))
    return _in(State.AT_CELL).exclude(Exists(texts.filter(state__in=["submitted", "confirmed"])))


# The escalation to come adds rows here, or a column that says to whom a step goes when it stays undone.
STEPS = (
    Step(
        "write",
        "đề nghị nhận xét chưa gửi đảng ủy",
        Action.SUBMIT,
        _at_cell,
        "residence_cell",
        "at_cell_at",
        "residence_commune",
        due=CELL_DUE,
    ),
    Step(
        "register",
        "công văn đến chờ vào sổ",
        Action.REGISTER,
        lambda: _in(State.ISSUED).exclude(residence_commune__kind=EXTERNAL),
        "residence_commune",
        "issued_at",
        "asker_now",
        counts="letter",
    ),
    Step(
        "assign",
        "đồng chí chờ phân về chi bộ",
        Action.ASSIGN,
        lambda: _in(State.AT_COMMUNE),
        "residence_commune",
        "at_commune_at",
        "asker_now",
    ),
    Step(
        "confirm",
        "nhận xét chờ xác nhận",
        Action.CONFIRM,
        lambda: _at_cell("submitted"),
        "residence_commune",
        "assessment__versions__submitted_at",
        "asker_now",
    ),
    Step(
        "reply",
        "nhận xét đã xác nhận chờ công văn trả lời",
        Action.REPLY,
        lambda: _at_cell("confirmed"),
        "residence_commune",
        "assessment__versions__confirmed_at",
        "asker_now",
    ),
    # Who is not on the system has no seats: somebody rings them up.
    Step(
        "paper",
        "đồng chí chưa có kết quả nhận xét",
        Action.REGISTER,
        lambda: _in(State.ISSUED).filter(residence_commune__kind=EXTERNAL),
        "residence_commune",
        "issued_at",
        "asker_now",
    ),
    Step(
        "key",
        "đồng chí ở nơi chưa dùng hệ thống chưa có kết quả",
        Action.PREPARE,
        lambda: _in(State.ISSUED).filter(residence_commune__kind=EXTERNAL),
        "asker_now",
        "issued_at",
    ),
    Step(
        "receive",
        "nhận xét đã về, chưa mở đọc",
        Action.RECEIVE,
        lambda: _in(State.ANSWERED).exclude(asker_now__kind=EXTERNAL),
        "asker_now",
        "answered_at",
        due=WORKPLACE_DUE,
    ),
)


@dataclass(frozen=True)
class Owed:
    """So many requests at one step, with one organisation, due on one day."""

    step: Step
    owner: int
    caller: int | None
    due_on: date
    count: int
    since: date
    mailbox: str  # of the office


def owed(organizations: Collection[int] = (), caller: int | None = None) -> list[Owed]:
    """What waits everywhere, at some organisations, or at those that one office rings up: one query a step."""
    return [row for step in STEPS if step.caller or not caller for row in _owed(step, organizations, caller)]


def _owed(step: Step, organizations: Collection[int], caller: int | None) -> Iterator[Owed]:
    rows = step.rows().order_by()
    if organizations:
        rows = rows.filter(**{f"{step.owner}__in": organizations})
    if caller:
        rows = rows.filter(**{step.caller: caller})
    grouped = rows.values(
        owner_id=F(step.owner),
        caller_id=F(step.caller or step.owner),
        caller_kind=F(f"{step.caller or step.owner}__kind"),
        due=step.due,
        mailbox=F(f"{step.owner}__email"),
        kind=F(f"{step.owner}__kind"),
    )
    for row in grouped.annotate(count=Count(step.counts, distinct=True), since=Min(step.since)):
        yield Owed(
            step,
            row["owner_id"],
            # Whoever asked on paper has no list to ring up from.
            row["caller_id"] if step.caller and row["caller_kind"] != EXTERNAL else None,
            row["due"],
            row["count"],
            _day(row["since"]),
            # Whoever works on paper has agreed to nothing by e-mail.
            "" if row["kind"] == EXTERNAL else row["mailbox"],
        )


def _day(moment: datetime | None) -> date:
    return timezone.localdate(moment) if moment else date.min
