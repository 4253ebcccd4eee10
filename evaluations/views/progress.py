"""Tiến độ: where the requests of a campaign, a commune or a cell are; from the picture down to the people."""

from datetime import date
from typing import Any

from django.core.exceptions import PermissionDenied
from django.core.paginator import Page, Paginator
from django.db.models import Q
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.views.decorators.http import require_GET

from evaluations.models import Campaign, EvaluationRequest
from evaluations.models.deadlines import InnerDeadline
from evaluations.models.requests import RequestQuerySet
from evaluations.progress import BY_CODE, CELL_STAGES, Unit, progress_by, units_of, whole_of, with_stage
from evaluations.vacancies import vacant_cells
from evaluations.views.letters_in import commune_within, granted
from members.middleware import SignedIn
from members.models import AuditEvent, Membership, Organization, Seat
from members.roles import Action, Side

ROWS = UNITS = 50
VACANT = 10  # cells without a secretary that are named


@require_GET
def campaign(request: SignedIn, campaign_id: int) -> HttpResponse:
    """Whoever reads the answers there comes down to the people; from above the figures are seen."""
    reached = Campaign.objects.for_user(request.user, Action.SEE_MEMBERS).select_related("committee")
    asked = get_object_or_404(reached, pk=campaign_id)
    seat = _reader(request, asked.committee)
    matters: RequestQuerySet = asked.requests.all()
    units = units_of(progress_by(matters, "residence_commune"))
    context = {
        "campaign": asked,
        "year_text": "",
        "units": _on_page(request, units),
        "is_listed": seat is not None,
        **whole_of(units),
        **_people(request, matters, "residence_commune", seat),
    }
    return render(request, "evaluations/campaign_steps.html", context)


def _reader(request: SignedIn, committee: Organization) -> Seat | None:
    try:
        return request.user.acting(Action.RECEIVE, committee)
    except PermissionDenied:
        if not any(seat.organization_id != committee.pk for seat, _ in request.user.grants(Action.SEE_FIGURES)):
            raise
        return None


@require_GET
def ward(request: SignedIn, commune_id: int) -> HttpResponse:
    commune = commune_within(request.user, commune_id)
    seat = request.user.acting(Action.SEE_RESIDENTS, commune)
    matters, years, year = _of_year(request, EvaluationRequest.objects.filter(residence_commune=commune))
    units = units_of(progress_by(matters, "residence_cell", by_inner=True))
    context = {
        "commune": commune,
        "years": years,
        "year": year,
        "year_text": str(year),
        "units": _on_page(request, units),
        "askers": (askers := units_of(progress_by(matters, "asker_now")))[:UNITS],
        "more_askers": len(askers[UNITS:]),
        "may_extend": granted(request.user, Action.ASSIGN, commune),
        "vacant": list(vacant_cells().filter(parent=commune)[:VACANT]),
        "may_appoint": granted(request.user, Action.ASSIGN, commune),
        **whole_of(units),
        **_people(request, matters, "residence_cell", seat),
    }
    return render(request, "evaluations/ward_steps.html", context)


@require_GET
def cell(request: SignedIn, cell_id: int) -> HttpResponse:
    """One residence cell, for itself and for its commune: the workplaces that wait, and everybody asked about."""
    reach = request.user.reach(Action.SEE_RESIDENTS, "", Side.RESIDENCE)
    known = Organization.objects.filter(reach, kind=Organization.Kind.CELL, side=Organization.Side.RESIDENCE)
    place = get_object_or_404(known.select_related("parent"), pk=cell_id)
    seat = request.user.acting(Action.SEE_RESIDENTS, place)
    matters, years, year = _of_year(request, EvaluationRequest.objects.filter(residence_cell=place))
    units = units_of(progress_by(matters, "asker_now", by_inner=True))
    context = {
        "cell": place,
        "years": years,
        "year": year,
        "year_text": str(year),
        "inner_due_on": InnerDeadline.objects.due_on(place.parent, year),
        "askers": units,
        "may_see_ward": place.parent and granted(request.user, Action.ASSIGN, place.parent),
        "may_extend": place.parent and granted(request.user, Action.ASSIGN, place.parent),
        **whole_of(units),
        **_people(request, matters, "residence_cell", seat, everybody=True),
    }
    return render(request, "evaluations/cell_steps.html", context)


def _of_year(request: SignedIn, matters: RequestQuerySet) -> tuple[RequestQuerySet, list[int], int]:
    """What was sent of the year that was chosen, or else of the newest; and all the years."""
    sent = matters.exclude(state=EvaluationRequest.State.PREPARED)
    years = sorted(sent.order_by().values_list("year", flat=True).distinct(), reverse=True)
    year = next((year for year in years if str(year) == request.GET.get("nam")), years[0] if years else 0)
    return sent.filter(year=year), years, year


def _on_page(request: SignedIn, units: list[Unit]) -> Page[Unit]:
    return Paginator(units, UNITS).get_page(request.GET.get("trang-don-vi"))


def _people(
    request: SignedIn, matters: RequestQuerySet, column: str, seat: Seat | None, *, everybody: bool = False
) -> dict[str, Any]:
    """Who is at the stage, or with the unit, that was chosen. Of more than a cell nobody is listed before one asks."""
    step, unit = BY_CODE.get(request.GET.get("buoc", "")), request.GET.get("don-vi", "")
    if unit.isascii() and unit.isdigit() and len(unit) < 19:
        matters = matters.filter(**{column: int(unit)})
    elif unit == "chua-phan":
        matters = matters.filter(**{column: None})
    elif step is None and not everybody:
        return {}
    if seat is None:
        raise PermissionDenied
    chosen = with_stage(matters.listed(), by_inner=column == "residence_cell")
    if step:
        chosen = chosen.filter(Q(stage=step.code))
    page = Paginator(chosen, ROWS).get_page(request.GET.get("trang"))
    matters_shown = list(page)
    if matters_shown:
        AuditEvent.objects.record_many("read", by=seat, model=EvaluationRequest, ids=[row.pk for row in matters_shown])
    return {
        "page": page,
        "page_query": f"buoc={step.code if step else ''}&don-vi={unit}&nam={request.GET.get('nam', '')}&",
        "step": step,
        "unit": Organization.objects.filter(pk=unit).first() if unit.isdigit() else None,
        "rows": _rows(matters_shown),
    }


def _rows(matters: list[EvaluationRequest]) -> list[dict[str, Any]]:
    today: date = timezone.localdate()
    members = [matter.member_id for matter in matters]
    open_now = Membership.objects.filter(until_on=None, member__in=members).select_related("cell__parent")
    places = {row.member_id: row.cell.parent.name if row.cell.parent else row.cell.name for row in open_now}
    return [
        {
            "matter": matter,
            "workplace": places.get(matter.member_id, ""),
            "stage": (stage := BY_CODE[matter.stage]),  # type: ignore[attr-defined]
            "due_on": (due_on := matter.step_due_on),  # type: ignore[attr-defined]
            "days_late": max((today - due_on).days, 0) if stage.is_owed else 0,
            "may_extend": stage.code in CELL_STAGES,
        }
        for matter in matters
    ]
