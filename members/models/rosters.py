"""From a workbook to the register: staged rows, each shown as understood, written only when somebody says so.

`plan` decides for every row what would happen; `commit` plans again under lock and does exactly that, so that the
preview and the writing cannot disagree. Staged rows hold personal data: they die at import or after seven days.
"""

from dataclasses import asdict
from datetime import timedelta
from typing import TYPE_CHECKING

from django.db import models, transaction
from django.db.models import Q
from django.utils import timezone

from members.models.directory import Directory, day, identity
from members.models.encrypted import EncryptedJSONField
from members.models.enrolment import write_changes, write_new
from members.models.history import AuditEvent
from members.models.organizations import Organization
from members.models.people import Member
from members.roles import Action, Side
from members.roster import Roster

if TYPE_CHECKING:
    from members.models.accounts import Seat, User

KEPT_FOR = timedelta(days=7)


class RosterImportQuerySet(models.QuerySet["RosterImport"]):
    def for_user(self, user: "User") -> "RosterImportQuerySet":
        return self.filter(user.reach(Action.KEEP_ROSTER, "committee__", Side.WORKPLACE))

    @transaction.atomic
    def stage(self, committee: Organization, roster: Roster, filename: str, *, by: "Seat") -> "RosterImport":
        staged = self.create(
            committee=committee,
            filename=filename[:200],
            header_row=roster.header_row,
            columns={name: asdict(column) for name, column in roster.columns.items()},
            dropped=roster.dropped,
            notes=[*roster.notes, *roster.problems],
            made_by=by,
        )
        rows = [
            StagedRow(
                roster=staged,
                row_no=row.number,
                values=dict(row.values),
                errors=[list(pair) for pair in row.errors],
                warnings=[list(pair) for pair in row.questions],
            )
            for row in roster.rows
        ]
        staged.decide(rows)
        StagedRow.objects.bulk_create(rows, batch_size=500)
        AuditEvent.objects.record("RosterImport.stage", by=by, on=staged, fields=["rows"])
        return staged

    def expired(self) -> "RosterImportQuerySet":
        return self.filter(made_at__lt=timezone.now() - KEPT_FOR)


class RosterImport(models.Model):
    committee = models.ForeignKey(Organization, models.PROTECT, related_name="roster_imports")
    filename = models.CharField("tên tệp", max_length=200)
    header_row = models.PositiveIntegerField()
    columns = models.JSONField(default=dict)
    dropped = models.JSONField(default=list)
    notes = models.JSONField(default=list)
    made_by = models.ForeignKey("members.Seat", models.PROTECT, related_name="+")
    made_at = models.DateTimeField(auto_now_add=True)
    committed_at = models.DateTimeField(null=True)
    committed_by = models.ForeignKey("members.Seat", models.PROTECT, null=True, related_name="+")
    outcome = models.JSONField("kết quả", default=dict)

    objects = RosterImportQuerySet.as_manager()

    class Meta:
        verbose_name = "lần nhập danh sách"
        ordering = ["-pk"]

    def decide(self, rows: "list[StagedRow]") -> Directory:
        """Put on each row what it would do; the directory they were compared with."""
        directory = Directory(self.committee, rows)
        for row in rows:
            row.decide(directory)
        return directory

    def plan(self) -> None:
        """Decide again, after an answer, and keep what came out differently."""
        rows = list(self.rows.select_related("chosen_commune"))
        before = [row.verdict for row in rows]
        self.decide(rows)
        changed = [row for row, was in zip(rows, before, strict=True) if row.verdict != was]
        StagedRow.objects.bulk_update(changed, ["plan", "found", "commune", "member"], batch_size=500)

    def counts(self) -> dict[str, int]:
        counts = dict.fromkeys(StagedRow.Plan.values, 0)
        for row in self.rows.all():
            counts["skip" if row.skip else row.plan] += 1
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
        for row in changed:
            write_changes(row, directory, by)
        same = sum(row.plan == StagedRow.Plan.SAME for row in rows)
        outcome = {"new": len(new), "changed": len(changed), "same": same}
        outcome["left"] = len(staged) - sum(outcome.values())
        self.committed_at, self.committed_by, self.outcome = timezone.now(), by, outcome
        self.save(update_fields=["committed_at", "committed_by", "outcome"])
        self.rows.all().delete()
        AuditEvent.objects.record("RosterImport.commit", by=by, on=self, fields=["outcome"])
        return outcome


