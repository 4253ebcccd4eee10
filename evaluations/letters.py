"""Who gets which message, and how it goes out. The only importer of django.core.mail in the apps.

A message says that something waits, until when, and where to open it: never a name, never a text (design §7).
"""

import logging
import smtplib
import time
from collections import defaultdict
from datetime import date, timedelta

from django.conf import settings
from django.core.mail import EmailMessage, get_connection
from django.core.mail.backends.base import BaseEmailBackend
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone

from evaluations import journal, reminders
from evaluations.channels import Channel, Lost, Message, Refusal, TextMessages, mobile_number
from evaluations.models import Letter, MailHour, StoppedAddress
from members.models import Seat
from members.roles import Action

log = logging.getLogger(__name__)

# Whose seats are told when the office has no mailbox of its own.
TOLD = {
    Letter.Kind.REQUEST: Action.REGISTER,
    Letter.Kind.ASSIGNED: Action.SUBMIT,
    Letter.Kind.RETURNED: Action.SUBMIT,
    Letter.Kind.REPLY: Action.RECEIVE,
    Letter.Kind.INTRODUCE: Action.REGISTER,
    Letter.Kind.NEWCOMER: Action.SUBMIT,
    Letter.Kind.RECEIPT: Action.RECEIVE,
    Letter.Kind.ATTENTION: Action.PREPARE,
}
# The page where the matter waits, of the kinds that wait on the recipient's own page.
PAGES = {
    Letter.Kind.INTRODUCE: "evaluations:introductions_in",
    Letter.Kind.NEWCOMER: "evaluations:newcomers",
    Letter.Kind.RECEIPT: "evaluations:introductions",
    Letter.Kind.ATTENTION: "evaluations:introductions",
}
# The part of the lease after which no further letter of a chunk is begun: neither its end nor the limit of the task may
# fall between the server's "250" and the journal.
ENOUGH = 0.15


class Mail:
    """SMTP, or files where there is no server; one connection for a chunk."""

    name = Letter.Channel.EMAIL.value

    def __init__(self) -> None:
        self._link: BaseEmailBackend = get_connection()

    def open(self) -> None:
        try:
            # `send_messages` closes what it opens itself: only a session opened here is kept for the next letter.
            self._link.open()
        except OSError as problem:  # all of smtplib's errors are
            raise Lost(type(problem).__name__) from problem

    def send(self, message: Message) -> None:
        self.open()
        headers = {"Message-ID": message.id, "From": settings.DEFAULT_FROM_EMAIL}
        letter = EmailMessage(message.subject, message.body, message.sender, message.to, headers=headers)
        try:
            self._link.send_messages([letter])
        except smtplib.SMTPRecipientsRefused as refused:
            code, words = next(iter(refused.recipients.values()))
            raise self._refusal(code, words) from refused
        except smtplib.SMTPResponseException as problem:
            raise self._refusal(problem.smtp_code, problem.smtp_error) from problem
        except OSError as problem:
            raise Lost(type(problem).__name__) from problem

    def _refusal(self, code: int, words: bytes | str) -> Refusal:
        self.close()  # a refused message may leave the session in any state; the next one opens a fresh one
        said = words.decode(errors="replace") if isinstance(words, bytes) else words
        return Refusal(code, said, is_final=code >= 500)

    def close(self) -> None:
        self._link.close()


def deliver(letter_ids: list[int]) -> int:
    """Send those of the letters that nobody else is sending, over one connection; how many went out."""
    Letter.objects.settle(letter_ids)
    waiting = Letter.objects.due().filter(pk__in=letter_ids).order_by("pk").values_list("channel", "pk")
    by_channel: dict[str, list[int]] = defaultdict(list)
    for name, letter_id in waiting:
        by_channel[name].append(letter_id)
    channels: list[type[Channel]] = [Mail, TextMessages]
    return sum(_deliver(by_channel[kind.name], kind()) for kind in channels if by_channel[kind.name])


def _deliver(letter_ids: list[int], channel: Channel) -> int:
    try:
        channel.open()
    except Lost as problem:
        Letter.objects.put_off(letter_ids, f"Chưa nối được máy chủ thư ({problem})")
        return 0
    try:
        room = _room(letter_ids, channel)
        mine = Letter.objects.claim(letter_ids[:room])
        if channel.name == Mail.name:
            MailHour.objects.give_back(room - len(mine))
        return _send(mine, channel)
    finally:
        channel.close()


def _room(letter_ids: list[int], channel: Channel) -> int:
    """For how many of them there is room in this hour; the others wait for the next."""
    if channel.name != Mail.name:
        return len(letter_ids)
    room = MailHour.objects.take(len(letter_ids))
    if room < len(letter_ids):
        next_hour = timezone.now().replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)
        Letter.objects.put_off(letter_ids[room:], "Đã đủ số thư được gửi trong giờ này", next_hour)
    return room


