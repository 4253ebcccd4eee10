"""An office's ugly Excel, put right in the browser; the office's next list needs no word any more."""

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from playwright.sync_api import Page

from members.models import Member, RosterHeading, RosterImport
from tests.browser.conftest import faults
from tests.conftest import Cast

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
HEAD = [
    ["ĐẢNG ỦY SỞ THỬ NGHIỆM"],
    ["TT", "Họ và tên", "Ngày sinh", None, "Ngày vào Đảng", "Địa bàn", "Số ĐT"],
    [None, None, "Nam", "Nữ", None, None, None],
]


def ugly(path: Path, *people: list[Any]) -> Path:
    book = openpyxl.Workbook()
    for row in [*HEAD, ["I. Chi bộ Văn phòng"], *people, [None, "Cộng: 0 đồng chí"]]:
        book.active.append(row)
    for merged in ("C2:D2", "A2:A3", "B2:B3", "E2:E3", "F2:F3", "G2:G3"):
        book.active.merge_cells(merged)
    out = io.BytesIO()
    book.save(out)
    path.write_bytes(out.getvalue())
    return path


def send(page: Page, path: Path) -> None:
    page.goto("/dang-vien/nhap/")
    page.set_input_files("[type=file]", path)
    page.get_by_role("button", name="Đọc danh sách").click()


@pytest.mark.parametrize("width", [1280, 360])
def test_put_right_once(
    width: int, transactional_db: None, cast: Cast, sign_in_as: Callable[..., Page], tmp_path: Path
) -> None:
    first = ugly(
        tmp_path / "ds.xlsx",
        [1, "NGUYỄN VĂN AN", "18.7.76", None, "4/4/2004", "P. An Hải", 905000001],
        [2, "Lê Thị Bình", None, "31/02/1980", "5/6/2010", "P.Sơn Trà, TP. Đà Nẵng", 905000002],
        [3, "Phạm Thị Cúc", None, 1985, "5/6/2012", "Phường Bịa Đặt", None],
        [4, "Đỗ Văn Dũng", 1970, None, "6/6/1996", "Xã Bịa Đặt", None],
    )
    page = sign_in_as(cast.officer, width=width)

    send(page, first)
    page.locator("summary", has_text="Các cột được hiểu như thế nào").click()
    page.get_by_role("link", name="Sửa cách hiểu các cột").click()
    assert faults(page) == []
    page.get_by_label("“Địa bàn” là").select_option(label="Phường, xã")
    page.get_by_role("button", name="Đọc lại danh sách").click()

    page.get_by_label("Ngày sinh", exact=True).fill("28/02/1980")
    page.get_by_role("button", name="Lưu và kiểm tra lại").last.click()
    assert faults(page) == []
    page.get_by_role("button", name="Bỏ qua tất cả 2 dòng có lỗi").click()
    assert "Sẽ ghi 2 dòng." in page.inner_text("main")
    assert faults(page) == []
    page.get_by_role("button", name="Đưa vào sổ theo dõi").click()
    assert sorted(Member.objects.exclude(pk=cast.asked.pk).values_list("full_name", "sex", "birth_year")) == [
        ("Lê Thị Bình", "F", 1980),
        ("Nguyễn Văn An", "M", 1976),
    ]

    send(page, ugly(tmp_path / "ds2.xlsx", [1, "Vũ Thị Em", None, 1990, "5/6/2015", "Xã Hòa Vang", None]))
    assert "Sẽ ghi 1 dòng." in page.inner_text("main")
    assert RosterImport.objects.latest("pk").rows.get().commune == cast.far_ward
    page.goto("/dang-vien/nhap/")
    page.locator("summary", has_text="Tiêu đề đã nhớ").click()
    assert faults(page) == []
    page.get_by_role("button", name="Thôi nhớ “Địa bàn”").click()
    assert not RosterHeading.objects.exists()
