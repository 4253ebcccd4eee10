"""Phân công theo dõi: who follows whom in a cell, and what each of its committee then sees and does."""

from collections.abc import Callable
from html import unescape

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from evaluations.forms.sharing import ShareGrid
from evaluations.models import Assessment, AssessmentVersion
from evaluations.models.assessments import draft_assessments
from evaluations.models.sharing import Follower, cell_followers, follower_of, history_of, share
from members.models import AuditDetail, AuditEvent, Placement, Seat, User
from members.roles import Action, Role
from members.states import Refused
from tests import factories
from tests.conftest import Cast
from tests.season import GOOD, Season, by

SignIn = Callable[[User], Client]
YEAR = Season.YEAR


@pytest.fixture
def helper(cast: Cast) -> User:
    """A member of the cell's committee."""
    return factories.official("helper", "Trần Thị Lan", cast.cell, Role.CELL_COMMITTEE)


@pytest.fixture
def secretary(cast: Cast, helper: User) -> Seat:
    return by(cast.secretary, Action.SHARE, cast.cell)


def live_in(cast: Cast, *people: tuple[str, str]) -> list[Placement]:
    made = [
        factories.member(name, workplace=cast.office_cell, commune=cast.ward, cell=cast.cell, address=address)
        for name, address in people
    ]
    return [person.placements.get() for person in made]


FIVE = (
    ("Lê Văn An", "5 đường Hoa Lư"),
    ("Lê Văn Bình", "12 đường Hoa Lư"),
    ("Lê Văn Cường", "3 đường Cẩm Chánh"),
    ("Lê Văn Dũng", "40/2 đường Cẩm Chánh"),
    ("Lê Văn Hải", "2 đường Hoa Lư"),
)


def url(cast: Cast, order: str = "") -> str:
    return f"/chi-bo/{cast.cell.pk}/phan-cong/{YEAR}/{f'?xep={order}' if order else ''}"


def grid_url(cast: Cast) -> str:
    return f"/chi-bo/{cast.cell.pk}/nhan-xet/{YEAR}/"


def shared(cast: Cast) -> dict[str, str]:
    rows = draft_assessments(cast.cell, YEAR)
    return {row.placement.member.full_name: found.name if (found := follower_of(row)) else "" for row in rows}


def seat_of(person: User) -> Follower:
    return Follower(person.full_name, person.seats.get())


def page(response: object) -> str:
    return unescape(response.content.decode())  # type: ignore[attr-defined]


def test_share_and_take_back(cast: Cast, secretary: Seat, helper: User) -> None:
    an, binh = live_in(cast, *FIVE[:2])
    assert [follower.label for follower in cell_followers(cast.cell)] == [
        "Ngô Văn Bí Thư (bí thư chi bộ)",
        "Trần Thị Lan (chi ủy viên)",
    ]
    chosen = {an.pk: seat_of(helper), binh.pk: Follower("Đinh Văn Giấy")}
    assert share(cast.cell, YEAR, chosen, by=secretary) == 2
    assert shared(cast) == {"Lê Văn An": "Trần Thị Lan", "Lê Văn Bình": "Đinh Văn Giấy"}
    event = AuditEvent.objects.get(verb="Assessment.share")
    assert (event.seat, event.object_id) == (secretary, cast.cell.pk)
    assert AuditDetail.objects.get(event=event).changes[str(an.pk)] == ["", "Trần Thị Lan (chi ủy viên)"]
    assert share(cast.cell, YEAR, chosen, by=secretary) == 0
    assert share(cast.cell, YEAR, {an.pk: None}, by=secretary) == 1
    assert shared(cast) == {"Lê Văn An": "", "Lê Văn Bình": "Đinh Văn Giấy"}
    assert not Assessment.objects.filter(year=YEAR + 1).exists()


def test_nobody_follows_himself_and_only_the_cell_follows(cast: Cast, secretary: Seat, helper: User) -> None:
    own, other = live_in(cast, ("Trần Thị Lan", "1 đường Thử"), FIVE[0])
    helper.member = own.member
    helper.save()
    stranger = seat_of(cast.other_secretary)
    far = factories.member(workplace=cast.office_cell, commune=cast.ward, cell=cast.other_cell).placements.get()
    for chosen, why in (
        ({own.pk: seat_of(helper)}, "chính mình"),
        ({own.pk: Follower("Trần Thị Lan")}, "chính mình"),
        ({other.pk: stranger}, "không còn nhiệm vụ tại chi bộ"),
        ({far.pk: seat_of(helper)}, "không còn thuộc chi bộ"),
    ):
        with pytest.raises(Refused, match=why):
            share(cast.cell, YEAR, chosen, by=secretary)
    assert not Assessment.objects.exists()


