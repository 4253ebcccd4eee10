"""Sắp xếp tổ chức: an organisation is added, renamed, moved, merged, split, closed or comes onto the system, on a day.

What is dated today or earlier is carried out at once; what lies ahead waits as a row until its day (tasks.reorganize)
and can be called off until then. What somebody may want stands in changes.py, what becomes of open work in
succession.py, the tree itself in members/models/tree_changes.py.
"""

from datetime import date
from typing import TYPE_CHECKING, Any

from django.db import models, transaction
from django.db.models import Q
from django.utils import timezone

from evaluations.models import succession
from evaluations.models.changes import Change, Kind, Unit
from members.models import AuditEvent, Membership, Organization, Placement, Succession
from members.models import tree_changes as tree
from members.roles import Action
from members.states import Refused

if TYPE_CHECKING:
    from members.models import Seat, User


class ReorganizationQuerySet(models.QuerySet["Reorganization"]):
    def planned(self) -> "ReorganizationQuerySet":
        """Ahead, or held up by something that somebody has to put right."""
        return self.filter(executed_at=None, cancelled_at=None)

    def due(self, on: date | None = None) -> "ReorganizationQuerySet":
        return self.planned().filter(on__lte=on or timezone.localdate()).order_by("on", "pk")

    def seen_by(self, user: "User") -> "ReorganizationQuerySet":
        """Changes of what this person arranges, and of what has become of it."""
        own = Organization.objects.filter(user.reach(Action.KEEP_CELLS, "") | user.reach(Action.ORGANIZE, ""))
        return self.filter(organization__in=own.values("pk"))

    @transaction.atomic
    def decide(self, change: Change, *, by: "Seat") -> "Reorganization":
        """Do it, or plan it for its day. Raises Refused with what is in the way."""
        tree.hold_tree(*change.touched)
        if problem := change.problem():
            raise Refused(problem)
        row = self.create(
            kind=change.kind,
            words=change.sentence,
            on=change.on,
            organization=change.organization,
            parent=change.parent,
            names=change.names,
            chosen=change.chosen,
            keeps_seats=change.keeps_seats,
            basis=change.basis,
            planned_by=by,
        )
        row.sources.set(change.sources)
        AuditEvent.objects.record("Reorganization.plan", by=by, on=row, fields=["kind", "on"])
        if change.on <= timezone.localdate():
            row.execute()
        return row


