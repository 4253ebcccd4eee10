"""Life at residence as the residence cell enters it: meetings, attendance, the joint review with the Front."""

from typing import cast

from django.contrib import messages
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST

from members.forms.participation import AttendanceGrid, JointReviewForm, MeetingForm
from members.models import Attendance, AuditEvent, JointReview, Organization, Placement, Seat, User
from members.models.participation import add_meeting as add
from members.models.participation import record_attendance, record_joint_review
from members.roles import Action, Side
from members.states import Refused

FIRST_YEAR = 2020  # Regulation 213 came into force


def open_cell(request: HttpRequest, cell_id: int, year: int, action: Action) -> tuple[Organization, Seat]:
    """A residence cell within the person's reach, else 404, and the seat that does `action` there, else 403."""
    if not FIRST_YEAR <= year <= timezone.localdate().year + 1:
        raise Http404
    user = cast(User, request.user)
    within = user.reach(Action.SEE_RESIDENTS, "", Side.RESIDENCE)
    cells = Organization.objects.residence_cells().filter(within).select_related("parent")
    cell = get_object_or_404(cells, pk=cell_id)
    return cell, user.acting(action, cell)


@require_http_methods(["GET", "POST"])
def attendance(request: HttpRequest, cell_id: int, year: int) -> HttpResponse:
    cell, seat = open_cell(request, cell_id, year, Action.RECORD)
    grid = AttendanceGrid(cell, year)
    if request.method == "POST":
        changed = _save(grid, request, seat)
        if changed or not grid.clashes:
            words = f"Đã lưu điểm danh: {changed} ô thay đổi." if changed else "Không có gì thay đổi."
            messages.success(request, words)
        if not grid.clashes:
            return redirect("members:attendance", cell.pk, year)
    AuditEvent.objects.record_many("read", by=seat, model=Placement, ids=[row.pk for row in grid.placements])
    context = {"cell": cell, "year": year, "grid": grid, "statuses": Attendance.Status.choices, "step": "attendance"}
    return render(request, "members/attendance.html", context, status=409 if grid.clashes else 200)


@require_POST
def attendance_draft(request: HttpRequest, cell_id: int, year: int) -> HttpResponse:
    """Saving while somebody enters: the rows that came are kept, and what changed on the page goes back."""
    cell, seat = open_cell(request, cell_id, year, Action.RECORD)
    grid = AttendanceGrid(cell, year)
    grid.keep_to(request.POST.get("meetings", ""))
    try:
        _save(grid, request, seat)
    except Refused as refusal:
        return render(request, "members/attendance_draft.html", {"refusal": refusal}, status=422)
    rows = [row for row in grid.rows() if f"was-{row[0].pk}" in request.POST]
    context = {"grid": grid, "rows": rows}
    return render(request, "members/attendance_draft.html", context, status=409 if grid.clashes else 200)


def _save(grid: AttendanceGrid, request: HttpRequest, seat: Seat) -> int:
    changes = grid.changes(request.POST)
    grid.fill(changes, request.POST.get("fill", ""))
    with transaction.atomic():
        written = sum(
            record_attendance(meeting, statuses, by=seat) for meeting, statuses in changes.items() if statuses
        )
    grid.stored |= {
        (meeting.pk, placement_id): status
        for meeting, statuses in changes.items()
        for placement_id, status in statuses.items()
    }
    return written


@require_http_methods(["GET", "POST"])
def add_meeting(request: HttpRequest, cell_id: int, year: int) -> HttpResponse:
    cell, seat = open_cell(request, cell_id, year, Action.RECORD)
    form = MeetingForm(year, request.POST if request.method == "POST" else None)
    if form.is_valid():
        try:
            meeting = add(cell, by=seat, **form.cleaned_data)
        except Refused as refusal:
            form.add_error("held_on", str(refusal))
        else:
            messages.success(request, f"Đã ghi cuộc họp ngày {meeting.held_on:%d/%m/%Y}. Mời đồng chí điểm danh.")
            return redirect("members:attendance", cell.pk, year)
    return render(request, "members/add_meeting.html", {"cell": cell, "year": year, "form": form})


@require_http_methods(["GET", "POST"])
def joint_review(request: HttpRequest, cell_id: int, year: int) -> HttpResponse:
    cell, seat = open_cell(request, cell_id, year, Action.RECORD)
    if "more" in request.POST:
        form = JointReviewForm.with_more_rows(year, request.POST)
    else:
        form = JointReviewForm(year, request.POST if request.method == "POST" else None)
    if form.is_valid():
        review = record_joint_review(cell, year, form.cleaned_data["held_on"], form.attendees(), by=seat)
        messages.success(request, f"Đã ghi cuộc họp ngày {review.held_on:%d/%m/%Y} với Ban công tác Mặt trận.")
        return redirect("members:joint_review", cell.pk, year)
    earlier = [
        (review, review.names("cell"), review.names("front"))
        for review in JointReview.objects.filter(cell=cell, year=year)
    ]
    context = {"cell": cell, "year": year, "form": form, "earlier": earlier, "step": "joint_review"}
    return render(request, "members/joint_review.html", context)
