"""A list of organisations → the tree: every row compared first, then written as one act. Nothing personal in it.

`plan` says for every row whether it is new, known or faulty and why; `commit` plans again while it holds the tree, and
writes what is new, level by level.
"""

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

from django.db import models, transaction
from django.utils import timezone

from members.models.history import AuditEvent
from members.models.organizations import Organization
from members.models.tree import action_for
from members.models.tree_changes import hold_tree, place_problem
from members.names import name_key, search_key
from members.roles import Action
from members.states import Refused
from members.tree_files import CONTACTS, TreeRow

if TYPE_CHECKING:
    from members.models.accounts import Seat, User

Kind = Organization.Kind


class Plan(models.TextChoices):
    NEW = "new", "Lập mới"
    MATCHED = "matched", "Đã có"
    FAULTY = "faulty", "Cần sửa trong tệp"


@dataclass
class Planned:
    """A row with what would happen to it. `parent` is a stored organisation or the row that makes it."""

    row: TreeRow
    plan: str = Plan.FAULTY
    problem: str = ""
    parent: "Organization | Planned | None" = None
    organization: Organization | None = None

    @property
    def parent_name(self) -> str:
        if isinstance(self.parent, Planned):
            return self.parent.row.name
        return self.parent.name if self.parent else ""


def key_of(name: str) -> str:
    """ "Đảng ủy phường An Hải", "phường An Hải" and "An Hải" are the same superior; cells keep all of their words."""
    key = search_key(name)
    return key if key.startswith("chi bo") else name_key(name)


def plan(under: Organization, rows: Iterable[TreeRow]) -> list[Planned]:
    """What the list means below `under`; a constant number of queries."""
    known = list(Organization.objects.below(under).filter(closed_on=None).select_related("parent"))
    found = [Planned(row, problem=row.problem) for row in rows]
    places: dict[str, list[Organization | Planned]] = {}
    for organization in known:
        places.setdefault(key_of(organization.name), []).append(organization)
    _match_superiors(found, places, under)
    by_place = {(row.parent_id, row.search_key): row for row in known}
    seen: dict[tuple[int, str], Planned] = {}
    for item in _from_the_top(found):
        if not item.problem:
            _decide(item, by_place, seen)
    for item in found:
        item.plan = Plan.FAULTY if item.problem else Plan.MATCHED if item.organization else Plan.NEW
    return found


def _match_superiors(
    found: list[Planned], places: dict[str, list[Organization | Planned]], under: Organization
) -> None:
    known_keys = {key: list(options) for key, options in places.items()}
    for item in found:
        key = key_of(item.row.name)
        # A row for somebody known is no second place to choose from.
        if item.row.kind != Kind.CELL and key not in known_keys and not item.problem:
            places.setdefault(key, []).append(item)
    for item in found:
        if item.problem:
            continue
        options = places.get(key_of(item.row.parent), []) if item.row.parent else [under]
        if len(options) == 1 and options[0] is not item:
            item.parent = options[0]
        elif len(options) > 1:
            item.problem = f"Có nhiều tổ chức tên “{item.row.parent}”. Ghi tên đầy đủ của tổ chức cấp trên."
        else:
            item.problem = f"Không thấy tổ chức cấp trên “{item.row.parent}” trong danh sách và trong hệ thống."


def _from_the_top(found: list[Planned]) -> list[Planned]:
    """Superiors before those below them; rows that hang on each other in a circle are faulty."""
    depth: dict[int, int] = {}
    for item in found:
        chain: list[Planned] = []
        at: Any = item
        while isinstance(at, Planned) and id(at) not in depth:
            if any(at is other for other in chain):
                item.problem = "Các dòng trực thuộc lẫn nhau thành vòng. Sửa cột “Trực thuộc”."
                break
            chain.append(at)
            at = at.parent
        start = depth.get(id(at), 0) if isinstance(at, Planned) else 0
        for number, link in enumerate(reversed(chain), start + 1):
            depth[id(link)] = number
    return sorted(found, key=lambda item: depth[id(item)])


def _decide(item: Planned, by_place: dict[Any, Organization], seen: dict[tuple[int, str], Planned]) -> None:
    above = item.parent
    if isinstance(above, Planned):
        if above.problem:
            item.problem = f"Tổ chức cấp trên (dòng {above.row.no}) chưa đọc được."
            return
        above = above.organization or above
    assert above is not None
    key = (id(item.parent) if isinstance(above, Planned) else above.pk, search_key(item.row.name))
    if key in seen:
        item.problem = f"Trùng với dòng {seen[key].row.no}."
        return
    seen[key] = item
    if isinstance(above, Organization):
        item.organization = by_place.get(key)
    stands_under = above if isinstance(above, Organization) else Organization(name=above.row.name, kind=above.row.kind)
    if item.organization is None:
        item.problem = place_problem(item.row.kind, item.row.side, stands_under)