class Reorganization(models.Model):
    kind = models.CharField("việc", max_length=8, choices=Kind.choices)
    words = models.TextField("nội dung")  # with the names of the day it was decided
    on = models.DateField("kể từ ngày")
    # What it is about: above a new one, into what others are merged.
    organization = models.ForeignKey(Organization, models.PROTECT, related_name="reorganizations")
    sources = models.ManyToManyField(Organization, related_name="mergers")
    parent = models.ForeignKey(Organization, models.PROTECT, null=True, related_name="+")
    names = models.JSONField(default=dict)
    chosen = models.JSONField(default=list)
    keeps_seats = models.BooleanField(default=True)
    basis = models.CharField("căn cứ", max_length=200, blank=True)
    planned_by = models.ForeignKey("members.Seat", models.PROTECT, related_name="+")
    planned_at = models.DateTimeField(auto_now_add=True)
    executed_at = models.DateTimeField(null=True)
    made = models.ForeignKey(Organization, models.PROTECT, null=True, related_name="made_by")
    outcome = models.JSONField(default=dict)
    # Why it could not be carried out on its day; somebody puts that right, or calls it off.
    refusal = models.CharField("chưa thực hiện được vì", max_length=300, blank=True)
    cancelled_at = models.DateTimeField(null=True)
    cancelled_by = models.ForeignKey("members.Seat", models.PROTECT, null=True, related_name="+")

    objects = ReorganizationQuerySet.as_manager()

    class Meta:
        verbose_name = "việc sắp xếp tổ chức"
        ordering = ["-on", "-pk"]
        constraints = [
            models.CheckConstraint(
                name="reorganization_kind_known",
                condition=Q(kind__in=["add", "rename", "move", "merge", "split", "close", "join"]),
            ),
            models.CheckConstraint(
                name="reorganization_done_or_called_off", condition=Q(executed_at=None) | Q(cancelled_at=None)
            ),
            models.CheckConstraint(
                name="reorganization_called_off_by_whom",
                condition=Q(cancelled_at=None, cancelled_by=None)
                | Q(cancelled_at__isnull=False, cancelled_by__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return self.words

    def change(self) -> Change:
        return Change(
            kind=Kind(self.kind),
            on=self.on,
            organization=self.organization,
            parent=self.parent,
            sources=list(self.sources.order_by("pk")),
            names=self.names,
            chosen=self.chosen,
            keeps_seats=self.keeps_seats,
            basis=self.basis,
        )

    @transaction.atomic
    def execute(self) -> None:
        """Carry it out as one transaction, or not at all. Raises Refused; a second time it does nothing."""
        locked = Reorganization.objects.select_for_update(of=("self",)).select_related("organization", "parent")
        row = locked.get(pk=self.pk)
        if row.executed_at or row.cancelled_at:
            return
        change = row.change()
        tree.hold_tree(*change.touched)
        change = locked.get(pk=self.pk).change()  # as the tree is now that nobody else changes it
        if problem := change.problem():
            raise Refused(problem)
        self.made, self.outcome = VERBS[change.kind](change, self.planned_by)
        self.executed_at, self.refusal = timezone.now(), ""
        self.save(update_fields=["made", "outcome", "executed_at", "refusal"])
        AuditEvent.objects.record(
            f"Organization.{self.kind}",
            by=self.planned_by,
            on=self.made or self.organization,
            fields=sorted(self.outcome),
        )

    @transaction.atomic
    def cancel(self, *, by: "Seat") -> None:
        """Call off what has not happened yet."""
        row = Reorganization.objects.select_for_update(of=("self",)).get(pk=self.pk)
        if row.executed_at:
            raise Refused("Việc này đã thực hiện, không hủy được nữa. Nếu sai, xin lập việc sắp xếp mới.")
        if row.cancelled_at:
            return
        self.cancelled_at, self.cancelled_by = timezone.now(), by
        self.save(update_fields=["cancelled_at", "cancelled_by"])
        AuditEvent.objects.record("Reorganization.cancel", by=by, on=self, fields=["cancelled_at"])


def execute_due(on: date | None = None) -> int:
    """Everything whose day has come, each by itself; what cannot be done keeps the sentence that says why."""
    done = 0
    for row in Reorganization.objects.due(on):
        try:
            row.execute()
        except Refused as refusal:
            Reorganization.objects.filter(pk=row.pk).update(refusal=str(refusal)[:300])
        else:
            done += 1
    return done


# What each kind does: the organisation made, if any, and the counts that are told


Outcome = tuple[Organization | None, dict[str, int]]


def _add(change: Change, by: "Seat") -> Outcome:
    return Organization.objects.add(change.organization, since=change.on, **change.names), {}


def _rename(change: Change, by: "Seat") -> Outcome:
    tree.rename(change.organization, change.on, **change.names)
    named = Q(recipient=change.organization) | Q(issuer=change.organization)
    succession.send_back_waiting(named, by=by)
    return None, {}


def _move(change: Change, by: "Seat") -> Outcome:
    assert change.parent is not None
    organization, before = change.organization, change.organization.parent
    asker = succession.committee_of(organization)
    tree.put_under([organization], change.parent, change.on)
    counts = {}
    if organization.side == Organization.Side.RESIDENCE:
        people = Placement.objects.current().filter(cell=organization)
        counts["placements"] = tree.go_on(people, change.on, commune=change.parent)
        assert before is not None
        counts |= succession.cells_changed_commune([organization.pk], before, change.parent, by=by)
    else:
        moved = Organization.objects.select_related("parent").get(pk=organization.pk)
        counts |= succession.askers_changed(moved, asker, succession.committee_of(moved), by=by)
    return None, counts


def _merge(change: Change, by: "Seat") -> Outcome:
    olds, made = change.ending, None
    if change.makes_new:
        made = _like(change.organization, change)
    new = made or change.organization
    counts = tree.hand_on(olds, new, change.on)
    counts |= succession.hand_on(olds, new, by=by)
    seats = tree.end_seats(olds, change.on)
    counts["seats"] = tree.carry_seats(seats, new, change.on, by=by) if change.keeps_seats else 0
    tree.close(olds, change.on, kept_by=new)
    tree.note_succession(olds, new, Succession.Kind.MERGE, change.on, by=by)
    return made, counts


def _like(old: Organization, change: Change) -> Organization:
    """A new organisation of the same kind in the same place; a letterhead is its own."""
    kept: dict[str, Any] = {name: getattr(old, name) for name in ("kind", "side", "place_name", "address", "phone")}
    return Organization.objects.add(old.parent, since=change.on, **{**kept, **change.names})


def _split(change: Change, by: "Seat") -> Outcome:
    old, new = change.organization, _like(change.organization, change)
    counts: dict[str, int] = {}
    if old.kind == Unit.CELL:
        people = Placement.objects.current().filter(cell=old, pk__in=change.chosen)
        colleagues = Membership.objects.filter(cell=old, until_on=None, pk__in=change.chosen)
        if old.side == Organization.Side.RESIDENCE:
            counts["placements"] = tree.go_on(people, change.on, cell=new)
            counts |= succession.people_changed_cell(change.chosen, new, by=by)
        else:
            counts["memberships"] = tree.go_on(colleagues, change.on, cell=new)
    else:
        leaving = list(Organization.objects.filter(parent=old, pk__in=change.chosen, closed_on=None).order_by("pk"))
        cells = [row.pk for row in leaving if row.side == Organization.Side.RESIDENCE]
        tree.put_under(leaving, new, change.on)
        people = Placement.objects.current().filter(cell__in=cells)
        counts = {"organizations": len(leaving), "placements": tree.go_on(people, change.on, commune=new)}
        counts |= succession.cells_changed_commune(cells, old, new, by=by)
        if old.kind != Unit.COMMUNE:
            counts |= succession.askers_changed(new, old, succession.committee_of(new), by=by)
    tree.note_succession([old], new, Succession.Kind.SPLIT, change.on, by=by)
    return new, counts


def _close(change: Change, by: "Seat") -> Outcome:
    counts = {"seats": len(tree.end_seats([change.organization], change.on))}
    tree.close([change.organization], change.on)
    return None, counts


def _join(change: Change, by: "Seat") -> Outcome:
    """An entry of the address book that comes onto the system stays who it was: requests and papers follow."""
    organization = change.organization
    organization.kind = Unit.COMMUNE if organization.unit else Unit.GRASSROOTS
    organization.set_keys()
    organization.save(update_fields=["kind"])
    return None, {"requests": succession.open_matters([organization]).count()}


VERBS = {
    Kind.ADD: _add,
    Kind.RENAME: _rename,
    Kind.MOVE: _move,
    Kind.MERGE: _merge,
    Kind.SPLIT: _split,
    Kind.CLOSE: _close,
    Kind.JOIN: _join,
}
