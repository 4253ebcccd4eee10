"""One request goes another way: to another place, to two places, or to the same people by paper. Links both ways."""

from collections.abc import Iterable
from datetime import date, timedelta
from typing import TYPE_CHECKING

from django.db import transaction
from django.utils import timezone

from evaluations.models.campaigns import Campaign
from evaluations.models.requests import EvaluationRequest, open_assessments
from members.models import AuditEvent, Organization, Placement
from members.states import Refused, move

if TYPE_CHECKING:
    from members.models import Seat

State = EvaluationRequest.State
ANSWER_WITHIN = timedelta(days=10)  # whoever is asked late gets so long, but not beyond the self-criticism


@transaction.atomic
def ask_instead(matter: EvaluationRequest, placement: Placement, *, by: "Seat") -> EvaluationRequest:
    """A new request that replaces this one, to where the member keeps contact now; it waits for its letter."""
    if EvaluationRequest.objects.filter(replaces=matter).exists():
        raise Refused("Đề nghị này đã được thay bằng đề nghị khác. Xin tải lại trang.")
    if matter.state not in EvaluationRequest.ENDED:
        note = f"Đã thay bằng đề nghị gửi {placement.commune.name}"
        move(matter, State.SUPERSEDED, by=by, end_code="moved", end_note=note[:300])
    fresh = _like(matter, placement, part=matter.part)
    fresh.replaces = matter
    fresh.save()
    AuditEvent.objects.record("EvaluationRequest.replace", by=by, on=fresh, fields=["replaces"])
    return fresh


@transaction.atomic
def send_again(matter: EvaluationRequest, *, by: "Seat") -> EvaluationRequest:
    """From the list of what needs attention: to where the register says now; the letter waits for its signature."""
    list(Campaign.objects.select_for_update(of=("self",)).filter(requests=matter))
    matter = EvaluationRequest.objects.select_for_update(of=("self",)).select_related("campaign").get(pk=matter.pk)
    placement = Placement.objects.current().filter(member=matter.member_id).select_related("commune").first()
    if placement is None:
        raise Refused("Chưa biết đồng chí này cư trú ở đâu. Ghi nơi cư trú mới rồi gửi lại.")
    if matter.campaign is None or matter.campaign.state != Campaign.State.OPEN:
        raise Refused("Đợt lấy ý kiến này đã kết thúc, không gửi lại được nữa.")
    if matter.state not in (*EvaluationRequest.ENDED, State.ISSUED, State.AT_COMMUNE):
        raise Refused("Nơi cư trú đã xử lý đề nghị này. Xin tải lại trang.")
    fresh = ask_instead(matter, placement, by=by)
    draft_letters([fresh], by=by)
    return fresh


def set_aside(matter: EvaluationRequest, note: str, *, by: "Seat") -> None:
    """What came back is left as it is, with the reason: nobody else is asked."""
    if not note.strip():
        raise Refused("Ghi lý do thôi đề nghị.")
    left = EvaluationRequest.objects.filter(
        pk=matter.pk, set_aside_at=None, replaced_by=None, state__in=[State.DECLINED, State.CANCELLED]
    ).update(set_aside_at=timezone.now(), set_aside_by=by, set_aside_note=note.strip()[:300])
    if not left:
        raise Refused("Đề nghị này vừa được xử lý. Xin tải lại trang.")
    AuditEvent.objects.record("EvaluationRequest.set_aside", by=by, on=matter, fields=["set_aside_note"])


@transaction.atomic
def to_another_cell(matter: EvaluationRequest, cell: Organization, *, by: "Seat") -> int:
    """The cell was closed, or has nobody: the member goes to another one of the ward, with all that is open there.

    What has been drafted goes along, because it belongs to the placement. How many requests moved.
    """
    open_there = EvaluationRequest.objects.filter(placement=matter.placement_id, state=State.AT_CELL)
    ids = list(open_there.order_by("pk").select_for_update(of=("self",)).values_list("pk", flat=True))
    if not ids:
        raise Refused("Đề nghị này không còn ở chi bộ. Xin tải lại trang.")
    matter.placement.assign(cell, by=by)
    EvaluationRequest.objects.filter(pk__in=ids).update(residence_cell=cell)
    AuditEvent.objects.record_many("EvaluationRequest.to_cell", by=by, model=EvaluationRequest, ids=ids)
    return len(ids)


def redirect(matter: EvaluationRequest, placement: Placement, *, by: "Seat") -> None:
    """Not sent yet, or still in the hands of the commune that stays the same: the same request, another place."""
    matter.placement, matter.residence_commune = placement, placement.commune
    matter.save(update_fields=["placement", "residence_commune"])
    if matter.assessment_id:  # of a commune on paper: its forms lead to the new place from now on
        open_assessments(EvaluationRequest.objects.filter(pk=matter.pk))
    AuditEvent.objects.record("EvaluationRequest.redirect", by=by, on=matter, fields=["placement", "residence_commune"])


def split(matter: EvaluationRequest, placement: Placement, old: str, new: str, *, by: "Seat") -> EvaluationRequest:
    """The cell that has it writes about its part of the year, the new place about the rest."""
    matter.part = old
    matter.save(update_fields=["part"])
    fresh = _like(matter, placement, part=new)
    fresh.save()
    for row in (matter, fresh):
        AuditEvent.objects.record("EvaluationRequest.split", by=by, on=row, fields=["part"])
    return fresh


def pass_on(matter: EvaluationRequest, committee: Organization, *, by: "Seat") -> None:
    """The member works elsewhere now: whoever asked stays written down, whoever reads the answer changes."""
    matter.asker_now = committee
    matter.save(update_fields=["asker_now"])
    AuditEvent.objects.record("EvaluationRequest.pass_on", by=by, on=matter, fields=["asker_now"])


def _like(matter: EvaluationRequest, placement: Placement, *, part: str) -> EvaluationRequest:
    campaign = matter.campaign
    return EvaluationRequest(
        member_id=matter.member_id,
        placement=placement,
        residence_commune=placement.commune,
        campaign=campaign,
        consultation_id=matter.consultation_id,
        year=matter.year,
        part=part,
        asked_by_id=campaign.committee_id if campaign else matter.asked_by_id,
        asker_now_id=matter.asker_now_id,
        due_on=late_due(campaign) if campaign else matter.due_on,
    )


def late_due(campaign: Campaign) -> date:
    """The day of the campaign; too near, it is put off, at most until the self-criticism begins."""
    enough = timezone.localdate() + ANSWER_WITHIN
    return max(campaign.due_on, min(enough, campaign.self_criticism_on))


def draft_letters(touched: Iterable[EvaluationRequest], *, by: "Seat") -> None:
    """The letters of these requests' campaigns as they have to be now, in the folder for signature."""
    campaigns = {matter.campaign for matter in touched if matter.campaign}
    for campaign in sorted(campaigns, key=lambda row: row.pk):
        campaign.draft_again(by=by)
