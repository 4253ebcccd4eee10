"""Giấy giới thiệu: drafted, signed, entered, given to a cell, received; and every way it ends."""

from datetime import date

import pytest
from django.utils import timezone

from evaluations.models import Document, EvaluationRequest, Introduction, Letter
from evaluations.models.campaigns import NumberChoice
from evaluations.models.introduction_issue import folder, issue, send_back, sent_back, take_back_drafts
from evaluations.models.introductions import conclude
from evaluations.models.receptions import accept, assign, enter, give_back, key_counterpart
from evaluations.steps import owed
from evaluations.working_days import shifted
from members.models import AuditEvent, Member, Placement
from members.models.conflicts import Kinship
from members.roles import Action, Role
from members.states import Refused, WrongState
from tests import factories
from tests.conftest import Cast
from tests.introducing import Introducing
from tests.season import Season, by

ON = date(2026, 10, 5)


@pytest.fixture
def introducing(cast: Cast) -> Introducing:
    return Introducing(cast)


class TestDraft:
    def test_to_where_the_register_says(self, cast: Cast, introducing: Introducing) -> None:
        row = introducing.drafted()

        assert (row.state, row.workplace, row.commune) == ("draft", cast.ministry, cast.ward)
        assert row.placement == Placement.objects.get(member=cast.asked)
        assert AuditEvent.objects.filter(verb="Introduction.draft", object_id=row.pk).count() == 1

    def test_who_has_no_place_gets_one(self, cast: Cast, introducing: Introducing) -> None:
        member = factories.member("Hồ Thử Mới", workplace=cast.office_cell)
        row = introducing.drafted(member, words="Tổ 9")

        assert (row.placement.commune, row.placement.cell_as_written, row.placement.origin) == (
            cast.ward,
            "Tổ 9",
            "introduction",
        )
        assert (row.placement.from_on, row.placement.until_on) == (timezone.localdate(), None)

    def test_the_class_goes_with_the_person(self, cast: Cast, introducing: Introducing) -> None:
        Placement.objects.update(
            standing="exempt_activity", exemption="EX_ARMED", exemption_proof="QĐ 5", until_on=date(2026, 1, 31)
        )
        row = introducing.drafted()

        assert (row.placement.standing, row.placement.exemption, row.placement.exemption_proof) == (
            "exempt_activity",
            "EX_ARMED",
            "QĐ 5",
        )

    def test_not_twice(self, introducing: Introducing) -> None:
        introducing.drafted()
        with pytest.raises(Refused, match="đã có giấy giới thiệu gửi Đảng ủy phường An Hải"):
            introducing.drafted()

    def test_not_to_a_committee_that_is_no_commune(self, cast: Cast) -> None:
        with pytest.raises(Refused, match="gửi đảng ủy xã, phường"):
            Introduction.draft(cast.asked, cast.other_ministry, by=by(cast.officer, Action.PREPARE, cast.ministry))

    def test_not_somebody_of_another_committee(self, cast: Cast) -> None:
        seat = by(cast.neighbour, Action.PREPARE, cast.other_ministry)
        with pytest.raises(Refused, match="không sinh hoạt ở đảng bộ"):
            Introduction.draft(cast.asked, cast.ward, by=seat)

    def test_not_elsewhere_while_contact_is_kept_here(self, cast: Cast) -> None:
        with pytest.raises(Refused, match="Ghi chuyển nơi cư trú trước"):
            Introduction.draft(cast.asked, cast.other_ward, by=by(cast.officer, Action.PREPARE, cast.ministry))

    def test_after_a_move_the_earlier_one_is_closed(self, cast: Cast, introducing: Introducing) -> None:
        earlier = introducing.accepted()
        earlier.placement.end(by=by(cast.officer, Action.PREPARE, cast.ministry))
        row = introducing.drafted(commune=cast.other_ward)

        earlier.refresh_from_db()
        assert (earlier.state, earlier.end_code, row.commune) == ("closed", "moved", cast.other_ward)

    def test_many_at_once_leave_out_who_has_one(self, cast: Cast, introducing: Introducing) -> None:
        introducing.drafted()
        factories.member(workplace=cast.office_cell, commune=cast.far_ward)
        seat = by(cast.officer, Action.PREPARE, cast.ministry)

        assert Introduction.objects.draft_all(Placement.objects.all(), by=seat) == 1
        assert Introduction.objects.draft_all(Placement.objects.all(), by=seat) == 0
        assert sorted(Introduction.objects.values_list("commune__name", flat=True)) == [
            "Đảng ủy phường An Hải",
            "Đảng ủy xã Hòa Vang",
        ]


