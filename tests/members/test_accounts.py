"""Seats: which are held today, how far they reach, and which of several does a thing."""

from datetime import date

import pytest
from django.core.exceptions import PermissionDenied
from django.utils import timezone

from members.models import Organization, Seat, User
from members.models.organizations import next_path
from members.roles import GRANTS, Action, Role, Side
from tests import factories

pytestmark = pytest.mark.django_db
FIRST, LAST = date(2026, 3, 1), date(2026, 3, 31)


@pytest.fixture
def province() -> Organization:
    return factories.organization(None, "Thành ủy Đà Nẵng", "province")


@pytest.fixture
def ministry(province: Organization) -> Organization:
    return factories.organization(province, "Đảng ủy Sở Thử Nghiệm", "grassroots")


@pytest.fixture
def user() -> User:
    return factories.user("officer", "Nguyễn Văn Soạn")


def again(user: User) -> User:
    """As the next request sees them."""
    return User.objects.get(pk=user.pk)


def with_path(name: str, path: str) -> Organization:
    return Organization.objects.create(name=name, kind="grassroots", path=path)


def reached(user: User, action: Action, side: Side | None = None) -> list[str]:
    found = Organization.objects.filter(again(user).reach(action, "", side)).values_list("name", flat=True)
    return sorted(found)


class TestCurrent:
    @pytest.mark.parametrize(
        ("on", "is_held"),
        [
            (date(2026, 2, 28), False),
            (FIRST, True),
            (date(2026, 3, 15), True),
            (LAST, True),
            (date(2026, 4, 1), False),
        ],
    )
    def test_from_the_first_to_the_last_day(self, user: User, ministry: Organization, on: date, is_held: bool) -> None:
        factories.seat(user, ministry, Role.OFFICER, from_on=FIRST, until_on=LAST)
        assert Seat.objects.current(on).exists() is is_held

    def test_open_end(self, user: User, ministry: Organization) -> None:
        factories.seat(user, ministry, Role.OFFICER, from_on=FIRST)
        assert Seat.objects.current(date(2099, 1, 1)).exists()

    def test_today_counts_here_not_in_greenwich(self, user: User, ministry: Organization) -> None:
        today = timezone.localdate()
        factories.seat(user, ministry, Role.OFFICER, from_on=today, until_on=today)
        assert [seat.role for seat in again(user).seats_now] == ["officer"]

    def test_an_ended_seat_gives_nothing(self, user: User, ministry: Organization) -> None:
        factories.seat(user, ministry, Role.OFFICER, from_on=FIRST, until_on=FIRST)
        user = again(user)
        assert (user.seats_now, user.may(Action.PREPARE), reached(user, Action.PREPARE)) == ([], False, [])
        with pytest.raises(PermissionDenied):
            user.acting(Action.PREPARE, ministry)

    def test_seats_carry_the_address_of_the_request(self, user: User, ministry: Organization) -> None:
        factories.seat(user, ministry, Role.OFFICER)
        user = again(user)
        user.address = "10.0.0.7"
        assert [(seat.address, seat.user is user) for seat in user.seats_now] == [("10.0.0.7", True)]


class TestReach:
    @pytest.fixture(autouse=True)
    def tree(self) -> None:
        """Siblings whose paths begin alike, in letters if not in steps."""
        self.top = with_path("top", "/1/")
        self.own = with_path("own", "/1/2/")
        for name, path in [
            ("below", "/1/2/5/"),
            ("deep", "/1/2/5/7/"),
            ("sibling 20", "/1/20/"),
            ("below sibling 20", "/1/20/2/"),
            ("sibling 3", "/1/3/"),
            ("sibling 19", "/1/19/"),
            ("other tree", "/12/"),
        ]:
            with_path(name, path)

    def test_own(self, user: User) -> None:
        factories.seat(user, self.own, Role.OFFICER)
        assert reached(user, Action.PREPARE) == ["own"]

    def test_below(self, user: User) -> None:
        factories.seat(user, self.own, Role.OFFICER)
        assert reached(user, Action.SEE_MEMBERS) == ["below", "deep", "own"]

    def test_below_the_top(self, user: User) -> None:
        factories.seat(user, self.top, Role.OFFICER)
        everything = ["below", "below sibling 20", "deep", "own", "sibling 19", "sibling 20", "sibling 3", "top"]
        assert reached(user, Action.SEE_MEMBERS) == everything

    def test_the_branch_is_the_same_read_as_a_list(self, user: User) -> None:
        assert [org.name for org in Organization.objects.below(self.own)] == ["own", "below", "deep"]

    def test_one_side_only(self, user: User) -> None:
        factories.seat(user, self.own, Role.OFFICER)
        assert reached(user, Action.REGISTER, Side.RESIDENCE) == ["own"]
        assert reached(user, Action.REGISTER, Side.WORKPLACE) == []

    def test_what_no_seat_grants_reaches_nothing(self, user: User) -> None:
        factories.seat(user, self.own, Role.OFFICER)
        assert reached(user, Action.AUDIT) == []

    def test_union_of_seats(self, user: User) -> None:
        factories.seat(user, self.own, Role.OFFICER)
        factories.seat(user, Organization.objects.get(name="sibling 20"), Role.CLERK)
        factories.seat(user, Organization.objects.get(name="sibling 3"), Role.SIGNER, until_on=FIRST)
        assert reached(user, Action.SEE_MEMBERS) == ["below", "below sibling 20", "deep", "own", "sibling 20"]
        assert reached(user, Action.REGISTER) == ["own", "sibling 20"]
        assert reached(user, Action.SIGN) == []

    @pytest.mark.parametrize(("path", "after"), [("/1/", "/10"), ("/1/2/", "/1/20"), ("/1/29/", "/1/290")])
    def test_next_path(self, path: str, after: str) -> None:
        assert next_path(path) == after


