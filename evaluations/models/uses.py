"""Đã sử dụng khi kiểm điểm: what the workplace did with the answers it received, one by one or for a whole meeting."""

from datetime import date
from typing import TYPE_CHECKING

from django.db.models import Exists, F, OuterRef, Q

from evaluations.models.assessments import AssessmentVersion
from evaluations.models.checks import Contest, Verification
from evaluations.models.requests import EvaluationRequest, RequestQuerySet, check_use
from members.models.conflicts import conflicts_of
from members.states import move_all

if TYPE_CHECKING:
    from members.models import Seat, User

State = EvaluationRequest.State


def _carried() -> "Exists":
    return Exists(
        AssessmentVersion.objects.filter(
            assessment=OuterRef("assessment"), state="confirmed", origin=AssessmentVersion.Origin.CARRIED
        )
    )


def _agreed() -> "Exists":
    return Exists(
        Verification.objects.filter(
            request=OuterRef("pk"),
            result=Verification.Result.AGREES,
            request__assessment__versions__state="confirmed",
            made_at__gte=F("request__assessment__versions__keyed_at"),
        )
    )


def _contested() -> "Exists":
    return Exists(Contest.objects.filter(version__assessment=OuterRef("assessment"), settled_at=None))


def unread_correction() -> Q:
    """A corrected form has come since the answer was opened: it is read first."""
    return Q(reply__issued_at__gt=F("received_at"))


def usable(rows: RequestQuerySet) -> RequestQuerySet:
    """Received, genuine as far as anybody doubts it, and read as it stands now."""
    received = rows.filter(state=State.RECEIVED).exclude(unread_correction())
    return received.filter(~_contested(), ~_carried() | _agreed())


def kept_back(rows: RequestQuerySet, user: "User") -> list[tuple[EvaluationRequest, str]]:
    """Received answers that cannot be used now, or not by this user, each with the reason."""
    bound = conflicts_of(user)
    received = rows.filter(state=State.RECEIVED).annotate(is_contested=_contested(), is_unread=_unread())
    ready = set(usable(rows).exclude(member__in=list(bound)).values_list("pk", flat=True))
    return [(row, _reason(row, bound)) for row in received.listed() if row.pk not in ready]


def _unread() -> "Exists":
    return Exists(EvaluationRequest.objects.filter(unread_correction(), pk=OuterRef("pk")))


def _reason(row: EvaluationRequest, bound: dict[int, str]) -> str:
    if words := bound.get(row.member_id):
        return f"Về {words if words == 'chính đồng chí' else f'người thân của đồng chí ({words})'}: cán bộ khác ghi."
    if getattr(row, "is_contested", False):
        return "Chi bộ báo nội dung nhập khác với bản giấy, chưa giải quyết."
    if getattr(row, "is_unread", False):
        return "Có phiếu đính chính chưa mở đọc."
    return "Phiếu do đảng viên mang về, chưa đối chiếu, thẩm định."


def use_all(rows: RequestQuerySet, met_on: date, code: str, note: str = "", *, by: "Seat") -> int:
    """Record what one meeting did with many answers; how many. What may not be used yet, or not by `by`, stays."""
    check_use(met_on, code, note)
    ready = usable(rows).exclude(member__in=list(conflicts_of(by.user)))
    ids = list(ready.values_list("pk", flat=True))
    said = {"considered_on": met_on, "consider_code": code, "consider_note": note.strip()}
    return move_all(EvaluationRequest.objects.filter(pk__in=ids), State.CONSIDERED, by=by, **said)
