"""Tổ chức đảng: who sees which part of the tree, and how one level or the words somebody types find it."""

from typing import TYPE_CHECKING

from django.db.models import Exists, OuterRef, Q

from members.models.organizations import Organization, OrganizationPeriod, OrganizationQuerySet
from members.names import search_key
from members.roles import Action

if TYPE_CHECKING:
    from members.models.accounts import User


def seen_by(user: "User") -> OrganizationQuerySet:
    """The branches this person works in, the chain above them, and the committees of communes, which all may know.

    Names of other workplaces and of their cells stay unknown: they may tell where somebody serves.
    """
    own = user.reach(Action.SEE_MEMBERS, "") | user.reach(Action.SEE_RESIDENTS, "")
    above = {int(pk) for seat in user.seats_now for pk in seat.organization.path.split("/") if pk}
    return Organization.objects.filter(own | Q(pk__in=above) | ~Q(unit=""))


def level(seen: OrganizationQuerySet, parent: Organization | None) -> OrganizationQuerySet:
    """One level of the tree in the order of names; each with `has_below`. Levels are fetched as they are opened."""
    below = Organization.objects.filter(parent=OuterRef("pk"), closed_on=None, pk__in=seen.values("pk"))
    found = seen.filter(parent=parent, closed_on=None).annotate(has_below=Exists(below))
    return found.order_by("search_key", "pk")


def search(seen: OrganizationQuerySet, words: str) -> OrganizationQuerySet:
    """Every word typed, with or without Vietnamese marks, somewhere in the name; closed organisations too."""
    found = seen
    for word in search_key(words).split():
        found = found.filter(search_key__contains=word)
    return found.select_related("parent").order_by("search_key", "pk")


def past(organization: Organization) -> list[OrganizationPeriod]:
    """What it was called and whom it belonged to, the present first."""
    return list(organization.periods.select_related("parent").order_by("-from_on", "-pk"))
