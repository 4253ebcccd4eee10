"""Tổ chức đảng: one level of the tree at a time, a search, and the page of one organisation with its past."""

from urllib.parse import urlencode

from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_GET

from members.middleware import SignedIn
from members.models.organizations import OrganizationQuerySet
from members.models.tree import level, past, search, seen_by
from members.roles import Action

ROWS = 100


@require_GET
def tree(request: SignedIn) -> HttpResponse:
    if not (request.user.may(Action.SEE_MEMBERS) or request.user.may(Action.SEE_RESIDENTS)):
        raise PermissionDenied("Cây tổ chức dành cho cán bộ của đảng ủy, chi bộ.")
    words = request.GET.get("tim", "")[:120]
    seen = seen_by(request.user)
    found = search(seen, words) if words.strip() else level(seen, None)
    return render(request, "members/organization_list.html", {"words": words, **_rows(request, found, words)})


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
        **_rows(request, level(seen, organization)),
    }
    return render(request, "members/organization_page.html", context)


def _rows(request: SignedIn, found: OrganizationQuerySet, words: str = "") -> dict[str, object]:
    page = Paginator(found, ROWS).get_page(request.GET.get("trang"))
    return {"page": page, "query": f"{urlencode({'tim': words})}&" if words else ""}
