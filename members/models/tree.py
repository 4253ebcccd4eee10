"""Tổ chức đảng: who sees and who arranges which part of the tree, and how a level or the words typed find it."""

from typing import TYPE_CHECKING

from django.db.models import Count, F, OuterRef, Q, Subquery

from members.models.organizations import Organization, OrganizationPeriod, OrganizationQuerySet, Succession
from members.models.tree_changes import place_problem
from members.names import natural, search_key
from members.roles import Action

if TYPE_CHECKING:
    from members.models.accounts import User

Kind, Side = Organization.Kind, Organization.Side
SEEING = (Action.SEE_MEMBERS, Action.SEE_RESIDENTS, Action.KEEP_CELLS, Action.ORGANIZE)
CELLS = (Kind.CELL, Kind.SECTIONAL)
# In the order in which they are offered.
ADDABLE = (
    (Kind.CELL, Side.RESIDENCE),
    (Kind.CELL, Side.WORKPLACE),
    (Kind.SECTIONAL, ""),
    (Kind.COMMUNE, ""),
    (Kind.GRASSROOTS, ""),
    (Kind.EXTERNAL, ""),
)


def reached_by(user: "User") -> OrganizationQuerySet:
    """The branches this person works in."""
    own = Q(pk__in=[])
    for action in SEEING:
        own |= user.reach(action, "")
    return Organization.objects.filter(own)


def seen_by(user: "User") -> OrganizationQuerySet:
    """The branches this person works in, the chain above them, and the committees of communes, which all may know.

    Names of other workplaces and of their cells stay unknown: they may tell where somebody serves.
    """
    if not user.seats_now:
        return Organization.objects.none()
    above = {int(pk) for seat in user.seats_now for pk in seat.organization.path.split("/") if pk}
    return reached_by(user) | Organization.objects.filter(Q(pk__in=above) | ~Q(unit=""))


def may_browse(user: "User") -> bool:
    return any(user.may(action) for action in SEEING)


def action_for(kind: str) -> Action:
    """Cells and sectional committees are the business of the committee above; committees that of the province."""
    return Action.KEEP_CELLS if kind in CELLS else Action.ORGANIZE


def arranged_by(user: "User") -> OrganizationQuerySet:
    """The organisations below his own that this person may rename, move, merge, split or close."""
    own = [seat.organization_id for seat in user.seats_now]
    cells = user.reach(Action.KEEP_CELLS, "") & Q(kind__in=CELLS)
    committees = user.reach(Action.ORGANIZE, "") & ~Q(kind__in=CELLS) & ~Q(pk__in=own)
    return Organization.objects.filter(cells | committees, closed_on=None)


def kinds_to_add(user: "User", parent: Organization) -> list[tuple[str, str]]:
    """(kind, side) of what this person may set up directly below `parent`."""
    if parent.closed_on:
        return []
    granted = {action for action in (Action.KEEP_CELLS, Action.ORGANIZE) if _reaches(user, action, parent)}
    return [
        (kind, side) for kind, side in ADDABLE if action_for(kind) in granted and not place_problem(kind, side, parent)
    ]


def _reaches(user: "User", action: Action, organization: Organization) -> bool:
    return any(organization.path.startswith(seat.organization.path) for seat, _ in user.grants(action))


def level(seen: OrganizationQuerySet, parent: Organization | None) -> list[Organization]:
    """One level of the tree in the order of names; each with the number directly `below`. No level has thousands."""
    below = seen.filter(parent=OuterRef("pk"), closed_on=None).order_by().values("parent").annotate(n=Count("pk"))
    found = seen.filter(parent=parent, closed_on=None).annotate(below=Subquery(below.values("n")))
    return sorted(found, key=lambda row: (natural(row.search_key), row.pk))


def search(seen: OrganizationQuerySet, words: str) -> OrganizationQuerySet:
    """Every word typed, with or without Vietnamese marks, in the name of today or in one of the past (`formerly`)."""
    now, before = Q(), Q(until_on__isnull=False)
    for word in search_key(words).split():
        now &= Q(search_key__contains=word)
        before &= Q(search_key__contains=word)
    former = OrganizationPeriod.objects.filter(before)
    own = former.filter(organization=OuterRef("pk")).exclude(search_key=OuterRef("search_key")).order_by("-from_on")
    found = seen.filter(now | Q(pk__in=former.values("organization")))
    found = found.annotate(formerly=Subquery(own.values("name")[:1]))
    merged = Succession.objects.filter(old=OuterRef("pk"), kind="merge", executed_at__isnull=False).order_by("-on")
    found = found.annotate(now_name=Subquery(merged.values("new__name")[:1]))
    return found.select_related("parent").order_by(F("closed_on").asc(nulls_first=True), "search_key", "pk")


def past(organization: Organization) -> list[OrganizationPeriod]:
    """What it was called and whom it belonged to, the present first."""
    return list(organization.periods.select_related("parent").order_by("-from_on", "-pk"))
