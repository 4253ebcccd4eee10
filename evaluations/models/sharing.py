"""Phân công theo dõi: who of a residence cell follows whom this year, and drafts the comment about him first."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING

from django.db import transaction
from django.utils.crypto import salted_hmac

from evaluations.models.assessments import Assessment, AssessmentVersion, commented_on
from members.models import AuditEvent, Organization, Placement, Seat
from members.models.conflicts import SELF, conflicts_between
from members.names import search_key
from members.roles import Action
from members.states import Refused

if TYPE_CHECKING:
    from members.models import User

Bound = dict[tuple[int, int], str]


@dataclass(frozen=True)
class Follower:
    """Somebody of the cell: with a seat here, or only a name on paper (a comrade without an account)."""

    name: str
    seat: Seat | None = None

    @property
    def key(self) -> str:
        """For forms and addresses; a name never stands in an address."""
        return f"s{self.seat.pk}" if self.seat else f"n{salted_hmac('follower', self.name.casefold()).hexdigest()[:12]}"

    @property
    def label(self) -> str:
        if not self.seat:
            return self.name
        return f"{self.name} ({'đã thôi nhiệm vụ' if self.has_left else self.seat.title.lower()})"

    @property
    def has_left(self) -> bool:
        """Follows by a seat that has ended: the row keeps the name, and waits to be given to somebody else."""
        return self.seat is not None and not self.seat.is_current()

    def is_user(self, user: "User") -> bool:
        return self.seat is not None and self.seat.user_id == user.pk

    def bound_to(self, placement: Placement, bound: Bound) -> str:
        """What the member is to the follower ("vợ, chồng"), or ""; on paper only the name can tell."""
        if self.seat:
            return bound.get((self.seat.user_id, placement.member_id), "")
        return SELF if self.name.casefold() == placement.member.full_name.casefold() else ""


def bonds(followers: Iterable[Follower]) -> Bound:
    """Which of them say nothing about whom."""
    return conflicts_between(follower.seat.user for follower in followers if follower.seat)


def follower_of(assessment: Assessment) -> Follower | None:
    if assessment.followed_by:
        return Follower(assessment.followed_by.user.full_name, assessment.followed_by)
    return Follower(assessment.followed_by_name) if assessment.followed_by_name else None


def cell_followers(cell: Organization) -> list[Follower]:
    """Who may be given a share: everybody who writes for this cell today, the secretary first; one seat a person."""
    seats = Seat.objects.that_may(Action.WRITE, cell).select_related("user", "organization")
    by_user: dict[int, Seat] = {}
    for seat in sorted(seats, key=lambda seat: (seat.role != "secretary", seat.as_deputy, seat.pk)):
        by_user.setdefault(seat.user_id, seat)
    return [Follower(seat.user.full_name, seat) for seat in by_user.values() if seat.user.is_active]


def known_followers(cell: Organization, assessments: Iterable[Assessment]) -> dict[str, Follower]:
    """{key: follower}: who may be given a share, and whoever has one already."""
    having = [follower for row in assessments if (follower := follower_of(row))]
    on_paper = sorted({f.key: f for f in having if not f.seat}.values(), key=lambda f: search_key(f.name))
    return {follower.key: follower for follower in (*cell_followers(cell), *on_paper, *having)}


@transaction.atomic
def share(cell: Organization, year: int, chosen: dict[int, Follower | None], *, by: Seat) -> int:
    """Give members ({placement id: follower}) to whom follows them, None takes them back; how many changed."""
    placements = {row.pk: row for row in commented_on(cell, year).filter(pk__in=chosen)}
    allowed = {follower.key for follower in cell_followers(cell)}
    bound = bonds(follower for follower in chosen.values() if follower)
    for placement_id, follower in chosen.items():
        _check(follower, placements.get(placement_id), allowed, bound)
    Assessment.objects.bulk_create([Assessment(placement_id=pk, year=year) for pk in chosen], ignore_conflicts=True)
    rows = Assessment.objects.filter(placement__in=chosen, year=year, purpose=Assessment.Purpose.ANNUAL)
    locked = rows.order_by("pk").select_for_update(of=("self",)).select_related("followed_by__user")
    changes: dict[str, list[str]] = {}
    changed = []
    for row in locked:
        before, after = follower_of(row), chosen[row.placement_id]
        if (before and before.key) != (after and after.key):
            row.followed_by, row.followed_by_name = (
                (after.seat, "" if after.seat else after.name) if after else (None, "")
            )
            changes[str(row.placement_id)] = [before.label if before else "", after.label if after else ""]
            changed.append(row)
    Assessment.objects.bulk_update(changed, ["followed_by", "followed_by_name"])
    if changed:
        AuditEvent.objects.record("Assessment.share", by=by, on=cell, changes=changes)
    return len(changed)


def _check(follower: Follower | None, placement: Placement | None, allowed: set[str], bound: Bound) -> None:
    if placement is None:
        raise Refused("Có đồng chí không còn thuộc chi bộ. Xin tải lại trang.")
    if follower is None:
        return
    if words := follower.bound_to(placement, bound):
        whom = "chính mình" if words == SELF else f"người thân ({words})"
        raise Refused(f"Đồng chí {follower.name} không theo dõi, nhận xét {whom}. Xin giao cho đồng chí khác.")
    if follower.seat and follower.key not in allowed:
        raise Refused(f"Đồng chí {follower.name} không còn nhiệm vụ tại chi bộ. Xin giao cho đồng chí khác.")


@dataclass(frozen=True)
class Deed:
    """One line of who worked on a comment; savings of one person in a row are one line."""

    who: str
    what: str
    at: datetime
    times: int = 1


WORDS = {
    "write": "soạn",
    "submitted": "gửi đảng ủy",
    "returned": "đề nghị bổ sung, hoàn chỉnh",
    "reopen": "mở lại để đính chính",
    "confirmed": "xác nhận",
}


def history_of(assessment: Assessment) -> list[Deed]:
    """Who drafted, sent, confirmed, newest first; one query."""
    versions = [version.pk for version in assessment.versions.all()] if assessment.pk else []
    events = AuditEvent.objects.filter(
        object_type=AssessmentVersion._meta.label, object_id__in=versions, verb__startswith="AssessmentVersion."
    )
    found: list[Deed] = []
    for event in events.select_related("seat__user").order_by("pk"):
        what = WORDS.get(event.verb.partition(".")[2])
        if what is None or event.seat is None:
            continue
        who = f"{event.seat.user.full_name} ({event.seat.title.lower()})"
        if found and (found[-1].who, found[-1].what) == (who, what):
            found[-1] = replace(found[-1], at=event.at, times=found[-1].times + 1)
        else:
            found.append(Deed(who, what, event.at))
    return found[::-1]
