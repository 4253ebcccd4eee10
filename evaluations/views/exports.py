"""Bảng tổng hợp .xlsx: asked for with a reason, made at once, logged."""

from django.contrib import messages
from django.db.models import Model
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone
from django.views.decorators.http import require_POST

from evaluations.exports import Export, campaign_export, commune_export
from evaluations.forms.exports import ReasonForm
from evaluations.models import Campaign, EvaluationRequest
from evaluations.views.letters_in import commune_within
from members.middleware import SignedIn
from members.models import AuditEvent, Seat
from members.roles import Action
from members.sign_in import just_confirmed
from members.states import move_all

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


@require_POST
@just_confirmed
def campaign(request: SignedIn, campaign_id: int) -> HttpResponse:
    """The ratings that came back are in it, so that taking it is their reception (design §5)."""
    found = get_object_or_404(Campaign.objects.for_user(request.user, Action.RECEIVE), pk=campaign_id)
    seat = request.user.acting(Action.EXPORT, found.committee)
    form = ReasonForm(request.POST)
    if not form.is_valid():
        return _ask_again(request, form, "evaluations:campaign_print", found.pk)
    export = campaign_export(found)
    move_all(found.requests.filter(state="answered"), EvaluationRequest.State.RECEIVED, by=seat)
    return given_out(export, found, form.cleaned_data["reason"], seat)


@require_POST
@just_confirmed
def commune(request: SignedIn, commune_id: int, year: int) -> HttpResponse:
    ward = commune_within(request.user, commune_id)
    seat = request.user.acting(Action.EXPORT, ward)
    form = ReasonForm(request.POST)
    if not form.is_valid():
        return _ask_again(request, form, "evaluations:returns_print", ward.pk, year)
    return given_out(commune_export(ward, year), ward, form.cleaned_data["reason"], seat)


def _ask_again(request: SignedIn, form: ReasonForm, page: str, *args: int) -> HttpResponse:
    messages.error(request, f"Lý do xuất: {' '.join(str(error) for error in form.errors['reason'])}")
    return redirect(page, *args)


def given_out(export: Export, about: Model, reason: str, seat: Seat) -> HttpResponse:
    AuditEvent.objects.record("export", by=seat, on=about, changes={"reason": ["", reason]})
    AuditEvent.objects.record_many("read", by=seat, model=export.model, ids=export.ids)
    headers = {"Content-Disposition": f'attachment; filename="tong-hop-{export.name}.xlsx"'}
    taken = f"Người xuất: {seat.user.full_name}, {seat}, lúc {timezone.localtime():%H:%M %d/%m/%Y}. Lý do: {reason}"
    return HttpResponse(export.content(taken), content_type=XLSX, headers=headers)
