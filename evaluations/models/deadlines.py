"""Hạn nội bộ: the day by which the cells of a commune send their comments, one for each commune and year."""

from datetime import date, timedelta
from typing import TYPE_CHECKING

from django.db import models, transaction
from django.utils import timezone

from members.models import AuditEvent, Organization

if TYPE_CHECKING:
    from members.models import Seat

BEFORE = timedelta(days=7)  # for the commune to check and to answer
ROOM = timedelta(days=3)  # that a cell has at least, as long as the letter gives that much


class InnerDeadlineQuerySet(models.QuerySet["InnerDeadline"]):
    def due_on(self, commune: Organization | None, year: int) -> date | None:
        return self.filter(commune=commune, year=year).values_list("due_on", flat=True).first()

    def propose(self, commune: Organization, year: int, first_due: date) -> None:
        """Work that is due on `first_due` goes to a cell. What an officer has chosen stays as it is."""
        day = max(first_due - BEFORE, min(first_due, timezone.localdate() + ROOM))
        known, is_new = self.get_or_create(commune=commune, year=year, defaults={"due_on": day})
        if not is_new:
            self.filter(pk=known.pk, set_by=None, due_on__gt=day).update(due_on=day)


class InnerDeadline(models.Model):
    commune = models.ForeignKey(Organization, models.PROTECT, related_name="inner_deadlines")
    year = models.PositiveSmallIntegerField("năm nhận xét")
    due_on = models.DateField("hạn nội bộ")
    # Nobody: proposed when the first request went to a cell.
    set_by = models.ForeignKey("members.Seat", models.PROTECT, null=True, related_name="+")
    set_at = models.DateTimeField(auto_now=True)

    objects = InnerDeadlineQuerySet.as_manager()

    class Meta:
        verbose_name = "hạn nội bộ"
        constraints = [models.UniqueConstraint(name="inner_deadline_once", fields=["commune", "year"])]


@transaction.atomic
def set_inner_deadline(commune: Organization, year: int, due_on: date, *, by: "Seat") -> bool:
    """The officer's choice for all cells of the commune; whether it changed."""
    row, _ = InnerDeadline.objects.get_or_create(commune=commune, year=year, defaults={"due_on": due_on})
    row = InnerDeadline.objects.select_for_update().get(pk=row.pk)
    if row.due_on == due_on and row.set_by_id:
        return False
    before = row.due_on
    row.due_on, row.set_by = due_on, by
    row.save()
    AuditEvent.objects.record("InnerDeadline.set", by=by, on=row, changes={"due_on": [before, due_on]})
    return True
