"""Tiến độ: where the requests of a campaign, or of a commune, are; from the picture down to the people."""

from dataclasses import dataclass
from datetime import date
from typing import Any

from django.core.paginator import Paginator
from django.db.models import Q
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.views.decorators.http import require_GET

from evaluations.models import Campaign, EvaluationRequest
from evaluations.models.requests import RequestQuerySet
from evaluations.progress import BY_CODE, Progress, progress_by, together, with_stage
from evaluations.vacancies import vacant_cells
from evaluations.views.letters_in import commune_within, granted
from members.middleware import SignedIn
from members.models import AuditEvent, Membership, Organization, Seat
from members.roles import Action

ROWS = 50
VACANT = 10  # cells without a secretary that are named


@dataclass(frozen=True)
class Unit:
    """One line of the page: a commune, a cell or a workplace, and how far it is."""

    organization: Organization | None  # None: not yet with any cell
    progress: Progress
    days_late: int

    @property
    def name(self) -> str:
        return self.organization.name if self.organization else "Chưa phân về chi bộ"


@require_GET
def campaign(request: SignedIn, campaign_id: int) -> HttpResponse:
    reached = Campaign.objects.for_user(request.user, Action.SEE_MEMBERS).select_related("committee")
    asked = get_object_or_404(reached, pk=campaign_id)
    seat = request.user.acting(Action.RECEIVE, asked.committee)
    matters: RequestQuerySet = asked.requests.all()
    units = _units(matters, "residence_commune")
    context = {
        "campaign": asked,
        "year_text": "",
        "units": units,
        **_whole(units),
        **_people(request, matters, "residence_commune", seat),
    }
    return render(request, "evaluations/campaign_steps.html", context)


@require_GET
def ward(request: SignedIn, commune_id: int) -> HttpResponse:
    commune = commune_within(request.user, commune_id)
    seat = request.user.acting(Action.SEE_RESIDENTS, commune)
    sent = EvaluationRequest.objects.filter(residence_commune=commune).exclude(state=EvaluationRequest.State.PREPARED)
    years = sorted(set(sent.order_by().values_list("year", flat=True)), reverse=True)
    year = next((year for year in years if str(year) == request.GET.get("nam")), years[0] if years else 0)
    matters = sent.filter(year=year)
    units = _units(matters, "residence_cell", by_inner=True)
    context = {
        "commune": commune,
        "years": years,
        "year": year,
        "year_text": str(year),
        "units": units,
        "askers": _units(matters, "asker_now"),
        "may_extend": granted(request.user, Action.ASSIGN, commune),
        "vacant": list(vacant_cells().filter(parent=commune)[:VACANT]),
        "may_appoint": granted(request.user, Action.ASSIGN, commune),
        **_whole(units),
        **_people(request, matters, "residence_cell", seat),
    }
    return render(request, "evaluations/ward_steps.html", context)


def _units(matters: RequestQuerySet, column: str, *, by_inner: bool = False) -> list[Unit]:
    """Those that are late first, then those with most to do; two queries."""
    found = progress_by(matters, column, by_inner=by_inner)
    known = Organization.objects.in_bulk([key for key in found if key])
    today = timezone.localdate()
    rows = [Unit(known.get(key), progress, progress.days_late(today)) for key, progress in found.items()]
    return sorted(rows, key=lambda unit: (-unit.days_late, -unit.progress.owed, unit.name))


def _whole(units: list[Unit]) -> dict[str, Any]:
    whole = together(unit.progress for unit in units)
    return {"whole": whole, "late": sum(1 for unit in units if unit.days_late), "today": timezone.localdate()}


def _people(request: SignedIn, matters: RequestQuerySet, column: str, seat: Seat) -> dict[str, Any]:
    """Who is at the stage, or with the unit, that was chosen. Nobody is listed before somebody asks."""
    step, unit = BY_CODE.get(request.GET.get("buoc", "")), request.GET.get("don-vi", "")
    if unit.isascii() and unit.isdigit() and len(unit) < 19:
        matters = matters.filter(**{column: int(unit)})
    elif unit == "chua-phan":
        matters = matters.filter(**{column: None})
    elif step is None:
        return {}
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
            "may_extend": stage.code == "write",
        }
        for matter in matters
    ]
