"""From a workbook to the register: staged rows, each shown as understood, written only when somebody says so.

`plan` decides for every row what would happen; `commit` plans again under lock and does exactly that, so that the
preview and the writing cannot disagree. Staged rows hold personal data: they die at import or after seven days.
"""

from dataclasses import asdict
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from django.db import models, transaction
from django.utils import timezone

from members.models.directory import Directory
from members.models.encrypted import EncryptedJSONField
from members.models.enrolment import learn_places, write_changes, write_new
from members.models.headings import RosterHeading
from members.models.history import AuditEvent
from members.models.organizations import Organization
from members.models.people import Member
from members.models.staged_rows import StagedRow
from members.roles import Action, Side
from members.roster import Roster, reread_roster
from members.roster_doubles import doubles
from members.roster_headings import Heading
from members.roster_values import is_never_kept
from members.states import Refused

if TYPE_CHECKING:
    from members.models.accounts import Seat, User

KEPT_FOR = timedelta(days=7)
WRITTEN = (StagedRow.Plan.NEW, StagedRow.Plan.CHANGED, StagedRow.Plan.SAME)


class RosterImportQuerySet(models.QuerySet["RosterImport"]):
    def for_user(self, user: "User") -> "RosterImportQuerySet":
        return self.filter(user.reach(Action.KEEP_ROSTER, "committee__", Side.WORKPLACE))

    @transaction.atomic
    def stage(
        self,
        committee: Organization,
        roster: Roster,
        filename: str,
        *,
        by: "Seat",
        commune: Organization | None = None,
    ) -> "RosterImport":
        """One import for each sheet with a list; the fullest is given back, the others hang on it."""
        staged = self._stage(committee, roster, filename, by, commune=commune)
        for other in roster.others:
            self._stage(committee, other, filename, by, first_sheet=staged, commune=commune)
        return staged

    def _stage(
        self,
        committee: Organization,
        roster: Roster,
        filename: str,
        by: "Seat",
        first_sheet: "RosterImport | None" = None,
        commune: Organization | None = None,
    ) -> "RosterImport":
        staged = RosterImport(committee=committee, filename=filename[:200], made_by=by, first_sheet=first_sheet)
        staged.commune = commune
        staged.take(roster, {})
        AuditEvent.objects.record("RosterImport.stage", by=by, on=staged, fields=["rows"])
        return staged

    def waiting(self) -> "RosterImportQuerySet":
        return self.filter(committed_at=None, source__isnull=False)

    def expired(self) -> "RosterImportQuerySet":
        return self.filter(made_at__lt=timezone.now() - KEPT_FOR)

    def forget(self) -> None:
        """Whatever names people goes; that there was such an import stays."""
        StagedRow.objects.filter(roster__in=self).delete()
        StagedSheet.objects.filter(roster__in=self).delete()


