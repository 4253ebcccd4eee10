"""What allauth asks of us: how the secret of a code app is kept, and the two forms that add a way of signing in."""

import io
from collections.abc import Callable
from typing import TypeVar, cast

import segno
from allauth.account.decorators import reauthentication_required
from allauth.account.internal.flows.login import record_authentication
from allauth.core import context
from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.forms import ActivateTOTPForm
from allauth.mfa.webauthn.forms import AddWebAuthnForm, LoginWebAuthnForm
from django import forms
from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from members.models import User
from members.models.encrypted import decrypted, encrypted
from members.models.history import AuditEvent

NO_ACCOUNT = (
    "Vân tay trên máy này không còn mở tài khoản nào. Đồng chí dùng cách đăng nhập khác, một mã dự phòng trên phiếu, "
    "hoặc đến cơ quan đã trao phiếu để nhận phiếu mới."
)


class MFAAdapter(DefaultMFAAdapter):
    def encrypt(self, text: str) -> str:
        return encrypted(text)

    def decrypt(self, encrypted_text: str) -> str:
        return decrypted(encrypted_text)

    def build_totp_svg(self, url: str) -> str:
        picture = io.BytesIO()
        segno.make(url, error="m", micro=False).save(picture, kind="svg", border=2, xmldecl=False)
        return picture.getvalue().decode()

    def generate_authenticator_name(self, user: User, type: Authenticator.Type) -> str:
        agent = context.request.headers.get("User-Agent", "")
        return f"{device(agent)}, thêm ngày {timezone.localdate():%d/%m/%Y}"

    def get_public_key_credential_rp_entity(self) -> dict[str, str]:
        return {**super().get_public_key_credential_rp_entity(), "name": "Giữ mối liên hệ nơi cư trú"}


DEVICES = ("Android", "iPhone", "iPad", "Windows", "Macintosh", "Linux")
BROWSERS = {"Edg": "Edge", "coc_coc": "Cốc Cốc", "Firefox": "Firefox", "Chrome": "Chrome", "Safari": "Safari"}


def device(user_agent: str) -> str:
    """In words that a person recognises; the whole line would say nothing to him."""
    machine = next((name for name in DEVICES if name in user_agent), "")
    browser = next((words for mark, words in BROWSERS.items() if mark in user_agent), "")
    return ", ".join(part for part in (browser, machine) if part) or "Thiết bị khác"


View = TypeVar("View", bound=Callable[..., HttpResponse])


def just_confirmed(view: View) -> View:
    """Asks again who sits there, unless he has shown it in the last minutes; what was sent waits meanwhile."""
    return cast(View, reauthentication_required(view))


def shown_second_factor(request: HttpRequest, user: User, kind: str) -> None:
    """Whoever has just proved to hold what he registers has shown the second factor of this session too."""
    record_authentication(request, user, "mfa", type=kind)
    AuditEvent.objects.record("add_way_in", by=user, on=user, fields=[kind])


class PasskeyForm(AddWebAuthnForm):
    """Always one that signs in alone: allauth's own form would leave that to a tick."""

    passwordless = forms.BooleanField(required=False, initial=True, widget=forms.HiddenInput)

    def clean_passwordless(self) -> bool:
        return True

    def clean(self) -> dict[str, object]:
        cleaned: dict[str, object] = super().clean()
        if not self.errors and context.request.user == self.user:
            shown_second_factor(context.request, self.user, "webauthn")
        return cleaned


class FingerprintForm(LoginWebAuthnForm):
    def clean_credential(self) -> Authenticator:
        try:
            return super().clean_credential()
        except forms.ValidationError:
            raise forms.ValidationError(NO_ACCOUNT) from None


class CodeAppForm(ActivateTOTPForm):
    def clean_code(self) -> str:
        code: str = super().clean_code()
        shown_second_factor(context.request, self.user, "totp")
        return code
