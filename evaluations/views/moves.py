"""Somebody moves, retires, dies, leaves: what happens to the open requests is read first, then written down."""

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods

from evaluations import tasks
from evaluations.forms.moves import (
    AcceptForm,
    DeathForm,
    LeavingForm,
    MoveForm,
    RefuseForm,
    ResidenceForm,
    RetirementForm,
    WorkplaceForm,
)
from evaluations.models import Transfer
from evaluations.models.move_plans import plan_of
from evaluations.models.moves import PlanChanged
from evaluations.models.transfers import on_the_way
from members.middleware import SignedIn
from members.models import AuditEvent, Member, Membership, Seat, User
from members.models.moves import open_membership, open_placement
from members.roles import Action
from members.states import Refused


@require_http_methods(["GET", "POST"])
def residence(request: SignedIn, member_id: int) -> HttpResponse:
    return _page(request, member_id, ResidenceForm)


@require_http_methods(["GET", "POST"])
def workplace(request: SignedIn, member_id: int) -> HttpResponse:
    return _page(request, member_id, WorkplaceForm)


@require_http_methods(["GET", "POST"])
def retirement(request: SignedIn, member_id: int) -> HttpResponse:
    return _page(request, member_id, RetirementForm)


@require_http_methods(["GET", "POST"])
def death(request: SignedIn, member_id: int) -> HttpResponse:
    return _page(request, member_id, DeathForm)


@require_http_methods(["GET", "POST"])
def leaving(request: SignedIn, member_id: int) -> HttpResponse:
    return _page(request, member_id, LeavingForm)


def _page(request: SignedIn, member_id: int, kind: type[MoveForm]) -> HttpResponse:
    """The first press shows what would happen; the second writes it, if that is still what would happen."""
    member, membership, seat = _load(request, member_id)
    form = kind(member, membership, request.POST if request.method == "POST" else None)
    plan, refusal = None, ""
    if form.is_bound and form.is_valid():
        plan = plan_of(form.said())
        if request.POST.get("seen") == plan.seal:
            try:
                said = form.save(plan, by=seat)
            except PlanChanged as changed:
                plan, refusal = plan_of(form.said()), str(changed)
            except Refused as refused:
                refusal = str(refused)
            else:
                return _done(request, member, said)
        elif request.POST.get("seen"):
            refusal = "Danh sách dưới đây vừa thay đổi theo điều đồng chí sửa. Xin xem lại rồi ghi vào sổ."
    elif not form.is_bound and (usual := form.usual()):
        plan = plan_of(usual)
    AuditEvent.objects.record("read", by=seat, on=member)
    context = {"form": form, "member": member, "membership": membership, "plan": plan, "refusal": refusal}
    context |= {"placement": open_placement(member), "on_the_way": on_the_way(member)}
    return render(request, "evaluations/move.html", context, status=409 if refusal else 200)


def _load(request: SignedIn, member_id: int) -> tuple[Member, Membership, Seat]:
    member = get_object_or_404(Member.objects.for_user(request.user), pk=member_id)
    membership = open_membership(member)
    assert membership is not None  # without one the member is in nobody's reach
    return member, membership, request.user.acting(Action.KEEP_ROSTER, membership.cell)


def _done(request: SignedIn, member: Member, said: str) -> HttpResponse:
    tasks.wake()
    messages.success(request, said)
    if Member.objects.for_user(request.user).filter(pk=member.pk).exists():
        return redirect("members:member_page", member.pk)
    return redirect("members:member_list")


@require_http_methods(["GET", "POST"])
def transfer(request: SignedIn, transfer_id: int) -> HttpResponse:
    """A member comes from another committee: taken over or not by the new one, withdrawn by the old one."""
    asked, seat, is_ours = _transfer(request.user, transfer_id)
    posted = request.POST if request.method == "POST" and asked.state == Transfer.State.ASKED else None
    do = posted and posted.get("do")
    accept = AcceptForm(asked, posted if do == "accept" else None)
    refuse = RefuseForm(posted if do == "refuse" else None)
    said = ""
    if do == "withdraw" and not is_ours:
        asked.withdraw(by=seat)
        said = "Đã rút đề nghị chuyển. Đồng chí này vẫn sinh hoạt như cũ."
    elif is_ours and refuse.is_bound and refuse.is_valid():
        asked.refuse(refuse.cleaned_data["answer"], by=seat)
        said = f"Đã báo {asked.from_committee.name}: chưa tiếp nhận."
    elif is_ours and accept.is_bound and accept.is_valid():
        data = accept.cleaned_data
        asked.accept(data["cell"], by=seat, position=data["position"], seen=request.POST.get("seen"))
        said = f"Đã tiếp nhận đồng chí {asked.member.full_name} về {data['cell'].name}."
    if said:
        return _done(request, asked.member, said)
    AuditEvent.objects.record("read", by=seat, on=asked.member)
    plan = plan_of(asked.change()) if asked.state == Transfer.State.ASKED else None
    context = {"transfer": asked, "plan": plan, "accept": accept, "refuse": refuse, "is_ours": is_ours}
    return render(request, "evaluations/transfer.html", context)


def _transfer(user: User, transfer_id: int) -> tuple[Transfer, Seat, bool]:
    """The question within reach of either end, the seat that deals with it, and whether that is the receiving end."""
    rows = Transfer.objects.for_user(user).select_related("member", "from_committee", "to_committee", "asked_by__user")
    asked = get_object_or_404(rows, pk=transfer_id)
    try:
        return asked, user.acting(Action.KEEP_ROSTER, asked.to_committee), True
    except PermissionDenied:
        return asked, user.acting(Action.KEEP_ROSTER, asked.from_committee), False
