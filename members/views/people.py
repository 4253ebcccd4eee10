"""The register: members of the workplaces within reach, and one member's page."""

from typing import Any
from urllib.parse import urlencode

from django.core.exceptions import PermissionDenied
from django.db.models import Prefetch, Q, QuerySet
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.cache import patch_vary_headers
from django.views.decorators.http import require_GET

from members.middleware import SignedIn
from members.models import AuditEvent, Member, Membership, Organization, Placement, User
from members.names import search_key
from members.roles import Action, Side
from members.views.history import lines_about

MEMBERS_ON_PAGE = 50


@require_GET
def member_list(request: SignedIn) -> HttpResponse:
    """Search, filter by cell, page by page; every page that was read leaves one line of history."""
    grants = request.user.grants(Action.SEE_MEMBERS)
    if not grants:
        raise PermissionDenied("Xem danh sách đảng viên là việc của chi bộ, đảng ủy nơi công tác.")
    cells = Organization.objects.workplace_cells().filter(request.user.reach(Action.SEE_MEMBERS, "", Side.WORKPLACE))
    words, cell_id = request.GET.get("tim", "")[:120], request.GET.get("chi_bo", "")
    found = _with_places(_found(Member.objects.for_user(request.user), words, cell_id))
    members, has_before, has_after = _page(found, request.GET.get("sau", ""), request.GET.get("truoc", ""))
    if members:
        ids = [member.pk for member in members]
        AuditEvent.objects.record_many("read", by=grants[0][0], model=Member, ids=ids)
    kept = {"tim": words, "chi_bo": cell_id}
    context = {
        "rows": [(member, *_places(member)) for member in members],
        "cells": cells,
        "words": words,
        "cell_id": cell_id,
        "may_import": request.user.may(Action.KEEP_ROSTER),
        "prev_url": f"?{urlencode(kept | {'truoc': members[0].pk})}" if has_before else None,
        "next_url": f"?{urlencode(kept | {'sau': members[-1].pk})}" if has_after else None,
    }
    # A whole page in answer to htmx would be taken for the sign-in page (static/js/app.js).
    template = "members/member_rows.html" if "HX-Request" in request.headers else "members/member_list.html"
    response = render(request, template, context)
    patch_vary_headers(response, ["HX-Request"])
    return response


def _found(members: QuerySet[Member], words: str, cell_id: str) -> QuerySet[Member]:
    for word in search_key(words).split():
        members = members.filter(search_key__contains=word)
    if cell_id.isdecimal():
        in_cell = Membership.objects.filter(until_on=None, cell=int(cell_id[:15]))
        members = members.filter(pk__in=in_cell.values("member_id"))
    return members


def _with_places(members: QuerySet[Member]) -> QuerySet[Member]:
    return members.prefetch_related(
        Prefetch("memberships", Membership.objects.filter(until_on=None).select_related("cell__parent")),
        Prefetch("placements", Placement.objects.current().select_related("commune", "cell")),
    )


def _places(member: Member) -> tuple[Membership | None, Placement | None]:
    return next(iter(member.memberships.all()), None), next(iter(member.placements.all()), None)


def _page(members: QuerySet[Member], after: str, before: str) -> tuple[list[Member], bool, bool]:
    """Rows following or preceding one member in the order of names; whether there are rows before and after them.

    The address names the member by id only: the order itself (sort_key) is the name.
    """
    mark = next((int(text[:15]) for text in (before, after) if text.isdecimal()), None)
    key = members.filter(pk=mark).values_list("sort_key", flat=True).first() if mark else None
    if key is None:
        rows = list(members.order_by("sort_key", "pk")[: MEMBERS_ON_PAGE + 1])
        return rows[:MEMBERS_ON_PAGE], False, len(rows) > MEMBERS_ON_PAGE
    if before.isdecimal():
        earlier = members.filter(Q(sort_key__lt=key) | Q(sort_key=key, pk__lt=mark)).order_by("-sort_key", "-pk")
        rows = list(earlier[: MEMBERS_ON_PAGE + 1])
        return rows[:MEMBERS_ON_PAGE][::-1], len(rows) > MEMBERS_ON_PAGE, bool(rows)
    later = members.filter(Q(sort_key__gt=key) | Q(sort_key=key, pk__gt=mark)).order_by("sort_key", "pk")
    rows = list(later[: MEMBERS_ON_PAGE + 1])
    return rows[:MEMBERS_ON_PAGE], bool(rows), len(rows) > MEMBERS_ON_PAGE


@require_GET
def member_page(request: SignedIn, member_id: int) -> HttpResponse:
    """What the register holds about one member, where contact is kept, and the requests that were made."""
    member = get_object_or_404(_with_places(Member.objects.for_user(request.user)), pk=member_id)
    membership, placement = _places(member)
    assert membership is not None  # without one the member is in nobody's reach
    seat = request.user.acting(Action.SEE_MEMBERS, membership.cell)
    AuditEvent.objects.record("read", by=seat, on=member)
    context = {
        "member": member,
        "membership": membership,
        "placement": placement,
        "requests": _requests(member, request.user),
        "history": lines_about(member),
        "may_move": _keeps(request.user, membership.cell),
    }
    return render(request, "members/member_page.html", context)


def _keeps(user: User, cell: Organization) -> bool:
    return Organization.objects.filter(user.reach(Action.KEEP_ROSTER, "", Side.WORKPLACE), pk=cell.pk).exists()


def _requests(member: Member, user: User) -> list[dict[str, Any]]:
    """Newest first; the page of a request opens only for those who receive its answer."""
    readable = set(
        member.requests.filter(user.reach(Action.RECEIVE, "asker_now__", Side.WORKPLACE)).values_list("pk", flat=True)
    )
    # What was taken back before it was sent is nobody's history.
    matters = (
        member.requests.exclude(end_code="taken_back")
        .select_related("residence_commune", "residence_cell", "asker_now")
        .order_by("-year", "-pk")
    )
    return [
        {
            "matter": matter,
            "url": reverse("evaluations:request_page", args=[matter.pk]) if matter.pk in readable else "",
        }
        for matter in matters
    ]
