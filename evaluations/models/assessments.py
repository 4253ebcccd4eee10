"""What the residence side has to say about one placement for one year, whether asked or not; kept as versions."""

from collections.abc import Collection, Iterable
from typing import TYPE_CHECKING, Any

from django.db import models, transaction
from django.db.models import Prefetch, Q
from django.utils import timezone

from evaluations.models.documents import Document, new_document
from evaluations.models.form_facts import form_facts
from evaluations.models.stand_ins import record_route
from evaluations.rulebooks import CURRENT, Criterion, Rulebook, load
from evaluations.wording import copy_key
from members.models import Attendance, AuditEvent, JointReview, Organization, Placement
from members.models.conflicts import conflict, conflicts_of, refuse_conflict
from members.models.placements import PlacementQuerySet
from members.names import search_key
from members.roles import Action, Side
from members.states import Refused, WrongState, move

if TYPE_CHECKING:
    from members.models import Seat, User

REMARKS_LIMIT = 4000
# Never left the cell: a draft, or one that gave way to the signed paper.
_UNSENT = Q(state="draft") | Q(state="replaced", submitted_at=None, keyed_by=None)


class AssessmentQuerySet(models.QuerySet["Assessment"]):
    def for_residence(self, user: "User", action: Action) -> "AssessmentQuerySet":
        return self.filter(
            user.reach(action, "placement__commune__", Side.RESIDENCE)
            | user.reach(action, "placement__cell__", Side.RESIDENCE)
        )

    def with_versions(self) -> "AssessmentQuerySet":
        versions = AssessmentVersion.objects.order_by("-no").select_related("joint_review")
        return self.prefetch_related(Prefetch("versions", versions))


class Assessment(models.Model):
    class Purpose(models.TextChoices):
        ANNUAL = "annual", "Kiểm điểm hằng năm"
        AD_HOC = "ad_hoc", "Đột xuất"

    placement = models.ForeignKey(Placement, models.PROTECT, related_name="assessments")
    year = models.PositiveSmallIntegerField("năm")
    purpose = models.CharField("mục đích", max_length=8, choices=Purpose.choices, default=Purpose.ANNUAL)
    # Who of the cell follows this member in this year (sharing.py): somebody with a seat, or a name on paper.
    followed_by = models.ForeignKey("members.Seat", models.PROTECT, null=True, related_name="followed")
    followed_by_name = models.CharField("người theo dõi", max_length=120, blank=True, default="")

    objects = AssessmentQuerySet.as_manager()

    class Meta:
        verbose_name = "nhận xét"
        constraints = [
            models.CheckConstraint(name="assessment_purpose_known", condition=Q(purpose__in=["annual", "ad_hoc"])),
            models.UniqueConstraint(
                name="assessment_one_annual", fields=["placement", "year"], condition=Q(purpose="annual")
            ),
            models.CheckConstraint(
                name="assessment_one_follower", condition=Q(followed_by=None) | Q(followed_by_name="")
            ),
        ]

    def latest(self) -> "AssessmentVersion | None":
        """The newest version; uses prefetched versions when there are any."""
        return max(self.versions.all(), key=lambda version: version.no, default=None) if self.pk else None

    def confirmed_version(self) -> "AssessmentVersion | None":
        return next((version for version in self.versions.all() if version.state == "confirmed"), None)

    @transaction.atomic
    def write(
        self,
        answers: dict[str, Any],
        remarks: str | None,
        *,
        by: "Seat",
        expected: int | None = None,
        mark: str = "",
    ) -> "AssessmentVersion":
        """Keep a draft. Merges `answers` into it; `remarks` None leaves the words alone.

        `expected` is the edit number the writer's page showed; a different one raises EditedMeanwhile with the stored
        version, so that both texts can be shown. `mark` ("page.number") lets a page that saves by itself recognise
        its own text when the answer to its last saving was lost on the way, and an overtaken saving changes nothing.
        """
        refuse_conflict(self.placement.member_id, by)
        Assessment.objects.select_for_update().get(pk=self.pk)
        version = self.versions.order_by("-no").select_related("drafted_by").first()
        is_new = version is None or version.drafted_by is None or version.drafted_by.user_id != by.user_id
        if version is None:
            version = AssessmentVersion.objects.create(assessment=self, no=1, rulebook=CURRENT, drafted_by=by)
        if version.state != AssessmentVersion.State.DRAFT:
            raise WrongState("Nhận xét này đã gửi đảng ủy, không sửa được nữa. Xin tải lại trang.")
        steps = _steps_since(version.edit_mark, mark)
        if steps is not None and steps <= 0:
            return version
        if steps is None and expected is not None and expected != version.edit_no:
            raise EditedMeanwhile(version)
        text = ({**version.answers, **answers}, version.remarks if remarks is None else remarks)
        if version.edit_no and text == (version.answers, version.remarks):
            return version
        version.answers, version.remarks = text
        version.edit_no += 1
        version.edit_mark = mark
        version.drafted_by = by
        version.save(update_fields=["answers", "remarks", "edit_no", "edit_mark", "drafted_by"])
        AuditEvent.objects.record("AssessmentVersion.write", by=by, on=version, fields=sorted(answers))
        if is_new:
            record_route(self.placement, by)
        return version


