"""From a workbook to the register: staged rows, each shown as understood, written only when somebody says so.

`plan` decides for every row what would happen; `commit` plans again under lock and does exactly that, so that the
preview and the writing cannot disagree. Staged rows hold personal data: they die at import or after seven days.
"""

from dataclasses import asdict
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

from django.db import models, transaction
from django.db.models import Q
from django.utils import timezone

from members.models.encrypted import EncryptedJSONField, blind_index
from members.models.history import AuditEvent
from members.models.organizations import Organization
from members.models.people import Member, Membership
from members.models.placements import Placement
from members.names import name_key, search_key, split_unit
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
        StagedRow.objects.bulk_create(
            StagedRow(
                roster=staged,
                row_no=row.number,
                values=dict(row.values),
                errors=[list(pair) for pair in row.errors],
                warnings=[list(pair) for pair in row.questions],
            )
            for row in roster.rows
        )
        staged.plan()
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

    def plan(self) -> None:
        """Decide what each row would do and keep it on the row."""
        rows = list(self.rows.all())
        directory = Directory(self.committee, rows)
        for row in rows:
            row.decide(directory)
        StagedRow.objects.bulk_update(rows, ["plan", "found", "commune", "member"], batch_size=500)

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
        # One import of a committee at a time: two at once would both see a person as new.
        Organization.objects.select_for_update().get(pk=self.committee_id)
        self.plan()
        rows = list(self.rows.filter(skip=False).select_related("commune", "member"))
        directory = Directory(self.committee, rows)
        new = [row for row in rows if row.plan == StagedRow.Plan.NEW]
        changed = [row for row in rows if row.plan == StagedRow.Plan.CHANGED]
        _write_new(new, directory, by)
        for row in changed:
            _write_changes(row, directory, by)
        same = sum(row.plan == StagedRow.Plan.SAME for row in rows)
        outcome = {"new": len(new), "changed": len(changed), "same": same}
        outcome["left"] = self.rows.count() - sum(outcome.values())
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
    errors = models.JSONField(default=list)
    warnings = models.JSONField(default=list)
    # [field, sentence] pairs from comparing with the register
    found = models.JSONField(default=list)
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
        elif differences:
            self.plan = self.Plan.CHANGED
            self.found = [[field, sentence] for field, sentence in differences]
        else:
            self.plan = self.Plan.SAME


def identity(values: dict[str, Any]) -> tuple[str, str, str]:
    return search_key(values["full_name"]), str(values["birth_date"] or ""), str(values["joined_on"] or "")


class Directory:
    """What is already known when a committee imports: communes, its cells and its people. Read once, asked often."""

    def __init__(self, committee: Organization, rows: list[StagedRow]) -> None:
        self.committee = committee
        self._communes: dict[str, list[Organization]] = {}
        for commune in Organization.objects.communes():
            self._communes.setdefault(commune.locality_key, []).append(commune)
        cells = Organization.objects.below(committee).workplace_cells()
        self.cells = {name_key(cell.name): cell for cell in cells}
        self.members = {
            member.pk: member
            for member in Member.objects.in_committee(committee).prefetch_related(
                models.Prefetch("memberships", Membership.objects.filter(until_on=None).select_related("cell")),
                models.Prefetch("placements", Placement.objects.current().select_related("commune")),
            )
        }
        self._named: dict[str, list[Member]] = {}
        for member in self.members.values():
            self._named.setdefault(member.search_key, []).append(member)
        self.people = self._known_people(rows)
        cards = {blind_index(row.values.get("card_no") or "") for row in rows} - {""}
        self._holders = {member.card_index: member for member in _in_chunks("card_index", cards)}

    def _known_people(self, rows: list[StagedRow]) -> dict[tuple[str, str, str], list[Member]]:
        """Members anywhere with the identity (search key, birth, joined) of one of the rows, few queries."""
        found: dict[tuple[str, str, str], list[Member]] = {}
        for member in _in_chunks("search_key", {search_key(row.values["full_name"]) for row in rows}):
            known = (member.search_key, str(member.birth_date or ""), str(member.joined_on or ""))
            if known[1] and known[2]:
                found.setdefault(known, []).append(member)
        return found

    def card_holder(self, values: dict[str, Any]) -> Member | None:
        return self._holders.get(blind_index(values.get("card_no") or ""))

    def perhaps(self, values: dict[str, Any]) -> list[Member]:
        """Who here may be meant: all of the name when the row says too little, else those it does not contradict."""
        named = self._named.get(search_key(values["full_name"]), [])
        if not values["birth_date"] or not values["joined_on"]:
            return named
        years, days = {values["birth_year"]}, {None, _day(values["birth_date"])}
        return [member for member in named if member.birth_year in years and member.birth_date in days]

    def commune(self, words: str) -> Organization | None:
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

    def differences(self, row: StagedRow) -> list[tuple[str, str]]:
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
        if placement and _exemption(row, placement) != (placement.standing, placement.exemption):
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


