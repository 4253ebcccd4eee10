"""A member moves, retires, dies, leaves: the dated rows and every open request, in one act, as it was shown before."""

from typing import TYPE_CHECKING

from django.db import transaction

from evaluations.models.campaigns import TAKEN_BACK, Campaign
from evaluations.models.introductions import conclude
from evaluations.models.move_plans import (
    GONE,
    INTRODUCTION_ENDS,
    NO_RESIDENCE,
    SETTLING,
    Consequence,
    Effect,
    Kind,
    Move,
    Plan,
    open_matters,
    plan_of,
)
from evaluations.models.requests import EvaluationRequest, RequestQuerySet
from evaluations.models.rerouting import ask_instead, draft_letters, pass_on, redirect, split
from members.models import AuditEvent, EndReason, Member, Organization, Placement
from members.models import moves as rows
from members.states import Refused, move

if TYPE_CHECKING:
    from members.models import Seat

State = EvaluationRequest.State


class PlanChanged(Refused):
    """Between the page and the button somebody changed something: to be read again."""


@transaction.atomic
def carry_out(change: Move, *, by: "Seat", seen: str | None = None, drafter: "Seat | None" = None) -> Plan:
    """Write the move down and do to every open request what the plan says. `seen`: the seal of the plan shown before.

    Raises Refused for a day that does not fit, PlanChanged when something has changed since it was shown.
    """
    member = rows.hold(change.member)
    membership = rows.open_membership(member)
    if membership is None or membership.cell.side == Organization.Side.RESIDENCE:
        raise Refused("Đồng chí này không còn sinh hoạt tại nơi công tác trong sổ, nên không ghi được nữa.")
    _hold(open_matters(member))
    plan = plan_of(change)
    if seen is not None and seen != plan.seal:
        raise PlanChanged(
            "Vừa có thay đổi so với lúc đồng chí xem trước. Xin xem lại danh sách dưới đây rồi ghi vào sổ."
        )
    placement = _write(change, member, by)
    if plan.introductions:
        conclude(member, INTRODUCTION_ENDS[change.kind], by=by)
    for row in plan.consequences:
        _apply(row, change, placement, by)
    if change.kind in (*GONE, Kind.OUTSIDE):
        # Whoever has gone is not waited for elsewhere.
        for question in member.transfers.filter(state="asked"):
            question.withdraw(by=by)
    draft_letters(plan.touched, by=drafter or by)
    return plan


def _hold(matters: RequestQuerySet) -> None:
    """Nobody signs, registers or answers while this is written; campaigns first, as those who sign do."""
    campaigns = set(matters.order_by().values_list("campaign", flat=True)) - {None}
    list(Campaign.objects.select_for_update(of=("self",)).filter(pk__in=campaigns).order_by("pk"))
    ids = list(matters.values_list("pk", flat=True))
    list(EvaluationRequest.objects.select_for_update(of=("self",)).filter(pk__in=ids).order_by("pk"))


_REASONS = {
    Kind.RETIRED: EndReason.RETIRED,
    Kind.DIED: EndReason.DIED,
    Kind.LEFT: EndReason.LEFT,
    Kind.ABROAD: EndReason.ABROAD,
    Kind.OUTSIDE: EndReason.MOVED,
}


def _write(change: Move, member: Member, by: "Seat") -> Placement | None:
    """The dated rows; the placement that holds from now on, None when there is none."""
    before = rows.open_placement(member)
    placement = before
    if change.kind in SETTLING:
        placement = _settle(change, member, before)
    elif change.kind in (Kind.CELL, Kind.TRANSFER):
        assert change.cell is not None
        rows.join(member, change.cell, change.position, change.on, reason=EndReason.MOVED)
    elif change.kind == Kind.OUTSIDE:
        rows.leave(member, change.on, reason=EndReason.MOVED, note=change.note)
    else:
        placement = None
        _go(change, member, before)
    changes = {
        "on": [None, change.on],
        "commune": [before and before.commune_id, placement and placement.commune_id],
        "cell": [None, change.cell and change.cell.pk],
    }
    AuditEvent.objects.record(f"Member.{change.kind}", by=by, on=member, changes=changes)
    return placement


def _settle(change: Move, member: Member, before: Placement | None) -> Placement | None:
    if change.address:
        member.address = change.address
        member.save(update_fields=["address"])
    is_wrong = change.kind == Kind.CORRECTION
    on = before.from_on if before and is_wrong else change.on
    reason = EndReason.CORRECTED if is_wrong else EndReason.MOVED
    return rows.settle(member, change.commune, change.words, on, reason=reason)


def _go(change: Move, member: Member, placement: Placement | None) -> None:
    reason = _REASONS[change.kind]
    rows.part_from_residence(member, change.on, reason=reason)
    # HD 06, 10.3.b: whoever retires becomes a member of the cell at home. Where it is not known here, nothing follows.
    if change.kind == Kind.RETIRED and placement and placement.cell:
        rows.join(member, placement.cell, "", change.on, reason=reason)
    else:
        rows.leave(member, change.on, reason=reason, note=change.note)


def _apply(row: Consequence, change: Move, placement: Placement | None, by: "Seat") -> None:
    matter = row.matter
    if row.effect == Effect.STANDS:
        return
    if row.effect == Effect.CANCELLED:
        _cancel(matter, change, by)
        return
    if row.effect == Effect.PASSED_ON and change.committee:
        pass_on(matter, change.committee, by=by)
        return
    assert placement is not None
    if row.effect == Effect.REDIRECTED:
        redirect(matter, placement, by=by)
    elif row.effect == Effect.RESENT:
        ask_instead(matter, placement, by=by)
    else:
        split(matter, placement, row.old_part, row.new_part, by=by)


def _cancel(matter: EvaluationRequest, change: Move, by: "Seat") -> None:
    if matter.state == State.PREPARED:
        move(matter, State.CANCELLED, by=by, **TAKEN_BACK)
        return
    code = NO_RESIDENCE if change.kind in SETTLING else str(change.kind)
    words = f"{change.kind.label[:1].upper()}{change.kind.label[1:]} từ ngày {change.on:%d/%m/%Y}"
    move(matter, State.CANCELLED, by=by, end_code=code, end_note=words)
