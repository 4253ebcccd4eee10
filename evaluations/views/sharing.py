"""Phân công theo dõi: the secretary shares the members of a cell among its committee."""

from urllib.parse import urlencode

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from evaluations.forms.sharing import ORDERS, Outcome, ShareGrid
from members.models import AuditEvent, Placement
from members.roles import Action
from members.states import Refused
from members.views.participation import open_cell


@require_http_methods(["GET", "POST"])
def share(request: HttpRequest, cell_id: int, year: int) -> HttpResponse:
    cell, seat = open_cell(request, cell_id, year, Action.SHARE)
    grid = ShareGrid(cell, year, request.GET.get("xep", ""))
    if request.method == "POST":
        try:
            outcome = grid.save(request.POST, by=seat)
        except Refused as refusal:
            grid.problems.append(str(refusal))
        else:
            if not grid.problems:
                _tell(request, outcome)
                place = reverse("evaluations:cell_share", args=[cell.pk, year])
                return redirect(f"{place}?{urlencode({'xep': grid.order})}")
    AuditEvent.objects.record_many("read", by=seat, model=Placement, ids=[row.placement.pk for row in grid.rows])
    first, last = grid.next_range()
    typed = {name: request.POST.get(name, "") for name in ("follower", "name")}
    typed |= {"first": request.POST.get("first") or str(first), "last": request.POST.get("last") or str(last)}
    context = {"cell": cell, "year": year, "grid": grid, "orders": ORDERS.items(), "typed": typed, "step": "share"}
    return render(request, "evaluations/cell_share.html", context)


def _tell(request: HttpRequest, outcome: Outcome) -> None:
    if outcome.given:
        messages.success(request, f"Đã phân công lại {outcome.given} đồng chí.")
    if outcome.own:
        kept = "được giữ nguyên: không ai theo dõi, nhận xét chính mình hoặc người thân."
        messages.info(request, f"{outcome.own} đồng chí {kept}")
    if outcome.kept:
        messages.warning(request, f"{outcome.kept} đồng chí vừa được phân công ở nơi khác nên giữ nguyên, xin xem lại.")
    if not (outcome.given or outcome.kept or outcome.own):
        messages.info(request, "Không có thay đổi nào.")
