"""What stands between a letter and its mailbox: addresses that sent letters back, and how many may go in an hour."""

from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING

from django.conf import settings
from django.db import models, transaction
from django.db.models import F, Q
from django.utils import timezone

from evaluations.models.letters import Letter
from members.models import AuditEvent
from members.states import Refused

if TYPE_CHECKING:
    from members.models import Seat


class StoppedAddressQuerySet(models.QuerySet["StoppedAddress"]):
    def stopped(self) -> "StoppedAddressQuerySet":
        return self.filter(freed_at=None)

    def among(self, addresses: Iterable[str]) -> set[str]:
        """Those of the addresses, in small letters, to which nothing is sent any more."""
        asked = {address.lower() for address in addresses}
        return set(self.stopped().filter(address__in=asked).values_list("address", flat=True))

    @transaction.atomic
    def stop(self, address: str, letter: Letter, reason: str) -> "StoppedAddress":
        """A letter to this address came back: nothing goes there until somebody has looked."""
        row, _ = self.update_or_create(
            address=address.lower(),
            defaults={
                "letter": letter,
                "reason": reason[:300],
                "stopped_at": timezone.now(),
                "freed_at": None,
                "freed_by": None,
            },
        )
        AuditEvent.objects.record("StoppedAddress.stop", by=None, on=row)
        return row


class StoppedAddress(models.Model):
    """A mailbox that sent a letter back. Writing another address into the address book needs no word here."""

    address = models.EmailField("địa chỉ", unique=True)
    letter = models.ForeignKey(Letter, models.PROTECT, related_name="stopped")
    reason = models.CharField("lý do", max_length=300)
    stopped_at = models.DateTimeField("ngừng từ lúc")
    freed_at = models.DateTimeField("dùng lại từ lúc", null=True)
    freed_by = models.ForeignKey("members.Seat", models.PROTECT, null=True, related_name="+")

    objects = StoppedAddressQuerySet.as_manager()

    class Meta:
        verbose_name = "địa chỉ ngừng gửi"
        constraints = [
            models.CheckConstraint(
                name="stopped_address_freed_by_whom",
                condition=Q(freed_at=None, freed_by=None) | Q(freed_at__isnull=False, freed_by__isnull=False),
            )
        ]

    @transaction.atomic
    def free(self, *, by: "Seat") -> None:
        """Somebody has asked the office: its mailbox works again."""
        freed = StoppedAddress.objects.stopped().filter(pk=self.pk).update(freed_at=timezone.now(), freed_by=by)
        if not freed:
            raise Refused("Địa chỉ này đã được dùng lại.")
        AuditEvent.objects.record("StoppedAddress.free", by=by, on=self)


class MailHourQuerySet(models.QuerySet["MailHour"]):
    def take(self, wanted: int) -> int:
        """Room for so many messages in this hour, as far as there is any: exact, however many workers ask."""
        limit = settings.MAILS_PER_HOUR
        if not limit or not wanted:
            return wanted
        hour = self._hour()
        self.get_or_create(begins_at=hour)
        row = self.filter(begins_at=hour)
        while wanted:
            if row.filter(taken__lte=limit - wanted).update(taken=F("taken") + wanted):
                return wanted
            wanted = min(wanted, max(limit - row.values_list("taken", flat=True).get(), 0))
        return 0

    def give_back(self, unused: int) -> None:
        if settings.MAILS_PER_HOUR and unused:
            self.filter(begins_at=self._hour(), taken__gte=unused).update(taken=F("taken") - unused)

    @staticmethod
    def _hour() -> datetime:
        return timezone.now().replace(minute=0, second=0, microsecond=0)


class MailHour(models.Model):
    """How many messages this installation has handed to the mail server in one hour of the clock."""

    begins_at = models.DateTimeField(unique=True)
    taken = models.PositiveIntegerField(default=0)

    objects = MailHourQuerySet.as_manager()

    class Meta:
        verbose_name = "số thư trong giờ"
