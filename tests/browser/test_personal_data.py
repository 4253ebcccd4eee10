"""The data officer lists what has expired, the signer approves; a person's data is given out and erased on a paper."""

import re
from collections.abc import Callable
from datetime import date
from pathlib import Path
from zipfile import ZipFile

import pytest
from playwright.sync_api import Page

from evaluations.models import Document
from members.models import AuditEvent
from tests.browser.test_registers import checked
from tests.conftest import Cast
from tests.season import Season

pytestmark = [
    pytest.mark.browser,
    pytest.mark.django_db(transaction=True),
    pytest.mark.filterwarnings("ignore:unclosed file.*sRGB2014:ResourceWarning"),
]


def test_expired_letters_are_destroyed_by_two(
    transactional_db: None, cast: Cast, play: Season, sign_in_as: Callable[..., Page]
) -> None:
    play.answered()
    Document.objects.filter(pk=play.letter().pk).update(issued_on=date(2010, 1, 1))
    officer, signer = sign_in_as(cast.data_officer), sign_in_as(cast.signer)
    officer.locator("main").get_by_role("link", name="Dữ liệu cá nhân").click()
    checked(officer, "data")
    officer.get_by_role("button", name="Lập danh mục").click()
    checked(officer, "destruction-proposed")

    signer.goto("/")
    signer.get_by_role("link", name="1 danh mục tiêu hủy hồ sơ chờ đồng chí phê duyệt").click()
    checked(signer, "data-signer")
    signer.get_by_role("link", name=re.compile(r"^Số \d+")).click()
    signer.get_by_role("button", name="Phê duyệt tiêu hủy").click()
    officer.reload()
    checked(officer, "destruction-approved")
    officer.get_by_role("button", name="Tiêu hủy 1 hồ sơ").click()
    assert "đã tiêu hủy" in officer.inner_text("main")
    checked(officer, "destruction-done")


def test_a_persons_data_is_given_out_and_erased(
    transactional_db: None, cast: Cast, play: Season, sign_in_as: Callable[..., Page], tmp_path: Path
) -> None:
    play.answered()
    play.rendered()
    officer = sign_in_as(cast.data_officer)
    officer.goto("/du-lieu/")
    officer.get_by_label("Tìm theo họ tên").fill("tran thi thu")
    officer.get_by_role("button", name="Tìm").click()
    checked(officer, "data-found")
    officer.get_by_role("link", name="Trần Thị Thử").click()
    checked(officer, "person")
    officer.locator("#export-paper_no").fill("12-CV/ĐU ngày 05/10/2026")
    officer.locator("#export-reason").fill("Đơn của đảng viên")
    with officer.expect_download() as taken:
        officer.get_by_role("button", name="Lập tệp dữ liệu").click()
    taken.value.save_as(tmp_path / "file.zip")
    assert "so-lieu.xlsx" in ZipFile(tmp_path / "file.zip").namelist()

    officer.reload()
    officer.get_by_text("Xóa dữ liệu theo yêu cầu").click()
    officer.locator("#erase-paper_no").fill("13-CV/ĐU ngày 06/10/2026")
    officer.locator("#erase-reason").fill("Đơn của đảng viên")
    officer.get_by_role("button", name="Xóa dữ liệu", exact=True).click()
    officer.get_by_label("Tôi đã kiểm tra văn bản yêu cầu").check()
    officer.get_by_role("button", name="Xóa dữ liệu", exact=True).click()
    officer.get_by_text("Đã xóa nội dung chi tiết").wait_for()
    checked(officer, "person-erased")
    assert AuditEvent.objects.filter(verb="Member.erase").count() == 1
