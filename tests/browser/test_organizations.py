"""The tree in the browser: searched while typing, a cell set up and merged on a telephone, wards merged at a desk."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from members.models import Organization, User
from tests import factories
from tests.browser.conftest import faults
from tests.conftest import Cast

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def test_a_ward_keeps_its_cells_on_a_telephone(
    transactional_db: None, cast: Cast, sign_in_as: Callable[..., Page]
) -> None:
    factories.member("Lê Thử Hai", workplace=cast.office_cell, commune=cast.ward, cell=cast.cell)
    phone = sign_in_as(cast.ward_officer, width=360)
    phone.goto("/to-chuc/")
    assert faults(phone) == []
    # No button: the rows follow the typing.
    phone.get_by_label("Tìm theo tên").press_sequentially("to dan pho 8")
    expect(phone.locator("#organizations a")).to_have_text(["Chi bộ Tổ dân phố 8"])
    phone.goto(f"/to-chuc/{cast.ward.pk}/")
    assert faults(phone) == []
    phone.get_by_role("link", name="Lập tổ chức trực thuộc").click()
    assert faults(phone) == []
    phone.get_by_label("Tên đầy đủ").fill("Chi bộ Tổ dân phố 9")
    phone.get_by_role("button", name="Xem trước").click()
    assert faults(phone) == []
    phone.get_by_role("button", name="Xác nhận, thực hiện").click()
    assert "Đã thực hiện: Lập Chi bộ Tổ dân phố 9" in phone.inner_text("main")
    assert faults(phone) == []

    phone.goto(f"/to-chuc/{cast.other_cell.pk}/")
    phone.get_by_role("link", name="Sáp nhập").click()
    phone.get_by_label("Chi bộ Tổ dân phố 7").check()
    assert faults(phone) == []
    phone.get_by_role("button", name="Xem trước").click()
    assert "1 đảng viên đang giữ mối liên hệ: thuộc Chi bộ Tổ dân phố 8." in phone.inner_text("main")
    phone.get_by_role("button", name="Xác nhận, thực hiện").click()
    phone.goto(f"/to-chuc/{cast.cell.pk}/")
    assert "Nay là Chi bộ Tổ dân phố 8" in phone.inner_text("main")
    assert faults(phone) == []


def test_the_province_merges_wards(transactional_db: None, cast: Cast, sign_in_as: Callable[..., Page]) -> None:
    desk = sign_in_as(cast.overseer)
    desk.goto(f"/to-chuc/{cast.ward.pk}/")
    assert faults(desk) == []
    desk.get_by_role("link", name="Sáp nhập").click()
    desk.get_by_label("Đảng ủy phường Sơn Trà").check()
    desk.get_by_label("Tên mới").fill("Đảng ủy phường Biển Mẫu")
    desk.get_by_role("button", name="Xem trước").click()
    assert faults(desk) == []
    desk.get_by_role("button", name="Sửa lại").click()
    assert desk.get_by_label("Tên mới").input_value() == "Đảng ủy phường Biển Mẫu"
    assert desk.get_by_label("Đảng ủy phường Sơn Trà").is_checked()
    desk.get_by_role("button", name="Xem trước").click()
    desk.get_by_role("button", name="Xác nhận, thực hiện").click()
    assert faults(desk) == []
    merged = Organization.objects.get(name="Đảng ủy phường Biển Mẫu")
    assert Organization.objects.filter(parent=merged, closed_on=None).count() == 2
    desk.goto("/to-chuc/?tim=an+hai")
    assert "nay là Đảng ủy phường Biển Mẫu" in desk.inner_text("main")
    assert faults(desk) == []
    desk.goto("/sap-xep/")
    assert faults(desk) == []
    # The ward's own people find their new ward the next morning.
    assert User.objects.get(pk=cast.ward_officer.pk).seats_now[0].organization == merged


def test_without_scripts_everything_is_there(
    transactional_db: None, cast: Cast, sign_in_as: Callable[..., Page]
) -> None:
    page = sign_in_as(cast.ward_officer, java_script_enabled=False)
    page.goto("/to-chuc/")
    page.get_by_label("Tìm theo tên").fill("tổ dân phố 7")
    page.get_by_role("button", name="Tìm").click()
    page.get_by_role("link", name="Chi bộ Tổ dân phố 7").click()
    page.get_by_role("link", name="Đổi tên").click()
    page.get_by_label("Tên mới").fill("Chi bộ Khu phố 7")
    page.get_by_role("button", name="Xem trước").click()
    page.get_by_role("button", name="Xác nhận, thực hiện").click()
    assert "Chi bộ Tổ dân phố 7 đổi tên thành Chi bộ Khu phố 7" in page.inner_text("main")
