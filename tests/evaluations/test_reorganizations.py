"""Reorganisations before, during and after a campaign: everybody in one place, every request with one owner."""

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from evaluations.invariants import RULES
from evaluations.models import (
    Campaign,
    Document,
    EvaluationRequest,
    InnerDeadline,
    Introduction,
    Letter,
    Reorganization,
)
from evaluations.models.campaigns import NumberChoice
from evaluations.models.changes import Change, Kind
from evaluations.models.consequences import consequences, seal
from evaluations.models.introduction_issue import present_drafts
from evaluations.models.letters import letter_for
from evaluations.models.reorganizations import execute_due
from evaluations.models.replies import issue_reply, replies_due
from evaluations.models.requests import register
from members.models import Membership, Organization, Placement, Seat, Succession, User
from members.roles import Action, Role
from members.states import Refused
from tests import factories
from tests.conftest import Cast
from tests.introducing import Introducing
from tests.season import Season, by

pytestmark = pytest.mark.django_db
TODAY = timezone.localdate()
State = EvaluationRequest.State


def overseer(cast: Cast) -> Seat:
    return by(cast.overseer, Action.ORGANIZE, cast.ward)


def ward_officer(cast: Cast) -> Seat:
    return by(cast.ward_officer, Action.KEEP_CELLS, cast.cell)


def decide(kind: Kind, organization: Organization, seat: Seat, **fields: Any) -> Reorganization:
    fields.setdefault("on", TODAY)
    row = Organization.objects.get(pk=organization.pk)
    return Reorganization.objects.decide(Change(kind, organization=row, **fields), by=seat)


def merge_wards(cast: Cast, **fields: Any) -> Organization:
    """An Hải and Sơn Trà become one ward under a new name."""
    names = {"name": "Đảng ủy phường Biển Mẫu", "unit": "phường", "locality": "Biển Mẫu"}
    done = decide(Kind.MERGE, cast.ward, overseer(cast), sources=[cast.ward, cast.other_ward], names=names, **fields)
    assert done.made
    return done.made


def merge_cells(cast: Cast) -> Reorganization:
    return decide(Kind.MERGE, cast.other_cell, ward_officer(cast), sources=[cast.cell])


def check_everything_has_one_owner() -> None:
    """What must hold after whatever was done: no second place, no closed owner, paths and cells that agree."""
    current = Placement.objects.current()
    assert not current.exclude(commune__closed_on=None).exists()
    assert not current.exclude(cell=None).exclude(cell__closed_on=None).exists()
    assert [row.cell.parent_id for row in current.filter(cell__isnull=False)] == [
        row.commune_id for row in current.filter(cell__isnull=False)
    ]
    assert not Membership.objects.filter(until_on=None).exclude(cell__closed_on=None).exists()
    for place in ("residence_commune", "residence_cell", "asker_now"):
        open_now = EvaluationRequest.objects.live().exclude(state=State.NO_REPLY).filter(**{f"{place}__isnull": False})
        assert not open_now.exclude(**{f"{place}__closed_on": None}).exists(), place
    for matter in EvaluationRequest.objects.awaiting_answer().select_related("letter"):
        if matter.residence_cell:
            assert matter.residence_cell.parent_id == matter.residence_commune_id
        if matter.letter and matter.state != State.PREPARED:
            assert matter.letter.recipient_id == matter.residence_commune_id
    for place in ("workplace", "commune", "cell"):
        assert not Introduction.objects.live().filter(**{f"{place}__closed_on__isnull": False}).exists()
    assert not Seat.objects.current().exclude(organization__closed_on=None).exists()


