"""The commune's replies: what it owes to which letter, issuing the answer, and the answers it has issued."""

from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods

from evaluations import tasks
from evaluations.forms.commune import ReplyForm
from evaluations.forms.signing import signature_of
from evaluations.models import Document, EvaluationRequest, IncomingLetter, NumberRange, NumberSeries
from evaluations.models.documents import committee_term
from evaluations.models.replies import issue_reply, replies_due
from evaluations.models.reply_facts import Asking
from evaluations.views.letters_in import commune_within, granted, letters_to
from members.middleware import SignedIn
from members.models import AuditEvent, Organization, User
from members.roles import Action, Side
from members.states import Refused

ROWS = 20


@require_GET
def due(request: SignedIn, commune_id: int) -> HttpResponse:
    commune = commune_within(request.user, commune_id)
    by = request.user.acting(Action.SEE_RESIDENTS, commune)
    issued = Document.objects.filter(issuer=commune, genre=Document.Genre.REPLY_LETTER, state=Document.State.ISSUED)
    page = Paginator(issued.select_related("recipient").order_by("-pk"), ROWS).get_page(request.GET.get("trang"))
    may_read = granted(request.user, Action.CONFIRM, commune)
    answered = _answered(list(page), request.user) if may_read else {}
    ids = {matter.pk for lines in answered.values() for matter, *_ in lines}
    if ids:
        AuditEvent.objects.record_many("read", by=by, model=EvaluationRequest, ids=ids)
    rows = replies_due(commune)
    context = {
        "commune": commune,
        "due": [(row, row.ready + row.answered) for row in rows if row.remaining or row.to_send],
        "page": page,
        "replies": [(reply, answered.get(reply.pk, [])) for reply in page],
        "may_reply": granted(request.user, Action.REPLY, commune),
        "may_print": granted(request.user, Action.CONFIRM, commune),
        "year": timezone.localdate().year,
    }
    return render(request, "evaluations/replies.html", context)


# A member in a reply, the form that was enclosed, and what the list says about him.
Line = tuple[EvaluationRequest, Document | None, str]


def _answered(replies: list[Document], user: User) -> dict[int, list[Line]]:
    """{reply id: its lines in the order of its list}; two queries. Nobody is led to what is said about himself."""
    rows = {reply.pk: [row for row in reply.facts["rows"] if "request" in row] for reply in replies}
    listed = [row for its in rows.values() for row in its]
    matters = EvaluationRequest.objects.listed().in_bulk([row["request"] for row in listed])
    forms = Document.objects.select_related("version").in_bulk([row["form"] for row in listed if row["form"]])
    return {
        pk: [
            (matters[row["request"]], forms.get(row["form"]), row["result"])
            for row in its
            if row["request"] in matters and matters[row["request"]].member_id != (user.member_id or 0)
        ]
        for pk, its in rows.items()
    }


@require_http_methods(["GET", "POST"])
def issue(request: SignedIn, document_id: int) -> HttpResponse:
    return _issue(request, get_object_or_404(letters_to(request.user), pk=document_id))


@require_http_methods(["GET", "POST"])
def issue_on_paper(request: SignedIn, incoming_id: int) -> HttpResponse:
    """The same for a letter that arrived on paper and was entered by hand."""
    reach = request.user.reach(Action.SEE_RESIDENTS, "commune__", Side.RESIDENCE)
    letters = IncomingLetter.objects.filter(reach).select_related("asker", "commune")
    return _issue(request, get_object_or_404(letters, pk=incoming_id))


def _issue(request: SignedIn, letter: Document | IncomingLetter) -> HttpResponse:
    asking = Asking(letter)
    commune = asking.commune
    by = request.user.acting(Action.REPLY, commune)
    form = _reply_form(commune, request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        try:
            signature = signature_of(form.cleaned_data["signer"])
            copies = form.cleaned_data["copies"]
            reply = issue_reply(letter, form.choice(), by=by, copies=copies, signature=signature)
        except Refused as refusal:
            form.add_error(None, str(refusal))
        else:
            tasks.wake()
            messages.success(request, f"Đã phát hành công văn trả lời {reply.label[:1].lower()}{reply.label[1:]}.")
            return redirect("evaluations:replies", commune.pk)
    row = next((row for row in replies_due(commune) if row.asking.ids == asking.ids), None)
    context: dict[str, Any] = {"asking": asking, "commune": commune, "row": row, "form": form}
    return render(request, "evaluations/reply_issue.html", context)


def _reply_form(commune: Organization, data: QueryDict | None) -> ReplyForm:
    """The commune's book of letters sent; it is not there before the first letter of a term."""
    sign = Document.SIGNS[Document.Genre.REPLY_LETTER]
    term = committee_term(timezone.localdate())
    book = NumberSeries.objects.filter(organization=commune, genre_sign=sign, term=term).first()
    blocks = list(book.ranges.filter(kind=NumberRange.Kind.RESERVED).order_by("first")) if book else []
    return ReplyForm(commune, book.free_numbers(1) if book else [1], blocks, data)
