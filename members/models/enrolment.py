"""Writing understood rows into the register: new people, and what a list says differently about known ones."""

from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

from django.utils import timezone

from members.models.directory import DAYS, PLAIN_FIELDS, Directory, day, exemption_by_note
from members.models.history import AuditEvent
from members.models.learned import CellName, place_key
from members.models.people import Member, Membership
from members.models.placements import Placement

if TYPE_CHECKING:
    from members.models.accounts import Seat
    from members.models.staged_rows import StagedRow


def write_new(rows: list["StagedRow"], directory: Directory, by: "Seat") -> None:
    today = timezone.localdate()
    members = [_member(row.values) for row in rows]
    Member.objects.bulk_create(members, batch_size=500)
    Membership.objects.bulk_create(
        [
            Membership(
                member=member,
                cell=directory.cell(row.values["workplace_cell"], by=by),
                position=row.values["position"],
                from_on=today,
            )
            for row, member in zip(rows, members, strict=True)
        ],
        batch_size=500,
    )
    for row, member in zip(rows, members, strict=True):
        row.member = member
    origin = Placement.Origin.RESIDENCE if directory.receiving else Placement.Origin.ROSTER
    placements = [_placement(row, member, today, origin) for row, member in zip(rows, members, strict=True)]
    Placement.objects.bulk_create(placements, batch_size=500)
    if members:
        AuditEvent.objects.record_many("Member.import", by=by, model=Member, ids=[member.pk for member in members])


def _member(values: dict[str, Any]) -> Member:
    member = Member(
        full_name=values["full_name"],
        sex=values["sex"],
        birth_date=day(values["birth_date"]),
        birth_year=values["birth_year"],
        joined_on=day(values["joined_on"]),
        official_on=day(values["official_on"]),
        card_no=values.get("card_no") or "",
        phone=values["phone"] or "",
        address=values["address"] or "",
    )
    member.set_keys()
    return member


def _placement(row: "StagedRow", member: Member, today: date, origin: str = Placement.Origin.ROSTER) -> Placement:
    exemption = row.values["exemption"]
    placement = Placement(
        member=member,
        commune=row.commune,
        cell_as_written=row.values["neighborhood"] or "",
        standing=exemption["class"].lower(),
        exemption=exemption["category"],
        exemption_proof=row.values["note"][:250] if exemption["category"] else "",
        origin=origin,
        from_on=today,
    )
    placement.set_keys()
    return placement


def write_changes(rows: list["StagedRow"], directory: Directory, by: "Seat") -> None:
    """What the list says differently about people who are known; only what differs is written."""
    changes = [_write_change(row, directory, by) for row in rows]
    AuditEvent.objects.record_each("Member.update", by=by, changes=changes)


def _write_change(row: "StagedRow", directory: Directory, by: "Seat") -> tuple[Member, dict[str, Any]]:
    assert row.member is not None
    member, values, today = directory.members[row.member.pk], row.values, timezone.localdate()
    membership, placement = member.memberships.all()[0], next(iter(member.placements.all()), None)
    before = _facts(member, membership, placement)
    for field in PLAIN_FIELDS:
        if values.get(field):
            setattr(member, field, day(values[field]) if field in DAYS else values[field])
    member.set_keys()
    changed = [field for field in PLAIN_FIELDS if before[field] != getattr(member, field)]
    if changed:
        member.save(update_fields=[*changed, "birth_year"])
    membership = _change_membership(membership, values, directory, by, today)
    placement = _change_placement(row, placement, member, today)
    after = _facts(member, membership, placement)
    return member, {field: [before[field], after[field]] for field in before if before[field] != after[field]}


def _facts(member: Member, membership: Membership, placement: Placement | None) -> dict[str, Any]:
    """What an import can change, for the history."""
    return {
        **{field: getattr(member, field) for field in PLAIN_FIELDS},
        "position": membership.position,
        "workplace_cell": membership.cell.name,
        "commune": placement.commune.name if placement else "",
        "standing": placement.standing if placement else "",
        "exemption": placement.exemption if placement else "",
    }


def _change_membership(
    current: Membership, values: dict[str, Any], directory: Directory, by: "Seat", today: date
) -> Membership:
    cell = directory.cell(values["workplace_cell"], by=by) if values["workplace_cell"] else current.cell
    position = values["position"] or current.position
    if (cell.pk, position) == (current.cell_id, current.position):
        return current
    if cell.pk == current.cell_id or current.from_on == today:
        current.cell, current.position = cell, position
        current.save(update_fields=["cell", "position"])
        return current
    current.until_on = today - timedelta(days=1)
    current.save(update_fields=["until_on"])
    return Membership.objects.create(member=current.member, cell=cell, position=position, from_on=today)


def _change_placement(row: "StagedRow", current: Placement | None, member: Member, today: date) -> Placement:
    if current is None:
        current = _placement(row, member, today)
        current.save()
        return current
    before = current.standing, current.exemption, current.exemption_proof
    current.standing, current.exemption = exemption_by_note(row, current)
    if not current.exemption:
        current.exemption_proof = ""
    elif row.values["exemption"]["category"]:
        current.exemption_proof = row.values["note"][:250]
    if before != (current.standing, current.exemption, current.exemption_proof):
        current.save(update_fields=["standing", "exemption", "exemption_proof"])
    return current


def learn_places(rows: list["StagedRow"], directory: Directory) -> None:
    """A list calls places by other words than an earlier one, of people whose ward has said which cell it is."""
    seen: dict[tuple[int, str], tuple[Placement, str, int]] = {}
    for row in rows:
        member = directory.members.get(row.member_id or 0)
        placement = next(iter(member.placements.all()), None) if member else None
        words = row.values["neighborhood"] or ""
        if placement and placement.cell_id and place_key(words) not in ("", place_key(placement.cell_as_written)):
            key = placement.cell_id, place_key(words)
            seen[key] = placement, words, seen[key][2] + 1 if key in seen else 1
    for placement, words, times in seen.values():
        assert placement.cell is not None
        CellName.objects.listed(placement.commune, words, placement.cell, times)
