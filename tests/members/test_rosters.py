"""From a workbook to the register: what is written, what is asked, and what must never happen."""

import json
from collections import Counter
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import connection, models
from django.utils import timezone

from evaluations import tasks
from members.models import AuditEvent, Member, Membership, Organization, Placement, RosterImport, Seat, StagedRow
from members.roles import Action
from members.roster import parse_roster
from tests import factories
from tests.conftest import Cast
from tests.racing import race
from tests.season import by

REAL = (Path(__file__).parents[1] / "data" / "so-xay-dung.xlsx").read_bytes()
READ_ON = date(2026, 11, 23)
COMMUNES = ["Hải Châu", "Hòa Cường", "Thanh Khê", "An Khê", "Cẩm Lệ", "Ngũ Hành Sơn", "Liên Chiểu"]
HEAD = {
    "full_name": "Họ và tên",
    "sex": "Giới tính",
    "birth_date": "Ngày sinh",
    "joined_on": "Ngày vào Đảng",
    "position": "Chức vụ",
    "cell": "Chi bộ",
    "neighborhood": "Tổ dân phố",
    "commune": "Phường/xã",
    "phone": "Điện thoại",
    "card_no": "Số thẻ đảng viên",
    "note": "Ghi chú",
}
LAM = {
    "full_name": "Lâm Thị Mẫu",
    "sex": "Nữ",
    "birth_date": "02/03/1985",
    "joined_on": "19/05/2010",
    "position": "Chuyên viên",
    "cell": "Chi bộ 1",
    "neighborhood": "Tổ dân phố 3",
    "commune": "phường An Hải",
    "phone": "0905000001",
}
EXEMPT = "Miễn sinh hoạt nơi cư trú: đi học tập trung 12 tháng"


@pytest.fixture
def seat(cast: Cast) -> Seat:
    return by(cast.officer, Action.KEEP_ROSTER, cast.ministry)


@pytest.fixture
def real(cast: Cast, seat: Seat) -> RosterImport:
    for locality in COMMUNES:
        factories.commune(cast.province, locality)
    return stage(cast, seat, REAL)


def stage(cast: Cast, seat: Seat, content: bytes, committee: Organization | None = None) -> RosterImport:
    name = "danh-sach.xlsx" if content.startswith(b"PK") else "danh-sach.csv"
    roster = parse_roster(content, name, today=READ_ON)
    return RosterImport.objects.stage(committee or cast.ministry, roster, name, by=seat)


def listing(*people: dict[str, str]) -> bytes:
    lines = [list(HEAD.values()), *([person.get(field, "") for field in HEAD] for person in people)]
    return "\n".join("\t".join(line) for line in lines).encode()


def staged(cast: Cast, seat: Seat, *people: dict[str, str]) -> RosterImport:
    return stage(cast, seat, listing(*people))


def imported(cast: Cast, seat: Seat, *people: dict[str, str]) -> dict[str, int]:
    return staged(cast, seat, *people).commit(by=seat)


def plans(roster: RosterImport) -> list[str]:
    return list(roster.rows.values_list("plan", flat=True))


def only(roster: RosterImport) -> StagedRow:
    return roster.rows.get()


def fields_found(roster: RosterImport) -> list[str]:
    return [field for field, _ in only(roster).found]


def register() -> list[list[dict[str, Any]]]:
    tables: list[type[models.Model]] = [Member, Membership, Placement, Organization]
    return [list(model._default_manager.order_by("pk").values()) for model in tables]


def history(verb: str) -> list[list[str]]:
    return [list(event.fields) for event in AuditEvent.objects.filter(verb=verb).order_by("pk")]


