"""The one place that asks for the second factor: until it is shown, only the page that sets it up and the exit work."""

from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

from allauth.account.authentication import get_authentication_records
from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse

from liaison.resend import again

# Where one adds or shows the second factor, and the way out.
SET_UP = {
    "mfa_index",
    "mfa_add_webauthn",
    "mfa_activate_totp",
    "mfa_deactivate_totp",
    "mfa_reauthenticate",
    "mfa_reauthenticate_webauthn",
    "account_reauthenticate",
    "account_logout",
}


def is_shown(request: HttpRequest) -> bool:
    """Whether this session was opened, or has since been confirmed, with a passkey or a one-time code."""
    return any(record.get("method") == "mfa" for record in get_authentication_records(request, request.user))


class SecondFactor:
    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        request.second_factor_missing = False  # type: ignore[attr-defined]
        return self.get_response(request)

    def process_view(
        self, request: HttpRequest, view: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> HttpResponse | None:
        user: Any = request.user  # members.User; this package reaches the apps by their urls only
        if not settings.SECOND_FACTOR or not user.is_authenticated or not user.needs_second_factor or is_shown(request):
            return None
        request.second_factor_missing = True  # type: ignore[attr-defined]
        page = request.resolver_match.view_name if request.resolver_match else ""
        if not getattr(view, "login_required", True) or page in SET_UP:
            return None
        if request.method == "POST":
            return again(request, "second_factor", 403)
        request.session["second_factor_next"] = request.get_full_path()
        return HttpResponseRedirect(f"{reverse('mfa_index')}?{urlencode({'next': request.get_full_path()})}")
