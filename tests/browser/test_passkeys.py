"""From the slip to the fingerprint, with Chromium's own virtual authenticator."""

from collections.abc import Callable
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from django.contrib.sessions.models import Session
from playwright.sync_api import CDPSession, Page, expect

from members.models import AuditEvent, SlipCode
from tests.browser.conftest import faults
from tests.conftest import Cast

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
SignIn = Callable[..., Page]
HEARD = ("403 (Forbidden)",)


def telephone(page: Page) -> CDPSession:
    """A telephone with a fingerprint reader, and a finger on it."""
    session = page.context.new_cdp_session(page)
    session.send("WebAuthn.enable")
    options = {"protocol": "ctap2", "transport": "internal", "hasResidentKey": True, "hasUserVerification": True}
    session.send("WebAuthn.addVirtualAuthenticator", {"options": options | {"isUserVerified": True}})
    return session


@pytest.fixture
def slip(transactional_db: None, cast: Cast, sign_in_as: SignIn) -> dict[str, Any]:
    """What the ward's officer prints for the secretary."""
    page = sign_in_as(cast.ward_officer)
    page.get_by_role("link", name="Phiếu mở tài khoản").first.click()
    assert faults(page) == []
    page.get_by_role("link", name="Cấp phiếu cho đồng chí Ngô Văn Bí Thư").click()
    assert faults(page) == []
    page.get_by_label("Mở tài khoản lần đầu").check()
    page.get_by_role("button", name="Cấp phiếu").click()
    expect(page.get_by_role("heading", name="PHIẾU MỞ TÀI KHOẢN")).to_be_visible()
    assert faults(page) == []
    codes = page.locator(".slip .code-words").all_inner_texts()
    return {"officer": page, "code": codes[1], "backups": codes[2:]}


def opened(page: Page, code: str) -> None:
    page.goto(f"/mo-tai-khoan/#{code}")
    expect(page.get_by_label("Mã in trên phiếu")).to_have_value(code)
    assert page.url.endswith("/mo-tai-khoan/")
    assert faults(page) == []
    page.get_by_role("button", name="Mở tài khoản").click()


def test_slip_passkey_sign_out_fingerprint(cast: Cast, slip: dict[str, Any], sign_in_as: SignIn) -> None:
    page = sign_in_as(None, width=360)
    telephone(page)
    opened(page, slip["code"])
    expect(page.get_by_role("heading", name="Chào đồng chí Ngô Văn Bí Thư")).to_be_visible()
    assert faults(page) == []
    page.get_by_role("button", name="Dùng vân tay máy này").click()
    expect(page.get_by_role("heading", name="Việc hôm nay")).to_be_visible()

    page.get_by_role("button", name="Thoát").click()
    page.wait_for_url("**/dang-nhap/")
    assert faults(page) == []
    page.get_by_role("button", name="Đăng nhập bằng vân tay").click()
    expect(page.get_by_role("heading", name="Việc hôm nay")).to_be_visible()

    page.get_by_role("link", name="Cách đăng nhập").click()
    expect(page.get_by_role("row", name="thêm ngày")).to_be_visible()
    assert faults(page) == []
    page.get_by_role("link", name="Các phiên đăng nhập").first.click()
    expect(page.get_by_text("(máy này)")).to_be_visible()
    assert faults(page) == []

    # The slip is spent: whoever finds it is told what to do.
    stranger = sign_in_as(None)
    opened(stranger, slip["code"])
    expect(stranger.get_by_text("đến cơ quan đã trao phiếu để nhận phiếu mới")).to_be_visible()
    assert faults(stranger) == []


