"""Print copies: what a cell can print, and every copy's own page, progress and download."""

from django.contrib import messages
from django.db.models import Model
from django.http import Http404, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_GET, require_http_methods

from evaluations import tasks
from evaluations.models import Assessment, AssessmentVersion, Bundle, Document, EvaluationRequest, packs
from evaluations.models.assessments import commented_on
from evaluations.models.print_plans import Order, Sheet
from evaluations.views.campaigns import STOP_POLLING
from members.middleware import SignedIn
from members.models import AuditEvent, Organization, Placement, Seat
from members.roles import Action
from members.states import Refused, move_all
from members.views.participation import open_cell

KIND = Bundle.Kind
RECENT = 6
# Whose rows are read by who takes a copy with these sheets
READ: tuple[tuple[Sheet, type[Model]], ...] = (
    (Sheet.FILES, Document),
    (Sheet.ORIGINALS, Document),
    (Sheet.DRAFTS, Document),
    (Sheet.FORMS, Assessment),
    (Sheet.BOOK_LINES, Placement),
)
AT_ONCE = 500


@require_http_methods(["GET", "POST"])
def cell_print(request: SignedIn, cell_id: int, year: int) -> HttpResponse:
    """In ra giấy: the cell's pack for the meeting; for the secretary, and for the ward that prints for its cells."""
    cell, seat = open_cell(request, cell_id, year, Action.SEE_RESIDENTS)
    if request.method == "POST":
        order = _cell_order(request, cell, year)
        return ordered(request, order, "In để ghi tay tại cuộc họp", seat)
    placements = commented_on(cell, year)
    sent = Assessment.objects.filter(
        placement__in=placements.order_by().values("pk"), year=year, versions__state__in=["submitted", "confirmed"]
    )
    total, done = placements.count(), sent.distinct().count()
    context = {
        "cell": cell,
        "year": year,
        "total": total,
        "left": total - done,
        "sent": done,
        "bundles": recent(request, cell, [KIND.CELL_PACK, KIND.CELL_GRID, KIND.CELL_ANSWERS]),
        "confirmed": packs.cell_answers(cell, year, request.user).total,
        "hand_overs": cell.packs_received.filter(year=year),
    }
    return render(request, "evaluations/cell_print.html", context)


def _cell_order(request: SignedIn, cell: Organization, year: int) -> Order:
    wanted = request.POST.get("kind")
    if wanted == KIND.CELL_GRID:
        return packs.cell_grid(cell, year)
    if wanted == KIND.CELL_ANSWERS:
        return packs.cell_answers(cell, year, request.user)
    return packs.cell_pack(cell, year)


def ordered(request: SignedIn, order: Order, reason: str, seat: Seat) -> HttpResponse:
    """Order a copy and go to its page; with nothing to print, stay and say so."""
    try:
        bundle = Bundle.objects.order(order, reason, by=seat)
    except Refused as refusal:
        messages.info(request, str(refusal))
        return redirect(request.path)
    tasks.wake()
    return redirect("evaluations:bundle_page", bundle.pk)


def recent(
    request: SignedIn, organization: Organization, kinds: list[str], campaign_id: int | None = None
) -> list[Bundle]:
    """The copies that can still be followed or downloaded."""
    live = [Bundle.State.QUEUED, Bundle.State.RUNNING, Bundle.State.READY]
    found = Bundle.objects.for_user(request.user).filter(organization=organization, kind__in=kinds, state__in=live)
    return list(found.filter(campaign=campaign_id).listed()[:RECENT])


@require_GET
def page(request: SignedIn, bundle_id: int) -> HttpResponse:
    bundle = _load(request, bundle_id)
    return render(request, "evaluations/bundle_page.html", {"bundle": bundle})


@require_GET
def progress(request: SignedIn, bundle_id: int) -> HttpResponse:
    """A fragment that asks for itself until the copy is ready or has failed."""
    bundle = _load(request, bundle_id)
    status = 200 if bundle.is_in_work else STOP_POLLING
    return render(request, "evaluations/bundle_progress.html", {"bundle": bundle}, status=status)


@require_GET
def stored_file(request: SignedIn, bundle_id: int) -> HttpResponseBase:
    """The file, as a download that is logged; not yet or no longer there: back to its page, which says why."""
    bundle = _load(request, bundle_id)
    if bundle.state != Bundle.State.READY:
        return redirect("evaluations:bundle_page", bundle.pk)
    if not bundle.is_readable_by(request.user):
        raise Http404
    seat = _reader(request, bundle)
    AuditEvent.objects.record("Bundle.download", by=seat, on=bundle)
    for sheet, model in READ:
        if ids := bundle.ids(sheet):
            AuditEvent.objects.record_many("read", by=seat, model=model, ids=ids)
    _receive(request, bundle)
    name, kind = (f"ho-so-{bundle.pk}.zip", "zip") if bundle.is_archive else (f"ban-in-{bundle.pk}.pdf", "pdf")
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "Content-Length": str(bundle.size)}
    return StreamingHttpResponse(bundle.content(), content_type=f"application/{kind}", headers=headers)


def _receive(request: SignedIn, bundle: Bundle) -> None:
    """Taking the answers home is their reception, as opening one of them is (design §5)."""
    if bundle.campaign_id is None or bundle.kind not in (KIND.COMMUNE_ANSWERS, KIND.CAMPAIGN_ANSWERS, KIND.ARCHIVE):
        return
    seat = request.user.acting(Action.RECEIVE, bundle.organization)
    forms = bundle.ids(Sheet.FILES, Sheet.ORIGINALS)
    answered = EvaluationRequest.objects.filter(campaign=bundle.campaign_id, state=EvaluationRequest.State.ANSWERED)
    for start in range(0, len(forms), AT_ONCE):
        versions = AssessmentVersion.objects.filter(form__in=forms[start : start + AT_ONCE])
        move_all(
            answered.filter(assessment__in=versions.values("assessment")), EvaluationRequest.State.RECEIVED, by=seat
        )


def _load(request: SignedIn, bundle_id: int) -> Bundle:
    found = Bundle.objects.for_user(request.user).select_related("organization", "other", "made_by__user")
    return get_object_or_404(found, pk=bundle_id)


def _reader(request: SignedIn, bundle: Bundle) -> Seat:
    """The seat by which this person may have the copy."""
    place = bundle.organization
    near = [seat for seat in request.user.seats_now if place.path.startswith(seat.organization.path)]
    return max(near, key=lambda seat: len(seat.organization.path))
