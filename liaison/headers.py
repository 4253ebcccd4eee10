from collections.abc import Callable

from django.http import HttpRequest, HttpResponse


class AlwaysUtf8:
    """Our pages and forms are UTF-8; a request that claims another encoding, or none that exists, is read as UTF-8.

    Django would answer such a claim with a crash where it reads the address (GET) and the error page (POST).
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        request.encoding = "utf-8"
        return self.get_response(request)


class PrivatePages:
    """Pages name people, and many machines are shared: no browser or proxy keeps a copy unless a view says so."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        response.headers.setdefault("Cache-Control", "private, no-store")
        response.headers.setdefault("Cross-Origin-Resource-Policy", "same-origin")
        return response
