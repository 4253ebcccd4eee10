"""What came back, or went to nobody, goes another way; and members go from one committee to another."""

from collections.abc import Callable
from datetime import date

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from evaluations.attention import came_back, questions, stuck, troubles, waiting_count, without_a_cell
from evaluations.models import Campaign, EvaluationRequest, Letter, Transfer
from evaluations.models.campaigns import NumberChoice
from evaluations.models.eligibility import Reason, left_out
from evaluations.models.move_plans import Kind, Move, plan_of
from evaluations.models.moves import PlanChanged, carry_out
from evaluations.models.replies import issue_reply
from evaluations.models.requests import decline
from evaluations.models.rerouting import redirect, send_again, set_aside, to_another_cell
from members.models import Membership, Organization, Placement, User
from members.roles import Action
from members.states import Refused, WrongState
from tests import factories
from tests.conftest import Cast
from tests.racing import race
from tests.season import GOOD, Season, by

SEPTEMBER, NOVEMBER = date(2026, 9, 1), date(2026, 11, 20)


def keeper(cast: Cast) -> object:
    return by(cast.officer, Action.KEEP_ROSTER, cast.ministry)


def sent_back(cast: Cast, play: Season) -> EvaluationRequest:
    play.registered()
    decline(EvaluationRequest.objects.all(), "moved", "", by=by(cast.ward_officer, Action.ASSIGN, cast.ward))
    return EvaluationRequest.objects.get()


# Cần xử lý


def test_what_came_back_waits_until_somebody_decides(cast: Cast, play: Season) -> None:
    matter = sent_back(cast, play)
    (row,) = troubles(cast.ministry)
    assert (row.matter, row.workplace) == (matter, "Chi bộ Văn phòng")
    assert row.reason == "Đảng ủy phường An Hải chuyển lại: đã chuyển nơi cư trú."
    assert (row.may_resend, row.asks_place) == (True, True)
    seat = by(cast.officer, Action.PREPARE, cast.ministry)
    fresh = send_again(matter, by=seat)
    assert (fresh.replaces, fresh.residence_commune, fresh.state) == (matter, cast.ward, "prepared")
    assert troubles(cast.ministry) == []
    with pytest.raises(Refused, match="đã được thay"):
        send_again(matter, by=seat)
    fresh.refresh_from_db()
    assert fresh.letter.recipient == cast.ward
    assert Campaign.objects.get().issue(NumberChoice(), by=by(cast.signer, Action.SIGN, cast.ministry)) == 1


def test_what_came_back_may_be_left_with_a_reason(cast: Cast, play: Season) -> None:
    matter = sent_back(cast, play)
    seat = by(cast.officer, Action.PREPARE, cast.ministry)
    with pytest.raises(Refused, match="Ghi lý do"):
        set_aside(matter, " ", by=seat)
    set_aside(matter, "Sắp nghỉ hưu, không cần hỏi lại", by=seat)
    assert troubles(cast.ministry) == []
    with pytest.raises(Refused, match="vừa được xử lý"):
        set_aside(matter, "Lần nữa", by=seat)


def test_a_place_nobody_knows_stands_in_the_list_until_it_is_written_down(cast: Cast, play: Season) -> None:
    play.registered()
    carry_out(Move(cast.asked, Kind.RESIDENCE, SEPTEMBER), by=keeper(cast))  # type: ignore[arg-type]
    (row,) = troubles(cast.ministry)
    assert (row.reason, row.may_resend, row.asks_place) == (
        "Đã rời nơi cư trú cũ; chưa biết nơi mới.",
        False,
        True,
    )
    change = Move(cast.asked, Kind.RESIDENCE, NOVEMBER, commune=cast.other_ward)
    carry_out(change, by=keeper(cast))  # type: ignore[arg-type]
    assert troubles(cast.ministry) == []


