"""One scanned page, and what it is bound to.

A code binds its own page and never the pages behind it. What cannot be bound for certain lies in the tray until a
person has looked at it; nothing is dropped: every page of a batch is bound, in the tray, a duplicate or set aside.
"""

from dataclasses import replace
from typing import TYPE_CHECKING

from django.db import models, transaction
from django.db.models import Count, Max, OuterRef, Q, Subquery
from django.utils import timezone

from evaluations.models.assessments import Assessment
from evaluations.models.documents import Document, DocumentFile
from evaluations.models.sheets import REASONS, Sheet, sheet_of
from members.models import AuditEvent, Membership, Organization
from members.roles import Action
from members.states import Refused, move

if TYPE_CHECKING:
    from evaluations.models.scans import ScanBatch
    from evaluations.scans import PageRead
    from members.models import Seat, User


class ScanPageQuerySet(models.QuerySet["ScanPage"]):
    def for_user(self, user: "User") -> "ScanPageQuerySet":
        return self.filter(user.reach(Action.SCAN, "organization__"))

    def of_assessment(self, assessment: Assessment, organization: Organization | None = None) -> "ScanPageQuerySet":
        """The pages of the paper form of one assessment, in order; of one office's scanner when it is given."""
        pages = self.filter(assessment=assessment, state=ScanPage.State.BOUND).order_by("page_no", "pk").light()
        return pages.filter(organization=organization) if organization else pages

    def of_document(self, document: Document) -> "ScanPageQuerySet":
        return self.filter(document=document, state=ScanPage.State.BOUND).order_by("page_no", "pk")

    def light(self) -> "ScanPageQuerySet":
        """Without the bytes."""
        return self.defer("content", "picture")

    def listed(self) -> "ScanPageQuerySet":
        """With everything that says what a page is bound to, in the order of the batch."""
        member = OuterRef("assessment__placement__member")
        workplace = Membership.objects.filter(member=member, until_on=None).values("cell__parent__name")[:1]
        related = ("assessment__placement__member", "document__recipient", "document__issuer", "cell", "organization")
        people = ("document__version__assessment__placement__member", "bound_by__user", "discarded_by__user")
        rows = self.light().select_related(*related, *people).annotate(workplace=Subquery(workplace))
        return rows.order_by("batch", "number")

    def missing(self, document_ids: list[int]) -> list[tuple[Document, list[int]]]:
        """Papers of which some pages have been scanned and others not: the page numbers that are missing."""
        bound: dict[int, set[int]] = {}
        rows = self.filter(document__in=document_ids, state=ScanPage.State.BOUND)
        for document_id, page_no in rows.values_list("document", "page_no"):
            bound.setdefault(document_id or 0, set()).add(page_no)
        issued = DocumentFile.objects.filter(document__in=bound, kind=DocumentFile.Kind.ISSUED).defer("content")
        found = []
        for file in issued.select_related("document__recipient", "document__issuer").order_by("document"):
            if gaps := sorted(set(range(1, file.pages + 1)) - bound[file.document_id]):
                found.append((file.document, gaps))
        return found

    # From pages to the file beside the issued document

    def to_file(self) -> dict[int, int]:
        """{document id: number of its pages that wait}, where a joined file may be due."""
        waiting = self.filter(state=ScanPage.State.BOUND, file=None)
        stamped = waiting.filter(document__files__kind=DocumentFile.Kind.ISSUED).order_by()
        found = dict(stamped.values_list("document").annotate(n=Count("pk", distinct=True)))
        answered = waiting.filter(assessment__versions__state="confirmed", assessment__versions__form__isnull=False)
        forms = answered.order_by().values_list("assessment__versions__form").annotate(n=Count("pk", distinct=True))
        return found | {form: n for form, n in forms if form}

    def complete(self, document_id: int) -> "list[list[ScanPage]]":
        """The pages to join beside a document: those of its stamped copy, those of the paper form it was keyed from."""
        bound = self.filter(state=ScanPage.State.BOUND).select_related("organization").order_by("page_no", "pk")
        related = ("version__assessment__placement", "version__keyed_by")
        document = Document.objects.select_related(*related).get(pk=document_id)
        issued = document.issued_file()
        stamped = list(bound.filter(document=document))
        whole = issued and [page.page_no for page in stamped] == list(range(1, issued.pages + 1))
        found = [stamped if whole else [], list(bound.filter(_paper_form(document)))]
        return [pages for pages in found if any(page.file_id is None for page in pages)]

    @transaction.atomic
    def file(self, document_id: int, pages: "list[ScanPage]", content: bytes) -> None:
        """Keep the joined pages for good, unless one of them was taken away or filed meanwhile."""
        document = Document.objects.select_for_update(of=("self",)).get(pk=document_id)
        ids = [page.pk for page in pages]
        rows = self.filter(pk__in=ids, state=ScanPage.State.BOUND).select_for_update(of=("self",))
        now = {page.pk: (page.page_no, page.file_id) for page in rows.light()}
        if now != {page.pk: (page.page_no, page.file_id) for page in pages}:
            return
        is_stamped = pages[0].document_id is not None
        kind = DocumentFile.Kind.STAMPED if is_stamped else DocumentFile.Kind.SCAN
        stored = document.store(kind, content, len(pages))
        self.filter(pk__in=ids).update(file=stored)
        if is_stamped:
            document.mark_hand_signed()

    def put(self, batch: "ScanBatch", number: int, read: "PageRead") -> "ScanPage":
        """One page as it came: bound by its code, or a duplicate of a page bound before, or in the tray."""
        sheet = sheet_of(read.codes, read.is_damaged, batch.organization, batch.letter)
        state, bound_at = ScanPage.State.TRAY, None
        if not sheet.why:
            is_first = not self.bound_to(batch.organization, sheet).exists()
            state = ScanPage.State.BOUND if is_first else ScanPage.State.DUPLICATE
            bound_at = timezone.now() if is_first else None
        return self.create(
            batch=batch,
            organization=batch.organization,
            number=number,
            content=read.content,
            is_pdf=read.is_pdf,
            picture=read.picture,
            is_kept=bool(read.content),
            rotation=read.rotation,
            code=sheet.code,
            why=sheet.why,
            state=state,
            bound_at=bound_at,
            **sheet.target,
        )

    def bound_to(self, organization: Organization, sheet: Sheet) -> "ScanPageQuerySet":
        """The page that this office has bound to the same page of the same sheet."""
        return self.filter(organization=organization, state=ScanPage.State.BOUND, **sheet.target)


