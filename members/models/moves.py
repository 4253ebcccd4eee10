"""Members come, move and go: the dated rows behind it. What this does to open requests stands in evaluations.

The day of a change may belong to both rows (somebody imported and moved on the same day); more than that overlaps.
"""

from collections.abc import Iterable
from datetime import date, timedelta

from django.utils import timezone

from members.models.organizations import Organization
from members.models.people import EndReason, Member, Membership
from members.models.placements import Placement
from members.states import Refused

Dated = Membership | Placement


def hold(member: Member) -> Member:
    """The member's row until the end of the transaction: of two officers who move somebody at once, one waits.

    Not the key: whoever only refers to the member (a campaign being presented) does not wait.
    """
    return Member.objects.select_for_update(no_key=True).get(pk=member.pk)


def open_membership(member: Member) -> Membership | None:
    return Membership.objects.filter(member=member, until_on=None).select_related("cell__parent").first()


def open_placement(member: Member) -> Placement | None:
    return Placement.objects.current().filter(member=member).select_related("commune", "cell").first()


def day_problem(on: date, rows: Iterable[Dated]) -> str:
    """Why nothing of this kind can begin or end on that day, given the member's rows; "" when it can."""
    if on > timezone.localdate():
        return "Ngày này chưa đến. Khi việc đã xảy ra, đồng chí mở lại trang này để ghi."
    for row in rows:
        if row.until_on is None and on < row.from_on:
            return (
                f"Sổ theo dõi ghi {_what(row)} từ ngày {row.from_on:%d/%m/%Y}, nên ngày này phải từ "
                f"{row.from_on:%d/%m/%Y} trở đi."
            )
        if row.until_on is not None and on < row.until_on:
            return f"Sổ theo dõi đã ghi {_what(row)} đến ngày {row.until_on:%d/%m/%Y}. Ghi một ngày từ đó trở đi."
    return ""


def _what(row: Dated) -> str:
    if isinstance(row, Placement):
        return f"nơi giữ mối liên hệ tại {row.commune.name}"
    return f"sinh hoạt tại {row.cell.name}"


def refuse_day(on: date, *kinds: type[Dated], member: Member) -> None:
    """Raises Refused when the day does not fit the member's rows of these kinds."""
    rows = [row for kind in kinds for row in kind._default_manager.filter(member=member)]
    if problem := day_problem(on, rows):
        raise Refused(problem)


def end(row: Dated, last_on: date, reason: EndReason) -> None:
    row.until_on, row.end_reason = max(last_on, row.from_on), reason
    row.save(update_fields=["until_on", "end_reason"])


def settle(
    member: Member, commune: Organization | None, words: str, on: date, *, reason: EndReason = EndReason.MOVED
) -> Placement | None:
    """Contact is kept elsewhere from `on`; None when nobody knows yet where. What was there before was wrong from its
    first day when `reason` says so."""
    refuse_day(on, Placement, member=member)
    before = open_placement(member)
    if before:
        end(before, before.from_on if reason == EndReason.CORRECTED else on - timedelta(days=1), reason)
    if commune is None:
        return None
    placement = Placement(
        member=member,
        commune=commune,
        cell_as_written=words,
        standing=before.standing if before else Placement.Standing.ACTIVE,
        exemption=before.exemption if before else "",
        exemption_proof=before.exemption_proof if before else "",
        review_on=before.review_on if before else None,
        origin=Placement.Origin.ROSTER,
        from_on=on,
    )
    placement.set_keys()
    placement.save()
    return placement


def join(member: Member, cell: Organization, position: str, on: date, *, reason: EndReason) -> Membership:
    """Another cell from `on`; the present membership ends the day before."""
    refuse_day(on, Membership, member=member)
    if before := open_membership(member):
        end(before, on - timedelta(days=1), reason)
    return Membership.objects.create(member=member, cell=cell, position=position, from_on=on)


def leave(member: Member, on: date, *, reason: EndReason, note: str = "") -> None:
    """Out of the workplace's register; `on` is the last day."""
    refuse_day(on, Membership, member=member)
    if membership := open_membership(member):
        membership.end_note = note
        membership.save(update_fields=["end_note"])
        end(membership, on, reason)


def part_from_residence(member: Member, on: date, *, reason: EndReason) -> Placement | None:
    """Contact at residence is no longer kept; `on` is the last day."""
    refuse_day(on, Placement, member=member)
    placement = open_placement(member)
    if placement:
        end(placement, on, reason)
    return placement