class EditedMeanwhile(Refused):
    """Somebody else, or another tab, saved after this page was opened."""

    def __init__(self, stored: "AssessmentVersion") -> None:
        super().__init__("Nhận xét này vừa được lưu ở nơi khác. Cả hai bản được giữ bên dưới để đồng chí chọn.")
        self.stored = stored


def _steps_since(stored: str, mark: str) -> int | None:
    """How many savings of the same page lie between two marks; None when they are of different pages."""
    (page, _, number), (own, _, own_number) = stored.partition("."), mark.partition(".")
    return int(own_number) - int(number) if own and own == page else None


class VersionQuerySet(models.QuerySet["AssessmentVersion"]):
    def for_residence(self, user: "User", action: Action) -> "VersionQuerySet":
        return self.filter(
            user.reach(action, "assessment__placement__commune__", Side.RESIDENCE)
            | user.reach(action, "assessment__placement__cell__", Side.RESIDENCE)
        )

    def awaiting_confirmation(self) -> "VersionQuerySet":
        return self.filter(state=AssessmentVersion.State.SUBMITTED)

    def copies_of(self, versions: "Iterable[AssessmentVersion]", commune: Organization) -> "VersionQuerySet":
        """Texts sent to the commune in the same years whose remarks are word for word those of one of `versions`."""
        keys = {(version.remarks_key, version.assessment.year) for version in versions if version.remarks_key}
        return self.filter(
            remarks_key__in=[key for key, _ in keys],
            assessment__year__in={year for _, year in keys},
            assessment__placement__commune=commune,
            state__in=[AssessmentVersion.State.SUBMITTED, AssessmentVersion.State.CONFIRMED],
        )

    def awaiting_reply(self) -> "VersionQuerySet":
        return self.filter(assessment__requests__state="at_cell", state=AssessmentVersion.State.CONFIRMED).distinct()


