"""Diện sinh hoạt nơi cư trú: who is exempt, why and until when it is looked at again. The workplace's pages only."""

from datetime import timedelta
from typing import Any

from django.contrib import messages
from django.db.models import F, OuterRef, Q, Subquery
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods

from evaluations.forms.exemptions import StandingForm
from evaluations.models import EvaluationRequest
from evaluations.rulebooks import load
from evaluations.views.introductions import committee_within
from members.middleware import SignedIn
from members.models import AuditEvent, Member, Membership, Organization, Placement
from members.models.placements import PlacementQuerySet
from members.roles import Action, Side
from members.states import Refused

AT_ONCE = 300


def exempt_of(committee: Organization) -> PlacementQuerySet:
    """Those of the committee who are exempt, the nearest review first; who has none, or no reason, before all."""
    members = Member.objects.in_committee(committee).order_by().values("pk")
    cell = Membership.objects.filter(member=OuterRef("member"), until_on=None).values("cell__name")[:1]
    rows = Placement.objects.current().exempt().filter(member__in=members).select_related("member", "commune")
    return rows.annotate(work_cell=Subquery(cell)).order_by(
        F("review_on").asc(nulls_first=True), "member__sort_key", "pk"
    )


def to_review(rows: PlacementQuerySet) -> PlacementQuerySet:
    soon = timezone.localdate() + timedelta(days=load().review_ahead)
    return rows.filter(Q(review_on=None) | Q(review_on__lte=soon) | Q(exemption=""))


@require_GET
def overview(request: SignedIn, committee_id: int) -> HttpResponse:
    committee = committee_within(request.user, committee_id)
    seat = request.user.acting(Action.KEEP_ROSTER, committee)
    rows = list(exempt_of(committee)[:AT_ONCE])
    AuditEvent.objects.record_many("read", by=seat, model=Member, ids=[row.member_id for row in rows])
    near = set(to_review(exempt_of(committee)).order_by().values_list("pk", flat=True))
    context = {
        "committee": committee,
        "near": [row for row in rows if row.pk in near],
        "others": [row for row in rows if row.pk not in near],
        "today": timezone.localdate(),
    }
    return render(request, "evaluations/exemptions.html", context)


@require_http_methods(["GET", "POST"])
def standing(request: SignedIn, member_id: int) -> HttpResponse:
    """Set, change or look again at one member's class; each time a line of history."""
    member = get_object_or_404(Member.objects.for_user(request.user), pk=member_id)
    membership = Membership.objects.select_related("cell__parent").get(member=member, until_on=None)
    seat = request.user.acting(Action.KEEP_ROSTER, membership.cell)
    placement = Placement.objects.current().filter(member=member).select_related("commune").first()
    if placement is None:
        messages.info(request, "Ghi nơi cư trú của đồng chí này trước, rồi xác định diện sinh hoạt.")
        return redirect("members:member_page", member.pk)
    form = StandingForm(placement, request.POST if request.method == "POST" else None)
    if form.is_bound and form.is_valid():
        try:
            form.save(by=seat)
        except Refused as refusal:
            form.add_error(None, str(refusal))
        else:
            messages.success(request, "Đã ghi diện sinh hoạt nơi cư trú.")
            return redirect("members:member_page", member.pk)
    AuditEvent.objects.record("read", by=seat, on=member)
    context: dict[str, Any] = {"member": member, "membership": membership, "placement": placement, "form": form}
    context["asked"] = _asked(placement)
    return render(request, "evaluations/standing.html", context)


def _asked(placement: Placement) -> EvaluationRequest | None:
    """A yearly request that still runs: who becomes exempt is not commented on, so it should be cancelled."""
    running = EvaluationRequest.objects.awaiting_answer().filter(placement=placement, campaign__isnull=False)
    return running.order_by("-year").first()


def committees_reviewing(user: Any) -> list[tuple[Organization, int]]:
    """For the first page: committees whose exemptions are due for a look, with how many."""
    places = {
        seat.organization_id: seat.organization
        for seat, grant in user.grants(Action.KEEP_ROSTER)
        if grant.side == Side.WORKPLACE and not seat.organization.unit
    }
    counted = [(place, to_review(exempt_of(place)).order_by().count()) for place in places.values()]
    return [(place, count) for place, count in counted if count]
