"""Answers that came past the commune: through the national portal, or carried by the member and then verified."""

from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.db.models import Exists, F, OuterRef
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_GET, require_http_methods

from evaluations.forms.keying import PortalForm, VerifyForm
from evaluations.models import AssessmentVersion, EvaluationRequest, Verification
from evaluations.models.checks import verify as record_check
from evaluations.models.keying import record_portal_result
from evaluations.models.requests import RequestQuerySet
from members.middleware import SignedIn
from members.models import AuditEvent, Seat, User
from members.roles import Action
from members.states import Refused

ROWS = 50
State = EvaluationRequest.State
TO_END = (*EvaluationRequest.UNANSWERED, State.NO_REPLY)


def _matter(user: User, request_id: int, action: Action) -> tuple[EvaluationRequest, Seat]:
    reached = EvaluationRequest.objects.for_asker(user, Action.SEE_MEMBERS).exclude(state=State.PREPARED)
    related = ("member", "residence_commune", "asker_now", "campaign", "assessment", "reply")
    matter = get_object_or_404(reached.select_related(*related), pk=request_id)
    return matter, user.acting(action, matter.asker_now)


@require_http_methods(["GET", "POST"])
def portal(request: SignedIn, request_id: int) -> HttpResponse:
    """Đã nộp qua Cổng dịch vụ công, thủ tục 2.002753: nothing more is asked of the commune."""
    matter, by = _matter(request.user, request_id, Action.KEY)
    sent: list[Any] = [request.POST, request.FILES] if request.method == "POST" else []
    form = PortalForm(*sent)
    if form.is_bound and form.is_valid():
        said = form.cleaned_data
        try:
            record_portal_result(matter, said["code"], said["on"], said["scan"], by=by)
        except Refused as refusal:
            form.add_error(None, str(refusal))
        else:
            messages.success(request, "Đã ghi kết quả thủ tục 2.002753; không đôn đốc nơi cư trú nữa.")
            return redirect("evaluations:request_page", matter.pk)
    AuditEvent.objects.record("read", by=by, on=matter)
    context = {"matter": matter, "form": form, "is_open": matter.state in TO_END}
    return render(request, "evaluations/portal_result.html", context)


def to_verify(user: User) -> RequestQuerySet:
    """Received, answered with a form that the member carried, and nobody has confirmed yet that it is genuine."""
    carried = AssessmentVersion.objects.filter(
        assessment=OuterRef("assessment"), state="confirmed", origin=AssessmentVersion.Origin.CARRIED
    )
    agreed = Verification.objects.filter(
        request=OuterRef("pk"),
        result=Verification.Result.AGREES,
        request__assessment__versions__state="confirmed",
        made_at__gte=F("request__assessment__versions__keyed_at"),
    )
    received = EvaluationRequest.objects.for_asker(user, Action.RECEIVE).filter(state=State.RECEIVED)
    return received.filter(Exists(carried), ~Exists(agreed))


@require_GET
def verify_list(request: SignedIn) -> HttpResponse:
    if not request.user.may(Action.RECEIVE):
        raise PermissionDenied
    rows = to_verify(request.user).listed().prefetch_related("verifications")
    page = Paginator(rows, ROWS).get_page(request.GET.get("trang"))
    AuditEvent.objects.record_many("read", by=request.user, model=EvaluationRequest, ids=[row.pk for row in page])
    return render(request, "evaluations/verify_list.html", {"page": page})


@require_http_methods(["GET", "POST"])
def verify(request: SignedIn, request_id: int) -> HttpResponse:
    matter, by = _matter(request.user, request_id, Action.RECEIVE)
    form = VerifyForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        said = form.cleaned_data
        try:
            record_check(matter, said["method"], said["result"], said["note"], said["verified_on"], by=by)
        except Refused as refusal:
            form.add_error(None, str(refusal))
        else:
            messages.success(request, "Đã ghi kết quả đối chiếu, thẩm định.")
            return redirect("evaluations:request_page", matter.pk)
    AuditEvent.objects.record("read", by=by, on=matter)
    context = {"matter": matter, "form": form, "version": matter.answering_version()}
    context["earlier"] = matter.verifications.select_related("by__user")
    return render(request, "evaluations/verify.html", context)