class TestMergingCommunes:
    def test_the_tree_and_the_people(self, cast: Cast) -> None:
        neighbour = factories.member(commune=cast.other_ward)
        new = merge_wards(cast)
        assert (new.parent, new.kind, new.area) == (cast.province, "commune", "phường Biển Mẫu")
        for old in (cast.ward, cast.other_ward):
            old.refresh_from_db()
            # Its papers are kept where its work goes on.
            assert (old.closed_on, old.parent) == (TODAY - timedelta(days=1), new)
            assert Succession.objects.get(old=old).new == new
        cast.cell.refresh_from_db()
        assert (cast.cell.parent, cast.cell.path) == (new, f"{new.path}{cast.cell.pk}/")
        for member in (cast.asked, neighbour):
            assert Placement.objects.current().get(member=member).commune == new
            assert member.placements.get(until_on=TODAY - timedelta(days=1)).commune.closed_on
        assert {seat.role for seat in User.objects.get(pk=cast.ward_signer.pk).seats_now} == {Role.SIGNER}
        check_everything_has_one_owner()

    @pytest.mark.parametrize(
        "step", ["presented", "issued", "registered", "assigned", "submitted", "confirmed", "answered"]
    )
    def test_before_during_and_after_a_campaign(self, cast: Cast, play: Season, step: str) -> None:
        getattr(play, step)()
        count = EvaluationRequest.objects.count()
        new = merge_wards(cast)
        check_everything_has_one_owner()
        assert EvaluationRequest.objects.count() == count
        if step == "presented":
            assert Document.objects.get(recipient=new).return_note
        else:
            assert EvaluationRequest.objects.get().residence_commune == new

    def test_the_year_goes_on_to_its_end(self, cast: Cast, play: Season) -> None:
        play.submitted()
        new = merge_wards(cast)
        matter = EvaluationRequest.objects.get()
        version = matter.assessment.latest() if matter.assessment else None
        assert version
        version.confirm(by=by(cast.ward_officer, Action.CONFIRM, new))
        letter = Document.objects.get(genre="request_letter")
        assert [due.ready for due in replies_due(new)] == [1]
        reply = issue_reply(letter, NumberChoice(), by=by(cast.ward_signer, Action.REPLY, new))
        assert (reply.issuer, reply.number, reply.facts["head"]["issuer"]) == (new, "1", "ĐẢNG ỦY PHƯỜNG BIỂN MẪU")
        assert letter.facts["to"] == "Đảng ủy phường An Hải"
        assert EvaluationRequest.objects.get().state == State.ANSWERED

    def test_one_into_an_existing_one_keeps_the_books_and_the_first_deadline(self, cast: Cast, play: Season) -> None:
        play.assigned()
        InnerDeadline.objects.create(commune=cast.other_ward, year=TODAY.year, due_on=date(TODAY.year, 12, 20))
        first = date(TODAY.year, 12, 10)
        InnerDeadline.objects.update_or_create(commune=cast.ward, year=TODAY.year, defaults={"due_on": first})
        decide(Kind.MERGE, cast.other_ward, overseer(cast), sources=[cast.ward])
        assert InnerDeadline.objects.get(commune=cast.other_ward).due_on == first
        check_everything_has_one_owner()

    def test_what_is_not_delivered_yet_goes_to_the_new_mailbox(self, cast: Cast, play: Season) -> None:
        play.issued()
        new = merge_wards(cast)
        assert Letter.objects.get(kind="request").recipient == new

    def test_hundreds_of_cells_take_few_statements(self, cast: Cast, django_assert_max_num_queries: Any) -> None:
        def merged(count: int, locality: str) -> int:
            old = factories.commune(cast.province, f"Cũ {locality}")
            for number in range(count):
                factories.member(commune=old, cell=factories.residence_cell(old, f"Tổ {number}"))
            change = Change(
                Kind.MERGE,
                TODAY,
                old,
                sources=[old],
                names={"name": f"Đảng ủy phường {locality}", "unit": "phường", "locality": locality},
            )
            change.sources.append(factories.commune(cast.province, f"Khác {locality}"))
            with django_assert_max_num_queries(90) as asked:
                Reorganization.objects.decide(change, by=overseer(cast))
            return len(asked)

        assert merged(2, "Hai Tổ") == merged(12, "Mười Hai Tổ")


