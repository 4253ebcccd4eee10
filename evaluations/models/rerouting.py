"""One request goes another way: to another place, to two places, or to the same people by paper. Links both ways."""

from collections.abc import Iterable
from datetime import date, timedelta
from typing import TYPE_CHECKING

from django.db import transaction
from django.utils import timezone

from evaluations.models.campaigns import Campaign
from evaluations.models.requests import EvaluationRequest
from members.models import AuditEvent, Placement
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


def redirect(matter: EvaluationRequest, placement: Placement, *, by: "Seat") -> None:
    """Not sent yet, or still in the hands of the commune that stays the same: the same request, another place."""
    matter.placement, matter.residence_commune = placement, placement.commune
    matter.save(update_fields=["placement", "residence_commune"])
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