def _paper_form(document: Document) -> Q:
    """The pages from which an issued form was keyed: those of the office that keyed it, else of the commune."""
    version = document.version
    if version is None:
        return Q(pk__in=[])
    placement, keyed_by = version.assessment.placement, version.keyed_by
    office = keyed_by.organization_id if keyed_by else placement.commune_id
    return Q(assessment=version.assessment_id, organization=office)


class ScanPage(models.Model):
    class State(models.TextChoices):
        BOUND = "bound", "đã gắn"
        TRAY = "tray", "chờ xử lý"
        DUPLICATE = "duplicate", "trang trùng"
        DISCARDED = "discarded", "để riêng"

    MOVES = {
        State.TRAY: frozenset({State.BOUND, State.DISCARDED}),
        State.DUPLICATE: frozenset({State.BOUND, State.DISCARDED, State.TRAY}),
        State.BOUND: frozenset({State.TRAY, State.DUPLICATE}),
        State.DISCARDED: frozenset({State.TRAY}),
    }
    STAMPS = {State.BOUND: "bound", State.DISCARDED: "discarded"}

    batch = models.ForeignKey("evaluations.ScanBatch", models.PROTECT, related_name="pages")
    organization = models.ForeignKey(Organization, models.PROTECT, related_name="+")  # that of the batch
    number = models.PositiveSmallIntegerField("trang")
    content = models.BinaryField()
    is_pdf = models.BooleanField()
    picture = models.BinaryField()
    is_kept = models.BooleanField()  # False: nothing of the page could be lifted out, the upload is kept instead
    rotation = models.PositiveSmallIntegerField(default=0)
    code = models.CharField("mã", max_length=24, blank=True)
    state = models.CharField("trạng thái", max_length=9, choices=State.choices, default=State.TRAY)
    why = models.CharField("vì sao chưa gắn", max_length=9, choices=list(REASONS.items()), blank=True)
    assessment = models.ForeignKey(Assessment, models.PROTECT, null=True, related_name="scan_pages")
    document = models.ForeignKey(Document, models.PROTECT, null=True, related_name="scan_pages")
    cell = models.ForeignKey(Organization, models.PROTECT, null=True, related_name="scan_pages")
    year = models.PositiveSmallIntegerField(null=True)
    page_no = models.PositiveSmallIntegerField("trang số", default=1)
    bound_at = models.DateTimeField(null=True)
    bound_by = models.ForeignKey("members.Seat", models.PROTECT, null=True, related_name="+")  # None: by its code
    discarded_at = models.DateTimeField(null=True)
    discarded_by = models.ForeignKey("members.Seat", models.PROTECT, null=True, related_name="+")
    reason = models.CharField("lý do để riêng", max_length=200, blank=True)
    file = models.ForeignKey(DocumentFile, models.PROTECT, null=True, related_name="scan_pages")

    objects = ScanPageQuerySet.as_manager()

    class Meta:
        verbose_name = "trang quét"
        ordering = ["batch", "number"]
        constraints = [
            models.UniqueConstraint(name="scan_page_once", fields=["batch", "number"]),
            models.CheckConstraint(
                name="scan_page_state_known", condition=Q(state__in=["bound", "tray", "duplicate", "discarded"])
            ),
            models.CheckConstraint(
                name="scan_page_why_known",
                condition=Q(why__in=["", "unread", "two_codes", "foreign", "by_code", "damaged"]),
            ),
            models.CheckConstraint(
                name="scan_page_bound_to_one_thing",
                condition=~Q(state__in=["bound", "duplicate"])
                | Q(assessment__isnull=False, document=None, cell=None)
                | Q(assessment=None, document__isnull=False, cell=None)
                | Q(assessment=None, document=None, cell__isnull=False),
            ),
            models.CheckConstraint(
                name="scan_page_set_aside_with_reason",
                condition=~Q(state="discarded") | ~Q(reason=""),
            ),
            models.CheckConstraint(
                name="scan_page_bound_when", condition=~Q(state="bound") | Q(bound_at__isnull=False)
            ),
            *(
                models.UniqueConstraint(
                    name=f"scan_page_one_of_{what}",
                    fields=["organization", what, "page_no", *more],
                    condition=Q(state="bound"),
                )
                for what, more in (("assessment", ()), ("document", ()), ("cell", ("year",)))
            ),
        ]

    @property
    def title(self) -> str:
        """What the page is bound to, without a person's name (that stands beside it, never bare)."""
        if self.assessment:
            return f"Phiếu nhận xét năm {self.assessment.year}" + (f", trang {self.page_no}" * (self.page_no > 1))
        if self.document:
            return f"{self.document}, trang {self.page_no}"
        if self.cell:
            return f"Bảng nhận xét năm {self.year} của {self.cell.name}, tờ {self.page_no}"
        return ""

    @property
    def sheet(self) -> Sheet:
        return Sheet(self.code, self.page_no, self.assessment_id, self.document_id, self.cell_id, self.year)

    @transaction.atomic
    def bind(self, sheet: Sheet, *, by: "Seat") -> None:
        """By hand, from the tray or instead of its twin: the page bound there before becomes the duplicate."""
        self._hold()
        if not self.is_kept:
            raise Refused("Trang này hỏng, không gắn được. Xin quét lại tờ giấy này.")
        for twin in ScanPage.objects.bound_to(self.organization, sheet).exclude(pk=self.pk):
            twin.unfile()
            move(twin, self.State.DUPLICATE, by=by, file=None)
        move(self, self.State.BOUND, by=by, why="", code=sheet.code, reason="", file=None, **sheet.target)

    @transaction.atomic
    def bind_next(self, sheet: Sheet, *, by: "Seat") -> None:
        """As a further page of the same sheet: its back, or an added leaf."""
        self._hold()
        others = ScanPage.objects.filter(organization=self.organization, state=self.State.BOUND)
        same = others.filter(**{name: value for name, value in sheet.target.items() if name != "page_no"})
        last = same.exclude(pk=self.pk).aggregate(last=Max("page_no"))["last"] or 0
        self.bind(replace(sheet, page_no=last + 1), by=by)

    @transaction.atomic
    def set_aside(self, reason: str, *, by: "Seat") -> None:
        if not reason.strip():
            raise Refused("Ghi lý do để riêng trang này.")
        self._hold()
        move(self, self.State.DISCARDED, by=by, reason=reason.strip()[:200], **NOWHERE)

    @transaction.atomic
    def put_back(self, *, by: "Seat") -> None:
        """Into the tray again: bound to the wrong sheet, or set aside by mistake."""
        self._hold()
        self.unfile()
        move(self, self.State.TRAY, by=by, reason="", file=None, **NOWHERE)

    @transaction.atomic
    def turned(self, content: bytes, picture: bytes, degrees: int, *, by: "Seat") -> None:
        """Stands upright now; a joined file that held it as it was is made anew."""
        self._hold()
        self.unfile()
        self.content, self.picture, self.rotation = content, picture, (self.rotation + degrees) % 360
        self.save(update_fields=["content", "picture", "rotation"])
        AuditEvent.objects.record("ScanPage.turn", by=by, on=self, fields=["rotation"])

    def unfile(self) -> None:
        """The joined file that holds this page counts no longer; its other pages are joined anew."""
        if self.file_id:
            ScanPage.objects.filter(file=self.file_id).update(file=None)

    def _hold(self) -> None:
        Organization.objects.select_for_update(no_key=True).get(pk=self.organization_id)


NOWHERE = {**Sheet().target, "bound_at": None, "bound_by": None}
