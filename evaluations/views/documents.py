"""Stored paper and the preview of paper that is not issued yet."""

from django.db.models import Q
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_GET

from evaluations.documents import render as render_document
from evaluations.forms.keying import content_type
from evaluations.models import Document, DocumentFile, EvaluationRequest
from evaluations.models.keying import drafts_within_reach
from members.models import AuditEvent, Seat, User
from members.roles import Action
from members.states import Refused


def pdf(content: bytes, name: str) -> HttpResponse:
    """A PDF shown in the browser; the file name carries no personal data."""
    return HttpResponse(
        content, content_type="application/pdf", headers={"Content-Disposition": f'inline; filename="{name}.pdf"'}
    )


@require_GET
def stored_file(request: HttpRequest, document_id: int) -> HttpResponse:
    """The stored bytes; opening an answer is its reception by the asker (design §5)."""
    assert isinstance(request.user, User)
    issued = Document.objects.exclude(state__in=[Document.State.DRAFT, Document.State.FOR_SIGNATURE])
    document = get_object_or_404(issued.readable_by(request.user), pk=document_id)
    if replaced := _no_longer_holds(request, document):
        return replaced
    stored = document.file_to_read()
    if stored is None and document.keyed_by_id:
        pictures = document.files.filter(kind=DocumentFile.Kind.SCAN).defer("content")
        if first := pictures.order_by("pk").first():
            picture = redirect("evaluations:document_scan", document.pk, first.pk)
            picture["Location"] += "?ban-cu" if "ban-cu" in request.GET else ""
            return picture
        raise Http404  # paper without a picture: the sheet itself is at the office
    if stored is None:
        waiting = render(request, "evaluations/document_waiting.html", {"document": document}, status=202)
        if not document.render_error:
            waiting["Refresh"] = "3"
        return waiting
    _receive(document, request.user)
    AuditEvent.objects.record("read", by=_reader(document, request.user), on=document)
    return pdf(bytes(stored.content), f"van-ban-{document.pk}")


@require_GET
def scan(request: HttpRequest, document_id: int, file_id: int) -> HttpResponse:
    """A picture of the paper as it was uploaded; opening that of an answer is its reception too."""
    assert isinstance(request.user, User)
    issued = Document.objects.exclude(state__in=[Document.State.DRAFT, Document.State.FOR_SIGNATURE])
    readable = Q(document__in=issued.readable_by(request.user)) | Q(document__in=drafts_within_reach(request.user))
    scans = DocumentFile.objects.filter(readable, kind=DocumentFile.Kind.SCAN, document=document_id)
    found = get_object_or_404(scans.select_related("document__issuer"), pk=file_id)
    content, document = bytes(found.content), found.document
    if replaced := _no_longer_holds(request, document):
        return replaced
    _receive(document, request.user)
    AuditEvent.objects.record("read", by=_reader(document, request.user), on=document)
    # What it is was told by its first bytes when it came in; a browser must not guess again.
    kind = content_type(content) or "application/octet-stream"
    name = f"ban-chup-{found.pk}.{kind.rpartition('/')[2]}"
    headers = {"Content-Disposition": f'inline; filename="{name}"', "X-Content-Type-Options": "nosniff"}
    return HttpResponse(content, content_type=kind, headers=headers)


@require_GET
def stamped(request: HttpRequest, document_id: int) -> HttpResponse:
    """The scanned copy with signature and seal, for whoever may read what was issued."""
    assert isinstance(request.user, User)
    issued = Document.objects.exclude(state__in=[Document.State.DRAFT, Document.State.FOR_SIGNATURE])
    document = get_object_or_404(issued.readable_by(request.user), pk=document_id)
    if document.stamped is None:
        raise Http404
    if replaced := _no_longer_holds(request, document):
        return replaced
    _receive(document, request.user)
    AuditEvent.objects.record("read", by=_reader(document, request.user), on=document, fields=["stamped"])
    return pdf(bytes(document.stamped.content), f"ban-dong-dau-{document.pk}")


def _no_longer_holds(request: HttpRequest, document: Document) -> HttpResponse | None:
    """Before the bytes of a paper that was replaced or withdrawn: a page that says so and leads to what holds now."""
    if document.state not in (Document.State.REPLACED, Document.State.WITHDRAWN) or "ban-cu" in request.GET:
        return None
    assert isinstance(request.user, User)
    newer = Document.objects.none()
    if document.version:
        newer = Document.objects.readable_by(request.user).filter(
            version__assessment=document.version.assessment_id, state=Document.State.ISSUED
        )
    return render(request, "evaluations/document_replaced.html", {"document": document, "newer": newer.first()})


def _receive(document: Document, user: User) -> None:
    if document.genre != Document.Genre.ASSESSMENT_FORM:
        return
    opened = EvaluationRequest.objects.for_asker(user, Action.RECEIVE).filter(
        assessment__versions__form=document, state=EvaluationRequest.State.ANSWERED
    )
    for matter in opened.select_related("asker_now"):
        try:
            matter.receive(by=user.acting(Action.RECEIVE, matter.asker_now))
        except Refused:
            continue  # somebody of the same office opened it a moment earlier


def _reader(document: Document, user: User) -> Seat | User:
    """The seat by which the document was opened, for the history; the person himself when it is about him."""
    near = {document.issuer_id, document.recipient_id, document.issuer.parent_id}
    if document.version_id:
        asked = EvaluationRequest.objects.filter(assessment__versions=document.version_id)
        near |= set(asked.values_list("asker_now", flat=True))
    return next((seat for seat in user.seats_now if seat.organization_id in near), user)


@require_GET
def preview(request: HttpRequest, document_id: int) -> HttpResponse:
    """Paper before it is issued, marked DỰ THẢO: the same template and facts, rendered now and not kept."""
    assert isinstance(request.user, User)
    drafts = Document.objects.filter(state__in=[Document.State.DRAFT, Document.State.FOR_SIGNATURE])
    own = request.user.reach(Action.PREPARE, "issuer__") | request.user.reach(Action.SIGN, "issuer__")
    document = get_object_or_404(drafts.filter(own), pk=document_id)
    AuditEvent.objects.record("read", by=_reader(document, request.user), on=document)
    rendered = render_document(document.genre, document.facts, is_draft=True)
    return pdf(rendered.content, f"du-thao-{document.pk}")