def counts(found: Iterable[Planned]) -> dict[str, int]:
    """understood = matched + new"""
    plans = Counter(str(item.plan) for item in found)
    numbers = {name: plans[name] for name in ("faulty", "matched", "new")}
    return {"understood": numbers["matched"] + numbers["new"], **numbers}


@transaction.atomic
def write(
    under: Organization, rows: Iterable[TreeRow], *, by: "Seat | None", since: date | None = None
) -> list[Planned]:
    """Set up what is new, level by level, as it is understood while nobody else changes the tree."""
    hold_tree(under)
    under = Organization.objects.get(pk=under.pk)
    if under.closed_on:
        raise Refused(f"{under.name} đã kết thúc hoạt động. Chọn tổ chức khác.")
    found = plan(under, rows)
    waiting = [item for item in found if item.plan == Plan.NEW]
    while level := [item for item in waiting if _stored(item.parent)]:
        made = [_new(item) for item in level]
        Organization.objects.add_many(made, since or timezone.localdate())
        for item, organization in zip(level, made, strict=True):
            item.organization = organization
        waiting = [item for item in waiting if item.organization is None]
        ids = [organization.pk for organization in made]
        AuditEvent.objects.record_many("Organization.import", by=by, model=Organization, ids=ids)
    return found


def _stored(parent: "Organization | Planned | None") -> Organization | None:
    return parent.organization if isinstance(parent, Planned) else parent


def _new(item: Planned) -> Organization:
    row = item.row
    contacts: dict[str, Any] = {field: getattr(row, field) for field in CONTACTS}
    return Organization(
        parent=_stored(item.parent),
        kind=row.kind,
        side=row.side,
        name=row.name,
        unit=row.unit,
        locality=row.locality,
        **contacts,
    )


class OrganizationImportQuerySet(models.QuerySet["OrganizationImport"]):
    def for_user(self, user: "User") -> "OrganizationImportQuerySet":
        return self.filter(user.reach(Action.KEEP_CELLS, "under__") | user.reach(Action.ORGANIZE, "under__"))

    @transaction.atomic
    def stage(self, under: Organization, rows: list[TreeRow], filename: str, *, by: "Seat") -> "OrganizationImport":
        lines = [asdict(row) for row in rows]
        staged = self.create(under=under, filename=filename[:200], rows=lines, made_by=by)
        AuditEvent.objects.record("OrganizationImport.stage", by=by, on=staged, fields=["rows"])
        return staged


class OrganizationImport(models.Model):
    """A list that somebody looks through before it is written. Organisations are no persons: the rows may stay."""

    under = models.ForeignKey(Organization, models.PROTECT, related_name="tree_imports")
    filename = models.CharField("tên tệp", max_length=200)
    rows = models.JSONField(default=list)
    made_by = models.ForeignKey("members.Seat", models.PROTECT, related_name="+")
    made_at = models.DateTimeField(auto_now_add=True)
    committed_at = models.DateTimeField(null=True)
    committed_by = models.ForeignKey("members.Seat", models.PROTECT, null=True, related_name="+")
    outcome = models.JSONField(default=dict)

    objects = OrganizationImportQuerySet.as_manager()

    class Meta:
        verbose_name = "lần nhập danh sách tổ chức"
        ordering = ["-pk"]

    def tree_rows(self, allowed: Callable[[str], bool]) -> list[TreeRow]:
        """The rows; what this person may not set up is faulty for him."""
        return [_within(TreeRow(**line), allowed) for line in self.rows]

    @transaction.atomic
    def commit(self, allowed: Callable[[str], bool], *, by: "Seat") -> dict[str, int]:
        locked = OrganizationImport.objects.select_for_update(of=("self",)).select_related("under").get(pk=self.pk)
        if locked.committed_at:
            raise Refused("Danh sách này đã được đưa vào hệ thống.")
        found = write(locked.under, self.tree_rows(allowed), by=by)
        done = counts(found)
        self.outcome = done
        self.committed_at, self.committed_by = timezone.now(), by
        self.save(update_fields=["outcome", "committed_at", "committed_by"])
        AuditEvent.objects.record("OrganizationImport.commit", by=by, on=self, fields=["outcome"])
        return done


def _within(row: TreeRow, allowed: Callable[[str], bool]) -> TreeRow:
    if row.problem or allowed(row.kind):
        return row
    return TreeRow(**{**asdict(row), "problem": "Tổ chức này do cấp ủy cấp trên lập."})


def allowed_to(user: "User", under: Organization) -> Callable[[str], bool]:
    """Whether the user may set up an organisation of a kind somewhere below `under`."""
    seats = {
        action: [seat for seat, _ in user.grants(action) if under.path.startswith(seat.organization.path)]
        for action in (Action.KEEP_CELLS, Action.ORGANIZE)
    }
    return lambda kind: bool(seats[action_for(kind)])