def test_whoever_has_left_keeps_his_rows_and_gets_no_more(cast: Cast, secretary: Seat, helper: User) -> None:
    an, binh = live_in(cast, *FIVE[:2])
    share(cast.cell, YEAR, {an.pk: seat_of(helper)}, by=secretary)
    helper.seats.update(until_on=timezone.localdate() - timezone.timedelta(days=1))
    with pytest.raises(Refused, match="không còn nhiệm vụ"):
        share(cast.cell, YEAR, {binh.pk: seat_of(helper)}, by=secretary)
    grid = ShareGrid(cast.cell, YEAR, "")
    assert [follower.name for follower in grid.able] == ["Ngô Văn Bí Thư"]
    assert [(follower.name, count) for follower, count in grid.counts()] == [("Ngô Văn Bí Thư", 0), ("Trần Thị Lan", 1)]


@pytest.mark.parametrize(
    ("order", "names"),
    [
        ("ten", ["An", "Bình", "Cường", "Dũng", "Hải"]),
        ("noi-o", ["Cường", "Dũng", "Hải", "An", "Bình"]),
        ("noi-cong-tac", ["An", "Bình", "Cường", "Dũng", "Hải"]),
        ("lạ", ["An", "Bình", "Cường", "Dũng", "Hải"]),
    ],
)
def test_neighbours_stand_together(cast: Cast, order: str, names: list[str]) -> None:
    live_in(cast, *FIVE)
    rows = ShareGrid(cast.cell, YEAR, order).rows
    assert [(row.no, row.placement.member.full_name.split()[-1]) for row in rows] == list(enumerate(names, 1))


def test_a_range_of_numbers(cast: Cast, secretary: Seat, helper: User, sign_in: SignIn) -> None:
    live_in(cast, *FIVE)
    client = sign_in(cast.secretary)
    typed = {"range": "1", "first": "3", "last": "5", "follower": seat_of(helper).key}
    assert client.post(url(cast, "noi-o"), typed)["Location"] == url(cast, "noi-o")
    assert [name for name, who in shared(cast).items() if who] == ["Lê Văn An", "Lê Văn Bình", "Lê Văn Hải"]
    shown = page(client.get(url(cast, "noi-o")))
    assert "Đã phân công lại 3 đồng chí." in shown
    assert 'id="first" name="first" inputmode="numeric" value="1"' in shown
    client.post(url(cast), {"range": "1", "first": "3", "last": "4", "name": "  Đinh Văn  Giấy "})
    assert shared(cast)["Lê Văn Dũng"] == "Đinh Văn Giấy"
    assert "Đinh Văn Giấy" in page(client.get(url(cast)))


@pytest.mark.parametrize(
    ("typed", "why"),
    [
        ({"first": "0", "last": "2"}, "trong khoảng 1 đến 2"),
        ({"first": "2", "last": "1"}, "trong khoảng 1 đến 2"),
        ({"first": "1", "last": "3"}, "trong khoảng 1 đến 2"),
        ({"first": "một", "last": "²"}, "trong khoảng 1 đến 2"),
        ({"first": "1", "last": "2"}, "Chọn đồng chí theo dõi"),
        ({"first": "1", "last": "2", "follower": "s999"}, "Chọn đồng chí theo dõi"),
        ({"first": "1", "last": "2", "name": "x" * 121}, "dài quá 120"),
    ],
)
def test_what_cannot_be_given(typed: dict[str, str], why: str, cast: Cast, secretary: Seat, sign_in: SignIn) -> None:
    live_in(cast, *FIVE[:2])
    response = sign_in(cast.secretary).post(url(cast), {"range": "1", **typed})
    assert response.status_code == 200
    assert why in page(response)
    assert set(shared(cast).values()) == {""}


def test_evenly_in_runs_and_never_to_oneself(cast: Cast, secretary: Seat, helper: User, sign_in: SignIn) -> None:
    places = live_in(cast, *FIVE)
    cast.secretary.member = places[0].member
    cast.secretary.save()
    sign_in(cast.secretary).post(url(cast), {"evenly": "1"})
    assert shared(cast) == {
        "Lê Văn An": "Trần Thị Lan",
        "Lê Văn Bình": "Ngô Văn Bí Thư",
        "Lê Văn Cường": "Ngô Văn Bí Thư",
        "Lê Văn Dũng": "Ngô Văn Bí Thư",
        "Lê Văn Hải": "Trần Thị Lan",
    }


def test_single_rows_and_what_somebody_else_changed_meanwhile(
    cast: Cast, secretary: Seat, helper: User, sign_in: SignIn
) -> None:
    an, binh, *_ = live_in(cast, *FIVE)
    lan, head = seat_of(helper), seat_of(cast.secretary)
    client = sign_in(cast.secretary)
    sent = {f"f{an.pk}": lan.key, f"w{an.pk}": "", f"f{binh.pk}": lan.key, f"w{binh.pk}": ""}
    share(cast.cell, YEAR, {binh.pk: head}, by=secretary)
    shown = page(client.post(url(cast), sent | {"save": "1"}, follow=True))
    assert "Đã phân công lại 1 đồng chí." in shown
    assert "1 đồng chí vừa được phân công ở nơi khác" in shown
    assert (shared(cast)["Lê Văn An"], shared(cast)["Lê Văn Bình"]) == ("Trần Thị Lan", "Ngô Văn Bí Thư")
    bad = page(client.post(url(cast), {f"f{an.pk}": "s1x", f"w{an.pk}": lan.key, "save": "1"}))
    assert "Có lựa chọn không hợp lệ" in bad