class TestMergingCells:
    def test_people_requests_and_texts_go_over(self, cast: Cast, play: Season) -> None:
        version = play.written()
        done = merge_cells(cast)
        assert done.outcome == {"organizations": 0, "placements": 1, "memberships": 0, "requests": 1, "seats": 1}
        matter = EvaluationRequest.objects.get()
        assert (matter.residence_cell, matter.assessment) == (cast.other_cell, version.assessment)
        assert version.assessment.placement.cell_id == cast.cell.pk
        assert Placement.objects.current().get(member=cast.asked).cell == cast.other_cell
        cast.cell.refresh_from_db()
        assert cast.cell.parent == cast.ward
        check_everything_has_one_owner()
        # The other secretary finishes what was begun.
        version.assessment.refresh_from_db()
        play.assessment().write({}, "Gương mẫu.", by=by(cast.other_secretary, Action.WRITE, cast.other_cell))

    def test_who_is_being_introduced_is_received_there(self, cast: Cast) -> None:
        seat = by(cast.officer, Action.PREPARE, cast.ministry)
        factories.member("Lê Thử Mới", workplace=cast.office_cell, commune=cast.ward, cell=cast.cell)
        Introduction.objects.draft_all(Placement.objects.filter(cell=cast.cell), by=seat)
        Introduction.objects.update(cell=cast.cell)
        merge_cells(cast)
        assert Introduction.objects.get().cell == cast.other_cell
        merge_wards(cast)
        check_everything_has_one_owner()

    def test_introductions_in_the_folder_are_written_anew(self, cast: Cast) -> None:
        """Signed after the merger, a paper must name the ward there is."""
        introducing = Introducing(cast)
        row = introducing.drafted()
        introducing.present()
        new = merge_wards(cast)
        paper = Document.objects.get(introduction=row)
        assert (paper.state, paper.recipient, bool(paper.return_note)) == ("draft", new, True)
        introducing.present()
        introducing.issue()
        paper.refresh_from_db()
        assert (paper.state, paper.facts["to"], paper.number) == ("issued", "Đảng ủy phường Biển Mẫu", "1")

    def test_introductions_follow_a_cell_that_changes_its_commune(self, cast: Cast) -> None:
        Placement.objects.filter(member=cast.asked).update(cell=cast.cell)
        introducing = Introducing(cast)
        row = introducing.drafted()
        introducing.present()
        decide(Kind.MOVE, cast.cell, overseer(cast), parent=cast.other_ward)
        row.refresh_from_db()
        paper = Document.objects.get(introduction=row)
        assert (row.commune, paper.recipient, paper.state) == (cast.other_ward, cast.other_ward, "draft")
        introducing.present()
        introducing.issue()
        paper.refresh_from_db()
        assert paper.facts["to"] == cast.other_ward.name

    def test_silence_may_be_broken_by_whoever_continues(self, cast: Cast, play: Season) -> None:
        """Closed without an answer, then merged: the late answer is the new ward's, the silence stays the old one's."""
        play.assigned()
        Campaign.objects.get().close(by=by(cast.officer, Action.PREPARE, cast.ministry))
        new = merge_wards(cast)
        matter = EvaluationRequest.objects.get()
        assert (matter.state, matter.residence_commune) == (State.NO_REPLY, new)
        assert matter.end_note == "Chưa trả lời khi kết thúc đợt: Đảng ủy phường An Hải"

    def test_workplace_cells(self, cast: Cast) -> None:
        section = factories.workplace_cell(cast.ministry, "Phòng Một")
        seat = by(cast.officer, Action.KEEP_CELLS, cast.office_cell)
        decide(Kind.MERGE, section, seat, sources=[cast.office_cell])
        assert cast.asked.memberships.get(until_on=None).cell == section
        assert cast.asked.memberships.get(until_on=TODAY - timedelta(days=1)).cell == cast.office_cell
        check_everything_has_one_owner()