class AssessmentVersion(models.Model):
    class State(models.TextChoices):
        DRAFT = "draft", "đang soạn"
        KEYED = "keyed", "đã nhập từ bản giấy, chờ nhập lần hai"
        SUBMITTED = "submitted", "chờ đảng ủy xác nhận"
        RETURNED = "returned", "đề nghị bổ sung, hoàn chỉnh"
        CONFIRMED = "confirmed", "đã xác nhận"
        REPLACED = "replaced", "đã thay bằng bản mới"

    class Origin(models.TextChoices):
        ONLINE = "online", "Soạn trên hệ thống"
        PAPER = "paper", "Nhập từ bản giấy"
        CARRIED = "carried", "Phiếu do đảng viên mang về"
        PORTAL = "portal", "Kết quả thủ tục 2.002753"

    class PaperReason(models.TextChoices):
        NO_ACCOUNT = "no_account", "Chi bộ, đảng ủy nơi cư trú chưa dùng hệ thống"
        NO_LINE = "no_line", "Không có máy, đường truyền"
        HABIT = "habit", "Nơi cư trú đề nghị làm trên giấy"
        MEETING = "meeting", "Ghi tại cuộc họp"
        OTHER = "other", "Lý do khác"

    MOVES = {
        # What is keyed from the signed paper takes the place of a draft, or of what was keyed wrongly before.
        State.DRAFT: frozenset({State.SUBMITTED, State.REPLACED}),
        State.KEYED: frozenset({State.SUBMITTED, State.CONFIRMED, State.REPLACED}),
        State.SUBMITTED: frozenset({State.CONFIRMED, State.RETURNED, State.REPLACED}),
        State.CONFIRMED: frozenset({State.REPLACED}),
        State.RETURNED: frozenset(),
        State.REPLACED: frozenset(),
    }
    STAMPS = {State.SUBMITTED: "submitted", State.CONFIRMED: "confirmed", State.RETURNED: "returned"}

    assessment = models.ForeignKey(Assessment, models.PROTECT, related_name="versions")
    no = models.PositiveSmallIntegerField("bản số")
    state = models.CharField("trạng thái", max_length=10, choices=State.choices, default=State.DRAFT)
    rulebook = models.CharField(max_length=40)
    # {criterion code or "recommendation": {"option": 0 best … | null, "no_basis": bool, "facts": str}}
    answers = models.JSONField(default=dict)
    remarks = models.TextField("nhận xét khác", blank=True, max_length=REMARKS_LIMIT)
    remarks_key = models.CharField(max_length=32, blank=True, default="")  # kept when sent; see copies_of()
    joint_review = models.ForeignKey(JointReview, models.PROTECT, null=True, related_name="versions")
    edit_no = models.PositiveIntegerField(default=0)
    edit_mark = models.CharField(max_length=24, blank=True, default="")  # the page that saved last, see write()
    drafted_by = models.ForeignKey("members.Seat", models.PROTECT, null=True, related_name="+")
    submitted_at = models.DateTimeField(null=True)
    submitted_by = models.ForeignKey("members.Seat", models.PROTECT, null=True, related_name="+")
    confirmed_at = models.DateTimeField(null=True)
    confirmed_by = models.ForeignKey("members.Seat", models.PROTECT, null=True, related_name="+")
    returned_at = models.DateTimeField(null=True)
    returned_by = models.ForeignKey("members.Seat", models.PROTECT, null=True, related_name="+")
    return_code = models.CharField("lý do đề nghị bổ sung", max_length=20, blank=True)
    return_note = models.CharField("nội dung cần bổ sung", max_length=500, blank=True)
    # Written on paper and keyed here. Whoever signed the paper is its writer; the keyer is somebody else.
    origin = models.CharField("nguồn", max_length=8, choices=Origin.choices, default=Origin.ONLINE)
    on_paper_on = models.DateField("ngày ghi trên giấy", null=True, blank=True)
    met_on = models.DateField("ngày họp với Ban công tác Mặt trận", null=True, blank=True)
    signer_name = models.CharField("người ký", max_length=120, blank=True)
    signer_position = models.CharField("chức vụ người ký", max_length=80, blank=True)
    paper_reason = models.CharField("lý do làm trên giấy", max_length=12, choices=PaperReason.choices, blank=True)
    paper_note = models.CharField("ghi chú về bản giấy", max_length=300, blank=True)
    keyed_at = models.DateTimeField(null=True)
    keyed_by = models.ForeignKey("members.Seat", models.PROTECT, null=True, related_name="+")
    # The second keying, kept as it came: {code: "0" | "1" … | "n"}
    keyed_again = models.JSONField("lần nhập thứ hai", null=True)
    keyed_again_at = models.DateTimeField(null=True)
    keyed_again_by = models.ForeignKey("members.Seat", models.PROTECT, null=True, related_name="+")

    objects = VersionQuerySet.as_manager()

    class Meta:
        verbose_name = "bản nhận xét"
        indexes = [models.Index(fields=["remarks_key"], name="version_same_remarks", condition=~Q(remarks_key=""))]
        constraints = [
            models.CheckConstraint(
                name="version_state_known",
                condition=Q(state__in=["draft", "keyed", "submitted", "returned", "confirmed", "replaced"]),
            ),
            models.UniqueConstraint(name="version_numbered_once", fields=["assessment", "no"]),
            models.UniqueConstraint(
                name="version_one_in_work",
                fields=["assessment"],
                condition=Q(state__in=["draft", "keyed", "submitted"]),
            ),
            models.UniqueConstraint(
                name="version_one_confirmed", fields=["assessment"], condition=Q(state="confirmed")
            ),
            models.CheckConstraint(
                name="version_returned_has_code",
                condition=~Q(state="returned") | (~Q(return_code="") & ~Q(return_note="")),
            ),
            # 213, Điều 4 k.4: the comment is made together with the Front; of paper the day is known, not the people.
            models.CheckConstraint(
                name="version_submitted_after_joint_review",
                condition=_UNSENT | Q(joint_review__isnull=False) | Q(keyed_by__isnull=False, met_on__isnull=False),
            ),
            models.CheckConstraint(
                name="version_submitted_by_whom",
                condition=_UNSENT
                | Q(submitted_at__isnull=False, submitted_by__isnull=False)
                | Q(keyed_at__isnull=False, keyed_by__isnull=False),
            ),
            models.CheckConstraint(
                name="version_keyed_from_a_paper",
                condition=Q(keyed_by=None, origin="online")
                | Q(
                    keyed_by__isnull=False,
                    keyed_at__isnull=False,
                    origin__in=["paper", "carried", "portal"],
                    on_paper_on__isnull=False,
                    met_on__isnull=False,
                )
                & ~Q(signer_name="")
                & ~Q(signer_position="")
                & Q(paper_reason__in=["no_account", "no_line", "habit", "meeting", "other"]),
            ),
            models.CheckConstraint(
                name="version_keyed_again_by_whom",
                condition=Q(keyed_again_at=None, keyed_again_by=None)
                | Q(keyed_by__isnull=False, keyed_again_at__isnull=False, keyed_again_by__isnull=False),
            ),
            models.CheckConstraint(
                name="version_writer_is_not_confirmer",
                condition=Q(confirmed_by=None) | ~Q(confirmed_by=models.F("submitted_by")),
            ),
        ]

    @property
    def book(self) -> Rulebook:
        return load(self.rulebook)

    def answer(self, code: str) -> dict[str, Any]:
        return self.answers.get(code) or {"option": None, "no_basis": False, "facts": ""}

    def missing(self, attendance: dict[str, int]) -> list[str]:
        """What stands between this draft and its submission, a Vietnamese sentence each; [] when it is complete."""
        found = [sentence for criterion in self.book.criteria if (sentence := self._missing_in(criterion))]
        advice = self.book.recommendation
        chosen = self.answer("recommendation")["option"]
        if chosen is None:
            found.append("Chưa chọn phần Đề nghị.")
        if not self.remarks.strip():
            found += self._remarks_needed(chosen, advice.remarks_required_from, attendance)
        return found

    def _missing_in(self, criterion: Criterion) -> str:
        answer = self.answer(criterion.code)
        if answer["no_basis"]:
            return "" if answer["facts"].strip() else f"Mục {criterion.no}: ghi lý do không có cơ sở để đánh giá."
        return "" if answer["option"] is not None else f"Chưa đánh giá mục {criterion.no} ({criterion.short})."

    def _remarks_needed(self, chosen: int | None, required_from: int, attendance: dict[str, int]) -> list[str]:
        """Lowest options and a proposal to consider handling must be explained (domain V8, V9)."""
        found = [
            f"Mục {c.no} chọn “{c.options[c.lowest]}”: ghi rõ sự việc ở phần Nhận xét khác."
            for c in self.book.criteria
            if self.answer(c.code)["option"] == c.lowest
        ]
        if chosen is not None and chosen >= required_from:
            found.append("Đề nghị “Xem xét xử lý”: ghi rõ sự việc ở phần Nhận xét khác.")
        found += [f"{sentence} Ghi lý do ở phần Nhận xét khác." for sentence in self.mismatches(attendance)]
        return found

    def mismatches(self, attendance: dict[str, int]) -> list[str]:
        """Where a rating and the recorded facts disagree; a warning, never an automatic rating (domain V9)."""
        absent = attendance.get("absent", 0)
        return [
            f"Mục {c.no} chọn “{c.options[0]}” trong khi vắng không lý do {absent} cuộc họp."
            for c in self.book.criteria
            if c.evidence == "attendance" and absent and self.answer(c.code)["option"] == 0
        ]

    @transaction.atomic
    def submit(self, review: JointReview, *, by: "Seat", attendance: dict[str, int]) -> None:
        """The cell's secretary sends the agreed text to the commune. Raises Refused when something is missing."""
        refuse_conflict(self.assessment.placement.member_id, by)
        self._read_again()
        if problems := self.missing(attendance):
            raise Refused(" ".join(problems))
        if review.year != self.assessment.year or review.cell_id != self.assessment.placement.cell_id:
            raise Refused("Cuộc họp với Ban công tác Mặt trận không thuộc chi bộ hoặc năm nhận xét này.")
        move(self, self.State.SUBMITTED, by=by, joint_review=review, remarks_key=self.copy_key())

    def copy_key(self) -> str:
        return copy_key(self.remarks, self.assessment.placement.member.full_name)

    def _read_again(self) -> None:
        """The text as stored now, held until the end of the transaction: `write` waits for the same lock."""
        Assessment.objects.select_for_update().get(pk=self.assessment_id)
        self.refresh_from_db(fields=["state", "answers", "remarks", "edit_no", "joint_review", "submitted_by"])

    def is_written_by(self, user: "User") -> bool:
        """Who drafted or sent the text, or who signed the paper it was keyed from."""
        if self.keyed_by_id:
            return search_key(self.signer_name) == search_key(user.full_name)
        return user.pk in {seat.user_id for seat in (self.drafted_by, self.submitted_by) if seat}

    @property
    def is_contested(self) -> bool:
        return bool(self.keyed_by_id) and any(contest.settled_at is None for contest in self.contests.all())

    def can_confirm(self, by: "Seat") -> bool:
        """For one page; a list leaves out beforehand whom the reader may not judge (`without_conflicts`)."""
        return self.is_confirmable(by) and not conflict(by.user, self.assessment.placement.member_id)

    def is_confirmable(self, by: "Seat") -> bool:
        return self.state == self.State.SUBMITTED and not self.is_written_by(by.user)

    @transaction.atomic
    def confirm(self, *, by: "Seat") -> Document:
        """The commune stands behind the text: version locked, an earlier confirmed one replaced, the form issued."""
        refuse_conflict(self.assessment.placement.member_id, by)
        self._read_again()
        if self.is_written_by(by.user):
            who = "ký bản giấy" if self.keyed_by_id else "soạn, gửi nhận xét"
            raise Refused(f"Người {who} không tự xác nhận. Xin để cán bộ khác của đảng ủy xác nhận.")
        if self.contests.filter(settled_at=None).exists():
            raise Refused("Chi bộ báo nội dung nhập khác với bản giấy. Giải quyết xong rồi mới xác nhận.")
        self.replace_confirmed(by=by)
        move(self, self.State.CONFIRMED, by=by)
        return issue_form(self, by)

    def replace_confirmed(self, *, by: "Seat") -> None:
        """The text that held until now gives way."""
        for earlier in self.assessment.versions.filter(state=self.State.CONFIRMED):
            move(earlier, self.State.REPLACED, by=by)
            move(earlier.form, Document.State.REPLACED, by=by)

    @transaction.atomic
    def send_back(self, code: str, note: str, *, by: "Seat") -> "AssessmentVersion":
        """Back to the cell with a coded reason and a sentence; the next draft begins with the same words."""
        refuse_conflict(self.assessment.placement.member_id, by)
        if code not in self.book.return_codes or not note.strip():
            raise Refused("Chọn lý do và ghi một câu nói rõ cần bổ sung điều gì.")
        self._read_again()
        move(self, self.State.RETURNED, by=by, return_code=code, return_note=note.strip())
        return AssessmentVersion.objects.create(
            assessment=self.assessment,
            no=self.no + 1,
            rulebook=self.rulebook,
            answers=self.answers,
            remarks=self.remarks,
            drafted_by=self.drafted_by,
        )