class TestTheRealFile:
    def test_first_import(self, cast: Cast, seat: Seat, real: RosterImport) -> None:
        before = set(Member.objects.values_list("pk", flat=True))
        assert real.counts() == {"new": 120, "changed": 0, "same": 0, "question": 0, "faulty": 0, "skip": 0}
        assert not Member.objects.exclude(pk__in=before).exists()

        assert real.commit(by=seat) == {"new": 120, "changed": 0, "same": 0, "left": 0}

        members = Member.objects.exclude(pk__in=before)
        placements = Placement.objects.filter(member__in=members)
        assert [members.count(), placements.count(), Membership.objects.filter(member__in=members).count()] == [120] * 3
        assert Counter(placements.values_list("commune__locality", flat=True)) == {
            "An Khê": 20,
            "An Hải": 13,
            "Hòa Vang": 13,
            "Hải Châu": 14,
            "Hòa Cường": 12,
            "Cẩm Lệ": 12,
            "Liên Chiểu": 11,
            "Sơn Trà": 10,
            "Ngũ Hành Sơn": 9,
            "Thanh Khê": 6,
        }
        assert set(placements.values_list("cell", "origin", "until_on")) == {(None, "roster", None)}
        exempt = placements.filter(standing="exempt_activity")
        assert list(exempt.values_list("exemption", "exemption_proof")) == [("EX_FULLTIME_STUDY", EXEMPT)] * 4
        assert set(placements.exclude(pk__in=exempt).values_list("standing", "exemption")) == {("active", "")}

    def test_one_person_is_written_as_listed(self, seat: Seat, real: RosterImport) -> None:
        real.commit(by=seat)
        person = Member.objects.get(full_name="Vũ Quang Hùng")
        membership, placement = person.memberships.get(), person.placements.get()
        assert (person.sex, person.birth, person.joined_on, person.official_on) == (
            "M",
            "18/07/1976",
            date(2004, 4, 4),
            date(2005, 4, 4),
        )
        assert (person.phone, person.address, person.card_no) == ("0939348282", "223 Điện Biên Phủ", "")
        assert (membership.cell.name, membership.position, membership.from_on) == (
            "Chi bộ 2",
            "Văn thư",
            timezone.localdate(),
        )
        assert (placement.commune.locality, placement.cell_as_written, placement.cell_written_key) == (
            "An Hải",
            "Tổ dân phố 11",
            "to dan pho 11",
        )

    def test_homonyms_stay_two_people(self, seat: Seat, real: RosterImport) -> None:
        real.commit(by=seat)
        births = Member.objects.filter(full_name__in=["Trần Thúy Thủy", "Lý Thị Uyên"]).order_by("birth_year")
        assert list(births.values_list("full_name", "birth_year")) == [
            ("Lý Thị Uyên", 1982),
            ("Trần Thúy Thủy", 1986),
            ("Trần Thúy Thủy", 1988),
            ("Lý Thị Uyên", 2001),
        ]

    def test_cells_of_the_workplace_are_made_once(self, cast: Cast, seat: Seat, real: RosterImport) -> None:
        real.commit(by=seat)
        cells = Organization.objects.filter(parent=cast.ministry, side="workplace").exclude(pk=cast.office_cell.pk)
        assert sorted(cells.values_list("name", flat=True)) == [f"Chi bộ {number}" for number in range(1, 7)]
        assert AuditEvent.objects.filter(verb="Organization.add").count() == 6

    def test_a_second_import_changes_nothing(self, cast: Cast, seat: Seat, real: RosterImport) -> None:
        real.commit(by=seat)
        before, events = register(), list(AuditEvent.objects.values_list("pk", flat=True))
        again = stage(cast, seat, REAL)
        assert again.counts() == {"new": 0, "changed": 0, "same": 120, "question": 0, "faulty": 0, "skip": 0}
        assert again.commit(by=seat) == {"new": 0, "changed": 0, "same": 120, "left": 0}
        assert register() == before
        later = AuditEvent.objects.exclude(pk__in=events).order_by("pk")
        assert [event.verb for event in later] == ["RosterImport.stage", "RosterImport.commit"]

    def test_history_of_an_import(self, seat: Seat, real: RosterImport) -> None:
        real.commit(by=seat)
        events = AuditEvent.objects.exclude(verb="Organization.add").order_by("pk")
        assert [(event.verb, event.count, event.seat) for event in events] == [
            ("RosterImport.stage", 1, seat),
            ("Member.import", 120, seat),
            ("RosterImport.commit", 1, seat),
        ]

    def test_queries_do_not_grow_with_the_list(
        self, cast: Cast, seat: Seat, real: RosterImport, django_assert_max_num_queries: Any
    ) -> None:
        with django_assert_max_num_queries(75):  # 6 new cells cost 5 each
            real.commit(by=seat)
        again = stage(cast, seat, REAL)
        with django_assert_max_num_queries(25):
            again.commit(by=seat)


