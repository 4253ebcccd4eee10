"""The tree changes as a whole: paths are the chain of parents whatever moves, and nobody is in two places."""

from datetime import date, timedelta

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from members.models import Membership, Organization, OrganizationPeriod, Placement, Seat
from members.models import tree_changes as tree
from members.roles import Role
from members.states import Refused
from tests import factories
from tests.conftest import Cast

pytestmark = pytest.mark.django_db
ON = date(2026, 7, 1)
LAST = ON - timedelta(days=1)


def fresh(row: Organization) -> Organization:
    return Organization.objects.get(pk=row.pk)


def broken_paths() -> list[str]:
    rows = Organization.objects.select_related("parent")
    return [row.name for row in rows if row.path != f"{row.parent.path if row.parent else '/'}{row.pk}/"]


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    moves=st.lists(
        st.tuples(st.sampled_from(["move", "merge"]), st.integers(0, 30), st.integers(0, 30), st.integers(0, 3)),
        min_size=1,
        max_size=8,
    )
)
def test_random_changes_keep_paths_and_one_open_period(db: None, moves: list[tuple[str, int, int, int]]) -> None:
    with transaction.atomic():
        _build()
        for number, (kind, one, other, more) in enumerate(moves, 1):
            _change(kind, one, other, more, ON + timedelta(days=number))
            assert broken_paths() == []
        live = Organization.objects.filter(closed_on=None)
        assert OrganizationPeriod.objects.filter(until_on=None).count() == live.count()
        assert not OrganizationPeriod.objects.filter(until_on=None).exclude(organization__in=live).exists()
        now = dict(OrganizationPeriod.objects.filter(until_on=None).values_list("organization", "parent"))
        assert now == dict(live.values_list("pk", "parent"))
        transaction.set_rollback(True)


def _build() -> None:
    province = factories.organization(None, "Tỉnh ủy Mẫu", "province")
    for number in range(3):
        ward = factories.commune(province, f"Mẫu {number}")
        office = factories.organization(province, f"Đảng ủy Sở {number}", "grassroots")
        section = factories.organization(office, f"Đảng ủy bộ phận {number}", "sectional")
        for cell in range(2):
            factories.residence_cell(ward, f"Tổ {cell}")
            factories.workplace_cell(section, f"Phòng {cell}")
            factories.workplace_cell(office, f"Ban {cell}")


def _change(kind: str, one: int, other: int, more: int, on: date) -> None:
    rows = list(Organization.objects.filter(closed_on=None).order_by("pk"))
    moving, to = rows[one % len(rows)], rows[other % len(rows)]
    if kind == "move":
        if not tree.place_problem(moving.kind, moving.side, to) and not to.path.startswith(moving.path):
            tree.put_under([moving], to, on)
        elif to.path.startswith(moving.path):
            with pytest.raises(Refused):
                tree.put_under([moving], to, on)
        return
    olds = [row for row in rows if (row.kind, row.side, row.parent_id) == (to.kind, to.side, to.parent_id)]
    olds = [row for row in olds if row.pk != to.pk][: more + 1]
    if olds:
        tree.hand_on(olds, to, on)
        tree.close(olds, on, kept_by=to)


