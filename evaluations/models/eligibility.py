"""Who is asked about in campaigns and who is not, with the reason: exemption, admitted lately, no commune.

One SELECT answers for one committee and for all committees of a season: the preview counts it, the launch inserts it.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

from django.db import connection, models

from members.models import Member, Organization

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


# Requests are read once and joined: a subquery for each member may be planned as a scan of the very table that a launch
# is filling. A cell's members are asked about by the nearest committee above it (Organization.asking_committee).
_CANDIDATES = """
WITH RECURSIVE scope (campaign_id, committee_id, year, new_after) AS (VALUES {scope}),
under (campaign_id, new_after, cell_id) AS (
  SELECT scope.campaign_id, scope.new_after, top.id
  FROM scope JOIN members_organization top ON top.id = scope.committee_id
  UNION ALL
  SELECT under.campaign_id, under.new_after, cell.id
  FROM members_organization cell JOIN under ON cell.parent_id = under.cell_id
  WHERE cell.kind IN ('cell', 'sectional') AND cell.side <> 'residence'
),
matter (campaign_id, member_id, already, passed_on, declined, cancelled) AS (
  SELECT scope.campaign_id, r.member_id, r.state NOT IN ('declined', 'cancelled', 'superseded'), FALSE,
    -- Sent back by the place where he is still registered, or taken out by hand: not asked again by itself.
    r.state = 'declined' AND p.until_on IS NULL, r.state = 'cancelled' AND r.end_code = 'asker'
  FROM scope JOIN evaluations_evaluationrequest r ON r.campaign_id = scope.campaign_id
  JOIN members_placement p ON p.id = r.placement_id
  UNION ALL
  -- Came here from another committee in the middle of its round: the answer is on its way to us.
  SELECT scope.campaign_id, r.member_id, FALSE, r.state NOT IN ('declined', 'cancelled', 'superseded'), FALSE, FALSE
  FROM scope JOIN evaluations_evaluationrequest r ON r.asker_now_id = scope.committee_id AND r.year = scope.year
  WHERE r.campaign_id <> scope.campaign_id
),
known (campaign_id, member_id, already, passed_on, declined, cancelled) AS (
  SELECT campaign_id, member_id, {any_already}, {any_passed_on}, {any_declined}, {any_cancelled}
  FROM matter GROUP BY campaign_id, member_id
)
SELECT under.campaign_id, m.id AS member_id, p.id AS placement_id, p.commune_id,
  CASE
    WHEN known.already THEN 'already'
    WHEN known.passed_on THEN 'passed_on'
    WHEN p.id IS NULL THEN 'no_commune'
    WHEN p.standing = 'exempt_activity' THEN 'exempt'
    WHEN m.joined_on > under.new_after THEN 'new'
    WHEN known.declined THEN 'declined'
    WHEN known.cancelled THEN 'cancelled'
    ELSE ''
  END AS reason
FROM under
JOIN members_membership ms ON ms.cell_id = under.cell_id AND ms.until_on IS NULL
JOIN members_member m ON m.id = ms.member_id
LEFT JOIN members_placement p ON p.member_id = m.id AND p.until_on IS NULL
LEFT JOIN known ON known.campaign_id = under.campaign_id AND known.member_id = m.id
"""


def candidates(campaigns: "Sequence[Campaign]") -> tuple[str, list[Any]]:
    """SELECT campaign_id, member_id, placement_id, commune_id, reason ("" = is asked), and its parameters."""
    params: list[Any] = []
    for campaign in campaigns:
        new_after = months_before(campaign.self_criticism_on, campaign.book.admitted_months)
        params += [campaign.pk, campaign.committee_id, campaign.year, new_after]
    is_any = "bool_or({0})" if connection.vendor == "postgresql" else "max({0})"
    found = {f"any_{name}": is_any.format(name) for name in ("already", "passed_on", "declined", "cancelled")}
    rows = ", ".join(["(%s, %s, %s, %s)"] * len(campaigns))
    return _CANDIDATES.format(scope=rows, **found), params


def counted(campaigns: "Sequence[Campaign]") -> list[tuple[int, int | None, str, int]]:
    """(campaign, commune, reason, how many) over all candidates."""
    if not campaigns:
        return []
    sql, params = candidates(campaigns)
    with connection.cursor() as cursor:
        # Only the number of campaigns is formatted in, values travel as parameters.
        cursor.execute(
            f"SELECT campaign_id, commune_id, reason, count(*) FROM ({sql}) c GROUP BY 1, 2, 3",  # noqa: S608
            params,
        )
        return list(cursor.fetchall())


def left_out(campaign: "Campaign") -> list[Any]:
    """Members who are not asked about and not in the campaign already, each with `reason`, by name."""
    sql, params = candidates([campaign])
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT member_id, reason FROM ({sql}) c WHERE reason NOT IN ('', 'already')",  # noqa: S608
            params,
        )
        found = dict(cursor.fetchall())
    members: list[Any] = list(Member.objects.filter(pk__in=found))
    for member in members:
        member.reason = found[member.pk]
    return members


def preview(campaign: "Campaign") -> Preview:
    asked: Counter[int] = Counter()
    already = 0
    for _, commune_id, reason, number in counted([campaign]):
        already += number * (reason == Reason.ALREADY)
        if not reason and commune_id:
            asked[commune_id] += number
    communes = Organization.objects.filter(pk__in=asked).order_by("locality_key", "pk")
    return Preview([(commune, asked[commune.pk]) for commune in communes], left_out(campaign), already)


def months_before(day: date, months: int) -> date:
    """The same day of an earlier month, or that month's last day."""
    index = day.year * 12 + day.month - 1 - months
    year, month = divmod(index, 12)
    last = (date(year + (month == 11), (month + 1) % 12 + 1, 1) - date.resolution).day
    return date(year, month + 1, min(day.day, last))
