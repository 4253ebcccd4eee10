"""Members move before, during and after a campaign: one place at most, and one owner for everything that is open."""

from collections.abc import Callable
from datetime import date, timedelta

import pytest
from django.utils import timezone
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from evaluations.models import Assessment, AssessmentVersion, Campaign, Document, EvaluationRequest, Letter
from evaluations.models.assessments import draft_assessments, submit_complete
from evaluations.models.campaigns import NumberChoice
from evaluations.models.move_plans import Kind, Move, plan_of
from evaluations.models.moves import PlanChanged, carry_out
from evaluations.models.replies import issue_reply
from evaluations.models.requests import assign_to_cells, decline, register
from members.models import Member, Membership, Organization, Placement
from members.roles import Action
from members.states import Refused
from tests import factories
from tests.conftest import Cast
from tests.racing import race
from tests.season import GOOD, Season, by

ENDED = ["declined", "cancelled", "superseded"]
MAY, SEPTEMBER, DECEMBER = date(2026, 5, 1), date(2026, 9, 1), date(2026, 11, 20)


def moved(cast: Cast, kind: Kind, on: date, member: Member | None = None, **said: object) -> list[tuple[str, str]]:
    """Carried out as the page does, with the plan shown before; (effect, state before) of every open request."""
    change = Move(member or cast.asked, kind, on, **said)  # type: ignore[arg-type]
    plan = plan_of(change)
    carry_out(change, by=by(cast.officer, Action.KEEP_ROSTER, cast.ministry), seen=plan.seal)
    sound(change.member)
    return [(str(row.effect), row.matter.part) for row in plan.consequences]


def sound(member: Member) -> None:
    """What must hold after every move."""
    assert Placement.objects.filter(member=member, until_on=None).count() <= 1
    assert Membership.objects.filter(member=member, until_on=None).count() <= 1
    for model in (Placement, Membership):
        rows = list(model._default_manager.filter(member=member).order_by("from_on", "pk"))
        for before, after in zip(rows, rows[1:], strict=False):
            assert before.until_on is not None
            assert before.until_on <= after.from_on
    live = EvaluationRequest.objects.filter(member=member).exclude(state__in=ENDED)
    parts = list(live.values_list("campaign", "part"))
    assert len(parts) == len(set(parts))
    for matter in live:
        assert matter.asker_now_id
        # Somebody can be asked to do the next step: an open text has its cell, a prepared request its letter.
        assert matter.state != "prepared" or (matter.letter and matter.letter.state == "for_signature")
        if matter.letter and matter.letter.state == "for_signature":
            assert matter.letter.recipient_id == matter.residence_commune_id
            assert matter.pk in [row["request"] for row in matter.letter.facts["rows"]]


def states(member: Member) -> list[tuple[str, str, str]]:
    rows = EvaluationRequest.objects.filter(member=member).order_by("pk")
    return [(row.state, row.part, row.residence_commune.name) for row in rows]


WARD, OTHER = "Đảng ủy phường An Hải", "Đảng ủy phường Sơn Trà"
OLD, NEW = "2026-01-01..2026-08-31", "2026-09-01..2026-12-31"


# Residence


def test_a_move_before_any_request_changes_the_register_only(cast: Cast, play: Season) -> None:
    assert moved(cast, Kind.RESIDENCE, SEPTEMBER, commune=cast.other_ward, words="Tổ 3") == []
    places = Placement.objects.filter(member=cast.asked).order_by("pk")
    assert [(row.commune, row.until_on, row.end_reason) for row in places] == [
        (cast.ward, date(2026, 8, 31), "moved"),
        (cast.other_ward, None, ""),
    ]
    play.issued()
    assert states(cast.asked) == [("issued", "whole", OTHER)]