def new_form(version: AssessmentVersion, **fields: Any) -> Document:
    """An unsaved Phiếu nhận xét; of a commune on paper, whose cells nobody here knows, the commune is the issuer."""
    placement = version.assessment.placement
    return new_document(
        Document.Genre.ASSESSMENT_FORM,
        key=f"form:version:{version.pk}",
        issuer=placement.cell or placement.commune,
        version=version,
        recipient=None,
        abstract=f"Phiếu nhận xét năm {version.assessment.year}",
        prepared_by=version.submitted_by or version.keyed_by,
        **fields,
    )


def issue_form(version: AssessmentVersion, by: "Seat") -> Document:
    """The Phiếu nhận xét of a confirmed version, facts frozen; rendered in the background.

    A keyed text has its form already, a draft that holds the scan.
    """
    fresh = new_form(version, facts=form_facts(version))
    document = Document.objects.filter(version=version).first() or fresh
    document.facts = fresh.facts
    document.save()
    move(document, Document.State.ISSUED, by=by, issued_on=timezone.localdate())
    return document


def commented_on(cell: Organization, year: int) -> PlacementQuerySet:
    """Whom a cell comments on: who belongs to it now, and who has moved away while it was asked about him."""
    asked = Placement.objects.filter(cell=cell, requests__state="at_cell", requests__year=year)
    return Placement.objects.active().of_cell(cell, also=asked)