class TestSigning:
    def test_each_member_has_a_numbered_paper(self, cast: Cast, introducing: Introducing) -> None:
        other = factories.member("An Thử", workplace=cast.office_cell, commune=cast.ward)
        introducing.drafted()
        introducing.drafted(other)
        introducing.present()

        assert introducing.issue() == 2
        assert introducing.issue() == 0

        papers = Document.objects.filter(genre="introduction").order_by("pk")
        assert {paper.introduction.member.full_name: paper.label for paper in papers} == {
            "An Thử": "Số 01-GGT/ĐU",
            "Trần Thị Thử": "Số 02-GGT/ĐU",
        }
        assert {paper.recipient for paper in papers} == {cast.ward}
        assert set(Introduction.objects.values_list("state", flat=True)) == {"issued"}

    def test_one_notice_to_a_commune_on_the_system_a_sheet_each_to_one_on_paper(
        self, cast: Cast, introducing: Introducing
    ) -> None:
        members = [factories.member(workplace=cast.office_cell, commune=cast.far_ward) for _ in range(2)]
        introducing.drafted()
        introducing.drafted(factories.member(workplace=cast.office_cell, commune=cast.ward))
        for member in members:
            introducing.drafted(member, commune=cast.far_ward)
        introducing.present()
        introducing.issue()

        letters = Letter.objects.filter(kind="introduce").order_by("channel", "pk")
        assert [(letter.channel, letter.recipient, letter.facts) for letter in letters] == [
            ("email", cast.ward, {"count": 2}),
            ("print", cast.far_ward, {"count": 2}),
            ("print", cast.far_ward, {"count": 2}),
        ]
        assert letters[1].code_hash

    def test_who_presented_does_not_sign(self, cast: Cast, introducing: Introducing) -> None:
        introducing.drafted()
        introducing.present()
        factories.seat(cast.officer, cast.ministry, Role.SIGNER)
        with pytest.raises(Refused, match="Người soạn không tự ký"):
            issue(cast.ministry, NumberChoice(), by=by(cast.officer, Action.SIGN, cast.ministry))

    def test_back_to_work(self, cast: Cast, introducing: Introducing) -> None:
        row = introducing.drafted()
        introducing.present()
        assert take_back_drafts(cast.ministry, by=by(cast.officer, Action.PREPARE, cast.ministry)) == 1
        assert not folder(cast.ministry).exists()
        Member.objects.filter(pk=cast.asked.pk).update(full_name="Trần Thị Sửa")
        introducing.present()

        paper = folder(cast.ministry).get()
        assert (paper.introduction, paper.facts["member"]["name"]) == (row, "Trần Thị Sửa")

    def test_the_signer_sends_back_with_a_word(self, cast: Cast, introducing: Introducing) -> None:
        introducing.drafted()
        introducing.present()
        paper, seat = folder(cast.ministry).get(), by(cast.signer, Action.SIGN, cast.ministry)
        with pytest.raises(Refused, match="Ghi lời nhắn"):
            send_back(cast.ministry, {paper.pk: " "}, by=seat)

        assert send_back(cast.ministry, {paper.pk: "Sai ngày sinh"}, by=seat) == 1
        assert [row.return_note for row in sent_back(cast.ministry)] == ["Sai ngày sinh"]
        introducing.present()
        assert (introducing.issue(), list(sent_back(cast.ministry))) == (1, [])

    def test_a_cancelled_paper_is_withdrawn(self, cast: Cast, introducing: Introducing) -> None:
        row = introducing.issued()
        row.cancel("", by=by(cast.officer, Action.PREPARE, cast.ministry))

        row.refresh_from_db()
        assert (row.state, row.document and row.document.state, row.end_code) == ("cancelled", "withdrawn", "mistake")


