"""Quan hệ gia đình: declared by the member, by the cell or by an office, so that nobody judges his own household."""

from collections.abc import Iterable

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST

from members.forms.kinships import KinshipForm, acting_at, around, links_of
from members.middleware import SignedIn
from members.models import AuditEvent, Kinship, Member, Organization, Placement, Seat, User
from members.roles import Action
from members.states import Refused
from members.views.participation import open_cell


@require_http_methods(["GET", "POST"])
def of_cell(request: SignedIn, cell_id: int) -> HttpResponse:
    """The cell knows who is whose wife; the commune helps a cell on paper."""
    cell, seat = open_cell(request, cell_id, timezone.localdate().year, Action.SEE_RESIDENTS)
    members = Member.objects.filter(placements__in=Placement.objects.current().filter(cell=cell))
    people = acting_at([cell.pk, cell.parent_id])
    seat = request.user.acting(Action.WRITE if seat.organization_id == cell.pk else Action.STAND_IN, cell)
    back = reverse("members:kinships_of_cell", args=[cell.pk])
    return _page(request, members, people, seat, back, {"cell": cell, "may_end": _may_end(request.user, cell)})


def _may_end(user: User, cell: Organization) -> bool:
    return Organization.objects.filter(user.reach(Action.STAND_IN, ""), pk=cell.pk).exists()


@require_http_methods(["GET", "POST"])
def of_member(request: SignedIn, member_id: int) -> HttpResponse:
    """By the officer of the workplace."""
    member = get_object_or_404(Member.objects.for_user(request.user), pk=member_id)
    membership = member.memberships.get(until_on=None)
    seat = request.user.acting(Action.KEEP_ROSTER, membership.cell)
    back = reverse("members:kinships_of_member", args=[member.pk])
    return _page(request, [member], around(member), seat, back, {"member": member, "may_end": True})


@require_http_methods(["GET", "POST"])
def own(request: SignedIn) -> HttpResponse:
    """By the member himself."""
    member = request.user.member
    if member is None:
        return render(request, "members/kinships.html", {"is_own": True, "has_no_member": True})
    back = reverse("members:kinships_own")
    return _page(request, [member], around(member), request.user, back, {"is_own": True})


def _page(
    request: SignedIn,
    members: Iterable[Member],
    people: Iterable[User],
    by: Seat | User,
    back: str,
    context: dict[str, object],
) -> HttpResponse:
    form = KinshipForm(members, people, request.POST if request.method == "POST" else None)
    if form.is_valid():
        try:
            form.declare(by=by)
        except Refused as refusal:
            form.add_error(None, str(refusal))
        else:
            messages.success(request, "Đã ghi. Từ nay người khác nhận xét, xác nhận thay trong việc này.")
            return redirect(back)
    links = list(links_of(members))
    AuditEvent.objects.record_many("read", by=by, model=Kinship, ids=[link.pk for link in links])
    return render(request, "members/kinships.html", {"form": form, "links": links, **context})


@require_POST
def end(request: SignedIn, kinship_id: int) -> HttpResponse:
    """Declared by mistake, or no longer so: taken back by an office that knows the member."""
    link = get_object_or_404(Kinship.objects.in_force().select_related("member", "relative"), pk=kinship_id)
    about = [pk for pk in (link.member_id, link.relative_id) if pk]
    residents = Placement.objects.current().for_residence(request.user, Action.STAND_IN).filter(member__in=about)
    workers = Member.objects.for_user(request.user, Action.KEEP_ROSTER).filter(pk__in=about)
    if not (residents.exists() or workers.exists()):
        seen = Placement.objects.current().for_residence(request.user, Action.SEE_RESIDENTS).filter(member__in=about)
        if seen.exists() or Member.objects.for_user(request.user).filter(pk__in=about).exists():
            raise PermissionDenied("Cán bộ đảng ủy gỡ quan hệ đã khai; không ai tự gỡ của mình.")
        raise Http404
    action = Action.STAND_IN if residents.exists() else Action.KEEP_ROSTER
    link.end(by=next(seat for seat, _ in request.user.grants(action)))
    messages.success(request, "Đã gỡ quan hệ gia đình ghi nhầm hoặc không còn.")
    place = residents.first()
    if place and place.cell_id:
        return redirect("members:kinships_of_cell", place.cell_id)
    return redirect("members:kinships_of_member", link.member_id)
