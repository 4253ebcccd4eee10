"""What people say about a keyed text afterwards: its writer contests it, its reader verifies a form carried by hand."""

from datetime import date
from typing import TYPE_CHECKING

from django.db import models, transaction
from django.db.models import Q
from django.utils import timezone

from evaluations.models.assessments import AssessmentVersion
from evaluations.models.requests import EvaluationRequest
from members.models import AuditEvent, Seat
from members.models.conflicts import refuse_conflict
from members.roles import Action
from members.states import Refused

if TYPE_CHECKING:
    from django.db.models import QuerySet

NOTE_LIMIT = 1000


class Contest(models.Model):
    """Nội dung nhập khác với bản giấy: said by the writer, settled by an answer or by keying anew."""

    version = models.ForeignKey(AssessmentVersion, models.PROTECT, related_name="contests")
    note = models.TextField("khác ở chỗ nào", max_length=NOTE_LIMIT)
    made_at = models.DateTimeField(auto_now_add=True)
    made_by = models.ForeignKey("members.Seat", models.PROTECT, related_name="+")
    settled_at = models.DateTimeField(null=True)
    settled_by = models.ForeignKey("members.Seat", models.PROTECT, null=True, related_name="+")
    settled_note = models.TextField("trả lời", max_length=NOTE_LIMIT, blank=True)
    corrected_by = models.ForeignKey(AssessmentVersion, models.PROTECT, null=True, related_name="+")

    class Meta:
        verbose_name = "ý kiến về nội dung nhập"
        ordering = ["pk"]
        constraints = [
            models.CheckConstraint(name="contest_says_what", condition=~Q(note="")),
            models.UniqueConstraint(name="contest_one_open", fields=["version"], condition=Q(settled_at=None)),
            models.CheckConstraint(
                name="contest_settled_by_whom",
                condition=Q(settled_at=None, settled_by=None, settled_note="")
                | Q(settled_at__isnull=False, settled_by__isnull=False) & ~Q(settled_note=""),
            ),
        ]

    @transaction.atomic
    def settle(self, note: str, *, by: Seat, corrected_by: AssessmentVersion | None = None) -> None:
        refuse_conflict(self.version.assessment.placement.member_id, by)
        locked = Contest.objects.select_for_update().get(pk=self.pk)
        if locked.settled_at:
            raise Refused("Ý kiến này đã được trả lời.")
        self.settled_at, self.settled_by = timezone.now(), by
        self.settled_note, self.corrected_by = note.strip(), corrected_by
        self.save(update_fields=["settled_at", "settled_by", "settled_note", "corrected_by"])
        AuditEvent.objects.record("Contest.settle", by=by, on=self, fields=["settled_note"])


def can_contest(version: AssessmentVersion) -> bool:
    held = (AssessmentVersion.State.SUBMITTED, AssessmentVersion.State.CONFIRMED)
    return bool(version.keyed_by_id) and version.state in held and not version.is_contested


@transaction.atomic
def contest(version: AssessmentVersion, note: str, *, by: Seat) -> Contest:
    """The cell in whose name something was keyed says where it differs from the paper."""
    if by.organization_id != version.assessment.placement.cell_id:
        raise Refused("Chỉ chi bộ có nhận xét này nêu ý kiến về nội dung nhập.")
    refuse_conflict(version.assessment.placement.member_id, by)
    AssessmentVersion.objects.select_for_update().get(pk=version.pk)
    if not can_contest(AssessmentVersion.objects.get(pk=version.pk)):
        raise Refused("Bản này không còn là bản đang dùng, hoặc đã có ý kiến chờ đảng ủy trả lời.")
    found = Contest.objects.create(version=version, note=note.strip(), made_by=by)
    AuditEvent.objects.record("Contest.make", by=by, on=found, fields=["note"])
    return found


def open_contests(version: AssessmentVersion) -> "QuerySet[Contest]":
    """Of every version of the same assessment: a corrected text answers them all."""
    return Contest.objects.filter(version__assessment=version.assessment_id, settled_at=None)


class Verification(models.Model):
    """Đối chiếu, thẩm định: the asker has asked the makers of a form that the member carried himself."""

    class Method(models.TextChoices):
        PHONE = "phone", "Gọi điện cho chi bộ, đảng ủy nơi cư trú"
        LETTER = "letter", "Công văn đề nghị xác minh"
        VISIT = "visit", "Làm việc trực tiếp với nơi cư trú"

    class Result(models.TextChoices):
        AGREES = "agrees", "Đúng với bản nơi cư trú lưu"
        DIFFERS = "differs", "Có nội dung khác"
        UNKNOWN = "unknown", "Nơi cư trú chưa trả lời được"

    request = models.ForeignKey(EvaluationRequest, models.PROTECT, related_name="verifications")
    method = models.CharField("cách đối chiếu", max_length=8, choices=Method.choices)
    result = models.CharField("kết quả", max_length=8, choices=Result.choices)
    note = models.TextField("đã hỏi ai, nội dung trao đổi", max_length=NOTE_LIMIT)
    verified_on = models.DateField("ngày đối chiếu")
    made_at = models.DateTimeField(auto_now_add=True)
    by = models.ForeignKey("members.Seat", models.PROTECT, related_name="+")

    class Meta:
        verbose_name = "lần đối chiếu, thẩm định"
        ordering = ["pk"]
        constraints = [
            models.CheckConstraint(
                name="verification_method_known", condition=Q(method__in=["phone", "letter", "visit"])
            ),
            models.CheckConstraint(
                name="verification_result_known", condition=Q(result__in=["agrees", "differs", "unknown"])
            ),
            models.CheckConstraint(name="verification_says_whom", condition=~Q(note="")),
        ]


@transaction.atomic
def verify(
    matter: EvaluationRequest, method: str, result: str, note: str, verified_on: date, *, by: Seat
) -> Verification:
    """Record that the residence side was asked; by somebody else than the keyer where there is anybody."""
    version = matter.answering_version()
    if version is None or not version.keyed_by_id:
        raise Refused("Nhận xét này không nhập từ bản giấy nên không cần đối chiếu.")
    refuse_conflict(version.assessment.placement.member_id, by)
    if version.keyed_by and version.keyed_by.user_id == by.user_id and has_another_keyer(by):
        raise Refused("Người nhập bản giấy không tự đối chiếu. Xin để cán bộ khác của cơ quan đối chiếu.")
    found = Verification.objects.create(
        request=matter, method=method, result=result, note=note.strip(), verified_on=verified_on, by=by
    )
    AuditEvent.objects.record("Verification.make", by=by, on=found, fields=["method", "result"])
    return found


def has_another_keyer(by: Seat) -> bool:
    """Whether anybody else of this office may key today."""
    return Seat.objects.that_may(Action.KEY, by.organization).exclude(user=by.user_id).exists()
