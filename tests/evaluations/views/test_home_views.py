"""The first screen: what each role sees waiting, and that its cost does not grow with the rows."""

import re
from collections.abc import Callable
from datetime import date
from html import unescape

from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from evaluations.models import Assessment, Campaign
from members.models import Placement, User
from members.roles import Role
from tests import factories
from tests.conftest import Cast
from tests.season import Season

SignIn = Callable[[User], Client]
BIG = re.compile(r'<a class="main-action" href="([^"]+)">\s*<strong>([^<]+)</strong>\s*<span>([^<]*)</span>')


def home(client: Client) -> str:
    response = client.get("/")
    assert response.status_code == 200
    return unescape(response.content.decode()).split("<main")[1]


def words(page: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page))


def test_the_signer_sees_what_waits_for_a_signature_first(cast: Cast, play: Season, sign_in: SignIn) -> None:
    campaign = play.presented()
    page = home(sign_in(cast.signer))
    ((url, order, more),) = BIG.findall(page)
    assert (url, order) == (f"/dot/{campaign.pk}/phat-hanh/", "Ký phát hành công văn")
    assert more.startswith("Đảng ủy Sở Thử Nghiệm, đợt năm 2026, trình lúc ")
    assert page.index("Ký phát hành công văn") < page.index("<h2")


def test_who_presented_is_not_asked_to_sign(cast: Cast, play: Season, sign_in: SignIn) -> None:
    play.presented()
    factories.seat(cast.officer, cast.ministry, Role.SIGNER)
    page = home(sign_in(cast.officer))
    assert BIG.findall(page) == []
    assert "Công văn đã trình, đang chờ ký phát hành." in page


def test_a_draft_is_the_officers_next_step(cast: Cast, play: Season, sign_in: SignIn) -> None:
    campaign = play.campaign()
    found = BIG.findall(home(sign_in(cast.officer)))
    assert found == [(f"/dot/{campaign.pk}/", "Xem trước, trình ký", "chưa công văn nào được gửi đi")]


def test_an_empty_register_comes_before_a_campaign(cast: Cast, sign_in: SignIn) -> None:
    assert [row[:2] for row in BIG.findall(home(sign_in(cast.neighbour)))] == [
        ("/dang-vien/nhap/", "Nhập danh sách đảng viên")
    ]
    assert [row[1] for row in BIG.findall(home(sign_in(cast.officer)))] == ["Mở đợt lấy ý kiến"]


def test_a_closed_campaign_of_this_year_does_not_ask_for_another(cast: Cast, play: Season, sign_in: SignIn) -> None:
    campaign = play.issued()
    Campaign.objects.update(state="closed", year=timezone.localdate().year)
    assert BIG.findall(home(sign_in(cast.officer))) == []
    Campaign.objects.filter(pk=campaign.pk).update(year=timezone.localdate().year - 1)
    assert [row[1] for row in BIG.findall(home(sign_in(cast.officer)))] == ["Mở đợt lấy ý kiến"]


def test_communes_stand_as_tiles_and_who_to_call_below(cast: Cast, play: Season, sign_in: SignIn) -> None:
    factories.member(workplace=cast.office_cell, commune=cast.far_ward)
    campaign = play.issued()
    play.rendered()
    Campaign.objects.filter(pk=campaign.pk).update(due_on=date(2020, 1, 1))
    page = home(sign_in(cast.officer))
    tiles = re.findall(r'<li class="tile tile-(\w+)">\s*<h4><a href="([^"]+)">([^<]+)</a></h4>', page)
    assert tiles == [
        ("sent", f"/dot/{campaign.pk}/xa-phuong/{cast.ward.pk}/", "Phường An Hải"),
        ("unsent", f"/dot/{campaign.pk}/xa-phuong/{cast.far_ward.pk}/", "Xã Hòa Vang"),
    ]
    calls = words(page.split("<caption>Cần gọi")[1])
    assert "Đảng ủy phường An Hải đảng ủy chưa vào sổ công văn đến Chậm" in calls
    assert "0236000001" in calls
    assert "Đảng ủy xã Hòa Vang công văn giấy chưa gửi đi Chậm" in calls


def test_answers_that_nobody_has_opened_lead_to_their_commune(cast: Cast, play: Season, sign_in: SignIn) -> None:
    matter = play.answered()
    page = home(sign_in(cast.officer))
    assert "1 nhận xét đã về, chưa mở đọc:" in page
    assert f'<a class="nowrap" href="/dot/{matter.campaign_id}/xa-phuong/{cast.ward.pk}/">phường An Hải (1)</a>' in page


