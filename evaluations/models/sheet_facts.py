"""The facts of sheets that exist on paper only: to be filled in by hand, signed for, or stuck on an envelope."""

from datetime import date
from typing import Any

from django.db.models import Min

from evaluations.models.assessments import Assessment, AssessmentVersion, draft_assessments
from evaluations.models.deadlines import InnerDeadline
from evaluations.models.form_facts import attendance_facts, member_facts
from evaluations.models.paper_codes import PaperKind, grid_number, paper_code, paper_facts
from evaluations.models.requests import EvaluationRequest
from evaluations.rulebooks import Rulebook, load
from members.models import Attendance, Organization, Placement
from members.models.participation import meetings_of_year

SENT = (AssessmentVersion.State.SUBMITTED, AssessmentVersion.State.CONFIRMED)


def blank_forms(ids: list[int]) -> dict[str, Any]:
    """Facts of templates/documents/blank_forms.html: the official form, once for each assessment, nothing chosen."""
    rows = {
        row.pk: row
        for row in Assessment.objects.filter(pk__in=ids).select_related(
            "placement__member", "placement__commune__parent", "placement__cell__parent"
        )
    }
    return {"forms": [_blank_form(rows[pk]) for pk in ids]}


def _blank_form(assessment: Assessment) -> dict[str, Any]:
    placement, book, year = assessment.placement, load(), assessment.year
    return {
        "head": _head(placement),
        "paper": paper_facts(PaperKind.ASSESSMENT, assessment.pk),
        "year": year,
        "purpose_text": f"kiểm điểm, đánh giá, xếp loại chất lượng đảng viên năm {year}",
        "member": member_facts(placement),
        "criteria": [{"no": c.no, "text": c.text, "options": list(c.options)} for c in book.criteria],
        "attendance": _attendance(placement, year),
        "recommendation": {"text": book.recommendation.text, "options": list(book.recommendation.options)},
        "signature": _cell_signature(placement),
        "confirmation": _confirmation(placement.commune),
    }


def _head(placement: Placement) -> dict[str, str]:
    """The residence cell's letterhead; where the cell is not known its line is left to be written."""
    if placement.cell:
        return placement.cell.letterhead()
    commune = placement.commune
    return {"superior": f"ĐẢNG BỘ {commune.area}".upper(), "issuer": "CHI BỘ …………………………", "place": commune.place}


def _cell_signature(placement: Placement) -> dict[str, str]:
    return (
        placement.cell.signature() if placement.cell else {"authority": "T/M CHI BỘ", "position": "BÍ THƯ", "name": ""}
    )


def _confirmation(commune: Organization) -> dict[str, str]:
    return {"authority": f"XÁC NHẬN CỦA ĐẢNG ỦY {commune.area}".upper(), "position": commune.signature()["position"]}


def _attendance(placement: Placement, year: int) -> dict[str, int] | None:
    """What the cell's book says; None where there is no book here."""
    if placement.cell is None:
        return None
    facts = attendance_facts(placement, year)
    return {name: facts[name] for name in ("held", *Attendance.Status.values)}


def grid(cell: Organization, year: int) -> dict[str, Any]:
    """Facts of templates/documents/grid.html: everybody of the cell on sheets of A3."""
    columns, rows = _columns(load()), draft_assessments(cell, year)
    tally = Attendance.objects.tally([row.placement_id for row in rows], year)
    return {
        "head": cell.letterhead(),
        "signature": cell.signature(),
        "year": year,
        "paper": paper_facts(PaperKind.GRID, grid_number(cell.pk, year)),
        "held": meetings_of_year(cell, year).count(),
        "columns": columns,
        "boxes": sum(len(column["options"]) for column in columns),
        "rows": [_grid_row(no, row, tally.get(row.placement_id)) for no, row in enumerate(rows, 1)],
    }


def _columns(book: Rulebook) -> list[dict[str, Any]]:
    columns = [{"head": f"{c.no}. {c.short}", "text": c.text, "options": list(c.options)} for c in book.criteria]
    return [*columns, {"head": book.recommendation.text, "text": "", "options": list(book.recommendation.options)}]


def _grid_row(no: int, row: Assessment, attendance: dict[str, int] | None) -> dict[str, Any]:
    placement, version = row.placement, row.latest()
    counts = attendance or {"present": 0, "excused": 0, "absent": 0}
    return {
        "no": no,
        "name": placement.member.full_name,
        "birth_year": placement.member.birth_year,
        "workplace": getattr(placement, "workplace", "") or "",
        **counts,
        "sent": version is not None and version.state in SENT,
    }


def cover(cell: Organization, year: int) -> dict[str, Any]:
    """Facts of templates/documents/cover.html: what the cell receives, signed for by both."""
    ward = cell.parent
    assert ward is not None
    rows = [row for row in draft_assessments(cell, year) if not _is_sent(row)]
    askers = _askers(cell, year)
    return {
        "head": ward.letterhead(),
        "area": ward.area,
        "cell": cell.name,
        "ward": ward.name,
        "phone": ward.phone,
        "year": year,
        "due_on": _due_on(cell, year),
        "rows": [
            {
                "no": no,
                "name": row.placement.member.full_name,
                "birth": row.placement.member.birth,
                "workplace": getattr(row.placement, "workplace", "") or "",
                "asked": "; ".join(askers.get(row.placement_id, [])),
                "code": paper_code(PaperKind.ASSESSMENT, row.pk) if row.pk else "",
            }
            for no, row in enumerate(rows, 1)
        ],
    }


def _is_sent(row: Assessment) -> bool:
    version = row.latest()
    return version is not None and version.state in SENT


def _askers(cell: Organization, year: int) -> dict[int, list[str]]:
    """{placement id: letters that ask about it}."""
    matters = EvaluationRequest.objects.filter(residence_cell=cell, year=year, state="at_cell").select_related("letter")
    found: dict[int, list[str]] = {}
    for matter in matters.order_by("pk"):
        label = matter.letter.label if matter.letter else ""
        found.setdefault(matter.placement_id, []).append(label or "công văn giấy")
    return found


def _due_on(cell: Organization, year: int) -> str:
    waiting = EvaluationRequest.objects.filter(residence_cell=cell, year=year, state="at_cell")
    inner = InnerDeadline.objects.due_on(cell.parent, year)
    first: date | None = inner or waiting.aggregate(first=Min("due_on"))["first"]
    return first.isoformat() if first else ""


def addresses(sender: Organization, ids: list[int]) -> dict[str, Any]:
    """Facts of the labels and envelopes: who writes, to whom."""
    found = {place.pk: place for place in Organization.objects.filter(pk__in=ids)}
    return {"sender": _address(sender), "addresses": [_address(found[pk]) for pk in ids]}


def _address(place: Organization) -> dict[str, str]:
    return {"name": place.name, "address": place.address, "phone": place.phone, "contact": place.contact}
