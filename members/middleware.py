"""Where the person comes from, for the history; and refusals of a verb as a polite message instead of an error page."""

from collections.abc import Callable

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.http import url_has_allowed_host_and_scheme

from members.models import User
from members.states import Refused


class SignedIn(HttpRequest):
    """What every view that is not public receives: a request of somebody who has signed in (for the types only)."""

    user: User


class Acting:
    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        request.user.address = request.META.get("REMOTE_ADDR", "")  # type: ignore[union-attr]
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, problem: Exception) -> HttpResponse | None:
        """An old button or a lost race: say what happened and show the page again, as it is now."""
        if not isinstance(problem, Refused) or request.method != "POST":
            return None
        messages.error(request, str(problem))
        return HttpResponseRedirect(_page_of(request))


def _page_of(request: HttpRequest) -> str:
    back = request.META.get("HTTP_REFERER", "")
    if url_has_allowed_host_and_scheme(back, {request.get_host()}, require_https=request.is_secure()):
        return str(back)
    return "/"
