"""The workplace's yearly round: prepare, present for signature, issue, watch who owes what, end."""

from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db.models import Count, Q
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from evaluations.forms.campaigns import CampaignForm, CancelForm
from evaluations.models import Campaign, Document, EvaluationRequest
from evaluations.owing import commune_standings, owed_step, pending_letters, replies_to, request_letters, with_step
from evaluations.progress import progress_by, together
from members.middleware import SignedIn
from members.models import AuditEvent, Member, Membership, Organization, Seat, User
from members.roles import Action, Side
from members.states import Refused

STOP_POLLING = 286  # what htmx takes as the end of "every 5s"
TAKEN_BACK = "taken_back"  # prepared but never sent: nobody's history


@require_GET
def campaign_list(request: SignedIn) -> HttpResponse:
    """Campaigns of the committees this person works for, newest first, each with its progress."""
    if not request.user.may(Action.RECEIVE):
        raise PermissionDenied("Đợt lấy ý kiến là việc của đảng ủy nơi công tác.")
    live = ~Q(requests__state__in=EvaluationRequest.WITHDRAWN)
    done = Q(requests__state__in=EvaluationRequest.REPLIED)
    campaigns = (
        Campaign.objects.for_user(request.user, Action.RECEIVE)
        .select_related("committee", "season__lead")
        .annotate(asked=Count("requests", filter=live), answered=Count("requests", filter=done))
    )
    committees = {seat.organization_id: seat.organization for seat, _ in request.user.grants(Action.PREPARE)}
    leads = [committee for committee in committees.values() if committee.has_committees_below]
    context = {"campaigns": campaigns, "committees": committees.values(), "leads": leads}
    return render(request, "evaluations/campaign_list.html", context)


@require_http_methods(["GET", "POST"])
def create(request: SignedIn, committee_id: int) -> HttpResponse:
    reached = Organization.objects.filter(request.user.reach(Action.SEE_MEMBERS, "", Side.WORKPLACE))
    committee = get_object_or_404(reached, pk=committee_id)
    seat = request.user.acting(Action.PREPARE, committee)
    form = CampaignForm(committee, request.POST if request.method == "POST" else None)
    if form.is_bound and form.is_valid():
        campaign = form.save(by=seat)
        messages.success(request, f"Đã lập đợt lấy ý kiến năm {campaign.year}. Đồng chí xem trước rồi trình ký.")
        return redirect("evaluations:campaign_page", campaign.pk)
    return render(request, "evaluations/campaign_create.html", {"form": form, "committee": committee})


def load_campaign(user: User, campaign_id: int, *actions: Action) -> tuple[Campaign, Seat]:
    """The campaign within reach (else 404) and the seat that may do one of the actions there (else 403)."""
    campaigns = Campaign.objects.for_user(user, Action.SEE_MEMBERS).select_related(
        "committee", "presented_by", "season__lead"
    )
    campaign = get_object_or_404(campaigns, pk=campaign_id)
    seats = [seat for action in actions if (seat := _seat(user, action, campaign.committee))]
    return campaign, seats[0] if seats else user.acting(actions[0], campaign.committee)


def _seat(user: User, action: Action, committee: Organization) -> Seat | None:
    try:
        return user.acting(action, committee)
    except PermissionDenied:
        return None


@require_GET
def page(request: SignedIn, campaign_id: int) -> HttpResponse:
    """A draft shows who would be asked; an open campaign shows its communes and who owes what."""
    campaign, seat = load_campaign(request.user, campaign_id, Action.RECEIVE)
    preview = campaign.preview() if campaign.can_present() else None
    standings = commune_standings(campaign, timezone.localdate()) if campaign.state != Campaign.State.DRAFT else []
    waiting = [letter for letter in request_letters(campaign) if letter.state == Document.State.FOR_SIGNATURE]
    if preview and preview.left_out:
        ids = [member.pk for member in preview.left_out]
        AuditEvent.objects.record_many("read", by=seat, model=Member, ids=ids)
    context = {
        "campaign": campaign,
        "preview": preview,
        "waiting": waiting,
        "standings": standings,
        "owing": [row for row in standings if row.owed],
        "failed": [row for row in standings if row.has_failed],
        "asked": sum(row.asked for row in standings),
        "answered": sum(row.answered for row in standings),
        "whole": together(progress_by(campaign.requests.all(), "residence_commune").values()),
        "may_prepare": _seat(request.user, Action.PREPARE, campaign.committee),
        "may_sign": _seat(request.user, Action.SIGN, campaign.committee),
        "may_export": _seat(request.user, Action.EXPORT, campaign.committee),
        "is_open": campaign.state == Campaign.State.OPEN,
        "sent_back": campaign.sent_back() if campaign.can_present() else [],
        **_progress(campaign),
    }
    return render(request, "evaluations/campaign_page.html", context)


