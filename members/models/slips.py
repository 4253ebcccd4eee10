"""The slip that opens an account: handed over in person, used once on the holder's own telephone.

A slip carries one code for the first days and a few for the day the telephone is lost. Only their digests are stored.
Giving out a new slip ends whatever opened the account until then.
"""

import base64
import hashlib
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from django.contrib.sessions.models import Session
from django.db import models, transaction
from django.db.models import Exists, F, OuterRef, Q
from django.utils import timezone

from members.models.accounts import Seat, User
from members.models.history import AuditEvent
from members.roles import Action
from members.states import Refused

if TYPE_CHECKING:
    from datetime import datetime

OPENS_FOR = timedelta(days=7)
TOLD_FOR = timedelta(days=7)
BACKUPS = 4
BACKUPS_LAST = timedelta(days=366)
NO_LONGER = (
    "Mã này đã dùng, đã quá hạn hoặc đã được thay bằng phiếu mới, nên không mở được tài khoản nữa. "
    "Đã mở tài khoản rồi thì đồng chí đăng nhập bằng vân tay hoặc mật khẩu. Nếu không, đồng chí đến cơ quan đã "
    "trao phiếu để nhận phiếu mới."
)


def new_code() -> str:
    """128 random bits in groups of four, in an alphabet that is read aloud and typed without mistakes."""
    plain = base64.b32encode(secrets.token_bytes(16)).decode().rstrip("=")
    return "-".join(plain[start : start + 4] for start in range(0, len(plain), 4))


def code_digest(code: str) -> str:
    """The same however it was typed; "" for nothing."""
    plain = "".join(ch for ch in code.upper() if ch.isalnum()).replace("0", "O").replace("1", "I").replace("8", "B")
    return hashlib.sha256(plain.encode()).hexdigest() if plain else ""


@dataclass(frozen=True)
class Slip:
    """What is printed, this once."""

    number: int
    user: User
    code: str
    expires_at: "datetime"
    backups: list[str]


class SlipCodeQuerySet(models.QuerySet["SlipCode"]):
    def live(self) -> "SlipCodeQuerySet":
        return self._in_force().filter(user__is_active=True)

    def _in_force(self) -> "SlipCodeQuerySet":
        return self.filter(used_at=None, revoked_at=None, expires_at__gt=timezone.now())

    def claim(self, pk: int) -> bool:
        """Spend the code; True for exactly one of all who try at once.

        Without a join: an UPDATE over one looks before it waits for the row, and on PostgreSQL everybody would win.
        """
        return bool(self._in_force().filter(pk=pk).update(used_at=timezone.now()))

    def by_code(self, code: str) -> "SlipCode | None":
        """The row a printed code belongs to, live or not."""
        return self.select_related("user").filter(code_hash=code_digest(code)).first()


class SlipCode(models.Model):
    class Purpose(models.TextChoices):
        OPENING = "opening", "Mã mở tài khoản"
        BACKUP = "backup", "Mã dự phòng"

    user = models.ForeignKey(User, models.PROTECT, related_name="slip_codes")
    purpose = models.CharField("loại mã", max_length=8, choices=Purpose.choices)
    code_hash = models.CharField(max_length=64, unique=True)
    issued_by = models.ForeignKey(Seat, models.PROTECT, null=True, related_name="+")
    issued_at = models.DateTimeField("cấp lúc", auto_now_add=True)
    expires_at = models.DateTimeField("dùng đến")
    used_at = models.DateTimeField("dùng lúc", null=True)
    revoked_at = models.DateTimeField("thôi hiệu lực lúc", null=True)

    objects = SlipCodeQuerySet.as_manager()

    class Meta:
        verbose_name = "mã mở tài khoản"
        constraints = [
            models.CheckConstraint(name="slip_purpose_known", condition=Q(purpose__in=["opening", "backup"])),
            models.CheckConstraint(name="slip_expires_later", condition=Q(expires_at__gt=F("issued_at"))),
            models.CheckConstraint(name="slip_used_or_revoked", condition=Q(used_at=None) | Q(revoked_at=None)),
            models.UniqueConstraint(
                name="slip_one_opens",
                fields=["user"],
                condition=Q(purpose="opening", used_at=None, revoked_at=None),
            ),
        ]

    def spend(self) -> None:
        """To be called in the transaction that registers what the code paid for."""
        if not self.user.is_active or not SlipCode.objects.claim(self.pk):
            raise Refused(NO_LONGER)
        AuditEvent.objects.record("open_account", by=self.user, on=self.user, fields=[self.purpose])