class TestMergingWorkplaces:
    def test_introductions_in_the_folder_are_signed_by_whoever_goes_on(self, cast: Cast) -> None:
        introducing = Introducing(cast)
        row = introducing.drafted()
        introducing.present()
        decide(Kind.MERGE, cast.other_ministry, overseer(cast), sources=[cast.ministry])
        paper = Document.objects.get(introduction=row)
        assert (paper.state, paper.issuer) == ("draft", cast.other_ministry)
        seat = by(cast.neighbour, Action.PREPARE, cast.other_ministry)
        assert present_drafts(cast.other_ministry, by=seat) == 1
        paper.refresh_from_db()
        assert paper.facts["head"]["issuer"] == "ĐẢNG ỦY SỞ LÁNG GIỀNG"

    def test_who_is_asked_about_in_both_is_asked_once(self, cast: Cast, play: Season) -> None:
        play.issued()
        first = EvaluationRequest.objects.get()
        twin = Campaign.objects.create(
            committee=cast.other_ministry,
            year=Season.YEAR,
            self_criticism_on=date(2026, 12, 1),
            due_on=date(2026, 11, 15),
            prepared_by=by(cast.neighbour, Action.PREPARE, cast.other_ministry),
        )
        copy = EvaluationRequest.objects.get(pk=first.pk)
        copy.pk, copy.campaign, copy.state, copy.letter = None, twin, State.PREPARED, None
        EvaluationRequest.objects.bulk_create([copy])
        decide(Kind.MERGE, cast.other_ministry, overseer(cast), sources=[cast.ministry])
        first.refresh_from_db()
        assert (first.state, first.campaign.state) == (State.SUPERSEDED, "closed")
        assert {rule.code for rule in RULES if rule.broken()} == set()

    def test_answers_go_to_whoever_goes_on(self, cast: Cast, play: Season) -> None:
        play.confirmed()
        decide(Kind.MERGE, cast.other_ministry, overseer(cast), sources=[cast.ministry])
        matter = EvaluationRequest.objects.get()
        assert (matter.asked_by, matter.asker_now) == (cast.ministry, cast.other_ministry)
        assert Campaign.objects.get().committee == cast.other_ministry
        reply = issue_reply(play.letter(), NumberChoice(), by=by(cast.ward_signer, Action.REPLY, cast.ward))
        assert (reply.recipient, reply.facts["to"]) == (cast.other_ministry, "Đảng ủy Sở Láng Giềng")
        check_everything_has_one_owner()

    def test_two_rounds_of_a_year_become_one(self, cast: Cast, play: Season) -> None:
        play.issued()
        seat = by(cast.neighbour, Action.PREPARE, cast.other_ministry)
        own = Campaign.objects.create(
            committee=cast.other_ministry,
            year=Season.YEAR,
            self_criticism_on=date(2026, 12, 1),
            due_on=date(2026, 11, 15),
            prepared_by=seat,
        )
        decide(Kind.MERGE, cast.other_ministry, overseer(cast), sources=[cast.ministry])
        own.refresh_from_db()
        assert (own.state, own.requests.count(), own.documents.count()) == ("open", 1, 1)
        assert Campaign.objects.get(committee=cast.ministry).state == "closed"
        # Nobody is asked about twice.
        assert own.preview().asked == 0

    def test_a_cell_that_changes_its_committee_takes_its_answers_along(self, cast: Cast, play: Season) -> None:
        play.assigned()
        decide(
            Kind.MOVE,
            cast.office_cell,
            by(cast.overseer, Action.KEEP_CELLS, cast.office_cell),
            parent=cast.other_ministry,
        )
        matter = EvaluationRequest.objects.get()
        assert (matter.asked_by, matter.asker_now) == (cast.ministry, cast.other_ministry)
        check_everything_has_one_owner()


