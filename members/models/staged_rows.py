"""One row of a list that waits to be written: what it says, as understood, and what it would do."""

from collections.abc import Sequence

from django.db import models
from django.db.models import Q
from django.utils import timezone

from members.models.directory import Directory, day, identity
from members.models.encrypted import EncryptedJSONField
from members.models.organizations import Organization
from members.models.people import Member
from members.roster_values import RosterRow, amended, as_text, understand


class StagedRow(models.Model):
    class Plan(models.TextChoices):
        NEW = "new", "Đưa mới vào sổ"
        CHANGED = "changed", "Cập nhật"
        SAME = "same", "Đã có, không thay đổi"
        QUESTION = "question", "Cần làm rõ"
        FAULTY = "faulty", "Có lỗi"
        SKIP = "skip", "Bỏ qua"

    # What `RosterImport.answer` saves, and the plans whose rows may be left out all at once.
    ANSWERED = ("edits", "values", "errors", "warnings", "skip", "chosen_commune", "is_other_person")
    LEAVABLE = (Plan.FAULTY, Plan.QUESTION)

    roster = models.ForeignKey("members.RosterImport", models.CASCADE, related_name="rows")
    row_no = models.PositiveIntegerField("dòng")
    # {field: text} as written in the list, and what somebody typed here in its place
    raw = EncryptedJSONField(default=dict)
    edits = EncryptedJSONField(default=dict)
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

    @classmethod
    def of(cls, read: RosterRow, known: "StagedRow | None" = None) -> "StagedRow":
        """A row as read, with what `known`, the same row of an earlier reading, was told."""
        row = cls(row_no=read.number)
        row._understood(read)
        if known:
            row.skip, row.chosen_commune = known.skip, known.chosen_commune
            row.is_other_person = known.is_other_person
            row.type_over(known.edits)
        return row

    def _understood(self, read: RosterRow) -> None:
        self.raw, self.values = read.raw, dict(read.values)
        self.errors = [list(pair) for pair in read.errors]
        self.warnings = [list(pair) for pair in read.questions]

    def text(self, field: str) -> str:
        """What stands in the field on screen."""
        return as_text(field, amended(self.raw, self.values, self.edits), self.values)

    def type_over(self, edits: dict[str, str]) -> None:
        """Understand the row with what somebody typed in place of its words, by the same rules."""
        if not edits:
            return
        texts = amended(amended(self.raw, self.values, self.edits), self.values, edits)
        self.edits = self.edits | edits
        raw = self.raw
        self._understood(understand(self.row_no, texts, timezone.localdate()))
        self.raw = raw

    @property
    def sentences(self) -> list[str]:
        return [sentence for _, sentence in [*self.errors, *self.found, *self.warnings]]

    @property
    def verdict(self) -> tuple[object, ...]:
        return self.plan, self.found, self.commune_id, self.member_id

    def decide(self, directory: Directory, twice: Sequence[tuple[str, str]] = ()) -> None:
        """`twice`: what makes this row the same person as an earlier row of its list."""
        self.found, self.member = [], None
        self.commune = self.chosen_commune or directory.commune(self.values["commune"])
        doubled = [list(pair) for pair in twice if pair[0] != "twin"]
        if self.errors or doubled:
            self.plan, self.found = self.Plan.FAULTY, doubled
            return
        self._decide(directory)
        self.found += [list(pair) for pair in twice]

    def _decide(self, directory: Directory) -> None:
        if not self.values["birth_year"]:
            self.plan = self.Plan.FAULTY
            self.found = [["birth_date", "Chưa có ngày sinh hoặc năm sinh; đề nghị ghi bổ sung."]]
            return
        if self.commune is None:
            self.plan = self.Plan.FAULTY
            self.found = [["commune", directory.commune_problem(self.values["commune"])]]
            return
        if directory.receiving and self.commune.pk != directory.receiving.pk:
            self.plan = self.Plan.FAULTY
            self.found = [["commune", f"Danh sách ghi nơi cư trú khác, không thuộc {directory.receiving.name}."]]
            return
        self._match(directory)

    def _match(self, directory: Directory) -> None:
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

    def _compare(self, directory: Directory) -> None:
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
