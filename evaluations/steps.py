"""Who owes which step of the season, counted for everybody at once: the table behind reminders."""

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

from django.db.models import Count, Exists, F, Max, Min, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.utils import timezone

from evaluations.ladder import Rung, first_after, last_day
from evaluations.models import AssessmentVersion, EvaluationRequest, InnerDeadline, Introduction, LadderRun
from evaluations.models.requests import RequestQuerySet
from evaluations.working_days import DAY, is_working_day, shifted
from members.models import Organization
from members.roles import Action

State = EvaluationRequest.State
EXTERNAL = Organization.Kind.EXTERNAL
RESIDENCE_DUE = F("due_on")
# The cells work by the one deadline of their commune, or by what they were given for one comrade.
INNER = InnerDeadline.objects.filter(commune=OuterRef("residence_commune"), year=OuterRef("year"))
CELL_DUE = Coalesce("inner_due_on", Subquery(INNER.values("due_on")[:1]), F("due_on"))
# The workplace needs the answers when its own meetings begin.
WORKPLACE_DUE = Coalesce(F("campaign__self_criticism_on"), F("due_on"))


ASKER_WORDS = "đồng chí chưa có kết quả, nơi cư trú đã chậm nhiều ngày; xin gọi điện trao đổi"
WORKPLACE_WORDS = "đồng chí được giới thiệu chưa được tiếp nhận, đã chậm nhiều ngày; xin gọi điện trao đổi"
EXECUTED_BY = time(9, 0)  # the first run of a day is over by then (liaison/celery.py)


@dataclass(frozen=True)
class Step:
    """One row of the table: what waits, at whom, for whose seats; who rings them up; who is told when late."""

    code: str
    words: str  # after a figure
    action: Action
    rows: Callable[[], QuerySet[Any]]
    owner: str
    since: str  # when the work reached them
    caller: str = ""
    due: Any = RESIDENCE_DUE
    counts: str = "pk"
    after: timedelta = timedelta()  # the due date itself
    above: str = ""
    above_action: Action = Action.SEE_FIGURES
    above_words: str = ""  # after the number of units
    asker: str = ""
    asker_words: str = ASKER_WORDS


def _in(*states: str) -> RequestQuerySet:
    return EvaluationRequest.objects.filter(state__in=states)


def _at_cell(*versions: str) -> RequestQuerySet:
    """Requests at a cell that have a text in one of the states; without any state, none that has left the cell."""
    texts = AssessmentVersion.objects.filter(assessment=OuterRef("assessment"))
    if versions:
        return _in(State.AT_CELL).filter(Exists(texts.filter(state__in=versions)))
    return _in(State.AT_CELL).exclude(Exists(texts.filter(state__in=["submitted", "confirmed"])))


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
        above="residence_commune",
        above_action=Action.ASSIGN,
        above_words="chi bộ chậm gửi nhận xét, xin đôn đốc",
        asker="asker_now",
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
        above="residence_commune__parent",
        above_words="xã, phường chậm vào sổ công văn đến",
        asker="asker_now",
    ),
    Step(
        "assign",
        "đồng chí chờ phân về chi bộ",
        Action.ASSIGN,
        lambda: _in(State.AT_COMMUNE),
        "residence_commune",
        "at_commune_at",
        "asker_now",
        above="residence_commune__parent",
        above_words="xã, phường chậm phân về chi bộ",
        asker="asker_now",
    ),
    Step(
        "confirm",
        "nhận xét chờ xác nhận",
        Action.CONFIRM,
        lambda: _at_cell("submitted"),
        "residence_commune",
        "assessment__versions__submitted_at",
        "asker_now",
        above="residence_commune__parent",
        above_words="xã, phường chậm xác nhận",
        asker="asker_now",
    ),
    Step(
        "reply",
        "nhận xét đã xác nhận chờ công văn trả lời",
        Action.REPLY,
        lambda: _at_cell("confirmed"),
        "residence_commune",
        "assessment__versions__confirmed_at",
        "asker_now",
        above="residence_commune__parent",
        above_words="xã, phường chậm gửi công văn trả lời",
        asker="asker_now",
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
        above="asker_now__parent",
        above_words="nơi công tác chậm nhập kết quả trên giấy",
    ),
    Step(
        "receive",
        "nhận xét đã về, chưa mở đọc",
        Action.RECEIVE,
        lambda: _in(State.ANSWERED).exclude(asker_now__kind=EXTERNAL),
        "asker_now",
        "answered_at",
        due=WORKPLACE_DUE,
        above="asker_now__parent",
        above_words="nơi công tác chậm mở đọc nhận xét",
    ),
    # Regulation 366 lets them be used in the review that begins on S; two weeks later it should be over.
    Step(
        "consider",
        "nhận xét đã đọc, chưa ghi sử dụng khi kiểm điểm",
        Action.RECEIVE,
        lambda: _in(State.RECEIVED).exclude(asker_now__kind=EXTERNAL),
        "asker_now",
        "received_at",
        due=WORKPLACE_DUE,
        after=timedelta(days=15),
        above="asker_now__parent",
        above_words="nơi công tác chậm ghi việc sử dụng nhận xét",
    ),
    Step(
        "introduction_register",
        "giấy giới thiệu chờ vào sổ",
        Action.REGISTER,
        Introduction.objects.to_register,
        "commune",
        "issued_at",
        "workplace",
        above="commune__parent",
        above_words="xã, phường chậm vào sổ giấy giới thiệu",
        asker="workplace",
        asker_words=WORKPLACE_WORDS,
    ),
    Step(
        "introduction_assign",
        "đồng chí được giới thiệu chờ phân về chi bộ",
        Action.ASSIGN,
        Introduction.objects.to_assign,
        "commune",
        "at_commune_at",
        "workplace",
        above="commune__parent",
        above_words="xã, phường chậm phân đồng chí được giới thiệu về chi bộ",
        asker="workplace",
        asker_words=WORKPLACE_WORDS,
    ),
    Step(
        "introduction_accept",
        "đồng chí được giới thiệu chờ chi bộ tiếp nhận",
        Action.SUBMIT,
        Introduction.objects.to_accept,
        "cell",
        "assigned_at",
        "commune",
        above="commune",
        above_action=Action.ASSIGN,
        above_words="chi bộ chậm tiếp nhận đồng chí được giới thiệu, xin đôn đốc",
        asker="workplace",
        asker_words=WORKPLACE_WORDS,
    ),
    Step(
        "introduction_return",
        "phiếu báo tiếp nhận chờ gửi nơi giới thiệu",
        Action.REPLY,
        Introduction.objects.to_return,
        "commune",
        "accepted_at",
        "workplace",
        above="commune__parent",
        above_words="xã, phường chậm gửi phiếu báo tiếp nhận",
    ),
)


