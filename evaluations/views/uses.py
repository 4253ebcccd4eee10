"""Đã sử dụng khi kiểm điểm: the workplace records what it did with the answers, singly or for a whole meeting."""

from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import OuterRef, Subquery
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods

from evaluations.forms.uses import UseForm
from evaluations.models import Campaign, EvaluationRequest
from evaluations.models.uses import kept_back, usable, use_all
from members.middleware import SignedIn
from members.models import AuditEvent, Membership
from members.models.conflicts import without_conflicts
from members.roles import Action

ROWS = 150


@require_http_methods(["GET", "POST"])
def page(request: SignedIn, campaign_id: int) -> HttpResponse:
    found = Campaign.objects.for_user(request.user, Action.RECEIVE).select_related("committee")
    campaign = get_object_or_404(found, pk=campaign_id)
    by = request.user.acting(Action.RECEIVE, campaign.committee)
    form = UseForm(request.POST if request.method == "POST" else None)
    ticked = {int(pk) for pk in request.POST.getlist("request") if pk.isascii() and pk.isdigit() and len(pk) < 19}
    if form.is_bound and not ticked:
        form.add_error(None, "Chưa đánh dấu đồng chí nào.")
    if form.is_valid():
        said = form.cleaned_data
        rows = campaign.requests.filter(pk__in=ticked)
        used = use_all(rows, said["met_on"], said["code"], said["note"], by=by)
        messages.success(request, f"Đã ghi cuộc họp ngày {said['met_on']:%d/%m/%Y} sử dụng {used} nhận xét.")
        if used < len(ticked):
            messages.warning(request, f"{len(ticked) - used} nhận xét giữ nguyên, lý do ghi ở cuối trang.")
        return redirect("evaluations:campaign_use", campaign.pk)
    ready = without_conflicts(usable(campaign.requests.all()), by.user, "member").listed()
    workplace = Membership.objects.filter(member=OuterRef("member"), until_on=None).values("cell__name")[:1]
    shown = Paginator(ready.annotate(workplace=Subquery(workplace)), ROWS).get_page(request.GET.get("trang"))
    AuditEvent.objects.record_many("read", by=by, model=EvaluationRequest, ids=[row.pk for row in shown])
    chosen = request.GET.get("chon", "")
    context = {
        "campaign": campaign,
        "form": form,
        "page": shown,
        "kept_back": kept_back(campaign.requests.all(), by.user),
        "ticked": ticked or {row.pk for row in shown if chosen in ("het", str(row.pk))},
        "used": campaign.requests.filter(state=EvaluationRequest.State.CONSIDERED).count(),
        "asked": campaign.requests.live().count(),
    }
    return render(request, "evaluations/campaign_use.html", context, status=409 if form.errors else 200)
