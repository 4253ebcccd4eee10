"""What is already known when a committee imports a list: communes, its cells and its people."""

from datetime import date
from typing import TYPE_CHECKING, Any

from django.db import models

from members.models.encrypted import blind_index
from members.models.history import AuditEvent
from members.models.organizations import Organization
from members.models.people import Member, Membership
from members.models.placements import Placement
from members.names import name_key, search_key, split_unit

if TYPE_CHECKING:
    from members.models.accounts import Seat
    from members.models.staged_rows import StagedRow

PLAIN_FIELDS = {
    "sex": "Giới tính",
    # These two differ only for somebody found by the card.
    "birth_date": "Ngày sinh",
    "joined_on": "Ngày vào Đảng",
    "official_on": "Ngày chính thức",
    "phone": "Điện thoại",
    "address": "Số nhà, đường",
}
DAYS = ("birth_date", "joined_on", "official_on")


def day(text: str | None) -> date | None:
    return date.fromisoformat(text) if text else None


def identity(values: dict[str, Any]) -> tuple[str, str, str]:
    return search_key(values["full_name"]), str(values["birth_date"] or ""), str(values["joined_on"] or "")


def exemption_by_note(row: "StagedRow", placement: Placement) -> tuple[str, str]:
    """Standing and category by the row's note; a note that names no category leaves a known one alone."""
    standing, category = row.values["exemption"]["class"].lower(), row.values["exemption"]["category"]
    is_still = standing == placement.standing == Placement.Standing.EXEMPT_ACTIVITY
    return standing, category or (placement.exemption if is_still else "")


class Directory:
    """What is already known when a committee imports: communes, its cells and its people. Read once, asked often."""

    def __init__(self, committee: Organization, rows: list["StagedRow"], receiving: Organization | None = None) -> None:
        """`receiving`: the commune that enters the list of a committee on paper; it knows its own people only."""
        self.committee, self.receiving = committee, receiving
        self._communes: dict[str, list[Organization]] = {}
        for commune in Organization.objects.communes():
            self._communes.setdefault(commune.locality_key, []).append(commune)
        cells = Organization.objects.below(committee).workplace_cells()
        self.cells = {name_key(cell.name): cell for cell in cells}
        self.members = {
            member.pk: member
            for member in self._register().prefetch_related(
                models.Prefetch("memberships", Membership.objects.filter(until_on=None).select_related("cell")),
                models.Prefetch("placements", Placement.objects.current().select_related("commune", "cell")),
            )
        }
        self._named: dict[str, list[Member]] = {}
        for member in self.members.values():
            self._named.setdefault(member.search_key, []).append(member)
        self.people = self._known_people(rows)
        cards = {blind_index(row.values.get("card_no") or "") for row in rows} - {""}
        self._holders = {member.card_index: member for member in _in_chunks("card_index", cards)}

    def _known_people(self, rows: list["StagedRow"]) -> dict[tuple[str, str, str], list[Member]]:
        """Members anywhere with the identity (search key, birth, joined) of one of the rows, few queries."""
        found: dict[tuple[str, str, str], list[Member]] = {}
        for member in _in_chunks("search_key", {search_key(row.values["full_name"]) for row in rows}):
            known = (member.search_key, str(member.birth_date or ""), str(member.joined_on or ""))
            if known[1] and known[2]:
                found.setdefault(known, []).append(member)
        return found

    def _register(self) -> "models.QuerySet[Member]":
        members = Member.objects.in_committee(self.committee)
        if self.receiving is None:
            return members
        return members.filter(placements__until_on=None, placements__commune=self.receiving)

    def card_holder(self, values: dict[str, Any]) -> Member | None:
        return self._holders.get(blind_index(values.get("card_no") or ""))

    def perhaps(self, values: dict[str, Any]) -> list[Member]:
        """Who here may be meant: all of the name when the row says too little, else those it does not contradict."""
        named = self._named.get(search_key(values["full_name"]), [])
        if not values["birth_date"] or not values["joined_on"]:
            return named
        years, days = {values["birth_year"]}, {None, day(values["birth_date"])}
        return [member for member in named if member.birth_year in years and member.birth_date in days]

    def commune(self, words: str) -> Organization | None:
        if self.receiving and not words:
            return self.receiving
        found = self._communes_named(words)
        return found[0] if len(found) == 1 else None

    def _communes_named(self, words: str) -> list[Organization]:
        unit, rest = split_unit(words)
        found = [org for org in self._communes.get(name_key(rest), []) if unit in ("", org.unit)]
        near = [org for org in found if org.path.split("/")[1] == self.committee.path.split("/")[1]]
        return near if len(found) > 1 and near else found

    def commune_problem(self, words: str) -> str:
        if not words:
            return "Chưa ghi xã, phường, đặc khu nơi cư trú. Chọn từ danh bạ."
        if self._communes_named(words):
            return f"Có nhiều đơn vị tên “{words}” trong danh bạ. Chọn đúng đơn vị."
        return f"“{words}” chưa có trong danh bạ đảng ủy xã, phường, đặc khu. Chọn đơn vị đúng từ danh bạ."

    def differences(self, row: "StagedRow") -> list[tuple[str, str]]:
        """(field, sentence) for everything a row says differently from the register; blanks in the row say nothing."""
        assert row.member is not None
        member = self.members[row.member.pk]
        values, found = row.values, []
        placement = next(iter(member.placements.all()), None)
        membership = next(iter(member.memberships.all()), None)
        if placement and placement.commune_id != row.commune_id:
            found.append(("commune", placement.commune.name))
        if placement is None:
            found.append(("residence", "Nơi cư trú: ghi vào sổ theo danh sách mới."))
        for field, label in PLAIN_FIELDS.items():
            new = values.get(field) or ""
            if new and str(new) != str(getattr(member, field) or ""):
                found.append((field, f"{label}: cập nhật theo danh sách mới."))
        if (
            membership
            and values["workplace_cell"]
            and name_key(values["workplace_cell"]) != name_key(membership.cell.name)
        ):
            found.append(("workplace_cell", f"Chi bộ: {membership.cell.name} → {values['workplace_cell']}."))
        if membership and values["position"] and values["position"] != membership.position:
            found.append(("position", f"Chức vụ: {membership.position or 'chưa ghi'} → {values['position']}."))
        if placement and exemption_by_note(row, placement) != (placement.standing, placement.exemption):
            found.append(("exemption", "Diện sinh hoạt nơi cư trú: cập nhật theo ghi chú."))
        return found

    def cell(self, words: str, *, by: "Seat") -> Organization:
        """The workplace cell so named under the committee, created when the list names it first."""
        words = words or self.committee.name
        key = name_key(words)
        if key not in self.cells:
            self.cells[key] = Organization.objects.add(
                self.committee, kind=Organization.Kind.CELL, side=Organization.Side.WORKPLACE, name=words
            )
            AuditEvent.objects.record("Organization.add", by=by, on=self.cells[key], fields=["name"])
        return self.cells[key]


def _in_chunks(column: str, wanted: set[str]) -> list[Member]:
    """Members anywhere whose column holds one of the values; SQLite caps the number of parameters."""
    values = sorted(wanted)
    return [
        member
        for start in range(0, len(values), 500)
        for member in Member.objects.filter(**{f"{column}__in": values[start : start + 500]})
    ]
