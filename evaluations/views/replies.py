"""The commune's replies: what it owes to which letter, issuing the answer, and the answers it has issued."""

from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods

from evaluations import tasks
from evaluations.forms.campaigns import NumberForm
from evaluations.models import Document, EvaluationRequest, NumberRange, NumberSeries
from evaluations.models.documents import committee_term
from evaluations.models.replies import issue_reply, replies_due
from evaluations.views.letters_in import commune_within, granted, letters_to, recipient_of
from members.middleware import SignedIn
from members.models import AuditEvent, Organization
from members.roles import Action
from members.states import Refused

ROWS = 20


@require_GET
def due(request: SignedIn, commune_id: int) -> HttpResponse:
    commune = commune_within(request.user, commune_id)
    by = request.user.acting(Action.SEE_RESIDENTS, commune)
    issued = Document.objects.filter(issuer=commune, genre=Document.Genre.REPLY_LETTER, state=Document.State.ISSUED)
    page = Paginator(issued.select_related("recipient").order_by("-pk"), ROWS).get_page(request.GET.get("trang"))
    answered = _answered(list(page)) if granted(request.user, Action.CONFIRM, commune) else {}
    ids = [matter.pk for matters in answered.values() for matter, _ in matters]
    if ids:
        AuditEvent.objects.record_many("read", by=by, model=EvaluationRequest, ids=ids)
    rows = replies_due(commune)
    context = {
        "commune": commune,
        "due": [(row, row.ready + row.answered) for row in rows if row.remaining or row.ready],
        "page": page,
        "replies": [(reply, answered.get(reply.pk, [])) for reply in page],
        "may_reply": granted(request.user, Action.REPLY, commune),
    }
    return render(request, "evaluations/replies.html", context)


def _answered(replies: list[Document]) -> dict[int, list[tuple[EvaluationRequest, Document | None]]]:
    """{reply id: its members, each with the form that was enclosed}; two queries."""
    matters = EvaluationRequest.objects.filter(reply__in=replies).listed()
    forms = Document.objects.filter(
        genre=Document.Genre.ASSESSMENT_FORM,
        state=Document.State.ISSUED,
        version__assessment__in=matters.order_by().values("assessment"),
    ).select_related("version")
    by_assessment = {form.version.assessment_id: form for form in forms if form.version}
    found: dict[int, list[tuple[EvaluationRequest, Document | None]]] = {}
    for matter in matters:
        found.setdefault(matter.reply_id or 0, []).append((matter, by_assessment.get(matter.assessment_id or 0)))
    return found


@require_http_methods(["GET", "POST"])
def issue(request: SignedIn, document_id: int) -> HttpResponse:
    letter = get_object_or_404(letters_to(request.user), pk=document_id)
    commune = recipient_of(letter)
    by = request.user.acting(Action.REPLY, commune)
    form = _number_form(commune, request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        try:
            reply = issue_reply(letter, form.choice(), by=by)
        except Refused as refusal:
            form.add_error(None, str(refusal))
        else:
            tasks.wake()
            messages.success(request, f"Đã phát hành công văn trả lời {reply.label[:1].lower()}{reply.label[1:]}.")
            return redirect("evaluations:replies", commune.pk)
    row = next((row for row in replies_due(commune) if row.letter.pk == letter.pk), None)
    context: dict[str, Any] = {"letter": letter, "commune": commune, "row": row, "form": form}
    return render(request, "evaluations/reply_issue.html", context)


def _number_form(commune: Organization, data: QueryDict | None) -> NumberForm:
    """The commune's book of letters sent; it is not there before the first letter of a term."""
    sign = Document.SIGNS[Document.Genre.REPLY_LETTER]
    term = committee_term(timezone.localdate())
    book = NumberSeries.objects.filter(organization=commune, genre_sign=sign, term=term).first()
    blocks = list(book.ranges.filter(kind=NumberRange.Kind.RESERVED).order_by("first")) if book else []
    form = NumberForm(book.free_numbers(1) if book else [1], blocks, data)
    form.fields["first"].label = "Số của công văn"
    form.fields["first"].help_text = "Chỉ ghi khi chọn nhập số."
    return form
