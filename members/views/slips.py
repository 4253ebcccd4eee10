"""Opening one's account with the code of a slip: it gives nothing but the right to register a way of signing in."""

import time

from allauth.account.internal.flows.login import perform_password_login
from allauth.account.models import Login
from allauth.core import ratelimit
from allauth.mfa.webauthn.forms import SignupWebAuthnForm
from allauth.mfa.webauthn.internal import auth
from allauth.mfa.webauthn.internal.flows import perform_passwordless_login
from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from members.forms.sign_in import FirstPasswordForm, SlipForm
from members.models import AuditEvent, SlipCode
from members.models.slips import NO_LONGER
from members.states import Refused

SESSION_KEY = "slip_code"
MINUTES = 30  # from typing the code to having registered
LIMIT = "slip_code"  # in ACCOUNT_RATE_LIMITS; only wrong codes count
UNKNOWN = "Không có phiếu nào mang mã này. Đồng chí đối chiếu từng chữ với mã in trên phiếu rồi nhập lại."
TOO_MANY = "Đã nhập sai nhiều lần liên tiếp. Đồng chí chờ 10 phút rồi nhập lại."


@login_not_required
@sensitive_post_parameters("code")
@require_http_methods(["GET", "POST"])
def enter(request: HttpRequest) -> HttpResponse:
    form = SlipForm(request.POST if request.method == "POST" else None)
    status = 200
    if request.method == "POST" and not ratelimit.consume(request, action=LIMIT, dry_run=True):
        form.add_error(None, TOO_MANY)
        status = 429
    elif form.is_valid():
        found = SlipCode.objects.by_code(form.cleaned_data["code"])
        if found and SlipCode.objects.live().filter(pk=found.pk).exists():
            request.session.cycle_key()
            request.session[SESSION_KEY] = [found.pk, time.time()]
            return redirect("members:slip_set_up")
        ratelimit.consume(request, action=LIMIT)
        form.add_error("code", NO_LONGER if found else UNKNOWN)
    return render(request, "members/slip_enter.html", {"form": form}, status=status)


def _opened(request: HttpRequest) -> SlipCode | None:
    """The live code that this browser has shown in the last minutes."""
    pk, at = request.session.get(SESSION_KEY, (0, 0.0))
    if time.time() - at > MINUTES * 60:
        return None
    return SlipCode.objects.live().select_related("user").filter(pk=pk).first()


@login_not_required
@sensitive_post_parameters()
@require_http_methods(["GET", "POST"])
def set_up(request: HttpRequest) -> HttpResponse:
    """Registers this device, or sets a password, and signs in; the code is spent in the same transaction."""
    code = _opened(request)
    if code is None:
        messages.error(request, NO_LONGER)
        return redirect("members:slip_enter")
    posted = request.POST if request.method == "POST" else None
    passkey = SignupWebAuthnForm(posted if posted and "credential" in posted else None, user=code.user)
    password = FirstPasswordForm(code.user, posted if posted and "new_password1" in posted else None)
    try:
        if passkey.is_bound and passkey.is_valid():
            return _with_passkey(request, code, passkey)
        if password.is_bound and password.is_valid():
            return _with_password(request, code, password)
    except Refused as too_late:
        messages.error(request, str(too_late))
        return redirect("members:slip_enter")
    context = {
        "passkey": passkey,
        "password": password,
        "holder": code.user,
        "seats_held": code.user.seats_now,
        "options": auth.begin_registration(code.user, True),
    }
    return render(request, "members/slip_set_up.html", context)


def _with_passkey(request: HttpRequest, code: SlipCode, form: SignupWebAuthnForm) -> HttpResponse:
    with transaction.atomic():
        code.spend()
        key = auth.WebAuthn.add(code.user, form.cleaned_data["name"], form.cleaned_data["credential"]).instance
        AuditEvent.objects.record("add_way_in", by=code.user, on=code.user, fields=["webauthn"])
    del request.session[SESSION_KEY]
    messages.success(request, "Đã mở tài khoản. Từ lần sau, đồng chí đăng nhập bằng vân tay trên chính máy này.")
    response: HttpResponse = perform_passwordless_login(request, key, Login(user=code.user))
    return response


def _with_password(request: HttpRequest, code: SlipCode, form: FirstPasswordForm) -> HttpResponse:
    with transaction.atomic():
        code.spend()
        form.save()
        AuditEvent.objects.record("add_way_in", by=code.user, on=code.user, fields=["password"])
    del request.session[SESSION_KEY]
    name = code.user.username
    messages.success(request, f"Đã mở tài khoản. Từ lần sau, đồng chí đăng nhập bằng tên {name} và mật khẩu vừa đặt.")
    response: HttpResponse = perform_password_login(request, {"username": name}, Login(user=code.user))
    return response
