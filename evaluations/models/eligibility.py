"""Who is asked about in a campaign and who is not, with the reason: exemption, admitted lately, no commune."""

from collections import Counter
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

from django.db import models
from django.db.models import Case, CharField, OuterRef, Subquery, Value, When

from evaluations.models.requests import EvaluationRequest
from members.models import Member, Organization, Placement

if TYPE_CHECKING:
    from evaluations.models.campaigns import Campaign


class Reason(models.TextChoices):
    """Why a member is not asked about in a campaign."""

    NO_COMMUNE = "no_commune", "Chưa có xã, phường nơi cư trú trong sổ theo dõi"
    EXEMPT = "exempt", "Giới thiệu nhưng được miễn sinh hoạt nơi cư trú"
    NEW = "new", "Được kết nạp Đảng chưa đủ thời gian theo quy định"
    DECLINED = "declined", "Nơi cư trú đã chuyển lại; cần ghi nơi cư trú mới rồi mới đề nghị lại"
    CANCELLED = "cancelled", "Đã hủy đề nghị trong đợt này"
    PASSED_ON = "passed_on", "Nơi công tác trước đã đề nghị; trả lời về đơn vị đồng chí"
    ALREADY = "already", "Đã có trong đợt này"


@dataclass(frozen=True)
class Preview:
    """What a launch would do now: communes with the number asked, and everybody who is left out with the reason."""

    communes: list[tuple[Organization, int]]
    left_out: list[Any]  # members, each with .reason (a Reason value)
    already: int

    @property
    def asked(self) -> int:
        return sum(count for _, count in self.communes)

    @property
    def reasons(self) -> list[tuple[str, list[Any]]]:
        return [
            (reason.label, rows)
            for reason in Reason
            if (rows := [member for member in self.left_out if member.reason == reason])
        ]


def people(campaign: "Campaign") -> "models.QuerySet[Any]":
    """All members of the committee, each with `reason` ("" = is asked), `placement_id` and `commune_id`."""
    placement = Placement.objects.current().filter(member=OuterRef("pk"))
    # Lists read once: EXISTS for each member may be planned as a scan of the very table that a launch is filling.
    matters = EvaluationRequest.objects.filter(campaign=campaign.pk)
    # Sent back by the place where he is still registered, or taken out by hand: not asked again by itcampaign.
    declined = matters.filter(state=EvaluationRequest.State.DECLINED, placement__until_on=None)
    cancelled = matters.filter(state=EvaluationRequest.State.CANCELLED, end_code="asker")
    # Came here from another committee in the middle of its round: the answer is on its way to us.
    passed_on = EvaluationRequest.objects.filter(asker_now=campaign.committee_id, year=campaign.year).live()
    passed_on = passed_on.filter(campaign__isnull=False).exclude(campaign=campaign.pk)
    new_after = months_before(campaign.self_criticism_on, campaign.book.admitted_months)
    return (
        Member.objects.in_committee(campaign.committee)
        .annotate(
            placement_id=Subquery(placement.values("pk")[:1]),
            commune_id=Subquery(placement.values("commune")[:1]),
            standing=Subquery(placement.values("standing")[:1]),
        )
        .annotate(
            reason=Case(
                When(pk__in=matters.live().values("member"), then=Value(Reason.ALREADY.value)),
                When(pk__in=passed_on.values("member"), then=Value(Reason.PASSED_ON.value)),
                When(placement_id=None, then=Value(Reason.NO_COMMUNE.value)),
                When(standing=Placement.Standing.EXEMPT_ACTIVITY, then=Value(Reason.EXEMPT.value)),
                When(joined_on__gt=new_after, then=Value(Reason.NEW.value)),
                When(pk__in=declined.values("member"), then=Value(Reason.DECLINED.value)),
                When(pk__in=cancelled.values("member"), then=Value(Reason.CANCELLED.value)),
                default=Value(""),
                output_field=CharField(),
            )
        )
    )


def preview(campaign: "Campaign") -> Preview:
    rows = people(campaign)
    counted = Counter(rows.filter(reason="").order_by().values_list("commune_id", flat=True))
    communes = Organization.objects.filter(pk__in=counted).order_by("locality_key", "pk")
    left_out = rows.exclude(reason__in=["", Reason.ALREADY])
    return Preview(
        [(commune, counted[commune.pk]) for commune in communes],
        list(left_out),
        rows.filter(reason=Reason.ALREADY).count(),
    )


def months_before(day: date, months: int) -> date:
    """The same day of an earlier month, or that month's last day."""
    index = day.year * 12 + day.month - 1 - months
    year, month = divmod(index, 12)
    last = (date(year + (month == 11), (month + 1) % 12 + 1, 1) - date.resolution).day
    return date(year, month + 1, min(day.day, last))
