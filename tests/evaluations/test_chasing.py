"""The ladder above the first seat: who stands in, the office above, who waits; never forgotten; on the timeline."""

import re
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from html import unescape

import pytest
from django.core import mail
from django.test import Client
from django.utils import timezone

from evaluations import letters, reminders, steps, tasks
from evaluations.ladder import Rung, last_day
from evaluations.models import AssessmentVersion, EvaluationRequest, Extension, InnerDeadline, Letter
from evaluations.models.assessments import submit_complete
from evaluations.models.deadlines import extend, extend_inner
from evaluations.models.requests import assign_to_cells
from members.models import AuditEvent, Seat, User
from members.roles import Action, Role
from members.states import Refused
from tests import factories
from tests.conftest import Cast
from tests.introducing import Introducing
from tests.season import GOOD, Season, by

SignIn = Callable[[User], Client]
Morning = Callable[[str], dict[str, list[str]]]
LATE = "chi bộ chậm gửi nhận xét, xin đôn đốc"


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], date]:
    """Sets the clock to the morning of a day; it begins on the day of the launch."""
    now = [datetime(2026, 10, 5, 0, 30, tzinfo=UTC)]
    monkeypatch.setattr(timezone, "now", lambda: now[0])

    def set_to(day: str) -> date:
        now[0] = datetime.fromisoformat(f"{day}T00:30:00+00:00")  # half past seven in Vietnam
        return date.fromisoformat(day)

    return set_to


@pytest.fixture
def morning(clock: Callable[[str], date]) -> Morning:
    """The beat of one day: {address: the steps its reminder speaks of}."""

    def live(day: str) -> dict[str, list[str]]:
        clock(day)
        tasks.remind()
        letters.deliver(list(Letter.objects.filter(kind="reminder").due().values_list("pk", flat=True)))
        rows = Letter.objects.filter(kind="reminder", state="sent", reminds_on=day).select_related("user", "recipient")
        return {
            (row.user.email if row.user else row.recipient.email if row.recipient else "") or "": [
                line["step"] for line in row.facts["lines"]
            ]
            for row in rows
        }

    return live


@pytest.fixture
def deputy(cast: Cast) -> User:
    person = factories.user("deputy", "Mai Thị Phó", email="pho7@example.org")
    factories.seat(person, cast.cell, Role.SECRETARY, as_deputy=True)
    return person


def days(first: str, last: str) -> Iterator[str]:
    start, end = date.fromisoformat(first), date.fromisoformat(last)
    return ((start + timedelta(days=number)).isoformat() for number in range((end - start).days + 1))


# The rungs. The cell's inner deadline is moved to Monday, 16 November; 24 November is a day off.


@pytest.fixture
def at_cell(cast: Cast, play: Season, deputy: User) -> EvaluationRequest:
    User.objects.filter(pk=cast.overseer.pk).update(email="tinh@example.org")
    User.objects.filter(pk=cast.officer.pk).update(email="soan@example.org")
    (matter,) = play.assigned()
    EvaluationRequest.objects.update(due_on=date(2026, 11, 16))
    InnerDeadline.objects.all().delete()
    return matter


def test_the_ladder_from_the_secretary_to_the_asker(at_cell: EvaluationRequest, morning: Morning) -> None:
    told: dict[str, dict[str, list[str]]] = {
        day: to for day in days("2026-11-16", "2026-12-04") if (to := morning(day))
    }
    secretary, pho, ward, asker = "bithu7@example.org", "pho7@example.org", "anhai@example.org", "soan@example.org"
    assert told == {
        "2026-11-16": {secretary: ["write"]},
        "2026-11-17": {secretary: ["write"]},
        "2026-11-19": {secretary: ["write"], pho: ["write:deputy"]},
        "2026-11-23": {ward: ["write:above"]},
        "2026-11-26": {secretary: ["write"]},
        "2026-11-27": {pho: ["write:deputy"], asker: ["write:asker"]},
        "2026-12-01": {ward: ["write:above"]},
        "2026-12-03": {secretary: ["write"]},
        "2026-12-04": {pho: ["write:deputy"], asker: ["write:asker"]},
    }


def test_what_the_office_above_and_the_asker_read(at_cell: EvaluationRequest, morning: Morning) -> None:
    for day in ("2026-11-23", "2026-11-27"):
        morning(day)
    said = {message.to[0]: str(message.body) for message in mail.outbox}
    assert f"- 1 {LATE}, hạn 16/11/2026" in said["anhai@example.org"]
    assert "- 1 đồng chí chưa có kết quả, nơi cư trú đã chậm nhiều ngày; xin gọi điện" in said["soan@example.org"]