def _progress(campaign: Campaign) -> dict[str, Any]:
    moving, later, total, _ = pending_letters(document__campaign=campaign)
    return {"moving": moving, "later": later, "total": total, "gone": total - moving - later}


@require_GET
def progress(request: SignedIn, campaign_id: int) -> HttpResponse:
    """A fragment that asks for itself until every letter has gone out."""
    campaign, _ = load_campaign(request.user, campaign_id, Action.RECEIVE)
    context = {"campaign": campaign, "is_polled": True, **_progress(campaign)}
    status = 200 if context["moving"] else STOP_POLLING
    return render(request, "evaluations/campaign_progress.html", context, status=status)


@require_POST
def present(request: SignedIn, campaign_id: int) -> HttpResponse:
    campaign, seat = load_campaign(request.user, campaign_id, Action.PREPARE)
    count = campaign.present(by=seat)
    messages.success(request, f"Đã trình ký {count} công văn. Đồng chí có nhiệm vụ ký mở trang này để phát hành.")
    return redirect("evaluations:campaign_page", campaign.pk)


@require_POST
def take_back(request: SignedIn, campaign_id: int) -> HttpResponse:
    """Back to work, by the officer who presented or by the signer who wants something changed."""
    campaign, seat = load_campaign(request.user, campaign_id, Action.PREPARE, Action.SIGN)
    if not campaign.can_issue():
        raise Refused("Không có công văn nào đang trình ký.")
    campaign.take_back(by=seat)
    messages.success(request, "Đã rút về soạn lại. Chưa công văn nào được gửi đi.")
    return redirect("evaluations:campaign_page", campaign.pk)


@require_POST
def close(request: SignedIn, campaign_id: int) -> HttpResponse:
    campaign, seat = load_campaign(request.user, campaign_id, Action.PREPARE)
    silent = campaign.close(by=seat)
    messages.success(request, f"Đã kết thúc đợt lấy ý kiến. {silent} đề nghị được ghi “chưa có ý kiến của nơi cư trú”.")
    return redirect("evaluations:campaign_page", campaign.pk)


@require_POST
def cancel(request: SignedIn, campaign_id: int) -> HttpResponse:
    """Take the whole round back, with the reason."""
    campaign, seat = load_campaign(request.user, campaign_id, Action.PREPARE)
    form = CancelForm(request.POST)
    if form.is_valid():
        cancelled = campaign.cancel(form.cleaned_data["reason"], by=seat)
        messages.success(request, f"Đã hủy đợt lấy ý kiến, {cancelled} đề nghị chưa có trả lời được hủy.")
    else:
        messages.error(request, "Ghi lý do hủy đợt lấy ý kiến; chưa hủy gì.")
    return redirect("evaluations:campaign_page", campaign.pk)


@require_GET
def commune(request: SignedIn, campaign_id: int, commune_id: int) -> HttpResponse:
    """One commune: its letters and every request with who owes the step now."""
    campaign, seat = load_campaign(request.user, campaign_id, Action.RECEIVE)
    standings = {row.commune.pk: row for row in commune_standings(campaign, timezone.localdate())}
    if commune_id not in standings:
        raise Http404
    asked = campaign.requests.filter(residence_commune=commune_id).exclude(end_code=TAKEN_BACK)
    matters = list(with_step(asked.listed()))
    members = [matter.member_id for matter in matters]
    cells = dict(Membership.objects.filter(until_on=None, member__in=members).values_list("member_id", "cell__name"))
    AuditEvent.objects.record_many("read", by=seat, model=EvaluationRequest, ids=[matter.pk for matter in matters])
    context = {
        "campaign": campaign,
        "standing": standings[commune_id],
        "rows": [(matter, cells.get(matter.member_id, ""), owed_step(matter)) for matter in matters],
        "replies": replies_to(campaign, commune_id),
        "may_prepare": _seat(request.user, Action.PREPARE, campaign.committee),
    }
    return render(request, "evaluations/campaign_commune.html", context)
