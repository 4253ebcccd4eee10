"""How long a session lasts: an hour without a page opened or anything sent, and never longer than half a day."""

import time
from collections.abc import Callable

from allauth.usersessions.models import UserSession
from django.conf import settings
from django.contrib.auth import logout
from django.http import HttpRequest, HttpResponse
from django.utils import timezone

SINCE, SEEN = "signed_in_at", "seen_at"
NOTED_EVERY = 60  # seconds; a write with every page would cost more than the page


class Clock:
    """Before SignInFirst, which then keeps what was sent too late (liaison/resend.py)."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.user.is_authenticated:
            now = time.time()
            since = request.session.get(SINCE) or _begun(request, now)
            seen = request.session.get(SEEN, since)
            if (
                now - since > settings.SESSION_LONGEST.total_seconds()
                or now - seen > settings.SESSION_IDLE.total_seconds()
            ):
                logout(request)
            elif now - seen > NOTED_EVERY and not _by_itself(request):
                _note(request, now)
        return self.get_response(request)


def _begun(request: HttpRequest, now: float) -> float:
    request.session[SINCE] = now
    return now


def _note(request: HttpRequest, now: float) -> None:
    request.session[SEEN] = now
    UserSession.objects.filter(session_key=request.session.session_key).update(last_seen_at=timezone.now())


def _by_itself(request: HttpRequest) -> bool:
    """A page that asks again and again how far a job is must not keep open the session of somebody who has left."""
    return request.method == "GET" and "HX-Request" in request.headers