@pytest.mark.parametrize(
    ("reached", "code"),
    [("issued", "register"), ("registered", "assign"), ("submitted", "confirm"), ("confirmed", "reply")],
)
def test_the_commune_is_chased_by_the_same_ladder(
    cast: Cast, play: Season, morning: Morning, reached: str, code: str
) -> None:
    User.objects.filter(pk=cast.overseer.pk).update(email="tinh@example.org")
    User.objects.filter(pk=cast.administrator.pk).update(email="may@example.org")
    getattr(play, reached)()
    EvaluationRequest.objects.update(due_on=date(2026, 11, 16))
    told = {day: to for day in days("2026-11-16", "2026-11-27") if (to := morning(day))}
    above = {"tinh@example.org": [f"{code}:above"]}
    assert told["2026-11-23"] == above  # figures only, and not to whoever keeps the machine running
    assert told["2026-11-27"] == {"so.thunghiem@example.org": [f"{code}:asker"]}
    assert told["2026-11-16"] == {"anhai@example.org": [code]}


def test_the_workplace_is_chased_for_reading_and_for_using(cast: Cast, play: Season, morning: Morning) -> None:
    User.objects.filter(pk=cast.overseer.pk).update(email="tinh@example.org")
    matter = play.answered()
    assert morning("2026-12-01") == {"so.thunghiem@example.org": ["receive"]}
    assert morning("2026-12-08") == {"so.thunghiem@example.org": ["receive"], "tinh@example.org": ["receive:above"]}
    EvaluationRequest.objects.get(pk=matter.pk).receive(by=by(cast.officer, Action.RECEIVE, cast.ministry))
    # Two weeks after the self-criticism has begun.
    assert morning("2026-12-15") == {"so.thunghiem@example.org": ["consider"]}
    assert morning("2026-12-23")["tinh@example.org"] == ["consider:above"]
    seat = by(cast.officer, Action.RECEIVE, cast.ministry)
    EvaluationRequest.objects.get(pk=matter.pk).consider(date(2026, 11, 20), "used", by=seat)
    assert morning("2026-12-30") == {}


def test_introductions_climb_the_same_ladder(cast: Cast, morning: Morning) -> None:
    Introducing(cast).assigned()  # due on 16 November
    told = {day: to for day in days("2026-11-16", "2026-11-27") if (to := morning(day))}
    assert told["2026-11-17"] == {"bithu7@example.org": ["introduction_accept"]}
    assert told["2026-11-23"] == {"anhai@example.org": ["introduction_accept:above"]}
    assert told["2026-11-27"] == {"so.thunghiem@example.org": ["introduction_accept:asker"]}


def test_without_a_secretary_the_deputy_is_told_from_the_beginning(
    cast: Cast, at_cell: EvaluationRequest, morning: Morning
) -> None:
    Seat.objects.filter(user=cast.secretary).update(until_on=date(2026, 11, 1))
    assert morning("2026-11-16") == {"pho7@example.org": ["write:deputy"]}


def test_one_person_with_two_seats_gets_one_message(cast: Cast, at_cell: EvaluationRequest, morning: Morning) -> None:
    """The ward's officer leads the cell too: what he owes and what he looks after stand in one message an office."""
    factories.seat(cast.secretary, cast.ward, Role.OFFICER)
    morning("2026-11-23")
    morning("2026-11-26")
    keys = list(Letter.objects.filter(kind="reminder", user=cast.secretary).values_list("recipient", "reminds_on"))
    assert len(keys) == len(set(keys))


def test_done_work_climbs_no_further(
    cast: Cast, play: Season, at_cell: EvaluationRequest, morning: Morning, clock: Callable[[str], date]
) -> None:
    morning("2026-11-19")
    reminders.write(clock("2026-11-23"))
    seat = by(cast.secretary, Action.SUBMIT, cast.cell)
    play.assessment().write(GOOD, "", by=seat)
    submit_complete(cast.cell, at_cell.year, play.review(), by=seat)
    assert morning("2026-11-23") == {}
    assert [row.state for row in Letter.objects.filter(reminds_on="2026-11-23")] == ["not_needed"]


# Never forgotten


