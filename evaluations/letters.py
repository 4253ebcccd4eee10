"""Who gets which message, and how it goes out. The only importer of django.core.mail in the apps.

A message says that something waits, until when, and where to open it: never a name, never a text (design §7).
"""

import logging
import smtplib
from datetime import date

from django.conf import settings
from django.core.mail import EmailMessage, get_connection
from django.core.mail.backends.base import BaseEmailBackend
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone

from evaluations import reminders
from evaluations.models import Letter
from members.models import Seat
from members.roles import Action

log = logging.getLogger(__name__)

# Whose seats are told when the office has no mailbox of its own.
TOLD = {
    Letter.Kind.REQUEST: Action.REGISTER,
    Letter.Kind.ASSIGNED: Action.SUBMIT,
    Letter.Kind.RETURNED: Action.SUBMIT,
    Letter.Kind.REPLY: Action.RECEIVE,
}


def deliver(letter_ids: list[int]) -> int:
    """Send those of the letters that nobody else is sending, over one connection; how many went out."""
    if not Letter.objects.due().filter(pk__in=letter_ids).exists():
        return 0
    connection = get_connection()
    sent = 0
    try:
        # `send_messages` closes what it opens itself: only a session opened here is kept for the next letter.
        connection.open()
    except OSError as problem:  # all of smtplib's errors are
        Letter.objects.put_off(letter_ids, f"Chưa nối được máy chủ thư ({type(problem).__name__})")
        return 0
    try:
        for letter_id in letter_ids:
            if Letter.objects.claim(letter_id):
                sent += _deliver(letter_id, connection)
    except OSError as problem:
        # Waiting out a silent server once for each letter of a chunk would hold the worker; the sweep brings the rest.
        log.warning("mail server lost in the middle of a chunk (%s)", type(problem).__name__)
    finally:
        connection.close()
    return sent


def _deliver(letter_id: int, connection: BaseEmailBackend) -> bool:
    """Whether it went out. Raises OSError when the server cannot be talked to; the letter waits then."""
    letter = Letter.objects.select_related("recipient", "user", "document").get(pk=letter_id)
    if letter.kind == Letter.Kind.REMINDER and not reminders.still_due(letter, timezone.localdate()):
        letter.mark_not_needed()
        return False
    to = addresses(letter)
    if not to:
        # The letter lies in the office's list of letters; there is only nobody to ring up.
        letter.mark_sent(0)
        return True
    try:
        connection.open()
        connection.send_messages([message(letter, to)])
    except smtplib.SMTPRecipientsRefused as refused:
        code, words = next(iter(refused.recipients.values()))
        _give_up_or_wait(letter, code, words)
    except smtplib.SMTPResponseException as problem:
        _give_up_or_wait(letter, problem.smtp_code, problem.smtp_error)
    except OSError as problem:
        letter.try_later(f"Mất kết nối với máy chủ thư ({type(problem).__name__})")
        raise
    else:
        letter.mark_sent(len(to))
        return True
    connection.close()  # a refused message may leave the session in any state; the next one opens a fresh one
    return False


def _give_up_or_wait(letter: Letter, code: int, words: bytes | str) -> None:
    said = f"{code} {words.decode(errors='replace') if isinstance(words, bytes) else words}"
    if code >= 500:
        letter.mark_failed(said)
    else:
        letter.try_later(said)


def addresses(letter: Letter) -> list[str]:
    """The office's mailbox; without one, the people who hold the seats that have to act; a person's own address."""
    if letter.user:
        return [letter.user.email] if letter.user.email else []
    assert letter.recipient is not None
    if letter.recipient.email:
        return [letter.recipient.email]
    seats = Seat.objects.that_may(TOLD[Letter.Kind(letter.kind)], letter.recipient).filter(user__is_active=True)
    return sorted({seat.user.email for seat in seats.select_related("user") if seat.user.email})


def message(letter: Letter, to: list[str]) -> EmailMessage:
    facts = {
        "facts": letter.facts,
        "lines": [line | {"due_on": _shown(line["due_on"])} for line in letter.facts.get("lines", ())],
        "recipient": letter.recipient or letter.user,
        "due_on": _shown(letter.facts.get("due_on")),
        "url": settings.PUBLIC_URL + _place(letter),
    }
    subject, body = render_to_string(f"letters/{letter.kind}.txt", facts).split("\n", 1)
    return EmailMessage(subject, body, to=to, headers={"Message-ID": letter.message_id})


def _shown(day: str | None) -> str:
    return f"{date.fromisoformat(day):%d/%m/%Y}" if day else ""


def _place(letter: Letter) -> str:
    """The page where the matter waits."""
    if letter.kind == Letter.Kind.REQUEST:
        return reverse("evaluations:letter_in", args=[letter.document_id])
    if letter.kind == Letter.Kind.REPLY and letter.document and letter.document.campaign_id:
        return reverse("evaluations:campaign_page", args=[letter.document.campaign_id])
    return "/"
