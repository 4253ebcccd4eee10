"""Signing day as it is lived: two letters are signed by the deputy, the third goes back with a word."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from evaluations.models import Document
from tests import factories
from tests.browser.conftest import faults
from tests.conftest import Cast
from tests.season import Season

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.mark.parametrize("width", [1280, 360])
def test_two_are_signed_and_one_goes_back(
    cast: Cast, play: Season, sign_in_as: Callable[..., Page], width: int
) -> None:
    factories.member("Lê Thử Hai", workplace=cast.office_cell, commune=cast.other_ward)
    factories.member("Mai Thử Ba", workplace=cast.office_cell, commune=cast.far_ward)
    play.presented()
    page = sign_in_as(cast.signer, width=width)
    page.locator(".main-action").first.click()
    assert faults(page) == []

    page.get_by_role("link", name="Thêm, sửa thể thức ký").click()
    page.get_by_label("Thể thức đề ký").fill("T/M ĐẢNG ỦY")
    page.get_by_label("Chức vụ").fill("PHÓ BÍ THƯ")
    page.get_by_label("Họ và tên").fill("Lâm Thử Phó")
    page.get_by_role("button", name="Ghi thể thức ký").click()
    expect(page.get_by_text("Đã ghi: T/M ĐẢNG ỦY")).to_be_visible()
    assert faults(page) == []
    page.goto("/")
    page.locator(".main-action").first.click()
    page.get_by_label("Ký công văn gửi Đảng ủy phường Sơn Trà").uncheck()
    page.get_by_label("Lời nhắn nếu trả lại công văn gửi Đảng ủy phường Sơn Trà").fill("Thiếu một đồng chí")
    page.get_by_label("Thể thức ký").select_option("T/M ĐẢNG ỦY – PHÓ BÍ THƯ – Lâm Thử Phó")
    page.get_by_role("button", name="Phát hành").click()

    expect(page.get_by_text("Đã phát hành 2 công văn.")).to_be_visible()
    expect(page.get_by_text("Thiếu một đồng chí")).to_be_visible()
    assert faults(page) == []
    signers = [letter.facts["signature"]["name"] for letter in Document.objects.filter(state="issued")]
    assert signers == ["Lâm Thử Phó", "Lâm Thử Phó"]
