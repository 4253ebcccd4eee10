"""Paper comes in: signed forms are keyed and contested; a request on paper goes all the way to a printed reply."""

import io
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from django.utils import timezone
from playwright.sync_api import Page
from pypdf import PdfReader

from evaluations.models import AssessmentVersion, Document, EvaluationRequest, Letter
from evaluations.models.paper_codes import PaperKind, paper_code
from members.models import Organization
from tests import factories
from tests.browser.conftest import faults
from tests.conftest import Cast
from tests.season import GOOD, Season

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
NAMES = "STT,Họ và tên,Ngày sinh,Ngày vào Đảng,Tổ dân phố\n1,Vũ Thử Giấy,18/07/1976,04/04/2004,Tổ dân phố 7\n"


def key_sheet(page: Page, scan: Path, *, first: bool) -> None:
    for code, answer in GOOD.items():
        page.locator(f"[name={code}][value='{answer['option']}']").check(force=True)
    page.fill("[name=remarks]", "Tham gia dọn vệ sinh tổ dân phố.")
    if first:
        day = timezone.localdate()
        page.fill("[name=met_on]", (day - timedelta(days=2)).isoformat())
        page.fill("[name=on_paper_on]", (day - timedelta(days=1)).isoformat())
        page.fill("[name=signer_name]", "Ngô Văn Bí Thư")
        page.fill("[name=signer_position]", "Bí thư")
        page.select_option("[name=paper_reason]", "no_account")
    page.set_input_files("[name=scan]", scan)


def test_the_ward_keys_what_its_cell_has_signed(
    transactional_db: None, cast: Cast, play: Season, sign_in_as: Callable[..., Page], tmp_path: Path
) -> None:
    factories.member("Trần Văn Ứng", workplace=cast.office_cell, commune=cast.ward)
    first, second = sorted(play.assigned(), key=lambda row: row.member.sort_key)
    scan = tmp_path / "phieu.pdf"
    scan.write_bytes(b"%PDF-1.4 a sheet")
    assert first.assessment_id

    ward = sign_in_as(cast.ward_officer)
    ward.get_by_role("link", name="Nhập kết quả từ bản giấy").click()
    assert faults(ward) == []
    ward.fill("#tim", paper_code(PaperKind.ASSESSMENT, first.assessment_id).lower())
    ward.get_by_role("button", name="Tìm phiếu").click()
    assert faults(ward) == []
    key_sheet(ward, scan, first=True)
    ward.get_by_role("button", name="Lưu, nhập phiếu tiếp theo").click()
    assert second.member.full_name in ward.inner_text("main")
    assert ward.input_value("[name=signer_name]") == "Ngô Văn Bí Thư"
    key_sheet(ward, scan, first=False)
    ward.get_by_role("button", name="Lưu phiếu").click()
    assert faults(ward) == []

    version = AssessmentVersion.objects.get(assessment=first.assessment_id)
    cell = sign_in_as(cast.secretary, width=360)
    cell.get_by_role("link", name="2 nhận xét").click()
    assert faults(cell) == []
    cell.get_by_role("link", name=first.member.full_name).click()
    cell.get_by_text("Nội dung nhập khác với bản giấy?").click()
    cell.fill("[name=note]", "Mục 3 trên giấy ghi khác")
    assert faults(cell) == []
    cell.get_by_role("button", name="Báo đảng ủy").click()

    ward.goto(f"/xac-nhan/ban/{version.pk}/")
    assert "khác với bản giấy" in ward.inner_text("main")
    assert faults(ward) == []
    ward.get_by_role("link", name="Xem cùng bản chụp").click()
    ward.get_by_role("link", name="Nhập lại cho đúng bản giấy").click()
    ward.locator("[name=meeting_attendance][value='1']").check(force=True)
    ward.get_by_role("button", name="Lưu phiếu").click()
    ward.goto(f"/xac-nhan/ban/{AssessmentVersion.objects.get(assessment=first.assessment_id, no=2).pk}/")
    ward.get_by_role("button", name="Xác nhận bản nhận xét").click()

    states = AssessmentVersion.objects.order_by("assessment", "no").values_list("state", flat=True)
    assert sorted(states) == ["confirmed", "replaced", "submitted"]


def test_a_request_on_paper_goes_all_the_way_to_a_printed_reply(
    transactional_db: None, cast: Cast, play: Season, sign_in_as: Callable[..., Page], tmp_path: Path
) -> None:
    roster = tmp_path / "danh-sach.csv"
    roster.write_text(NAMES, "utf-8")

    clerk = sign_in_as(cast.ward_officer)
    register(clerk, roster)
    assign_and_write(clerk, play, cast, tmp_path)
    reply(sign_in_as(cast.ward_signer))
    play.rendered()

    answer = Document.objects.get(genre="reply_letter")
    assert answer.recipient == Organization.objects.get(name="Đảng ủy Trường Thử Nghiệm", kind="external")
    assert Letter.objects.get(document=answer).channel == "print"
    response = clerk.request.get(f"/van-ban/{answer.pk}/tep/")
    text = " ".join("".join(page.extract_text() for page in PdfReader(io.BytesIO(response.body())).pages).split())
    for words in ("12-CV/ĐU", "Vũ Thử Giấy", "Đảng ủy Trường Thử Nghiệm"):
        assert words in text


def register(page: Page, roster: Path) -> None:
    today = timezone.localdate()
    page.goto("/cong-van-den/")
    page.get_by_role("link", name="Công văn đến bằng giấy").click()
    assert faults(page) == []
    page.fill("[name=asker]", "Đảng ủy Trường Thử Nghiệm")
    page.fill("[name=number]", "12-CV/ĐU")
    page.fill("[name=dated_on]", (today - timedelta(days=3)).isoformat())
    page.get_by_role("button", name="Vào sổ, ghi danh sách").click()
    assert "Chưa có đảng ủy tên này trong danh bạ" in page.inner_text("main")
    assert faults(page) == []
    page.check("[name=is_new]")
    page.get_by_role("button", name="Vào sổ, ghi danh sách").click()
    assert faults(page) == []
    page.set_input_files("[name=file]", roster)
    page.get_by_role("button", name="Đọc danh sách").click()
    assert faults(page) == []
    page.get_by_role("button", name="Đưa vào sổ").click()
    assert "1 đồng chí" in page.inner_text("main")
    assert faults(page) == []


def assign_and_write(page: Page, play: Season, cast: Cast, tmp_path: Path) -> None:
    page.get_by_role("link", name="về chi bộ").click()
    page.locator("main select").first.select_option(str(cast.cell.pk))
    page.get_by_role("button", name="Lưu, chuyển chi bộ").click()
    scan = tmp_path / "phieu.pdf"
    scan.write_bytes(b"%PDF-1.4 a sheet")
    matter = EvaluationRequest.objects.get()
    page.goto(f"/nhap-tu-giay/{matter.assessment_id}/")
    key_sheet(page, scan, first=True)
    page.get_by_role("button", name="Lưu phiếu").click()
    version = AssessmentVersion.objects.get()
    page.goto(f"/xac-nhan/ban/{version.pk}/")
    page.get_by_role("button", name="Xác nhận bản nhận xét").click()


def reply(page: Page) -> None:
    page.goto("/")
    page.get_by_role("link", name="chờ ký trả lời").click()
    assert faults(page) == []
    page.get_by_role("link", name="Lập công văn trả lời").first.click()
    assert faults(page) == []
    page.get_by_role("button", name="Phát hành công văn trả lời").click()
    assert "Đã phát hành" in page.inner_text("main")
