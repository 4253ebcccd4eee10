"""Records whose time is over: listed, approved by somebody else, destroyed with minutes that hold only counts."""

from datetime import date, datetime, time
from typing import TYPE_CHECKING, Any

from django.db import models, transaction
from django.db.models import F, Max, Q, QuerySet
from django.utils import timezone

from evaluations.models.documents import Document, new_document
from evaluations.retention import Kind, Step, kinds, name_of
from members.models import AuditEvent, Member, Organization
from members.models.organizations import next_path
from members.roles import Action
from members.states import Refused, move

if TYPE_CHECKING:
    from members.models import Seat, User

AT_ONCE = 500
LARGEST = 20_000  # records on one list; the rest come on the next


def cutoff(kind: Kind, today: date | None = None) -> date:
    """What began before this day has been kept long enough."""
    today = today or timezone.localdate()
    return today.replace(year=today.year - kind.years, day=min(today.day, 28) if today.month == 2 else today.day)


def expired(kind: Kind, place: Organization, before: date) -> QuerySet[Any]:
    """The records of a branch whose time is over and that stand on no other list."""
    rows = _units(kind).filter(**kind.only)
    if kind.skip:
        rows = rows.exclude(**kind.skip)
    moment = timezone.make_aware(datetime.combine(before, time()))
    limit = {"year": before.year, "moment": moment}.get(kind.clock_is, before)
    inside = Q()
    for lookup in kind.owner:
        inside |= Q(**{f"{lookup}__path__gte": place.path, f"{lookup}__path__lt": next_path(place.path)})
    # By ids, because the owner may be reached over rows of which there are several.
    within = rows.model._base_manager.filter(inside).values("pk")
    rows = rows.filter(**{f"{kind.clock}__lt": limit}, pk__in=within)
    return rows.exclude(pk__in=list(_listed(kind)))


def _units(kind: Kind) -> QuerySet[Any]:
    if kind.model is Member:
        return _left()
    return kind.model._base_manager.all()


def _left() -> QuerySet[Any]:
    """Members of whom nothing is open any more; `left_on` is the last day anything was."""
    gone = Member.objects.exclude(memberships__until_on=None, memberships__isnull=False)
    gone = gone.exclude(placements__until_on=None, placements__isnull=False)
    last = {"work": Max("memberships__until_on"), "home": Max("placements__until_on")}
    ends = gone.annotate(**last).filter(Q(work__isnull=False) | Q(home__isnull=False))
    return ends.annotate(
        left_on=models.Case(
            models.When(Q(home=None) | Q(work__gte=F("home")), then=F("work")),
            default=F("home"),
            output_field=models.DateField(),
        )
    )


def _listed(kind: Kind) -> set[int]:
    rows = Destruction.objects.filter(kind=kind.code).exclude(state=Destruction.State.DROPPED)
    return {pk for ids in rows.values_list("ids", flat=True) for pk in ids}


class DestructionQuerySet(models.QuerySet["Destruction"]):
    def for_user(self, user: "User") -> "DestructionQuerySet":
        reach = user.reach(Action.KEEP_DATA, "organization__") | user.reach(Action.APPROVE_DATA, "organization__")
        return self.filter(reach)

    @transaction.atomic
    def propose(self, kind: Kind, place: Organization, *, by: "Seat") -> "Destruction":
        """A list of what has expired today. Raises Refused when nothing has."""
        Organization.objects.select_for_update(no_key=True).get(pk=place.pk)
        before = cutoff(kind)
        ids = list(expired(kind, place, before).order_by("pk").values_list("pk", flat=True)[:LARGEST])
        if not ids:
            raise Refused(f"Không có hồ sơ nào hết thời hạn lưu: {kind.title}.")
        row = self.create(kind=kind.code, organization=place, before=before, ids=ids, count=len(ids), proposed_by=by)
        AuditEvent.objects.record("Destruction.propose", by=by, on=row, fields=["kind", "before", "count"])
        return row


