"""What somebody wants to change in the tree of organisations, and why it cannot be done, if so.

Pure questions: nothing here writes. The page and the verb (reorganizations.py) ask the same `Change.problem`.
"""

from dataclasses import dataclass, field
from datetime import date

from django.db import models
from django.db.models import Q

from evaluations.models import succession
from members.models import Membership, Organization, Placement
from members.models import tree_changes as tree

Unit = Organization.Kind


class Kind(models.TextChoices):
    ADD = "add", "Lập tổ chức mới"
    RENAME = "rename", "Đổi tên"
    MOVE = "move", "Chuyển tổ chức cấp trên"
    MERGE = "merge", "Sáp nhập, hợp nhất"
    SPLIT = "split", "Chia tách"
    CLOSE = "close", "Kết thúc hoạt động"
    JOIN = "join", "Bắt đầu dùng hệ thống"


@dataclass
class Change:
    """What somebody wants to do. `sources` end in a merge; `chosen` are what leaves in a split, by id."""

    kind: Kind
    on: date
    organization: Organization
    parent: Organization | None = None
    sources: list[Organization] = field(default_factory=list)
    names: dict[str, str] = field(
        default_factory=dict
    )  # name; unit and locality of a commune; kind and side of a new one
    chosen: list[int] = field(default_factory=list)
    keeps_seats: bool = True
    basis: str = ""

    @property
    def touched(self) -> list[Organization]:
        found = [self.organization, *self.sources, *([self.parent] if self.parent else [])]
        return list({row.pk: row for row in found}.values())

    @property
    def ending(self) -> list[Organization]:
        """Who is no longer there afterwards."""
        if self.kind == Kind.CLOSE:
            return [self.organization]
        return [row for row in self.sources if self.makes_new or row.pk != self.organization.pk]

    @property
    def makes_new(self) -> bool:
        """A merge under a new name gives a new organisation; without one the others join an existing one."""
        return bool(self.names) and self.kind in (Kind.ADD, Kind.MERGE, Kind.SPLIT)

    @property
    def sentence(self) -> str:
        """What will be said of it, with the names as they are now."""
        name, here = self.names.get("name", ""), self.organization.name
        ended = [row.name for row in self.ending]
        who = ", ".join(ended[:5]) + (f" và {len(ended) - 5} tổ chức khác" if len(ended) > 5 else "")
        return {
            Kind.ADD: f"Lập {name}, trực thuộc {here}",
            Kind.RENAME: f"{here} đổi tên thành {name}",
            Kind.MOVE: f"{here} chuyển về trực thuộc {self.parent.name if self.parent else ''}",
            Kind.MERGE: f"{who} sáp nhập {'thành' if self.makes_new else 'vào'} {name or here}",
            Kind.SPLIT: f"Tách {name} từ {here}",
            Kind.CLOSE: f"{here} kết thúc hoạt động",
            Kind.JOIN: f"{here} bắt đầu dùng hệ thống",
        }[self.kind]

    def problem(self) -> str:
        """Why this cannot be done on that day, in a sentence that says what to do; "" when it can."""
        closed = next((row for row in self.touched if row.closed_on), None)
        if closed:
            return f"{closed.name} đã kết thúc hoạt động. Chọn tổ chức đang hoạt động."
        before = [] if self.kind == Kind.ADD else [self.organization, *self.sources]
        return tree.day_problem(before, self.on) or CHECKS[self.kind](self)


def _add_problem(change: Change) -> str:
    names = change.names
    return tree.place_problem(names["kind"], names.get("side", ""), change.organization) or _same_name(
        names["name"], change.organization, names["kind"]
    )


def _rename_problem(change: Change) -> str:
    organization = change.organization
    return _same_name(change.names["name"], organization.parent, organization.kind, organization.pk)


