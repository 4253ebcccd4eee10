"""The asker's matter: one member, asked about by one committee, answered by one residence side."""

from datetime import date
from typing import TYPE_CHECKING

from django.db import models, transaction
from django.db.models import Count, Exists, OuterRef, Q, Subquery
from django.utils import timezone

from evaluations.models.assessments import Assessment, AssessmentVersion, VersionQuerySet
from evaluations.models.documents import Document
from evaluations.rulebooks import load
from members.models import AuditEvent, Member, Organization, Placement
from members.models.conflicts import refuse_conflict
from members.roles import Action, Side
from members.states import Refused, move, move_all

if TYPE_CHECKING:
    from members.models import Seat, User


class Consultation(models.Model):
    """A request outside the yearly round: before an appointment, a nomination, a reward (domain §4)."""

    asker = models.ForeignKey(Organization, models.PROTECT, related_name="consultations")
    purpose = models.CharField("mục đích", max_length=40)
    due_on = models.DateField("hạn trả lời")
    prepared_by = models.ForeignKey("members.Seat", models.PROTECT, related_name="+")
    prepared_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name = "lần lấy ý kiến đột xuất"


class IncomingLetter(models.Model):
    """A request that reached the commune on paper from a committee that is not on the system."""

    asker = models.ForeignKey(Organization, models.PROTECT, related_name="+")
    commune = models.ForeignKey(Organization, models.PROTECT, related_name="incoming_letters")
    number = models.CharField("số, ký hiệu", max_length=40)
    dated_on = models.DateField("ngày văn bản")
    received_on = models.DateField("ngày đến")
    due_on = models.DateField("hạn trả lời", null=True, blank=True)
    registered_by = models.ForeignKey("members.Seat", models.PROTECT, related_name="+")
    registered_at = models.DateTimeField(auto_now_add=True)
    # A letter like all others received, so that lists, cells and replies need not tell it apart.
    document = models.OneToOneField(Document, models.PROTECT, null=True, related_name="incoming")
    rosters = models.ManyToManyField("members.RosterImport", related_name="incoming")

    class Meta:
        verbose_name = "công văn đến bằng giấy"
        constraints = [
            models.UniqueConstraint(name="incoming_letter_once", fields=["asker", "commune", "number", "dated_on"])
        ]


class RequestQuerySet(models.QuerySet["EvaluationRequest"]):
    def for_asker(self, user: "User", action: Action) -> "RequestQuerySet":
        return self.filter(user.reach(action, "asker_now__", Side.WORKPLACE))

    def for_residence(self, user: "User", action: Action) -> "RequestQuerySet":
        """From the residence side a request exists once it was issued."""
        return self.exclude(state=EvaluationRequest.State.PREPARED).filter(
            user.reach(action, "residence_commune__", Side.RESIDENCE)
            | user.reach(action, "residence_cell__", Side.RESIDENCE)
        )

    def live(self) -> "RequestQuerySet":
        return self.exclude(state__in=EvaluationRequest.ENDED)

    def awaiting_answer(self) -> "RequestQuerySet":
        return self.filter(state__in=EvaluationRequest.UNANSWERED)

    def confirmed(self) -> "RequestQuerySet":
        """Requests at a cell whose assessment the commune has already confirmed: ready for the reply."""
        confirmed = AssessmentVersion.objects.filter(assessment=OuterRef("assessment"), state="confirmed")
        # After the end of a campaign too: what was silent is answered late, as an annex.
        waiting = (EvaluationRequest.State.AT_CELL, EvaluationRequest.State.NO_REPLY)
        return self.filter(Exists(confirmed), ~Exists(_in_work()), state__in=waiting)

    def corrected(self) -> "RequestQuerySet":
        """Answered requests whose text was confirmed anew since: the asker holds an old form of ours."""
        anew = AssessmentVersion.objects.filter(
            assessment=OuterRef("assessment"), state="confirmed", confirmed_at__gt=OuterRef("reply__issued_at")
        )
        ours = self.filter(reply__keyed_by=None)
        return ours.filter(Exists(anew), ~Exists(_in_work()), state__in=EvaluationRequest.REPLIED)

    def untold(self) -> "RequestQuerySet":
        """Sent back, and not yet said in a letter."""
        return self.filter(state=EvaluationRequest.State.DECLINED, reply=None)

    def listed(self) -> "RequestQuerySet":
        """With everything a row of a list shows, in the order of names."""
        return self.select_related("member", "residence_commune", "residence_cell", "asker_now", "letter").order_by(
            "member__sort_key", "pk"
        )

    def by_state(self) -> dict[str, int]:
        return dict(self.order_by().values_list("state").annotate(n=Count("pk")))


