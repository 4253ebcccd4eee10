"""Cần xử lý: what has got stuck at residence, with what can be done about it in one press."""

from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from evaluations import tasks
from evaluations.attention import came_back, papers_back, passed_on_to, questions, troubles, without_a_cell
from evaluations.models import EvaluationRequest
from evaluations.models.rerouting import send_again, set_aside, to_another_cell
from evaluations.views.letters_in import commune_within
from members.middleware import SignedIn
from members.models import AuditEvent, Organization
from members.roles import Action, Side
from members.states import Refused


@require_GET
def page(request: SignedIn, committee_id: int) -> HttpResponse:
    """Everything of one committee that waits for its officer."""
    reached = Organization.objects.filter(request.user.reach(Action.SEE_MEMBERS, "", Side.WORKPLACE))
    committee = get_object_or_404(reached, pk=committee_id)
    seat = request.user.acting(Action.PREPARE, committee)
    rows = troubles(committee)
    passed_on = list(passed_on_to(committee))
    ids = [row.matter.pk for row in rows] + [matter.pk for matter in passed_on]
    AuditEvent.objects.record_many("read", by=seat, model=EvaluationRequest, ids=ids)
    context = {"committee": committee, "rows": rows, "passed_on": passed_on, "questions": questions(committee)}
    context |= {"papers_back": papers_back(committee), "lost": list(came_back(committee))}
    return render(request, "evaluations/attention.html", context)


@require_POST
def act(request: SignedIn, request_id: int) -> HttpResponse:
    """One proposal taken up: sent to where the register says now, or left with the reason."""
    reached = EvaluationRequest.objects.for_asker(request.user, Action.SEE_MEMBERS).select_related("asker_now")
    matter = get_object_or_404(reached, pk=request_id)
    seat = request.user.acting(Action.PREPARE, matter.asker_now)
    if request.POST.get("do") == "leave":
        set_aside(matter, request.POST.get("note", ""), by=seat)
        messages.success(request, "Đã ghi lý do; đề nghị này không hiện trong danh sách cần xử lý nữa.")
    elif request.POST.get("do") == "resend":
        fresh = send_again(matter, by=seat)
        words = f"Đã lập đề nghị gửi {fresh.residence_commune.name}; công văn chờ ký phát hành."
        messages.success(request, words)
    else:
        raise Refused("Chọn một việc trong danh sách.")
    tasks.wake()
    return redirect("evaluations:attention", matter.asker_now_id)


@require_http_methods(["GET", "POST"])
def cells(request: SignedIn, commune_id: int) -> HttpResponse:
    """Phân lại: members whose cell was closed or has nobody, to another cell of the ward."""
    commune = commune_within(request.user, commune_id)
    seat = request.user.acting(Action.ASSIGN, commune)
    waiting = without_a_cell(commune)
    choices = Organization.objects.residence_cells().filter(parent=commune).order_by("search_key")
    if request.method == "POST":
        chosen = _chosen(request)
        if len(chosen) < 2:
            messages.error(request, "Chưa chuyển: chọn chi bộ nhận rồi bấm lại.")
            return redirect("evaluations:reassign", commune.pk)
        cell = get_object_or_404(choices, pk=chosen["cell"])
        matter = get_object_or_404(waiting.select_related("placement"), pk=chosen["matter"])
        to_another_cell(matter, cell, by=seat)
        tasks.wake()
        messages.success(request, f"Đã chuyển đồng chí {matter.member.full_name} về {cell.name}.")
        return redirect("evaluations:reassign", commune.pk)
    rows = list(waiting.listed().select_related("placement"))
    AuditEvent.objects.record_many("read", by=seat, model=EvaluationRequest, ids=[row.pk for row in rows])
    context: dict[str, Any] = {"commune": commune, "rows": rows, "cells": choices}
    return render(request, "evaluations/reassign.html", context)


def _chosen(request: SignedIn) -> dict[str, int]:
    texts = {name: request.POST.get(name, "") for name in ("cell", "matter")}
    return {name: int(text) for name, text in texts.items() if text.isascii() and text.isdigit() and len(text) < 19}
