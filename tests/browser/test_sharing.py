"""A cell shares its work and the ward answers in two parts, in the browser."""

from collections.abc import Callable

import pytest
from django.utils import timezone
from playwright.sync_api import Page

from evaluations.models import AssessmentVersion, Document, EvaluationRequest
from evaluations.rulebooks import load
from members.models import User
from members.roles import Role
from tests import factories
from tests.browser.conftest import faults
from tests.conftest import Cast
from tests.season import Season

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
NAMES = ("Lê Văn An", "Nguyễn Phước Quý Thị Ngọc Bích Huyền Trân", "Lê Văn Cường", "Tôn Nữ Thị Dung", "Lê Văn Hải")


@pytest.fixture
def helper(cast: Cast) -> User:
    return factories.official("helper", "Trần Thị Lan", cast.cell, Role.CELL_COMMITTEE)


def asked_this_year(cast: Cast, play: Season) -> None:
    """Six members of the cell, asked about in the year of today: the home screens show this one."""
    for name in NAMES:
        factories.member(name, workplace=cast.office_cell, commune=cast.ward)
    play.assigned()
    year = timezone.localdate().year
    if year != Season.YEAR:
        pytest.skip("the season of the tests is another year's")


def checked(page: Page) -> None:
    """As it stands, and on a telephone."""
    assert faults(page) == []
    page.set_viewport_size({"width": 360, "height": 800})
    assert faults(page) == []
    page.set_viewport_size({"width": 1280, "height": 900})


def test_a_cell_shares_the_work_and_its_secretary_sends(
    transactional_db: None, cast: Cast, play: Season, helper: User, sign_in_as: Callable[..., Page]
) -> None:
    asked_this_year(cast, play)
    play.review()

    secretary = sign_in_as(cast.secretary)
    checked(secretary)
    secretary.get_by_role("link", name="Phân công").click()
    checked(secretary)
    secretary.get_by_label("Từ số").fill("1")
    secretary.get_by_label("Đến số").fill("3")
    secretary.get_by_label("Đồng chí theo dõi").select_option(label="Trần Thị Lan (chi ủy viên)")
    secretary.get_by_label("Đến số").press("Enter")
    assert "Đã phân công lại 3 đồng chí." in secretary.inner_text("main")
    secretary.get_by_role("button", name="Chia đều 3 đồng chí chưa phân công").click()
    assert "0\nchưa phân công" in secretary.inner_text("main .figures")
    checked(secretary)

    lan = sign_in_as(helper, width=360)
    assert faults(lan) == []
    lan.get_by_text("Soạn nhận xét 3 đồng chí").click()
    assert lan.locator("main table select").count() == 3 * (len(load().criteria) + 1)
    rate_all(lan)
    lan.get_by_role("button", name="Lưu", exact=True).click()
    assert lan.get_by_role("button", name="Lưu và chuẩn bị gửi").count() == 0
    assert faults(lan) == []
    lan.goto("/")
    assert "Đã soạn đủ phần của đồng chí" in lan.inner_text("main")
    assert set(AssessmentVersion.objects.values_list("drafted_by__user__username", flat=True)) == {"helper"}

    secretary.goto("/")
    secretary.get_by_text("Nhận xét 6 đồng chí").click()
    rate_all(secretary)
    checked(secretary)
    secretary.get_by_role("button", name="Lưu và chuẩn bị gửi").click()
    secretary.get_by_role("button", name="Gửi nhận xét lên đảng ủy").click()
    assert "Đã gửi 6 nhận xét" in secretary.inner_text("main")
    secretary.goto(f"/chi-bo/{cast.cell.pk}/tong-hop/{Season.YEAR}/")
    assert "6\nchờ đảng ủy xác nhận" in secretary.inner_text("main .figures")
    checked(secretary)


def rate_all(page: Page) -> None:
    for choice in page.locator("main table select").all():
        if not choice.input_value():
            choice.select_option("1" if (choice.get_attribute("name") or "").endswith("recommendation") else "0")


def test_the_ward_answers_in_two_parts(
    transactional_db: None, cast: Cast, play: Season, sign_in_as: Callable[..., Page]
) -> None:
    asked_this_year(cast, play)
    play.submit_everybody()
    officer, signer = sign_in_as(cast.ward_officer), sign_in_as(cast.ward_signer)

    confirm(officer, 4)
    reply(signer, "4 phiếu nhận xét (4/6)")
    confirm(officer, 2)
    reply(signer, "2 phiếu nhận xét (2/6)")
    assert "Đợt 2: 2/6 đồng chí, cộng các đợt 6/6" in signer.inner_text("main")
    checked(signer)
    assert set(EvaluationRequest.objects.values_list("state", flat=True)) == {"answered"}
    replies = Document.objects.filter(genre=Document.Genre.REPLY_LETTER).order_by("pk")
    assert [sorted(row["listed_no"] for row in reply.facts["rows"]) for reply in replies] == [[1, 2, 3, 4], [5, 6]]

    asker = sign_in_as(cast.officer)
    campaign = play.campaign()
    asker.goto(f"/dot/{campaign.pk}/xa-phuong/{cast.ward.pk}/")
    received = asker.inner_text("section:has(#replies)")
    assert "Đợt 1: 4/6 đồng chí" in received
    assert "Đợt 2: 2/6 đồng chí" in received
    checked(asker)


def confirm(page: Page, count: int) -> None:
    page.goto("/")
    page.get_by_role("link", name="chờ xác nhận").click()
    for box in page.locator("[name=version]").all()[:count]:
        box.check()
    page.get_by_role("button", name="Xác nhận các bản đã đánh dấu").click()
    assert f"Đã xác nhận {count} bản nhận xét." in page.inner_text("main")
    checked(page)


def reply(page: Page, words: str) -> None:
    page.goto("/")
    page.get_by_role("link", name="chờ ký trả lời").click()
    page.get_by_role("link", name="Lập công văn trả lời").click()
    assert words in page.inner_text("main")
    checked(page)
    page.get_by_role("button", name="Phát hành công văn trả lời").click()
