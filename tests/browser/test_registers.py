"""An officer finds a comrade in the register and prints the book; a clerk brings the book of numbers up to date."""

import os
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest
from playwright.sync_api import Page
from pypdf import PdfReader

from evaluations import tasks
from evaluations.models import Bundle
from members.models import Placement
from tests import factories
from tests.browser.conftest import faults
from tests.conftest import Cast
from tests.season import Season

pytestmark = [
    pytest.mark.browser,
    pytest.mark.django_db(transaction=True),
    pytest.mark.filterwarnings("ignore:unclosed file.*sRGB2014:ResourceWarning"),
]
LONG = "Nguyễn Hoàng Thị Bích Phượng Uyên Phương Thảo"


def checked(page: Page, name: str = "") -> Page:
    """No fault on a laptop and none on a telephone; PICTURES names a directory to look at the pages in."""
    found = faults(page)
    shots = os.environ.get("PICTURES")
    if shots and name:
        page.screenshot(path=Path(shots, f"{name}-1280.png"), full_page=True)
    page.set_viewport_size({"width": 360, "height": 800})
    found += faults(page)
    if shots and name:
        page.screenshot(path=Path(shots, f"{name}-360.png"), full_page=True)
    page.set_viewport_size({"width": 1280, "height": 900})
    assert found == []
    return page


def test_a_comrade_is_found_and_the_book_is_printed(
    transactional_db: None, cast: Cast, sign_in_as: Callable[..., Page], tmp_path: Path
) -> None:
    here = {"workplace": cast.office_cell, "commune": cast.ward}
    for name in (LONG, "Lê Thử Hai", "Đặng Thử Ánh"):
        factories.member(name, cell=cast.cell, **here)
    factories.member("Hồ Thử Miễn", standing="exempt_activity", **here)
    gone = factories.member("Võ Thử Chuyển", **here)
    Placement.objects.filter(member=gone).update(until_on=date(2026, 5, 1))
    page = sign_in_as(cast.officer)
    page.get_by_role("link", name="Sổ theo dõi").click()
    checked(page, "shelf")
    page.get_by_role("link", name="Sổ theo dõi giới thiệu đảng viên").click()
    checked(page, "introduced")
    assert page.locator("tbody tr").count() == 5

    page.get_by_label("Họ và tên").fill("dang thu anh")
    page.get_by_role("button", name="Tìm trong sổ").click()
    assert [row.split(" · ")[0] for row in page.locator("tbody th").all_inner_texts()] == ["Đặng Thử Ánh"]
    checked(page, "introduced-found")
    page.get_by_role("link", name="Bỏ lọc").click()
    page.get_by_text("Diện, tình trạng, ngày giới thiệu").click()
    page.get_by_label("Tình trạng").select_option(label="Đã kết thúc")
    page.get_by_role("button", name="Tìm trong sổ").click()
    assert "kết thúc ngày 01/05/2026" in page.inner_text("main")
    page.get_by_label("Họ và tên").fill("khong co ai")
    page.get_by_role("button", name="Tìm trong sổ").click()
    checked(page, "introduced-empty")

    page.get_by_role("link", name="Bỏ lọc").click()
    page.get_by_role("button", name="In sổ").click()
    page.get_by_text("Đang lập bản in").wait_for()
    tasks.bundle(Bundle.objects.get().pk)
    link = page.get_by_role("link", name="Tải về để in")
    link.wait_for()
    with page.expect_download() as taken:
        link.click()
    path = Path(os.environ.get("PICTURES", tmp_path), "book.pdf")
    taken.value.save_as(path)
    title, lines = [" ".join(text.extract_text().split()) for text in PdfReader(path).pages]
    assert "gồm 05 dòng" in title
    assert LONG in lines


def test_the_ward_looks_into_its_register(
    transactional_db: None, cast: Cast, play: Season, sign_in_as: Callable[..., Page]
) -> None:
    play.confirmed()
    factories.member(LONG, workplace=cast.office_cell, commune=cast.ward)
    page = sign_in_as(cast.ward_officer)
    page.goto("/so/")
    checked(page, "shelf-ward")
    page.get_by_role("link", name="Sổ theo dõi đảng viên giữ mối liên hệ").click()
    assert page.locator("tbody tr").count() == 2
    checked(page, "residents")


def test_the_clerk_brings_the_book_of_numbers_up_to_date(
    transactional_db: None, cast: Cast, play: Season, sign_in_as: Callable[..., Page]
) -> None:
    play.answered()
    page = sign_in_as(cast.ward_clerk)
    page.goto("/so/")
    page.get_by_role("link", name="Sổ công văn đi").click()
    checked(page, "letters-out")
    page.get_by_role("link", name="Cấp số, ghi số").click()
    checked(page, "numbers")
    page.get_by_label("Ghi số đã dùng ngoài hệ thống").check()
    page.get_by_label("Từ số").fill("2")
    page.get_by_label("Đến số").fill("14")
    page.get_by_label("Lý do").fill("Công văn viết tay tháng 10")
    page.get_by_role("button", name="Ghi vào sổ").click()
    assert "Số tiếp theo của sổ CV: 15" in page.inner_text("main")
    page.get_by_role("link", name="Cấp số, ghi số").click()
    page.get_by_label("Giữ trước một dải số").check()
    page.get_by_label("Giữ bao nhiêu số").fill("5")
    page.get_by_label("Lý do").fill("Giữ cho đợt tháng 12")
    page.get_by_role("button", name="Ghi vào sổ").click()
    checked(page, "letters-out-kept")
    page.get_by_role("link", name="Cấp số, ghi số").click()
    checked(page, "numbers-kept")
    page.goto("/so/")
    page.get_by_role("link", name="Sổ công văn đến").click()
    checked(page, "letters-in")
