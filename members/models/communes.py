"""All communes, wards and special zones of the country as entries of the address book, corrected once for all."""

from dataclasses import dataclass, field
from typing import Any

from django.db import transaction
from django.utils import timezone

from members.models.history import AuditEvent
from members.models.organizations import Organization
from members.names import name_key, search_key, tidy
from members.tree_files import CONTACTS, TreeRow, understand_commune

Kind = Organization.Kind


@dataclass
class Loaded:
    matched: int = 0
    new: int = 0
    filled: int = 0  # known entries on paper that now have an address or a telephone
    faulty: list[tuple[int, str]] = field(default_factory=list)


def province_key(words: str) -> str:
    """ "Thành phố Đà Nẵng", "TP. Đà Nẵng" and "Thành ủy Đà Nẵng" → "da nang"."""
    key = search_key(words)
    for start in ("dang bo ", "thanh uy ", "tinh uy ", "thanh pho ", "tinh ", "tp "):
        key = key.removeprefix(start)
    return key


def province_name(words: str) -> str:
    words = tidy(words)
    is_city = search_key(words).startswith(("thanh", "tp"))
    place = words
    for start in ("Thành phố ", "Thành ủy ", "Tỉnh ủy ", "Tỉnh ", "TP. ", "TP.", "TP "):
        if place.casefold().startswith(start.casefold()):
            place = place[len(start) :].strip()
            break
    return f"{'Thành ủy' if is_city else 'Tỉnh ủy'} {place}"


@transaction.atomic
def load(rows: list[TreeRow]) -> Loaded:
    """Enter what is missing; who is known stays who he is. An entry on paper gets the contacts it had not."""
    found = [understand_commune(row) for row in rows]
    loaded = Loaded(faulty=[(row.no, row.problem) for row in found if row.problem])
    good = [row for row in found if not row.problem]
    provinces = _provinces(good)
    known = {
        (row.path.split("/")[1], row.unit, row.locality_key): row
        for row in Organization.objects.exclude(unit="").filter(closed_on=None)
    }
    fresh: list[Organization] = []
    for row in good:
        top = provinces.get(province_key(row.province))
        if top is None:
            loaded.faulty.append((row.no, "Chưa ghi tỉnh, thành phố."))
            continue
        key = (str(top.pk), row.unit, name_key(row.locality))
        if key in known:
            loaded.matched += 1
            loaded.filled += _fill(known[key], row)
            continue
        known[key] = _entry(top, row)
        fresh.append(known[key])
    Organization.objects.add_many(fresh, timezone.localdate())
    loaded.new = len(fresh)
    if fresh:
        ids = [row.pk for row in fresh]
        AuditEvent.objects.record_many("Organization.load_communes", by=None, model=Organization, ids=ids)
    return loaded


def _provinces(rows: list[TreeRow]) -> dict[str, Organization]:
    tops = Organization.objects.filter(parent=None, kind=Kind.PROVINCE, closed_on=None).order_by("pk")
    known = {province_key(top.name): top for top in tops}
    if len(known) == 1:
        known[""] = next(iter(known.values()))  # a list without provinces is one of the only province
    for row in rows:
        key = province_key(row.province)
        if key and key not in known:
            known[key] = Organization.objects.add(None, kind=Kind.PROVINCE, name=province_name(row.province))
    return known


def _entry(top: Organization, row: TreeRow) -> Organization:
    contacts: dict[str, Any] = {name: getattr(row, name) for name in CONTACTS}
    return Organization(parent=top, kind=Kind.EXTERNAL, name=row.name, unit=row.unit, locality=row.locality, **contacts)


def _fill(entry: Organization, row: TreeRow) -> bool:
    """What somebody has corrected by hand is never overwritten by a list."""
    if entry.pk is None or entry.is_on_system:
        return False
    blank = [name for name in CONTACTS if getattr(row, name) and not getattr(entry, name)]
    for name in blank:
        setattr(entry, name, getattr(row, name))
    if blank:
        entry.save(update_fields=blank)
        AuditEvent.objects.record("Organization.correct_address", by=None, on=entry, fields=blank)
    return bool(blank)
