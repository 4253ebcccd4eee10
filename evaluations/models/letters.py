"""One delivery of a document or notice. The row is the queue: workers claim it, the sweep finds it."""

import base64
import hashlib
import hmac
import secrets
from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from django.conf import settings
from django.db import models, transaction
from django.db.models import Exists, OuterRef, Q
from django.utils import timezone

from evaluations import journal
from evaluations.models.documents import Document, DocumentFile
from members.models import Organization
from members.models.slips import code_digest
from members.roles import Action
from members.states import Refused, move, move_all

if TYPE_CHECKING:
    from members.models import Seat, User

DEAD_AFTER = timedelta(minutes=10)  # a lease that ran out so long ago was not picked up again by its own host


class LetterQuerySet(models.QuerySet["Letter"]):
    def due(self) -> "LetterQuerySet":
        """Letters to send now: waiting with their document stored, or left here by a dead worker. People send paper."""
        now = timezone.now()
        waiting = Q(state__in=[Letter.State.QUEUED, Letter.State.RENDERED]) & (
            Q(next_try_at=None) | Q(next_try_at__lte=now)
        )
        # EXISTS and not a join: an UPDATE over a join looks once, before it waits for the row, so that on PostgreSQL
        # two workers would both get the letter.
        files = DocumentFile.objects.filter(document=OuterRef("document"), kind=DocumentFile.Kind.ISSUED)
        stored = Q(document=None) | Exists(files)
        return self.filter(waiting | self._left_here(now), stored, channel__in=Letter.ELECTRONIC)

    @staticmethod
    def _left_here(now: datetime) -> Q:
        """Only the host that held the lease can read whether the server took the letter (evaluations/journal.py)."""
        return Q(state=Letter.State.SENDING, lease_until__lt=now, lease_host=journal.host())

    def left_here(self) -> "LetterQuerySet":
        return self.filter(self._left_here(timezone.now()))

    def held_by_the_dead(self) -> "LetterQuerySet":
        """Held by a host that does not come back: whether these went out, a person decides."""
        return self.filter(state=Letter.State.SENDING, lease_until__lt=timezone.now() - DEAD_AFTER)

    def claim(self, letter_ids: Collection[int]) -> "list[Letter]":
        """Take letters for sending: each goes to exactly one of all who try at once."""
        mark = secrets.token_hex(8)
        with transaction.atomic():
            # Two workers with the same chunk must not wait for each other row by row.
            free = self.due().filter(pk__in=letter_ids).order_by("pk").select_for_update(skip_locked=True, of=("self",))
            self.due().filter(pk__in=list(free.values_list("pk", flat=True))).update(
                state=Letter.State.SENDING,
                lease_until=timezone.now() + settings.LEASE,
                lease_host=journal.host(),
                lease_mark=mark,
            )
        mine = self.filter(pk__in=letter_ids, lease_mark=mark, state=Letter.State.SENDING)
        return list(mine.select_related("recipient", "user__member", "document").order_by("pk"))

    def settle(self, letter_ids: Collection[int]) -> int:
        """Mark what a dead worker of this host had sent, by its journal; how many."""
        left = {letter.journal_line: letter.pk for letter in self.left_here().filter(pk__in=letter_ids)}
        return self.mark_sent({1: [left[line] for line in journal.noted(left)]}) if left else 0

    def mark_sent(self, taken: Mapping[int, Collection[int]]) -> int:
        """The server has taken these: {number of addresses: ids}; how many were marked."""
        now, marked = timezone.now(), 0
        for addresses, ids in taken.items():
            rows = self.filter(pk__in=ids)
            outcome = {"sent_at": now, "sent_to": addresses, "lease_until": None, "last_error": ""}
            marked += move_all(rows, Letter.State.SENT, by=None, **outcome)
        return marked

    def let_go(self, letters: "Collection[Letter]") -> None:
        """Taken and not begun: back to waiting, and nothing counts as a try."""
        mine = self.filter(pk__in=[letter.pk for letter in letters], state=Letter.State.SENDING)
        move_all(mine, Letter.State.RENDERED, by=None, lease_until=None)

    def put_off(self, letter_ids: Collection[int], reason: str, until: datetime | None = None) -> None:
        """Not the letters' fault (no server answers, the hour is full): later, and it never counts as a try."""
        later = until or timezone.now() + settings.MAIL_PAUSE
        self.due().filter(pk__in=letter_ids).update(next_try_at=later, last_error=reason[:300])

    def undelivered(self, user: "User") -> "LetterQuerySet":
        """What did not reach its mailbox, for the offices that sent it and for who runs the installation."""
        failed = Q(state__in=[Letter.State.FAILED, Letter.State.BOUNCED])
        dead = Q(pk__in=self.held_by_the_dead().values("pk"))
        # A reminder lives for a day: the next one counts afresh, or somebody rings up.
        fresh = ~Q(kind=Letter.Kind.REMINDER) | Q(reminds_on__gte=timezone.localdate())
        ours = (
            user.reach(Action.KEEP_ADDRESSES, "document__issuer__")
            | user.reach(Action.KEEP_ADDRESSES, "recipient__parent__")
            | user.reach(Action.CONFIGURE, "recipient__")
        )
        return self.filter(ours, failed | dead, fresh)

    def calls(self, user: "User") -> "LetterQuerySet":
        """The rows of the call lists of the offices this person rings up for."""
        return self.filter(user.reach(Action.CALL, "caller__"), channel=Letter.Channel.CALL)

    def by_code(self, code: str) -> "Letter | None":
        """The letter a printed code belongs to, however it was typed."""
        return self.filter(code_hash=code_digest(code)).exclude(code_hash="").first()


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
        SMS = "sms", "Tin nhắn"

    class Kind(models.TextChoices):
        REQUEST = "request", "Công văn đề nghị nhận xét"
        ASSIGNED = "assigned", "Báo có việc cho chi bộ"
        RETURNED = "returned", "Báo đề nghị bổ sung"
        REPLY = "reply", "Công văn trả lời"
        REMINDER = "reminder", "Nhắc việc"
        ACCOUNT = "account", "Báo cấp lại tài khoản"
        INTRODUCE = "introduce", "Giấy giới thiệu"
        NEWCOMER = "newcomer", "Báo có đảng viên được giới thiệu về chi bộ"
        RECEIPT = "receipt", "Phần tiếp nhận của giấy giới thiệu"
        ATTENTION = "attention", "Báo việc nơi công tác cần xem lại"

    ELECTRONIC = (Channel.EMAIL, Channel.SMS)
    MOVES = {
        State.QUEUED: frozenset({State.RENDERED, State.SENDING, State.FAILED, State.NOT_NEEDED}),
        State.RENDERED: frozenset({State.SENDING, State.SENT, State.FAILED, State.NOT_NEEDED}),
        State.SENDING: frozenset({State.SENT, State.RENDERED, State.FAILED, State.NOT_NEEDED}),
        State.SENT: frozenset({State.BOUNCED, State.RETURNED_BY_POST}),
        State.FAILED: frozenset({State.QUEUED}),
        State.BOUNCED: frozenset({State.QUEUED}),
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
    # The host whose journal knows what became of it, and one taking of it by one worker.
    lease_host = models.CharField(max_length=60, blank=True)
    lease_mark = models.CharField(max_length=16, blank=True)
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
            models.CheckConstraint(
                name="letter_channel_known", condition=Q(channel__in=["email", "print", "call", "sms"])
            ),
            models.CheckConstraint(
                name="letter_kind_known",
                condition=Q(
                    kind__in=[
                        "request",
                        "assigned",
                        "returned",
                        "reply",
                        "reminder",
                        "account",
                        "introduce",
                        "newcomer",
                        "receipt",
                        "attention",
                    ]
                ),
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

    @property
    def journal_line(self) -> str:
        return f"{self.lease_mark} {self.pk}"

    @property
    def return_mark(self) -> str:
        """Stands in the return path, so that what comes back names its letter, and nobody else can make one up."""
        mac = hmac.new(settings.SECRET_KEY.encode(), f"return-path:{self.key}".encode(), hashlib.sha256).hexdigest()
        return f"{self.pk}-{mac[:12]}"

    def mark_called(self, *, by: "Seat") -> None:
        """Somebody has rung them up."""
        move(self, self.State.SENT, by=by, sent_at=timezone.now(), called_by=by)

    def mark_not_needed(self) -> None:
        """What it would remind of has been done, or waits longer now."""
        move(self, self.State.NOT_NEEDED, by=None, lease_until=None)

    def mark_failed(self, reason: str) -> None:
        move(self, self.State.FAILED, by=None, lease_until=None, last_error=reason[:300])

    def mark_bounced(self, reason: str) -> None:
        move(self, self.State.BOUNCED, by=None, last_error=reason[:300])

    def can_send_again(self) -> bool:
        if self.state in (self.State.FAILED, self.State.BOUNCED):
            return True
        return self.state == self.State.SENDING and bool(
            self.lease_until and self.lease_until < timezone.now() - DEAD_AFTER
        )

    @transaction.atomic
    def send_again(self, *, by: "Seat") -> None:
        """A person has put right what stood in the way, or has made sure that it did not go out."""
        if not self.can_send_again():
            raise Refused("Thư này đã được gửi lại, hoặc đang được gửi. Xin tải lại trang.")
        if self.document and self.document.render_error:
            Document.objects.filter(pk=self.document.pk).update(render_error="")
        to = self.State.RENDERED if self.state == self.State.SENDING else self.State.QUEUED
        move(self, to, by=by, attempts=0, next_try_at=None, lease_until=None, lease_mark="")

    def go_by_text_message(self) -> None:
        """Nobody there has a mailbox, but there is a telephone that shows messages."""
        move(self, self.State.RENDERED, by=None, channel=self.Channel.SMS, lease_until=None)

    def try_later(self, reason: str) -> None:
        """Back to waiting after a temporary error; given up after the last step of the back-off."""
        tries = self.attempts + 1
        if tries > len(settings.BACK_OFF):
            self.mark_failed(reason)
            return
        later = timezone.now() + timedelta(seconds=settings.BACK_OFF[tries - 1])
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
