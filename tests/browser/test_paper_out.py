"""A secretary on paper presses "In ra giấy", sees the copy being made, takes it home; the ward notes the hand-over."""

from collections.abc import Callable
from pathlib import Path

import pytest
from django.utils import timezone
from playwright.sync_api import Page
from pypdf import PdfReader

from evaluations import tasks
from evaluations.models import Bundle
from members.models import Organization
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


def checked(page: Page) -> Page:
    """No fault on a laptop and none on a telephone."""
    found = faults(page)
    page.set_viewport_size({"width": 360, "height": 800})
    found += faults(page)
    page.set_viewport_size({"width": 1280, "height": 900})
    assert found == []
    return page


def test_the_secretary_takes_the_forms_to_the_meeting(
    transactional_db: None, cast: Cast, sign_in_as: Callable[..., Page], tmp_path: Path
) -> None:
    for name in (LONG, "Lê Thử Hai"):
        factories.member(name, workplace=cast.office_cell, commune=cast.ward, cell=cast.cell)
    page = sign_in_as(cast.secretary, width=360)
    page.get_by_role("link", name="In ra giấy").click()
    checked(page)
    page.get_by_role("button", name="Lập bộ 2 phiếu để in").click()
    page.get_by_text("Đang lập bản in").wait_for()
    checked(page)

    tasks.bundle(Bundle.objects.get().pk)

    download_link = page.get_by_role("link", name="Tải về để in")
    download_link.wait_for()  # without anybody loading the page again
    checked(page)
    with page.expect_download() as taken:
        download_link.click()
    taken.value.save_as(tmp_path / "pack.pdf")
    texts = [text.extract_text() for text in PdfReader(tmp_path / "pack.pdf").pages]
    assert len(texts) == Bundle.objects.get().pages == 4
    assert LONG in " ".join(" ".join(texts).split())

    clerk = sign_in_as(cast.ward_clerk)
    clerk.get_by_role("link", name="In bộ phiếu cho chi bộ").click()
    checked(clerk)
    clerk.get_by_role("link", name="Ghi giao").click()
    clerk.fill("[name=received_by]", "Ngô Văn Bí Thư, bí thư chi bộ")
    checked(clerk)
    clerk.get_by_role("button", name="Ghi đã giao").click()
    assert "Ngô Văn Bí Thư, bí thư chi bộ nhận" in clerk.inner_text("main")
    checked(clerk)


def test_the_copy_is_reached_without_javascript(
    transactional_db: None, cast: Cast, sign_in_as: Callable[..., Page]
) -> None:
    factories.member(LONG, workplace=cast.office_cell, commune=cast.ward, cell=cast.cell)
    page = sign_in_as(cast.secretary, java_script_enabled=False)
    page.goto(f"/chi-bo/{cast.cell.pk}/in/{timezone.localdate().year}/")
    page.get_by_role("button", name="Lập bộ 1 phiếu để in").click()
    tasks.bundle(Bundle.objects.get().pk)
    page.get_by_role("link", name="Tải về để in").wait_for(timeout=8_000)  # the page loads itself again


def test_the_workplace_sends_paper_and_prints_answers(
    transactional_db: None, cast: Cast, play: Season, sign_in_as: Callable[..., Page]
) -> None:
    Organization.objects.filter(pk=cast.far_ward.pk).update(address="")
    factories.member("Mai Thử Xa", workplace=cast.office_cell, commune=cast.far_ward)
    matter = play.answered()
    play.rendered()
    page = sign_in_as(cast.officer)
    page.goto("/danh-ba/")
    checked(page)
    page.fill("[name=tim]", "hoa vang")
    page.get_by_role("button", name="Tìm").click()
    page.get_by_role("link", name="Sửa").click()
    page.fill("[name=address]", "Số 1 đường Mẫu, xã Hòa Vang, thành phố Đà Nẵng")
    checked(page)
    page.get_by_role("button", name="Lưu, đã kiểm tra hôm nay").click()
    page.get_by_role("checkbox").check()
    checked(page)
    page.get_by_role("button", name="Bì thư DL").click()
    page.get_by_text("Đang lập bản in").wait_for()

    page.goto(f"/dot/{matter.campaign_id}/")
    page.get_by_role("link", name="In và xuất").click()
    checked(page)
    page.get_by_role("link", name=cast.far_ward.name).click()
    checked(page)
    page.get_by_role("link", name="Ghi việc gửi").click()
    page.fill("[name=postal_no]", "RR 123 456 789 VN")
    checked(page)
    page.get_by_role("button", name="Ghi đã giao").click()
    assert "RR 123 456 789 VN" in page.inner_text("main")
    checked(page)

    ward = sign_in_as(cast.ward_signer)
    ward.get_by_role("link", name="In bộ trả theo nơi công tác").click()
    checked(ward)