def _in_work() -> "VersionQuerySet":
    """A later text that is still being written or checked: what was confirmed before waits for it."""
    return AssessmentVersion.objects.filter(
        assessment=OuterRef("assessment"), state__in=["draft", "keyed", "submitted"]
    )


class EvaluationRequest(models.Model):
    class State(models.TextChoices):
        PREPARED = "prepared", "đang soạn"
        ISSUED = "issued", "đã phát hành"
        AT_COMMUNE = "at_commune", "đã vào sổ (đảng ủy xã, phường)"
        AT_CELL = "at_cell", "đã phân về chi bộ"
        ANSWERED = "answered", "nơi cư trú đã trả lời"
        RECEIVED = "received", "nơi công tác đã nhận"
        CONSIDERED = "considered", "đã sử dụng khi kiểm điểm"
        RETURN_ASKED = "return_asked", "đề nghị bổ sung, hoàn chỉnh"
        DECLINED = "declined", "chuyển lại: không cư trú tại địa bàn"
        CANCELLED = "cancelled", "đã hủy đề nghị"
        SUPERSEDED = "superseded", "đã thay bằng đề nghị khác"
        NO_REPLY = "no_reply", "chưa có ý kiến của nơi cư trú"

    UNANSWERED = (State.ISSUED, State.AT_COMMUNE, State.AT_CELL)
    REPLIED = (State.ANSWERED, State.RECEIVED, State.CONSIDERED, State.RETURN_ASKED)
    WITHDRAWN = (State.CANCELLED, State.SUPERSEDED)
    ENDED = (State.DECLINED, *WITHDRAWN)
    MOVES = {
        State.PREPARED: frozenset({State.ISSUED, State.CANCELLED, State.SUPERSEDED}),
        # A reply on paper, or through the national portal, may be the first that is heard of the commune.
        State.ISSUED: frozenset({State.AT_COMMUNE, State.ANSWERED, State.CANCELLED, State.SUPERSEDED, State.NO_REPLY}),
        State.AT_COMMUNE: frozenset(
            {State.AT_CELL, State.ANSWERED, State.DECLINED, State.CANCELLED, State.SUPERSEDED, State.NO_REPLY}
        ),
        State.AT_CELL: frozenset({State.ANSWERED, State.DECLINED, State.CANCELLED, State.SUPERSEDED, State.NO_REPLY}),
        State.ANSWERED: frozenset({State.RECEIVED, State.RETURN_ASKED}),
        State.RECEIVED: frozenset({State.CONSIDERED, State.RETURN_ASKED}),
        State.RETURN_ASKED: frozenset({State.AT_CELL, State.RECEIVED}),
        State.NO_REPLY: frozenset({State.ANSWERED}),
        State.CONSIDERED: frozenset(),
        State.DECLINED: frozenset(),
        State.CANCELLED: frozenset(),
        State.SUPERSEDED: frozenset(),
    }
    STAMPS = {
        State.ISSUED: "issued",
        State.AT_COMMUNE: "at_commune",
        State.AT_CELL: "at_cell",
        State.ANSWERED: "answered",
        State.RECEIVED: "received",
        State.CONSIDERED: "considered",
        State.DECLINED: "ended",
        State.CANCELLED: "ended",
        State.SUPERSEDED: "ended",
        State.NO_REPLY: "ended",
    }

    member = models.ForeignKey(Member, models.PROTECT, related_name="requests")
    placement = models.ForeignKey(Placement, models.PROTECT, related_name="requests")
    residence_commune = models.ForeignKey(Organization, models.PROTECT, related_name="requests_to_commune")
    residence_cell = models.ForeignKey(Organization, models.PROTECT, null=True, related_name="requests_to_cell")
    campaign = models.ForeignKey("evaluations.Campaign", models.PROTECT, null=True, related_name="requests")
    consultation = models.ForeignKey(Consultation, models.PROTECT, null=True, related_name="requests")
    incoming = models.ForeignKey(IncomingLetter, models.PROTECT, null=True, related_name="requests")
    year = models.PositiveSmallIntegerField("năm nhận xét")
    part = models.CharField("phần", max_length=24, default="whole")
    asked_by = models.ForeignKey(Organization, models.PROTECT, related_name="requests_asked")
    asker_now = models.ForeignKey(Organization, models.PROTECT, related_name="requests_awaited")
    replaces = models.OneToOneField("self", models.PROTECT, null=True, related_name="replaced_by")
    assessment = models.ForeignKey(Assessment, models.PROTECT, null=True, related_name="requests")
    letter = models.ForeignKey(Document, models.PROTECT, null=True, related_name="requests")
    reply = models.ForeignKey(Document, models.PROTECT, null=True, related_name="answered_requests")
    state = models.CharField("bước", max_length=12, choices=State.choices, default=State.PREPARED)
    due_on = models.DateField("hạn trả lời")
    # More time for this one than the commune's inner deadline gives.
    inner_due_on = models.DateField("hạn riêng của chi bộ", null=True)
    # Handed in by the member through the national portal, procedure 2.002753.
    dossier_code = models.CharField("mã hồ sơ thủ tục 2.002753", max_length=40, blank=True)
    end_code = models.CharField("lý do", max_length=20, blank=True)
    end_note = models.CharField("ghi chú", max_length=300, blank=True)
    considered_on = models.DateField("ngày họp kiểm điểm", null=True, blank=True)
    consider_code = models.CharField("cách sử dụng", max_length=20, blank=True, default="")
    consider_note = models.CharField("kết quả xử lý", max_length=300, blank=True, default="")
    # Came back, and the workplace asks nobody else: no longer among what needs attention.
    set_aside_at = models.DateTimeField(null=True)
    set_aside_by = models.ForeignKey("members.Seat", models.PROTECT, null=True, related_name="+")
    set_aside_note = models.CharField("lý do thôi đề nghị", max_length=300, blank=True, default="")
    created_at = models.DateTimeField(auto_now_add=True)
    issued_at = models.DateTimeField(null=True)
    issued_by = models.ForeignKey("members.Seat", models.PROTECT, null=True, related_name="+")
    at_commune_at = models.DateTimeField(null=True)
    at_commune_by = models.ForeignKey("members.Seat", models.PROTECT, null=True, related_name="+")
    at_cell_at = models.DateTimeField(null=True)
    at_cell_by = models.ForeignKey("members.Seat", models.PROTECT, null=True, related_name="+")
    answered_at = models.DateTimeField(null=True)
    answered_by = models.ForeignKey("members.Seat", models.PROTECT, null=True, related_name="+")
    received_at = models.DateTimeField(null=True)
    received_by = models.ForeignKey("members.Seat", models.PROTECT, null=True, related_name="+")
    considered_at = models.DateTimeField(null=True)
    considered_by = models.ForeignKey("members.Seat", models.PROTECT, null=True, related_name="+")
    ended_at = models.DateTimeField(null=True)
    ended_by = models.ForeignKey("members.Seat", models.PROTECT, null=True, related_name="+")

    objects = RequestQuerySet.as_manager()

    class Meta:
        verbose_name = "đề nghị nhận xét"
        indexes = [
            # Whatever evaluations/progress.py counts over many units, so that it reads no row.
            models.Index(fields=["campaign", "residence_commune", "state", "due_on"], name="request_dashboard"),
            models.Index(fields=["residence_commune", "year", "state"], name="request_of_commune"),
            models.Index(fields=["residence_cell", "state"], name="request_of_cell"),
            models.Index(fields=["asker_now", "state"], name="request_of_asker"),
        ]
        constraints = [
            models.CheckConstraint(
                name="request_state_known",
                condition=Q(
                    state__in=[
                        "prepared",
                        "issued",
                        "at_commune",
                        "at_cell",
                        "answered",
                        "received",
                        "considered",
                        "return_asked",
                        "declined",
                        "cancelled",
                        "superseded",
                        "no_reply",
                    ]
                ),
            ),
            models.CheckConstraint(
                name="request_one_parent",
                condition=Q(campaign__isnull=False, consultation=None, incoming=None)
                | Q(campaign=None, consultation__isnull=False, incoming=None)
                | Q(campaign=None, consultation=None, incoming__isnull=False),
            ),
            *(
                models.UniqueConstraint(
                    name=f"request_one_live_per_{parent}",
                    fields=[parent, "member", "part"],
                    condition=~Q(state__in=["declined", "cancelled", "superseded"]),
                )
                for parent in ("campaign", "consultation", "incoming")
            ),
            models.CheckConstraint(
                name="request_at_cell_has_cell",
                condition=~Q(state="at_cell") | Q(residence_cell__isnull=False, assessment__isnull=False),
            ),
            models.CheckConstraint(
                name="request_answered_has_reply",
                condition=~Q(state__in=["answered", "received", "considered"]) | Q(reply__isnull=False),
            ),
            models.CheckConstraint(
                name="request_considered_when_and_how",
                condition=~Q(state="considered") | (Q(considered_on__isnull=False) & ~Q(consider_code="")),
            ),
            models.CheckConstraint(
                name="request_set_aside_why",
                condition=Q(set_aside_at=None, set_aside_by=None)
                | Q(set_aside_at__isnull=False, set_aside_by__isnull=False) & ~Q(set_aside_note=""),
            ),
            models.CheckConstraint(
                name="request_ended_has_code", condition=~Q(state__in=["declined", "cancelled"]) | ~Q(end_code="")
            ),
        ]

    @property
    def period_words(self) -> str:
        """ "từ 01/09/2026 đến 31/12/2026" of somebody who moved within the year, else ""."""
        return period_words(self.part)

    @property
    def is_overdue(self) -> bool:
        return self.state in self.UNANSWERED and self.due_on < timezone.localdate()

    @property
    def is_annex(self) -> bool:
        """Answered after the campaign had ended without it."""
        return self.state in self.REPLIED and self.ended_at is not None

    def can_receive(self) -> bool:
        return self.state == self.State.ANSWERED or self.is_corrected

    def receive(self, *, by: "Seat") -> None:
        """The asker has opened the answer, or the one that corrects it: that moves no state, it is read once more."""
        if not self.is_corrected:
            return move(self, self.State.RECEIVED, by=by)
        self.received_at, self.received_by = timezone.now(), by
        self.save(update_fields=["received_at", "received_by"])
        AuditEvent.objects.record("EvaluationRequest.receive_again", by=by, on=self)
        return None

    @property
    def is_corrected(self) -> bool:
        """A corrected answer has come after the asker opened the first."""
        if self.state not in self.REPLIED or self.reply is None or self.received_at is None:
            return False
        return self.reply.issued_at is not None and self.reply.issued_at > self.received_at

    def can_cancel(self) -> bool:
        return self.State.CANCELLED in self.MOVES[self.State(self.state)]

    def cancel(self, reason: str, *, by: "Seat") -> None:
        move(self, self.State.CANCELLED, by=by, end_code="asker", end_note=reason)

    def can_consider(self) -> bool:
        """What the member brought along himself counts only after somebody has asked its makers (design §5)."""
        version = self.answering_version()
        if self.state != self.State.RECEIVED:
            return False
        if version is None or version.origin != AssessmentVersion.Origin.CARRIED:
            return True
        return self.verifications.filter(result="agrees", made_at__gte=version.keyed_at).exists()

    @transaction.atomic
    def consider(self, met_on: date, code: str, note: str = "", *, by: "Seat") -> None:
        """The answer was used in the yearly review: in which meeting, and what came of it."""
        refuse_conflict(self.member_id, by)
        if self.state == self.State.RECEIVED and not self.can_consider():
            raise Refused("Phiếu do đảng viên mang về phải được đối chiếu, thẩm định trước khi sử dụng.")
        if self.is_corrected:
            raise Refused("Có phiếu đính chính chưa mở đọc. Xin đọc phiếu mới trước khi ghi đã sử dụng.")
        check_use(met_on, code, note)
        move(self, self.State.CONSIDERED, by=by, considered_on=met_on, consider_code=code, consider_note=note.strip())

    def answering_version(self) -> AssessmentVersion | None:
        """The confirmed text that answers this request."""
        return self.assessment.confirmed_version() if self.assessment else None