def test_work_that_arrives_late_has_a_ladder_of_its_own(
    cast: Cast, play: Season, morning: Morning, clock: Callable[[str], date]
) -> None:
    """Assigned a month after the due date: nobody is escalated on the first morning, and nobody is forgotten."""
    play.registered()
    EvaluationRequest.objects.update(due_on=date(2026, 10, 9))
    clock("2026-11-11")
    assign(cast)
    InnerDeadline.objects.all().delete()
    told = {day: to for day in days("2026-11-11", "2026-11-18") if (to := morning(day))}
    told = {day: {who: what for who, what in to.items() if who != "anhai@example.org"} for day, to in told.items()}
    assert {day for day, to in told.items() if "bithu7@example.org" in to} == {"2026-11-12", "2026-11-16"}
    assert not any(code.endswith((":above", ":asker")) for to in told.values() for what in to.values() for code in what)


def assign(cast: Cast) -> None:
    waiting = EvaluationRequest.objects.filter(state="at_commune").select_related("placement")
    assign_to_cells(dict.fromkeys(waiting, cast.cell), by=by(cast.ward_officer, Action.ASSIGN, cast.ward))


def test_late_work_beside_old_work_is_spoken_of_within_a_week() -> None:
    due, arrived = date(2026, 3, 2), date(2026, 11, 3)
    assert last_day(Rung.OWNER, due, arrived, date(2026, 11, 3)) is None
    assert last_day(Rung.OWNER, due, arrived, date(2026, 11, 4)) == date(2026, 11, 4)
    assert last_day(Rung.ABOVE, due, arrived, date(2026, 11, 9)) is None
    assert last_day(Rung.ABOVE, due, arrived, date(2026, 11, 10)) == date(2026, 11, 10)


# More time


def test_an_extension_moves_the_ladder(cast: Cast, at_cell: EvaluationRequest, morning: Morning) -> None:
    extend(at_cell, date(2026, 12, 4), "Đồng chí đi công tác", by=by(cast.officer, Action.PREPARE, cast.ministry))
    matter = EvaluationRequest.objects.get()
    assert (matter.due_on, matter.inner_due_on) == (date(2026, 12, 4), date(2026, 11, 27))
    told = {day for day in days("2026-11-16", "2026-12-02") if morning(day)}
    assert told == {"2026-11-16", "2026-11-19", "2026-11-26", "2026-11-27", "2026-11-30", "2026-12-02"}
    assert AuditEvent.objects.get(verb="EvaluationRequest.extend").object_id == matter.pk


def test_the_commune_gives_its_cell_more_time_within_the_askers(cast: Cast, at_cell: EvaluationRequest) -> None:
    InnerDeadline.objects.create(commune=cast.ward, year=2026, due_on=date(2026, 11, 6))
    seat = by(cast.ward_officer, Action.ASSIGN, cast.ward)
    with pytest.raises(Refused, match="16/11/2026"):
        extend_inner(at_cell, date(2026, 11, 17), "Vắng", by=seat)
    with pytest.raises(Refused, match="06/11/2026"):
        extend_inner(at_cell, date(2026, 11, 6), "Vắng", by=seat)
    extend_inner(at_cell, date(2026, 11, 12), "Bí thư đi vắng", by=seat)
    (owed,) = [row for row in steps.owed([cast.cell.pk]) if row.step.code == "write"]
    assert owed.due_on == date(2026, 11, 12)
    row = Extension.objects.get()
    assert (row.side, row.before, row.until, row.made_by) == ("commune", date(2026, 11, 6), date(2026, 11, 12), seat)


def test_no_time_for_what_is_over(cast: Cast, play: Season) -> None:
    matter = play.answered()
    with pytest.raises(Refused):
        extend(matter, date(2027, 1, 1), "x", by=by(cast.officer, Action.PREPARE, cast.ministry))
    with pytest.raises(Refused):
        extend_inner(matter, date(2026, 11, 12), "x", by=by(cast.ward_officer, Action.ASSIGN, cast.ward))


def words(client: Client, url: str) -> str:
    page = unescape(client.get(url).content.decode())
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page.split("<main")[1])).strip()


