"""The first screen of each role: what waits today, and the one thing to do next (design §8)."""

from typing import Any

from django.db.models import Count, Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_GET

from evaluations.models import AssessmentVersion, Campaign, Document, EvaluationRequest
from evaluations.models.assessments import draft_assessments
from members.models import Organization, Seat, User
from members.roles import Action, Side


@require_GET
def home(request: HttpRequest) -> HttpResponse:
    assert isinstance(request.user, User)
    user = request.user
    return render(
        request,
        "evaluations/home.html",
        {
            "cells": [_cell(seat) for seat in _seats(user, Action.WRITE)],
            "wards": [_ward(seat.organization) for seat in _wards(user)],
            "campaigns": _campaigns(user),
            "is_member": bool(user.member_id),
            "may_see_figures": user.may(Action.SEE_FIGURES),
            "may_configure": user.may(Action.CONFIGURE),
        },
    )


def _seats(user: User, action: Action) -> list[Seat]:
    """One seat for each residence cell the action is granted at."""
    found = {seat.organization_id: seat for seat, _ in user.grants(action)}
    return [seat for seat in found.values() if seat.organization.side == Organization.Side.RESIDENCE]


def _wards(user: User) -> list[Seat]:
    actions = (Action.REGISTER, Action.ASSIGN, Action.CONFIRM, Action.REPLY)
    found = {seat.organization_id: seat for action in actions for seat, _ in user.grants(action)}
    return [seat for seat in found.values() if seat.organization.kind == Organization.Kind.COMMUNE]


def _cell(seat: Seat) -> dict[str, Any]:
    """The secretary's screen: how many comrades, how many left, until when, and whom to ring."""
    cell, year = seat.organization, timezone.localdate().year
    rows = draft_assessments(cell, year)
    states = [version.state if (version := row.latest()) else "draft" for row in rows]
    waiting = EvaluationRequest.objects.filter(residence_cell=cell, state="at_cell").order_by("due_on")
    ward = cell.parent
    return {
        "organization": cell,
        "year": year,
        "total": len(rows),
        "left": sum(state == "draft" for state in states),
        "returned": sum(_was_returned(row) for row in rows),
        "submitted": sum(state == "submitted" for state in states),
        "confirmed": sum(state == "confirmed" for state in states),
        "due_on": waiting.values_list("due_on", flat=True).first(),
        "ward": ward,
    }


def _was_returned(row: Any) -> bool:
    version = row.latest()
    return bool(version and version.state == "draft" and version.no > 1)


def _ward(ward: Organization) -> dict[str, Any]:
    """Hôm nay: mới / chờ phân chi bộ / chờ xác nhận / chờ ký, and the cells that are latest."""
    requests = EvaluationRequest.objects.filter(residence_commune=ward)
    letters = Document.objects.filter(
        recipient=ward, genre=Document.Genre.REQUEST_LETTER, state=Document.State.ISSUED, registered_at=None
    )
    submitted = AssessmentVersion.objects.awaiting_confirmation().filter(assessment__placement__commune=ward)
    return {
        "organization": ward,
        "new": letters.count(),
        "to_assign": requests.filter(state="at_commune").count(),
        "to_confirm": submitted.count(),
        "to_reply": requests.confirmed().count(),
        "cells": _late_cells(ward),
    }


def _late_cells(ward: Organization) -> list[dict[str, Any]]:
    """Cells with open requests, the latest first, at most 40."""
    today = timezone.localdate()
    rows = (
        EvaluationRequest.objects.filter(residence_commune=ward, state="at_cell")
        .exclude(assessment__versions__state__in=["submitted", "confirmed"])
        .order_by()
        .values("residence_cell", "residence_cell__name", "residence_cell__phone")
        .annotate(waiting=Count("pk"), late=Count("pk", filter=Q(due_on__lt=today)))
        .order_by("-late", "-waiting", "residence_cell__name")[:40]
    )
    return [dict(row) for row in rows]


def _campaigns(user: User) -> list[dict[str, Any]]:
    """The workplace's screen: campaigns in work with their counts, and where one can be begun."""
    seen = Campaign.objects.for_user(user, Action.RECEIVE).exclude(state=Campaign.State.ARCHIVED)
    rows = seen.select_related("committee", "presented_by").annotate(
        asked=Count("requests", filter=~Q(requests__state__in=["prepared", "cancelled", "superseded"])),
        answered=Count("requests", filter=Q(requests__state__in=["answered", "received", "considered"])),
        unread=Count("requests", filter=Q(requests__state="answered")),
    )
    may_sign = user.may(Action.SIGN)
    seen_now = list(rows[:6])
    begun = {row.committee_id for row in seen_now}
    found: list[dict[str, Any]] = [{"campaign": row, "to_sign": may_sign and row.can_issue()} for row in seen_now]
    for seat, grant in user.grants(Action.PREPARE):
        fits = grant.side == Side.WORKPLACE and not seat.organization.unit
        if fits and seat.organization_id not in begun:
            found.append({"begin_at": seat.organization, "to_sign": False})
    return found
