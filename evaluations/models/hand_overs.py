"""Paper changing hands: who gave what to whom and when, under which postal number, and whether it came back."""

from datetime import date, datetime, time
from typing import TYPE_CHECKING

from django.db import models, transaction
from django.db.models import F, Q
from django.utils import timezone

from evaluations.models.letters import Letter
from members.models import AuditEvent, Organization
from members.states import Refused, move

if TYPE_CHECKING:
    from members.models import Seat


class HandOver(models.Model):
    class How(models.TextChoices):
        POST = "post", "Gửi bưu điện"
        HAND = "hand", "Trao tận tay"

    # What changed hands: a letter with what is enclosed, or the pack of forms of a residence cell.
    letter = models.ForeignKey(Letter, models.PROTECT, null=True, related_name="hand_overs")
    cell = models.ForeignKey(Organization, models.PROTECT, null=True, related_name="packs_received")
    year = models.PositiveSmallIntegerField("năm")
    how = models.CharField("cách gửi", max_length=4, choices=How.choices)
    on = models.DateField("ngày giao")
    given_by = models.CharField("người giao", max_length=120)
    received_by = models.CharField("người nhận", max_length=120, blank=True)
    postal_no = models.CharField("mã bưu gửi", max_length=40, blank=True)
    recorded_by = models.ForeignKey("members.Seat", models.PROTECT, related_name="+")
    recorded_at = models.DateTimeField(auto_now_add=True)
    returned_on = models.DateField("ngày bị hoàn", null=True, blank=True)
    returned_reason = models.CharField("lý do hoàn", max_length=200, blank=True)
    returned_by = models.ForeignKey("members.Seat", models.PROTECT, null=True, related_name="+")

    class Meta:
        verbose_name = "lần giao nhận"
        ordering = ["-on", "-pk"]
        constraints = [
            models.CheckConstraint(
                name="hand_over_of_one_thing",
                condition=Q(letter__isnull=False, cell=None) | Q(letter=None, cell__isnull=False),
            ),
            models.CheckConstraint(name="hand_over_how_known", condition=Q(how__in=["post", "hand"])),
            models.CheckConstraint(name="hand_over_by_whom", condition=~Q(given_by="")),
            models.CheckConstraint(name="hand_over_to_a_hand", condition=~Q(how="hand") | ~Q(received_by="")),
            models.CheckConstraint(
                name="hand_over_returned_why",
                condition=Q(returned_on=None, returned_by=None)
                | (Q(returned_on__gte=F("on"), returned_by__isnull=False) & ~Q(returned_reason="")),
            ),
        ]

    @transaction.atomic
    def came_back(self, on: date, reason: str, *, by: "Seat") -> None:
        """The post has returned it: the letter waits to be sent again, after the address was looked at."""
        again = HandOver.objects.select_for_update().get(pk=self.pk)
        if again.returned_on:
            raise Refused("Lần gửi này đã được ghi là bưu điện hoàn lại.")
        if on < again.on:
            raise Refused("Ngày hoàn lại không thể trước ngày gửi.")
        self.returned_on, self.returned_reason, self.returned_by = on, reason, by
        self.save(update_fields=["returned_on", "returned_reason", "returned_by"])
        AuditEvent.objects.record("HandOver.came_back", by=by, on=self)
        if self.letter:
            move(self.letter, Letter.State.RETURNED_BY_POST, by=by)


@transaction.atomic
def hand_over_letter(
    letter: Letter, how: str, on: date, *, given_by: str, received_by: str, postal_no: str, by: "Seat"
) -> HandOver:
    """A letter on paper has left the house, the first time or again after it came back."""
    if letter.channel != Letter.Channel.PRINT:
        raise Refused("Công văn này gửi trên hệ thống, không ghi gửi giấy.")
    year = letter.document.facts["year"] if letter.document else on.year
    row = _record(how, on, given_by, received_by, postal_no, by, letter=letter, year=year)
    sent_at = timezone.make_aware(datetime.combine(on, time(12)))
    move(letter, Letter.State.SENT, by=by, sent_at=min(sent_at, timezone.now()))
    return row


@transaction.atomic
def hand_over_pack(
    cell: Organization, year: int, how: str, on: date, *, given_by: str, received_by: str, postal_no: str, by: "Seat"
) -> HandOver:
    """The forms of a cell have gone to its secretary."""
    return _record(how, on, given_by, received_by, postal_no, by, cell=cell, year=year)


def _record(
    how: str,
    on: date,
    given_by: str,
    received_by: str,
    postal_no: str,
    by: "Seat",
    *,
    year: int,
    letter: Letter | None = None,
    cell: Organization | None = None,
) -> HandOver:
    row = HandOver.objects.create(
        letter=letter,
        cell=cell,
        year=year,
        how=how,
        on=on,
        given_by=given_by,
        received_by=received_by,
        postal_no=postal_no,
        recorded_by=by,
    )
    AuditEvent.objects.record("HandOver.record", by=by, on=row)
    return row
