"""Rows for tests, made the way the product makes them. Every name is made up."""

from datetime import date
from itertools import count
from typing import Any

from members.models import Member, Membership, Organization, Placement, Seat, User
from members.roles import Role

PASSWORD = "mat-khau-thu-nghiem-2026"
_serial = count(1)
LONG_AGO = date(2020, 1, 1)


def organization(parent: Organization | None, name: str, kind: str, **fields: Any) -> Organization:
    return Organization.objects.add(parent, name=name, kind=kind, since=LONG_AGO, **fields)


def commune(
    parent: Organization, locality: str, *, unit: str = "phường", kind: str = "commune", **fields: Any
) -> Organization:
    return organization(parent, f"Đảng ủy {unit} {locality}", kind, unit=unit, locality=locality, **fields)


def residence_cell(parent: Organization, words: str) -> Organization:
    return organization(parent, f"Chi bộ {words}", "cell", side="residence")


def workplace_cell(parent: Organization, words: str) -> Organization:
    return organization(parent, f"Chi bộ {words}", "cell", side="workplace")


def user(username: str, full_name: str, **fields: Any) -> User:
    return User.objects.create_user(username, PASSWORD, full_name=full_name, **fields)


def seat(holder: User, organization: Organization, role: Role, **fields: Any) -> Seat:
    return Seat.objects.create(
        user=holder, organization=organization, role=role, from_on=fields.pop("from_on", LONG_AGO), **fields
    )


def official(username: str, full_name: str, organization: Organization, *roles: Role, **fields: Any) -> User:
    """A user with a seat for each role at one organisation."""
    person = user(username, full_name, **fields)
    for role in roles:
        seat(person, organization, role)
    return person


def member(
    full_name: str = "",
    *,
    workplace: Organization | None = None,
    commune: Organization | None = None,
    cell: Organization | None = None,
    standing: str = "active",
    **fields: Any,
) -> Member:
    """A member with, as far as given, an open membership and an open placement."""
    number = next(_serial)
    person = Member(
        full_name=full_name or f"Nguyễn Thử {number}",
        sex=fields.pop("sex", "M"),
        birth_date=fields.pop("birth_date", date(1970 + number % 30, 1 + number % 12, 1 + number % 28)),
        joined_on=fields.pop("joined_on", date(2010, 5, 19)),
        address=fields.pop("address", f"{number} đường Thử Nghiệm"),
        **fields,
    )
    person.set_keys()
    person.save()
    if workplace:
        Membership.objects.create(member=person, cell=workplace, position="Chuyên viên", from_on=LONG_AGO)
    if commune:
        placement(person, commune, cell, standing=standing)
    return person


def placement(
    person: Member, commune: Organization, cell: Organization | None = None, *, standing: str = "active"
) -> Placement:
    row = Placement(
        member=person,
        commune=commune,
        cell=cell,
        cell_as_written="Tổ dân phố 7",
        standing=standing,
        exemption="EX_FULLTIME_STUDY" if standing == "exempt_activity" else "",
        origin=Placement.Origin.ROSTER,
        from_on=LONG_AGO,
    )
    row.set_keys()
    row.save()
    return row
