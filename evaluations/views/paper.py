"""From the code on a sheet of paper to the page where its matter is worked on."""

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.views.decorators.http import require_GET

from evaluations.models import Assessment, Document, EvaluationRequest
from evaluations.models.keying import within_keyers_reach
from evaluations.models.paper_codes import PaperKind, paper_code, read_grid_number, read_paper_code
from members.middleware import SignedIn
from members.models import Organization, User
from members.roles import Action, Side

UNKNOWN = "Mã này không đúng. Xin đối chiếu từng chữ với mã in ở góc dưới tờ giấy rồi nhập lại."


@require_GET
def find(request: SignedIn) -> HttpResponse:
    """A code typed by hand (field "Nhập mã in trên phiếu")."""
    found = read_paper_code(request.GET.get("ma", "")[:120])
    if found is None:
        messages.warning(request, UNKNOWN)
        return redirect("evaluations:home")
    return redirect("evaluations:paper_code", paper_code(*found))


@require_GET
def follow(request: SignedIn, code: str) -> HttpResponse:
    """Outside the person's reach a code leads nowhere: it must not even say whose sheet it is."""
    found = read_paper_code(code[:120])
    if found is None:
        raise Http404
    kind, number = found
    return {PaperKind.ASSESSMENT: _assessment, PaperKind.DOCUMENT: _document, PaperKind.GRID: _grid}[kind](
        request.user, number
    )


def _assessment(user: User, pk: int) -> HttpResponse:
    assessment = get_object_or_404(Assessment.objects.select_related("placement__cell", "placement__commune"), pk=pk)
    placement = assessment.placement
    if placement.cell and _grants(user, Action.WRITE, placement.cell):
        return redirect("evaluations:cell_person", placement.cell.pk, assessment.year, placement.pk)
    if within_keyers_reach(user).filter(pk=assessment.pk).exists():
        return redirect("evaluations:key_form", assessment.pk)
    asked = EvaluationRequest.objects.for_asker(user, Action.RECEIVE)
    matter = asked.filter(placement=placement, year=assessment.year).order_by("-pk").first()
    if matter:
        return redirect("evaluations:request_page", matter.pk)
    raise Http404


def _document(user: User, pk: int) -> HttpResponse:
    document = get_object_or_404(Document.objects.readable_by(user), pk=pk)
    return redirect("evaluations:document_file", document.pk)


def _grid(user: User, number: int) -> HttpResponse:
    cell_id, year = read_grid_number(number)
    reached = Organization.objects.residence_cells().filter(user.reach(Action.WRITE, "", Side.RESIDENCE))
    cell = get_object_or_404(reached, pk=cell_id)
    return redirect("evaluations:cell_grid", cell.pk, year)


def _grants(user: User, action: Action, organization: Organization) -> bool:
    return any(seat.organization_id == organization.pk for seat, _ in user.grants(action))
