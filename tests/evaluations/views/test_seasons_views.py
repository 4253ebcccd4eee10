"""The superior's pages of a season: setting it, the look ahead, one press for all, the letters on their way."""

from collections.abc import Callable
from datetime import date, timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from evaluations.models import Campaign, Document, Season
from members.models import User
from members.roles import Role
from tests import factories
from tests.conftest import Cast
from tests.season import Season as Play

SignIn = Callable[[User], Client]
TODAY = timezone.localdate()
START, DUE = date(TODAY.year + 1, 1, 15), date(TODAY.year + 1, 1, 5)
SAID = {
    "year": TODAY.year,
    "self_criticism_on": START.isoformat(),
    "due_on": DUE.isoformat(),
    "basis": "Kế hoạch số 12-KH/TU, ngày 01/9/2026 của Ban Thường vụ Thành ủy",
    "rulebook": "qd213-2020",
}


@pytest.fixture
def second(cast: Cast) -> User:
    return factories.official("second", "Vương Thị Phát", cast.province, Role.OVERSEER)


@pytest.fixture
def season(cast: Cast, sign_in: SignIn) -> Season:
    sign_in(cast.overseer).post(f"/mua/moi/{cast.province.pk}/", SAID)
    return Season.objects.get()


def test_setting_a_season(cast: Cast, sign_in: SignIn) -> None:
    client = sign_in(cast.overseer)
    response = client.post(f"/mua/moi/{cast.province.pk}/", {**SAID, "due_on": ""}, follow=True)
    row = Season.objects.get()
    assert response.redirect_chain == [(f"/mua/{row.pk}/", 302)]
    assert (row.due_on, row.prepared_by.user) == (START - timedelta(days=15), cast.overseer)
    assert "Đã đặt mùa" in response.content.decode()
    assert list(row.campaigns.values_list("committee__name", "due_on")) == [("Đảng ủy Sở Thử Nghiệm", row.due_on)]


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ({"basis": " "}, "Ghi văn bản mà cấp ủy dùng để chỉ đạo các đơn vị."),
        ({"due_on": START.isoformat()}, "Hạn trả lời phải trước ngày bắt đầu kiểm điểm."),
        ({"year": TODAY.year + 4}, "Năm nhận xét từ"),
        ({"rulebook": "none"}, "none"),
    ],
)
def test_what_cannot_be_set(cast: Cast, sign_in: SignIn, said: dict[str, object], words: str) -> None:
    response = sign_in(cast.overseer).post(f"/mua/moi/{cast.province.pk}/", {**SAID, **said})
    assert (response.status_code, Season.objects.count()) == (200, 0)
    assert words in response.content.decode()


def test_twice_for_one_year(cast: Cast, sign_in: SignIn, season: Season) -> None:
    response = sign_in(cast.overseer).post(f"/mua/moi/{cast.province.pk}/", SAID)
    assert f"đã đặt mùa năm {TODAY.year}" in response.content.decode()


def test_other_days(cast: Cast, sign_in: SignIn, season: Season) -> None:
    later = DUE + timedelta(days=1)
    client = sign_in(cast.overseer)
    assert DUE.isoformat() in client.get(f"/mua/{season.pk}/sua/").content.decode()
    client.post(f"/mua/{season.pk}/sua/", {**SAID, "year": 1999, "due_on": later.isoformat()})
    season.refresh_from_db()
    assert (season.year, season.due_on, Campaign.objects.get().due_on) == (TODAY.year, later, later)


def test_who_set_it_sees_but_does_not_launch(cast: Cast, sign_in: SignIn, season: Season) -> None:
    client = sign_in(cast.overseer)
    page = client.get(f"/mua/{season.pk}/phat-hanh/").content.decode()
    assert "Người đặt không tự phát hành" in page
    assert "data-once" not in page.split("<main")[1]
    response = client.post(f"/mua/{season.pk}/phat-hanh/", HTTP_REFERER=f"/mua/{season.pk}/")
    assert Document.objects.count() == 0
    assert "Người đặt mùa không tự phát hành" in client.get(f"/mua/{season.pk}/").content.decode() or (
        response.status_code == 409
    )


def test_one_press_for_all(cast: Cast, sign_in: SignIn, season: Season, second: User) -> None:
    client = sign_in(second)
    page = client.get(f"/mua/{season.pk}/phat-hanh/").content.decode()
    assert "Phát hành 1 công văn của 1 đơn vị" in page
    assert "Trần Thị Thử" not in page  # figures, no names
    done = client.post(f"/mua/{season.pk}/phat-hanh/", follow=True).content.decode()
    assert "Đã phát hành 1 công văn của 1 đơn vị, đề nghị nhận xét 1 đồng chí" in done
    assert "Đã lập bản in công văn" in done
    again = client.post(f"/mua/{season.pk}/phat-hanh/", follow=True).content.decode()
    assert "Không còn đồng chí nào cần đề nghị. Không có gì thay đổi." in again
    assert Document.objects.count() == 1


def test_the_bar_ends_when_everything_is_out(
    cast: Cast, sign_in: SignIn, season: Season, second: User, play: Play
) -> None:
    client = sign_in(second)
    client.post(f"/mua/{season.pk}/phat-hanh/")
    assert client.get(f"/mua/{season.pk}/tien-trinh/").status_code == 200
    play.rendered()
    response = client.get(f"/mua/{season.pk}/tien-trinh/")
    assert (response.status_code, "Đã lập xong bản in" in response.content.decode()) == (286, True)


def test_a_committee_makes_its_campaign_in_the_season(cast: Cast, sign_in: SignIn, season: Season) -> None:
    """Whatever days are typed: those of the season hold."""
    url = f"/dot/moi/{cast.other_ministry.pk}/"
    client = sign_in(cast.neighbour)
    assert "ngày kiểm điểm và hạn trả lời lấy theo mùa" in client.get(url).content.decode()
    client.post(url, {"year": TODAY.year, "self_criticism_on": "", "due_on": "2020-01-01"})
    made = Campaign.objects.get(committee=cast.other_ministry)
    assert (made.season, made.due_on, made.self_criticism_on) == (season, DUE, START)


@pytest.mark.parametrize("path", ["", "phat-hanh/"])
def test_a_constant_number_of_queries(cast: Cast, sign_in: SignIn, season: Season, second: User, path: str) -> None:
    client = sign_in(second)
    counts = []
    for number in (0, 2):
        for more in range(number):
            office = factories.organization(cast.province, f"Đảng ủy Sở {number} {more}", "grassroots")
            factories.member("Bùi Văn Bên", workplace=factories.workplace_cell(office, "Một"), commune=cast.ward)
        season.cover(by=season.prepared_by)
        with CaptureQueriesContext(connection) as asked:
            assert client.get(f"/mua/{season.pk}/{path}").status_code == 200
        counts.append(len(asked))
    assert counts[0] == counts[1]
