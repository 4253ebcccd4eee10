"""Seats are given for a time, by whoever holds what he gives; at midnight after the last day they are over."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from unittest.mock import patch
from zoneinfo import ZoneInfo

import pytest
from django.utils import timezone

from members.models import AuditEvent, Organization, Seat, User
from members.models.tenures import appoint, giver_of, holders, may_change, roles_to_give, set_end
from members.roles import GRANTS, HANDS_OUT, Action, Depth, Role, may_hand_out
from members.states import Refused
from tests import factories
from tests.conftest import Cast

TODAY = timezone.localdate()
HERE = ZoneInfo("Asia/Ho_Chi_Minh")


def again(user: User) -> User:
    return User.objects.get(pk=user.pk)


@contextmanager
def clock(*moment: int) -> Iterator[None]:
    """Only what time it is; everything of ours runs."""
    with patch("django.utils.timezone.now", lambda: datetime(*moment, tzinfo=HERE)):  # type: ignore[misc]
        yield


def officer(cast: Cast) -> Seat:
    return cast.ward_officer.seats.get()


class TestLastSecond:
    def test_from_the_first_to_the_last_second(self, cast: Cast, db: None) -> None:
        user = factories.user("lan", "Trần Thị Lan")
        with clock(2026, 2, 20, 8):
            seat = appoint(user, cast.cell, "secretary", date(2026, 3, 1), by=officer(cast), until_on=date(2026, 3, 31))
        held = {}
        for moment in (
            (2026, 2, 28, 23, 59, 59),
            (2026, 3, 1, 0, 0, 0),
            (2026, 3, 31, 23, 59, 59),
            (2026, 4, 1, 0, 0, 0),
        ):
            with clock(*moment):
                held[moment] = (again(user).may(Action.SUBMIT), seat.is_current())
        assert list(held.values()) == [(False, False), (True, True), (True, True), (False, False)]

    def test_ending_today_holds_until_midnight(self, cast: Cast, db: None) -> None:
        seat = cast.secretary.seats.get()
        with clock(2026, 11, 5, 9):
            set_end(seat, date(2026, 11, 5), by=officer(cast))
        with clock(2026, 11, 5, 23, 59, 59):
            assert again(cast.secretary).may(Action.SUBMIT)
        with clock(2026, 11, 6, 0, 0, 0):
            assert not again(cast.secretary).may(Action.SUBMIT)


class TestWhoGives:
    def test_nobody_hands_out_more_than_he_holds_or_directs(self) -> None:
        """The officer directs the work of cells; everything else a seat hands out stands in its own grants."""
        directed = {Action.RECORD, Action.WRITE, Action.SHARE, Action.SUBMIT}
        for giver, handed in HANDS_OUT.items():
            extra = {grant for grant in handed if grant not in GRANTS[giver]}
            assert {grant.action for grant in extra} <= directed
            assert all(grant.depth == Depth.BELOW for grant in extra)
        given = {
            (giver, role, is_own)
            for giver in Role
            for role in Role
            for is_own in (True, False)
            if may_hand_out(giver, role, is_own=is_own)
        }
        below = {
            (Role.OFFICER, role, where)
            for role in (Role.SECRETARY, Role.CELL_COMMITTEE, Role.TYPIST)
            for where in (True, False)
        }
        own = {(Role.OFFICER, Role.OFFICER, True), (Role.OFFICER, Role.CLERK, True), (Role.SIGNER, Role.SIGNER, True)}
        assert given == below | own

    @pytest.mark.parametrize(
        ("who", "where", "roles"),
        [
            ("ward_officer", "cell", ["secretary", "cell_committee", "typist"]),
            ("ward_officer", "ward", ["officer", "clerk"]),
            ("ward_officer", "ministry", []),
            ("ward_officer", "office_cell", []),
            ("officer", "office_cell", ["secretary", "cell_committee", "typist"]),
            ("officer", "cell", []),
            ("ward_signer", "ward", ["signer"]),
            ("ward_signer", "cell", []),
            ("ward_clerk", "ward", []),
            ("secretary", "cell", []),
            ("overseer", "ward", []),  # all three are held
            ("overseer", "other_ministry", ["signer", "clerk"]),
            ("administrator", "other_ministry", ["signer", "clerk"]),
            ("administrator", "cell", []),
            ("administrator", "province", ["officer", "signer", "clerk", "overseer", "administrator", "auditor"]),
            ("overseer", "province", ["officer", "signer", "clerk"]),
            ("auditor", "province", []),
            ("nobody", "cell", []),
            ("administrator", "far_ward", []),
        ],
    )
    def test_what_each_may_give_where(self, cast: Cast, who: str, where: str, roles: list[str]) -> None:
        user, place = getattr(cast, who), getattr(cast, where)
        order = [role.value for role in Role]
        given = sorted((role.value for role in roles_to_give(user, place)), key=order.index)
        assert given == sorted(roles, key=order.index)

    def test_a_committee_is_opened_from_above_only_while_nobody_is_there(self, cast: Cast) -> None:
        seat = cast.overseer.seats.get()
        first = factories.user("moi", "Bùi Văn Mới")
        appoint(first, cast.other_ministry, "signer", TODAY, by=seat)
        with pytest.raises(Refused, match="không giao được nhiệm vụ “Người ký”"):
            appoint(factories.user("hai", "Bùi Văn Hai"), cast.other_ministry, "signer", TODAY, by=seat)
        own = first.seats.get()
        appoint(factories.user("ba", "Bùi Văn Ba"), cast.other_ministry, "signer", TODAY, by=own, as_deputy=True)

    def test_a_successor_is_given_before_the_seat_is_empty(self, cast: Cast) -> None:
        seat = cast.overseer.seats.get()
        signer = cast.signer.seats.get()
        set_end(signer, TODAY + timedelta(days=10), by=seat)
        user = factories.user("moi", "Bùi Văn Mới")
        with pytest.raises(Refused, match="không giao được"):
            appoint(user, cast.ministry, "signer", TODAY + timedelta(days=10), by=seat)
        appoint(user, cast.ministry, "signer", TODAY + timedelta(days=11), by=seat)

    def test_nobody_gives_to_himself_nor_changes_his_own(self, cast: Cast) -> None:
        with pytest.raises(Refused, match="không tự giao nhiệm vụ cho mình"):
            appoint(cast.ward_officer, cast.cell, "secretary", TODAY, by=officer(cast))
        assert may_change(cast.ward_officer, officer(cast)) is None
        with pytest.raises(Refused, match="không tự thay đổi nhiệm vụ của mình"):
            set_end(officer(cast), TODAY, by=officer(cast))
        with pytest.raises(Refused, match="không tự thay đổi"):
            set_end(cast.secretary.seats.get(), TODAY, by=cast.secretary.seats.get())

    @pytest.mark.parametrize(
        ("who", "whose"),
        [("ward_officer", "secretary"), ("ward_officer", "ward_clerk"), ("overseer", "ward_officer")],
    )
    def test_who_ends_whose(self, cast: Cast, who: str, whose: str) -> None:
        by = may_change(getattr(cast, who), getattr(cast, whose).seats.get())
        assert by is not None
        assert by.user == getattr(cast, who)
        assert may_change(cast.neighbour, getattr(cast, whose).seats.get()) is None

    def test_an_ended_seat_gives_nothing(self, cast: Cast) -> None:
        cast.ward_officer.seats.update(until_on=TODAY - timedelta(days=1))
        assert giver_of(again(cast.ward_officer), cast.cell, Role.SECRETARY) is None


class TestDays:
    def give(self, cast: Cast, user: User, first: date, last: date | None, place: Organization | None = None) -> Seat:
        return appoint(user, place or cast.cell, "secretary", first, by=officer(cast), until_on=last)

    @pytest.mark.parametrize(
        ("first", "last", "why"),
        [
            (date(2019, 12, 31), None, "hoạt động từ ngày 01/01/2020"),
            (TODAY, TODAY - timedelta(days=1), "không thể trước ngày bắt đầu"),
        ],
    )
    def test_impossible_days(self, cast: Cast, first: date, last: date | None, why: str) -> None:
        with pytest.raises(Refused, match=why):
            self.give(cast, cast.nobody, first, last)
        assert not cast.nobody.seats.exists()

    def test_nothing_reaches_past_the_end_of_an_organisation(self, cast: Cast) -> None:
        Organization.objects.filter(pk=cast.cell.pk).update(closed_on=date(2027, 6, 30))
        cast.cell.refresh_from_db()
        for first, last in ((TODAY, None), (TODAY, date(2027, 7, 1)), (date(2027, 7, 1), date(2027, 7, 2))):
            with pytest.raises(Refused, match="nhiệm vụ kết thúc chậm nhất ngày đó"):
                self.give(cast, cast.nobody, first, last)
        self.give(cast, cast.nobody, TODAY, date(2027, 6, 30))

    def test_no_two_tenures_of_the_same_overlap(self, cast: Cast) -> None:
        user = cast.nobody
        self.give(cast, user, date(2027, 1, 1), date(2027, 6, 30))
        for first, last in (
            (TODAY, None),
            (TODAY, date(2027, 1, 1)),
            (date(2027, 6, 30), None),
            (date(2027, 2, 1), date(2027, 3, 1)),
        ):
            with pytest.raises(Refused, match="đã giữ nhiệm vụ đó từ ngày 01/01/2027 đến ngày 30/06/2027"):
                self.give(cast, user, first, last)
        self.give(cast, user, TODAY, date(2026, 12, 31))
        later = self.give(cast, user, date(2027, 7, 1), None)
        middle = user.seats.get(from_on=date(2027, 1, 1))
        with pytest.raises(Refused, match="từ ngày 01/07/2027 chưa có ngày kết thúc"):
            set_end(middle, date(2027, 7, 1), by=officer(cast))
        set_end(later, date(2027, 12, 31), by=officer(cast))
        set_end(later, None, by=officer(cast))
        assert [seat.pk for seat in holders(cast.cell)[1]] == [later.pk, middle.pk]

    def test_the_past_stays_as_it_was(self, cast: Cast) -> None:
        seat = cast.secretary.seats.get()
        with pytest.raises(Refused, match="không thể trước hôm nay"):
            set_end(seat, TODAY - timedelta(days=1), by=officer(cast))
        Seat.objects.filter(pk=seat.pk).update(until_on=TODAY - timedelta(days=1))
        with pytest.raises(Refused, match="đã kết thúc"):
            set_end(Seat.objects.get(pk=seat.pk), None, by=officer(cast))


def test_every_step_leaves_a_line(cast: Cast) -> None:
    seat = appoint(
        cast.nobody, cast.cell, "secretary", TODAY, by=officer(cast), as_deputy=True, acting_paper=" QĐ số 12-QĐ/ĐU "
    )
    assert (seat.title, seat.acting, seat.acting_paper, seat.granted_by) == (
        "Phó bí thư chi bộ",
        True,
        "QĐ số 12-QĐ/ĐU",
        officer(cast),
    )
    set_end(seat, TODAY, by=officer(cast))
    set_end(seat, TODAY, by=officer(cast))
    lines = AuditEvent.objects.filter(object_type="members.Seat", object_id=seat.pk).order_by("pk")
    assert [(line.verb, line.user) for line in lines] == [
        ("Seat.appoint", cast.ward_officer),
        ("Seat.set_end", cast.ward_officer),
    ]