class TestChanges:
    def test_phone_and_address(self, cast: Cast, seat: Seat) -> None:
        imported(cast, seat, LAM)
        roster = staged(cast, seat, {**LAM, "phone": "0905999999"})
        assert (plans(roster), fields_found(roster)) == (["changed"], ["phone"])
        assert roster.commit(by=seat) == {"new": 0, "changed": 1, "same": 0, "left": 0}
        person = Member.objects.get(full_name="Lâm Thị Mẫu")
        assert person.phone == "0905999999"
        event = AuditEvent.objects.get(verb="Member.update")
        assert (event.object_id, event.fields) == (person.pk, ["phone"])
        assert event.detail.changes == {"phone": ["0905000001", "0905999999"]}

    def test_position(self, cast: Cast, seat: Seat) -> None:
        imported(cast, seat, LAM)
        roster = staged(cast, seat, {**LAM, "position": "Phó Trưởng phòng"})
        assert (plans(roster), fields_found(roster)) == (["changed"], ["position"])
        roster.commit(by=seat)
        person = Member.objects.get(full_name="Lâm Thị Mẫu")
        assert list(person.memberships.values_list("position", "until_on")) == [("Phó Trưởng phòng", None)]
        event = AuditEvent.objects.get(verb="Member.update")
        assert event.detail.changes == {"position": ["Chuyên viên", "Phó Trưởng phòng"]}

    def test_another_cell_is_a_new_membership(self, cast: Cast, seat: Seat) -> None:
        imported(cast, seat, LAM)
        Membership.objects.filter(member__full_name="Lâm Thị Mẫu").update(from_on=date(2020, 1, 1))
        roster = staged(cast, seat, {**LAM, "cell": "Chi bộ 2"})
        assert (plans(roster), fields_found(roster)) == (["changed"], ["workplace_cell"])
        roster.commit(by=seat)
        person, today = Member.objects.get(full_name="Lâm Thị Mẫu"), timezone.localdate()
        spans = person.memberships.order_by("from_on").values_list("cell__name", "position", "from_on", "until_on")
        assert list(spans) == [
            ("Chi bộ 1", "Chuyên viên", date(2020, 1, 1), today - timedelta(days=1)),
            ("Chi bộ 2", "Chuyên viên", today, None),
        ]
        event = AuditEvent.objects.get(verb="Member.update")
        assert event.detail.changes == {"workplace_cell": ["Chi bộ 1", "Chi bộ 2"]}

    def test_another_cell_on_the_first_day_is_a_correction(self, cast: Cast, seat: Seat) -> None:
        imported(cast, seat, LAM)
        imported(cast, seat, {**LAM, "cell": "Chi bộ 2"})
        assert list(
            Membership.objects.filter(member__full_name="Lâm Thị Mẫu").values_list("cell__name", "until_on")
        ) == [("Chi bộ 2", None)]
        assert AuditEvent.objects.get(verb="Member.update").detail.changes == {
            "workplace_cell": ["Chi bộ 1", "Chi bộ 2"]
        }

    def test_exemption(self, cast: Cast, seat: Seat) -> None:
        imported(cast, seat, LAM)
        roster = staged(cast, seat, {**LAM, "note": EXEMPT})
        assert (plans(roster), fields_found(roster)) == (["changed"], ["exemption"])
        roster.commit(by=seat)
        placement = Placement.objects.get(member__full_name="Lâm Thị Mẫu")
        assert (placement.standing, placement.exemption, placement.exemption_proof) == (
            "exempt_activity",
            "EX_FULLTIME_STUDY",
            EXEMPT,
        )
        event = AuditEvent.objects.get(verb="Member.update")
        assert event.detail.changes == {
            "standing": ["active", "exempt_activity"],
            "exemption": ["", "EX_FULLTIME_STUDY"],
        }

    def test_another_category_of_exemption(self, cast: Cast, seat: Seat) -> None:
        imported(cast, seat, {**LAM, "note": EXEMPT})
        roster = staged(cast, seat, {**LAM, "note": "Miễn sinh hoạt nơi cư trú: công tác xa nhà"})
        assert (plans(roster), fields_found(roster)) == (["changed"], ["exemption"])
        roster.commit(by=seat)
        placement = Placement.objects.get(member__full_name="Lâm Thị Mẫu")
        assert (placement.standing, placement.exemption) == ("exempt_activity", "EX_FAR_WORK")

    def test_blanks_say_nothing(self, cast: Cast, seat: Seat) -> None:
        imported(cast, seat, LAM)
        short = {name: LAM[name] for name in ("full_name", "birth_date", "joined_on", "commune")}
        assert plans(staged(cast, seat, short)) == ["same"]

    def test_a_member_without_a_residence_gets_one(self, cast: Cast, seat: Seat) -> None:
        born, joined = date(1985, 3, 2), date(2010, 5, 19)
        person = factories.member("Lâm Thị Mẫu", workplace=cast.office_cell, birth_date=born, joined_on=joined, sex="F")
        roster = staged(cast, seat, {**LAM, "cell": "Chi bộ Văn phòng", "position": "", "phone": ""})
        assert (plans(roster), fields_found(roster)) == (["changed"], ["residence"])
        roster.commit(by=seat)
        placement = person.placements.get()
        assert (placement.commune, placement.cell_as_written, placement.standing, placement.origin) == (
            cast.ward,
            "Tổ dân phố 3",
            "active",
            "roster",
        )

    def test_another_commune_is_a_question(self, cast: Cast, seat: Seat) -> None:
        imported(cast, seat, LAM)
        before = register()
        roster = staged(cast, seat, {**LAM, "commune": "phường Sơn Trà", "phone": "0905999999"})
        assert (plans(roster), fields_found(roster)) == (["question"], ["commune"])
        assert roster.commit(by=seat) == {"new": 0, "changed": 0, "same": 0, "left": 1}
        assert register() == before

    def test_a_skipped_row_is_left(self, cast: Cast, seat: Seat) -> None:
        roster = staged(cast, seat, LAM)
        roster.rows.update(skip=True)
        assert roster.counts()["skip"] == 1
        assert roster.commit(by=seat) == {"new": 0, "changed": 0, "same": 0, "left": 1}
        assert not Member.objects.filter(full_name="Lâm Thị Mẫu").exists()


