"""Life at residence: contact meetings and who came, activities, and the joint review that precedes a comment."""

from datetime import date
from typing import TYPE_CHECKING, TypedDict

from django.db import models, transaction
from django.db.models import Count, Q
from django.utils import timezone

from members.models.history import AuditEvent
from members.models.organizations import Organization
from members.models.placements import Placement
from members.states import Refused

if TYPE_CHECKING:
    from members.models.accounts import Seat


class Attendee(TypedDict):
    side: str  # "cell" (chi ủy, bí thư) or "front" (Ban công tác Mặt trận)
    name: str
    position: str


class JointReview(models.Model):
    """Meeting of the cell committee with the local Front committee; one row covers many members (213, Điều 4 k.4)."""

    cell = models.ForeignKey(Organization, models.PROTECT, related_name="joint_reviews")
    year = models.PositiveSmallIntegerField("năm nhận xét")
    held_on = models.DateField("ngày họp")
    attendees = models.JSONField("thành phần dự họp")
    recorded_by = models.ForeignKey("members.Seat", models.PROTECT, related_name="+")
    recorded_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name = "cuộc họp chi ủy với Ban công tác Mặt trận"
        ordering = ["-held_on", "-pk"]

    def names(self, side: str) -> list[str]:
        """ "Nguyễn Văn A, Bí thư chi bộ" for everybody of one side."""
        people: list[Attendee] = [person for person in self.attendees if person["side"] == side]
        return [
            f"{person['name']}, {person['position']}" if person["position"] else person["name"] for person in people
        ]


class ContactMeeting(models.Model):
    class Kind(models.TextChoices):
        PERIODIC = "periodic", "Gặp mặt định kỳ 6 tháng"
        AD_HOC = "ad_hoc", "Họp đột xuất, chuyên đề"
        RESIDENTS = "residents", "Họp nhân dân"

    cell = models.ForeignKey(Organization, models.PROTECT, related_name="contact_meetings")
    held_on = models.DateField("ngày họp")
    kind = models.CharField("loại cuộc họp", max_length=10, choices=Kind.choices, default=Kind.PERIODIC)
    theme = models.CharField("nội dung", max_length=200, blank=True)
    recorded_by = models.ForeignKey("members.Seat", models.PROTECT, related_name="+")
    recorded_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name = "cuộc họp tại nơi cư trú"
        ordering = ["held_on", "pk"]
        constraints = [
            models.CheckConstraint(
                name="meeting_kind_known", condition=Q(kind__in=["periodic", "ad_hoc", "residents"])
            ),
            models.UniqueConstraint(name="meeting_once_a_day", fields=["cell", "held_on", "kind"]),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()}, {self.held_on:%d/%m/%Y}"


class AttendanceQuerySet(models.QuerySet["Attendance"]):
    def tally(self, placements: "models.QuerySet[Placement] | list[int]", year: int) -> dict[int, dict[str, int]]:
        """{placement id: {"present": n, "excused": n, "absent": n}} for the meetings of a year, one query."""
        rows = self.filter(placement__in=placements, meeting__held_on__year=year)
        found: dict[int, dict[str, int]] = {}
        for placement_id, status, count in rows.values_list("placement_id", "status").annotate(n=Count("pk")):
            found.setdefault(placement_id, {"present": 0, "excused": 0, "absent": 0})[status] = count
        return found


class Attendance(models.Model):
    class Status(models.TextChoices):
        PRESENT = "present", "có mặt"
        EXCUSED = "excused", "vắng có lý do"
        ABSENT = "absent", "vắng không lý do"

    meeting = models.ForeignKey(ContactMeeting, models.PROTECT, related_name="attendances")
    placement = models.ForeignKey(Placement, models.PROTECT, related_name="attendances")
    status = models.CharField("điểm danh", max_length=8, choices=Status.choices)
    recorded_by = models.ForeignKey("members.Seat", models.PROTECT, related_name="+")
    recorded_at = models.DateTimeField(auto_now=True)

    objects = AttendanceQuerySet.as_manager()

    class Meta:
        verbose_name = "điểm danh"
        constraints = [
            models.CheckConstraint(
                name="attendance_status_known", condition=Q(status__in=["present", "excused", "absent"])
            ),
            models.UniqueConstraint(name="attendance_once", fields=["meeting", "placement"]),
        ]


