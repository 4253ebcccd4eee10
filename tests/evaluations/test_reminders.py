"""The reminder digest on a simulated clock: on which days, to whom, in which words, and never twice."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta

import pytest
from django.core import mail
from django.core.mail import EmailMessage
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from evaluations import letters, reminders, tasks
from evaluations.models import EvaluationRequest, Letter
from evaluations.models.assessments import submit_complete
from evaluations.models.letters import LetterQuerySet
from evaluations.steps import STEPS
from members.models import Member, Organization, User
from members.roles import Action, Role
from tests import factories
from tests.conftest import Cast
from tests.racing import race
from tests.season import GOOD, Season, by

DUE = date(2026, 11, 15)  # a Sunday
# 10, 5 and 1 working days before, then 1, 3 and 7 after; 24 November is a day off.
LADDER = ["2026-11-02", "2026-11-09", "2026-11-13", "2026-11-16", "2026-11-18", "2026-11-25"]
AGAIN = ["2026-12-02", "2026-12-09", "2026-12-16"]  # every five working days until it is done
Morning = Callable[[date | str], list[str]]


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> Callable[[date | str], date]:
    """Sets the clock to the morning of a day; it begins on the day of the launch."""
    now = [datetime(2026, 10, 5, 0, 30, tzinfo=UTC)]
    monkeypatch.setattr(timezone, "now", lambda: now[0])

    def set_to(day: date | str) -> date:
        day = date.fromisoformat(day) if isinstance(day, str) else day
        now[0] = datetime(day.year, day.month, day.day, 0, 30, tzinfo=UTC)  # half past seven in Vietnam
        return day

    return set_to


@pytest.fixture
def morning(clock: Callable[[date | str], date]) -> Morning:
    """The beat of one day: write, then deliver. The addresses that got a reminder."""

    def live(day: date | str) -> list[str]:
        clock(day)
        before = len(mail.outbox)
        tasks.remind()
        letters.deliver(list(reminder_rows().due().values_list("pk", flat=True)))
        return sorted(message.to[0] for message in mail.outbox[before:])

    return live


def reminder_rows() -> LetterQuerySet:
    return Letter.objects.filter(kind=Letter.Kind.REMINDER)


def days(first: str, last: str) -> list[date]:
    start, end = date.fromisoformat(first), date.fromisoformat(last)
    return [start + timedelta(days=number) for number in range((end - start).days + 1)]


def lines(row: Letter) -> list[tuple[str, int]]:
    return [(line["step"], line["count"]) for line in row.facts["lines"]]


def body(message: EmailMessage) -> list[str]:
    return [line for line in str(message.body).splitlines() if line]


# On which days


def test_the_secretary_is_reminded_on_the_days_of_the_ladder(cast: Cast, play: Season, morning: Morning) -> None:
    play.assigned()

    told = [day.isoformat() for day in days("2026-10-28", "2026-12-18") if "bithu7@example.org" in morning(day)]

    assert told == LADDER + AGAIN
    rows = reminder_rows().filter(user=cast.secretary).order_by("pk")
    assert [(str(row.reminds_on), row.facts["tone"], row.state) for row in rows] == [
        (day, "before" if day < str(DUE) else "after", "sent") for day in LADDER + AGAIN
    ]


def test_days_that_were_missed_become_one_message(cast: Cast, play: Season, morning: Morning) -> None:
    play.assigned()

    assert morning("2026-10-30") == []
    assert morning("2026-11-10") == ["bithu7@example.org"]  # of the 2nd and the 9th
    assert [morning(day) for day in days("2026-11-11", "2026-11-12")] == [[], []]
    assert morning("2026-11-13") == ["bithu7@example.org"]


@pytest.mark.parametrize("day", ["2026-11-14", "2026-11-15", "2026-11-24"])
def test_nobody_is_reminded_on_a_day_off(cast: Cast, play: Season, morning: Morning, day: str) -> None:
    play.assigned()
    assert morning(day) == []
    assert not reminder_rows().exists()


def test_a_reminder_that_did_not_leave_on_its_day_is_counted_afresh(
    cast: Cast, play: Season, morning: Morning, clock: Callable[[str], date]
) -> None:
    play.assigned()
    reminders.write(clock("2026-11-13"))  # written on Friday, the mail server is down
    clock("2026-11-14")
    letters.deliver(list(reminder_rows().due().values_list("pk", flat=True)))
    assert [row.state for row in reminder_rows()] == ["not_needed"]

    assert morning("2026-11-16") == ["bithu7@example.org"]
    assert [(row.state, row.facts["tone"]) for row in reminder_rows().order_by("pk")] == [
        ("not_needed", "before"),
        ("sent", "after"),
    ]


def test_work_that_came_after_a_day_of_the_ladder_waits_for_the_next(
    cast: Cast, play: Season, morning: Morning, clock: Callable[[str], date]
) -> None:
    clock("2026-11-10")
    play.assigned()
    assert [morning(day) for day in days("2026-11-10", "2026-11-12")] == [[], [], []]
    assert morning("2026-11-13") == ["bithu7@example.org"]


# Many runs at once


def test_three_runs_at_once_write_one_message_for_each(
    transactional_db: None, cast: Cast, play: Season, clock: Callable[[str], date]
) -> None:
    expected = {f"bithu{number}@example.org" for number in range(12)}
    matters = cells_that_owe(cast, play, 12)
    assert len(matters) == 12

    today = clock("2026-11-09")
    assert race(3, lambda number: reminders.write(today)) == [12, 12, 12]

    rows = reminder_rows().select_related("user")
    assert {row.user.email for row in rows if row.user} == expected
    assert rows.count() == 12
    letters.deliver([row.pk for row in rows])
    assert sorted(message.to[0] for message in mail.outbox) == sorted(expected)
    assert race(3, lambda number: reminders.write(today)) == [12, 12, 12]
    assert reminder_rows().count() == 12


def cells_that_owe(cast: Cast, play: Season, count: int) -> list[EvaluationRequest]:
    """So many cells, each with a secretary with a mailbox and one matter."""
    for _ in range(1, count):
        factories.member(workplace=cast.office_cell, commune=cast.ward)
    matters = play.assigned()
    for number, matter in enumerate(matters):
        cell = factories.residence_cell(cast.ward, f"Tổ dân phố {100 + number}")
        factories.official(f"bithu{number}", "Bí Thư", cell, Role.SECRETARY, email=f"bithu{number}@example.org")
        EvaluationRequest.objects.filter(pk=matter.pk).update(residence_cell=cell)
    return matters


# Asked again in the moment of sending


def test_what_was_done_meanwhile_is_not_reminded_of(
    cast: Cast, play: Season, clock: Callable[[str], date], morning: Morning
) -> None:
    matter = play.assigned()[0]
    reminders.write(clock("2026-11-09"))
    seat = by(cast.secretary, Action.SUBMIT, cast.cell)
    play.assessment().write(GOOD, "", by=seat)
    submit_complete(cast.cell, matter.year, play.review(), by=seat)

    assert letters.deliver(list(reminder_rows().due().values_list("pk", flat=True))) == 0
    row = reminder_rows().get()
    assert (row.state, row.sent_at, mail.outbox) == ("not_needed", None, [])
    # A later run of the same morning has nothing to say to him either; the ward owes the step now.
    assert morning("2026-11-09") == []
    assert morning("2026-11-13") == ["anhai@example.org"]


def test_a_longer_time_limit_takes_back_what_is_not_sent(
    cast: Cast, play: Season, clock: Callable[[str], date]
) -> None:
    play.assigned()
    reminders.write(clock("2026-11-13"))
    EvaluationRequest.objects.update(due_on=date(2026, 12, 20))

    letters.deliver(list(reminder_rows().due().values_list("pk", flat=True)))
    assert [row.state for row in reminder_rows()] == ["not_needed"]


def test_what_is_left_is_counted_afresh(cast: Cast, play: Season, clock: Callable[[str], date]) -> None:
    factories.member(workplace=cast.office_cell, commune=cast.ward)
    first, _ = play.assigned()
    reminders.write(clock("2026-11-13"))
    assert lines(reminder_rows().get()) == [("write", 2)]
    first.cancel("Đã chuyển công tác", by=by(cast.officer, Action.PREPARE, cast.ministry))

    letters.deliver(list(reminder_rows().due().values_list("pk", flat=True)))
    assert "- 1 đề nghị nhận xét chưa gửi đảng ủy, hạn 15/11/2026" in body(mail.outbox[-1])


# Who owes what


@pytest.mark.parametrize(
    ("reached", "step"),
    [("issued", "register"), ("registered", "assign"), ("submitted", "confirm"), ("confirmed", "reply")],
)
def test_the_ward_is_told_what_waits_there(cast: Cast, play: Season, morning: Morning, reached: str, step: str) -> None:
    getattr(play, reached)()
    assert morning("2026-11-13") == ["anhai@example.org"]
    row = reminder_rows().get()
    assert (row.recipient, row.user, lines(row)) == (cast.ward, None, [(step, 1)])


def test_the_workplace_is_reminded_of_answers_before_its_own_meetings(
    cast: Cast, play: Season, morning: Morning
) -> None:
    play.answered()
    told = [day.isoformat() for day in days("2026-11-10", "2026-12-15") if morning(day)]
    # Self-criticism begins on 1 December.
    assert told == ["2026-11-16", "2026-11-23", "2026-11-30", "2026-12-01", "2026-12-02", "2026-12-04", "2026-12-10"]
    assert {str(lines(row)) for row in reminder_rows()} == {"[('receive', 1)]"}
    assert {row.recipient for row in reminder_rows()} == {cast.ministry}


# To whom


def test_one_person_with_several_seats_gets_one_message(cast: Cast, play: Season, morning: Morning) -> None:
    for role in (Role.CLERK, Role.SIGNER):
        factories.seat(cast.ward_officer, cast.ward, role)
    User.objects.filter(username__in=["ward_clerk", "ward_signer"]).update(is_active=False)
    User.objects.filter(pk=cast.ward_officer.pk).update(email="can-bo@example.org")
    factories.member(workplace=cast.office_cell, commune=cast.ward)
    play.registered()
    assert morning("2026-11-13") == ["can-bo@example.org"]
    row = reminder_rows().get()
    assert row.key == f"reminder:seat:{cast.ward_officer.seats.order_by('pk')[0].pk}:2026-11-13"


def test_who_has_no_mailbox_is_told_by_the_one_of_the_office(cast: Cast, play: Season, morning: Morning) -> None:
    play.registered()
    User.objects.filter(username="ward_officer").update(email="can-bo@example.org")
    factories.official("second", "Bùi Thị Hai", cast.ward, Role.OFFICER)
    assert morning("2026-11-13") == ["anhai@example.org", "can-bo@example.org"]


def test_without_any_mailbox_the_ward_rings_up(cast: Cast, play: Season, morning: Morning) -> None:
    User.objects.filter(pk=cast.secretary.pk).update(email="")
    play.assigned()
    assert morning("2026-11-13") == []
    row = reminder_rows().get()
    assert (row.channel, row.state, row.recipient, row.caller, lines(row)) == (
        "call",
        "rendered",
        cast.cell,
        cast.ward,
        [("write", 1)],
    )
    # Nobody has rung: the call is written anew, with what is left, on the next working day.
    assert morning("2026-11-16") == []
    assert [(row.state, str(row.reminds_on)) for row in reminder_rows().order_by("pk")] == [
        ("not_needed", "2026-11-13"),
        ("rendered", "2026-11-16"),
    ]


def test_a_call_made_counts_like_a_message_sent(cast: Cast, play: Season, morning: Morning) -> None:
    User.objects.filter(pk=cast.secretary.pk).update(email="")
    play.assigned()
    morning("2026-11-13")
    reminder_rows().get().mark_called(by=by(cast.ward_officer, Action.ASSIGN, cast.ward))
    assert reminder_rows().get().called_by == cast.ward_officer.seats.get()
    morning("2026-11-17")
    assert [str(row.reminds_on) for row in reminder_rows().order_by("pk")] == ["2026-11-13", "2026-11-17"]
    morning("2026-11-18")
    assert reminder_rows().exclude(state="not_needed").count() == 2


def test_a_commune_on_paper_is_rung_up_by_the_workplace(cast: Cast, play: Season, morning: Morning) -> None:
    Organization.objects.filter(pk=cast.far_ward.pk).update(email="hoavang@example.org")
    factories.member(workplace=cast.office_cell, commune=cast.far_ward)
    play.issued()
    told = morning("2026-11-13")
    assert told == ["anhai@example.org", "so.thunghiem@example.org"]
    call = reminder_rows().get(channel="call")
    assert (call.recipient, call.caller, lines(call)) == (cast.far_ward, cast.ministry, [("paper", 1)])


def test_who_asked_on_paper_has_no_call_list(cast: Cast, play: Season, morning: Morning) -> None:
    Organization.objects.filter(pk=cast.ward.pk).update(email="")
    play.registered()
    EvaluationRequest.objects.update(asker_now=cast.far_ward)
    assert morning("2026-11-13") == []
    assert not reminder_rows().exists()


def test_a_mailbox_that_refused_is_not_written_to_again(cast: Cast, play: Season, morning: Morning) -> None:
    play.assigned()
    morning("2026-11-09")
    Letter.objects.filter(pk=reminder_rows().get().pk).update(state="bounced")
    assert morning("2026-11-10") == []
    call = reminder_rows().get(channel="call")
    assert (call.recipient, call.caller) == (cast.cell, cast.ward)


# What it says


@pytest.mark.parametrize(
    ("day", "subject", "opening"),
    [
        (
            "2026-11-13",
            "Xin nhắc: còn 1 việc, hạn 16/11/2026",
            "Xin nhắc đồng chí việc giữ mối liên hệ nơi cư trú, hạn 16/11/2026. Việc còn chờ đồng chí:",
        ),
        (
            "2026-11-16",
            "Hôm nay đến hạn, còn 1 việc chờ đồng chí",
            "Hôm nay là hạn của việc giữ mối liên hệ nơi cư trú. Việc còn chờ đồng chí:",
        ),
        (
            "2026-11-17",
            "Đã quá hạn, còn 1 việc chờ đồng chí",
            "Việc giữ mối liên hệ nơi cư trú đã quá hạn ngày 16/11/2026. Nơi đề nghị còn đang chờ. Xin đồng chí "
            "sắp xếp làm ngay; nếu có vướng mắc xin gọi điện trao đổi để cùng tháo gỡ:",
        ),
    ],
)
def test_three_tones(cast: Cast, play: Season, morning: Morning, day: str, subject: str, opening: str) -> None:
    play.assigned()
    EvaluationRequest.objects.update(due_on=date(2026, 11, 16))
    morning(day)
    (message,) = mail.outbox
    assert message.subject == subject
    assert body(message) == [
        "Kính gửi Chi bộ Tổ dân phố 7,",
        opening,
        "- 1 đề nghị nhận xét chưa gửi đảng ủy, hạn 16/11/2026",
        "Xin mở hệ thống để xem và làm: http://127.0.0.1:8000/",
        "Thư này chỉ báo có việc, không chứa tên và nội dung. Việc đã làm xong thì không có thư nhắc nữa. "
        "Xin không trả lời thư này.",
    ]


def test_no_reminder_names_anybody(cast: Cast, play: Season, morning: Morning) -> None:
    User.objects.exclude(username="nobody").update(email="ai@example.org")
    play.assigned()
    factories.member("Lê Văn Xa", workplace=cast.office_cell, commune=cast.far_ward)
    play.issued()
    for day in ("2026-11-09", "2026-11-16"):
        morning(day)
    said = "\n".join(f"{message.subject}\n{message.body}" for message in mail.outbox)
    said += str(list(reminder_rows().values_list("facts", flat=True)))
    names = [person.full_name for person in [*User.objects.all(), *Member.objects.all()]]
    assert len(mail.outbox) == 4
    assert [name for name in names if name in said] == []


# Cost


def test_queries_do_not_grow_with_cells(cast: Cast, play: Season, clock: Callable[[str], date]) -> None:
    matters = cells_that_owe(cast, play, 3)
    today = clock("2026-11-09")
    EvaluationRequest.objects.filter(pk__in=[matter.pk for matter in matters[1:]]).update(
        state="cancelled", end_code="x"
    )
    with CaptureQueriesContext(connection) as one:
        assert len(list(reminders.digests(today))) == 1
    EvaluationRequest.objects.filter(pk__in=[matter.pk for matter in matters[1:]]).update(state="at_cell", end_code="")
    with CaptureQueriesContext(connection) as three:
        assert len(list(reminders.digests(today))) == 3
    escalations = sum(bool(step.above) + bool(step.asker) for step in STEPS)
    assert len(one) == len(three) == len(STEPS) + escalations + 4