class TestMoving:
    @pytest.mark.parametrize("step", ["presented", "issued", "registered", "assigned", "confirmed"])
    def test_a_residence_cell_under_another_ward(self, cast: Cast, play: Season, step: str) -> None:
        stays = factories.member(workplace=cast.office_cell, commune=cast.ward)
        Placement.objects.filter(member=cast.asked).update(cell=cast.cell)
        getattr(play, step)()
        if step in ("assigned", "confirmed"):
            # The season gives everybody to one cell; one of them lives elsewhere.
            Placement.objects.filter(member=stays).update(cell=cast.other_cell)
            EvaluationRequest.objects.filter(member=stays).update(residence_cell=cast.other_cell)
        seat = by(cast.overseer, Action.KEEP_CELLS, cast.cell)
        decide(Kind.MOVE, cast.cell, seat, parent=cast.other_ward)
        check_everything_has_one_owner()
        assert Placement.objects.current().get(member=cast.asked).commune == cast.other_ward
        assert Placement.objects.current().get(member=stays).commune == cast.ward
        if step == "presented":
            assert not EvaluationRequest.objects.live().exists()
            return
        letter = Document.objects.get(copy_of__isnull=False)
        assert (letter.recipient, letter.numbered, letter.facts["to"]) == (
            cast.other_ward,
            letter.copy_of.numbered if letter.copy_of else "",
            "Đảng ủy phường An Hải",
        )
        assert {matter.member for matter in letter.requests.all()} == {cast.asked}

    def test_the_other_ward_answers_its_part(self, cast: Cast, play: Season) -> None:
        play.confirmed()
        decide(Kind.MOVE, cast.cell, by(cast.overseer, Action.KEEP_CELLS, cast.cell), parent=cast.other_ward)
        letter = Document.objects.get(copy_of__isnull=False)
        seat = by(cast.other_ward_officer, Action.REPLY, cast.other_ward)
        reply = issue_reply(letter, NumberChoice(), by=seat)
        assert (reply.recipient, reply.facts["counts"]["asked"]) == (cast.ministry, 1)

    def test_an_unread_letter_is_read_in_the_new_ward(self, cast: Cast, play: Season) -> None:
        Placement.objects.filter(member=cast.asked).update(cell=cast.cell)
        play.issued()
        decide(Kind.MOVE, cast.cell, by(cast.overseer, Action.KEEP_CELLS, cast.cell), parent=cast.other_ward)
        letter = Document.objects.get(copy_of__isnull=False)
        factories.seat(cast.other_ward_officer, cast.other_ward, Role.CLERK)
        assert register(letter, "3", by=by(cast.other_ward_officer, Action.REGISTER, cast.other_ward)) == 1
        play.rendered()
        assert letter.files.filter(kind="issued").exists()


class TestSplitting:
    def test_a_cell_gives_some_of_its_people(self, cast: Cast, play: Season) -> None:
        play.assigned()
        stays = factories.member(commune=cast.ward, cell=cast.cell)
        chosen = [Placement.objects.current().get(member=cast.asked).pk]
        names = {"name": "Chi bộ Tổ dân phố 7A"}
        done = decide(Kind.SPLIT, cast.cell, ward_officer(cast), names=names, chosen=chosen)
        new = done.made
        assert new
        assert (new.parent, new.side, new.has_seal) == (cast.ward, "residence", False)
        assert Placement.objects.current().get(member=cast.asked).cell == new
        assert Placement.objects.current().get(member=stays).cell == cast.cell
        assert EvaluationRequest.objects.get().residence_cell == new
        assert Succession.objects.get().kind == "split"
        check_everything_has_one_owner()

    def test_a_ward_gives_some_of_its_cells(self, cast: Cast, play: Season) -> None:
        play.confirmed()
        names = {"name": "Đảng ủy phường Mới", "unit": "phường", "locality": "Mới"}
        done = decide(Kind.SPLIT, cast.ward, overseer(cast), names=names, chosen=[cast.cell.pk])
        assert done.made
        assert EvaluationRequest.objects.get().residence_commune == done.made
        assert Organization.objects.get(pk=cast.other_cell.pk).parent == cast.ward
        check_everything_has_one_owner()

    def test_a_committee_gives_some_of_its_cells(self, cast: Cast, play: Season) -> None:
        play.assigned()
        done = decide(
            Kind.SPLIT, cast.ministry, overseer(cast), names={"name": "Đảng ủy Sở Tách"}, chosen=[cast.office_cell.pk]
        )
        assert EvaluationRequest.objects.get().asker_now == done.made


