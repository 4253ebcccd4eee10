"""The signer puts a key in, signs a whole folder with the page looking on, and prints introductions for one commune."""

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page

from evaluations import tasks
from evaluations.models import Document, Signature
from evaluations.views import digital
from tests import factories
from tests.browser.conftest import faults
from tests.certificates import PASSPHRASE, authority, office
from tests.conftest import Cast
from tests.introducing import Introducing
from tests.season import Season

pytestmark = [
    pytest.mark.browser,
    pytest.mark.django_db(transaction=True),
    pytest.mark.filterwarnings("ignore:unclosed file.*sRGB2014:ResourceWarning"),
]


def checked(page: Page) -> None:
    """No fault on a laptop and none on a telephone."""
    found = faults(page)
    page.set_viewport_size({"width": 360, "height": 800})
    found += faults(page)
    page.set_viewport_size({"width": 1280, "height": 900})
    assert found == []


def test_a_folder_is_signed_and_introductions_are_printed(
    transactional_db: None,
    cast: Cast,
    play: Season,
    sign_in_as: Callable[..., Page],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    monkeypatch.setattr(digital, "SECONDS", 0.0)  # one paper a slice
    factories.member("Hồ Thử Xa", workplace=cast.office_cell, commune=cast.far_ward)
    play.issued()
    Introducing(cast).issued(commune=cast.ward)
    for paper in Document.objects.to_render():
        tasks.render(paper.pk)
    (tmp_path / "khoa.p12").write_bytes(office().pkcs12(authority()))
    page = sign_in_as(cast.signer)
    page.goto(f"/ky-so/{cast.ministry.pk}/khoa/")
    page.set_input_files("[name=archive]", tmp_path / "khoa.p12")
    page.fill("[name=passphrase]", PASSPHRASE)
    page.locator("form:has([name=archive]) [type=submit]").click()

    page.goto(f"/ky-so/{cast.ministry.pk}/")
    page.fill("[name=secret]", PASSPHRASE)
    checked(page)
    page.get_by_role("button", name="Ký số các văn bản đã chọn").click()
    page.get_by_text("Đã ký số 3 văn bản.").wait_for()  # slice by slice, without anybody pressing again
    checked(page)
    assert Signature.objects.count() == 3
    page.get_by_role("link", name="Trở lại danh sách chờ ký số").click()
    assert "Không có văn bản nào chờ ký số" in page.inner_text("main")

    page.goto(f"/gioi-thieu/{cast.ministry.pk}/")
    page.get_by_role("link", name="In giấy giới thiệu theo xã, phường").click()
    checked(page)
    page.get_by_role("button", name="Lập bộ in").click()
    page.get_by_text("Đang lập bản in").wait_for()