def test_who_may_share(cast: Cast, helper: User, sign_in: SignIn) -> None:
    live_in(cast, *FIVE[:1])
    deputy = factories.user("deputy", "Vũ Văn Phó")
    factories.seat(deputy, cast.cell, Role.SECRETARY, as_deputy=True)
    codes = {who.username: sign_in(who).get(url(cast)).status_code for who in (cast.secretary, deputy, helper)}
    assert codes == {"secretary": 200, "deputy": 200, "helper": 403}
    assert sign_in(helper).post(f"{grid_url(cast)}gui/").status_code == 403


def test_each_begins_with_his_own_part(cast: Cast, secretary: Seat, helper: User, sign_in: SignIn) -> None:
    places = live_in(cast, *FIVE)
    share(cast.cell, YEAR, {row.pk: seat_of(helper) for row in places[:2]}, by=secretary)
    mine = page(sign_in(helper).get(grid_url(cast)))
    assert mine.count("Theo dõi: Trần Thị Lan") == 2
    assert "Lê Văn Hải" not in mine
    assert "Phần của tôi" in mine
    whole = page(sign_in(helper).get(grid_url(cast) + "?phan=ca"))
    assert "Lê Văn Hải" in whole
    head = page(sign_in(cast.secretary).get(grid_url(cast)))
    assert "Lê Văn Hải" in head
    assert "Lê Văn An" not in page(sign_in(cast.secretary).get(grid_url(cast) + "?phan=chua"))
    go_through(sign_in(helper), cast, places[:2], "")
    go_through(sign_in(helper), cast, places[2:], "?phan=chua")


def go_through(client: Client, cast: Cast, places: list[Placement], query: str) -> None:
    """Saving and going on leads through exactly these people and back to the grid."""
    pages = [f"{grid_url(cast)}dong-chi/{place.pk}/{query}" for place in places]
    following = [client.post(url, {"edit_no": "0", "next": "1"})["Location"] for url in pages]
    assert following == [*pages[1:], grid_url(cast) + query]


def test_the_home_screen_of_a_helper_is_his_share(cast: Cast, secretary: Seat, helper: User, sign_in: SignIn) -> None:
    year = timezone.localdate().year
    places = live_in(cast, *FIVE)
    share(cast.cell, year, {row.pk: seat_of(helper) for row in places[:3]}, by=secretary)
    row = Assessment.objects.get(placement=places[0], year=year)
    row.write(GOOD, "", by=by(helper, Action.WRITE, cast.cell))
    shown = " ".join(page(sign_in(helper).get("/")).split())
    assert "<strong>Soạn nhận xét 3 đồng chí</strong> <span>còn 2" in shown
    assert "Nhận xét 5 đồng chí" in page(sign_in(cast.secretary).get("/"))
    for other in Assessment.objects.filter(placement__in=places[1:3], year=year):
        other.write(GOOD, "", by=by(helper, Action.WRITE, cast.cell))
    assert "Đã soạn đủ phần của đồng chí, 3 đồng chí." in page(sign_in(helper).get("/"))


def test_the_history_tells_who_drafted_and_who_sent(cast: Cast, play: Season, helper: User, sign_in: SignIn) -> None:
    play.assigned()
    assessment = play.assessment()
    for remarks in ("", "Việc tốt."):
        version = assessment.write(GOOD, remarks, by=by(helper, Action.WRITE, cast.cell))
    assert version.drafted_by == helper.seats.get()
    version = AssessmentVersion.objects.get()
    version.submit(play.review(), by=by(cast.secretary, Action.SUBMIT, cast.cell), attendance={})
    assert [(deed.who, deed.what, deed.times) for deed in history_of(assessment)] == [
        ("Ngô Văn Bí Thư (bí thư chi bộ)", "gửi đảng ủy", 1),
        ("Trần Thị Lan (chi ủy viên)", "soạn", 2),
    ]
    shown = page(sign_in(cast.secretary).get(f"{grid_url(cast)}dong-chi/{assessment.placement_id}/"))
    assert "Trần Thị Lan (chi ủy viên) soạn (2 lần lưu)" in shown


@pytest.mark.parametrize("place", [url, grid_url])
def test_queries_do_not_grow_with_rows(
    place: Callable[[Cast], str], cast: Cast, secretary: Seat, helper: User, sign_in: SignIn
) -> None:
    client = sign_in(cast.secretary)
    places = live_in(cast, FIVE[0])
    share(cast.cell, YEAR, {places[0].pk: seat_of(helper)}, by=secretary)
    client.get(place(cast))
    with CaptureQueriesContext(connection) as one:
        client.get(place(cast))
    more = live_in(cast, *FIVE[1:3])
    share(cast.cell, YEAR, {more[0].pk: seat_of(helper), more[1].pk: Follower("Đinh Văn Giấy")}, by=secretary)
    with CaptureQueriesContext(connection) as three:
        client.get(place(cast))
    assert len(three) == len(one)
