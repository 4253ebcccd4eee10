"""Paper: documents with frozen facts, their stored bytes, and the office's number books."""

import hashlib
from datetime import date
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.db import models, transaction
from django.db.models import F, Q
from django.utils import timezone
from django.utils.functional import cached_property

from members.models import AuditEvent, Organization
from members.roles import Action, Side
from members.states import Refused

if TYPE_CHECKING:
    from members.models import Seat, User


class NumberSeries(models.Model):
    """One book of numbers: continuous per genre and committee term, not per calendar year (domain §6.3)."""

    organization = models.ForeignKey(Organization, models.PROTECT, related_name="number_series")
    genre_sign = models.CharField("ký hiệu loại", max_length=5)
    term = models.CharField("nhiệm kỳ", max_length=9)
    next_no = models.PositiveIntegerField("số tiếp theo", default=1)

    class Meta:
        verbose_name = "sổ cấp số"
        constraints = [
            models.UniqueConstraint(name="series_one_per_term", fields=["organization", "genre_sign", "term"]),
            models.CheckConstraint(name="series_starts_at_one", condition=Q(next_no__gte=1)),
        ]

    @classmethod
    def locked(cls, organization: Organization, genre_sign: str, on: date) -> "NumberSeries":
        """The book in force on a day, locked until the end of the transaction, so that nobody takes the same number."""
        term = committee_term(on)
        cls.objects.get_or_create(organization=organization, genre_sign=genre_sign, term=term)
        return cls.objects.select_for_update().get(organization=organization, genre_sign=genre_sign, term=term)

    def free_numbers(self, count: int) -> list[int]:
        """The next `count` numbers that no document and no reserved or used range holds."""
        free: list[int] = []
        taken, number = self.taken(), self.next_no
        while len(free) < count:
            if number not in taken:
                free.append(number)
            number += 1
        return free

    def taken(self) -> set[int]:
        given = self.documents.exclude(number=None).values_list("number", flat=True)
        numbers = {int(number) for number in given if number and number.isdigit()}
        for first, last in self.ranges.values_list("first", "last"):
            numbers.update(range(first, last + 1))
        return numbers

    def take_next(self, count: int) -> list[int]:
        numbers = self.free_numbers(count)
        self._advance(numbers)
        return numbers

    def take_typed(self, first: int, count: int, *, by: "Seat") -> list[int]:
        """`count` numbers from the one the clerk typed; numbers jumped over are recorded as used outside the system."""
        numbers = list(range(first, first + count))
        taken = sorted(self.taken() & set(numbers))
        if taken:
            raise Refused(f"Số {taken[0]:02d} đã được dùng trong sổ. Xin kiểm tra sổ công văn đi rồi nhập số khác.")
        if first > self.next_no:
            self.record_gap(self.next_no, first - 1, by, "Văn thư nhập số tiếp theo của sổ giấy")
        self._advance(numbers)
        return numbers

    def take_reserved(self, reserved: "NumberRange", count: int) -> list[int]:
        """The first `count` numbers of a reserved block; the block shrinks by what was used."""
        # Read again under the lock of the book: somebody may just have used it up.
        block = self.ranges.filter(pk=reserved.pk, kind=NumberRange.Kind.RESERVED).first()
        if block is None:
            raise Refused("Dải số giữ trước không thuộc sổ này hoặc đã dùng hết.")
        reserved = block
        if reserved.last - reserved.first + 1 < count:
            raise Refused(f"Dải số giữ trước chỉ còn {reserved.last - reserved.first + 1} số, cần {count} số.")
        numbers = list(range(reserved.first, reserved.first + count))
        if numbers[-1] == reserved.last:
            reserved.delete()
        else:
            reserved.first = numbers[-1] + 1
            reserved.save(update_fields=["first"])
        return numbers

    def reserve(self, count: int, reason: str, *, by: "Seat") -> "NumberRange":
        """The first run of `count` numbers that nothing holds; what is free before it is still taken first."""
        first, taken = self.next_no, self.taken()
        while held := taken & set(range(first, first + count)):
            first = max(held) + 1
        if first == self.next_no:
            self.next_no += count
            self.save(update_fields=["next_no"])
        return self.ranges.create(
            first=first, last=first + count - 1, kind=NumberRange.Kind.RESERVED, reason=reason, recorded_by=by
        )

    def record_gap(self, first: int, last: int, by: "Seat", reason: str) -> None:
        """Each run of numbers in between that nothing holds becomes one range of numbers used outside the system."""
        edges = [first - 1, *sorted(number for number in self.taken() if first <= number <= last), last + 1]
        for before, after in pairwise(edges):
            if after - before > 1:
                self.ranges.create(
                    first=before + 1,
                    last=after - 1,
                    kind=NumberRange.Kind.OUTSIDE,
                    reason=reason,
                    recorded_by=by,
                )

    def _advance(self, numbers: list[int]) -> None:
        self.next_no = max(self.next_no, numbers[-1] + 1)
        self.save(update_fields=["next_no"])


