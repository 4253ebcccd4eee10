"""Seats that nobody holds though there is work: a task of the committee above. Counted, never stored."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.db.models import Count, Exists, OuterRef, Q, QuerySet

from evaluations.models import AssessmentVersion, Campaign, EvaluationRequest
from members.models import Kinship, Member, Membership, Organization, Placement, Seat
from members.models.conflicts import left_to_nobody
from members.models.tenures import able_at
from members.roles import OPENS, Action, Role

if TYPE_CHECKING:
    from members.models import User

COMMITTEES = (Organization.Kind.COMMUNE, Organization.Kind.GRASSROOTS)


@dataclass(frozen=True)
class Vacancy:
    organization: Organization
    role: Role
    waiting: int
    because: str = ""  # everybody there is bound: what the member is to one of them

    @property
    def words(self) -> str:
        if self.because:
            return (
                f"{self.organization.name}: {WORK[self.role]} về người thân của mọi cán bộ ở đó ({self.because}), "
                "cần cử người khác"
            )
        what = {Role.SECRETARY: "bí thư phụ trách", Role.OFFICER: "cán bộ phụ trách", Role.SIGNER: "người ký"}
        return f"{self.organization.name} chưa có {what[self.role]}"


WORK = {Role.OFFICER: "có nhận xét chờ xác nhận", Role.SIGNER: "có nhận xét chờ ký trả lời"}


def nobody_may(user: "User") -> list[Vacancy]:
    """Communes where what waits is about every one of those who could do it, or about their households.

    Few have declared anything, so few communes are looked at; the rest costs one query for each of the two steps.
    """
    found = []
    at_cell = EvaluationRequest.objects.filter(state=EvaluationRequest.State.AT_CELL)
    for role, action, version in (
        (Role.OFFICER, Action.CONFIRM, AssessmentVersion.State.SUBMITTED),
        (Role.SIGNER, Action.REPLY, AssessmentVersion.State.CONFIRMED),
    ):
        waiting = at_cell.filter(user.reach(Action.APPOINT, "residence_commune__"))
        waiting = waiting.filter(assessment__versions__state=version, member__in=_with_links())
        for commune in Organization.objects.filter(pk__in=waiting.values("residence_commune")).order_by("path"):
            bound = left_to_nobody(able_at(commune, action), commune)
            about = set(waiting.filter(residence_commune=commune, member__in=bound).values_list("member", flat=True))
            if about:
                found.append(Vacancy(commune, role, len(about), bound[min(about)]))
    return found


def _with_links() -> QuerySet[Member]:
    """Members who hold such a seat, or whose household is declared: few, so that requests are found by them."""
    own = Seat.objects.filter(role__in=[Role.OFFICER, Role.SIGNER]).exclude(user__member=None).values("user__member")
    links = Kinship.objects.in_force()
    relatives = Q(pk__in=links.values("member")) | Q(pk__in=links.exclude(relative=None).values("relative"))
    return Member.objects.filter(relatives | Q(pk__in=own))


def _held(role: Role) -> Exists:
    return Exists(Seat.objects.current().filter(organization=OuterRef("pk"), role=role, user__is_active=True))


def vacant_cells() -> QuerySet[Organization]:
    """Residence cells with members and without a secretary or deputy."""
    people = Placement.objects.current().filter(cell=OuterRef("pk"))
    return Organization.objects.residence_cells().filter(Exists(people), ~_held(Role.SECRETARY))


def vacant_committees(role: Role) -> QuerySet[Organization]:
    """Committees on the system that have work and nobody for it."""
    asked = EvaluationRequest.objects.live().filter(residence_commune=OuterRef("pk")).exclude(state="prepared")
    residents = Placement.objects.current().filter(commune=OuterRef("pk"))
    staff = Membership.objects.filter(until_on=None, cell__parent=OuterRef("pk"))
    campaigns = Campaign.objects.filter(committee=OuterRef("pk"), state__in=["draft", "open"])
    work = Q(kind=Organization.Kind.COMMUNE) & (Exists(asked) | Exists(residents)) | Q(
        kind=Organization.Kind.GRASSROOTS
    ) & (Exists(staff) | Exists(campaigns))
    return Organization.objects.filter(work, ~_held(role), kind__in=COMMITTEES, closed_on=None)


def vacancies(user: "User", most: int = 20) -> tuple[list[Vacancy], int]:
    """What this person can fill, those with most work first, at most so many of each kind; and how many there are."""
    found: list[Vacancy] = []
    total = 0
    reach = user.reach(Action.APPOINT, "")
    roles = {seat.role for seat, _ in user.grants(Action.APPOINT)}
    if Role.OFFICER in roles:
        people = Count("placements_in_cell", filter=Q(placements_in_cell__until_on=None))
        cells = vacant_cells().filter(reach)
        total += cells.count()
        rows = cells.annotate(waiting=people).order_by("-waiting", "path")[:most]
        found += [Vacancy(row, Role.SECRETARY, row.waiting) for row in rows]
    if roles & set(OPENS):
        for role in (Role.OFFICER, Role.SIGNER):
            committees = vacant_committees(role).filter(reach)
            total += committees.count()
            found += [Vacancy(row, role, 0) for row in committees.order_by("path")[:most]]
        bound = nobody_may(user)
        total += len(bound)
        found = bound[:most] + found
    return found, total
