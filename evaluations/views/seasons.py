"""A season: set the days for all committees below, look at what a launch would do, launch, watch the letters go."""

from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.db.models import Count, Q
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_GET, require_http_methods

from evaluations import tasks
from evaluations.forms.campaigns import SeasonForm
from evaluations.models import Campaign, EvaluationRequest, Season
from evaluations.models.seasons import Standing
from evaluations.owing import pending_letters
from evaluations.views.campaigns import STOP_POLLING
from members.middleware import SignedIn
from members.models import Organization, Seat, User
from members.roles import Action

ROWS = 50
NOT_YOURS = "Mùa lấy ý kiến do cấp ủy cấp trên đặt và phát hành cho các đơn vị trực thuộc."


@require_GET
def season_list(request: SignedIn) -> HttpResponse:
    if not (request.user.may(Action.LEAD_SEASON) or request.user.may(Action.SEE_FIGURES)):
        raise PermissionDenied(NOT_YOURS)
    seasons = Season.objects.seen_by(request.user).select_related("lead", "launched_by__user")
    leads = {seat.organization_id: seat.organization for seat, _ in request.user.grants(Action.LEAD_SEASON)}
    counted = seasons.annotate(committees_now=Count("campaigns")).order_by("-year", "-pk")
    context = {
        "page": Paginator(counted, ROWS).get_page(request.GET.get("trang")),
        "leads": [lead for lead in leads.values() if lead.has_committees_below],
    }
    return render(request, "evaluations/season_list.html", context)


@require_http_methods(["GET", "POST"])
def create(request: SignedIn, committee_id: int) -> HttpResponse:
    user = request.user
    reached = user.reach(Action.LEAD_SEASON, "") | user.reach(Action.SEE_FIGURES, "")
    lead = get_object_or_404(Organization.objects.filter(reached, closed_on=None), pk=committee_id)
    return _set(request, lead, None, user.acting(Action.LEAD_SEASON, lead))


@require_http_methods(["GET", "POST"])
def edit(request: SignedIn, season_id: int) -> HttpResponse:
    season = _load(request.user, season_id)
    return _set(request, season.lead, season, request.user.acting(Action.LEAD_SEASON, season.lead))


def _set(request: SignedIn, lead: Organization, season: Season | None, seat: Seat) -> HttpResponse:
    form = SeasonForm(lead, season, request.POST if request.method == "POST" else None)
    if form.is_bound and form.is_valid():
        saved = form.save(by=seat)
        messages.success(request, f"Đã đặt mùa năm {saved.year} cho {saved.campaigns.count()} đơn vị.")
        return redirect("evaluations:season_page", saved.pk)
    return render(request, "evaluations/season_set.html", {"form": form, "lead": lead, "season": season})


def _load(user: User, season_id: int) -> Season:
    seasons = Season.objects.seen_by(user).select_related("lead", "prepared_by__user", "launched_by__user")
    return get_object_or_404(seasons, pk=season_id)


def _seat(user: User, season: Season) -> Seat | None:
    try:
        return user.acting(Action.LEAD_SEASON, season.lead)
    except PermissionDenied:
        return None


@require_GET
def page(request: SignedIn, season_id: int) -> HttpResponse:
    """Where every committee of the season is; the figures of its requests stand on pages of their own."""
    season, sent = _load(request.user, season_id), ~Q(requests__state__in=["prepared", "cancelled", "superseded"])
    campaigns = season.campaigns.select_related("committee").annotate(asked=Count("requests", filter=sent))
    seat = _seat(request.user, season)
    by_state = dict(season.campaigns.order_by().values_list("state").annotate(n=Count("pk")))
    context = {
        "season": season,
        "page": Paginator(campaigns.order_by("committee__path"), ROWS).get_page(request.GET.get("trang")),
        "total": sum(by_state.values()),
        "out": sum(number for state, number in by_state.items() if state != Campaign.State.DRAFT),
        "asked": EvaluationRequest.objects.filter(campaign__season=season, issued_at__isnull=False).count(),
        "may_lead": seat,
        "can_launch": season.can_launch(),
        **_progress(season),
    }
    return render(request, "evaluations/season_page.html", context)


def _progress(season: Season) -> dict[str, Any]:
    moving, later, total, printed = pending_letters(document__campaign__season=season)
    return {
        "moving": moving,
        "later": later,
        "total_letters": total,
        "gone": total - moving - later,
        "printed": printed,
    }


@require_GET
def progress(request: SignedIn, season_id: int) -> HttpResponse:
    """A fragment that asks for itself until every letter of the season has gone out."""
    season = _load(request.user, season_id)
    context = {"season": season, "is_polled": True, **_progress(season)}
    status = 200 if context["moving"] else STOP_POLLING
    return render(request, "evaluations/season_progress.html", context, status=status)


@require_http_methods(["GET", "POST"])
def launch(request: SignedIn, season_id: int) -> HttpResponse:
    """First what would happen now at every committee, in figures; then one press for all of them."""
    season = _load(request.user, season_id)
    seat = request.user.acting(Action.LEAD_SEASON, season.lead)
    if request.method == "POST":
        done = season.launch(by=seat)
        tasks.wake()
        if done.letters:
            messages.success(
                request,
                f"Đã phát hành {done.letters} công văn của {done.committees} đơn vị, "
                f"đề nghị nhận xét {done.members} đồng chí. Hệ thống đang lập bản in và gửi đi.",
            )
        else:
            messages.info(request, "Không còn đồng chí nào cần đề nghị. Không có gì thay đổi.")
        return redirect("evaluations:season_page", season.pk)
    rows = season.preview()
    ready = [row for row in rows if row.takes_part and row.asked]
    context = {
        "season": season,
        "page": Paginator(sorted(rows, key=_first), ROWS).get_page(request.GET.get("trang")),
        "committees": len(ready),
        "letters": sum(row.communes for row in ready),
        "members": sum(row.asked for row in ready),
        "begun": sum(row.has_begun for row in rows),
        "can_launch": season.can_launch(),
        "is_own": not season.can_launch(seat),
    }
    return render(request, "evaluations/season_launch.html", context)


def _first(row: Standing) -> tuple[bool, bool, str]:
    """Those of which something is to be known stand before those that simply take part."""
    return not row.has_begun, bool(row.asked), row.campaign.committee.path
