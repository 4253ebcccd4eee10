"""Kiểm tra số liệu: which rows break a rule of the whole database, where they lie, what to do; no names."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db.models import Q
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_POST

from evaluations import tasks
from evaluations.invariants import RULES, Rule, named
from evaluations.models import (
    AssessmentVersion,
    Document,
    DocumentFile,
    EvaluationRequest,
    Inspection,
    Letter,
    NumberSeries,
)
from members.middleware import SignedIn
from members.models import Membership, Organization, Placement, Seat, User
from members.roles import Action


@dataclass(frozen=True)
class Place:
    """Where rows of a table lie: lookups to their offices, and the page on which such a row is worked on."""

    offices: tuple[str, ...]
    page: Callable[[Any], str] | None = None
    is_open: bool = False  # to administrators too; other pages are told, for the office to open


PLACES: dict[Any, Place] = {
    EvaluationRequest: Place(
        ("asker_now", "residence_commune", "residence_cell"),
        lambda row: reverse("evaluations:request_page", args=[row.pk]),
    ),
    AssessmentVersion: Place(
        ("assessment__placement__commune", "assessment__placement__cell"),
        lambda row: reverse("evaluations:confirm_page", args=[row.pk]),
    ),
    Document: Place(("issuer", "recipient"), lambda row: reverse("evaluations:letters_out", args=[row.issuer_id])),
    DocumentFile: Place(("document__issuer",)),
    Letter: Place(("document__issuer", "recipient"), lambda row: reverse("evaluations:undelivered"), is_open=True),
    NumberSeries: Place(("organization",), lambda row: reverse("evaluations:book_numbers", args=[row.organization_id])),
    Placement: Place(("commune", "cell"), lambda row: reverse("members:member_page", args=[row.member_id])),
    Membership: Place(("cell__parent", "cell"), lambda row: reverse("members:member_page", args=[row.member_id])),
    Seat: Place(("organization",), lambda row: reverse("members:seats", args=[row.organization_id]), is_open=True),
    Organization: Place(("",), lambda row: reverse("members:organization_page", args=[row.pk]), is_open=True),
}


@dataclass(frozen=True)
class Line:
    """One row by its number, the offices it lies at, the page to send them."""

    pk: int
    offices: list[Organization]
    url: str
    is_open: bool


@require_GET
def page(request: SignedIn) -> HttpResponse:
    _refuse_others(request.user)
    newest = Inspection.newest()
    found = [
        {
            "rule": rule,
            "count": count,
            "what": rule.about,
            "lines": _lines(request.user, rule, ids),
        }
        for rule, count, ids in (named(newest.broken) if newest else ())
    ]
    return render(request, "evaluations/inspection.html", {"newest": newest, "found": found, "rules": RULES})


@require_POST
def again(request: SignedIn) -> HttpResponse:
    _refuse_others(request.user)
    tasks.inspect_soon()
    messages.success(request, "Đang kiểm tra lại. Tải lại trang sau ít phút để xem kết quả.")
    return redirect("evaluations:inspection")


def _refuse_others(user: User) -> None:
    if not user.may(Action.CONFIGURE):
        raise PermissionDenied("Trang này dành cho người quản trị hệ thống.")


def _lines(user: User, rule: Rule, ids: list[int]) -> list[Line]:
    """Those within the administrator's reach: one installation may hold several provinces."""
    model = rule.model
    place = PLACES[model]
    reach, ways = Q(pk__in=[]), [f"{office}__" if office else "" for office in place.offices]
    for way in ways:
        reach |= user.reach(Action.CONFIGURE, way)
    related = [office for office in place.offices if office]
    rows = model._default_manager.filter(reach, pk__in=ids).order_by("pk")
    if model is DocumentFile:
        rows = rows.defer("content")
    return [
        Line(row.pk, _offices(row, place), place.page(row) if place.page else "", place.is_open)
        for row in (rows.select_related(*related) if related else rows)
    ]


def _offices(row: Any, place: Place) -> list[Organization]:
    found = []
    for office in place.offices:
        at = row
        for step in office.split("__") if office else ():
            at = getattr(at, step) if at else None
        if at and at not in found:
            found.append(at)
    return found