def test_before_the_signature_the_name_goes_into_another_letter(cast: Cast, play: Season) -> None:
    factories.member("Hồ Thử Ở Lại", workplace=cast.office_cell, commune=cast.ward)
    campaign = play.presented()
    assert moved(cast, Kind.RESIDENCE, SEPTEMBER, commune=cast.other_ward) == [("redirected", "whole")]
    letters = Document.objects.filter(campaign=campaign, state="for_signature").order_by("pk")
    listed = [(paper.recipient.name, [row["name"] for row in paper.facts["rows"]]) for paper in letters]
    assert listed == [(WARD, ["Hồ Thử Ở Lại"]), (OTHER, ["Trần Thị Thử"])]
    campaign = Campaign.objects.get(pk=campaign.pk)
    assert campaign.issue(NumberChoice(), by=by(cast.signer, Action.SIGN, cast.ministry)) == 2
    assert states(cast.asked) == [("issued", "whole", OTHER)]


def test_a_letter_without_anybody_left_goes_back_to_its_drafter(cast: Cast, play: Season) -> None:
    campaign = play.presented()
    assert moved(cast, Kind.DIED, DECEMBER) == [("cancelled", "whole")]
    campaign.refresh_from_db()
    assert campaign.presented_at is None
    assert list(Document.objects.values_list("state", flat=True)) == ["draft"]
    assert EvaluationRequest.objects.get().end_code == "taken_back"


@pytest.mark.parametrize("step", ["issued", "registered"])
def test_before_the_cell_has_it_the_new_place_is_asked_instead(cast: Cast, play: Season, step: str) -> None:
    getattr(play, step)()
    assert moved(cast, Kind.RESIDENCE, SEPTEMBER, commune=cast.other_ward) == [("resent", "whole")]
    assert states(cast.asked) == [("superseded", "whole", WARD), ("prepared", "whole", OTHER)]
    old, new = EvaluationRequest.objects.order_by("pk")
    assert (new.replaces, old.replaced_by, new.asker_now) == (old, new, cast.ministry)
    campaign = Campaign.objects.get()
    assert campaign.issue(NumberChoice(), by=by(cast.signer, Action.SIGN, cast.ministry)) == 1
    new.refresh_from_db()
    assert (new.state, new.letter.recipient) == ("issued", cast.other_ward)


def test_taking_the_folder_back_does_not_lose_whom_a_move_began_to_ask(cast: Cast, play: Season) -> None:
    play.assigned()
    moved(cast, Kind.RESIDENCE, SEPTEMBER, commune=cast.other_ward)
    seat = by(cast.officer, Action.PREPARE, cast.ministry)
    campaign = Campaign.objects.get()
    campaign.take_back(by=seat)
    assert states(cast.asked)[1] == ("prepared", NEW, OTHER)
    campaign.present(by=seat)
    sound(cast.asked)
    assert states(cast.asked) == [("at_cell", OLD, WARD), ("prepared", NEW, OTHER)]
    Campaign.objects.get().close(by=seat)
    assert [row[0] for row in states(cast.asked)] == ["no_reply", "cancelled"]


@pytest.mark.parametrize("step", ["assigned", "written", "submitted"])
def test_once_the_cell_has_it_both_write_about_their_part(cast: Cast, play: Season, step: str) -> None:
    getattr(play, step)()
    assert moved(cast, Kind.RESIDENCE, SEPTEMBER, commune=cast.other_ward) == [("split", "whole")]
    assert states(cast.asked) == [("at_cell", OLD, WARD), ("prepared", NEW, OTHER)]


def test_both_parts_are_written_confirmed_and_answered(cast: Cast, play: Season) -> None:
    play.written()
    moved(cast, Kind.RESIDENCE, SEPTEMBER, commune=cast.other_ward)
    # The old cell still has the member in its list, though the placement has ended.
    assert [row.placement.member for row in draft_assessments(cast.cell, Season.YEAR)] == [cast.asked]
    seat = by(cast.secretary, Action.SUBMIT, cast.cell)
    assert submit_complete(cast.cell, Season.YEAR, play.review(), by=seat) == (1, 0)
    version = AssessmentVersion.objects.get()
    paper = version.confirm(by=by(cast.ward_officer, Action.CONFIRM, cast.ward))
    assert "Nhận xét thời gian từ 01/01/2026 đến 31/08/2026" in paper.facts["labels"]
    issue_reply(play.letter(), NumberChoice(), by=by(cast.ward_signer, Action.REPLY, cast.ward))
    # The new place is asked by a letter that says since when.
    campaign = Campaign.objects.get()
    campaign.issue(NumberChoice(), by=by(cast.signer, Action.SIGN, cast.ministry))
    letter = play.letter(cast.other_ward)
    assert "từ 01/09/2026 đến 31/12/2026" in letter.facts["rows"][0]["residence"]
    register(letter, "3", by=by(cast.other_ward_officer, Action.REGISTER, cast.other_ward))
    new = EvaluationRequest.objects.get(part=NEW)
    cell = factories.residence_cell(cast.other_ward, "Tổ dân phố 1")
    assign_to_cells({new: cell}, by=by(cast.other_ward_officer, Action.ASSIGN, cast.other_ward))
    assert Assessment.objects.count() == 2
    assert [row[0] for row in states(cast.asked)] == ["answered", "at_cell"]