def _same_name(name: str, parent: Organization | None, kind: str, but: int = 0) -> str:
    others = Organization.objects.filter(parent=parent, name=name, closed_on=None, kind=kind).exclude(pk=but)
    if not others.exists():
        return ""
    return f"{parent.name if parent else 'Cấp này'} đã có “{name}”. Chọn tên khác để khỏi nhầm."


def _move_problem(change: Change) -> str:
    organization, parent = change.organization, change.parent
    assert parent is not None
    if parent.pk == organization.parent_id:
        return f"{organization.name} đang trực thuộc {parent.name}. Chọn tổ chức cấp trên khác."
    if parent.path.startswith(organization.path):
        return f"{parent.name} nằm trong chính {organization.name}. Chọn tổ chức cấp trên khác."
    return tree.place_problem(organization.kind, organization.side, parent) or _same_name(
        organization.name, parent, organization.kind
    )


def _merge_problem(change: Change) -> str:
    target, others = change.organization, change.sources
    if len({row.pk for row in [target, *others]}) < 2:
        return "Chọn ít nhất một tổ chức khác để sáp nhập: một tổ chức không sáp nhập vào chính nó."
    for row in others:
        if row.kind == Unit.EXTERNAL and target.kind in (Unit.COMMUNE, Unit.GRASSROOTS, Unit.EXTERNAL):
            continue  # an entry of the address book that turns out to be a known committee
        if (row.kind, row.side, bool(row.unit)) != (target.kind, target.side, bool(target.unit)):
            return f"{row.name} và {target.name} không cùng loại. Chỉ sáp nhập các tổ chức cùng loại."
        if row.parent_id != target.parent_id:
            return (
                f"{row.name} và {target.name} không cùng trực thuộc một tổ chức. "
                "Chuyển về cùng một cấp trên trước, rồi sáp nhập."
            )
    ending = {row.pk for row in change.ending}
    if change.makes_new:
        twin = Organization.objects.filter(parent=target.parent_id, name=change.names["name"], closed_on=None)
        if twin.exclude(pk__in=ending).exists():
            return f"Đã có “{change.names['name']}”. Chọn tổ chức đó làm nơi tiếp nhận, hoặc ghi tên khác."
    return ""


def _split_problem(change: Change) -> str:
    if not change.chosen:
        what = "đồng chí" if change.organization.kind == Unit.CELL else "tổ chức trực thuộc"
        return f"Chọn ít nhất một {what} chuyển sang tổ chức mới."
    return _same_name(change.names["name"], change.organization.parent, change.organization.kind)


def _close_problem(change: Change) -> str:
    """Whoever still has somebody or something is merged, not closed: nothing may be without an owner."""
    organization = change.organization
    left = [
        (Organization.objects.filter(parent=organization, closed_on=None).count(), "tổ chức trực thuộc"),
        (Placement.objects.current().filter(Q(commune=organization) | Q(cell=organization)).count(), "đồng chí"),
        (Membership.objects.filter(cell=organization, until_on=None).count(), "đảng viên sinh hoạt"),
        (succession.open_matters([organization]).count(), "đề nghị nhận xét chưa xong"),
    ]
    said = ", ".join(f"{count} {words}" for count, words in left if count)
    return f"{organization.name} còn {said}. Chọn “Sáp nhập” để chuyển sang tổ chức tiếp nhận." if said else ""


def _join_problem(change: Change) -> str:
    if change.organization.is_on_system:
        return f"{change.organization.name} đã dùng hệ thống."
    kind = Unit.COMMUNE if change.organization.unit else Unit.GRASSROOTS
    return tree.place_problem(kind, "", change.organization.parent)


CHECKS = {
    Kind.ADD: _add_problem,
    Kind.RENAME: _rename_problem,
    Kind.MOVE: _move_problem,
    Kind.MERGE: _merge_problem,
    Kind.SPLIT: _split_problem,
    Kind.CLOSE: _close_problem,
    Kind.JOIN: _join_problem,
}