def period_words(part: str) -> str:
    """ "từ 01/09/2026 đến 31/12/2026" for a part of a year, "" for the whole."""
    first, _, last = part.partition("..")
    if not last:
        return ""
    return f"từ {date.fromisoformat(first):%d/%m/%Y} đến {date.fromisoformat(last):%d/%m/%Y}"


def check_use(met_on: date, code: str, note: str) -> None:
    """Raises Refused unless it says when and how an answer was used; what was set aside needs its reason."""
    if met_on > timezone.localdate():
        raise Refused("Cuộc họp kiểm điểm chưa diễn ra. Ghi sau khi họp.")
    if code not in load().use_codes:
        raise Refused("Chọn cách sử dụng nhận xét.")
    if code in ("not_used", "other") and not note.strip():
        raise Refused("Ghi một câu nói rõ vì sao không sử dụng, hoặc đã xử lý thế nào.")


@transaction.atomic
def register(letter: Document, number: str, *, by: "Seat") -> int:
    """The commune enters the letter in its book (đã vào sổ); the requests it carries are at the commune."""
    if letter.recipient_id != by.organization_id:
        raise Refused("Công văn này gửi cho đơn vị khác.")
    updated = Document.objects.filter(pk=letter.pk, registered_at=None, state=Document.State.ISSUED).update(
        registered_no=number, registered_at=timezone.now(), registered_by=by
    )
    if not updated:
        raise Refused("Công văn này đã được vào sổ.")
    return move_all(letter.requests.all(), EvaluationRequest.State.AT_COMMUNE, by=by)