def test_who_moved_early_in_the_year_is_asked_about_at_the_new_place_only(cast: Cast, play: Season) -> None:
    play.written()
    assert moved(cast, Kind.RESIDENCE, date(2026, 2, 15), commune=cast.other_ward) == [("resent", "whole")]
    assert states(cast.asked) == [("superseded", "whole", WARD), ("prepared", "whole", OTHER)]
    assert draft_assessments(cast.cell, Season.YEAR) == []


def test_who_moved_late_in_the_year_is_asked_about_at_the_old_place_only(cast: Cast, play: Season) -> None:
    play.written()
    assert moved(cast, Kind.RESIDENCE, DECEMBER, commune=cast.other_ward) == [("stands", "whole")]
    assert states(cast.asked) == [("at_cell", "whole", WARD)]


@pytest.mark.parametrize("step", ["confirmed", "answered"])
def test_what_is_confirmed_stands(cast: Cast, play: Season, step: str) -> None:
    getattr(play, step)()
    assert moved(cast, Kind.RESIDENCE, SEPTEMBER, commune=cast.other_ward) == [("stands", "whole")]
    assert len(states(cast.asked)) == 1
    if step == "confirmed":
        issue_reply(play.letter(), NumberChoice(), by=by(cast.ward_signer, Action.REPLY, cast.ward))
    assert states(cast.asked) == [("answered", "whole", WARD)]


def test_what_was_used_is_not_touched(cast: Cast, play: Season) -> None:
    matter = play.answered()
    seat = by(cast.officer, Action.RECEIVE, cast.ministry)
    matter.receive(by=seat)
    matter.consider(date(2026, 11, 10), "used", by=seat)
    assert moved(cast, Kind.RESIDENCE, SEPTEMBER, commune=cast.other_ward) == []
    assert moved(cast, Kind.RETIRED, DECEMBER) == []
    assert states(cast.asked) == [("considered", "whole", WARD)]


def test_a_place_nobody_knows_yet_waits_until_it_is_known(cast: Cast, play: Season) -> None:
    play.registered()
    assert moved(cast, Kind.RESIDENCE, SEPTEMBER) == [("cancelled", "whole")]
    assert not Placement.objects.current().filter(member=cast.asked).exists()
    assert EvaluationRequest.objects.get().end_code == "no_residence"
    assert moved(cast, Kind.RESIDENCE, date(2026, 10, 1), commune=cast.other_ward) == [("resent", "whole")]
    assert states(cast.asked) == [("cancelled", "whole", WARD), ("prepared", "whole", OTHER)]


def test_the_old_cell_goes_on_until_the_new_place_is_known(cast: Cast, play: Season) -> None:
    play.written()
    assert moved(cast, Kind.RESIDENCE, SEPTEMBER) == [("stands", "whole")]
    assert moved(cast, Kind.RESIDENCE, date(2026, 9, 15), commune=cast.other_ward) == [("split", "whole")]
    assert states(cast.asked) == [("at_cell", OLD, WARD), ("prepared", "2026-09-15..2026-12-31", OTHER)]