class NumberRange(models.Model):
    """Numbers of a book that are no document here: reserved, used outside the system, or left empty; with reason."""

    class Kind(models.TextChoices):
        RESERVED = "reserved", "Giữ trước"
        OUTSIDE = "outside", "Đã dùng ngoài hệ thống"
        EMPTY = "empty", "Để trống"

    series = models.ForeignKey(NumberSeries, models.PROTECT, related_name="ranges")
    first = models.PositiveIntegerField("từ số")
    last = models.PositiveIntegerField("đến số")
    kind = models.CharField("loại", max_length=8, choices=Kind.choices)
    reason = models.CharField("lý do", max_length=200)
    recorded_by = models.ForeignKey("members.Seat", models.PROTECT, related_name="+")
    recorded_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name = "dải số"
        constraints = [
            models.CheckConstraint(name="range_not_backwards", condition=Q(last__gte=F("first")) & Q(first__gte=1)),
            models.CheckConstraint(name="range_kind_known", condition=Q(kind__in=["reserved", "outside", "empty"])),
            models.CheckConstraint(name="range_has_reason", condition=~Q(reason="")),
        ]


def committee_term(on: date) -> str:
    """The five-year committee term a day falls in; congresses are held in years ending in 0 and 5."""
    start = on.year - on.year % 5
    return f"{start}-{start + 5}"


class DocumentQuerySet(models.QuerySet["Document"]):
    def to_render(self) -> "DocumentQuerySet":
        """Issued, not yet stored, and not being rendered by anybody whose lease still runs."""
        now = timezone.now()
        return self.filter(
            ~Q(files__kind=DocumentFile.Kind.ISSUED),
            Q(render_lease_until=None) | Q(render_lease_until__lt=now),
            state=Document.State.ISSUED,
            keyed_by=None,  # what came on paper is paper already
            render_error="",
        ).distinct()

    def claim(self, document_id: int) -> "Document | None":
        """Take a document for rendering; exactly one of all who try at once gets it."""
        lease = timezone.now() + settings.LEASE
        # The lease is the second look: two workers may both have seen the row waiting.
        waiting = self.to_render().filter(pk=document_id).values_list("pk", flat=True)
        claimed = Document.objects.filter(
            Q(render_lease_until=None) | Q(render_lease_until__lt=timezone.now()), pk__in=list(waiting)
        ).update(render_lease_until=lease)
        return self.get(pk=document_id) if claimed else None

    def readable_by(self, user: "User") -> "DocumentQuerySet":
        """Issued paper this user may open: as issuer, recipient, asker of an answered request, or about himself."""
        asked = "version__assessment__requests__"
        answered = Q(**{f"{asked}state__in": ["answered", "received", "considered", "return_asked"]})
        letters = (
            _any(user, (Action.PREPARE, Action.SIGN, Action.RECEIVE), "issuer__", Side.WORKPLACE)
            | _any(user, (Action.RECEIVE,), "recipient__", Side.WORKPLACE)
            | _any(user, (Action.REGISTER, Action.ASSIGN, Action.CONFIRM, Action.REPLY), "recipient__", Side.RESIDENCE)
            | _any(user, (Action.REGISTER, Action.CONFIRM, Action.REPLY), "issuer__", Side.RESIDENCE)
        )
        forms = (
            _any(user, (Action.CONFIRM, Action.REPLY), "issuer__parent__", Side.RESIDENCE)
            | _any(user, (Action.WRITE,), "issuer__", Side.RESIDENCE)
            | answered & user.reach(Action.RECEIVE, f"{asked}asker_now__", Side.WORKPLACE)
        )
        if user.member_id:
            # About oneself nothing is read before it has gone out as the answer, whatever seat one holds.
            forms &= ~Q(version__assessment__placement__member=user.member_id)
            forms |= answered & Q(**{f"{asked}member": user.member_id})
        reports = _any(user, (Action.EXPORT, Action.SEE_FIGURES), "issuer__", None)
        genre = Document.Genre
        return self.filter(
            Q(genre__in=[genre.REQUEST_LETTER, genre.REPLY_LETTER, genre.INTRODUCTION, genre.COUNTERPART]) & letters
            | Q(genre=genre.ASSESSMENT_FORM) & forms
            | Q(genre=genre.REPORT) & reports
            | Q(genre=genre.DESTRUCTION) & _any(user, (Action.KEEP_DATA, Action.APPROVE_DATA), "issuer__", None)
        ).distinct()

    def out_of_the_house(self) -> "DocumentQuerySet":
        """Paper made here that was issued once, whatever became of it: what the public check page answers for."""
        state = Document.State
        return self.filter(state__in=[state.ISSUED, state.REPLACED, state.WITHDRAWN], keyed_by=None).exclude(
            issued_at=None
        )

    def with_files(self) -> "DocumentQuerySet":
        return self.prefetch_related(models.Prefetch("files", DocumentFile.objects.defer("content")))


