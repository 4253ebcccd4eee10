"""Somebody moves, retires, dies, leaves: what happens to the open requests is read first, then written down."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from evaluations import tasks
from evaluations.forms.moves import (
    DeathForm,
    LeavingForm,
    MoveForm,
    ResidenceForm,
    RetirementForm,
    WorkplaceForm,
)
from evaluations.models.move_plans import Effect, Plan, plan_of
from evaluations.models.moves import PlanChanged, carry_out
from members.middleware import SignedIn
from members.models import AuditEvent, Member, Membership, Seat
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
                carry_out(plan.change, by=seat, seen=plan.seal)
            except PlanChanged as changed:
                plan, refusal = plan_of(form.said()), str(changed)
            except Refused as refused:
                refusal = str(refused)
            else:
                return _done(request, plan)
        elif request.POST.get("seen"):
            refusal = "Danh sách dưới đây vừa thay đổi theo điều đồng chí sửa. Xin xem lại rồi ghi vào sổ."
    elif not form.is_bound and (usual := form.usual()):
        plan = plan_of(usual)
    AuditEvent.objects.record("read", by=seat, on=member)
    context = {"form": form, "member": member, "membership": membership, "plan": plan, "refusal": refusal}
    context["placement"] = open_placement(member)
    return render(request, "evaluations/move.html", context, status=409 if refusal else 200)


def _load(request: SignedIn, member_id: int) -> tuple[Member, Membership, Seat]:
    member = get_object_or_404(Member.objects.for_user(request.user), pk=member_id)
    membership = open_membership(member)
    assert membership is not None  # without one the member is in nobody's reach
    return member, membership, request.user.acting(Action.KEEP_ROSTER, membership.cell)


def _done(request: SignedIn, plan: Plan) -> HttpResponse:
    tasks.wake()
    count = sum(row.effect in (Effect.RESENT, Effect.SPLIT, Effect.REDIRECTED) for row in plan.consequences)
    waits = f" {count} đề nghị chờ ký phát hành công văn gửi nơi mới." if count else ""
    messages.success(request, f"Đã ghi vào sổ: {plan.change.kind.label} từ ngày {plan.change.on:%d/%m/%Y}.{waits}")
    is_still_ours = Member.objects.for_user(request.user).filter(pk=plan.change.member.pk).exists()
    return redirect(
        reverse("members:member_page", args=[plan.change.member.pk])
        if is_still_ours
        else reverse("members:member_list")
    )