class Destruction(models.Model):
    class State(models.TextChoices):
        PROPOSED = "proposed", "chờ phê duyệt"
        APPROVED = "approved", "đã phê duyệt, chờ tiêu hủy"
        DESTROYED = "destroyed", "đã tiêu hủy"
        DROPPED = "dropped", "không tiêu hủy"

    MOVES = {
        State.PROPOSED: frozenset({State.APPROVED, State.DROPPED}),
        State.APPROVED: frozenset({State.DESTROYED, State.DROPPED}),
        State.DESTROYED: frozenset(),
        State.DROPPED: frozenset(),
    }
    STAMPS = {State.APPROVED: "approved", State.DESTROYED: "destroyed", State.DROPPED: "dropped"}

    organization = models.ForeignKey(Organization, models.PROTECT, related_name="destructions")
    kind = models.CharField("loại hồ sơ", max_length=30)
    before = models.DateField("trước ngày")
    ids = models.JSONField()
    count = models.PositiveIntegerField("số hồ sơ")
    state = models.CharField("trạng thái", max_length=9, choices=State.choices, default=State.PROPOSED)
    proposed_at = models.DateTimeField(auto_now_add=True)
    proposed_by = models.ForeignKey("members.Seat", models.PROTECT, related_name="+")
    approved_at = models.DateTimeField(null=True)
    approved_by = models.ForeignKey("members.Seat", models.PROTECT, null=True, related_name="+")
    destroyed_at = models.DateTimeField(null=True)
    destroyed_by = models.ForeignKey("members.Seat", models.PROTECT, null=True, related_name="+")
    dropped_at = models.DateTimeField(null=True)
    dropped_by = models.ForeignKey("members.Seat", models.PROTECT, null=True, related_name="+")
    # {name of the table: rows deleted or emptied}
    outcome = models.JSONField("kết quả", default=dict)
    minutes = models.OneToOneField(Document, models.PROTECT, null=True, related_name="destruction")

    objects = DestructionQuerySet.as_manager()

    class Meta:
        verbose_name = "danh mục hồ sơ hết thời hạn"
        constraints = [
            models.CheckConstraint(
                name="destruction_state_known",
                condition=Q(state__in=["proposed", "approved", "destroyed", "dropped"]),
            ),
            models.CheckConstraint(
                name="destruction_approved_first",
                condition=~Q(state="destroyed") | Q(approved_by__isnull=False, minutes__isnull=False),
            ),
            models.CheckConstraint(name="destruction_approved_by_another", condition=~Q(approved_by=F("proposed_by"))),
        ]

    @property
    def rule(self) -> Kind:
        return kinds()[self.kind]

    @transaction.atomic
    def approve(self, *, by: "Seat") -> None:
        if by.user_id == self.proposed_by.user_id:
            raise Refused("Người lập danh mục không tự phê duyệt. Xin để đồng chí khác có thẩm quyền phê duyệt.")
        move(self, self.State.APPROVED, by=by)

    def drop(self, *, by: "Seat") -> None:
        move(self, self.State.DROPPED, by=by)

    @transaction.atomic
    def destroy(self, *, by: "Seat") -> Document:
        """Destroy what is still expired, and write minutes; the minutes."""
        kind = self.rule
        minutes = self._minutes(by)
        # The state first: whoever presses at the same moment waits for the row and is told.
        move(self, self.State.DESTROYED, by=by, minutes=minutes)
        gone: dict[str, int] = {}
        for start in range(0, len(self.ids), AT_ONCE):
            ids = self.ids[start : start + AT_ONCE]
            for step in kind.steps:
                name = name_of(step.model)
                gone[name] = gone.get(name, 0) + _take(step, ids)
        self.outcome = gone
        self.save(update_fields=["outcome"])
        minutes.facts = minutes.facts | self._facts()
        minutes.save(update_fields=["facts"])
        move(minutes, Document.State.ISSUED, by=by, issued_on=timezone.localdate())
        AuditEvent.objects.record_many("destroy", by=by, model=kind.model, ids=self.ids)
        return minutes

    def _minutes(self, by: "Seat") -> Document:
        minutes = new_document(
            Document.Genre.DESTRUCTION,
            key=f"destruction:{self.pk}",
            issuer=self.organization,
            prepared_by=by,
            abstract=f"Tiêu hủy hồ sơ hết thời hạn lưu: {self.rule.title}"[:300],
            facts={},
        )
        minutes.save()
        return minutes

    def _facts(self) -> dict[str, Any]:
        """Of templates/documents/destruction.html: how many, by what rule, by whom; nothing of what it was."""
        people = [("Người lập danh mục", self.proposed_by), ("Người phê duyệt", self.approved_by)]
        people.append(("Người thực hiện", self.destroyed_by))
        return {
            "kind": self.rule.title,
            "basis": self.rule.basis,
            "years": self.rule.years,
            "before": self.before.isoformat(),
            "count": self.count,
            "rows": [{"table": name, "count": number} for name, number in sorted(self.outcome.items())],
            "people": [{"role": words, "name": f"{seat.user.full_name}, {seat}"} for words, seat in people if seat],
            "office": self.organization.name,
            "recipients": [f"Lưu {self.organization.name}"],
        }


def _take(step: Step, ids: list[int]) -> int:
    """Delete the rows, or empty the columns; how many rows."""
    model: Any = step.model
    rows = model._base_manager.filter(**{f"{step.of}__in": ids})
    # A delete or an update over a join needs the ids.
    found = list(rows.values_list("pk", flat=True))
    rows = model._base_manager.filter(pk__in=found)
    if not step.blank and not step.keep:
        return int(rows.delete()[0]) if found else 0
    if step.keep:
        changed = list(rows)
        for row in changed:
            for column, keys in step.keep.items():
                whole = getattr(row, column)
                setattr(row, column, {key: whole[key] for key in keys if key in whole})
        model._base_manager.bulk_update(changed, list(step.keep), batch_size=100)
    if step.blank:
        rows.update(**emptied(model, step.blank))
    return len(found)


def emptied(model: type[models.Model], blank: dict[str, Any]) -> dict[str, Any]:
    """TOML has no null: "" empties a column that may be null and holds no text."""
    found = {}
    for name, value in blank.items():
        column: Any = model._meta.get_field(name)
        is_text = isinstance(column, models.CharField | models.TextField)
        found[name] = None if value == "" and column.null and not is_text else value
    return found
