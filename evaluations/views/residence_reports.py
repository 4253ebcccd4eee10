"""Báo về cư trú: a cell or commune notes it, the commune sends it on, the workplace settles it."""

from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from evaluations import tasks
from evaluations.forms.residence_reports import LivesHereForm, NotHereForm
from evaluations.models import ResidenceReport
from members.middleware import SignedIn
from members.models import AuditEvent, Organization
from members.roles import Action, Side

SHOWN = 60


@require_http_methods(["GET", "POST"])
def page(request: SignedIn, organization_id: int) -> HttpResponse:
    """Two small forms, and what was reported from here with what became of it."""
    reach = request.user.reach(Action.SEE_RESIDENTS, "", Side.RESIDENCE)
    places = Organization.objects.filter(reach, closed_on=None).select_related("parent")
    place = get_object_or_404(places.exclude(kind=Organization.Kind.EXTERNAL), pk=organization_id)
    is_cell = place.kind == Organization.Kind.CELL
    seat = request.user.acting(Action.RECORD if is_cell else Action.ASSIGN, place)
    lives = LivesHereForm(request.POST if "lives" in request.POST else None)
    absent = NotHereForm(place, request.POST if "absent" in request.POST else None)
    if (lives.is_bound and lives.is_valid()) or (absent.is_bound and absent.is_valid()):
        report = lives.save(place, by=seat) if lives.is_bound else absent.save(by=seat)
        tasks.wake()
        messages.success(request, _said(report))
        return redirect("evaluations:residence_reports", place.pk)
    own = ResidenceReport.objects.filter(**({"cell": place} if is_cell else {"commune": place}))
    rows = list(own.listed()[:SHOWN])
    AuditEvent.objects.record_many("read", by=seat, model=ResidenceReport, ids=[row.pk for row in rows])
    context: dict[str, Any] = {"place": place, "is_cell": is_cell, "lives": lives, "absent": absent}
    context["waiting"] = [row for row in rows if row.state == ResidenceReport.State.NOTED]
    context["others"] = [row for row in rows if row.state != ResidenceReport.State.NOTED]
    return render(request, "evaluations/residence_reports.html", context)


def _said(report: ResidenceReport) -> str:
    if report.state == ResidenceReport.State.NOTED:
        return "Đã báo đảng ủy. Đảng ủy xem rồi báo nơi công tác."
    if report.workplace and report.workplace.is_on_system:
        return f"Đã báo {report.workplace.name}."
    return "Đã ghi. Nơi công tác chưa dùng hệ thống: dùng lời báo dưới đây để gửi công văn hoặc nhắn."


@require_POST
def decide(request: SignedIn, report_id: int) -> HttpResponse:
    """The commune sends a cell's report on, or does not."""
    reports = ResidenceReport.objects.for_residence(request.user, Action.SEE_RESIDENTS)
    report = get_object_or_404(reports.listed(), pk=report_id)
    seat = request.user.acting(Action.ASSIGN, report.commune)
    if "drop" in request.POST:
        report.drop(by=seat)
        messages.success(request, "Đã ghi: không chuyển báo cáo này.")
    else:
        report.tell(by=seat)
        tasks.wake()
        messages.success(request, _said(report))
    return redirect("evaluations:residence_reports", report.commune_id)


@require_POST
def settle(request: SignedIn, report_id: int) -> HttpResponse:
    """The workplace has seen to it."""
    reports = ResidenceReport.objects.for_workplace(request.user, Action.SEE_MEMBERS).select_related("workplace")
    report = get_object_or_404(reports, pk=report_id)
    assert report.workplace is not None
    report.settle(by=request.user.acting(Action.PREPARE, report.workplace))
    messages.success(request, "Đã ghi: đã xử lý báo cáo của nơi cư trú.")
    return redirect("evaluations:introductions", report.workplace_id)