class TestCommunes:
    def test_an_unknown_one_is_faulty_until_chosen(self, cast: Cast, seat: Seat) -> None:
        roster = staged(cast, seat, {**LAM, "commune": "phường Bịa Đặt"})
        row = only(roster)
        assert (row.plan, row.commune) == ("faulty", None)
        assert [field for field, _ in row.found] == ["commune"]
        assert "“phường Bịa Đặt” chưa có trong danh bạ" in row.sentences[0]
        StagedRow.objects.filter(pk=row.pk).update(chosen_commune=cast.ward)
        roster.plan()
        assert plans(roster) == ["new"]
        roster.commit(by=seat)
        assert Placement.objects.get(member__full_name="Lâm Thị Mẫu").commune == cast.ward

    def test_two_of_one_name_are_a_question_the_unit_answers(self, cast: Cast, seat: Seat) -> None:
        twin = factories.commune(cast.province, "An Hải", unit="xã")
        assert plans(staged(cast, seat, {**LAM, "commune": "An Hải"})) == ["faulty"]
        assert only(staged(cast, seat, {**LAM, "commune": "xã An Hải"})).commune == twin

    def test_the_one_of_the_same_province_is_meant(self, cast: Cast, seat: Seat) -> None:
        elsewhere = factories.organization(None, "Tỉnh ủy Mẫu", "province")
        factories.commune(elsewhere, "An Hải")
        assert only(staged(cast, seat, LAM)).commune == cast.ward


