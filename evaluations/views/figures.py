"""Figures without names: how far the asking is, the report, and what the file outbox holds."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from email import message_from_bytes, policy
from itertools import islice
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.db.models import Count, Q, QuerySet
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from evaluations import tasks
from evaluations.models import Campaign, Document, EvaluationRequest, Letter
from evaluations.models.requests import RequestQuerySet
from evaluations.progress import progress_by, together
from evaluations.reports import ANSWERED, issue_report
from members.middleware import SignedIn
from members.models import Organization
from members.roles import Action

ROWS = 50
MESSAGES = 50
FILE_BACKEND = "django.core.mail.backends.filebased.EmailBackend"
SEPARATOR = b"\n" + b"-" * 79 + b"\n"
State = EvaluationRequest.State
ASKED = [state for state in State if state not in (State.PREPARED, State.CANCELLED, State.SUPERSEDED)]


@require_GET
def overview(request: SignedIn) -> HttpResponse:
    if not request.user.may(Action.SEE_FIGURES):
        raise PermissionDenied
    launched = Campaign.objects.for_figures(request.user).exclude(state=Campaign.State.DRAFT)
    years = sorted(set(launched.order_by().values_list("year", flat=True)), reverse=True)
    year = next((year for year in years if str(year) == request.GET.get("nam")), years[0] if years else 0)
    campaigns = launched.filter(year=year).select_related("committee")
    chosen = campaigns.filter(pk=_number(request.GET.get("dot", ""))).first()
    page = Paginator(_counted(campaigns), ROWS).get_page(request.GET.get("trang"))
    may_export = request.user.may(Action.EXPORT)
    context = {
        "years": years,
        "year": year,
        "chosen": chosen,
        "page": page,
        "page_query": f"nam={year}&",
        "rows": _with_reports(list(page)) if may_export else [(campaign, None) for campaign in page],
        "may_export": may_export,
        **_figures(campaigns.filter(pk=chosen.pk) if chosen else campaigns),
    }
    return render(request, "evaluations/figures.html", context)


def _figures(campaigns: QuerySet[Campaign]) -> dict[str, Any]:
    asked = EvaluationRequest.objects.filter(state__in=ASKED, campaign__in=campaigns.order_by().values("pk"))
    by_state = asked.by_state()
    return {
        "total": sum(by_state.values()),
        "answered": sum(by_state.get(state, 0) for state in ANSWERED),
        "overdue": asked.awaiting_answer().filter(due_on__lt=timezone.localdate()).count(),
        "states": [(state.label, by_state[state]) for state in ASKED if state in by_state],
        **_by_commune(asked),
    }


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else 0


def _counted(campaigns: QuerySet[Campaign]) -> QuerySet[Campaign]:
    return campaigns.annotate(
        asked=Count("requests", filter=Q(requests__state__in=ASKED)),
        answered=Count("requests", filter=Q(requests__state__in=ANSWERED)),
    ).order_by("committee__path", "pk")


def _by_commune(asked: RequestQuerySet) -> dict[str, Any]:
    """The communes with their stages, and all of them together; two queries."""
    found = progress_by(asked, "residence_commune")
    communes = Organization.objects.filter(pk__in=found).order_by("locality_key", "pk")
    today = timezone.localdate()
    return {
        "whole": together(found.values()),
        "communes": [
            {
                "name": commune.name,
                "progress": (progress := found[commune.pk]),
                "asked": progress.total,
                "answered": progress.counts["answered"],
                "days_late": progress.days_late(today),
            }
            for commune in communes
        ],
    }


def _with_reports(campaigns: list[Campaign]) -> list[tuple[Campaign, Document | None]]:
    """Each with its newest report."""
    found = Document.objects.filter(campaign__in=campaigns, genre=Document.Genre.REPORT, state=Document.State.ISSUED)
    newest = {document.campaign_id: document for document in found.order_by("pk")}
    return [(campaign, newest.get(campaign.pk)) for campaign in campaigns]


@require_POST
def report(request: SignedIn, campaign_id: int) -> HttpResponse:
    campaign = get_object_or_404(Campaign.objects.for_figures(request.user), pk=campaign_id)
    by = request.user.acting(Action.EXPORT, campaign.committee)
    issue_report(campaign, by=by)
    tasks.wake()
    messages.success(request, "Đã lập báo cáo. Bản in có sau ít phút, mở ở cột “Báo cáo”.")
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
