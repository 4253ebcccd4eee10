"""The commune's letters received: entering them in the book, and giving their members to residence cells."""

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.db.models import Count, F, Min, QuerySet
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from evaluations import tasks
from evaluations.forms.commune import AssignForm, Outcome, RegisterForm
from evaluations.models import Document, EvaluationRequest
from evaluations.models.requests import register as enter_in_book
from members.middleware import SignedIn
from members.models import AuditEvent, Organization, Seat, User
from members.roles import Action, Side

ROWS = 50
# A ward may have thousands waiting in the first week; what is saved makes room for the next.
GRID_ROWS = 150
AT_ONCE = 1000  # that one press sends to their cells


def letters_to(user: User) -> QuerySet[Document]:
    """Request letters sent to the communes the user works for."""
    reach = user.reach(Action.SEE_RESIDENTS, "recipient__", Side.RESIDENCE)
    letters = Document.objects.filter(reach, genre=Document.Genre.REQUEST_LETTER, state=Document.State.ISSUED)
    return letters.select_related("issuer", "recipient")


def commune_within(user: User, commune_id: int) -> Organization:
    """The commune, if the user works for it on the residence side; else 404."""
    reach = user.reach(Action.SEE_RESIDENTS, "", Side.RESIDENCE)
    return get_object_or_404(Organization.objects.communes().filter(reach), pk=commune_id)


@require_GET
def letter_list(request: SignedIn) -> HttpResponse:
    if not request.user.may(Action.SEE_RESIDENTS):
        raise PermissionDenied
    letters = letters_to(request.user).annotate(people=Count("requests"), due_on=Min("requests__due_on"))
    ordered = letters.order_by(F("registered_at").desc(nulls_first=True), "issued_on", "pk")
    page = Paginator(ordered, ROWS).get_page(request.GET.get("trang"))
    return render(
        request,
        "evaluations/letters_in.html",
        {
            "page": page,
            "has_communes": len({letter.recipient_id for letter in page}) > 1,
            "paper_at": [
                seat.organization for seat, _ in request.user.grants(Action.REGISTER) if seat.organization.unit
            ][:1],
            "new": letters_to(request.user).filter(registered_at=None).count(),
        },
    )


@require_GET
def page(request: SignedIn, document_id: int) -> HttpResponse:
    letter = get_object_or_404(letters_to(request.user), pk=document_id)
    return _letter_page(request, letter, RegisterForm())


@require_POST
def register(request: SignedIn, document_id: int) -> HttpResponse:
    letter = get_object_or_404(letters_to(request.user), pk=document_id)
    by = request.user.acting(Action.REGISTER, recipient_of(letter))
    form = RegisterForm(request.POST)
    if not form.is_valid():
        return _letter_page(request, letter, form)
    count = enter_in_book(letter, form.cleaned_data["number"], by=by)
    messages.success(request, f"Đã vào sổ công văn đến; {count} đồng chí chờ phân về chi bộ.")
    return redirect("evaluations:letter_in", letter.pk)


def _letter_page(request: SignedIn, letter: Document, form: RegisterForm) -> HttpResponse:
    commune = recipient_of(letter)
    matters = list(letter.requests.listed().select_related("placement"))
    by = request.user.acting(Action.SEE_RESIDENTS, commune)
    AuditEvent.objects.record_many("read", by=by, model=EvaluationRequest, ids=[matter.pk for matter in matters])
    return render(
        request,
        "evaluations/letter_in.html",
        {
            "letter": letter,
            "commune": commune,
            "matters": matters,
            "due_on": min((matter.due_on for matter in matters), default=None),
            "waiting": sum(matter.state == EvaluationRequest.State.AT_COMMUNE for matter in matters),
            "has_file": letter.files.filter(kind="issued").exists(),
            "form": form,
            "may_register": letter.registered_at is None and granted(request.user, Action.REGISTER, commune),
            "scans": letter.files.filter(kind="scan").defer("content").order_by("pk"),
            "may_list": bool(letter.keyed_by_id) and granted(request.user, Action.REGISTER, commune),
            "may_assign": granted(request.user, Action.ASSIGN, commune),
        },
    )


def recipient_of(letter: Document) -> Organization:
    assert letter.recipient is not None
    return letter.recipient


def granted(user: User, action: Action, organization: Organization) -> bool:
    """Whether to offer the button; the view behind it asks again."""
    try:
        user.acting(action, organization)
    except PermissionDenied:
        return False
    return True


@require_http_methods(["GET", "POST"])
def assign(request: SignedIn, commune_id: int) -> HttpResponse:
    commune = commune_within(request.user, commune_id)
    by = request.user.acting(Action.ASSIGN, commune)
    waiting = EvaluationRequest.objects.filter(residence_commune=commune, state=EvaluationRequest.State.AT_COMMUNE)
    rows = waiting.select_related("member", "placement", "asker_now", "letter", "campaign")
    rows = rows.order_by("placement__cell_written_key", "member__sort_key", "pk")
    if "accept" in request.POST:
        return _accept(request, AssignForm.of_proposals(commune, rows[:AT_ONCE]), by)
    if request.method == "POST":
        posted = _posted(request)
        form = AssignForm(commune, rows.filter(pk__in=posted), request.POST)
        if "fill" in request.POST:
            form = form.filled()
        elif form.is_valid():
            lost = sum(bool(value) and pk not in form.matters for pk, value in posted.items())
            _tell(request, form.save(by=by), lost=lost)
            tasks.wake()
            return redirect("evaluations:assign", commune.pk)
    else:
        form = AssignForm(commune, rows[:GRID_ROWS])
    AuditEvent.objects.record_many("read", by=by, model=EvaluationRequest, ids=list(form.matters))
    total = waiting.count()
    return render(request, "evaluations/assign.html", {"commune": commune, "form": form, "total": total})


def _accept(request: SignedIn, form: AssignForm, by: Seat) -> HttpResponse:
    """Nhận tất cả đề xuất: everybody about whom there is no doubt, also those on the following pages."""
    if form.is_valid():
        _tell(request, form.save(by=by), lost=0)
        if form.unsure:
            messages.info(request, f"Còn {len(form.unsure)} đồng chí chưa chắc, xin xem từng dòng dưới đây.")
        tasks.wake()
    return redirect("evaluations:assign", form.commune.pk)


def _posted(request: SignedIn) -> dict[int, str]:
    """What was chosen for the rows the page showed: a letter registered meanwhile shifts none of them."""
    rows = {name.removeprefix("cell-"): str(value) for name, value in request.POST.items() if name.startswith("cell-")}
    return {int(pk): value for pk, value in rows.items() if pk.isascii() and pk.isdigit() and len(pk) < 19}


def _tell(request: SignedIn, outcome: Outcome, *, lost: int) -> None:
    done = [
        f"phân {outcome.assigned} đồng chí về chi bộ" if outcome.assigned else "",
        f"lập {outcome.created} chi bộ mới" if outcome.created else "",
        f"chuyển lại {outcome.declined} đồng chí" if outcome.declined else "",
    ]
    if any(done):
        messages.success(request, f"Đã {', '.join(part for part in done if part)}.")
    elif not outcome.gone + lost:
        messages.info(request, "Chưa chọn chi bộ cho đồng chí nào, nên chưa có gì thay đổi.")
    if gone := outcome.gone + lost:
        messages.warning(request, f"{gone} đồng chí vừa được cán bộ khác xử lý, lựa chọn ở đây không ghi đè.")
