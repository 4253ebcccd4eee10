"""The residence cell's comments: the grid of everybody, one person's page, and sending what is complete."""

from collections.abc import Collection
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST

from evaluations.forms.assessments import PersonForm, SubmitForm
from evaluations.forms.ratings import RatingGrid, Row, attendance_words
from evaluations.forms.sharing import Part
from evaluations.models.assessments import EditedMeanwhile, submit_complete
from evaluations.models.form_facts import attendance_facts
from evaluations.models.sharing import history_of
from evaluations.models.stand_ins import sent_by
from evaluations.rulebooks import load
from evaluations.views.letters_in import granted
from members.models import AuditEvent, Organization, Placement, Seat
from members.roles import Action
from members.states import Refused
from members.views.participation import open_cell


@require_http_methods(["GET", "POST"])
def grid(request: HttpRequest, cell_id: int, year: int) -> HttpResponse:
    cell, seat, page = open_to_write(request, cell_id, year)
    sends = sent_by(seat.user, cell)
    may_submit = sends is None or bool(sends)
    part = shown_part(page, cell, seat, request)
    page.shown = part.rows
    if request.method == "POST":
        written = page.save(request.POST, by=seat)
        if written or not page.problems:
            messages.success(request, _saved(written, page))
        if not page.problems:
            asked = "?gui=1" if request.POST.get("save") == "submit" else part.query
            return redirect(reverse("evaluations:cell_grid", args=[cell.pk, year]) + asked)
    AuditEvent.objects.record_many("read", by=seat, model=Placement, ids=[row.placement_id for row in page.shown])
    if "gui" in request.GET and request.method == "GET":
        if may_submit:
            return _confirm(request, cell, year, sends, page)
        messages.info(request, "Việc gửi nhận xét lên đảng ủy do đồng chí bí thư làm.")
    context = {"cell": cell, "year": year, "grid": page, "step": "grid", "may_submit": may_submit, "part": part}
    context["stands_in"] = seat.organization_id != cell.pk
    context["rows"] = [(row, attendance_words(page.held, row.attendance)) for row in page.shown]
    return render(request, "evaluations/cell_grid.html", context, status=409 if page.problems else 200)


def open_to_write(request: HttpRequest, cell_id: int, year: int) -> tuple[Organization, Seat, RatingGrid]:
    """Everybody for the cell's committee; for the commune those on whom nobody of the cell can comment."""
    cell, seat = open_cell(request, cell_id, year, Action.SEE_RESIDENTS)
    taken = None if granted(seat.user, Action.WRITE, cell) else sent_by(seat.user, cell)
    seat = seat.user.acting(Action.STAND_IN if taken else Action.WRITE, cell)
    page = RatingGrid(cell, year, seat)
    if taken:
        page.keep(taken)
    return cell, seat, page


def shown_part(page: RatingGrid, cell: Organization, seat: Seat, request: HttpRequest) -> Part:
    return Part(page.rows, seat, request.GET.get("phan", ""), is_head=_is_head(seat, cell))


def _saved(written: int, page: RatingGrid) -> str:
    if not written:
        return "Không có thay đổi nào cần lưu."
    return f"Đã lưu đánh giá của {written} đồng chí. Còn {len(page.left)} / {len(page.shown)} đồng chí chưa đủ."


def _is_head(seat: Seat, cell: Organization) -> bool:
    return any(holder.organization_id == cell.pk for holder, _ in seat.user.grants(Action.SUBMIT))


def _confirm(
    request: HttpRequest, cell: Organization, year: int, sends: Collection[int] | None, page: RatingGrid
) -> HttpResponse:
    """The last look before sending: who goes, who stays, how the steps are spread."""
    ready = page.ready_for(sends)
    context = {"cell": cell, "year": year, "form": SubmitForm(cell, year), "ready": ready, "step": "submit"}
    staying = [row for row in page.rows if not row.is_sent and row not in ready]
    context |= {"staying": staying, "spread": page.spread(ready)}
    return render(request, "evaluations/cell_submit.html", context)


def open_to_send(request: HttpRequest, cell_id: int, year: int) -> tuple[Organization, Seat, Collection[int] | None]:
    """The secretary sends for everybody; who takes his place for some members sends those."""
    cell, seat = open_cell(request, cell_id, year, Action.SEE_RESIDENTS)
    sends = sent_by(seat.user, cell)
    action = Action.WRITE if granted(seat.user, Action.WRITE, cell) else Action.STAND_IN
    return cell, seat.user.acting(action if sends else Action.SUBMIT, cell), sends


