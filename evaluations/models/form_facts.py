"""The facts of a Phiếu nhận xét, frozen into its document when the commune confirms the text."""

from typing import TYPE_CHECKING, Any

from django.utils import timezone

from evaluations.rulebooks import Criterion
from members.models import Attendance, Organization, Placement
from members.models.participation import meetings_of_year
from members.roles import Role

if TYPE_CHECKING:
    from evaluations.models.assessments import AssessmentVersion


def form_facts(version: "AssessmentVersion") -> dict[str, Any]:
    """The frozen facts of templates/documents/assessment_form.html."""
    placement, book = version.assessment.placement, version.book
    return {
        **_signature(version),
        "member": member_facts(placement),
        "year": version.assessment.year,
        "purpose_text": f"kiểm điểm, đánh giá, xếp loại chất lượng đảng viên năm {version.assessment.year}",
        "review": review_facts(version),
        "criteria": [_criterion_facts(version, criterion) for criterion in book.criteria],
        "recommendation": {
            "text": book.recommendation.text,
            "options": list(book.recommendation.options),
            "chosen": version.answer("recommendation")["option"],
        },
        "attendance": attendance_facts(placement, version.assessment.year),
        "no_basis_reasons": [
            {"no": c.no, "reason": version.answer(c.code)["facts"]}
            for c in book.criteria
            if version.answer(c.code)["no_basis"]
        ],
        "remarks": version.remarks,
        "labels": [*labels(version), *_period(version), *_replaces(version)],
        "confirmation": _confirmation_facts(placement.commune, version),
    }


def _period(version: "AssessmentVersion") -> list[str]:
    """Who moved within the year is commented on by two residences, each for its own part."""
    part = version.assessment.requests.exclude(part="whole").exclude(state__in=["cancelled", "superseded"]).first()
    return [f"Nhận xét thời gian {part.period_words}"] if part and part.period_words else []


def _replaces(version: "AssessmentVersion") -> list[str]:
    """A form that takes the place of another says so (domain V13)."""
    replaced = version.assessment.versions.filter(state="replaced", no__lt=version.no).order_by("-no").first()
    if replaced is None or replaced.confirmed_at is None:
        return []
    return [f"Thay Phiếu nhận xét đã xác nhận ngày {timezone.localtime(replaced.confirmed_at):%d/%m/%Y}"]


def review_facts(version: "AssessmentVersion") -> dict[str, Any]:
    """Of a keyed text the paper names the day and who signed, not everybody who came."""
    if version.joint_review is None:
        assert version.met_on is not None
        return {"held_on": version.met_on.isoformat(), "cell": [], "front": []}
    review = version.joint_review
    return {"held_on": review.held_on.isoformat(), "cell": review.names("cell"), "front": review.names("front")}


def labels(version: "AssessmentVersion") -> list[str]:
    """What a reader must know about how the text came here."""
    if version.origin == version.Origin.ONLINE:
        seat = version.submitted_by
        return ["Đảng ủy nhận xét thay chi bộ"] if seat and not seat.organization.is_cell else []
    found = [version.Origin.PAPER.label]
    return found if version.origin == version.Origin.PAPER else [*found, version.get_origin_display()]


def _signature(version: "AssessmentVersion") -> dict[str, Any]:
    """Who signed the paper, not who signs for the cell today."""
    if not version.keyed_by_id:
        return _who_acted(version)
    position = version.signer_position.upper()
    return {"signature": {"authority": "T/M CHI BỘ", "position": position, "name": version.signer_name}}


def _who_acted(version: "AssessmentVersion") -> dict[str, Any]:
    """Who took the place of the secretary signs in his own name; T/M all the same, never K/T (domain §6.5)."""
    seat, cell = version.submitted_by, version.assessment.placement.cell
    if seat is None or cell is None or (seat.role == Role.SECRETARY and not seat.as_deputy and not seat.acting):
        return {}
    if seat.organization_id != cell.pk:
        authority, position = seat.organization.signature()["authority"], "CÁN BỘ ĐẢNG ỦY"
    else:
        authority = cell.signature()["authority"]
        position = seat.title.removesuffix(" chi bộ").upper()
    if seat.acting and seat.role == Role.SECRETARY:
        position = "PHÓ BÍ THƯ PHỤ TRÁCH" if seat.as_deputy else "PHỤ TRÁCH CHI BỘ"
    return {"signature": {"authority": authority, "position": position, "name": seat.user.full_name}}


def member_facts(placement: Placement) -> dict[str, Any]:
    member = placement.member
    membership = member.memberships.filter(until_on=None).select_related("cell__parent").first()
    committee = membership.cell.parent if membership and membership.cell.parent else None
    return {
        "name": member.full_name,
        "birth": member.birth,
        "sex": member.get_sex_display(),
        "joined_on": member.joined_on.isoformat() if member.joined_on else "",
        "workplace": committee.name if committee else "",
        "workplace_cell": membership.cell.name if membership else "",
        "position": membership.position if membership else "",
        "residence": ", ".join(
            part for part in (member.address, placement.cell_as_written, placement.commune.area) if part
        ),
    }


def _criterion_facts(version: "AssessmentVersion", criterion: Criterion) -> dict[str, Any]:
    answer = version.answer(criterion.code)
    return {
        "no": criterion.no,
        "text": criterion.text,
        "options": list(criterion.options),
        "chosen": answer["option"],
        "no_basis": answer["no_basis"],
        "facts": "" if answer["no_basis"] else answer["facts"],
    }


def attendance_facts(placement: Placement, year: int) -> dict[str, Any]:
    rows = Attendance.objects.filter(placement=placement, meeting__held_on__year=year).select_related("meeting")
    rows = rows.order_by("meeting__held_on", "meeting_id")
    counts = {status: sum(row.status == status for row in rows) for status in Attendance.Status.values}
    held = meetings_of_year(placement.cell, year).count() if placement.cell else 0
    lines = [f"{row.meeting.held_on:%d/%m/%Y}: {row.get_status_display()}" for row in rows]
    return {"held": held, **counts, "lines": lines}


def _confirmation_facts(commune: Organization, version: "AssessmentVersion") -> dict[str, Any]:
    if not commune.is_on_system:
        # Confirmed by its own hand on the paper, which is the form; nothing of it is drawn here.
        return {"authority": "", "line": "", "position": "", "name": ""}
    assert version.confirmed_at is not None
    on = timezone.localtime(version.confirmed_at)
    month = f"{on.month:02d}" if on.month < 3 else str(on.month)  # domain §6.3, component 4
    signature = commune.signature()
    return {
        "authority": f"XÁC NHẬN CỦA ĐẢNG ỦY {commune.area}".upper(),
        "line": f"Ngày {on.day:02d} tháng {month} năm {on.year}",
        "position": signature["position"],
        "name": signature["name"],
    }
