"""Danh bạ đảng ủy: where committees are reached on paper and by telephone. One correction serves everybody."""

from typing import TYPE_CHECKING

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from members.models.history import AuditEvent
from members.models.organizations import Organization, OrganizationQuerySet
from members.names import search_key
from members.roles import Action

if TYPE_CHECKING:
    from members.models.accounts import Seat, User

ADDRESS_FIELDS = ("address", "phone", "email", "contact")


def address_book(words: str = "") -> OrganizationQuerySet:
    """Committees of communes, and those that are not on the system; found with or without Vietnamese marks."""
    found = Organization.objects.filter(Q(kind=Organization.Kind.EXTERNAL) | ~Q(unit=""), closed_on=None)
    for word in search_key(words).split():
        found = found.filter(search_key__contains=word)
    return found.order_by("locality_key", "search_key", "pk")


def may_correct(user: "User") -> Q:
    """Entries this person may correct: of his own organisation, and of those that cannot do it themselves."""
    own = user.reach(Action.KEEP_ADDRESSES, "")
    return own | Q(kind=Organization.Kind.EXTERNAL) if user.may(Action.KEEP_ADDRESSES) else own


def correcting_seat(user: "User", organization: Organization) -> "Seat":
    """The seat by which he does it. Raises PermissionDenied for an organisation that keeps its own entry."""
    if organization.is_on_system or not user.may(Action.KEEP_ADDRESSES):
        return user.acting(Action.KEEP_ADDRESSES, organization)
    return user.grants(Action.KEEP_ADDRESSES)[0][0]


@transaction.atomic
def correct_entry(organization: Organization, values: dict[str, str], *, by: "Seat") -> bool:
    """Keep what was found right today; whether anything changed. The words before stay in the history."""
    stored = Organization.objects.select_for_update(no_key=True).get(pk=organization.pk)
    changes = {
        name: [getattr(stored, name), values[name]] for name in ADDRESS_FIELDS if getattr(stored, name) != values[name]
    }
    for name in ADDRESS_FIELDS:
        setattr(organization, name, values[name])
    organization.checked_on = timezone.localdate()
    organization.save(update_fields=[*ADDRESS_FIELDS, "checked_on"])
    AuditEvent.objects.record("Organization.correct_address", by=by, on=organization, changes=changes or None)
    return bool(changes)
