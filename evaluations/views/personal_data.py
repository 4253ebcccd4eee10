"""Dữ liệu cá nhân: records whose time is over, and what a person asks about the data held."""

from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from evaluations import tasks
from evaluations.forms.personal_data import PaperForm
from evaluations.models import Destruction
from evaluations.models.data_requests import DataRequest, erase, people_within
from evaluations.models.destructions import cutoff, expired
from evaluations.person_file import hand_over, sheets_about
from evaluations.retention import kinds, with_list
from members.middleware import SignedIn
from members.models import AuditEvent, Member, Organization, Seat
from members.names import search_key
from members.roles import Action
from members.sign_in import just_confirmed
from members.states import Refused

FOUND = 20
DONE = 30


def _offices(request: SignedIn, *actions: Action) -> dict[int, Seat]:
    return {seat.organization_id: seat for action in actions for seat, _ in request.user.grants(action)}


@require_GET
def home(request: SignedIn) -> HttpResponse:
    """What has expired, the lists under way, and looking up a person."""
    offices = _offices(request, Action.KEEP_DATA, Action.APPROVE_DATA)
    if not offices:
        raise PermissionDenied("Dữ liệu cá nhân là việc của cán bộ được giao nhiệm vụ này.")
    keeping = _offices(request, Action.KEEP_DATA)
    words = request.GET.get("tim", "")[:120]
    context = {
        "rows": [(seat.organization, _expired(seat.organization)) for seat in keeping.values()],
        "lists": Destruction.objects.for_user(request.user)
        .defer("ids")
        .select_related("organization", "proposed_by__user", "minutes")
        .order_by("-pk")[:DONE],
        "may_look_up": bool(keeping),
        "words": words,
        "people": _people(request, words, next(iter(keeping.values()), None)),
        "kinds": kinds().values(),
    }
    return render(request, "evaluations/personal_data.html", context)


def _expired(place: Organization) -> list[dict[str, Any]]:
    return [
        {"kind": kind, "before": cutoff(kind), "count": expired(kind, place, cutoff(kind)).count()}
        for kind in with_list()
    ]


def _people(request: SignedIn, words: str, seat: Seat | None) -> list[Member] | None:
    keys = search_key(words).split()
    if not keys or seat is None:
        return None
    found = people_within(request.user)
    for key in keys:
        found = found.filter(search_key__contains=key)
    people = list(found.prefetch_related("memberships__cell", "placements__commune").order_by("sort_key", "pk")[:FOUND])
    if people:
        AuditEvent.objects.record_many("read", by=seat, model=Member, ids=[member.pk for member in people])
    return people


@require_POST
def propose(request: SignedIn, organization_id: int) -> HttpResponse:
    """A list of one kind of expired records, to be approved by somebody else."""
    places = Organization.objects.filter(request.user.reach(Action.KEEP_DATA, ""))
    place = get_object_or_404(places, pk=organization_id)
    seat = request.user.acting(Action.KEEP_DATA, place)
    kind = kinds().get(request.POST.get("kind", ""))
    if kind is None or not kind.years:
        raise Refused("Xin chọn loại hồ sơ trong danh sách.")
    row = Destruction.objects.propose(kind, place, by=seat)
    messages.success(request, f"Đã lập danh mục {row.count} hồ sơ, chờ phê duyệt.")
    return redirect("evaluations:destruction", row.pk)


@require_http_methods(["GET", "POST"])
def destruction(request: SignedIn, destruction_id: int) -> HttpResponse:
    """One list: what it holds by number, who did what; approve, drop or destroy."""
    found = Destruction.objects.for_user(request.user).select_related(
        "organization", "proposed_by__user", "approved_by__user", "destroyed_by__user", "minutes"
    )
    row = get_object_or_404(found, pk=destruction_id)
    place, what = row.organization, request.POST.get("do", "")
    if request.method == "POST":
        if what == "destroy":
            row.destroy(by=request.user.acting(Action.KEEP_DATA, place))
            tasks.wake()
            messages.success(request, "Đã tiêu hủy và lập biên bản.")
        elif what in ("approve", "drop"):
            seat = request.user.acting(Action.APPROVE_DATA, place)
            (row.approve if what == "approve" else row.drop)(by=seat)
            messages.success(request, "Đã phê duyệt." if what == "approve" else "Đã ghi: không tiêu hủy.")
        return redirect("evaluations:destruction", row.pk)
    offices = {action: place.pk in _offices(request, action) for action in (Action.KEEP_DATA, Action.APPROVE_DATA)}
    context = {
        "row": row,
        "may_approve": offices[Action.APPROVE_DATA] and row.proposed_by.user_id != request.user.pk,
        "may_destroy": offices[Action.KEEP_DATA],
    }
    return render(request, "evaluations/destruction.html", context)


@require_http_methods(["GET", "POST"])
@just_confirmed
def person(request: SignedIn, member_id: int) -> HttpResponse:
    """Everything held about one person: by table and number; given out, or erased, on a paper with a number."""
    member = get_object_or_404(people_within(request.user), pk=member_id)
    seat = next(iter(_offices(request, Action.KEEP_DATA).values()))
    what = request.POST.get("what", "")
    forms = {name: PaperForm(name, request.POST if what == name else None) for name in ("export", "erase")}
    if what in forms and forms[what].is_valid():
        said = forms[what].cleaned_data
        if what == "erase":
            erase(member, said["paper_no"], said["reason"], by=seat)
            messages.success(request, "Đã xóa nội dung chi tiết trong lịch sử và các mục mã hóa của đồng chí này.")
            return redirect("evaluations:personal_file", member.pk)
        content = hand_over(member, said["paper_no"], said["reason"], by=seat)
        headers = {"Content-Disposition": f'attachment; filename="du-lieu-{member.pk}.zip"'}
        return HttpResponse(content, content_type="application/zip", headers=headers)
    AuditEvent.objects.record("read", by=seat, on=member)
    context = {
        "member": member,
        "membership": member.memberships.filter(until_on=None).select_related("cell").first(),
        "sheets": [(sheet.name, len(sheet.rows)) for sheet in sheets_about(member)],
        "requests": DataRequest.objects.filter(member=member).select_related("made_by__user").order_by("-pk"),
        "export_form": forms["export"],
        "erase_form": forms["erase"],
    }
    return render(request, "evaluations/personal_file.html", context)