def test_lost_telephone(cast: Cast, slip: dict[str, Any], sign_in_as: SignIn) -> None:
    lost = sign_in_as(None, width=360)
    telephone(lost)
    opened(lost, slip["code"])
    lost.get_by_role("button", name="Dùng vân tay máy này").click()
    expect(lost.get_by_role("heading", name="Việc hôm nay")).to_be_visible()

    ward = slip["officer"]
    ward.goto("/phieu-mo-tai-khoan/")
    ward.get_by_role("link", name="Cấp phiếu cho đồng chí Ngô Văn Bí Thư").click()
    expect(ward.get_by_text("thôi hiệu lực ngay")).to_be_visible()
    assert faults(ward) == []
    ward.get_by_label("Mất, hỏng hoặc đổi điện thoại").check()
    ward.get_by_role("button", name="Cấp phiếu").click()
    code = ward.locator(".slip .code-words").nth(1).inner_text()

    lost.goto("/")
    lost.wait_for_url("**/dang-nhap/**")
    lost.get_by_role("button", name="Đăng nhập bằng vân tay").click()
    expect(lost.get_by_text("không còn mở tài khoản nào")).to_be_visible()

    new = sign_in_as(None, width=360)
    telephone(new)
    opened(new, code)
    new.get_by_role("button", name="Dùng vân tay máy này").click()
    expect(new.get_by_role("heading", name="Việc hôm nay")).to_be_visible()
    expect(new.get_by_text("đã cấp phiếu mở tài khoản mới cho đồng chí")).to_be_visible()
    assert Authenticator.objects.count() == 1
    assert AuditEvent.objects.filter(verb="issue_slip", object_id=cast.secretary.pk).count() == 2


def test_a_browser_without_passkeys_sets_a_password(cast: Cast, slip: dict[str, Any], sign_in_as: SignIn) -> None:
    page = sign_in_as(None, width=360, java_script_enabled=False)
    page.goto("/mo-tai-khoan/")
    page.fill("[name=code]", slip["backups"][0])
    page.get_by_role("button", name="Mở tài khoản").click()
    page.get_by_text("Máy này không có vân tay").click()
    for name in ("new_password1", "new_password2"):
        page.fill(f"[name={name}]", "mot-cau-de-nho-2026")
    page.get_by_role("button", name="Đặt mật khẩu và vào").click()
    expect(page.get_by_text("Đồng chí thêm lớp bảo vệ thứ hai")).to_be_visible()
    page.get_by_role("link", name="Bật mã trên điện thoại").click()
    expect(page.get_by_role("heading", name="Mã trên điện thoại")).to_be_visible()
    assert SlipCode.objects.exclude(used_at=None).get().purpose == "backup"


@pytest.mark.parametrize("width", [360, 1280])
def test_the_page_that_sets_up_the_second_factor(
    transactional_db: None, cast: Cast, sign_in_as: SignIn, width: int
) -> None:
    page = sign_in_as(None, width=width)
    telephone(page)
    page.goto("/tai-khoan/dang-nhap/")
    page.fill("[name=login]", "officer")
    page.fill("[name=password]", "mat-khau-thu-nghiem-2026")
    page.get_by_role("button", name="Đăng nhập bằng mật khẩu").click()
    expect(page.get_by_text("Đồng chí thêm lớp bảo vệ thứ hai")).to_be_visible()
    assert faults(page) == []
    page.get_by_role("link", name="Bật mã trên điện thoại").click()
    assert faults(page) == []
    page.go_back()
    page.get_by_role("link", name="Thêm vân tay máy này").click()
    assert faults(page) == []
    page.get_by_role("button", name="Thêm vân tay máy này").click()
    expect(page.get_by_text("Đã thêm vân tay của máy này")).to_be_visible()
    assert faults(page) == []
    page.get_by_role("link", name="Làm tiếp việc đang dở").click()
    expect(page.get_by_role("heading", name="Việc hôm nay")).to_be_visible()

    # Later the page asks again who sits there, and the finger will do.
    for session in Session.objects.all():
        data = session.get_decoded()
        for record in data.get("account_authentication_methods", []):
            record["at"] -= 600
        session.session_data = Session.objects.encode(data)
        session.save()
    page.get_by_role("link", name="Cách đăng nhập").click()
    page.get_by_role("button", name="Bỏ Chrome, Linux, thêm ngày").click()
    expect(page.get_by_role("heading", name="Xác nhận mật khẩu")).to_be_visible()
    assert faults(page) == []
    page.get_by_role("link", name="Dùng vân tay").click()
    expect(page.get_by_role("button", name="Xác nhận bằng vân tay")).to_be_visible()
    assert faults(page) == []
    page.get_by_role("button", name="Xác nhận bằng vân tay").click()
    expect(page.get_by_text("Đây là cách đăng nhập cuối cùng của đồng chí")).to_be_visible()