def test_two_moves_in_one_year(cast: Cast, play: Season) -> None:
    play.written()
    moved(cast, Kind.RESIDENCE, MAY, commune=cast.other_ward)
    campaign = Campaign.objects.get()
    campaign.issue(NumberChoice(), by=by(cast.signer, Action.SIGN, cast.ministry))
    assert moved(cast, Kind.RESIDENCE, SEPTEMBER, commune=cast.far_ward) == [
        ("stands", "2026-01-01..2026-04-30"),
        ("resent", "2026-05-01..2026-12-31"),
    ]
    assert [row for row in states(cast.asked) if row[0] not in ENDED] == [
        ("at_cell", "2026-01-01..2026-04-30", WARD),
        ("prepared", "2026-05-01..2026-12-31", "Đảng ủy xã Hòa Vang"),
    ]


def test_a_wrong_place_is_found_late(cast: Cast, play: Season) -> None:
    play.written()
    assert moved(cast, Kind.CORRECTION, timezone.localdate(), commune=cast.other_ward) == [("resent", "whole")]
    assert states(cast.asked) == [("superseded", "whole", WARD), ("prepared", "whole", OTHER)]
    wrong, right = Placement.objects.filter(member=cast.asked).order_by("pk")
    assert (wrong.end_reason, wrong.until_on, right.from_on) == ("corrected", wrong.from_on, wrong.from_on)


def test_what_came_back_is_asked_at_the_right_place(cast: Cast, play: Season) -> None:
    play.registered()
    decline(EvaluationRequest.objects.all(), "moved", "", by=by(cast.ward_officer, Action.ASSIGN, cast.ward))
    assert moved(cast, Kind.RESIDENCE, SEPTEMBER, commune=cast.other_ward) == [("resent", "whole")]
    old, new = EvaluationRequest.objects.order_by("pk")
    assert (old.state, new.replaces, new.state) == ("declined", old, "prepared")


def test_another_group_of_the_same_ward_is_the_wards_business(cast: Cast, play: Season) -> None:
    play.registered()
    assert moved(cast, Kind.RESIDENCE, SEPTEMBER, commune=cast.ward, words="Tổ 8") == [("redirected", "whole")]
    matter = EvaluationRequest.objects.get()
    assert (matter.state, matter.placement.cell_as_written) == ("at_commune", "Tổ 8")


def test_a_sheet_that_has_left_for_a_ward_on_paper_is_answered_for_its_time(cast: Cast, play: Season) -> None:
    matter = play.far()
    play.rendered()
    assert matter.letter
    posted = matter.letter.letters.get()
    Letter.objects.mark_sent({1: [posted.pk]})
    assert moved(cast, Kind.RESIDENCE, SEPTEMBER, matter.member, commune=cast.other_ward) == [("split", "whole")]


def test_whoever_is_asked_late_gets_time_to_answer(cast: Cast, play: Season) -> None:
    today = timezone.localdate()
    start = today + timedelta(days=30)
    play.campaign(self_criticism_on=start, due_on=today + timedelta(days=1))
    play.registered()
    moved(cast, Kind.RESIDENCE, today, commune=cast.other_ward)
    new = EvaluationRequest.objects.get(state="prepared")
    assert new.due_on == today + timedelta(days=10)
    assert new.letter
    assert new.letter.facts["due_on"] == new.due_on.isoformat()


# The workplace, and the end


def test_another_cell_of_the_committee_changes_nothing_for_residence(cast: Cast, play: Season) -> None:
    play.written()
    other = factories.workplace_cell(cast.ministry, "Phòng Tổ chức")
    assert moved(cast, Kind.CELL, SEPTEMBER, cell=other, position="Trưởng phòng") == [("stands", "whole")]
    rows = Membership.objects.filter(member=cast.asked).order_by("pk")
    assert [(row.cell, row.until_on, row.position) for row in rows] == [
        (cast.office_cell, date(2026, 8, 31), "Chuyên viên"),
        (other, None, "Trưởng phòng"),
    ]
    assert Placement.objects.current().filter(member=cast.asked).exists()


