"""Figures without names: how far the asking is, the report, and what the file outbox holds."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from email import message_from_bytes, policy
from itertools import islice
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.db.models import Count
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_POST

from evaluations import tasks
from evaluations.models import Campaign, Document, EvaluationRequest, Letter, Season
from evaluations.progress import Progress, progress_by, progress_over, units_of, whole_of
from evaluations.reports import issue_report
from members.middleware import SignedIn
from members.models import Organization
from members.roles import Action

ROWS = 50
MESSAGES = 50
FILE_BACKEND = "django.core.mail.backends.filebased.EmailBackend"
SEPARATOR = b"\n" + b"-" * 79 + b"\n"
BY_COMMUNE = "noi-cu-tru"


@require_GET
def overview(request: SignedIn) -> HttpResponse:
    """Everything within reach in one year, or one of its campaigns."""
    if not request.user.may(Action.SEE_FIGURES):
        raise PermissionDenied
    launched = Campaign.objects.for_figures(request.user).exclude(state=Campaign.State.DRAFT)
    years = sorted(launched.order_by().values_list("year", flat=True).distinct(), reverse=True)
    year = next((year for year in years if str(year) == request.GET.get("nam")), years[0] if years else 0)
    campaigns = list(launched.filter(year=year).select_related("committee"))
    chosen = next((row for row in campaigns if row.pk == _number(request.GET.get("dot", ""))), None)
    context = {
        "years": years,
        "year": year,
        "chosen": chosen,
        "query": (query := f"nam={year}&" + (f"dot={chosen.pk}&" if chosen else "")),
        "commune_query": query,
        **_figures(request, [chosen] if chosen else campaigns, may_export=request.user.may(Action.EXPORT)),
    }
    return render(request, "evaluations/figures.html", context)


@require_GET
def season(request: SignedIn, season_id: int) -> HttpResponse:
    """All committees of a season, whether they have begun or not."""
    set_by = Season.objects.seen_by(request.user).select_related("lead")
    found = get_object_or_404(set_by, pk=season_id)
    campaigns = list(found.campaigns.select_related("committee"))
    context = {
        "season": found,
        "year": found.year,
        "waiting": sum(1 for row in campaigns if row.state == Campaign.State.DRAFT),
        "count": len(campaigns),
        "query": "",
        "commune_query": f"nam={found.year}&mua={found.pk}&",
        **_figures(request, campaigns, may_export=False),
    }
    return render(request, "evaluations/season_steps.html", context)


@require_GET
def commune(request: SignedIn, commune_id: int) -> HttpResponse:
    """One commune of the overview: its cells, counted; nobody is named."""
    place = get_object_or_404(Organization.objects.exclude(unit=""), pk=commune_id)
    asking = _asking(request, place)
    one, year = _number(request.GET.get("dot", "")), _number(request.GET.get("nam", ""))
    chosen = next((row for row in asking if row.pk == one), None)
    year = chosen.year if chosen else year or next((row.year for row in asking), 0)
    ids = [chosen.pk] if chosen else [row.pk for row in asking if row.year == year]
    matters = EvaluationRequest.objects.filter(campaign__in=ids, residence_commune=place)
    units = units_of(progress_by(matters, "residence_cell"))
    if not units:
        raise Http404
    kept = {name: number for name in ("dot", "mua") if (number := _number(request.GET.get(name, "")))}
    context = {
        "commune": place,
        "year": year,
        "chosen": chosen,
        "season": kept.get("mua"),
        "query": urlencode({"nam": year} | kept) + "&",
        "page": Paginator(units, ROWS).get_page(request.GET.get("trang")),
        **whole_of(units),
    }
    return render(request, "evaluations/figures_commune.html", context)


def _asking(request: SignedIn, place: Organization) -> list[Campaign]:
    """The campaigns within reach that have asked there, the newest year first; those of one season if it is named."""
    launched = Campaign.objects.for_figures(request.user)
    if season_id := _number(request.GET.get("mua", "")):
        launched = launched.filter(season=season_id)
    asked = launched.filter(requests__residence_commune=place).distinct()
    return list(asked.select_related("committee").order_by("-year", "committee__path"))


def _figures(request: SignedIn, campaigns: list[Campaign], *, may_export: bool) -> dict[str, Any]:
    """The whole, and its lines by the side that asks or by the side that answers; few queries however many."""
    by_commune = len(campaigns) == 1 or request.GET.get("theo") == BY_COMMUNE
    matters = EvaluationRequest.objects.filter(campaign__in=[campaign.pk for campaign in campaigns])
    if by_commune:
        progress = progress_by if len(campaigns) == 1 else progress_over
        units = units_of(progress(matters, "residence_commune"))
    else:
        nothing = {campaign.pk: Progress() for campaign in campaigns}
        places = {campaign.pk: campaign.committee for campaign in campaigns}
        units = units_of(nothing | progress_over(matters, "campaign"), places)
    page = Paginator(units, ROWS).get_page(request.GET.get("trang"))
    known = {} if by_commune else {campaign.pk: campaign for campaign in campaigns}
    exported = campaigns if len(campaigns) == 1 else [known[unit.key] for unit in page if unit.key in known]
    reports = _reports(exported) if may_export else {}
    return {
        "by_commune": by_commune,
        "is_one": len(campaigns) == 1,
        "theo": f"theo={BY_COMMUNE}&" if by_commune else "",
        "page": page,
        "rows": [(unit, known.get(unit.key), reports.get(unit.key)) for unit in page],
        "may_export": may_export,
        "only": campaigns[0] if len(campaigns) == 1 else None,
        "report": reports.get(campaigns[0].pk) if len(campaigns) == 1 else None,
        **whole_of(units),
    }


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else 0


def _reports(campaigns: list[Campaign]) -> dict[int | None, Document]:
    """The newest report of each."""
    found = Document.objects.filter(campaign__in=campaigns, genre=Document.Genre.REPORT, state=Document.State.ISSUED)
    return {document.campaign_id: document for document in found.order_by("pk")}


@require_POST
def report(request: SignedIn, campaign_id: int) -> HttpResponse:
    campaign = get_object_or_404(Campaign.objects.for_figures(request.user), pk=campaign_id)
    by = request.user.acting(Action.EXPORT, campaign.committee)
    issue_report(campaign, by=by)
    tasks.wake()
    messages.success(request, "Đã lập báo cáo. Bản in có sau ít phút, mở bằng liên kết “Báo cáo ngày …”.")
    return redirect(f"{reverse('evaluations:figures')}?nam={campaign.year}&dot={campaign.pk}")


@dataclass(frozen=True)
class Message:
    subject: str
    to: str
    at: datetime | None
    body: str


@require_GET
def outbox(request: SignedIn) -> HttpResponse:
    if not request.user.may(Action.CONFIGURE):
        raise PermissionDenied
    # Only the file backend has a folder; with SMTP the setting does not exist.
    folder = getattr(settings, "EMAIL_FILE_PATH", None) if settings.EMAIL_BACKEND == FILE_BACKEND else None
    counts = dict(Letter.objects.order_by().values_list("state").annotate(n=Count("pk")))
    return render(
        request,
        "evaluations/outbox.html",
        {
            "is_file": folder is not None,
            "found": list(islice(_messages(Path(folder)), MESSAGES)) if folder else [],
            "limit": MESSAGES,
            "letters": [(state, state.label, counts[state]) for state in Letter.State if state in counts],
        },
    )


def _messages(folder: Path) -> Iterator[Message]:
    """Newest first; the file backend appends every message of one connection to one file."""
    for path in sorted(folder.glob("*.log"), key=lambda path: path.stat().st_mtime, reverse=True):
        for raw in reversed(path.read_bytes().split(SEPARATOR)):
            if raw.strip():
                yield _message(raw)


def _message(raw: bytes) -> Message:
    message = message_from_bytes(raw, policy=policy.default)
    text, date = message.get_body(("plain",)), message["Date"]
    # Django writes UTC as "-0000", which the parser takes for "zone unknown".
    at = date.datetime.replace(tzinfo=date.datetime.tzinfo or UTC) if date and date.datetime else None
    return Message(
        subject=str(message["Subject"] or ""),
        to=str(message["To"] or ""),
        at=at,
        body=text.get_content() if text else "",
    )
