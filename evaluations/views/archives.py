"""Hồ sơ lưu trữ: originals with an index as one ZIP, asked for with a reason, made in the background, logged."""

from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.views.decorators.http import require_POST

from evaluations import tasks
from evaluations.forms.exports import ArchiveForm
from evaluations.models import Bundle, Campaign, EvaluationRequest
from evaluations.models.archives import CAMPAIGN_SEQUENCES, COMMUNE_SEQUENCES, campaign_archive, commune_archive
from evaluations.models.print_plans import Order
from evaluations.views.letters_in import commune_within
from members.middleware import SignedIn
from members.models import AuditEvent, Organization, Seat
from members.roles import Action
from members.states import Refused


def campaign_form(campaign: Campaign, data: object = None) -> ArchiveForm:
    asked = (
        Organization.objects.filter(requests_to_commune__campaign=campaign).distinct().order_by("locality_key", "pk")
    )
    return ArchiveForm(asked, CAMPAIGN_SEQUENCES, data)


def commune_form(commune: Organization, year: int, data: object = None) -> ArchiveForm:
    """One cell of the ward, or one workplace that asked it."""
    cells = Organization.objects.residence_cells().filter(parent=commune).values("pk")
    askers = EvaluationRequest.objects.filter(residence_commune=commune, year=year).order_by().values("asker_now")
    places = Organization.objects.filter(pk__in=cells) | Organization.objects.filter(pk__in=askers)
    return ArchiveForm(_by_name(places), COMMUNE_SEQUENCES, data)


def _by_name(places: QuerySet[Organization]) -> QuerySet[Organization]:
    return places.order_by("kind", "search_key", "pk")


@require_POST
def campaign(request: SignedIn, campaign_id: int) -> HttpResponse:
    found = get_object_or_404(Campaign.objects.for_user(request.user, Action.RECEIVE), pk=campaign_id)
    seat, form = request.user.acting(Action.EXPORT, found.committee), campaign_form(found, request.POST)
    back = redirect("evaluations:campaign_print", found.pk)
    if not form.is_valid():
        return _asked_again(request, form, back)
    order = campaign_archive(found, form.cleaned_data["sequence"], request.user, form.cleaned_data["scope"])
    return _ordered(request, order, form.cleaned_data["reason"], seat, back)


@require_POST
def commune(request: SignedIn, commune_id: int, year: int) -> HttpResponse:
    ward = commune_within(request.user, commune_id)
    seat, form = request.user.acting(Action.EXPORT, ward), commune_form(ward, year, request.POST)
    back = redirect("evaluations:returns_print", ward.pk, year)
    if not form.is_valid():
        return _asked_again(request, form, back)
    order = commune_archive(ward, year, form.cleaned_data["sequence"], request.user, form.cleaned_data["scope"])
    return _ordered(request, order, form.cleaned_data["reason"], seat, back)


def _asked_again(request: SignedIn, form: ArchiveForm, back: HttpResponse) -> HttpResponse:
    words = [f"{form.fields[name].label}: {' '.join(map(str, errors))}" for name, errors in form.errors.items()]
    messages.error(request, "; ".join(words))
    return back


def _ordered(request: SignedIn, order: Order, reason: str, seat: Seat, back: HttpResponse) -> HttpResponse:
    if not order.total:
        messages.info(request, "Chưa có văn bản nào để lưu trữ.")
        return back
    try:
        bundle = Bundle.objects.order(order, reason, by=seat)
    except Refused as refusal:
        messages.info(request, str(refusal))
        return back
    # Also of who finds an archive that somebody else has just had made.
    AuditEvent.objects.record("export", by=seat, on=bundle, changes={"reason": ["", reason]})
    tasks.wake()
    return redirect("evaluations:bundle_page", bundle.pk)