@pytest.mark.parametrize("kind", [Kind.OUTSIDE, Kind.RETIRED, Kind.DIED, Kind.LEFT, Kind.ABROAD])
@pytest.mark.parametrize("step", ["issued", "registered", "written", "confirmed"])
def test_who_is_no_longer_ours_is_no_longer_asked_about(cast: Cast, play: Season, kind: Kind, step: str) -> None:
    getattr(play, step)()
    assert moved(cast, kind, DECEMBER) == [("cancelled", "whole")]
    matter = EvaluationRequest.objects.get()
    assert (matter.state, matter.end_code) == ("cancelled", str(kind))
    assert draft_assessments(cast.cell, Season.YEAR) == [] or kind == Kind.OUTSIDE


@pytest.mark.parametrize("kind", [Kind.OUTSIDE, Kind.RETIRED, Kind.DIED, Kind.LEFT, Kind.ABROAD])
def test_an_answer_that_has_come_stays(cast: Cast, play: Season, kind: Kind) -> None:
    play.answered()
    assert moved(cast, kind, DECEMBER) == [("stands", "whole")]
    assert [row[0] for row in states(cast.asked)] == ["answered"]


def test_who_retires_belongs_to_the_cell_at_home(cast: Cast, play: Season) -> None:
    play.assigned()
    moved(cast, Kind.RETIRED, DECEMBER)
    assert [(row.cell, row.end_reason) for row in Membership.objects.filter(member=cast.asked).order_by("pk")] == [
        (cast.office_cell, "retired"),
        (cast.cell, ""),
    ]
    assert Placement.objects.get(member=cast.asked).end_reason == "retired"
    # In service nowhere: neither the old committee nor the ward asks about him.
    for committee in (cast.ministry, cast.ward):
        assert not Member.objects.in_committee(committee).filter(pk=cast.asked.pk).exists()


def test_who_has_retired_where_no_cell_is_known_just_leaves(cast: Cast) -> None:
    moved(cast, Kind.RETIRED, DECEMBER)
    assert not Membership.objects.filter(member=cast.asked, until_on=None).exists()


def test_home_and_office_change_at_once(cast: Cast, play: Season) -> None:
    play.written()
    other = factories.workplace_cell(cast.ministry, "Phòng Tổ chức")
    moved(cast, Kind.CELL, SEPTEMBER, cell=other)
    moved(cast, Kind.RESIDENCE, SEPTEMBER, commune=cast.other_ward)
    assert states(cast.asked) == [("at_cell", OLD, WARD), ("prepared", NEW, OTHER)]
    moved(cast, Kind.OUTSIDE, DECEMBER)
    assert [row[0] for row in states(cast.asked)] == ["cancelled", "cancelled"]


# What is refused


@pytest.mark.parametrize(("on", "words"), [(date(2019, 5, 1), "từ 01/01/2020 trở đi"), (date(2031, 1, 1), "chưa đến")])
@pytest.mark.parametrize("kind", [Kind.RESIDENCE, Kind.CELL, Kind.RETIRED])
def test_a_day_that_does_not_fit_is_refused_in_words(cast: Cast, kind: Kind, on: date, words: str) -> None:
    cell = factories.workplace_cell(cast.ministry, "Phòng Tổ chức")
    with pytest.raises(Refused, match=words):
        moved(cast, kind, on, commune=cast.other_ward, cell=cell)
    assert Placement.objects.get(member=cast.asked).until_on is None


def test_a_past_that_is_taken_is_refused(cast: Cast) -> None:
    moved(cast, Kind.RESIDENCE, SEPTEMBER)
    with pytest.raises(Refused, match="đến ngày 31/08/2026"):
        moved(cast, Kind.RESIDENCE, MAY, commune=cast.other_ward)


def test_imported_and_moved_on_the_same_day(cast: Cast) -> None:
    Placement.objects.filter(member=cast.asked).update(from_on=SEPTEMBER)
    moved(cast, Kind.RESIDENCE, SEPTEMBER, commune=cast.other_ward)


def test_what_changed_after_it_was_shown_is_shown_again(cast: Cast, play: Season) -> None:
    play.registered()
    change = Move(cast.asked, Kind.RESIDENCE, SEPTEMBER, commune=cast.other_ward)
    shown = plan_of(change)
    matter = EvaluationRequest.objects.get()
    assign_to_cells({matter: cast.cell}, by=by(cast.ward_officer, Action.ASSIGN, cast.ward))
    with pytest.raises(PlanChanged):
        carry_out(change, by=by(cast.officer, Action.KEEP_ROSTER, cast.ministry), seen=shown.seal)
    assert states(cast.asked) == [("at_cell", "whole", WARD)]


