"""One delivery of a document or notice. The row is the queue: workers claim it, the sweep finds it."""

import base64
import hashlib
import hmac
import socket
from datetime import timedelta
from typing import TYPE_CHECKING

from django.conf import settings
from django.db import models
from django.db.models import Exists, OuterRef, Q
from django.utils import timezone

from evaluations.models.documents import Document, DocumentFile
from members.models import Organization
from members.roles import Action
from members.states import move

if TYPE_CHECKING:
    from members.models import Seat, User

BACK_OFF = (60, 300, 1800, 7200, 21600)  # seconds before try 2, 3, …
PAUSE = timedelta(minutes=2)  # when no mail server answers at all


class LetterQuerySet(models.QuerySet["Letter"]):
    def due(self) -> "LetterQuerySet":
        """Letters to send now: waiting with their document stored, or left by a dead holder. People send paper."""
        now = timezone.now()
        waiting = Q(state__in=[Letter.State.QUEUED, Letter.State.RENDERED]) & (
            Q(next_try_at=None) | Q(next_try_at__lte=now)
        )
        abandoned = Q(state=Letter.State.SENDING, lease_until__lt=now)
        # EXISTS and not a join: an UPDATE over a join looks once, before it waits for the row, so that on PostgreSQL
        # two workers would both get the letter.
        files = DocumentFile.objects.filter(document=OuterRef("document"), kind=DocumentFile.Kind.ISSUED)
        stored = Q(document=None) | Exists(files)
        return self.filter(waiting | abandoned, stored, channel=Letter.Channel.EMAIL)

    def claim(self, letter_id: int) -> bool:
        """Take the letter for sending; True for exactly one of all who try at once."""
        claimed = self.due().filter(pk=letter_id)
        return bool(
            claimed.update(
                state=Letter.State.SENDING,
                lease_until=timezone.now() + settings.LEASE,
                lease_host=socket.gethostname()[:60],
            )
        )

    def put_off(self, letter_ids: list[int], reason: str) -> None:
        """No server to send them with: later, and not the letters' fault, so it never counts as a try."""
        later = timezone.now() + PAUSE
        self.due().filter(pk__in=letter_ids).update(next_try_at=later, last_error=reason[:300])

    def calls(self, user: "User") -> "LetterQuerySet":
        """The rows of the call lists of the offices this person rings up for."""
        return self.filter(user.reach(Action.CALL, "caller__"), channel=Letter.Channel.CALL)

    def by_code(self, code: str) -> "Letter | None":
        """The letter a printed code belongs to, however it was typed."""
        return self.filter(code_hash=code_digest(code)).exclude(code_hash="").first()


def code_digest(code: str) -> str:
    plain = "".join(ch for ch in code.upper() if ch.isalnum()).replace("0", "O").replace("1", "I").replace("8", "B")
    return hashlib.sha256(plain.encode()).hexdigest() if plain else ""