class TestWhoIsWho:
    def test_without_a_birth_year_nobody_is_written(self, cast: Cast, seat: Seat) -> None:
        roster = staged(cast, seat, {**LAM, "birth_date": ""})
        assert plans(roster) == ["faulty"]
        assert any("năm sinh" in sentence for sentence in only(roster).sentences)
        assert roster.commit(by=seat)["left"] == 1

    def test_a_year_alone_is_a_question_when_somebody_has_the_name(self, cast: Cast, seat: Seat) -> None:
        imported(cast, seat, LAM)
        roster = staged(cast, seat, {**LAM, "birth_date": "1985"})
        row = only(roster)
        assert (row.plan, row.member) == ("question", None)
        assert "trùng họ tên (sinh năm 1985)" in row.sentences[0]
        StagedRow.objects.filter(pk=row.pk).update(is_other_person=True)
        roster.plan()
        assert plans(roster) == ["new"]
        roster.commit(by=seat)
        assert Member.objects.filter(full_name="Lâm Thị Mẫu").count() == 2

    def test_a_year_alone_is_enough_for_a_new_name(self, cast: Cast, seat: Seat) -> None:
        imported(cast, seat, {**LAM, "birth_date": "1985"})
        person = Member.objects.get(full_name="Lâm Thị Mẫu")
        assert (person.birth_date, person.birth_year) == (None, 1985)

    def test_the_full_date_of_somebody_known_by_the_year_is_a_question(self, cast: Cast, seat: Seat) -> None:
        """Else the office that completes its list would have everybody twice."""
        imported(cast, seat, {**LAM, "birth_date": "1985"})
        roster = staged(cast, seat, LAM)
        assert plans(roster) == ["question"]
        roster.rows.update(is_other_person=True)
        roster.plan()
        assert plans(roster) == ["new"]

    def test_another_joining_date_is_a_question(self, cast: Cast, seat: Seat) -> None:
        imported(cast, seat, LAM)
        assert plans(staged(cast, seat, {**LAM, "joined_on": "19/05/2011"})) == ["question"]

    def test_a_homonym_born_on_another_day_is_somebody_else(self, cast: Cast, seat: Seat) -> None:
        imported(cast, seat, LAM)
        assert plans(staged(cast, seat, {**LAM, "birth_date": "02/03/1986"})) == ["new"]

    def test_marks_do_not_decide(self, cast: Cast, seat: Seat) -> None:
        imported(cast, seat, {**LAM, "full_name": "Lâm Hoà Mẫu"})
        assert plans(staged(cast, seat, {**LAM, "full_name": "LÂM HÒA MẪU"})) == ["same"]

    def test_two_alike_in_the_register_are_a_question(self, cast: Cast, seat: Seat) -> None:
        born, joined = date(1985, 3, 2), date(2010, 5, 19)
        for _ in range(2):
            factories.member("Lâm Thị Mẫu", workplace=cast.office_cell, birth_date=born, joined_on=joined)
        roster = staged(cast, seat, LAM)
        assert (plans(roster), only(roster).member) == (["question"], None)


class TestCards:
    CARD = {**LAM, "card_no": "43.123456"}

    def test_the_card_finds_who_is_known_by_less(self, cast: Cast, seat: Seat) -> None:
        imported(cast, seat, {**self.CARD, "birth_date": "1985"})
        roster = staged(cast, seat, {**self.CARD, "birth_date": "1985"})
        assert plans(roster) == ["same"]

    def test_a_card_of_somebody_else_here_is_a_question(self, cast: Cast, seat: Seat) -> None:
        imported(cast, seat, self.CARD)
        roster = staged(cast, seat, {**self.CARD, "full_name": "Lâm Văn Khác", "birth_date": "01/01/1990"})
        assert plans(roster) == ["question"]
        assert [field for field, _ in only(roster).found] == ["card_no"]
        assert roster.commit(by=seat)["left"] == 1

    @pytest.mark.parametrize("birth", ["02/03/1985", "1985"])
    def test_a_card_known_elsewhere_is_asked_of_the_superior(self, cast: Cast, seat: Seat, birth: str) -> None:
        cell = factories.workplace_cell(cast.other_ministry, "Một")
        factories.member("Tên Hoàn Toàn Khác", workplace=cell, card_no=self.CARD["card_no"])
        roster = staged(cast, seat, {**self.CARD, "birth_date": birth})
        assert plans(roster) == ["question"]
        assert "Hoàn Toàn Khác" not in str(only(roster).sentences)
        roster.rows.update(is_other_person=True)
        roster.plan()
        assert roster.commit(by=seat) == {"new": 0, "changed": 0, "same": 0, "left": 1}


class TestAnotherCommittee:
    def test_their_member_is_a_question_and_not_revealed(self, cast: Cast, seat: Seat) -> None:
        cell = factories.workplace_cell(cast.other_ministry, "Bí Mật")
        born, joined = date(1985, 3, 2), date(2010, 5, 19)
        factories.member(
            "Lâm Thị Mẫu",
            workplace=cell,
            commune=cast.other_ward,
            birth_date=born,
            joined_on=joined,
            phone="0911111111",
        )
        before = register()
        roster = staged(cast, seat, LAM)
        row = only(roster)
        assert (row.plan, row.member) == ("question", None)
        assert row.sentences == ["Cần cấp trên trực tiếp xác nhận tiếp nhận đảng viên này; dòng chưa được ghi."]
        kept = json.dumps(roster.rows.values("found", "errors", "warnings", "member").get(), ensure_ascii=False)
        assert not any(word in kept for word in ("Bí Mật", "Láng Giềng", "Sơn Trà", "0911"))
        assert roster.commit(by=seat)["left"] == 1
        assert register() == before

    def test_the_same_name_there_is_no_concern_of_ours(self, cast: Cast, seat: Seat) -> None:
        cell = factories.workplace_cell(cast.other_ministry, "Một")
        factories.member("Lâm Thị Mẫu", workplace=cell, birth_date=date(1985, 3, 2), joined_on=date(2001, 1, 1))
        assert plans(staged(cast, seat, LAM)) == ["new"]

    def test_a_cell_of_the_same_name_stays_theirs(self, cast: Cast, seat: Seat) -> None:
        theirs = factories.workplace_cell(cast.other_ministry, "1")
        imported(cast, seat, LAM)
        cell = Membership.objects.get(member__full_name="Lâm Thị Mẫu").cell
        assert (cell.name, cell.parent, cell == theirs) == ("Chi bộ 1", cast.ministry, False)