@pytest.mark.parametrize("state", ["failed", "bounced"])
def test_a_letter_that_did_not_arrive_is_named_with_its_reason(
    cast: Cast, play: Season, sign_in: Callable[[User], Client], state: str
) -> None:
    play.issued()
    play.rendered()
    letter = Letter.objects.get(kind="request")
    Letter.objects.filter(pk=letter.pk).update(state=state, last_error="550 hộp thư không tồn tại")
    assert ([row.pk for row in came_back(cast.ministry)], waiting_count(cast.ministry)) == ([letter.pk], 1)
    client = sign_in(cast.officer)
    page = client.get(reverse("evaluations:attention", args=[cast.ministry.pk])).content.decode()
    assert "550 hộp thư không tồn tại" in page
    assert reverse("evaluations:send_again", args=[letter.pk]) in page
    client.post(reverse("evaluations:send_again", args=[letter.pk]))
    assert waiting_count(cast.ministry) == 0


def test_a_letter_that_did_not_arrive_is_forgotten_once_the_ward_has_it(cast: Cast, play: Season) -> None:
    play.registered()
    Letter.objects.filter(kind="request").update(state="bounced")
    assert waiting_count(cast.ministry) == 0


def test_what_is_sent_elsewhere_on_paper_takes_its_form_along(cast: Cast, play: Season) -> None:
    matter = play.far()
    assert matter.assessment
    Placement.objects.filter(pk=matter.placement_id).update(until_on=SEPTEMBER)
    place = factories.placement(matter.member, cast.far_ward)
    redirect(matter, place, by=by(cast.officer, Action.PREPARE, cast.ministry))
    matter = EvaluationRequest.objects.get(pk=matter.pk)
    assert matter.assessment
    assert (matter.placement, matter.assessment.placement) == (place, place)


def test_a_cell_without_a_secretary_or_closed_is_seen_by_both_sides(cast: Cast, play: Season) -> None:
    play.written(GOOD, "Đã soạn một phần.")
    assert stuck(cast.ministry).count() == 0
    cast.secretary.seats.update(until_on=date(2026, 10, 1))
    assert [row.reason for row in troubles(cast.ministry)] == [
        "Chi bộ Tổ dân phố 7 hiện không có bí thư trên hệ thống."
    ]
    Organization.objects.filter(pk=cast.cell.pk).update(closed_on=date(2026, 10, 1))
    (row,) = troubles(cast.ministry)
    assert "đã kết thúc hoạt động" in row.reason
    matter = without_a_cell(cast.ward).get()
    seat = by(cast.ward_officer, Action.ASSIGN, cast.ward)
    assert to_another_cell(matter, cast.other_cell, by=seat) == 1
    matter.refresh_from_db()
    assert (matter.residence_cell, matter.placement.cell) == (cast.other_cell, cast.other_cell)
    # What was drafted has gone along.
    assert matter.assessment.latest().remarks == "Đã soạn một phần."
    assert (troubles(cast.ministry), list(without_a_cell(cast.ward))) == ([], [])


def test_a_cell_that_always_worked_on_paper_is_no_trouble(cast: Cast, play: Season) -> None:
    cell = factories.residence_cell(cast.ward, "Tổ dân phố 99")
    play.assigned(cell)
    assert troubles(cast.ministry) == []


def test_the_list_costs_the_same_for_three(cast: Cast, play: Season, django_assert_max_num_queries: object) -> None:
    for _ in range(2):
        factories.member(workplace=cast.office_cell, commune=cast.ward)
    sent_all = play.registered()
    decline(sent_all.requests.all(), "moved", "", by=by(cast.ward_officer, Action.ASSIGN, cast.ward))
    with django_assert_max_num_queries(2):  # type: ignore[operator]
        assert len(troubles(cast.ministry)) == 3


# From one committee to another


def asked_over(cast: Cast) -> Transfer:
    seat = keeper(cast)
    return Transfer.objects.ask(cast.asked, cast.other_ministry, SEPTEMBER, by=seat)  # type: ignore[arg-type]


