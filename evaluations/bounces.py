"""Letters that came back: reads the mailbox of the return path, and stops the addresses that will never take one.

Only a report (RFC 3464) that says "failed" for good counts, and only with the mark of one of our letters in its
address: a notice of delay, an answer by a person or by a machine on holiday stops nobody.
"""

import logging
import mailbox
import re
from collections.abc import Iterator
from dataclasses import dataclass
from email.message import Message
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from django.db import transaction

from evaluations.letters import addresses
from evaluations.models import Letter, StoppedAddress

log = logging.getLogger(__name__)
MARK = re.compile(r"\+(\d{1,18})-([0-9a-f]{12})@")
TO = ("X-Original-To", "Delivered-To", "Envelope-To", "To")


@dataclass
class Outcome:
    stopped: int = 0
    other: int = 0


@dataclass(frozen=True)
class Failure:
    address: str
    words: str


def read(place: str) -> Outcome:
    """Look at every message that was not looked at before; nothing is taken out of the mailbox."""
    outcome = Outcome()
    with Returns(place) as box:
        for key, message in box.unread():
            if _taken_back(message):
                outcome.stopped += 1
            else:
                outcome.other += 1
            box.mark_read(key, message)
    return outcome


class Returns:
    """A Maildir or an mbox, held while it is read."""

    def __init__(self, place: str) -> None:
        where = urlsplit(place)
        kind = {"maildir": mailbox.Maildir, "mbox": mailbox.mbox}.get(where.scheme)
        if kind is None or not Path(where.path).exists():
            raise ValueError(f"BOUNCES: no Maildir or mbox at {place!r}; write maildir:///path or mbox:///path.")
        self._box: mailbox.Mailbox[Any] = kind(where.path, create=False)
        self._seen = "S" if where.scheme == "maildir" else "R"

    def __enter__(self) -> "Returns":
        self._box.lock()
        return self

    def __exit__(self, *_: object) -> None:
        self._box.close()

    def unread(self) -> Iterator[tuple[str, Any]]:
        for key in list(self._box.keys()):
            message = self._box[key]
            if self._seen not in message.get_flags():
                yield key, message

    def mark_read(self, key: str, message: Any) -> None:
        message.add_flag(self._seen)
        if isinstance(message, mailbox.MaildirMessage):
            message.set_subdir("cur")
        self._box[key] = message
        self._box.flush()


def _taken_back(message: Message) -> bool:
    """Whether it says that a letter of ours will never arrive; its address is stopped then."""
    letter = _letter(message)
    if letter is None:
        return False
    known = [address.lower() for address in addresses(letter)]
    stopped = False
    for failure in _failures(message):
        # An office may have its mail passed on: the report then names an address we never wrote to.
        named = failure.address if failure.address in known else known[0] if len(known) == 1 else ""
        if named:
            came_back(letter, named, failure.words)
            stopped = True
    return stopped


@transaction.atomic
def came_back(letter: Letter, address: str, words: str) -> None:
    StoppedAddress.objects.stop(address, letter, words)
    if letter.state == Letter.State.SENT and letter.stopped.count() >= letter.sent_to:
        letter.mark_bounced(words)


def _letter(message: Message) -> Letter | None:
    for name in TO:
        for value in message.get_all(name, []):
            found = MARK.search(str(value))
            letter = Letter.objects.select_related("recipient", "user").filter(pk=found[1]).first() if found else None
            if letter and found and letter.return_mark == f"{found[1]}-{found[2]}":
                return letter
    return None


def _failures(message: Message) -> Iterator[Failure]:
    """What a delivery report says about each address that failed for good."""
    if message.get_content_type() != "multipart/report":
        return
    for part in message.walk():
        if part.get_content_type() != "message/delivery-status":
            continue
        groups = part.get_payload()
        for group in groups if isinstance(groups, list) else []:
            if not isinstance(group, Message) or not str(group.get("Status", "")).strip().startswith("5"):
                continue
            if str(group.get("Action", "")).strip().lower() == "failed":
                to = str(group.get("Original-Recipient") or group.get("Final-Recipient") or "")
                said = str(group.get("Diagnostic-Code") or group.get("Status"))
                yield Failure(to.rpartition(";")[2].strip().strip("<>").lower(), " ".join(said.split()))
