"""Papers around a cell's meetings, printed from its book to be signed by hand."""

from django.http import HttpResponse
from django.shortcuts import get_object_or_404
from django.views.decorators.http import require_GET

from evaluations.documents import render as render_document
from evaluations.models import meeting_facts
from evaluations.views.documents import pdf
from members.middleware import SignedIn
from members.models import AuditEvent, ContactMeeting, JointReview
from members.roles import Action
from members.views.participation import open_cell


@require_GET
def minutes(request: SignedIn, cell_id: int, year: int, review_id: int) -> HttpResponse:
    """Biên bản họp chi ủy với Ban công tác Mặt trận."""
    cell, seat = open_cell(request, cell_id, year, Action.RECORD)
    review = get_object_or_404(JointReview.objects.select_related("cell__parent"), pk=review_id, cell=cell, year=year)
    AuditEvent.objects.record("read", by=seat, on=review, fields=["minutes"])
    facts = meeting_facts.joint_minutes(review)
    return pdf(render_document("joint_minutes", facts).content, f"bien-ban-{review.pk}")


@require_GET
def invitations(request: SignedIn, cell_id: int, year: int, meeting_id: int) -> HttpResponse:
    """Giấy mời for everybody of the cell."""
    cell, seat = open_cell(request, cell_id, year, Action.RECORD)
    meetings = ContactMeeting.objects.select_related("cell__parent").filter(cell=cell, held_on__year=year)
    meeting = get_object_or_404(meetings, pk=meeting_id)
    AuditEvent.objects.record("read", by=seat, on=meeting, fields=["invitations"])
    facts = meeting_facts.invitations(meeting)
    return pdf(render_document("invitation", facts).content, f"giay-moi-{meeting.pk}")