class TestReception:
    def test_book_cell_reception_counterpart(self, cast: Cast, introducing: Introducing) -> None:
        row = introducing.accepted()

        placement = Placement.objects.get(member=cast.asked)
        assert (placement.cell, placement.origin, placement.accepted_by) == (
            cast.cell,
            "introduction",
            cast.secretary.seats.get(),
        )
        assert (row.state, row.cell, row.accepted_on) == ("accepted", cast.cell, date(2026, 10, 12))
        assert row.document
        assert row.document.registered_no == "21"
        assert introducing.counterparts() == 1
        assert introducing.counterparts() == 0
        row.refresh_from_db()
        assert row.counterpart
        assert (row.counterpart.issuer, row.counterpart.recipient, row.counterpart.state) == (
            cast.ward,
            cast.ministry,
            "issued",
        )
        assert row.counterpart.facts["counterpart"] == {
            "authority": "T/M ĐẢNG ỦY",
            "position": "BÍ THƯ",
            "name": "Lê Văn Mẫu",
            "on": "2026-10-12",
            "cell": "Chi bộ Tổ dân phố 7",
        }
        assert [(row.kind, row.recipient) for row in Letter.objects.order_by("pk")] == [
            ("introduce", cast.ward),
            ("newcomer", cast.cell),
            ("receipt", cast.ministry),
        ]

    def test_entered_once(self, cast: Cast, introducing: Introducing) -> None:
        introducing.registered()
        seat = by(cast.ward_clerk, Action.REGISTER, cast.ward)
        assert enter(Introduction.objects.all(), {}, by=seat) == 0

    def test_another_commune_enters_nothing(self, cast: Cast, introducing: Introducing) -> None:
        introducing.issued()
        seat = by(cast.other_ward_officer, Action.REGISTER, cast.other_ward)
        assert enter(Introduction.objects.all(), {}, by=seat) == 0

    def test_only_to_a_cell_of_the_commune(self, cast: Cast, introducing: Introducing) -> None:
        row = introducing.registered()
        strange = factories.residence_cell(cast.other_ward, "Tổ dân phố 1")
        with pytest.raises(ValueError, match="own commune"):
            assign({row: strange}, by=by(cast.ward_officer, Action.ASSIGN, cast.ward))

    def test_from_one_cell_to_another_before_the_reception(self, cast: Cast, introducing: Introducing) -> None:
        row = introducing.assigned()
        assert assign({row: cast.other_cell}, by=by(cast.ward_officer, Action.ASSIGN, cast.ward)) == 0
        row.refresh_from_db()
        assert (row.state, row.cell, row.placement.cell) == ("assigned", cast.other_cell, cast.other_cell)

    def test_the_other_cell_receives_nobody(self, cast: Cast, introducing: Introducing) -> None:
        introducing.assigned()
        seat = by(cast.other_secretary, Action.RECORD, cast.other_cell)
        assert accept(Introduction.objects.all(), ON, by=seat) == 0

    def test_nobody_receives_himself(self, cast: Cast, introducing: Introducing) -> None:
        introducing.assigned()
        factories.seat(cast.member_user, cast.cell, Role.SECRETARY)
        with pytest.raises(Refused, match="không tự tiếp nhận mình"):
            accept(Introduction.objects.all(), ON, by=by(cast.member_user, Action.RECORD, cast.cell))

    def test_nor_his_household(self, cast: Cast, introducing: Introducing) -> None:
        introducing.assigned()
        Kinship.objects.declare(cast.asked, cast.secretary, "spouse", by=cast.ward_officer)
        with pytest.raises(Refused, match="người thân của mình"):
            accept(Introduction.objects.all(), ON, by=by(cast.secretary, Action.RECORD, cast.cell))

    def test_not_a_resident(self, cast: Cast, introducing: Introducing, play: Season) -> None:
        matter = play.assigned()[0]
        row = introducing.accepted()
        seat = by(cast.ward_officer, Action.ASSIGN, cast.ward)

        assert give_back(row, "moved", "", by=seat) == 1

        matter.refresh_from_db()
        row.refresh_from_db()
        assert (row.state, row.return_code, matter.state, matter.end_code) == ("returned", "moved", "declined", "moved")
        assert not Placement.objects.current().filter(member=cast.asked).exists()
        assert list(Introduction.objects.unsettled()) == [row]
        introducing.drafted(commune=cast.other_ward)
        assert list(Introduction.objects.unsettled()) == []

    def test_requests_elsewhere_in_the_round_stay(self, cast: Cast, introducing: Introducing, play: Season) -> None:
        play.issued()
        row = introducing.registered()
        assert give_back(row, "unknown", "", by=by(cast.ward_officer, Action.ASSIGN, cast.ward)) == 0
        assert EvaluationRequest.objects.get().state == "issued"

    @pytest.mark.parametrize(("code", "ends"), [("retired", True), ("left", False)])
    def test_the_end(self, cast: Cast, introducing: Introducing, code: str, ends: bool) -> None:
        row = introducing.accepted()
        row.close(code, "", by=by(cast.officer, Action.PREPARE, cast.ministry))
        assert (Placement.objects.get(member=cast.asked).until_on is not None) == ends