def _any(user: "User", actions: tuple[Action, ...], prefix: str, side: Side | None) -> Q:
    reach = Q(pk__in=[])
    for action in actions:
        reach |= user.reach(action, prefix, side)
    return reach


class Document(models.Model):
    class Genre(models.TextChoices):
        REQUEST_LETTER = "request_letter", "Công văn đề nghị nhận xét"
        ASSESSMENT_FORM = "assessment_form", "Phiếu nhận xét"
        REPLY_LETTER = "reply_letter", "Công văn trả lời"
        REPORT = "report", "Báo cáo"
        INTRODUCTION = "introduction", "Giấy giới thiệu"
        COUNTERPART = "counterpart", "Phần tiếp nhận của giấy giới thiệu"
        DESTRUCTION = "destruction", "Biên bản tiêu hủy"

    class State(models.TextChoices):
        DRAFT = "draft", "đang soạn"
        FOR_SIGNATURE = "for_signature", "trình ký"
        ISSUED = "issued", "đã phát hành"
        REPLACED = "replaced", "đã thay thế"
        WITHDRAWN = "withdrawn", "đã thu hồi"

    class Mode(models.TextChoices):
        DIGITAL = "digital", "Ký số"
        HAND_SIGNED = "hand_signed", "Ký tay, đóng dấu"
        PRINT_ONLY = "print_only", "In để ký"

    MOVES = {
        State.DRAFT: frozenset({State.FOR_SIGNATURE, State.ISSUED, State.WITHDRAWN}),
        State.FOR_SIGNATURE: frozenset({State.DRAFT, State.ISSUED, State.WITHDRAWN}),
        State.ISSUED: frozenset({State.REPLACED, State.WITHDRAWN}),
        State.REPLACED: frozenset(),
        State.WITHDRAWN: frozenset(),
    }
    STAMPS = {State.ISSUED: "issued", State.FOR_SIGNATURE: "presented"}
    SIGNS = {
        Genre.REQUEST_LETTER: "CV",
        Genre.REPLY_LETTER: "CV",
        Genre.REPORT: "BC",
        Genre.ASSESSMENT_FORM: "",
        Genre.INTRODUCTION: "GGT",
        Genre.COUNTERPART: "",
        Genre.DESTRUCTION: "",
    }

    # One key per step ("request:campaign:12:commune:7"): asking for the same paper twice finds the first.
    key = models.CharField(max_length=120, unique=True)
    genre = models.CharField("loại", max_length=20, choices=Genre.choices)
    issuer = models.ForeignKey(Organization, models.PROTECT, related_name="documents_issued")
    recipient = models.ForeignKey(Organization, models.PROTECT, null=True, related_name="documents_received")
    campaign = models.ForeignKey("evaluations.Campaign", models.PROTECT, null=True, related_name="documents")
    # The same letter in the book of a commune that took over some of the people it asks about.
    copy_of = models.ForeignKey("self", models.PROTECT, null=True, related_name="copies")
    version = models.OneToOneField("evaluations.AssessmentVersion", models.PROTECT, null=True, related_name="form")
    abstract = models.CharField("trích yếu", max_length=300, blank=True)
    series = models.ForeignKey(NumberSeries, models.PROTECT, null=True, related_name="documents")
    number = models.CharField("số", max_length=40, null=True, blank=True)
    issued_on = models.DateField("ngày ban hành", null=True, blank=True)
    facts = models.JSONField()
    state = models.CharField("trạng thái", max_length=14, choices=State.choices, default=State.DRAFT)
    mode = models.CharField("hình thức", max_length=12, choices=Mode.choices, default=Mode.PRINT_ONLY)
    prepared_by = models.ForeignKey("members.Seat", models.PROTECT, null=True, related_name="+")
    prepared_at = models.DateTimeField(auto_now_add=True)
    presented_at = models.DateTimeField(null=True)
    presented_by = models.ForeignKey("members.Seat", models.PROTECT, null=True, related_name="+")
    issued_at = models.DateTimeField(null=True)
    issued_by = models.ForeignKey("members.Seat", models.PROTECT, null=True, related_name="+")
    # Written elsewhere, on paper: its number as typed from the sheet, its bytes a scan.
    keyed_by = models.ForeignKey("members.Seat", models.PROTECT, null=True, related_name="+")
    # Sent back by the signer to be drafted anew, with a word; until it is presented again.
    return_note = models.CharField("lời nhắn của người ký", max_length=300, blank=True)
    returned_at = models.DateTimeField(null=True)
    returned_by = models.ForeignKey("members.Seat", models.PROTECT, null=True, related_name="+")
    # The recipient's book of letters received (sổ công văn đến)
    registered_no = models.CharField("số đến", max_length=12, blank=True)
    registered_at = models.DateTimeField(null=True)
    registered_by = models.ForeignKey("members.Seat", models.PROTECT, null=True, related_name="+")
    render_lease_until = models.DateTimeField(null=True)
    render_error = models.CharField(max_length=300, blank=True)

    objects = DocumentQuerySet.as_manager()

    class Meta:
        verbose_name = "văn bản"
        constraints = [
            models.CheckConstraint(
                name="document_genre_known",
                condition=Q(
                    genre__in=[
                        "request_letter",
                        "assessment_form",
                        "reply_letter",
                        "report",
                        "introduction",
                        "counterpart",
                        "destruction",
                    ]
                ),
            ),
            models.CheckConstraint(
                name="document_state_known",
                condition=Q(state__in=["draft", "for_signature", "issued", "replaced", "withdrawn"]),
            ),
            models.CheckConstraint(
                name="document_mode_known", condition=Q(mode__in=["digital", "hand_signed", "print_only"])
            ),
            models.UniqueConstraint(name="document_number_once", fields=["series", "number"]),
            models.CheckConstraint(
                name="document_number_in_a_book",
                condition=Q(number=None)
                | Q(series__isnull=False)
                | Q(keyed_by__isnull=False)
                | Q(copy_of__isnull=False),
            ),
            models.CheckConstraint(
                name="document_given_back_when_and_by_whom",
                condition=Q(return_note="") | Q(returned_at__isnull=False, returned_by__isnull=False),
            ),
            models.CheckConstraint(
                name="document_issued_when_and_by_whom",
                condition=~Q(state__in=["issued", "replaced"])
                | Q(issued_at__isnull=False, issued_by__isnull=False, issued_on__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_genre_display()} {self.label}".strip()

    @property
    def sign(self) -> str:
        """ "CV/ĐU" as frozen in the letterhead."""
        return str(self.facts["head"]["sign"])

    @property
    def label(self) -> str:
        """ "Số 05-CV/ĐU", or "" without a number."""
        return f"Số {self.numbered}" if self.number else ""

    @property
    def numbered(self) -> str:
        """ "05-CV/ĐU"; of a paper from elsewhere what stands on it."""
        if self.keyed_by_id:
            return self.number or ""
        return f"{padded(self.number)}-{self.sign}" if self.number else ""

    def issued_file(self) -> "DocumentFile | None":
        return self.files.filter(kind=DocumentFile.Kind.ISSUED).first()

    def file_to_read(self) -> "DocumentFile | None":
        """What a reader gets: the digitally signed copy where there is one, else what was issued."""
        signed = self.files.filter(kind=DocumentFile.Kind.SIGNED).first()
        return signed or self.issued_file()

    def scanned_file(self, kind: str) -> "DocumentFile | None":
        """The newest joined scan of a kind; one whose pages were taken apart again counts no longer."""
        return self.files.filter(kind=kind, scan_pages__isnull=False).defer("content").order_by("-pk").first()

    @cached_property
    def stamped(self) -> "DocumentFile | None":
        """The scanned copy with signature and seal, to be read next to what was issued; without its bytes."""
        # Most papers have none, and lists ask each.
        return self.scanned_file(DocumentFile.Kind.STAMPED) if self.mode == self.Mode.HAND_SIGNED else None

    def mark_hand_signed(self) -> None:
        """A copy with signature and seal is here (design §5, HAND_SIGNED)."""
        self.mode = self.Mode.HAND_SIGNED
        self.save(update_fields=["mode"])
        AuditEvent.objects.record("Document.hand_signed", by=None, on=self, fields=["mode"])

    def mark_unrenderable(self, reason: str) -> None:
        """No PDF can be made of these facts; shown to the office, not tried again until somebody asks."""
        self.render_error, self.render_lease_until = reason[:300], None
        self.save(update_fields=["render_error", "render_lease_until"])

    def store(self, kind: str, content: bytes, pages: int) -> "DocumentFile":
        """Keep bytes for good; storing the same kind of issued file twice returns the first."""
        digest = DocumentFile.digest(content)
        with transaction.atomic():
            if kind == DocumentFile.Kind.ISSUED:
                Document.objects.select_for_update().get(pk=self.pk)
                if first := self.issued_file():
                    return first
            return self.files.create(kind=kind, sha256=digest, content=content, size=len(content), pages=pages)


def padded(number: str | None) -> str:
    return f"{int(number):02d}" if number and number.isdigit() else (number or "")


class DocumentFile(models.Model):
    """Stored bytes of a document; append-only, never changed."""

    class Kind(models.TextChoices):
        ISSUED = "issued", "bản phát hành"
        SIGNED = "signed", "bản ký số"
        STAMPED = "stamped", "bản ký tay, đóng dấu"
        SCAN = "scan", "bản chụp"

    document = models.ForeignKey(Document, models.PROTECT, related_name="files")
    kind = models.CharField(max_length=8, choices=Kind.choices)
    sha256 = models.CharField(max_length=64)
    content = models.BinaryField()
    size = models.PositiveIntegerField()
    pages = models.PositiveIntegerField(default=1)
    made_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name = "tệp văn bản"
        constraints = [
            models.CheckConstraint(
                name="document_file_kind_known", condition=Q(kind__in=["issued", "signed", "stamped", "scan"])
            ),
            models.UniqueConstraint(name="document_one_issued_file", fields=["document"], condition=Q(kind="issued")),
            models.UniqueConstraint(name="document_one_signed_file", fields=["document"], condition=Q(kind="signed")),
        ]

    @staticmethod
    def digest(content: bytes) -> str:
        return hashlib.sha256(content).hexdigest()


def new_document(genre: str, *, key: str, issuer: Organization, facts: dict[str, Any], **fields: Any) -> Document:
    """An unsaved document with the letterhead and signature of its issuer frozen into its facts."""
    head = issuer.letterhead(Document.SIGNS[Document.Genre(genre)])
    frozen = {"head": head, "signature": issuer.signature(), **facts}
    return Document(genre=genre, key=key, issuer=issuer, facts=frozen, **fields)
