"""An answer that went out turns out to be wrong: the commune opens it again, and the old form holds until the new."""

from typing import TYPE_CHECKING

from django.db import transaction

from evaluations.models.assessments import Assessment, AssessmentVersion
from evaluations.models.requests import EvaluationRequest
from members.models import AuditEvent
from members.models.conflicts import refuse_conflict
from members.states import Refused, WrongState, move_all

if TYPE_CHECKING:
    from members.models import Seat


@transaction.atomic
def reopen(version: AssessmentVersion, code: str, note: str, *, by: "Seat") -> AssessmentVersion:
    """Version n+1 for the cell to correct, beginning with the same words. What was confirmed stays in force so long."""
    refuse_conflict(version.assessment.placement.member_id, by)
    if code not in version.book.return_codes or not note.strip():
        raise Refused("Chọn lý do và ghi một câu nói rõ cần đính chính điều gì.")
    Assessment.objects.select_for_update().get(pk=version.assessment_id)
    version.refresh_from_db(fields=["state"])
    newest = version.assessment.versions.order_by("-no")[0]
    if version.state != AssessmentVersion.State.CONFIRMED or newest.pk != version.pk:
        raise WrongState("Nhận xét này đang được bổ sung hoặc đã thay bằng bản mới. Xin tải lại trang.")
    version.return_code, version.return_note = code, note.strip()
    version.save(update_fields=["return_code", "return_note"])
    AuditEvent.objects.record("AssessmentVersion.reopen", by=by, on=version, fields=["return_code", "return_note"])
    # Who asked for it waits for the cell again; for the others the answer they hold is an answer until the next letter.
    asked = EvaluationRequest.objects.filter(assessment=version.assessment, state="return_asked")
    move_all(asked, EvaluationRequest.State.AT_CELL, by=by)
    return AssessmentVersion.objects.create(
        assessment=version.assessment,
        no=version.no + 1,
        rulebook=version.rulebook,
        answers=version.answers,
        remarks=version.remarks,
        drafted_by=version.drafted_by,
    )