def test_who_has_gone_cannot_be_moved(cast: Cast) -> None:
    moved(cast, Kind.DIED, DECEMBER)
    with pytest.raises(Refused, match="không còn sinh hoạt"):
        moved(cast, Kind.RESIDENCE, DECEMBER, commune=cast.other_ward)


@pytest.mark.django_db(transaction=True)
def test_two_officers_move_the_same_member_at_once(transactional_db: None, cast: Cast, play: Season) -> None:
    play.registered()
    factories.official("second", "Trịnh Văn Hai", cast.ministry, *[seat.role for seat in cast.officer.seats.all()])
    places = [cast.other_ward, cast.far_ward]
    changes = [Move(cast.asked, Kind.RESIDENCE, SEPTEMBER, commune=place) for place in places]
    shown = [plan_of(change).seal for change in changes]
    seat = by(cast.officer, Action.KEEP_ROSTER, cast.ministry)

    results = race(2, lambda number: carry_out(changes[number], by=seat, seen=shown[number]))

    assert sum(isinstance(result, Refused) for result in results) == 1
    assert [row[0] for row in states(cast.asked)] == ["superseded", "prepared"]
    sound(cast.asked)


@pytest.mark.django_db(transaction=True)
def test_a_move_and_the_signature_at_once(transactional_db: None, cast: Cast, play: Season) -> None:
    """Whoever comes first, the name is in exactly one letter that leaves the house or waits."""
    campaign = play.presented()
    officer, signer = by(cast.officer, Action.KEEP_ROSTER, cast.ministry), by(cast.signer, Action.SIGN, cast.ministry)
    change = Move(cast.asked, Kind.RESIDENCE, SEPTEMBER, commune=cast.other_ward)
    works: list[Callable[[], object]] = [
        lambda: carry_out(change, by=officer),
        lambda: campaign.issue(NumberChoice(), by=signer),
    ]
    race(2, lambda number: works[number]())
    sound(cast.asked)
    assert [row for row in states(cast.asked) if row[0] not in ENDED][0][2] == OTHER


days = st.dates(date(2025, 1, 1), date(2026, 11, 20))
steps = st.lists(st.tuples(st.sampled_from([*Kind]), days, st.integers(0, 3)), max_size=6)


class AnySequence(TestCase):
    """Whatever is written down in whatever order: the rows stay sound, and a verb refuses rather than breaks."""

    @given(steps)
    @settings(max_examples=40)
    def test_random_moves(self, sequence: list[tuple[Kind, date, int]]) -> None:
        province = factories.organization(None, "Thành ủy Thử", "province")
        ministry = factories.organization(province, "Đảng ủy Sở", "grassroots")
        cells = [factories.workplace_cell(ministry, f"Phòng {number}") for number in range(4)]
        wards: list[Organization | None] = [factories.commune(province, name) for name in ("Một", "Hai", "Ba")]
        wards.append(None)
        officer = factories.official(f"o-{ministry.pk}", "Nguyễn Văn Soạn", ministry, "officer")  # type: ignore[arg-type]
        member = factories.member(workplace=cells[0], commune=wards[0])
        seat = officer.seats.get()
        for kind, on, target in sequence:
            change = Move(member, kind, on, commune=wards[target], cell=cells[target])
            try:
                carry_out(change, by=seat, seen=plan_of(change).seal)
            except Refused as refusal:
                assert str(refusal)  # noqa: PT017
            sound(member)


def test_the_texts_of_both_cells_are_separate(cast: Cast, play: Season) -> None:
    play.written(GOOD, "Ở tổ 7 tham gia đủ.")
    moved(cast, Kind.RESIDENCE, SEPTEMBER, commune=cast.other_ward)
    new = Placement.objects.current().get(member=cast.asked)
    assert Assessment.objects.filter(placement=new).count() == 0