class RosterImport(models.Model):
    committee = models.ForeignKey(Organization, models.PROTECT, related_name="roster_imports")
    # The list of a committee on paper, entered by the commune that it was sent to.
    commune = models.ForeignKey(Organization, models.PROTECT, null=True, related_name="roster_imports_received")
    filename = models.CharField("tên tệp", max_length=200)
    sheet = models.CharField("trang tính", max_length=200, blank=True)
    first_sheet = models.ForeignKey("self", models.CASCADE, null=True, related_name="other_sheets")
    header_row = models.PositiveIntegerField()
    columns = models.JSONField(default=dict)
    # [letter, heading, key] of every column, also of those that are not read
    headings = models.JSONField(default=list)
    dropped = models.JSONField(default=list)
    notes = models.JSONField(default=list)
    made_by = models.ForeignKey("members.Seat", models.PROTECT, related_name="+")
    made_at = models.DateTimeField(auto_now_add=True)
    committed_at = models.DateTimeField(null=True)
    committed_by = models.ForeignKey("members.Seat", models.PROTECT, null=True, related_name="+")
    outcome = models.JSONField("kết quả", default=dict)

    objects = RosterImportQuerySet.as_manager()
    # Who stands in the register after `commit`, new or known, as long as this object lives.
    written: "list[Member]" = []

    class Meta:
        verbose_name = "lần nhập danh sách"
        ordering = ["-pk"]

    @property
    def heads(self) -> list[Heading]:
        return [Heading(*heading) for heading in self.headings]

    def take(self, roster: Roster, known: "dict[int, StagedRow]") -> None:
        """Stage what was read; rows known from an earlier reading keep what somebody typed or chose for them."""
        self.sheet, self.header_row = roster.sheet[:200], roster.header_row
        self.columns = {name: asdict(column) for name, column in roster.columns.items()}
        self.headings = [[heading.letter, heading.text, heading.key] for heading in roster.headings]
        self.dropped = sorted({*self.dropped, *roster.dropped})
        self.notes = [*roster.notes, *roster.problems]
        self.save()
        StagedSheet.objects.update_or_create(roster=self, defaults={"lines": roster.lines})
        rows = [StagedRow.of(row, known.get(row.number)) for row in roster.rows]
        for row in rows:
            row.roster = self
        self.decide(rows)
        StagedRow.objects.bulk_create(rows, batch_size=500)

    @transaction.atomic
    def correct_columns(self, meanings: dict[str, str], *, by: "Seat") -> None:
        """Read the list again with what somebody says its headings mean, and remember that for the committee."""
        if self.committed_at or not (source := StagedSheet.objects.filter(roster=self).first()):
            raise Refused("Các dòng chờ nhập của lần này đã được xóa. Đồng chí tải lại danh sách.")
        heads = self.heads
        others = RosterHeading.objects.meanings(self.committee)
        for heading in heads:
            others.pop(heading.key, None)
        roster = reread_roster(self.sheet, source.lines, today=timezone.localdate(), corrections=others | meanings)
        RosterHeading.objects.remember(self.committee, heads, meanings, by=by)
        known = {row.row_no: row for row in self.rows.select_related("chosen_commune")}
        self.rows.all().delete()
        self.take(roster, known)
        AuditEvent.objects.record("RosterImport.correct_columns", by=by, on=self, fields=["columns"])

    def decide(self, rows: list[StagedRow]) -> Directory:
        """Put on each row what it would do; the directory they were compared with."""
        directory = Directory(self.committee, rows, self.commune)
        twice = doubles((row.row_no, row.values) for row in rows if not row.skip)
        for row in rows:
            row.decide(directory, twice.get(row.row_no, []))
        return directory

    def plan(self) -> None:
        """Decide again, after an answer, and keep what came out differently."""
        rows = list(self.rows.select_related("chosen_commune"))
        before = [row.verdict for row in rows]
        self.decide(rows)
        changed = [row for row, was in zip(rows, before, strict=True) if row.verdict != was]
        StagedRow.objects.bulk_update(changed, ["plan", "found", "commune", "member"], batch_size=500)

    @transaction.atomic
    def answer(self, rows: list[StagedRow], *, by: "Seat", skip: str = "") -> None:
        """Keep what was typed and chosen on `rows`, decide again, then leave out all rows of the plan `skip`.

        `skip` "none" takes all rows back in.
        """
        if RosterImport.objects.select_for_update().get(pk=self.pk).committed_at:
            raise Refused("Danh sách này đã được đưa vào sổ theo dõi.")
        self._drop([row for row in rows if is_never_kept(list(row.edits.values()))])
        if rows:
            StagedRow.objects.bulk_update([row for row in rows if row.pk], StagedRow.ANSWERED, batch_size=200)
            self.plan()
        moved = 0
        if skip in StagedRow.LEAVABLE:
            moved = self.rows.filter(plan=skip, skip=False).update(skip=True)
        elif skip == "none":
            moved = self.rows.filter(skip=True).update(skip=False)
        if moved:
            self.plan()
        if rows or moved:
            AuditEvent.objects.record("RosterImport.answer", by=by, on=self, fields=["rows"])

    def _drop(self, rows: list[StagedRow]) -> None:
        """Somebody typed that these may not be kept: then nothing of them is."""
        if not rows:
            return
        numbers = {row.row_no for row in rows}
        source = self.source
        source.lines = [line for line in source.lines if line[0] not in numbers]
        source.save(update_fields=["lines"])
        self.dropped = sorted({*self.dropped, *numbers})
        self.save(update_fields=["dropped"])
        for row in rows:
            row.delete()

    def counts(self) -> dict[str, int]:
        counts = dict.fromkeys(StagedRow.Plan.values, 0)
        for plan, skip, number in self.rows.order_by().values_list("plan", "skip").annotate(n=models.Count("pk")):
            counts["skip" if skip else plan] += number
        return counts

    @transaction.atomic
    def commit(self, *, by: "Seat") -> dict[str, int]:
        """Write all rows understood; {"new": n, "changed": n, "same": n, "left": n}. Pressing twice: nothing."""
        locked = RosterImport.objects.select_for_update().get(pk=self.pk)
        if locked.committed_at:
            return dict(locked.outcome)
        # One import of a province at a time: two at once would both see a person, or a card, as new.
        root = int(self.committee.path.split("/")[1])
        Organization.objects.select_for_update(no_key=True).get(pk=root)
        staged = list(self.rows.select_related("chosen_commune"))
        directory = self.decide(staged)
        rows = [row for row in staged if not row.skip]
        new = [row for row in rows if row.plan == StagedRow.Plan.NEW]
        changed = [row for row in rows if row.plan == StagedRow.Plan.CHANGED]
        write_new(new, directory, by)
        write_changes(changed, directory, by)
        learn_places([row for row in rows if row.plan in WRITTEN and row not in new], directory)
        same = sum(row.plan == StagedRow.Plan.SAME for row in rows)
        outcome = {"new": len(new), "changed": len(changed), "same": same}
        outcome["left"] = len(staged) - sum(outcome.values())
        self.written = [row.member for row in rows if row.member and row.plan in WRITTEN]
        self.committed_at, self.committed_by, self.outcome = timezone.now(), by, outcome
        self.save(update_fields=["committed_at", "committed_by", "outcome"])
        RosterImport.objects.filter(pk=self.pk).forget()
        AuditEvent.objects.record("RosterImport.commit", by=by, on=self, fields=["outcome"])
        return outcome


class StagedSheet(models.Model):
    """The lines of a list, kept as long as its rows, so that a corrected column needs no second upload."""

    roster = models.OneToOneField(RosterImport, models.CASCADE, related_name="source")
    lines: Any = EncryptedJSONField(default=list)

    class Meta:
        verbose_name = "trang tính chờ nhập"