class TestDatedRows:
    def test_who_was_there_before_is_still_there_to_be_read(self, cast: Cast) -> None:
        member = factories.member(commune=cast.ward, cell=cast.cell)
        row = Placement.objects.get(member=member)
        tree.go_on(Placement.objects.current().filter(cell=cast.cell), ON, cell=cast.other_cell)
        past = Placement.objects.exclude(pk=row.pk).get(member=member)
        row.refresh_from_db()
        assert (past.cell, past.from_on, past.until_on) == (cast.cell, factories.LONG_AGO, LAST)
        assert (row.cell, row.from_on, row.until_on) == (cast.other_cell, ON, None)

    def test_what_began_later_has_no_past(self, cast: Cast) -> None:
        member = factories.member(commune=cast.ward, cell=cast.cell)
        Placement.objects.filter(member=member).update(from_on=ON + timedelta(days=5))
        tree.go_on(Placement.objects.current().filter(cell=cast.cell), ON, cell=cast.other_cell)
        row = Placement.objects.get(member=member)
        assert (row.cell, row.from_on) == (cast.other_cell, ON + timedelta(days=5))

    def test_two_current_places_cannot_be(self, cast: Cast) -> None:
        member = factories.member(commune=cast.ward, cell=cast.cell)
        with pytest.raises(IntegrityError), transaction.atomic():
            factories.placement(member, cast.other_ward)
        with pytest.raises(IntegrityError), transaction.atomic():
            Membership.objects.create(member=cast.asked, cell=cast.office_cell, from_on=ON)

    def test_a_name_of_the_past_is_kept_with_its_superior(self, cast: Cast) -> None:
        tree.rename(fresh(cast.cell), ON, name="Chi bộ Khu phố 7")
        tree.rename(fresh(cast.cell), ON + timedelta(days=30), name="Chi bộ Khu phố Bảy")
        assert list(cast.cell.periods.order_by("from_on").values_list("name", "parent", "from_on", "until_on")) == [
            ("Chi bộ Tổ dân phố 7", cast.ward.pk, factories.LONG_AGO, LAST),
            ("Chi bộ Khu phố 7", cast.ward.pk, ON, ON + timedelta(days=29)),
            ("Chi bộ Khu phố Bảy", cast.ward.pk, ON + timedelta(days=30), None),
        ]
        assert fresh(cast.cell).search_key == "chi bo khu pho bay"


class TestSeats:
    def test_they_end_with_their_organisation_and_go_on_in_the_next(self, cast: Cast) -> None:
        held = tree.end_seats([cast.cell], ON)
        seat = cast.other_secretary.seats.get()
        assert tree.carry_seats(held, cast.other_cell, ON, by=seat) == 1
        assert list(cast.secretary.seats.order_by("pk").values_list("organization", "from_on", "until_on")) == [
            (cast.cell.pk, factories.LONG_AGO, LAST),
            (cast.other_cell.pk, ON, None),
        ]

    def test_a_seat_held_in_both_is_not_doubled(self, cast: Cast) -> None:
        factories.seat(cast.secretary, cast.other_cell, Role.SECRETARY)
        held = tree.end_seats([cast.cell], ON)
        assert tree.carry_seats(held, cast.other_cell, ON, by=cast.other_secretary.seats.get()) == 0
        assert Seat.objects.filter(user=cast.secretary, until_on=None).count() == 1


@pytest.mark.parametrize(
    ("kind", "side", "above", "is_fine"),
    [
        ("cell", "residence", "ward", True),
        ("cell", "residence", "ministry", False),
        ("cell", "workplace", "ministry", True),
        ("cell", "workplace", "ward", True),
        ("cell", "workplace", "office_cell", False),
        ("cell", "residence", "cell", False),
        ("commune", "", "province", True),
        ("commune", "", "ward", False),
        ("grassroots", "", "ward", True),
        ("sectional", "", "ward", False),
        ("grassroots", "", "far_ward", False),
    ],
)
def test_what_may_stand_where(cast: Cast, kind: str, side: str, above: str, is_fine: bool) -> None:
    assert (tree.place_problem(kind, side, getattr(cast, above)) == "") is is_fine


def test_nothing_changes_before_it_was_there(cast: Cast) -> None:
    young = Organization.objects.add(cast.ward, kind="cell", side="residence", name="Chi bộ Mới")
    today = timezone.localdate()
    assert "Chọn ngày sau" in tree.day_problem([young], today)
    assert tree.day_problem([young], today + timedelta(days=1)) == ""
    assert tree.day_problem([cast.cell], today) == ""