def _send(mine: list[Letter], channel: Channel) -> int:
    """Send what was claimed, and mark together what was taken: the journal already knows it letter by letter."""
    needed = reminders.still_due([letter for letter in mine if letter.kind == Letter.Kind.REMINDER])
    find = numbers if channel.name == TextMessages.name else addresses
    routes = {letter.pk: find(letter) for letter in mine}
    stopped = StoppedAddress.objects.among(address for found in routes.values() for address in found)
    taken: dict[int, list[int]] = defaultdict(list)
    waiting, end = list(mine), time.monotonic() + ENOUGH * settings.LEASE.total_seconds()
    try:
        while waiting and time.monotonic() < end:
            letter = waiting.pop(0)
            if letter.kind == Letter.Kind.REMINDER and letter.pk not in needed:
                letter.mark_not_needed()
            elif (number := _send_one(letter, channel, routes[letter.pk], stopped)) is not None:
                taken[number].append(letter.pk)
    except Lost as problem:
        # Waiting out a silent server once for each letter of a chunk would hold the worker; the sweep brings the rest.
        log.warning("%s server lost in the middle of a chunk (%s)", channel.name, problem)
    finally:
        Letter.objects.mark_sent(taken)
        Letter.objects.let_go(waiting)
    return sum(len(ids) for ids in taken.values())


def _send_one(letter: Letter, channel: Channel, everybody: list[str], stopped: set[str]) -> int | None:
    """The number of addresses it went to; None when it did not go out, which then stands on the row."""
    to = [address for address in everybody if address.lower() not in stopped]
    if not to:
        return _to_nobody(letter, channel, everybody)
    try:
        channel.send(message(letter, to))
    except Refusal as refusal:
        letter.mark_failed(str(refusal)) if refusal.is_final else letter.try_later(str(refusal))
        return None
    except Lost as problem:
        letter.try_later(f"Mất kết nối với máy chủ thư ({problem})")
        raise
    except Exception:
        # The limit of the task: a server that answers byte by byte. Whether it took the letter nobody knows.
        letter.try_later("Máy chủ thư trả lời quá chậm")
        raise
    if not journal.note(letter.journal_line):
        Letter.objects.mark_sent({len(to): [letter.pk]})
    return len(to)


def _to_nobody(letter: Letter, channel: Channel, stopped: list[str]) -> int | None:
    if channel.name == Mail.name and settings.SMS_URL and numbers(letter):
        letter.go_by_text_message()
        return None
    if stopped:
        letter.mark_failed(f"Địa chỉ {', '.join(stopped)} đã trả lại thư trước. Xin sửa danh bạ rồi gửi lại.")
        return None
    # The letter lies in the office's list of letters; there is only nobody to ring up.
    return 0


def numbers(letter: Letter) -> list[str]:
    """Telephones that show text messages: the person's own, or the one of the office."""
    member = letter.user.member if letter.user else None
    phone = member.phone if member else letter.recipient.phone if letter.recipient else ""
    number = mobile_number(phone)
    return [number] if number else []


def addresses(letter: Letter) -> list[str]:
    """The office's mailbox; without one, the people who hold the seats that have to act; a person's own address."""
    if letter.user:
        return [letter.user.email] if letter.user.email else []
    assert letter.recipient is not None
    if letter.recipient.email:
        return [letter.recipient.email]
    seats = Seat.objects.that_may(TOLD[Letter.Kind(letter.kind)], letter.recipient).filter(user__is_active=True)
    return sorted({seat.user.email for seat in seats.select_related("user") if seat.user.email})


def message(letter: Letter, to: list[str]) -> Message:
    url = settings.PUBLIC_URL + _place(letter)
    facts = {
        "facts": letter.facts,
        "lines": [line | {"due_on": _shown(line["due_on"])} for line in letter.facts.get("lines", ())],
        "recipient": letter.recipient or letter.user,
        "due_on": _shown(letter.facts.get("due_on")),
        "url": url,
    }
    subject, body = render_to_string(f"letters/{letter.kind}.txt", facts).split("\n", 1)
    return Message(id=letter.message_id, sender=_return_path(letter), subject=subject, body=body, url=url, to=to)


def _return_path(letter: Letter) -> str:
    """What comes back names the letter it is about (variable envelope return path)."""
    name, at, domain = settings.BOUNCE_ADDRESS.partition("@")
    return f"{name}+{letter.return_mark}@{domain}" if at else settings.DEFAULT_FROM_EMAIL


def _shown(day: str | None) -> str:
    return f"{date.fromisoformat(day):%d/%m/%Y}" if day else ""


def _place(letter: Letter) -> str:
    """The page where the matter waits."""
    if page := PAGES.get(Letter.Kind(letter.kind)):
        return reverse(page, args=[letter.recipient_id])
    if letter.kind == Letter.Kind.REQUEST:
        return reverse("evaluations:letter_in", args=[letter.document_id])
    if letter.kind == Letter.Kind.REPLY and letter.document and letter.document.campaign_id:
        return reverse("evaluations:campaign_page", args=[letter.document.campaign_id])
    return "/"
