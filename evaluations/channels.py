"""How a message leaves the house, as a small port: a channel opens, takes messages one by one, and closes.

Mail stands in evaluations/letters.py; this is the port and the gateway for text messages. Paper and telephone calls are
carried by people (evaluations/bundles.py, evaluations/views/calls.py), the words to copy stand on the call list.
"""

import http.client
import json
import re
from dataclasses import dataclass
from typing import Protocol
from urllib.parse import urlsplit

from django.conf import settings

MOBILE = re.compile(r"(?:\+?84|0)([35789]\d{8})")
SAID = 300


class Refusal(Exception):
    """The other side has answered, and does not take this message: for now, or for good."""

    def __init__(self, code: int, words: str, *, is_final: bool) -> None:
        super().__init__(f"{code} {words}"[:SAID])
        self.is_final = is_final


class Lost(Exception):
    """The other side cannot be talked to: not this message's fault."""


@dataclass(frozen=True)
class Message:
    """Neutral words only: that something waits, until when, where to open it (design §7)."""

    id: str  # the same for every try
    sender: str
    subject: str
    body: str
    url: str
    to: list[str]


class Channel(Protocol):
    name: str

    def open(self) -> None:
        """Make or renew the connection. Raises Lost."""

    def send(self, message: Message) -> None:
        """Hand one message over; returning means it was taken. Raises Refusal or Lost."""

    def close(self) -> None: ...


def mobile_number(text: str) -> str:
    """ "0905 123 456" → "+84905123456"; "" for what no text message reaches."""
    found = MOBILE.fullmatch(re.sub(r"[\s.\-()]", "", text))
    return f"+84{found[1]}" if found else ""


class TextMessages:
    """A gateway for text messages: POST {"id", "to", "text"} as JSON to SMS_URL, one connection for many.

    2xx is taken. 408, 429 and 5xx mean later, any other answer never. The gateway recognises a repeated `id`.
    """

    name = "sms"

    def __init__(self) -> None:
        self._link: http.client.HTTPConnection | None = None

    def open(self) -> None:
        where = urlsplit(settings.SMS_URL)
        kind = http.client.HTTPSConnection if where.scheme == "https" else http.client.HTTPConnection
        self._link = kind(where.hostname or "", where.port, timeout=settings.EMAIL_TIMEOUT)
        try:
            self._link.connect()
        except OSError as problem:
            raise Lost(type(problem).__name__) from problem

    def send(self, message: Message) -> None:
        for number in message.to:
            self._post({"id": message.id, "to": number, "text": f"{message.subject}. {message.url}"})

    def _post(self, said: dict[str, str]) -> None:
        assert self._link
        where = urlsplit(settings.SMS_URL)
        path = f"{where.path or '/'}{f'?{where.query}' if where.query else ''}"
        headers = {"Content-Type": "application/json", "Authorization": f"Bearer {settings.SMS_TOKEN}"}
        try:
            self._link.request("POST", path, json.dumps(said).encode(), headers)
            answer = self._link.getresponse()
            words = answer.read(64_000).decode(errors="replace")
        except (OSError, http.client.HTTPException) as problem:
            raise Lost(type(problem).__name__) from problem
        if not 200 <= answer.status < 300:
            is_final = answer.status < 500 and answer.status not in (408, 429)
            raise Refusal(answer.status, words, is_final=is_final)

    def close(self) -> None:
        if self._link:
            self._link.close()
