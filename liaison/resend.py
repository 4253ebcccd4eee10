"""What was sent after a session had ended, or with the mark of an earlier sign-in, comes back with a button to send it
again: nothing that somebody typed is lost to a clock."""

from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from django.contrib.auth.middleware import LoginRequiredMiddleware
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

# Never repeated into a page: secrets, and what belongs to the old page rather than to the person.
SECRET = {"password", "oldpassword", "password1", "password2", "new_password1", "credential"}
SECRET |= {"passphrase", "pin", "secret", "opener"}  # what opens a key for signing
NOT_REPEATED = {"csrfmiddlewaretoken", "mark"}


class SignInFirst(LoginRequiredMiddleware):
    def handle_no_permission(self, request: HttpRequest, view_func: Callable[..., Any]) -> HttpResponse:  # type: ignore[override]
        if request.method != "POST" or not typed(request):
            return super().handle_no_permission(request, view_func)
        return again(request, "session_ended", 401)


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """A page of another site gets nothing of what it sent shown as if it were ours."""
    origin = urlsplit(request.META.get("HTTP_ORIGIN", ""))
    if origin.netloc != request.get_host() or not typed(request):
        return render(request, "403_csrf.html", status=403)
    return again(request, "signed_in_anew" if request.user.is_authenticated else "session_ended", 403)


def typed(request: HttpRequest) -> list[tuple[str, str]]:
    """Names and values that were sent, as often and in the order they came; nothing of a form with a secret."""
    if SECRET & request.POST.keys():
        return []
    return [(name, value) for name, values in request.POST.lists() if name not in NOT_REPEATED for value in values]


def again(request: HttpRequest, why: str, status: int) -> HttpResponse:
    fields = typed(request)
    words = [value for _, value in fields if len(value) > 3 and not value.isdigit()]
    context = {"why": why, "fields": fields, "words": words, "has_files": bool(request.FILES)}
    return render(request, "resend.html", context, status=status)