def test_both_sides_give_time_on_their_pages(cast: Cast, at_cell: EvaluationRequest, sign_in: SignIn) -> None:
    url = f"/de-nghi/{at_cell.pk}/"
    client = sign_in(cast.officer)
    assert "Gia hạn cho đề nghị này" in words(client, url)
    answer = client.post(f"{url}gia-han/", {"until": "2026-12-04", "reason": ""})
    assert "Ghi lý do gia hạn." in unescape(answer.content.decode())
    answer = client.post(f"{url}gia-han/", {"until": "04/12/2026", "reason": "Đi công tác xa"}, follow=True)
    said = unescape(answer.content.decode())
    assert "Đã gia hạn đến ngày 04/12/2026." in said
    assert "Hạn mới không còn trước ngày bắt đầu kiểm điểm (01/12/2026)." in said
    assert "Gia hạn" in words(client, url)
    assert "đến ngày 04/12/2026: Đi công tác xa" in words(client, url)

    ward = sign_in(cast.ward_officer)
    people = ward.get(f"/tien-do/{cast.ward.pk}/?buoc=write").content.decode()
    inner = f"/han-noi-bo/de-nghi/{at_cell.pk}/"
    assert inner in people
    assert "27/11/2026" in words(ward, inner)
    ward.post(inner, {"until": "2026-12-01", "reason": "Bí thư mới nhận việc"})
    assert EvaluationRequest.objects.get().inner_due_on == date(2026, 12, 1)
    assert "01/12/2026" in words(ward, f"/tien-do/{cast.ward.pk}/?buoc=write")
    late = ward.post(
        inner, {"until": "2027-01-01", "reason": "x"}, HTTP_REFERER=f"http://testserver{inner}", follow=True
    )
    assert "không được sau hạn trả lời nơi công tác" in unescape(late.content.decode())


def test_the_ward_is_late_by_its_inner_deadline(
    cast: Cast, at_cell: EvaluationRequest, sign_in: SignIn, clock: Callable[[str], date]
) -> None:
    InnerDeadline.objects.create(commune=cast.ward, year=2026, due_on=date(2026, 11, 6))
    clock("2026-11-10")
    assert "4 ngày" in words(sign_in(cast.ward_officer), f"/tien-do/{cast.ward.pk}/")
    assert "chưa đến hạn" in words(sign_in(cast.officer), f"/dot/{at_cell.campaign_id}/tien-do/")


# The timeline


def test_every_rung_stands_on_the_timeline(
    cast: Cast, play: Season, at_cell: EvaluationRequest, morning: Morning, sign_in: SignIn
) -> None:
    other = factories.member(workplace=cast.office_cell, commune=cast.ward, cell=cast.other_cell)
    for day in ("2026-11-16", "2026-11-19", "2026-11-23", "2026-11-27"):
        morning(day)
    shown = words(sign_in(cast.officer), f"/de-nghi/{at_cell.pk}/")
    cell, ward = "Chi bộ Tổ dân phố 7, thư điện tử", "Đảng ủy phường An Hải, thư điện tử"
    for line in (
        f"Nhắc việc 07:30 16/11/2026, {cell}",
        f"Nhắc thêm cấp phó 07:30 19/11/2026, {cell}",
        f"Báo cấp trên về việc chậm 07:30 23/11/2026, {ward}",
        "Báo nơi công tác về việc chậm 07:30 27/11/2026, Đảng ủy Sở Thử Nghiệm, thư điện tử",
    ):
        assert line in shown
    assert shown.index("Phân về chi bộ") < shown.index("Nhắc việc") < shown.index("Trả lời chưa")
    assert other.full_name not in shown
    # More time afterwards takes nothing back that was said.
    extend(at_cell, date(2026, 12, 20), "Đi công tác", by=by(cast.officer, Action.PREPARE, cast.ministry))
    assert "Báo cấp trên về việc chậm 07:30 23/11/2026" in words(sign_in(cast.officer), f"/de-nghi/{at_cell.pk}/")
    assert AssessmentVersion.objects.count() == 0


# Readiness


def test_a_day_of_the_ladder_that_no_run_executed_is_seen(
    at_cell: EvaluationRequest, clock: Callable[[str], date]
) -> None:
    assert (steps.last_run(), steps.unexecuted_due_steps(at("2026-10-30", 12))) == (None, 0)
    assert steps.unexecuted_due_steps(at("2026-11-02", 8)) == 0  # the first run may still come
    assert steps.unexecuted_due_steps(at("2026-11-02", 9)) == 1
    reminders.write(clock("2026-11-02"))
    assert steps.last_run() is not None
    assert steps.unexecuted_due_steps(at("2026-11-02", 23)) == 0
    assert steps.unexecuted_due_steps(at("2026-11-06", 12)) == 0  # four days without a run, and nothing was due
    assert steps.unexecuted_due_steps(at("2026-11-09", 12)) == 1
    assert steps.unexecuted_due_steps(at("2026-11-14", 12)) == 1  # on a day off too
    reminders.write(clock("2026-11-14"))
    assert steps.unexecuted_due_steps(at("2026-11-15", 12)) == 0
    assert not Letter.objects.filter(reminds_on="2026-11-14").exists()


def at(day: str, hour: int) -> datetime:
    return datetime.fromisoformat(f"{day}T{hour:02}:00:00+07:00")