class Activity(models.Model):
    """Something a member did at residence, as evidence for the yearly comment."""

    placement = models.ForeignKey(Placement, models.PROTECT, related_name="activities")
    on = models.DateField("ngày")
    description = models.CharField("việc đã làm", max_length=300)
    recorded_by = models.ForeignKey("members.Seat", models.PROTECT, related_name="+")
    recorded_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name = "hoạt động tại nơi cư trú"
        ordering = ["on", "pk"]


@transaction.atomic
def add_meeting(cell: Organization, held_on: date, kind: str, theme: str, *, by: "Seat") -> ContactMeeting:
    """Enter a meeting in the cell's book. Raises Refused when it stands there already."""
    meeting, is_new = ContactMeeting.objects.get_or_create(
        cell=cell, held_on=held_on, kind=kind, defaults={"theme": theme, "recorded_by": by}
    )
    if not is_new:
        raise Refused("Cuộc họp loại này trong ngày đã chọn đã có trong sổ.")
    AuditEvent.objects.record("ContactMeeting.add", by=by, on=meeting)
    return meeting


@transaction.atomic
def record_joint_review(
    cell: Organization, year: int, held_on: date, attendees: list[Attendee], *, by: "Seat"
) -> JointReview:
    """Enter the meeting of the cell committee with the Front committee; both sides must have been there."""
    if {person["side"] for person in attendees} != {"cell", "front"}:
        raise Refused("Cuộc họp phải có đại diện chi ủy (bí thư) và đại diện Ban công tác Mặt trận.")
    # Pressing twice enters one meeting.
    Organization.objects.select_for_update(no_key=True).get(pk=cell.pk)
    for earlier in JointReview.objects.filter(cell=cell, year=year, held_on=held_on):
        if earlier.attendees == attendees:
            return earlier
    review = JointReview.objects.create(cell=cell, year=year, held_on=held_on, attendees=attendees, recorded_by=by)
    AuditEvent.objects.record("JointReview.record", by=by, on=review)
    return review


@transaction.atomic
def record_attendance(meeting: ContactMeeting, statuses: dict[int, str], *, by: "Seat") -> int:
    """Write or correct who came ({placement id: status or "" for not recorded}); how many rows changed."""
    # Two people entering the same meeting wait for each other instead of colliding.
    ContactMeeting.objects.select_for_update().get(pk=meeting.pk)
    known = {row.placement_id: row for row in meeting.attendances.all()}
    fresh, changed, gone = [], [], []
    for placement_id, status in statuses.items():
        row = known.get(placement_id)
        if row and not status:
            gone.append(row)
        elif row and row.status != status:
            row.status, row.recorded_by, row.recorded_at = status, by, timezone.now()
            changed.append(row)
        elif not row and status:
            fresh.append(Attendance(meeting=meeting, placement_id=placement_id, status=status, recorded_by=by))
    Attendance.objects.bulk_create(fresh)
    Attendance.objects.bulk_update(changed, ["status", "recorded_by", "recorded_at"])
    Attendance.objects.filter(pk__in=[row.pk for row in gone]).delete()
    touched = [row.placement_id for row in (*fresh, *changed, *gone)]
    if touched:
        AuditEvent.objects.record_many("Attendance.record", by=by, model=Placement, ids=touched)
    return len(touched)


def meetings_of_year(cell: Organization, year: int) -> "models.QuerySet[ContactMeeting]":
    return ContactMeeting.objects.filter(cell=cell, held_on__range=(date(year, 1, 1), date(year, 12, 31)))
