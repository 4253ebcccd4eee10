"""Days by which work is due: the inner deadline of a commune's cells, and more time for one request."""

from datetime import date, timedelta
from typing import TYPE_CHECKING

from django.db import models, transaction
from django.db.models import F, Q
from django.utils import timezone

from evaluations.models.requests import EvaluationRequest
from members.models import AuditEvent, Organization
from members.states import Refused

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


class Extension(models.Model):
    """More time for one request: by the asker, who then waits longer, or by the commune for its cell."""

    class Side(models.TextChoices):
        ASKER = "asker", "Nơi công tác"
        COMMUNE = "commune", "Đảng ủy nơi cư trú"

    request = models.ForeignKey(EvaluationRequest, models.PROTECT, related_name="extensions")
    side = models.CharField("bên gia hạn", max_length=8, choices=Side.choices)
    before = models.DateField("hạn cũ")
    until = models.DateField("hạn mới")
    reason = models.CharField("lý do", max_length=300)
    made_by = models.ForeignKey("members.Seat", models.PROTECT, related_name="+")
    made_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name = "lần gia hạn"
        constraints = [
            models.CheckConstraint(name="extension_side_known", condition=Q(side__in=["asker", "commune"])),
            models.CheckConstraint(name="extension_gives_time", condition=Q(until__gt=F("before"))),
            models.CheckConstraint(name="extension_has_reason", condition=~Q(reason="")),
        ]


def inner_due_on(matter: EvaluationRequest) -> date:
    """The day by which its cell sends the comment."""
    shared = InnerDeadline.objects.due_on(matter.residence_commune, matter.year)
    return matter.inner_due_on or shared or matter.due_on


@transaction.atomic
def extend(matter: EvaluationRequest, until: date, reason: str, *, by: "Seat") -> None:
    """The asker waits longer for this answer; the cell gets its part of the time."""
    locked = _lock(matter)
    if locked.state not in EvaluationRequest.UNANSWERED:
        raise Refused("Đề nghị này đã có trả lời hoặc đã kết thúc, không cần gia hạn.")
    if until <= locked.due_on:
        raise Refused(f"Hạn mới phải sau hạn đang có, ngày {locked.due_on:%d/%m/%Y}.")
    _write(matter, Extension.Side.ASKER, locked.due_on, until, reason, by)
    locked.inner_due_on = max(inner_due_on(locked), until - BEFORE)
    locked.due_on = until
    locked.save(update_fields=["due_on", "inner_due_on"])


@transaction.atomic
def extend_inner(matter: EvaluationRequest, until: date, reason: str, *, by: "Seat") -> None:
    """The commune gives its cell more time for this comrade, within what the asker has given."""
    locked = _lock(matter)
    if locked.state != EvaluationRequest.State.AT_CELL:
        raise Refused("Đề nghị này không còn ở chi bộ, không cần gia hạn.")
    known = inner_due_on(locked)
    if until <= known:
        raise Refused(f"Hạn mới phải sau hạn đang có của chi bộ, ngày {known:%d/%m/%Y}.")
    if until > locked.due_on:
        raise Refused(f"Hạn của chi bộ không được sau hạn trả lời nơi công tác, ngày {locked.due_on:%d/%m/%Y}.")
    _write(matter, Extension.Side.COMMUNE, known, until, reason, by)
    locked.inner_due_on = until
    locked.save(update_fields=["inner_due_on"])


def _lock(matter: EvaluationRequest) -> EvaluationRequest:
    return (
        EvaluationRequest.objects.select_for_update(of=("self",)).select_related("residence_commune").get(pk=matter.pk)
    )


def _write(matter: EvaluationRequest, side: str, before: date, until: date, reason: str, by: "Seat") -> None:
    row = Extension.objects.create(
        request=matter, side=side, before=before, until=until, reason=reason.strip(), made_by=by
    )
    AuditEvent.objects.record("EvaluationRequest.extend", by=by, on=matter, changes={"due_on": [before, row.until]})
