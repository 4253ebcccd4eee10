"""The whole line in the browser: an office's Excel goes in, a stored Phiếu nhận xét comes out."""

import io
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone
from playwright.sync_api import Page
from pypdf import PdfReader

from members.models import Member, Placement
from tests import factories, smtp
from tests.browser.conftest import faults
from tests.conftest import Cast
from tests.season import Season

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
ROSTER = Path(__file__).parent.parent / "data" / "so-xay-dung.xlsx"
ON_PAPER = ["Hòa Cường", "Cẩm Lệ", "Hải Châu", "Liên Chiểu", "Thanh Khê", "An Khê", "Ngũ Hành Sơn"]


def test_from_the_roster_to_the_stored_answer(
    transactional_db: None, cast: Cast, play: Season, sign_in_as: Callable[..., Page], settings: Any
) -> None:
    for locality in ON_PAPER:
        factories.commune(cast.province, locality, kind="external")

    with smtp.sink() as post:
        smtp.use(settings, post.port)
        import_roster(sign_in_as(cast.officer))
        launch(sign_in_as(cast.officer), sign_in_as(cast.signer))
        play.rendered()
        notices = [(message["To"], message.get_content()) for message in post.messages]
        assert sorted(to for to, _ in notices) == ["anhai@example.org", "sontra@example.org"]
        names = list(Member.objects.values_list("full_name", flat=True))
        assert not [name for name in names for _, body in notices if name in body]

        receive_and_assign(sign_in_as(cast.ward_officer), cast)
        comment(sign_in_as(cast.secretary, width=360), cast)
        confirm(sign_in_as(cast.ward_officer))
        reply(sign_in_as(cast.ward_signer))
        play.rendered()
        assert [message["To"] for message in post.messages][-1] == "so.thunghiem@example.org"

    pdf = read_answer(sign_in_as(cast.signer), cast)
    somebody = Placement.objects.filter(cell=cast.cell).order_by("member__sort_key")[0].member
    text = " ".join("".join(page.extract_text() for page in pdf.pages).split())
    assert somebody.full_name in text
    for words in ("Nêu gương tốt", "Gương mẫu đi đầu", "Tham gia đầy đủ", "Thường xuyên, tích cực", "Rất tích cực"):
        assert words in text
    fonts = {font["/BaseFont"].split("+")[-1] for page in pdf.pages for font in fonts_of(page)}
    assert fonts
    assert not [font for font in fonts if not font.startswith("Liberation-Serif")]


def import_roster(page: Page) -> None:
    page.goto("/dang-vien/nhap/")
    page.set_input_files("[type=file]", ROSTER)
    assert faults(page) == []
    page.get_by_role("button", name="Đọc danh sách").click()
    assert "đọc được 120 dòng" in page.inner_text("main")
    assert faults(page) == []
    page.get_by_role("button", name="Đưa vào sổ theo dõi").click()
    assert Member.objects.count() == 121  # with the one of the cast

    page.goto("/dang-vien/nhap/")
    page.set_input_files("[type=file]", ROSTER)
    page.get_by_role("button", name="Đọc danh sách").click()
    assert "Không có gì thay đổi." in page.inner_text("main")


def launch(officer: Page, signer: Page) -> None:
    officer.goto("/")
    officer.get_by_text("Mở đợt lấy ý kiến").click()
    start = timezone.localdate() + timedelta(days=45)
    officer.fill("[name=self_criticism_on]", start.isoformat())
    officer.get_by_role("button", name="Lập đợt").click()
    assert faults(officer) == []
    officer.get_by_role("button", name="Trình ký 10 công văn").click()
    assert officer.get_by_role("link", name="Cấp số, phát hành").count() == 0  # who drafts does not sign

    signer.goto("/")
    signer.get_by_text("Ký phát hành công văn").click()
    assert faults(signer) == []
    signer.get_by_role("button", name="Phát hành").click()
    assert "Phát hành" in signer.inner_text("main") or "phát hành" in signer.inner_text("main")
    assert faults(signer) == []


def receive_and_assign(page: Page, cast: Cast) -> None:
    page.goto("/cong-van-den/")
    assert faults(page) == []
    page.locator("main table a").first.click()
    page.get_by_role("button", name="Vào sổ").click()
    page.get_by_role("link", name="về chi bộ").click()
    assert faults(page) == []
    for choice in page.locator("main select").all():
        choice.select_option(str(cast.cell.pk))
    page.get_by_role("button", name="Lưu, chuyển chi bộ").click()
    assert "Không còn đồng chí nào chờ phân" in page.inner_text("main")


def comment(page: Page, cast: Cast) -> None:
    """The secretary, on a telephone."""
    today = timezone.localdate().isoformat()
    year = timezone.localdate().year
    page.goto(f"/chi-bo/{cast.cell.pk}/cuoc-hop/{year}/")
    page.fill("[name=held_on]", today)
    page.locator("main form button[type=submit]").first.click()
    page.goto(f"/chi-bo/{cast.cell.pk}/diem-danh/{year}/")
    page.get_by_role("button", name="Đặt các ô còn trống của cuộc họp này là có mặt").click()
    assert faults(page) == []

    page.goto(f"/chi-bo/{cast.cell.pk}/hop-mat-tran/{year}/")
    page.fill("[name=held_on]", today)
    fields = page.locator("main form input[type=text]")
    for place, words in {0: "Ngô Văn Bí Thư", 1: "Bí thư chi bộ"}.items():
        fields.nth(place).fill(words)
    front = page.locator("main form input[name*=front]")
    for place, words in {0: "Đinh Thị Mặt Trận", 1: "Trưởng ban công tác Mặt trận"}.items():
        front.nth(place).fill(words)
    assert faults(page) == []
    page.get_by_role("button", name="Ghi cuộc họp").click()

    page.goto("/")
    page.get_by_text("Nhận xét").first.click()
    assert faults(page) == []
    for choice in page.locator("main table select").all():
        code = choice.get_attribute("name") or ""
        choice.select_option("1" if code.endswith("recommendation") else "0")
    page.get_by_role("button", name="Lưu và chuẩn bị gửi").click()
    assert faults(page) == []
    page.get_by_role("button", name="Gửi nhận xét lên đảng ủy").click()


def confirm(page: Page) -> None:
    page.goto("/")
    page.get_by_role("link", name="chờ xác nhận").click()
    for box in page.locator("[name=version]").all():
        box.check()
    assert faults(page) == []
    page.get_by_role("button", name="Xác nhận các bản đã đánh dấu").click()


def reply(page: Page) -> None:
    page.goto("/")
    page.get_by_role("link", name="chờ ký trả lời").click()
    assert faults(page) == []
    page.locator("main a.btn-primary, main table a.btn").first.click()
    assert faults(page) == []
    page.get_by_role("button", name="Phát hành công văn trả lời").click()


def read_answer(page: Page, cast: Cast) -> PdfReader:
    """The workplace opens the commune, a comrade, and the stored form."""
    page.goto("/")
    page.get_by_role("link", name="Năm").first.click()
    page.get_by_role("link", name=cast.ward.name).first.click()
    assert faults(page) == []
    page.locator("main table a").first.click()
    assert faults(page) == []
    link = page.locator("main a[href*='/van-ban/']").first.get_attribute("href")
    response = page.request.get(link or "")
    assert (response.status, response.headers["content-type"]) == (200, "application/pdf")
    return PdfReader(io.BytesIO(response.body()))


def fonts_of(page: Any) -> list[Any]:
    return [font.get_object() for font in page["/Resources"]["/Font"].values()]
