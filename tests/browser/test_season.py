"""A season as the province lives it: one sets the days, another looks ahead and launches for everybody."""

from collections.abc import Callable
from datetime import date, timedelta

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect

from evaluations.models import Document
from members.roles import Role
from tests import factories
from tests.browser.conftest import faults
from tests.conftest import Cast

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.mark.parametrize("width", [1280, 360])
def test_one_press_for_all_committees(cast: Cast, sign_in_as: Callable[..., Page], width: int) -> None:
    second = factories.official("second", "Vương Thị Phát", cast.province, Role.OVERSEER)
    long_name = "Đảng ủy Ban Quản lý Khu công nghệ cao và các khu công nghiệp"
    office = factories.organization(cast.province, long_name, "grassroots")
    factories.member("Bùi Văn Bên", workplace=factories.workplace_cell(office, "Một"), commune=cast.far_ward)
    factories.member("Cao Thị Vắng", workplace=cast.office_cell)
    start = date(timezone.localdate().year + 1, 1, 20)

    page = sign_in_as(cast.overseer, width=width)
    page.goto("/mua/")
    assert faults(page) == []
    page.get_by_role("link", name="Đặt mùa mới").click()
    page.get_by_label("Văn bản chỉ đạo").fill("Kế hoạch số 12-KH/TU, ngày 01/9/2026 của Ban Thường vụ Thành ủy")
    page.get_by_label("Ngày bắt đầu tự phê bình").fill(start.isoformat())
    page.get_by_label("Hạn nơi cư trú trả lời").fill((start - timedelta(days=10)).isoformat())
    assert faults(page) == []
    page.get_by_role("button", name="Đặt mùa").click()
    expect(page.get_by_text("cho 2 đơn vị")).to_be_visible()
    assert faults(page) == []

    page = sign_in_as(second, width=width)
    page.goto("/mua/")
    page.get_by_role("link", name="Mùa năm").click()
    page.get_by_role("link", name="Xem trước, phát hành").click()
    expect(page.get_by_text("1 đồng chí: Chưa có xã, phường nơi cư trú")).to_be_visible()
    assert faults(page) == []
    page.get_by_role("button", name="Phát hành 2 công văn của 2 đơn vị").click()
    expect(page.get_by_text("Đã phát hành 2 công văn")).to_be_visible()
    assert faults(page) == []
    assert sorted(Document.objects.values_list("state", "number")) == [("issued", "1"), ("issued", "1")]