@transaction.atomic
def assign_to_cells(chosen: dict[EvaluationRequest, Organization], *, by: "Seat") -> int:
    """Give members to residence cells of the commune; their requests go with them. How many requests moved."""
    by_cell: dict[Organization, list[int]] = {}
    for matter, cell in chosen.items():
        matter.placement.assign(cell, by=by)
        by_cell.setdefault(cell, []).append(matter.pk)
    asked = EvaluationRequest.objects.filter(pk__in=[matter.pk for matter in chosen])
    open_assessments(asked)
    moved = 0
    for cell, ids in by_cell.items():
        rows = EvaluationRequest.objects.filter(pk__in=ids)
        moved += move_all(rows, EvaluationRequest.State.AT_CELL, by=by, residence_cell=cell)
        # Other askers' requests about the same people go where the people went.
        elsewhere = EvaluationRequest.objects.filter(
            placement__requests__in=ids, state=EvaluationRequest.State.AT_CELL
        ).exclude(residence_cell=cell)
        EvaluationRequest.objects.filter(pk__in=elsewhere.values("pk")).update(residence_cell=cell)
    return moved


def open_assessments(asked: RequestQuerySet) -> None:
    """One assessment for each (placement, year), shared by all who ask; existing ones are found, not doubled."""
    pairs = set(asked.values_list("placement_id", "year"))
    Assessment.objects.bulk_create(
        [Assessment(placement_id=placement, year=year) for placement, year in pairs], ignore_conflicts=True
    )
    found = Assessment.objects.filter(
        placement=OuterRef("placement"), year=OuterRef("year"), purpose=Assessment.Purpose.ANNUAL
    )
    asked.update(assessment=Subquery(found.values("pk")[:1]))


@transaction.atomic
def decline(rows: RequestQuerySet, code: str, note: str, *, by: "Seat") -> int:
    """The residence side sends requests back for good: not a resident, moved, unknown address."""
    return move_all(rows, EvaluationRequest.State.DECLINED, by=by, end_code=code, end_note=note)