def queries(client: Client) -> int:
    with CaptureQueriesContext(connection) as seen:
        home(client)
    return len(seen)


def ask_more(cast: Cast, play: Season, places: list[str]) -> None:
    """A second batch of the same campaign: one member and one letter for each new commune."""
    for place in places:
        factories.member(workplace=cast.office_cell, commune=factories.commune(cast.province, place))
    for _ in places:
        factories.member(workplace=cast.office_cell, commune=cast.ward, cell=cast.cell)
    play.issued()


def test_the_first_screens_cost_the_same_for_one_row_and_for_many(cast: Cast, play: Season, sign_in: SignIn) -> None:
    people = [cast.officer, cast.signer, cast.ward_officer, cast.secretary]
    play.assigned()
    counted = [queries(sign_in(person)) for person in people]
    ask_more(cast, play, ["Hải Châu", "Thanh Khê", "Cẩm Lệ"])
    assert home(sign_in(cast.officer)).count('class="tile ') == 4
    assert [queries(sign_in(person)) for person in people] == counted


def test_a_ward_shows_all_that_waits_and_offers_only_ones_own(cast: Cast, play: Season, sign_in: SignIn) -> None:
    play.issued()
    for person, opens in ((cast.ward_clerk, 2), (cast.ward_officer, 4), (cast.ward_signer, 3)):
        page = home(sign_in(person))
        assert "1 công văn mới 0 chờ phân chi bộ 0 chờ xác nhận 0 chờ ký trả lời" in words(page)
        urls = re.findall(r'<li><a href="([^"]+)"><strong>', page)
        client = sign_in(person)
        assert len(urls) == opens
        assert [client.get(url).status_code for url in urls] == [200] * opens
    assert [row[1] for row in BIG.findall(home(sign_in(cast.ward_clerk)))] == ["Vào sổ 1 công văn"]
    assert BIG.findall(home(sign_in(cast.ward_signer))) == []


def test_the_ward_sees_its_late_cells_with_a_number_to_ring(cast: Cast, play: Season, sign_in: SignIn) -> None:
    play.assigned()
    cast.cell.phone = "0905 000 007"
    cast.cell.save()
    assert "Chi bộ Tổ dân phố 7 1 đồng chí" in words(home(sign_in(cast.ward_officer)))
    assert 'href="tel:0905000007"' in home(sign_in(cast.ward_officer))


def test_the_secretary_sees_how_many_are_left_and_until_when(cast: Cast, play: Season, sign_in: SignIn) -> None:
    play.assigned()
    cast.asked.requests.update(due_on=date(2020, 1, 1))
    ((url, order, more),) = BIG.findall(home(sign_in(cast.secretary)))
    late = (timezone.localdate() - date(2020, 1, 1)).days
    assert url == f"/chi-bo/{cast.cell.pk}/nhan-xet/{timezone.localdate().year}/"
    assert (order, more) == ("Nhận xét 1 đồng chí", f"còn 1 · hạn 01/01/2020, đã quá {late} ngày")
    Placement.objects.update(standing="exempt_activity", exemption="EX_FULLTIME_STUDY")
    assert "Chưa có đồng chí nào được phân về chi bộ" in home(sign_in(cast.secretary))


def test_the_secretary_is_told_when_everything_has_gone(cast: Cast, play: Season, sign_in: SignIn) -> None:
    play.submitted()
    Assessment.objects.update(year=timezone.localdate().year)
    page = home(sign_in(cast.secretary))
    assert BIG.findall(page) == []
    assert "Đã gửi đủ nhận xét của 1 đồng chí." in words(page)


def test_a_member_sees_where_the_comment_is(cast: Cast, play: Season, sign_in: SignIn) -> None:
    assert BIG.findall(home(sign_in(cast.member_user))) == [
        ("/cua-toi/", "Nhận xét về tôi", "chưa có đề nghị nhận xét nào")
    ]
    play.issued()
    assert BIG.findall(home(sign_in(cast.member_user))) == [("/cua-toi/", "Nhận xét về tôi", "năm 2026: đã phát hành")]


def test_without_a_seat_there_is_a_sentence(cast: Cast, sign_in: SignIn) -> None:
    assert "Đồng chí chưa được phân công nhiệm vụ nào" in home(sign_in(cast.nobody))