class Letter(models.Model):
    class State(models.TextChoices):
        QUEUED = "queued", "chờ lập bản in"
        RENDERED = "rendered", "chờ gửi"
        SENDING = "sending", "đang gửi"
        SENT = "sent", "đã gửi"
        FAILED = "failed", "gửi không được"
        BOUNCED = "bounced", "địa chỉ trả lại"
        RETURNED_BY_POST = "returned_by_post", "bưu điện trả lại"
        NOT_NEEDED = "not_needed", "không còn cần gửi"

    class Channel(models.TextChoices):
        EMAIL = "email", "Thư điện tử"
        PRINT = "print", "In, gửi giấy"
        CALL = "call", "Gọi điện"

    class Kind(models.TextChoices):
        REQUEST = "request", "Công văn đề nghị nhận xét"
        ASSIGNED = "assigned", "Báo có việc cho chi bộ"
        RETURNED = "returned", "Báo đề nghị bổ sung"
        REPLY = "reply", "Công văn trả lời"
        REMINDER = "reminder", "Nhắc việc"

    MOVES = {
        State.QUEUED: frozenset({State.RENDERED, State.SENDING, State.FAILED, State.NOT_NEEDED}),
        State.RENDERED: frozenset({State.SENDING, State.SENT, State.FAILED, State.NOT_NEEDED}),
        State.SENDING: frozenset({State.SENT, State.RENDERED, State.FAILED, State.NOT_NEEDED}),
        State.SENT: frozenset({State.BOUNCED, State.RETURNED_BY_POST}),
        State.FAILED: frozenset({State.QUEUED}),
        State.BOUNCED: frozenset(),
        State.RETURNED_BY_POST: frozenset({State.SENT}),
        State.NOT_NEEDED: frozenset(),
    }
    STAMPS: dict[str, str] = {}

    key = models.CharField(max_length=160, unique=True)
    kind = models.CharField("loại", max_length=10, choices=Kind.choices)
    channel = models.CharField("cách gửi", max_length=8, choices=Channel.choices)
    document = models.ForeignKey(Document, models.PROTECT, null=True, related_name="letters")
    recipient = models.ForeignKey(Organization, models.PROTECT, null=True, related_name="letters")
    user = models.ForeignKey("members.User", models.PROTECT, null=True, related_name="letters")
    # What the notice may say: a count, a day, a link. Never a name (design §7).
    facts = models.JSONField(default=dict)
    state = models.CharField("trạng thái", max_length=16, choices=State.choices, default=State.QUEUED)
    lease_until = models.DateTimeField(null=True)
    lease_host = models.CharField(max_length=60, blank=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    next_try_at = models.DateTimeField(null=True)
    last_error = models.CharField(max_length=300, blank=True)
    sent_at = models.DateTimeField(null=True)
    sent_to = models.PositiveSmallIntegerField("số địa chỉ", default=0)
    # A reminder speaks of one day; who rings up when there is no mailbox; who has rung.
    reminds_on = models.DateField("ngày nhắc", null=True)
    caller = models.ForeignKey(Organization, models.PROTECT, null=True, related_name="calls")
    called_by = models.ForeignKey("members.Seat", models.PROTECT, null=True, related_name="+")
    code_hash = models.CharField(max_length=64, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    objects = LetterQuerySet.as_manager()

    class Meta:
        verbose_name = "thư gửi"
        indexes = [
            models.Index(
                fields=["next_try_at"], name="letter_due", condition=Q(state__in=["queued", "rendered", "sending"])
            ),
            models.Index(fields=["reminds_on"], name="letter_reminder", condition=Q(kind="reminder")),
            models.Index(fields=["caller", "state"], name="letter_call", condition=Q(channel="call")),
        ]
        constraints = [
            models.CheckConstraint(
                name="letter_state_known",
                condition=Q(
                    state__in=[
                        "queued",
                        "rendered",
                        "sending",
                        "sent",
                        "failed",
                        "bounced",
                        "returned_by_post",
                        "not_needed",
                    ]
                ),
            ),
            models.CheckConstraint(name="letter_channel_known", condition=Q(channel__in=["email", "print", "call"])),
            models.CheckConstraint(
                name="letter_kind_known", condition=Q(kind__in=["request", "assigned", "returned", "reply", "reminder"])
            ),
            models.CheckConstraint(
                name="letter_reminder_has_day", condition=~Q(kind="reminder") | Q(reminds_on__isnull=False)
            ),
            models.CheckConstraint(
                name="letter_call_by_whom",
                condition=~Q(channel="call")
                | (Q(caller__isnull=False, recipient__isnull=False) & (~Q(state="sent") | Q(called_by__isnull=False))),
            ),
            models.CheckConstraint(
                name="letter_to_somebody", condition=Q(recipient__isnull=False) | Q(user__isnull=False)
            ),
            models.UniqueConstraint(name="letter_code_once", fields=["code_hash"], condition=~Q(code_hash="")),
            models.CheckConstraint(name="letter_sent_when", condition=~Q(state="sent") | Q(sent_at__isnull=False)),
        ]

    @property
    def message_id(self) -> str:
        """The same for every try, so that a receiver can tell a repeated message from a second one."""
        digest = hashlib.sha256(self.key.encode()).hexdigest()[:32]
        return f"<{digest}@{settings.MESSAGE_ID_DOMAIN}>"

    @property
    def code(self) -> str:
        """The letter code as printed; computed, so that it can be printed again and nothing readable is stored."""
        mac = hmac.new(settings.SECRET_KEY.encode(), f"letter-code:{self.key}".encode(), hashlib.sha256).digest()
        plain = base64.b32encode(mac[:16]).decode().rstrip("=")
        return "-".join(plain[start : start + 4] for start in range(0, len(plain), 4))

    def mark_sent(self, addresses: int = 0) -> None:
        move(self, self.State.SENT, by=None, sent_at=timezone.now(), sent_to=addresses, lease_until=None, last_error="")

    def mark_called(self, *, by: "Seat") -> None:
        """Somebody has rung them up."""
        move(self, self.State.SENT, by=by, sent_at=timezone.now(), called_by=by)

    def mark_not_needed(self) -> None:
        """What it would remind of has been done, or waits longer now."""
        move(self, self.State.NOT_NEEDED, by=None, lease_until=None)

    def mark_failed(self, reason: str) -> None:
        move(self, self.State.FAILED, by=None, lease_until=None, last_error=reason[:300])

    def try_later(self, reason: str) -> None:
        """Back to waiting after a temporary error; given up after the last step of the back-off."""
        tries = self.attempts + 1
        if tries > len(BACK_OFF):
            self.mark_failed(reason)
            return
        later = timezone.now() + timedelta(seconds=BACK_OFF[tries - 1])
        move(
            self,
            self.State.RENDERED,
            by=None,
            attempts=tries,
            next_try_at=later,
            lease_until=None,
            last_error=reason[:300],
        )


def letter_for(document: Document, kind: str, facts: dict[str, object]) -> Letter:
    """An unsaved delivery of a document to its recipient: a notice to offices on the system, paper to others."""
    assert document.recipient is not None
    is_paper = not document.recipient.is_on_system
    letter = Letter(
        key=f"{kind}:{document.key}",
        kind=kind,
        channel=Letter.Channel.PRINT if is_paper else Letter.Channel.EMAIL,
        document=document,
        recipient=document.recipient,
        facts=facts,
    )
    if is_paper:
        letter.code_hash = code_digest(letter.code)
    return letter


def notice_to_cell(cell: Organization, kind: str, key: str, facts: dict[str, object]) -> Letter:
    """A notice without a document to a residence cell; asking for the same `key` twice finds the first."""
    letter, _ = Letter.objects.get_or_create(
        key=f"{kind}:{key}",
        defaults={"kind": kind, "channel": Letter.Channel.EMAIL, "recipient": cell, "facts": facts},
    )
    return letter
