"""Tổng hợp của chi bộ: every member of a cell for the year, whichever workplace asked or none; to read and to print."""

from collections import Counter
from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from evaluations.forms.ratings import RatingGrid, Row
from evaluations.models import AssessmentVersion, EvaluationRequest, InnerDeadline
from members.models import AuditEvent, Organization, Placement, User
from members.roles import Action
from members.views.participation import open_cell

State = AssessmentVersion.State
STEPS = {
    "nothing": "chưa nhận xét",
    "begun": "đang soạn",
    "complete": "đã đủ, chưa gửi",
    State.SUBMITTED: State.SUBMITTED.label,
    State.CONFIRMED: State.CONFIRMED.label,
}


@dataclass(frozen=True)
class Line:
    row: Row
    askers: list[EvaluationRequest]
    code: str
    missing: list[str]

    @property
    def words(self) -> str:
        return STEPS[self.code]

    @property
    def is_answered(self) -> bool:
        return bool(self.askers) and all(matter.state in EvaluationRequest.REPLIED for matter in self.askers)


@require_GET
def page(request: HttpRequest, cell_id: int, year: int) -> HttpResponse:
    cell, seat = open_cell(request, cell_id, year, Action.SEE_RESIDENTS)
    grid = RatingGrid(cell, year, seat)
    # A draft belongs to the cell; from above only what was sent is read, by those who confirm.
    is_ours = _granted(seat.user, Action.WRITE, cell)
    may_read = is_ours or _granted(seat.user, Action.CONFIRM, cell)
    lines = _lines(grid, cell, year, is_ours=is_ours)
    counted = [
        line.row for line in lines if not line.row.is_own and (line.row.is_begun if is_ours else line.row.is_sent)
    ]
    AuditEvent.objects.record_many("read", by=seat, model=Placement, ids=[row.placement_id for row in grid.rows])
    steps = Counter(line.code for line in lines)
    context = {
        "cell": cell,
        "year": year,
        "lines": lines,
        "steps": [(code, words, steps[code]) for code, words in STEPS.items() if steps[code]],
        "answered": sum(line.is_answered for line in lines),
        "asked": sum(bool(line.askers) for line in lines),
        "exempt": Placement.objects.of_cell(cell).filter(standing=Placement.Standing.EXEMPT_ACTIVITY),
        "spread": grid.spread(counted) if may_read and counted else [],
        "counted": len(counted),
        "due_on": InnerDeadline.objects.due_on(cell.parent, year),
        "is_ours": is_ours,
    }
    return render(request, "evaluations/cell_summary.html", context)


def _granted(user: User, action: Action, cell: Organization) -> bool:
    return Organization.objects.filter(user.reach(action, ""), pk=cell.pk).exists()


def _lines(grid: RatingGrid, cell: Organization, year: int, *, is_ours: bool) -> list[Line]:
    askers: dict[int, list[EvaluationRequest]] = {}
    asked = EvaluationRequest.objects.live().exclude(state="prepared").filter(placement__cell=cell, year=year)
    for matter in asked.select_related("asker_now").order_by("due_on", "pk"):
        askers.setdefault(matter.placement_id, []).append(matter)
    return [
        Line(
            row,
            askers.get(row.placement_id, []),
            _code(row, is_ours=is_ours),
            row.missing if is_ours and row.is_begun and not row.is_own and not row.is_sent else [],
        )
        for row in grid.rows
    ]


def _code(row: Row, *, is_ours: bool) -> Any:
    if row.is_sent and row.version:
        return row.version.state
    if not row.is_begun:
        return "nothing"
    return "complete" if row.is_complete and is_ours and not row.is_own else "begun"
