from collections.abc import Callable

from django.http import HttpRequest, HttpResponse


class PrivatePages:
    """Pages name people, and many machines are shared: no browser or proxy keeps a copy unless a view says so."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        response.headers.setdefault("Cache-Control", "private, no-store")
        response.headers.setdefault("Cross-Origin-Resource-Policy", "same-origin")
        return response
