"""People and organisations: what the database refuses whoever writes."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import pytest
from django.db.models import F
from django.utils import timezone

from members.models import (
    Attendance,
    CellName,
    ContactMeeting,
    Kinship,
    Member,
    Membership,
    Organization,
    OrganizationPeriod,
    Placement,
    RosterHeading,
    RosterImport,
    Seat,
    Signatory,
    SlipCode,
    StagedRow,
    Succession,
)
from members.roles import Role
from tests import factories
from tests.breaking import Statement, change, constraints_of, double, is_refused

DAY, LATER = date(2026, 3, 1), date(2026, 4, 1)


@dataclass
class World:
    """One valid row of everything; each case changes one thing about one of them."""

    province: Organization
    ward: Organization
    cell: Organization
    period: OrganizationPeriod
    succession: Succession
    seat: Seat
    member: Member
    membership: Membership
    placement: Placement
    meeting: ContactMeeting
    attendance: Attendance
    row: StagedRow
    heading: RosterHeading
    signatory: Signatory
    kinship: Kinship
    kinship_of_user: Kinship
    slip: SlipCode
    name: CellName


@pytest.fixture
def world(db: None) -> World:
    province = factories.organization(None, "Thành ủy Đà Nẵng", "province")
    ward, other = factories.commune(province, "An Hải"), factories.commune(province, "Sơn Trà")
    cell, office = factories.residence_cell(ward, "Tổ dân phố 7"), factories.workplace_cell(province, "Văn phòng")
    user = factories.official("officer", "Nguyễn Văn Soạn", province, Role.OFFICER)
    seat = user.seats.get()
    member = factories.member(workplace=office, commune=ward, card_no="0123456789", birth_date=date(1980, 6, 28))
    placement = member.placements.get()
    meeting = ContactMeeting.objects.create(cell=cell, held_on=DAY, recorded_by=seat)
    roster = RosterImport.objects.create(committee=province, filename="ds.xlsx", header_row=1, made_by=seat)
    return World(
        province=province,
        ward=ward,
        cell=cell,
        period=ward.periods.get(),
        succession=Succession.objects.create(old=ward, new=other, on=DAY, kind="merge"),
        seat=seat,
        member=member,
        membership=member.memberships.get(),
        placement=placement,
        meeting=meeting,
        attendance=Attendance.objects.create(meeting=meeting, placement=placement, status="present", recorded_by=seat),
        row=StagedRow.objects.create(roster=roster, row_no=7, values={}),
        heading=RosterHeading.objects.create(committee=province, key="khu vuc", field="commune", said_by=seat),
        name=CellName.objects.say(ward, "Tổ 12 cũ", cell, by=seat),
        signatory=Signatory.objects.create(
            organization=ward, authority="T/M ĐẢNG ỦY", position="BÍ THƯ", name="Lê Mẫu"
        ),
        kinship=Kinship.objects.create(member=member, relative=factories.member(), kind="spouse", declared_by=user),
        kinship_of_user=Kinship.objects.create(member=member, relative_user=user, kind="child", declared_by=user),
        slip=SlipCode.objects.create(
            user=user, purpose="opening", code_hash="a" * 64, expires_at=timezone.now() + timedelta(days=7)
        ),
    )


Break = Callable[[World], Statement]
BREAKS: list[tuple[str, Break]] = [
    ("seat_role_known", lambda w: change(w.seat, role="king")),
    ("seat_ends_after_start", lambda w: change(w.seat, from_on=LATER, until_on=DAY)),
    ("seat_one_open_tenure", lambda w: double(w.seat, from_on=LATER)),
    ("seat_acting_has_paper", lambda w: change(w.seat, acting=True)),
    ("organization_kind_known", lambda w: change(w.province, kind="club")),
    ("organization_cell_has_side", lambda w: change(w.cell, side="")),
    ("organization_cell_has_side", lambda w: change(w.cell, side="both")),
    ("organization_cell_has_side", lambda w: change(w.ward, side="residence")),
    ("organization_commune_has_unit", lambda w: change(w.ward, unit="")),
    ("organization_commune_has_unit", lambda w: change(w.ward, locality="")),
    ("organization_cell_no_seal", lambda w: change(w.cell, has_seal=True)),
    ("organization_cell_no_seal", lambda w: change(w.province, kind="sectional")),
    ("organization_some_copies", lambda w: change(w.ward, reply_copies=0)),
    *(
        ("signatory_signs_for_the_committee", lambda w, said=said: change(w.signatory, authority=said))
        for said in ("K/T BÍ THƯ", "k/t bí thư", "KT. BÍ THƯ", "K / T BÍ THƯ", "ĐẢNG ỦY")
    ),
    ("organization_signs_for_the_committee", lambda w: change(w.ward, authority="KT. BÍ THƯ")),
    ("kinship_kind_known", lambda w: change(w.kinship, kind="cousin")),
    ("kinship_of_two", lambda w: change(w.kinship, relative=w.member)),
    ("kinship_of_two", lambda w: change(w.kinship, relative=None)),
    ("kinship_of_two", lambda w: change(w.kinship, relative_user=w.seat.user)),
    ("kinship_once_between_members", lambda w: double(w.kinship, kind="sibling")),
    ("kinship_once_with_user", lambda w: double(w.kinship_of_user, kind="sibling")),
    ("kinship_ended_by_whom", lambda w: change(w.kinship, ended_at="2026-03-01T00:00:00Z")),
    ("signatory_is_somebody", lambda w: change(w.signatory, name="")),
    ("signatory_is_somebody", lambda w: change(w.signatory, authority="")),
    ("organization_some_copies", lambda w: change(w.ward, reply_copies=21)),
    ("organization_not_its_own_parent", lambda w: change(w.ward, parent=F("pk"))),
    ("period_ends_after_start", lambda w: change(w.period, from_on=LATER, until_on=DAY)),
    ("period_one_open", lambda w: double(w.period, from_on=LATER)),
    ("succession_kind_known", lambda w: change(w.succession, kind="swap")),
    ("succession_between_two", lambda w: change(w.succession, new=F("old"))),
    ("succession_once", lambda w: double(w.succession, kind="split")),
    ("member_sex_known", lambda w: change(w.member, sex="X")),
    ("member_birth_year_agrees", lambda w: change(w.member, birth_year=1981)),
    ("member_joined_after_birth", lambda w: change(w.member, joined_on=date(1980, 6, 28))),
    ("member_card_once", lambda w: double(w.member, full_name="Người Khác")),
    ("cell_name_source_known", lambda w: change(w.name, source="talk")),
    ("cell_name_says_something", lambda w: change(w.name, key="")),
    ("cell_name_one_own", lambda w: double(w.name)),
    ("cell_name_one_counted", lambda w: lambda: [double(w.name, source="list")() for _ in range(2)]),
    ("cell_name_whose_word", lambda w: change(w.name, said_by=None)),
    ("membership_end_reason_known", lambda w: change(w.membership, until_on=LATER, end_reason="bored")),
    ("membership_reason_only_when_ended", lambda w: change(w.membership, end_reason="moved")),
    ("placement_end_reason_known", lambda w: change(w.placement, until_on=LATER, end_reason="bored")),
    ("placement_reason_only_when_ended", lambda w: change(w.placement, end_reason="moved")),
    ("membership_ends_after_start", lambda w: change(w.membership, from_on=LATER, until_on=DAY)),
    ("membership_one_open", lambda w: double(w.membership, from_on=LATER)),
    ("placement_standing_known", lambda w: change(w.placement, standing="secret")),
    ("placement_origin_known", lambda w: change(w.placement, origin="rumour")),
    ("placement_category_only_when_exempt", lambda w: change(w.placement, exemption="EX_ARMED")),
    ("placement_ends_after_start", lambda w: change(w.placement, from_on=LATER, until_on=DAY)),
    ("placement_one_open", lambda w: double(w.placement, from_on=LATER)),
    ("placement_assigned_by_whom", lambda w: change(w.placement, assigned_at="2026-03-01T00:00:00Z")),
    ("placement_assigned_by_whom", lambda w: change(w.placement, assigned_by=w.seat)),
    ("meeting_kind_known", lambda w: change(w.meeting, kind="party")),
    ("meeting_once_a_day", lambda w: double(w.meeting, theme="Lần nữa")),
    ("attendance_status_known", lambda w: change(w.attendance, status="late")),
    ("attendance_once", lambda w: double(w.attendance, status="absent")),
    ("roster_heading_field_known", lambda w: change(w.heading, field="secret")),
    ("roster_heading_once", lambda w: double(w.heading, field="")),
    ("slip_purpose_known", lambda w: change(w.slip, purpose="gift")),
    ("slip_expires_later", lambda w: change(w.slip, expires_at=F("issued_at"))),
    ("slip_used_or_revoked", lambda w: change(w.slip, used_at=F("issued_at"), revoked_at=F("issued_at"))),
    ("slip_one_opens", lambda w: double(w.slip, code_hash="b" * 64)),
    ("staged_row_plan_known", lambda w: change(w.row, plan="maybe")),
    ("staged_row_once", lambda w: double(w.row, plan="new")),
]


def test_the_database_refuses(world: World) -> None:
    assert [name for name, case in BREAKS if not is_refused(name, case(world))] == []


def test_every_constraint_is_tried() -> None:
    assert constraints_of("members") == {name for name, _ in BREAKS}


def test_the_past_may_hold_what_the_present_may_not(world: World) -> None:
    """One *open* row of each; ended ones are history, and an unknown card is no card."""
    ended: dict[str, Any] = {"until_on": LATER}
    for row in (world.seat, world.period, world.membership, world.placement):
        double(row, **ended)()
    for _ in range(2):
        factories.member()
    assert [Member.objects.filter(card_index="").count(), Seat.objects.count(), Placement.objects.count()] == [3, 2, 2]