def holders_below(user: User) -> "models.QuerySet[User]":
    """Whose accounts this person may open: all their seats of today lie in the organisations the grant reaches.

    Somebody who also holds a seat above would bring that seat along; his slip comes from further up.
    """
    seats = Seat.objects.current().filter(user=OuterRef("pk"))
    reach = user.reach(Action.HAND_OUT, "organization__")
    below, above = Exists(seats.filter(reach)), Exists(seats.exclude(reach))
    return User.objects.filter(below, ~above, is_active=True).exclude(pk=user.pk)


def issue_slip(holder: User, *, by: Seat | None, reason: str) -> Slip:
    """A new slip; passkeys, code app, password and sessions of before end now. `by` is None at the command line."""
    if by is not None and not holders_below(by.user).filter(pk=holder.pk).exists():
        raise Refused(
            "Đồng chí không cấp được phiếu cho tài khoản này: người này có nhiệm vụ ngoài các tổ chức cấp dưới của "
            "đồng chí. Đề nghị quản trị hệ thống cấp."
        )
    now = timezone.now()
    with transaction.atomic():
        User.objects.select_for_update().get(pk=holder.pk)
        close_account(holder)
        holder.slip_codes.filter(used_at=None, revoked_at=None).update(revoked_at=now)
        code, backups = new_code(), [new_code() for _ in range(BACKUPS)]
        opening = _row(code, SlipCode.Purpose.OPENING, now + OPENS_FOR, holder, by)
        opening.save()
        SlipCode.objects.bulk_create(
            [_row(backup, SlipCode.Purpose.BACKUP, now + BACKUPS_LAST, holder, by) for backup in backups]
        )
        AuditEvent.objects.record("issue_slip", by=by, on=holder, changes={"reason": ["", reason]})
    return Slip(opening.pk, holder, code, opening.expires_at, backups)


def _row(code: str, purpose: SlipCode.Purpose, until: "datetime", holder: User, by: Seat | None) -> SlipCode:
    return SlipCode(user=holder, purpose=purpose, code_hash=code_digest(code), expires_at=until, issued_by=by)


def close_account(holder: User) -> None:
    """Nothing that opened this account until now opens it any more."""
    Authenticator.objects.filter(user_id=holder.pk).delete()
    holder.set_unusable_password()  # a new random one each time, so that sessions opened before are no longer valid
    holder.save(update_fields=["password"])
    end_sessions(holder)


def end_sessions(holder: User, *, but: str = "") -> int:
    """End the sessions of this person on all machines, or on all others; how many."""
    keys = list(
        UserSession.objects.filter(user_id=holder.pk).exclude(session_key=but).values_list("session_key", flat=True)
    )
    Session.objects.filter(session_key__in=keys).delete()
    UserSession.objects.filter(session_key__in=keys).delete()
    return len(keys)


def slips_beside(user: User) -> list[SlipCode]:
    """The newest slip of the last week of this person, and of each who shares an organisation with him."""
    offices = [seat.organization_id for seat in user.seats_now]
    since = timezone.now() - TOLD_FOR
    rows = SlipCode.objects.filter(purpose=SlipCode.Purpose.OPENING, issued_at__gt=since)
    holders = Seat.objects.current().filter(organization__in=offices).values("user")
    found = rows.filter(Q(user=user) | Q(user__in=holders)).select_related("user", "issued_by__organization")
    return list({row.user_id: row for row in found.order_by("issued_at")}.values())[:5]


def account_ways(users: Iterable[User]) -> dict[int, str]:
    """{user id: how this person signs in now}, for a list."""
    found = {user.pk: "Mật khẩu" if user.has_usable_password() else "" for user in users}
    kinds = (
        Authenticator.objects.filter(user_id__in=list(found)).values_list("user_id", "type").order_by("type").distinct()
    )
    words = {"webauthn": "Vân tay", "totp": "mã trên điện thoại"}
    for user_id, kind in kinds:
        found[user_id] = " và ".join(part for part in (found[user_id], words[kind]) if part)
    return found
