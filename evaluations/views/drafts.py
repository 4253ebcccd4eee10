"""Saving while somebody types: each page's script posts what changed and gets back the pieces of the page that did."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_POST

from evaluations.forms.assessments import PersonForm
from evaluations.models.assessments import EditedMeanwhile
from evaluations.views.cells import find_row, open_to_write, shown_part
from members.states import Refused


@require_POST
def person(request: HttpRequest, cell_id: int, year: int, placement_id: int) -> HttpResponse:
    cell, seat, page = open_to_write(request, cell_id, year)
    row, _, _ = find_row(page, placement_id)
    form = PersonForm(row, request.POST, is_draft=True)
    context = {"cell": cell, "year": year, "row": row, "form": form}
    if not form.is_valid():
        return render(request, "evaluations/cell_person_draft.html", context, status=422)
    try:
        row.version = form.save(by=seat)
    except EditedMeanwhile as problem:
        row.version = problem.stored
        context |= {"stored": problem.stored, "beside": form.beside(problem.stored)}
    except Refused as refusal:
        context |= {"refusal": refusal}
    status = 409 if context.get("beside") or "refusal" in context else 200
    return render(request, "evaluations/cell_person_draft.html", context, status=status)


@require_POST
def grid(request: HttpRequest, cell_id: int, year: int) -> HttpResponse:
    cell, seat, page = open_to_write(request, cell_id, year)
    page.shown = shown_part(page, cell, seat, request).rows
    page.save(request.POST, by=seat)
    sent = [row for row in page.rows if f"s{row.placement_id}" in request.POST]
    context = {"grid": page, "rows": sent}
    return render(request, "evaluations/cell_grid_draft.html", context, status=409 if page.problems else 200)