@dataclass(frozen=True)
class Owed:
    """So many requests at one step, with one organisation, due on one day; or that so many units are late with it."""

    step: Step
    rung: Rung
    owner: int  # who is told
    caller: int | None
    due_on: date
    count: int
    since: date
    newest: date
    mailbox: str  # of the office
    phone: str

    @property
    def code(self) -> str:
        return self.step.code if self.rung == Rung.OWNER else f"{self.step.code}:{self.rung}"

    @property
    def words(self) -> str:
        if self.rung == Rung.ABOVE:
            return self.step.above_words
        return self.step.asker_words if self.rung == Rung.ASKER else self.step.words

    def last_day(self, today: date, rung: Rung | None = None) -> date | None:
        """The last day of the ladder for this work: that which came first, or that which came last."""
        days = [last_day(rung or self.rung, self.due_on, arrived, today) for arrived in (self.since, self.newest)]
        return max((day for day in days if day), default=None)


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
        phone=F(f"{step.owner}__phone"),
        kind=F(f"{step.owner}__kind"),
    )
    counted = grouped.annotate(count=Count(step.counts, distinct=True), first=Min(step.since), last=Max(step.since))
    for row in counted.exclude(due=None):
        # Whoever asked on paper has no list to ring up from.
        caller_id = row["caller_id"] if step.caller and row["caller_kind"] != EXTERNAL else None
        yield _row(step, Rung.OWNER, row, caller_id)


def _row(step: Step, rung: Rung, row: Any, caller: int | None = None) -> Owed:
    # Whoever works on paper has agreed to nothing by e-mail.
    is_paper = row["kind"] == EXTERNAL
    return Owed(
        step,
        rung,
        row["owner_id"],
        caller,
        row["due"] + step.after,
        row["count"],
        _day(row["first"]),
        _day(row["last"]),
        "" if is_paper else row["mailbox"],
        "" if is_paper else row["phone"],
    )


def late(today: date, organizations: Collection[int] = ()) -> list[Owed]:
    """What has waited so long that others are told: the office above of its units, the asker of his requests."""
    found: list[Owed] = []
    for step in STEPS:
        if step.above:
            found += _late(step, Rung.ABOVE, step.above, step.owner, today, organizations)
        if step.asker:
            found += _late(step, Rung.ASKER, step.asker, "pk", today, organizations)
    return found


def _late(
    step: Step, rung: Rung, told: str, counts: str, today: date, organizations: Collection[int]
) -> Iterator[Owed]:
    """Due, and arrived, at least as many working days ago as this rung waits."""
    since = shifted(today, -first_after(rung))
    rows = step.rows().order_by().annotate(due=step.due)
    midnight = timezone.make_aware(datetime.combine(since + DAY, time.min))
    rows = rows.filter(due__lte=since - step.after, **{f"{step.since}__lt": midnight})
    rows = rows.filter(**{f"{told}__in": organizations}) if organizations else rows.exclude(**{told: None})
    grouped = rows.exclude(**{f"{told}__kind": EXTERNAL}).values(
        "due", owner_id=F(told), mailbox=F(f"{told}__email"), phone=F(f"{told}__phone"), kind=F(f"{told}__kind")
    )
    for row in grouped.annotate(count=Count(counts, distinct=True), first=Min(step.since), last=Max(step.since)):
        yield _row(step, rung, row)


def _day(moment: datetime | None) -> date:
    return timezone.localdate(moment) if moment else date.min


# What readiness asks


def last_run() -> datetime | None:
    """When the ladder was last walked."""
    return LadderRun.objects.order_by("-day").values_list("finished_at", flat=True).first()


def last_day_to_run(now: datetime | None = None) -> date:
    """The newest day whose run should be over by now."""
    moment = timezone.localtime(now)
    day = moment.date() if moment.time() >= EXECUTED_BY else moment.date() - DAY
    while not is_working_day(day):
        day -= DAY
    return day


def unexecuted_due_steps(now: datetime | None = None) -> int:
    """How many rows of work had a day on the ladder that no run has executed; 0 on a healthy installation."""
    day = last_day_to_run(now)
    last = LadderRun.objects.order_by("-day").values_list("day", flat=True).first()
    if last and last >= day:
        return 0
    return sum(1 for row in owed() if (due := row.last_day(day)) and (last is None or due > last))