class StagedRow(models.Model):
    class Plan(models.TextChoices):
        NEW = "new", "Đưa mới vào sổ"
        CHANGED = "changed", "Cập nhật"
        SAME = "same", "Đã có, không thay đổi"
        QUESTION = "question", "Cần làm rõ"
        FAULTY = "faulty", "Có lỗi"
        SKIP = "skip", "Bỏ qua"

    roster = models.ForeignKey(RosterImport, models.CASCADE, related_name="rows")
    row_no = models.PositiveIntegerField("dòng")
    values = EncryptedJSONField()
    # [field, sentence] pairs from reading the workbook
    errors = EncryptedJSONField(default=list)
    warnings = EncryptedJSONField(default=list)
    # [field, sentence] pairs from comparing with the register
    found = EncryptedJSONField(default=list)
    plan = models.CharField(max_length=8, choices=Plan.choices, default=Plan.FAULTY)
    skip = models.BooleanField("bỏ qua", default=False)
    commune = models.ForeignKey(Organization, models.PROTECT, null=True, related_name="+")
    # What the person importing chose where the words left a question.
    chosen_commune = models.ForeignKey(Organization, models.PROTECT, null=True, related_name="+")
    is_other_person = models.BooleanField(default=False)
    member = models.ForeignKey(Member, models.PROTECT, null=True, related_name="+")

    class Meta:
        verbose_name = "dòng chờ nhập"
        ordering = ["row_no"]
        constraints = [
            models.CheckConstraint(
                name="staged_row_plan_known",
                condition=Q(plan__in=["new", "changed", "same", "question", "faulty", "skip"]),
            ),
            models.UniqueConstraint(name="staged_row_once", fields=["roster", "row_no"]),
        ]

    @property
    def sentences(self) -> list[str]:
        return [sentence for _, sentence in [*self.errors, *self.found, *self.warnings]]

    @property
    def verdict(self) -> tuple[object, ...]:
        return self.plan, self.found, self.commune_id, self.member_id

    def decide(self, directory: "Directory") -> None:
        self.found, self.member = [], None
        self.commune = self.chosen_commune or directory.commune(self.values["commune"])
        if self.errors:
            self.plan = self.Plan.FAULTY
            return
        if not self.values["birth_year"]:
            self.plan = self.Plan.FAULTY
            self.found = [["birth_date", "Chưa có ngày sinh hoặc năm sinh. Bổ sung vào tệp rồi nhập lại dòng này."]]
            return
        if self.commune is None:
            self.plan = self.Plan.FAULTY
            self.found = [["commune", directory.commune_problem(self.values["commune"])]]
            return
        self._match(directory)

    def _match(self, directory: "Directory") -> None:
        candidates = directory.people.get(identity(self.values), [])
        inside = [member for member in candidates if member.pk in directory.members]
        holder = directory.card_holder(self.values)
        is_ours = holder is not None and holder.pk in directory.members
        if holder and is_ours and holder.search_key == identity(self.values)[0] and len(inside) != 1:
            inside = [holder]
        if is_ours and inside != [holder]:
            self.plan = self.Plan.QUESTION
            self.found = [["card_no", "Số thẻ đảng viên này trong sổ là của đồng chí khác. Kiểm tra lại rồi nhập lại."]]
        elif (holder or candidates) and not inside:
            # Somebody else's register: asked of the common superior, never revealed here (design §4).
            self.plan = self.Plan.QUESTION
            self.found = [["full_name", "Cần cấp trên trực tiếp xác nhận tiếp nhận đảng viên này; dòng chưa được ghi."]]
        elif len(inside) == 1:
            self.member = inside[0]
            self._compare(directory)
        else:
            self._ask_who(directory.perhaps(self.values))

    def _ask_who(self, alike: list[Member]) -> None:
        """Less than name, full birth date and joining date never merges anybody."""
        if self.is_other_person or not alike:
            self.plan = self.Plan.NEW
            return
        self.plan = self.Plan.QUESTION
        years = ", ".join(str(member.birth_year) for member in alike)
        self.found = [
            [
                "who",
                f"Trong sổ đã có người trùng họ tên (sinh năm {years}). Nếu là người khác, đánh dấu vào ô này.",
            ]
        ]

    def _compare(self, directory: "Directory") -> None:
        differences = directory.differences(self)
        if any(field == "commune" for field, _ in differences):
            self.plan = self.Plan.QUESTION
            self.found = [
                [
                    "commune",
                    "Xã, phường khác với sổ theo dõi: hãy ghi việc chuyển nơi cư trú trước, rồi nhập lại dòng này.",
                ]
            ]
        elif self._is_contradicted():
            self.plan = self.Plan.QUESTION
            self.found = [
                [
                    "birth_date",
                    "Ngày sinh, ngày vào Đảng mâu thuẫn với sổ theo dõi. Kiểm tra lại rồi nhập lại dòng này.",
                ]
            ]
        elif differences:
            self.plan = self.Plan.CHANGED
            self.found = [[field, sentence] for field, sentence in differences]
        else:
            self.plan = self.Plan.SAME

    def _is_contradicted(self) -> bool:
        """Somebody found by the card who, with the days of this row, would have joined before being born."""
        assert self.member is not None
        born = day(self.values["birth_date"]) or self.member.birth_date
        joined = day(self.values["joined_on"]) or self.member.joined_on
        return born is not None and joined is not None and joined <= born
