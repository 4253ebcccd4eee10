"""Công văn đến bằng giấy: the letter, then its people from a workbook, by hand or from the ward's own register."""

from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import OuterRef, QuerySet, Subquery
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from evaluations.forms.incoming import IncomingForm, TypedPersonForm
from evaluations.models import Document, IncomingLetter
from evaluations.models.incoming import ask_about, letter_of, take_list
from evaluations.views.letters_in import commune_within, letters_to, recipient_of
from members.forms.roster import UploadForm
from members.middleware import SignedIn
from members.models import AuditEvent, Membership, Organization, Placement, RosterImport, Seat
from members.names import search_key
from members.roles import Action
from members.views.roster import load_import

ROWS = 50


@require_http_methods(["GET", "POST"])
def new(request: SignedIn, commune_id: int) -> HttpResponse:
    commune = commune_within(request.user, commune_id)
    by = request.user.acting(Action.REGISTER, commune)
    sent: list[Any] = [request.POST, request.FILES] if request.method == "POST" else []
    form = IncomingForm(commune, *sent)
    if form.is_bound and form.is_valid():
        letter = form.save(by=by)
        messages.success(request, "Đã vào sổ công văn giấy. Tiếp theo: ghi danh sách đảng viên của công văn.")
        return redirect("evaluations:incoming_list", letter.pk)
    return render(request, "evaluations/incoming_new.html", {"commune": commune, "form": form})


def _letter(request: SignedIn, document_id: int) -> tuple[Document, Organization, Seat]:
    letter = get_object_or_404(letters_to(request.user).filter(incoming__isnull=False), pk=document_id)
    commune = recipient_of(letter)
    return letter, commune, request.user.acting(Action.REGISTER, commune)


@require_http_methods(["GET", "POST"])
def people(request: SignedIn, document_id: int) -> HttpResponse:
    """The list of the letter: a workbook, or one person typed from it."""
    letter, commune, by = _letter(request, document_id)
    is_typed = request.method == "POST" and "typed" in request.POST
    is_file = request.method == "POST" and not is_typed
    upload = UploadForm([letter.issuer], *([request.POST, request.FILES] if is_file else []))
    person = TypedPersonForm(request.POST if is_typed else None)
    if is_file and upload.is_valid():
        return _stage(letter, upload.cleaned_data["file"], upload.filename, by)
    if is_typed and person.is_valid():
        return _stage(letter, person.read, "Ghi tay từ công văn", by)
    context = {"letter": letter, "commune": commune, "upload": upload, "person": person}
    context["waiting"] = RosterImport.objects.waiting().filter(incoming__document=letter)
    context["asked"] = letter.requests.count()
    return render(request, "evaluations/incoming_list.html", context)


def _stage(letter: Document, roster: Any, filename: str, by: Seat) -> HttpResponse:
    staged = RosterImport.objects.stage(letter.issuer, roster, filename, by=by, commune=letter.recipient)
    IncomingLetter.objects.get(document=letter).rosters.add(staged)
    return redirect("members:roster_review", staged.pk)


@require_POST
def commit(request: SignedIn, import_id: int) -> HttpResponse:
    """Write the list into the register, and ask about everybody who stands on it."""
    roster, by = load_import(request.user, import_id)
    letter = get_object_or_404(letters_to(request.user), pk=letter_of(roster).pk) if roster.commune_id else None
    if letter is None:
        return redirect("members:roster_review", roster.pk)
    count = take_list(roster, by=by)
    messages.success(request, f"Đã đưa vào sổ; {count} đồng chí của công văn này chờ phân về chi bộ.")
    return redirect("evaluations:letter_in", letter.pk)


@require_http_methods(["GET", "POST"])
def pick(request: SignedIn, document_id: int) -> HttpResponse:
    """From the ward's own register."""
    letter, commune, by = _letter(request, document_id)
    register = Placement.objects.current().active().filter(commune=commune)
    if request.method == "POST":
        ids = [int(pk) for pk in request.POST.getlist("placement") if pk.isascii() and pk.isdigit() and len(pk) < 19]
        count = ask_about(letter, register.filter(pk__in=ids).order_by("pk"), by=by)
        messages.success(request, f"Đã ghi {count} đồng chí vào công văn này.")
        return redirect("evaluations:letter_in", letter.pk)
    words = request.GET.get("tim", "").strip()[:120]
    page = Paginator(_listed(register, letter, words), ROWS).get_page(request.GET.get("trang"))
    AuditEvent.objects.record_many("read", by=by, model=Placement, ids=[row.pk for row in page])
    context = {"letter": letter, "commune": commune, "page": page, "words": words}
    context["query"] = f"tim={words}&" if words else ""
    return render(request, "evaluations/incoming_pick.html", context)


def _listed(register: "QuerySet[Placement]", letter: Document, words: str) -> "QuerySet[Placement]":
    """By name, without those the letter names already; each with the workplace."""
    membership = Membership.objects.filter(member=OuterRef("member"), until_on=None)
    rows = register.exclude(member__in=letter.requests.live().values("member"))
    if words:
        rows = rows.filter(member__search_key__contains=search_key(words) or "\0")
    return (
        rows.select_related("member", "cell")
        .annotate(workplace=Subquery(membership.values("cell__parent__name")[:1]))
        .order_by("member__sort_key", "pk")
    )
