"""Nhiệm vụ được phân công: who holds what at an organisation, giving a seat, ending and prolonging it."""

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.db.models import Exists, OuterRef, Prefetch, Q, QuerySet
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_GET, require_http_methods

from members.forms.seats import AppointForm, TenureForm
from members.middleware import SignedIn
from members.models import AuditEvent, Organization, Seat, User
from members.models.tenures import giver_of, givers, holders, may_change, roles_to_give, set_end
from members.names import search_key
from members.roles import Action, Role
from members.states import Refused

ROWS = 50


def within(user: User) -> QuerySet[Organization]:
    """Organisations whose seats this person may see: those he gives seats at, and his own."""
    own = [seat.organization_id for seat in user.seats_now]
    on_system = Organization.objects.exclude(kind=Organization.Kind.EXTERNAL).select_related("parent")
    return on_system.filter(user.reach(Action.APPOINT, "") | Q(pk__in=own))


@require_GET
def organizations(request: SignedIn) -> HttpResponse:
    """Where seats are given, those without anybody first; found by name."""
    if not request.user.may(Action.APPOINT):
        raise PermissionDenied("Phân công nhiệm vụ là việc của cán bộ cấp ủy.")
    words = request.GET.get("tim", "").strip()[:120]
    places = within(request.user).filter(closed_on=None)
    for word in search_key(words).split():
        places = places.filter(search_key__contains=word)
    held = Seat.objects.current().select_related("user", "organization").order_by("role", "as_deputy", "pk")
    is_held = Exists(Seat.objects.current().filter(organization=OuterRef("pk")))
    rows = places.annotate(is_held=is_held).order_by("is_held", "path")
    rows = rows.prefetch_related(Prefetch("seats", held, to_attr="held"))
    page = Paginator(rows, ROWS).get_page(request.GET.get("trang"))
    return render(request, "members/seat_list.html", {"page": page, "words": words, "query": f"tim={words}&"})


@require_GET
def page(request: SignedIn, organization_id: int) -> HttpResponse:
    organization = get_object_or_404(within(request.user), pk=organization_id)
    now, coming, past = holders(organization)
    changeable = {seat.pk for seat in [*now, *coming] if may_change(request.user, seat)}
    by = next(iter(givers(request.user, organization)), request.user)
    AuditEvent.objects.record_many("read", by=by, model=Seat, ids=[seat.pk for seat in (*now, *coming, *past)])
    context = {
        "organization": organization,
        "groups": [("Đang giữ nhiệm vụ", now), ("Sẽ nhận nhiệm vụ", coming), ("Đã thôi nhiệm vụ", past)],
        "changeable": changeable,
        "may_appoint": bool(roles_to_give(request.user, organization)) and organization.closed_on is None,
        "roles": sorted({(seat.role, Role(seat.role).label) for seat in (*now, *coming, *past)}),
    }
    return render(request, "members/seats.html", context)


@require_http_methods(["GET", "POST"])
def give(request: SignedIn, organization_id: int) -> HttpResponse:
    organization = get_object_or_404(within(request.user), pk=organization_id)
    if not roles_to_give(request.user, organization):
        raise PermissionDenied(f"Đồng chí không phân công nhiệm vụ tại {organization.name}.")
    form = AppointForm(organization, request.user, request.POST if request.method == "POST" else None)
    if form.is_valid():
        by = giver_of(request.user, organization, Role(form.cleaned_data["role"]), form.cleaned_data["from_on"])
        try:
            if by is None:
                raise Refused("Nhiệm vụ này đã có người giữ trong thời gian đó; người của cấp ủy ấy phân công thêm.")
            seat = form.save(by=by)
        except Refused as refusal:
            form.add_error(None, str(refusal))
        else:
            messages.success(request, f"Đã giao nhiệm vụ {seat.title.lower()} cho đồng chí {seat.user}.")
            return redirect("members:seats", organization.pk)
    return render(request, "members/seat_give.html", {"organization": organization, "form": form})


@require_http_methods(["GET", "POST"])
def tenure(request: SignedIn, seat_id: int) -> HttpResponse:
    """Until when one tenure goes: end it, prolong it."""
    seats = Seat.objects.filter(organization__in=within(request.user).values("pk"))
    seat = get_object_or_404(seats.select_related("user", "organization__parent", "granted_by__user"), pk=seat_id)
    by = may_change(request.user, seat)
    if by is None:
        raise PermissionDenied("Nhiệm vụ này do cấp ủy phân công thay đổi; không ai tự thay đổi nhiệm vụ của mình.")
    form = TenureForm(seat, request.POST if request.method == "POST" else None)
    if form.is_valid():
        try:
            set_end(seat, form.cleaned_data["until_on"], by=by)
        except Refused as refusal:
            form.add_error("until_on", str(refusal))
        else:
            until = f"đến hết ngày {seat.until_on:%d/%m/%Y}" if seat.until_on else "chưa định ngày kết thúc"
            messages.success(request, f"Đồng chí {seat.user} giữ nhiệm vụ {seat.title.lower()} {until}.")
            return redirect("members:seats", seat.organization_id)
    return render(request, "members/seat_tenure.html", {"seat": seat, "form": form})