class TestActing:
    def test_without_any_seat(self, user: User, ministry: Organization) -> None:
        with pytest.raises(
            PermissionDenied, match="Soạn đợt lấy ý kiến: đồng chí không có nhiệm vụ này tại Đảng ủy Sở"
        ):
            user.acting(Action.PREPARE, ministry)

    def test_role_without_the_grant(self, user: User, ministry: Organization) -> None:
        factories.seat(user, ministry, Role.CLERK)
        with pytest.raises(PermissionDenied):
            again(user).acting(Action.SIGN, ministry)

    def test_own_depth_ends_at_the_organisation(
        self, user: User, province: Organization, ministry: Organization
    ) -> None:
        seat = factories.seat(user, province, Role.OFFICER)
        assert again(user).acting(Action.PREPARE, province) == seat
        with pytest.raises(PermissionDenied):
            again(user).acting(Action.PREPARE, ministry)

    def test_depth_below_reaches_down_and_never_up(
        self, user: User, province: Organization, ministry: Organization
    ) -> None:
        cell = factories.workplace_cell(ministry, "Văn phòng")
        seat = factories.seat(user, ministry, Role.OFFICER)
        assert again(user).acting(Action.KEEP_ROSTER, cell) == seat
        with pytest.raises(PermissionDenied):
            again(user).acting(Action.KEEP_ROSTER, province)

    def test_a_path_that_only_begins_alike_is_somebody_elses(self, user: User) -> None:
        factories.seat(user, with_path("own", "/1/2/"), Role.OFFICER)
        with pytest.raises(PermissionDenied):
            again(user).acting(Action.KEEP_ROSTER, with_path("sibling", "/1/20/"))

    def test_the_deputy_acts_only_when_nobody_else_does(self, user: User, ministry: Organization) -> None:
        deputy = factories.seat(user, ministry, Role.SIGNER, as_deputy=True)
        assert again(user).acting(Action.RECEIVE, ministry) == deputy
        full = factories.seat(user, ministry, Role.OFFICER)
        assert again(user).acting(Action.RECEIVE, ministry) == full
        assert again(user).acting(Action.SIGN, ministry) == deputy

    def test_the_nearest_seat_acts(self, user: User, province: Organization, ministry: Organization) -> None:
        factories.seat(user, province, Role.OFFICER)
        near = factories.seat(user, ministry, Role.OFFICER)
        assert again(user).acting(Action.KEEP_ROSTER, ministry) == near

    def test_words_of_a_seat(self, user: User, ministry: Organization) -> None:
        seat = factories.seat(user, ministry, Role.SECRETARY, as_deputy=True)
        assert str(seat) == "Phó bí thư chi bộ – Đảng ủy Sở Thử Nghiệm"


class TestThatMay:
    def test_who_can_be_told(self, user: User, province: Organization, ministry: Organization) -> None:
        told = factories.seat(user, ministry, Role.CLERK)
        for number, fields in enumerate([{"role": Role.SIGNER}, {"role": Role.CLERK, "until_on": FIRST}]):
            other = factories.user(f"other{number}", "Người Khác")
            factories.seat(other, ministry, fields.pop("role"), **fields)
        factories.seat(factories.user("above", "Cấp Trên"), province, Role.CLERK)
        assert list(Seat.objects.that_may(Action.REGISTER, ministry)) == [told]


def test_every_role_has_its_grants() -> None:
    assert set(GRANTS) == set(Role)
    for grants in GRANTS.values():
        assert len({(grant.action, grant.side) for grant in grants}) == len(grants)
