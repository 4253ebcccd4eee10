"""Tổ chức đảng: one level of the tree at a time, a search, and the page of one organisation with its past."""

from collections.abc import Sequence
from urllib.parse import urlencode

from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils.cache import patch_vary_headers
from django.views.decorators.http import require_GET

from members.middleware import SignedIn
from members.models import Membership, Organization, Placement, User
from members.models.organizations import OrganizationQuerySet
from members.models.tree import arranged_by, kinds_to_add, level, may_browse, past, search, seen_by
from members.roles import Action

ROWS = 100
Found = Sequence[Organization] | OrganizationQuerySet


@require_GET
def tree(request: SignedIn) -> HttpResponse:
    if not may_browse(request.user):
        raise PermissionDenied("Cây tổ chức dành cho cán bộ của đảng ủy, chi bộ.")
    words = request.GET.get("tim", "")[:120]
    seen = seen_by(request.user)
    found: Sequence[Organization] | OrganizationQuerySet = search(seen, words) if words.strip() else level(seen, None)
    own = {seat.organization_id: seat.organization for seat in request.user.seats_now}.values()
    context = {"words": words, "arranges": _arranges(request.user), "own": own, **_rows(request, found, words)}
    # A whole page in answer to htmx would be taken for the sign-in page (static/js/app.js).
    template = "members/organization_rows.html" if "HX-Request" in request.headers else "members/organization_list.html"
    response = render(request, template, context)
    patch_vary_headers(response, ["HX-Request"])
    return response


def _arranges(user: User) -> bool:
    return user.may(Action.KEEP_CELLS) or user.may(Action.ORGANIZE)


@require_GET
def organization_page(request: SignedIn, organization_id: int) -> HttpResponse:
    seen = seen_by(request.user)
    organization = get_object_or_404(seen.select_related("parent"), pk=organization_id)
    chain = seen.filter(pk__in=[pk for pk in organization.path.split("/") if pk]).exclude(pk=organization.pk)
    context = {
        "organization": organization,
        "chain": chain.order_by("path"),
        "periods": past(organization),
        "successors": organization.successions.select_related("new").order_by("on", "pk"),
        "predecessors": organization.predecessions.select_related("old").order_by("on", "pk"),
        "planned": organization.reorganizations.filter(executed_at=None, cancelled_at=None).order_by("on"),
        "may_add": kinds_to_add(request.user, organization),
        "may_arrange": arranged_by(request.user).filter(pk=organization.pk).exists(),
        "counts": _counts(organization),
        "asks": organization.pk in {seat.organization_id for seat, _ in request.user.grants(Action.PREPARE)},
        **_rows(request, level(seen, organization)),
    }
    return render(request, "members/organization_page.html", context)


def _counts(organization: Organization) -> dict[str, int]:
    """How many people belong to it or to what stands below; figures, which name nobody."""
    branch = Organization.objects.below(organization).values("pk")
    placements = Placement.objects.current()
    if not organization.unit:
        placements = placements.filter(cell__in=branch)
    else:
        placements = placements.filter(commune=organization)
    return {
        "cells": Organization.objects.below(organization).filter(kind="cell", closed_on=None).count(),
        "members": Membership.objects.filter(until_on=None, cell__in=branch).count(),
        "residents": placements.count(),
    }


def _rows(
    request: SignedIn, found: Sequence[Organization] | OrganizationQuerySet, words: str = ""
) -> dict[str, object]:
    page = Paginator(found, ROWS).get_page(request.GET.get("trang"))
    return {"page": page, "query": f"{urlencode({'tim': words})}&" if words else ""}
