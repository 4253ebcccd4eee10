"""Bàn giao: what is open at one (organisation, role), and the minutes to print when the task changes hands."""

from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_http_methods

from evaluations.documents import render as render_document
from evaluations.forms.seat_hand_overs import MinutesForm
from evaluations.open_work import minutes, open_work
from evaluations.views.documents import pdf
from members.middleware import SignedIn
from members.models import AuditEvent, Seat
from members.models.tenures import ROLES, givers
from members.roles import Role
from members.views.seats import within


@require_http_methods(["GET", "POST"])
def page(request: SignedIn, organization_id: int, role: str) -> HttpResponse:
    organization = get_object_or_404(within(request.user), pk=organization_id)
    if role not in ROLES[organization.kind]:
        raise Http404
    seats = Seat.objects.filter(organization=organization, role=role).select_related("user", "organization")
    held = list(seats.order_by("-from_on", "-pk")[:20])
    form = MinutesForm(held, request.POST if request.method == "POST" else None)
    work = open_work(organization, role)
    by = next(iter([*givers(request.user, organization), *request.user.seats_now]))
    if form.is_valid():
        facts = minutes(organization, role, form.said() | {"work": work})
        AuditEvent.objects.record("Organization.hand_over", by=by, on=organization, fields=[role])
        return pdf(render_document("hand_over", facts).content, f"ban-giao-{organization.pk}-{role}")
    AuditEvent.objects.record_many("read", by=by, model=Seat, ids=[seat.pk for seat in held])
    own = {seat.organization_id for seat in request.user.seats_now}
    context = {"organization": organization, "role": Role(role).label, "held": held, "work": work, "form": form}
    context["may_open"] = organization.pk in own
    return render(request, "evaluations/seat_hand_over.html", context, status=409 if form.errors else 200)
