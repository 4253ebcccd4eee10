"""One JSON line per event on stderr, tied together by a request id, without personal data."""

import json
import logging
import time
import traceback
import uuid
from collections.abc import Callable
from contextvars import ContextVar

from django.conf import settings
from django.http import HttpRequest, HttpResponse

request_id: ContextVar[str] = ContextVar("request_id", default="")
log = logging.getLogger("liaison.requests")


class RequestLog:
    """Gives every request an id and logs the route, never the address: addresses may hold codes."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        token, start = request_id.set(uuid.uuid4().hex), time.monotonic()
        try:
            response = self.get_response(request)
            response.headers["X-Request-ID"] = request_id.get()
            route = request.resolver_match.view_name if request.resolver_match else "-"
            took = (time.monotonic() - start) * 1000
            level = logging.ERROR if response.status_code >= 500 else logging.INFO
            log.log(level, "%s %s %s %.0f ms", request.method, route, response.status_code, took)
            return response
        finally:
            request_id.reset(token)


def short(path: str) -> str:
    return path.rpartition("/site-packages/")[2].removeprefix(f"{settings.BASE_DIR}/")


class JsonLine(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        line = {
            "at": self.formatTime(record),
            "level": record.levelname,
            "log": record.name,
            "request": request_id.get(),
        }
        if record.exc_info and record.exc_info[1] is not None:
            # The text of an exception may quote a row, and so may a message made of it: keep the place, not the words.
            error = record.exc_info[1]
            line["message"] = str(record.msg)
            line["error"] = type(error).__name__
            frames = traceback.extract_tb(error.__traceback__)
            line["trace"] = " > ".join(f"{short(frame.filename)}:{frame.lineno} {frame.name}" for frame in frames)
            if settings.DEBUG:
                line["says"] = str(error)
        elif hasattr(record, "request"):
            # Django's own lines about a refused request quote its address, and people paste codes and names into those.
            line["message"] = str(record.msg)
        else:
            line["message"] = record.getMessage()
        return json.dumps(line, ensure_ascii=False)
