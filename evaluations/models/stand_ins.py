"""Who comments on a member whom the cell's secretary may not judge: the deputy, another of the committee, the commune.

Computed, never stored: a seat given or ended, a link declared, and the work lies with the next one at once.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from members.models import AuditEvent, Organization, Placement, Seat
from members.models.conflicts import SELF, conflicts_between
from members.models.tenures import CELL_ROLES
from members.roles import Action, Role

if TYPE_CHECKING:
    from members.models import User


@dataclass(frozen=True)
class Route:
    """Past one secretary to somebody else of the cell, or (`who` None) to the commune."""

    secretary: Seat
    because: str  # what the member is to the secretary: "vợ, chồng"
    who: Seat | None

    @property
    def reason(self) -> str:
        return "về chính đồng chí bí thư" if self.because == SELF else f"người thân của bí thư ({self.because})"

    @property
    def words(self) -> str:
        if self.who is None:
            return "đảng ủy xã, phường nhận xét thay chi bộ"
        return f"đồng chí {self.who.user.full_name} ({self.who.title.lower()}) nhận xét thay"


def writers(cells: Iterable[Organization]) -> dict[int, list[Seat]]:
    """{cell id: who writes for it today}, one seat a person: the secretary, deputies, the others of the committee."""
    seats = Seat.objects.current().filter(organization__in=cells, role__in=CELL_ROLES, user__is_active=True)
    found: dict[int, dict[int, Seat]] = {}
    for seat in sorted(
        seats.select_related("user", "organization"), key=lambda s: (s.role != Role.SECRETARY, s.as_deputy, s.pk)
    ):
        found.setdefault(seat.organization_id, {}).setdefault(seat.user_id, seat)
    return {pk: list(by_user.values()) for pk, by_user in found.items()}


def routes(cell: Organization) -> dict[int, Route]:
    """{member id: who takes the place of the secretary}; two queries however many members. Without a secretary: {}."""
    return routes_of([cell])[cell.pk]


def routes_of(cells: Collection[Organization]) -> dict[int, dict[int, Route]]:
    """The same for many cells; two queries."""
    able = writers(cells)
    bound = conflicts_between(seat.user for seats in able.values() for seat in seats)
    found: dict[int, dict[int, Route]] = {cell.pk: {} for cell in cells}
    for pk, seats in able.items():
        secretary, others = seats[0], seats[1:]
        if secretary.role != Role.SECRETARY:
            continue
        for (user_id, member_id), words in bound.items():
            if user_id == secretary.user_id:
                who = next((seat for seat in others if (seat.user_id, member_id) not in bound), None)
                found[pk][member_id] = Route(secretary, words, who)
    return found


def left_to_commune(ward: Organization) -> list[tuple[Organization, list[int]]]:
    """Cells with members on whom only the commune can comment, and these members; three queries."""
    cells = {cell.pk: cell for cell in Organization.objects.residence_cells().filter(parent=ward)}
    taken = routes_of(cells.values())
    wanted = {pk: [m for m, route in its.items() if route.who is None] for pk, its in taken.items()}
    everybody = [member_id for its in wanted.values() for member_id in its]
    if not everybody:
        return []
    here = Placement.objects.current().active().filter(member__in=everybody, commune=ward)
    pairs = set(here.values_list("cell", "member"))
    rows = [(cells[pk], [m for m in its if (pk, m) in pairs]) for pk, its in wanted.items()]
    return [(cell, its) for cell, its in rows if its]


def sent_by(user: "User", cell: Organization) -> Collection[int] | None:
    """Members whose comments this person sends to the commune: None for all, else those he takes the place for."""
    if any(seat.organization_id == cell.pk for seat, _ in user.grants(Action.SUBMIT)):
        return None
    taken = routes(cell).items()
    here = any(seat.organization_id == cell.pk for seat, _ in user.grants(Action.WRITE))
    if here:
        return {pk for pk, route in taken if route.who and route.who.user_id == user.pk}
    return {pk for pk, route in taken if route.who is None} if may_stand_in(user, cell) else set()


def may_stand_in(user: "User", cell: Organization) -> bool:
    return Organization.objects.filter(user.reach(Action.STAND_IN, ""), pk=cell.pk).exists()


def record_route(placement: Placement, by: Seat) -> None:
    """One line of history with the reason, when somebody else than the secretary begins to write because of it."""
    route = routes(placement.cell).get(placement.member_id) if placement.cell else None
    if route and route.secretary.user_id != by.user_id:
        changes = {"người nhận xét": [str(route.secretary.user), str(by.user)], "lý do": ["", route.reason]}
        AuditEvent.objects.record("Placement.stand_in", by=by, on=placement, changes=changes)