def accepted(cast: Cast, transfer: Transfer) -> Organization:
    cell = factories.workplace_cell(cast.other_ministry, "Phòng Kế hoạch")
    transfer.accept(cell, by=by(cast.neighbour, Action.KEEP_ROSTER, cast.other_ministry), position="Phó phòng")
    return cell


def test_nothing_moves_before_the_other_end_agrees(cast: Cast, play: Season) -> None:
    play.registered()
    transfer = asked_over(cast)
    assert Membership.objects.get(member=cast.asked, until_on=None).cell == cast.office_cell
    assert EvaluationRequest.objects.get().asker_now == cast.ministry
    assert (questions(cast.ministry), questions(cast.other_ministry)) == ([transfer], [transfer])
    assert (waiting_count(cast.ministry), waiting_count(cast.other_ministry)) == (0, 1)


@pytest.mark.parametrize("step", ["issued", "registered", "written", "confirmed", "answered"])
def test_the_answer_follows_the_member(cast: Cast, play: Season, step: str) -> None:
    getattr(play, step)()
    cell = accepted(cast, asked_over(cast))
    old, new = Membership.objects.filter(member=cast.asked).order_by("pk")
    assert (old.until_on, old.end_reason, new.cell, new.position) == (date(2026, 8, 31), "moved", cell, "Phó phòng")
    matter = EvaluationRequest.objects.get()
    assert (matter.asked_by, matter.asker_now) == (cast.ministry, cast.other_ministry)
    # The new committee does not ask a second time, and the old one no longer reads.
    campaign = Campaign.objects.create(
        committee=cast.other_ministry,
        year=Season.YEAR,
        self_criticism_on=date(2026, 12, 1),
        due_on=date(2026, 11, 15),
        prepared_by=by(cast.neighbour, Action.PREPARE, cast.other_ministry),
    )
    assert [(row.pk, row.reason) for row in left_out(campaign)] == [(cast.asked.pk, Reason.PASSED_ON)]
    assert not EvaluationRequest.objects.for_asker(cast.officer, Action.RECEIVE).exists()


def test_what_travelled_is_answered_read_and_used_by_the_new_committee(cast: Cast, play: Season) -> None:
    play.confirmed()
    accepted(cast, asked_over(cast))
    issue_reply(play.letter(), NumberChoice(), by=by(cast.ward_signer, Action.REPLY, cast.ward))
    matter = EvaluationRequest.objects.get()
    seat = by(cast.neighbour, Action.RECEIVE, cast.other_ministry)
    matter.receive(by=seat)
    matter.consider(NOVEMBER, "used", by=seat)
    assert (matter.state, matter.considered_by.organization) == ("considered", cast.other_ministry)


def test_what_was_not_sent_is_left_to_the_new_committee(cast: Cast, play: Season) -> None:
    campaign = play.presented()
    accepted(cast, asked_over(cast))
    assert EvaluationRequest.objects.get().end_code == "taken_back"
    campaign.refresh_from_db()
    assert campaign.presented_at is None


def test_home_and_committee_change_in_either_order(cast: Cast, play: Season) -> None:
    play.written()
    carry_out(Move(cast.asked, Kind.RESIDENCE, SEPTEMBER, commune=cast.other_ward), by=keeper(cast))  # type: ignore[arg-type]
    accepted(cast, asked_over(cast))
    rows = EvaluationRequest.objects.order_by("pk").values_list("state", "end_code", "asker_now__name")
    # Of what was not sent yet nothing travels: the old committee's letter cannot ask for the new one.
    assert list(rows) == [
        ("at_cell", "", "Đảng ủy Sở Láng Giềng"),
        ("cancelled", "taken_back", "Đảng ủy Sở Thử Nghiệm"),
    ]
    assert Placement.objects.current().get(member=cast.asked).commune == cast.other_ward


def test_after_the_committee_the_home_changes(cast: Cast, play: Season) -> None:
    play.written()
    accepted(cast, asked_over(cast))
    change = Move(cast.asked, Kind.RESIDENCE, date(2026, 10, 1), commune=cast.other_ward)
    plan = carry_out(change, by=by(cast.neighbour, Action.KEEP_ROSTER, cast.other_ministry))
    assert [str(row.effect) for row in plan.consequences] == ["stands"]