@require_POST
def submit(request: HttpRequest, cell_id: int, year: int) -> HttpResponse:
    cell, seat, sends = open_to_send(request, cell_id, year)
    form = SubmitForm(cell, year, request.POST)
    if not form.latest:
        messages.error(request, "Trước khi gửi, xin ghi cuộc họp của chi ủy với Ban công tác Mặt trận tại trang này.")
        return redirect("members:joint_review", cell.pk, year)
    if not form.is_valid():
        messages.error(request, " ".join(str(error) for error in form.errors["review"]))
        return redirect(reverse("evaluations:cell_grid", args=[cell.pk, year]) + "?gui=1")
    sent, _ = submit_complete(cell, year, form.cleaned_data["review"], by=seat, only=sends)
    left = sum(not row.is_sent for row in RatingGrid(cell, year, seat).rows)
    if sent:
        kept = f"; còn {left} chưa đủ, được giữ nguyên" if left else ""
        messages.success(request, f"Đã gửi {sent} nhận xét{kept}.")
    else:
        messages.warning(request, f"Chưa có nhận xét nào đủ để gửi; còn {left}, được giữ nguyên.")
    return redirect("evaluations:cell_grid", cell.pk, year)


@require_http_methods(["GET", "POST"])
def person(request: HttpRequest, cell_id: int, year: int, placement_id: int) -> HttpResponse:
    cell, seat, page = open_to_write(request, cell_id, year)
    part = shown_part(page, cell, seat, request)
    row, previous, following = find_row(page, placement_id, part)
    if row.is_own:
        messages.warning(request, f"Đồng chí không nhận xét dòng này, {row.instead}.")
        return redirect("evaluations:cell_grid", cell.pk, year)
    form = PersonForm(row, request.POST if request.method == "POST" else None)
    clash: dict[str, Any] = {}
    if form.is_valid():
        try:
            form.save(by=seat)
        except EditedMeanwhile as problem:
            clash = {"stored": problem.stored, "beside": form.beside(problem.stored)}
        except Refused as refusal:
            clash = {"refusal": refusal}
        else:
            messages.success(request, "Đã lưu nhận xét.")
            return _after_saving(request, cell, year, row, following, part)
    AuditEvent.objects.record("read", by=seat, on=row.version or row.assessment.placement)
    context = {"cell": cell, "year": year, "row": row, "form": form, "previous": previous, "following": following}
    context |= _facts_of(row, page) | clash | {"part": part, "history": history_of(row.assessment)}
    return render(request, "evaluations/cell_person.html", context, status=409 if clash else 200)


def find_row(page: RatingGrid, placement_id: int, part: Part | None = None) -> tuple[Row, Row | None, Row | None]:
    """The row and its neighbours in the order of names within the part that is gone through, but never oneself."""
    rows = part.rows if part and any(row.placement_id == placement_id for row in part.rows) else page.rows
    at = next((index for index, row in enumerate(rows) if row.placement_id == placement_id), None)
    if at is None:
        raise Http404
    before = [row for row in rows[:at] if not row.is_own]
    after = [row for row in rows[at + 1 :] if not row.is_own]
    return rows[at], before[-1] if before else None, after[0] if after else None


def _facts_of(row: Row, page: RatingGrid) -> dict[str, Any]:
    placement, version = row.assessment.placement, row.version
    return {
        "attendance": attendance_facts(placement, row.assessment.year),
        "attendance_words": attendance_words(page.held, row.attendance),
        "activities": placement.activities.filter(on__year=row.assessment.year),
        "mismatches": version.mismatches(row.attendance) if version else [],
        "evidence": [criterion.code for criterion in load().criteria if criterion.evidence],
    }


def _after_saving(
    request: HttpRequest, cell: Organization, year: int, row: Row, following: Row | None, part: Part
) -> HttpResponse:
    if "next" in request.POST and following is None:
        return redirect(reverse("evaluations:cell_grid", args=[cell.pk, year]) + part.query)
    place = following if following and "next" in request.POST else row
    return redirect(reverse("evaluations:cell_person", args=[cell.pk, year, place.placement_id]) + part.query)
