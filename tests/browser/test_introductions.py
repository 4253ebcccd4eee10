"""An introduction in the browser, from the workplace's list to the half of the paper that comes back."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page

from evaluations.models import Introduction
from members.models import User
from tests import factories
from tests.browser.conftest import faults
from tests.conftest import Cast

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.mark.parametrize("width", [360, 1280])
def test_introduced_received_and_back(
    transactional_db: None, cast: Cast, sign_in_as: Callable[..., Page], width: int
) -> None:
    factories.member("Hồ Thị Công Tằng Tôn Nữ Xa", workplace=cast.office_cell, commune=cast.far_ward)

    def opened(person: User) -> Page:
        page = sign_in_as(person, width=width)
        page.goto("/")
        return page

    officer = opened(cast.officer)
    officer.goto(f"/gioi-thieu/{cast.ministry.pk}/")
    assert faults(officer) == []
    officer.get_by_role("link", name="Soạn giấy giới thiệu").first.click()
    assert faults(officer) == []
    officer.get_by_role("button", name="Soạn giấy giới thiệu").click()
    assert faults(officer) == []
    officer.get_by_role("button", name="Trình ký 2 giấy giới thiệu").click()
    assert "2 giấy giới thiệu đang trình ký" in officer.inner_text("main")

    signer = opened(cast.signer)
    signer.get_by_role("link", name="2 giấy giới thiệu chờ ký phát hành").click()
    assert faults(signer) == []
    signer.get_by_role("button", name="Phát hành").click()
    assert "Đã phát hành 2 giấy giới thiệu." in signer.inner_text("main")
    assert faults(signer) == []

    clerk = opened(cast.ward_clerk)
    clerk.get_by_role("link", name="1 giấy giới thiệu mới chờ vào sổ").click()
    clerk.get_by_label("Số đến, đồng chí Trần Thị Thử").fill("21")
    assert faults(clerk) == []
    clerk.get_by_role("button", name="Vào sổ").click()

    ward = opened(cast.ward_officer)
    ward.get_by_role("link", name="chờ phân về chi bộ").click()
    assert faults(ward) == []
    ward.get_by_role("button", name="Lưu, chuyển chi bộ").click()
    assert "Đã phân 1 đồng chí về chi bộ." in ward.inner_text("main")

    secretary = opened(cast.secretary)
    secretary.get_by_role("link", name="chờ chi bộ tiếp nhận").click()
    assert faults(secretary) == []
    secretary.get_by_role("button", name="Tiếp nhận").click()
    assert "Đã tiếp nhận 1 đồng chí" in secretary.inner_text("main")
    secretary.get_by_role("link", name="Báo đồng chí đang cư trú").click()
    assert faults(secretary) == []

    back = opened(cast.ward_signer)
    back.get_by_role("link", name="chờ ký trả nơi công tác").click()
    assert faults(back) == []
    back.get_by_role("button", name="Ký phần tiếp nhận").click()
    assert faults(back) == []

    row = Introduction.objects.get(member=cast.asked)
    officer.goto(f"/gioi-thieu/giay/{row.pk}/")
    assert "Mở phần tiếp nhận (PDF)" in officer.inner_text("main")
    assert faults(officer) == []
    officer.goto(f"/dang-vien/{cast.asked.pk}/dien-sinh-hoat/")
    assert faults(officer) == []
    for page, address in (
        (officer, f"/gioi-thieu/{cast.ministry.pk}/mien-sinh-hoat/"),
        (officer, f"/gioi-thieu/{cast.ministry.pk}/qua-han/"),
        (clerk, f"/gioi-thieu-den/{cast.ward.pk}/giay/"),
        (ward, f"/bao-cu-tru/{cast.ward.pk}/"),
        (ward, f"/gioi-thieu-den/giay/{row.pk}/chuyen-lai/"),
    ):
        page.goto(address)
        assert faults(page) == []
