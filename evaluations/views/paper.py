"""From the code on a sheet of paper to the page where its matter is worked on; else to what anybody may know of it."""

from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.views import redirect_to_login
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.views.decorators.http import require_GET

from evaluations.models import Assessment, AssessmentVersion, Campaign, Document, EvaluationRequest
from evaluations.models.keying import within_keyers_reach
from evaluations.models.paper_codes import PaperKind, paper_code, read_grid_number, read_paper_code
from evaluations.views.letters_in import letters_to
from members.middleware import SignedIn
from members.models import Organization, User
from members.models.conflicts import without_conflicts
from members.roles import Action, Side

SENT = (AssessmentVersion.State.SUBMITTED, AssessmentVersion.State.CONFIRMED)
UNKNOWN = "Mã này không đúng. Xin đối chiếu từng chữ với mã in ở góc dưới tờ giấy rồi nhập lại."


@require_GET
def find(request: SignedIn) -> HttpResponse:
    """A code typed by hand (field "Nhập mã in trên phiếu")."""
    found = read_paper_code(request.GET.get("ma", "")[:120])
    if found is None:
        messages.warning(request, UNKNOWN)
        return redirect("evaluations:home")
    return redirect("evaluations:paper_code", paper_code(*found))


@login_not_required
@require_GET
def follow(request: HttpRequest, code: str) -> HttpResponse:
    """Outside the person's reach the code of a form leads nowhere; that of an issued paper to its public check page."""
    found = read_paper_code(code[:120])
    kind, number = found or (None, 0)
    if isinstance(request.user, User):
        try:
            return _matter(request.user, kind, number)
        except Http404:
            if kind != PaperKind.DOCUMENT:
                raise
    elif kind != PaperKind.DOCUMENT:
        return redirect_to_login(request.path)
    return redirect("evaluations:check_page", paper_code(kind, number))


def _matter(user: User, kind: PaperKind | None, number: int) -> HttpResponse:
    if kind is None:
        raise Http404
    return {PaperKind.ASSESSMENT: _assessment, PaperKind.DOCUMENT: _document, PaperKind.GRID: _grid}[kind](user, number)


def _assessment(user: User, pk: int) -> HttpResponse:
    """Where this person works on it: the cell writes, the ward or the asker keys, confirms or reads."""
    related = Assessment.objects.select_related("placement__cell", "placement__commune").with_versions()
    assessment = get_object_or_404(related, pk=pk)
    placement, version = assessment.placement, assessment.latest()
    if placement.cell and _grants(user, Action.WRITE, placement.cell):
        return redirect("evaluations:cell_person", placement.cell.pk, assessment.year, placement.pk)
    if version and version.state in SENT and _grants(user, Action.CONFIRM, placement.commune):
        return redirect("evaluations:confirm_page", version.pk)
    asked = EvaluationRequest.objects.for_asker(user, Action.RECEIVE).exclude(state=EvaluationRequest.State.PREPARED)
    matter = asked.filter(placement=placement, year=assessment.year).order_by("-pk").first()
    is_answered = matter is not None and matter.state not in EvaluationRequest.UNANSWERED
    mine = without_conflicts(within_keyers_reach(user).filter(pk=pk), user, "placement__member")
    if not is_answered and mine.exists():
        return redirect("evaluations:key_form", assessment.pk)
    if matter:
        return redirect("evaluations:request_page", matter.pk)
    raise Http404


def _document(user: User, pk: int) -> HttpResponse:
    found = Document.objects.select_related("version", "recipient")
    own = user.reach(Action.PREPARE, "issuer__") | user.reach(Action.SIGN, "issuer__")
    drafts = found.filter(state__in=[Document.State.DRAFT, Document.State.FOR_SIGNATURE])
    if drafts.filter(own, pk=pk).exists():
        return redirect("evaluations:document_preview", pk)
    document = get_object_or_404(found.readable_by(user).exclude(pk__in=drafts.values("pk")), pk=pk)
    if document.version:
        return _assessment(user, document.version.assessment_id)
    if letters_to(user).filter(pk=pk).exists():
        return redirect("evaluations:letter_in", pk)
    asking = Campaign.objects.for_user(user, Action.RECEIVE).filter(documents=document)
    if document.genre == Document.Genre.REQUEST_LETTER and asking.exists():
        return redirect("evaluations:campaign_commune", document.campaign_id, document.recipient_id)
    return redirect("evaluations:document_file", pk)


def _grid(user: User, number: int) -> HttpResponse:
    """The cell's grid; for the ward the page of what is printed for the cell and handed to it."""
    cell_id, year = read_grid_number(number)
    reached = Organization.objects.residence_cells().filter(user.reach(Action.SEE_RESIDENTS, "", Side.RESIDENCE))
    cell = get_object_or_404(reached, pk=cell_id)
    page = "cell_grid" if _grants(user, Action.WRITE, cell) else "cell_print"
    return redirect(f"evaluations:{page}", cell.pk, year)


def _grants(user: User, action: Action, organization: Organization) -> bool:
    return any(seat.organization_id == organization.pk for seat, _ in user.grants(action))
