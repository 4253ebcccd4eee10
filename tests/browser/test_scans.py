"""A pile of paper in the browser: scanned, read, and what no machine could bind is bound by hand."""

from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from evaluations import documents, tasks
from evaluations.models import Assessment, ScanBatch, ScanPage, sheet_facts
from evaluations.models.paper_codes import PaperKind, paper_code
from tests import factories
from tests.browser.conftest import faults
from tests.conftest import Cast
from tests.scanner import Pass, blank, photograph, scanned, sheets
from tests.season import Season

pytestmark = [
    pytest.mark.browser,
    pytest.mark.django_db(transaction=True),
    pytest.mark.filterwarnings("ignore:unclosed file.*sRGB2014:ResourceWarning"),
]


@pytest.mark.parametrize("width", [1280, 360])
def test_a_pile_is_scanned_and_the_tray_is_emptied(
    transactional_db: None, cast: Cast, sign_in_as: Callable[..., Page], tmp_path: Path, width: int
) -> None:
    members = [
        factories.member(name, workplace=cast.office_cell, commune=cast.ward, cell=cast.cell)
        for name in ("Đỗ Thử Một", "Công Tằng Tôn Nữ Thử Nghiệm Hoàng Phương")
    ]
    rows = [Assessment.objects.create(placement=who.placements.get(), year=Season.YEAR) for who in members]
    printed = documents.render("blank_forms", sheet_facts.blank_forms([row.pk for row in rows]))
    first, second = sheets(printed.content)
    pictures = [photograph(first, Pass(turned=90)), _without_code(second), photograph(first), blank()]
    pile = tmp_path / "quet.pdf"
    pile.write_bytes(scanned(pictures))
    page = sign_in_as(cast.ward_clerk, width=width)

    page.goto(f"/quet-phieu/{cast.ward.pk}/")
    assert faults(page) == []
    page.set_input_files("[type=file]", pile)
    page.get_by_role("button", name="Tải lên và đọc").click()
    expect(page.get_by_text("Đang đọc")).to_be_visible()
    batch = ScanBatch.objects.get()
    tasks.read_scans(batch.pk)
    # The page notices by itself that everything is read.
    expect(page.get_by_role("heading", name="Cần đồng chí xem")).to_be_visible()
    assert faults(page) == []

    page.get_by_role("link", name="Trang 2").click()
    assert faults(page) == []
    page.fill("[name=code]", "A-1-AAAAA")
    page.get_by_role("button", name="Gắn trang này").click()
    expect(page.get_by_text("Không có phiếu, văn bản nào của đơn vị mang mã này")).to_be_visible()
    assert faults(page) == []
    page.fill("[name=code]", paper_code(PaperKind.ASSESSMENT, rows[1].pk).lower())
    page.get_by_role("button", name="Gắn trang này").click()
    page.get_by_role("link", name="Trang 4").click()
    page.fill("[name=reason]", "Trang trắng")
    page.get_by_role("button", name="Để riêng trang này").click()
    page.get_by_role("link", name="Trang 3").click()
    page.get_by_role("button", name="Gắn làm trang tiếp theo").click()

    expect(page.get_by_text("Không còn trang nào cần xem.")).to_be_visible()
    assert faults(page) == []
    states = dict(ScanPage.objects.values_list("number", "state"))
    assert states == {1: "bound", 2: "bound", 3: "bound", 4: "discarded"}
    assert [found.number for found in ScanPage.objects.of_assessment(rows[1])] == [2]


def _without_code(sheet: bytes) -> Image.Image:
    """Coffee on the lower left corner."""
    picture = photograph(sheet)
    picture.paste(120, (0, picture.height * 4 // 5, picture.width // 6, picture.height))
    return picture