class TestKeeping:
    def test_values_are_unreadable_in_the_database(self, cast: Cast, seat: Seat) -> None:
        roster = staged(cast, seat, {**LAM, "card_no": "43.123456"})
        with connection.cursor() as cursor:
            cursor.execute("SELECT * FROM members_stagedrow")
            raw = str(cursor.fetchall())
        assert not any(word in raw for word in ("Lâm", "0905000001", "43.123456", "1985"))
        assert only(roster).values["full_name"] == "Lâm Thị Mẫu"

    def test_phone_address_and_card_are_unreadable_in_the_register(self, cast: Cast, seat: Seat) -> None:
        imported(cast, seat, {**LAM, "card_no": "43.123456"})
        with connection.cursor() as cursor:
            cursor.execute("SELECT phone, address, card_no, card_index FROM members_member WHERE phone <> ''")
            rows = cursor.fetchall()
        assert len(rows) == 1
        assert not any(word in str(rows) for word in ("0905000001", "43.123456"))
        assert Member.objects.get(full_name="Lâm Thị Mẫu").card_no == "43.123456"

    def test_rows_are_gone_after_the_import(self, cast: Cast, seat: Seat) -> None:
        roster = staged(cast, seat, LAM, {**LAM, "full_name": "Không Phường", "commune": ""})
        roster.commit(by=seat)
        assert not StagedRow.objects.exists()
        assert (roster.outcome, roster.committed_by) == ({"new": 1, "changed": 0, "same": 0, "left": 1}, seat)

    def test_rows_are_gone_after_seven_days(self, cast: Cast, seat: Seat) -> None:
        old, fresh = staged(cast, seat, LAM), staged(cast, seat, LAM)
        age = timezone.now() - timedelta(days=7)
        RosterImport.objects.filter(pk=old.pk).update(made_at=age - timedelta(minutes=1))
        RosterImport.objects.filter(pk=fresh.pk).update(made_at=age + timedelta(minutes=1))
        tasks.forget_staged_rows()
        assert list(StagedRow.objects.values_list("roster", flat=True)) == [fresh.pk]

    def test_pressed_twice(self, cast: Cast, seat: Seat) -> None:
        roster = staged(cast, seat, LAM)
        first = roster.commit(by=seat)
        before, events = register(), AuditEvent.objects.count()
        assert RosterImport.objects.get(pk=roster.pk).commit(by=seat) == first
        assert (register(), AuditEvent.objects.count()) == (before, events)


class TestRaces:
    def test_one_list_pressed_by_four_at_once(self, transactional_db: None, cast: Cast, seat: Seat) -> None:
        roster = staged(cast, seat, LAM, {**LAM, "full_name": "Lâm Thị Hai"})
        results = race(4, lambda _: RosterImport.objects.get(pk=roster.pk).commit(by=seat))
        assert results == [{"new": 2, "changed": 0, "same": 0, "left": 0}] * 4
        assert Member.objects.filter(search_key__startswith="lam thi").count() == 2
        assert AuditEvent.objects.filter(verb="RosterImport.commit").count() == 1

    def test_the_same_list_uploaded_twice(self, transactional_db: None, cast: Cast, seat: Seat) -> None:
        twins = [staged(cast, seat, LAM), staged(cast, seat, LAM)]
        results = race(2, lambda number: RosterImport.objects.get(pk=twins[number].pk).commit(by=seat))
        outcomes = Counter((result["new"], result["same"]) for result in results)
        assert outcomes == {(1, 0): 1, (0, 1): 1}
        assert Member.objects.filter(full_name="Lâm Thị Mẫu").count() == 1
        assert Organization.objects.filter(name="Chi bộ 1").count() == 1