def draft_assessments(cell: Organization, year: int) -> list[Assessment]:
    """One assessment for every active placement of the cell, in the order of names; unsaved where none exists yet."""
    placements = list(commented_on(cell, year))
    known = {
        assessment.placement_id: assessment
        for assessment in Assessment.objects.filter(
            placement__in=placements, year=year, purpose=Assessment.Purpose.ANNUAL
        )
        .select_related("followed_by__user", "followed_by__organization")
        .with_versions()
    }
    rows = []
    for placement in placements:
        assessment = known.get(placement.pk) or Assessment(placement=placement, year=year)
        assessment.placement = placement
        rows.append(assessment)
    return rows


@transaction.atomic
def submit_complete(
    cell: Organization, year: int, review: JointReview, *, by: "Seat", only: Collection[int] | None = None
) -> tuple[int, int]:
    """Submit every complete draft of the cell, or about these members `only`, and keep the rest; (submitted, kept)."""
    rows = [row for row in draft_assessments(cell, year) if row.pk]
    if only is not None:
        rows = [row for row in rows if row.placement.member_id in only]
    tally = Attendance.objects.tally([row.placement_id for row in rows], year)
    bound = conflicts_of(by.user)
    submitted = kept = 0
    for row in rows:
        version = row.latest()
        if version is None or version.state != AssessmentVersion.State.DRAFT:
            continue
        version.assessment = row
        attendance = tally.get(row.placement_id, {})
        if version.missing(attendance) or row.placement.member_id in bound:
            kept += 1
            continue
        version.submit(review, by=by, attendance=attendance)
        submitted += 1
    return submitted, kept
