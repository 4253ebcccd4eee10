"""An officer moves a member in the middle of a campaign and sees the preview come true, in the browser."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page

from evaluations.models import EvaluationRequest
from evaluations.models.requests import decline
from members.models import CellName
from members.roles import Action
from tests import factories
from tests.browser.conftest import faults
from tests.conftest import Cast
from tests.season import Season, by

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
LONG = "Nguyễn Phước Quý Thị Ngọc Bích Huyền Trân"


def checked(page: Page) -> None:
    """As it stands, and on a telephone."""
    assert faults(page) == []
    page.set_viewport_size({"width": 360, "height": 800})
    assert faults(page) == []
    page.set_viewport_size({"width": 1280, "height": 900})


def test_a_move_in_the_middle_of_a_campaign(
    transactional_db: None, cast: Cast, play: Season, sign_in_as: Callable[..., Page]
) -> None:
    play.written()
    page = sign_in_as(cast.officer)
    page.goto(f"/dang-vien/{cast.asked.pk}/")
    checked(page)
    page.get_by_role("link", name="Chuyển nơi cư trú").click()
    checked(page)
    page.get_by_label("Ở nơi mới từ ngày").fill("2026-09-01")
    page.get_by_label("Xã, phường, đặc khu nơi ở mới").fill("Đảng ủy phường Sơn Trà (Thành ủy Đà Nẵng)")
    page.get_by_label("Tổ dân phố, thôn").fill("Tổ 31")
    page.get_by_role("button", name="Xem điều sẽ xảy ra").click()
    page.get_by_role("button", name="Ghi vào sổ").wait_for()
    promised = page.inner_text("section:has(#effects)")
    assert "Chi bộ Tổ dân phố 7 nhận xét từ 01/01/2026 đến 31/08/2026" in promised
    assert "Đảng ủy phường Sơn Trà nhận xét từ 01/09/2026 đến 31/12/2026" in promised
    checked(page)
    page.get_by_role("button", name="Ghi vào sổ").click()
    page.locator("main").get_by_text("1 đề nghị chờ ký phát hành công văn gửi nơi mới").first.wait_for()
    # What was promised is what stands now.
    links = page.locator("main table a", has_text="Năm 2026")
    assert links.count() == 2
    links.first.click()
    page.locator("main").get_by_text("từ 01/09/2026 đến 31/12/2026").first.wait_for()
    page.get_by_role("link", name="Đảng ủy phường An Hải, từ 01/01/2026 đến 31/08/2026").click()
    page.locator("main").get_by_text("đã phân về chi bộ").first.wait_for()
    checked(page)


def test_what_got_stuck_is_settled_from_one_list(
    transactional_db: None, cast: Cast, play: Season, sign_in_as: Callable[..., Page]
) -> None:
    factories.member(LONG, workplace=cast.office_cell, commune=cast.ward)
    letter = play.registered()
    decline(letter.requests.all(), "not_resident", "", by=by(cast.ward_officer, Action.ASSIGN, cast.ward))
    page = sign_in_as(cast.officer)
    checked(page)
    page.get_by_role("link", name="2 việc cần xử lý").click()
    checked(page)
    row = page.locator("tr", has_text="Trần Thị Thử")
    row.get_by_text("Việc khác").click()
    checked(page)
    row.get_by_role("button", name="Vẫn ở đó: gửi lại").click()
    page.locator("main").get_by_text("công văn chờ ký phát hành").first.wait_for()
    row = page.locator("tr", has_text=LONG)
    row.get_by_text("Việc khác").click()
    row.get_by_label("Thôi đề nghị, lý do").fill("Chuyển công tác tháng sau")
    row.get_by_role("button", name="Thôi đề nghị").click()
    page.locator("main").get_by_text("Không có việc nào vướng").first.wait_for()
    checked(page)


def test_the_ward_teaches_its_table_and_takes_the_proposals(
    transactional_db: None, cast: Cast, play: Season, sign_in_as: Callable[..., Page]
) -> None:
    play.registered()
    page = sign_in_as(cast.ward_officer)
    page.goto(f"/phan-chi-bo/{cast.ward.pk}/")
    checked(page)
    page.get_by_role("link", name="Bảng tên gọi tổ dân phố, thôn").click()
    checked(page)
    page.get_by_label("Tên gọi trong danh sách").last.fill("TDP 7")
    page.get_by_label("Chi bộ", exact=True).select_option(label="Chi bộ Tổ dân phố 8")
    page.get_by_role("button", name="Ghi vào bảng").click()
    page.locator("main").get_by_text("“TDP 7” là Chi bộ Tổ dân phố 8").first.wait_for()
    page.get_by_text("Sửa").first.click()
    checked(page)
    assert CellName.objects.get().cell == cast.other_cell
    page.goto(f"/phan-chi-bo/{cast.ward.pk}/")
    page.get_by_role("button", name="Nhận tất cả đề xuất").click()
    page.locator("main").get_by_text("Đã phân 1 đồng chí về chi bộ").first.wait_for()
    assert EvaluationRequest.objects.get().residence_cell == cast.other_cell


def test_a_member_is_taken_over(
    transactional_db: None, cast: Cast, play: Season, sign_in_as: Callable[..., Page]
) -> None:
    play.answered()
    cell = factories.workplace_cell(cast.other_ministry, "Phòng Kế hoạch")
    page = sign_in_as(cast.officer)
    page.goto(f"/dang-vien/{cast.asked.pk}/chuyen-noi-cong-tac/")
    page.get_by_label("Đảng ủy khác đang dùng hệ thống").check()
    page.get_by_label("Đảng ủy nơi công tác mới").fill("Đảng ủy Sở Láng Giềng (Thành ủy Đà Nẵng)")
    page.get_by_label("Từ ngày").fill("2026-09-01")
    page.get_by_role("button", name="Xem điều sẽ xảy ra").click()
    checked(page)
    page.get_by_role("button", name="Ghi vào sổ").click()
    theirs = sign_in_as(cast.neighbour)
    theirs.get_by_role("link", name="1 việc cần xử lý").click()
    checked(theirs)
    theirs.get_by_role("link", name="Tiếp nhận, từ ngày").click()
    checked(theirs)
    theirs.get_by_label("Chi bộ tiếp nhận").select_option(label="Chi bộ Phòng Kế hoạch")
    theirs.get_by_role("button", name="Tiếp nhận", exact=True).click()
    theirs.locator("main").get_by_text("Đã tiếp nhận đồng chí Trần Thị Thử").first.wait_for()
    assert cast.asked.memberships.get(until_on=None).cell == cell