class TestPaperOut:
    def test_the_counterpart_comes_back_on_paper(self, cast: Cast, introducing: Introducing) -> None:
        member = factories.member("Hồ Thử Xa", workplace=cast.office_cell, commune=cast.far_ward)
        introducing.drafted(member, commune=cast.far_ward)
        introducing.present()
        introducing.issue()
        row = Introduction.objects.get()
        seat = by(cast.officer, Action.PREPARE, cast.ministry)
        key_counterpart(row, date(2026, 10, 20), "Chi bộ thôn Cẩm Toại", by=seat, scan=b"%PDF-1.4 a sheet")

        row.refresh_from_db()
        assert (row.state, row.where, row.accepted_on, row.accepted_keyed_by) == (
            "accepted",
            "Chi bộ thôn Cẩm Toại",
            date(2026, 10, 20),
            seat,
        )
        assert row.document
        assert row.document.files.filter(kind="scan").count() == 1
        assert not Introduction.objects.to_return().exists()
        with pytest.raises(WrongState):
            key_counterpart(row, date(2026, 10, 20), "Chi bộ thôn Cẩm Toại", by=seat)

    @pytest.mark.parametrize("on", [date(2026, 10, 4), date(2126, 10, 20)])
    def test_not_before_the_paper_and_not_tomorrow(self, cast: Cast, introducing: Introducing, on: date) -> None:
        member = factories.member("Hồ Thử Xa", workplace=cast.office_cell, commune=cast.far_ward)
        row = introducing.issued(member, commune=cast.far_ward)
        with pytest.raises(Refused, match="Ngày tiếp nhận phải từ ngày giấy giới thiệu"):
            key_counterpart(row, on, "Chi bộ thôn", by=by(cast.officer, Action.PREPARE, cast.ministry))

    def test_a_commune_on_the_system_signs_here(self, cast: Cast, introducing: Introducing) -> None:
        row = introducing.issued()
        with pytest.raises(Refused, match="dùng hệ thống"):
            key_counterpart(row, date(2026, 10, 20), "Chi bộ", by=by(cast.officer, Action.PREPARE, cast.ministry))


class TestOwed:
    """In the shape of the table of steps, so that reminders, call lists and pictures find them."""

    @pytest.mark.parametrize(
        ("step", "code", "owner", "caller"),
        [
            ("issued", "introduction_register", "ward", "ministry"),
            ("registered", "introduction_assign", "ward", "ministry"),
            ("assigned", "introduction_accept", "cell", "ward"),
        ],
    )
    def test_each_step_is_owed_by_somebody(
        self, cast: Cast, introducing: Introducing, step: str, code: str, owner: str, caller: str
    ) -> None:
        getattr(introducing, step)()
        (row,) = owed()
        assert (row.step.code, row.owner, row.caller, row.count, row.due_on) == (
            code,
            getattr(cast, owner).pk,
            getattr(cast, caller).pk,
            1,
            date(2026, 11, 16),
        )

    def test_late_after_thirty_working_days(self, introducing: Introducing) -> None:
        row = introducing.issued()
        assert row.due_on == shifted(ON, 30) == date(2026, 11, 16)
        assert list(Introduction.objects.overdue()) == [row]
        Introduction.objects.update(due_on=timezone.localdate())
        assert not Introduction.objects.overdue().exists()

    def test_whatever_introduces_a_member_ends_with_him(self, cast: Cast, introducing: Introducing) -> None:
        introducing.accepted()
        seat = by(cast.officer, Action.PREPARE, cast.ministry)
        assert conclude(cast.asked, "deceased", by=seat) == 1
        other = factories.member(workplace=cast.office_cell, commune=cast.ward)
        introducing.drafted(other)
        assert conclude(other, "deceased", by=seat) == 1
        assert list(Introduction.objects.order_by("pk").values_list("state", "end_code")) == [
            ("closed", "deceased"),
            ("cancelled", "mistake"),
        ]
