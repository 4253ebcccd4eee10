"""The secretary's own row and his wife's go to the deputy, who signs in and rates them; in the browser."""

from collections.abc import Callable

import pytest
from django.utils import timezone
from playwright.sync_api import Page

from evaluations.models import AssessmentVersion
from members.models import AuditEvent, Placement, User
from tests import factories
from tests.browser.conftest import faults
from tests.conftest import Cast
from tests.season import Season

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
WIFE, OTHER = "Đỗ Thị Hương Vợ", "Lê Văn An"


def checked(page: Page) -> None:
    """As it stands, and on a telephone."""
    assert faults(page) == []
    page.set_viewport_size({"width": 360, "height": 800})
    assert faults(page) == []
    page.set_viewport_size({"width": 1280, "height": 900})


def rate(page: Page) -> None:
    for choice in page.locator("main table select").all():
        choice.select_option("1" if (choice.get_attribute("name") or "").endswith("recommendation") else "0")


def send(page: Page, sent: str) -> None:
    page.get_by_role("button", name="Lưu và chuẩn bị gửi").click()
    checked(page)
    page.get_by_role("button", name="Gửi nhận xét lên đảng ủy").click()
    assert sent in page.inner_text("main")


def appoint_a_deputy(officer: Page, cast: Cast) -> None:
    officer.goto("/nhiem-vu/")
    checked(officer)
    officer.get_by_role("link", name="Chi bộ Tổ dân phố 7").click()
    checked(officer)
    officer.get_by_role("link", name="Phân công đồng chí").click()
    checked(officer)
    officer.get_by_label("Họ và tên").fill("Phan Thị Phó")
    officer.get_by_label("Tên đăng nhập").fill("pho.tdp7")
    officer.get_by_label("Bí thư chi bộ").check()
    officer.get_by_label("Là cấp phó").check()
    officer.get_by_role("button", name="Giao nhiệm vụ").click()
    assert "Đã giao nhiệm vụ phó bí thư chi bộ cho đồng chí Phan Thị Phó." in officer.inner_text("main")
    checked(officer)
    officer.get_by_role("link", name="bí thư chi bộ").click()
    checked(officer)


def test_the_deputy_takes_the_secretarys_own_and_his_wifes(
    transactional_db: None, cast: Cast, play: Season, sign_in_as: Callable[..., Page]
) -> None:
    if timezone.localdate().year != Season.YEAR:
        pytest.skip("the season of the tests is another year's")
    wife = factories.member(WIFE, workplace=cast.office_cell, commune=cast.ward)
    factories.member(OTHER, workplace=cast.office_cell, commune=cast.ward)
    User.objects.filter(pk=cast.member_user.pk).update(member=None)
    User.objects.filter(pk=cast.secretary.pk).update(member=cast.asked)
    play.assigned()
    play.review()

    secretary = sign_in_as(cast.secretary)
    secretary.get_by_role("link", name="Quan hệ gia đình").click()
    secretary.get_by_label("Đồng chí đang làm việc ở đây").select_option(label="Ngô Văn Bí Thư (bí thư chi bộ)")
    secretary.locator("[name=kind]").select_option("spouse")
    secretary.locator("[name=member]").select_option(str(wife.pk))
    secretary.get_by_role("button", name="Ghi quan hệ").click()
    assert "là vợ, chồng của đồng chí" in secretary.inner_text("main")
    checked(secretary)

    appoint_a_deputy(sign_in_as(cast.ward_officer), cast)
    deputy = User.objects.get(username="pho.tdp7")
    deputy.set_password(factories.PASSWORD)  # handed over on paper (sign-in slips)
    deputy.save()

    secretary.goto(f"/chi-bo/{cast.cell.pk}/nhan-xet/{Season.YEAR}/")
    grid = secretary.inner_text("main")
    assert "Về chính đồng chí: đồng chí Phan Thị Phó (phó bí thư chi bộ) nhận xét thay." in grid
    assert "Người thân của đồng chí (vợ, chồng): đồng chí Phan Thị Phó (phó bí thư chi bộ) nhận xét thay." in grid
    checked(secretary)
    rate(secretary)
    send(secretary, "Đã gửi 1 nhận xét; còn 2 chưa đủ, được giữ nguyên.")
    secretary.goto("/")
    assert "2 đồng chí là đồng chí hoặc người thân" in secretary.inner_text("main")
    checked(secretary)

    substitute = sign_in_as(deputy, width=360)
    assert "2 đồng chí do đồng chí nhận xét thay bí thư" in substitute.inner_text("main")
    assert faults(substitute) == []
    substitute.get_by_role("link", name="Mở bảng nhận xét").click()
    assert "Người thân của bí thư (vợ, chồng)" in substitute.inner_text("main")
    assert faults(substitute) == []
    rate(substitute)
    send(substitute, "Đã gửi 2 nhận xét.")

    senders = {
        version.assessment.placement.member_id: version.submitted_by.user.username
        for version in AssessmentVersion.objects.select_related("assessment__placement", "submitted_by__user")
        if version.submitted_by
    }
    other = Placement.objects.get(member__full_name=OTHER).member_id
    assert senders == {cast.asked.pk: "pho.tdp7", wife.pk: "pho.tdp7", other: "secretary"}
    reasons = {line.detail.changes["lý do"][1] for line in AuditEvent.objects.filter(verb="Placement.stand_in")}
    assert reasons == {"về chính đồng chí bí thư", "người thân của bí thư (vợ, chồng)"}