def _day(text: str | None) -> date | None:
    return date.fromisoformat(text) if text else None


def _write_new(rows: list[StagedRow], directory: Directory, by: "Seat") -> None:
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
    placements = [_placement(row, member, today) for row, member in zip(rows, members, strict=True)]
    Placement.objects.bulk_create(placements, batch_size=500)
    if members:
        AuditEvent.objects.record_many("Member.import", by=by, model=Member, ids=[member.pk for member in members])


def _member(values: dict[str, Any]) -> Member:
    member = Member(
        full_name=values["full_name"],
        sex=values["sex"],
        birth_date=_day(values["birth_date"]),
        birth_year=values["birth_year"],
        joined_on=_day(values["joined_on"]),
        official_on=_day(values["official_on"]),
        card_no=values.get("card_no") or "",
        phone=values["phone"] or "",
        address=values["address"] or "",
    )
    member.set_keys()
    return member


def _placement(row: StagedRow, member: Member, today: date) -> Placement:
    exemption = row.values["exemption"]
    placement = Placement(
        member=member,
        commune=row.commune,
        cell_as_written=row.values["neighborhood"] or "",
        standing=exemption["class"].lower(),
        exemption=exemption["category"],
        exemption_proof=row.values["note"][:250] if exemption["category"] else "",
        origin=Placement.Origin.ROSTER,
        from_on=today,
    )
    placement.set_keys()
    return placement


def _exemption(row: StagedRow, placement: Placement) -> tuple[str, str]:
    """Standing and category by the row's note; a note that names no category leaves a known one alone."""
    standing, category = row.values["exemption"]["class"].lower(), row.values["exemption"]["category"]
    is_still = standing == placement.standing == Placement.Standing.EXEMPT_ACTIVITY
    return standing, category or (placement.exemption if is_still else "")


def _write_changes(row: StagedRow, directory: Directory, by: "Seat") -> None:
    assert row.member is not None
    member, values, today = directory.members[row.member.pk], row.values, timezone.localdate()
    membership, placement = member.memberships.all()[0], next(iter(member.placements.all()), None)
    before = _facts(member, membership, placement)
    for field in PLAIN_FIELDS:
        if values.get(field):
            setattr(member, field, _day(values[field]) if field in DAYS else values[field])
    member.set_keys()
    member.save()
    membership = _change_membership(membership, values, directory, by, today)
    placement = _change_placement(row, placement, member, today)
    after = _facts(member, membership, placement)
    changes = {field: [before[field], after[field]] for field in before if before[field] != after[field]}
    AuditEvent.objects.record("Member.update", by=by, on=member, changes=changes)


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
    if cell.pk == current.cell_id or current.from_on == today:
        current.cell, current.position = cell, position
        current.save(update_fields=["cell", "position"])
        return current
    current.until_on = today - timedelta(days=1)
    current.save(update_fields=["until_on"])
    return Membership.objects.create(member=current.member, cell=cell, position=position, from_on=today)


def _change_placement(row: StagedRow, current: Placement | None, member: Member, today: date) -> Placement:
    if current is None:
        current = _placement(row, member, today)
        current.save()
        return current
    current.standing, current.exemption = _exemption(row, current)
    if not current.exemption:
        current.exemption_proof = ""
    elif row.values["exemption"]["category"]:
        current.exemption_proof = row.values["note"][:250]
    current.save(update_fields=["standing", "exemption", "exemption_proof"])
    return current