class TestRefusals:
    @pytest.mark.parametrize(
        ("make", "said"),
        [
            (lambda c: Change(Kind.MERGE, TODAY, c.cell, sources=[c.cell]), "không sáp nhập vào chính nó"),
            (lambda c: Change(Kind.MERGE, TODAY, c.cell, sources=[c.office_cell]), "không cùng loại"),
            (lambda c: Change(Kind.MERGE, TODAY, c.ward, sources=[c.ministry]), "không cùng loại"),
            (lambda c: Change(Kind.MOVE, TODAY, c.cell, parent=c.other_cell), "là chi bộ"),
            (lambda c: Change(Kind.MOVE, TODAY, c.cell, parent=c.ward), "đang trực thuộc"),
            (lambda c: Change(Kind.MOVE, TODAY, c.cell, parent=c.ministry), "trực thuộc đảng ủy xã, phường"),
            (lambda c: Change(Kind.MOVE, TODAY, c.ward, parent=c.cell), "nằm trong chính"),
            (lambda c: Change(Kind.ADD, TODAY, c.cell, names=cell("Chi bộ Con")), "là chi bộ"),
            (lambda c: Change(Kind.ADD, TODAY, c.ward, names=cell("Chi bộ Tổ dân phố 7")), "đã có"),
            (lambda c: Change(Kind.RENAME, TODAY, c.cell, names={"name": "Chi bộ Tổ dân phố 8"}), "đã có"),
            (lambda c: Change(Kind.SPLIT, TODAY, c.cell, names={"name": "Chi bộ A"}), "Chọn ít nhất một đồng chí"),
            (lambda c: Change(Kind.CLOSE, TODAY, c.ward), "Chọn “Sáp nhập”"),
            (lambda c: Change(Kind.RENAME, factories.LONG_AGO, c.cell, names={"name": "Chi bộ A"}), "Chọn ngày sau"),
            (lambda c: Change(Kind.JOIN, TODAY, c.ward), "đã dùng hệ thống"),
        ],
    )
    def test_each_says_what_to_do(self, cast: Cast, make: Callable[[Cast], Change], said: str) -> None:
        before = list(Organization.objects.values())
        with pytest.raises(Refused, match=said):
            Reorganization.objects.decide(make(cast), by=overseer(cast))
        assert list(Organization.objects.values()) == before
        assert not Reorganization.objects.exists()

    def test_a_closed_one_takes_nothing(self, cast: Cast) -> None:
        merge_cells(cast)
        with pytest.raises(Refused, match="đã kết thúc hoạt động"):
            decide(Kind.MERGE, cast.cell, ward_officer(cast), sources=[cast.other_cell])

    def test_a_cell_with_people_is_merged_and_not_closed(self, cast: Cast) -> None:
        factories.member(commune=cast.ward, cell=cast.cell)
        with pytest.raises(Refused, match="còn 1 đồng chí"):
            decide(Kind.CLOSE, cast.cell, ward_officer(cast))

    def test_an_empty_one_closes_and_its_seats_end(self, cast: Cast) -> None:
        decide(Kind.CLOSE, cast.other_cell, ward_officer(cast))
        assert Organization.objects.get(pk=cast.other_cell.pk).closed_on == TODAY - timedelta(days=1)
        assert User.objects.get(pk=cast.other_secretary.pk).seats_now == []

    def test_what_fails_halfway_leaves_nothing(self, cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
        def breaks(*_: object, **__: object) -> None:
            raise RuntimeError

        monkeypatch.setattr("members.models.tree_changes.note_succession", breaks)
        before = list(Organization.objects.order_by("pk").values("pk", "parent", "path", "closed_on"))
        with pytest.raises(RuntimeError):
            merge_wards(cast)
        assert list(Organization.objects.order_by("pk").values("pk", "parent", "path", "closed_on")) == before
        assert Placement.objects.count() == 1


def cell(name: str) -> dict[str, str]:
    return {"kind": "cell", "side": "residence", "name": name}


class TestPlanned:
    SOON = TODAY + timedelta(days=10)

    def test_a_future_change_waits_for_its_day(self, cast: Cast) -> None:
        row = decide(Kind.RENAME, cast.cell, ward_officer(cast), on=self.SOON, names={"name": "Chi bộ Mai Sau"})
        assert (row.executed_at, execute_due()) == (None, 0)
        assert execute_due(self.SOON) == 1
        assert Organization.objects.get(pk=cast.cell.pk).name == "Chi bộ Mai Sau"
        assert execute_due(self.SOON) == 0

    def test_it_can_be_called_off_until_then(self, cast: Cast) -> None:
        row = decide(Kind.RENAME, cast.cell, ward_officer(cast), on=self.SOON, names={"name": "Chi bộ Mai Sau"})
        row.cancel(by=ward_officer(cast))
        assert execute_due(self.SOON) == 0
        done = decide(Kind.RENAME, cast.cell, ward_officer(cast), names={"name": "Chi bộ Hôm Nay"})
        with pytest.raises(Refused, match="đã thực hiện"):
            done.cancel(by=ward_officer(cast))

    def test_what_has_become_impossible_says_why_and_stops_nobody(self, cast: Cast) -> None:
        late = decide(Kind.MERGE, cast.other_cell, ward_officer(cast), on=self.SOON, sources=[cast.cell])
        other = decide(Kind.RENAME, cast.ward, overseer(cast), on=self.SOON, names={"name": "Đảng ủy phường Mới"})
        merge_cells(cast)
        assert execute_due(self.SOON) == 1
        late.refresh_from_db()
        other.refresh_from_db()
        assert ("đã kết thúc hoạt động" in late.refusal, late.executed_at) == (True, None)
        assert other.executed_at

    def test_the_database_keeps_its_side(self, cast: Cast) -> None:
        row = decide(Kind.RENAME, cast.cell, ward_officer(cast), names={"name": "Chi bộ Hôm Nay"})
        for wrong in ({"kind": "x"}, {"cancelled_at": timezone.now(), "cancelled_by": row.planned_by}):
            with pytest.raises(IntegrityError), transaction.atomic():
                Reorganization.objects.filter(pk=row.pk).update(**wrong)
        planned = decide(Kind.RENAME, cast.cell, ward_officer(cast), on=self.SOON, names={"name": "Chi bộ A"})
        with pytest.raises(IntegrityError), transaction.atomic():
            Reorganization.objects.filter(pk=planned.pk).update(cancelled_at=timezone.now())


class TestAddressBook:
    def test_an_entry_that_comes_onto_the_system_stays_who_it_was(self, cast: Cast, play: Season) -> None:
        matter = play.far()
        decide(Kind.JOIN, cast.far_ward, overseer(cast))
        cast.far_ward.refresh_from_db()
        assert (cast.far_ward.kind, cast.far_ward.is_on_system) == ("commune", True)
        officer = factories.official("xa_moi", "Tạ Văn Xã", cast.far_ward, Role.OFFICER, Role.SIGNER)
        letter = play.letter(cast.far_ward)
        assert register(letter, "1", by=by(officer, Action.REGISTER, cast.far_ward)) == 1
        matter.refresh_from_db()
        assert (matter.state, matter.residence_commune) == (State.AT_COMMUNE, cast.far_ward)

    def test_two_entries_of_one_committee_become_one(self, cast: Cast) -> None:
        twin = factories.organization(cast.province, "Đảng ủy Công ty Mẫu", "external")
        own = factories.organization(cast.province, "Đảng ủy Cty Mẫu", "external", phone="0236000009")
        decide(Kind.MERGE, own, overseer(cast), sources=[twin])
        twin.refresh_from_db()
        assert (twin.closed_on, twin.parent) == (TODAY - timedelta(days=1), cast.province)


class TestPreview:
    def test_everything_that_follows_is_counted(self, cast: Cast, play: Season) -> None:
        play.answered()
        change = Change(Kind.MERGE, TODAY, cast.other_ward, sources=[cast.ward])
        lines = {line.label: line.count for line in consequences(change)}
        assert lines == {
            "tổ chức trực thuộc": 2,
            "đảng viên đang giữ mối liên hệ": 1,
            "đề nghị nhận xét chưa xong": 1,
            "nhiệm vụ đang giao": 3,
            "sổ cấp số kết thúc": 1,
        }
        assert seal(change, consequences(change)) == seal(change, consequences(change))

    def test_the_seal_tells_a_change(self, cast: Cast) -> None:
        change = Change(Kind.MERGE, TODAY, cast.other_cell, sources=[cast.cell])
        before = seal(change, consequences(change))
        factories.member(commune=cast.ward, cell=cast.cell)
        assert seal(change, consequences(change)) != before


def test_a_letter_copied_for_another_ward_is_told_once(cast: Cast, play: Season) -> None:
    Placement.objects.filter(member=cast.asked).update(cell=cast.cell)
    play.issued()
    decide(Kind.MOVE, cast.cell, by(cast.overseer, Action.KEEP_CELLS, cast.cell), parent=cast.other_ward)
    copy = Document.objects.get(copy_of__isnull=False)
    assert Letter.objects.get(document=copy).key == letter_for(copy, "request", {}).key