def test_the_other_end_may_say_no_and_the_asker_may_think_again(cast: Cast) -> None:
    transfer, theirs = asked_over(cast), by(cast.neighbour, Action.KEEP_ROSTER, cast.other_ministry)
    with pytest.raises(Refused, match="vì sao"):
        transfer.refuse("", by=theirs)
    transfer.refuse("Chưa có quyết định điều động", by=theirs)
    with pytest.raises(WrongState):
        transfer.withdraw(by=keeper(cast))  # type: ignore[arg-type]
    again = asked_over(cast)
    with pytest.raises(Refused, match="Rút đề nghị đó trước"):
        asked_over(cast)
    again.withdraw(by=keeper(cast))  # type: ignore[arg-type]
    assert Membership.objects.get(member=cast.asked, until_on=None).cell == cast.office_cell


def test_nobody_accepts_for_the_other_end(cast: Cast) -> None:
    transfer = asked_over(cast)
    with pytest.raises(Refused, match="không tự tiếp nhận"):
        transfer.accept(cast.office_cell, by=keeper(cast))  # type: ignore[arg-type]
    with pytest.raises(Refused, match="chi bộ của đảng ủy tiếp nhận"):
        transfer.accept(cast.office_cell, by=by(cast.neighbour, Action.KEEP_ROSTER, cast.other_ministry))


def test_who_dies_on_the_way_is_not_waited_for(cast: Cast) -> None:
    transfer = asked_over(cast)
    carry_out(Move(cast.asked, Kind.DIED, NOVEMBER), by=keeper(cast))  # type: ignore[arg-type]
    transfer.refresh_from_db()
    assert transfer.state == "withdrawn"
    assert plan_of(Move(cast.asked, Kind.DIED, NOVEMBER)).consequences == []


def test_a_transfer_into_the_future_or_to_paper_is_refused(cast: Cast) -> None:
    seat = keeper(cast)
    for committee, on in (
        (cast.far_ward, SEPTEMBER),
        (cast.ministry, SEPTEMBER),
        (cast.other_ministry, date(2019, 1, 1)),
        (cast.other_ministry, timezone.localdate().replace(year=2099)),
    ):
        with pytest.raises(Refused):
            Transfer.objects.ask(cast.asked, committee, on, by=seat)  # type: ignore[arg-type]


@pytest.mark.django_db(transaction=True)
def test_accepted_while_somebody_moves_the_member(transactional_db: None, cast: Cast, play: Season) -> None:
    play.registered()
    transfer = asked_over(cast)
    cell = factories.workplace_cell(cast.other_ministry, "Phòng Kế hoạch")
    theirs, ours = by(cast.neighbour, Action.KEEP_ROSTER, cast.other_ministry), keeper(cast)
    works = [
        lambda: Transfer.objects.get(pk=transfer.pk).accept(cell, by=theirs),
        lambda: carry_out(Move(cast.asked, Kind.LEFT, NOVEMBER), by=ours),  # type: ignore[arg-type]
    ]
    results = race(2, lambda number: works[number]())
    assert sum(isinstance(result, Refused) for result in results) <= 1
    assert Membership.objects.filter(member=cast.asked, until_on=None).count() <= 1
    assert EvaluationRequest.objects.get().state in ("cancelled", "at_commune")


def test_a_seal_of_another_plan_is_not_accepted(cast: Cast, play: Season) -> None:
    transfer = asked_over(cast)
    seen = plan_of(transfer.change()).seal
    play.registered()
    cell = factories.workplace_cell(cast.other_ministry, "Phòng Kế hoạch")
    with pytest.raises(PlanChanged):
        transfer.accept(cell, by=by(cast.neighbour, Action.KEEP_ROSTER, cast.other_ministry), seen=seen)
    transfer.refresh_from_db()
    assert transfer.state == "asked"
