"""A print copy of many papers in one file, prepared in the background. The row is the queue, as with letters.

A bundle is made of stored bytes and of sheets that exist on paper only (blank forms, the grid, envelopes). It is for
printing: it carries no signature and is no archive, and after a few days it is gone. `plan` holds ids, never names.
"""

import hashlib
from collections.abc import Iterable, Iterator
from datetime import timedelta
from typing import TYPE_CHECKING

from django.conf import settings
from django.db import models, transaction
from django.db.models import F, Q
from django.utils import timezone

from evaluations.models.documents import Document
from evaluations.models.print_plans import Order, Sheet
from members.models import AuditEvent, Organization
from members.roles import Action, Side
from members.states import Refused, move

if TYPE_CHECKING:
    from members.models import Seat, User

LARGEST = 20_000  # sheets
FRESH = timedelta(hours=1)  # pressing again within this time finds the copy that is there, unless something changed
KEPT = timedelta(days=3)
TRIES = 5  # without getting on; then something in it kills whoever tries
PIECE = 1024 * 1024  # bytes: a large file goes in and out of the database without ever being in memory as a whole


class BundleQuerySet(models.QuerySet["Bundle"]):
    @transaction.atomic
    def order(self, order: Order, reason: str, *, by: "Seat") -> "Bundle":
        """The copy that is being made or still fresh, else a new one. Raises Refused when there is nothing to print."""
        if not order.total:
            raise Refused("Không còn văn bản, phiếu nào để in.")
        if order.total > LARGEST:
            raise Refused(f"Bản in có {order.total} tờ, nhiều hơn {LARGEST}. Xin in riêng từng đơn vị.")
        # Two who press at once: the second waits here and finds the first one's copy.
        Organization.objects.select_for_update(no_key=True).get(pk=order.organization.pk)
        fresh = Q(state=Bundle.State.READY, ready_at__gt=timezone.now() - FRESH)
        if found := self.filter(fresh | Q(state__in=Bundle.IN_WORK), key=order.key).first():
            return found
        bundle = self.create(
            kind=order.kind,
            key=order.key,
            title=order.title,
            organization=order.organization,
            other=order.other,
            campaign_id=order.campaign_id,
            year=order.year,
            paper=order.paper,
            plan=order.plan,
            total=order.total,
            reason=reason,
            made_by=by,
        )
        AuditEvent.objects.record("Bundle.order", by=by, on=bundle)
        return bundle

    def due(self) -> "BundleQuerySet":
        """To be worked on now: nobody holds it, or its holder died."""
        free = Q(lease_until=None) | Q(lease_until__lt=timezone.now())
        return self.filter(free, state__in=Bundle.IN_WORK)

    def claim(self, bundle_id: int) -> "Bundle | None":
        """Take a bundle; exactly one of all who try at once gets it."""
        lease = timezone.now() + settings.LEASE
        claimed = self.due().filter(pk=bundle_id).update(lease_until=lease, tries=F("tries") + 1)
        return self.select_related("organization", "other").get(pk=bundle_id) if claimed else None

    def past(self) -> "BundleQuerySet":
        return self.filter(state=Bundle.State.READY, expires_at__lte=timezone.now())

    def for_user(self, user: "User") -> "BundleQuerySet":
        """Copies this person may follow and download; whether he may read what is in them is asked once more then."""
        found = Q(pk__in=[])
        for action, kinds in READERS.items():
            for side in (Side.WORKPLACE, Side.RESIDENCE):  # never who only configures
                found |= Q(kind__in=kinds) & user.reach(action, "organization__", side)
        return self.filter(found)

    def listed(self) -> "BundleQuerySet":
        """For lists: without the plans, which are long. Newest first."""
        return self.defer("plan").select_related("made_by__user").order_by("-pk")


class Bundle(models.Model):
    class Kind(models.TextChoices):
        CELL_PACK = "cell_pack", "Bộ phiếu của chi bộ"
        CELL_GRID = "cell_grid", "Bảng A3 của chi bộ"
        COMMUNE_PACK = "commune_pack", "Bộ phiếu của cả xã, phường"
        SIGNING_FOLDER = "signing_folder", "Tập trình ký"
        LETTER_PACK = "letter_pack", "Bộ gửi đảng ủy nơi cư trú"
        CELL_ANSWERS = "cell_answers", "Phiếu nhận xét của chi bộ"
        WORKPLACE_ANSWERS = "workplace_answers", "Bộ trả lời nơi công tác"
        COMMUNE_ANSWERS = "commune_answers", "Kết quả của một xã, phường"
        CAMPAIGN_ANSWERS = "campaign_answers", "Kết quả của cả đợt"
        INTRODUCTIONS = "introductions", "Giấy giới thiệu gửi một xã, phường"
        LABELS = "labels", "Nhãn địa chỉ"
        ENVELOPES = "envelopes", "Bì thư"
        ARCHIVE = "archive", "Hồ sơ lưu trữ"
        INTRODUCED_BOOK = "introduced_book", "Sổ theo dõi giới thiệu đảng viên"
        RESIDENTS_BOOK = "residents_book", "Sổ theo dõi đảng viên giữ mối liên hệ"
        LETTERS_OUT = "letters_out", "Sổ công văn đi"
        LETTERS_IN = "letters_in", "Sổ công văn đến"

    class State(models.TextChoices):
        QUEUED = "queued", "chờ lập"
        RUNNING = "running", "đang lập"
        READY = "ready", "đã xong"
        FAILED = "failed", "không lập được"
        EXPIRED = "expired", "đã hết hạn tải"

    IN_WORK = (State.QUEUED, State.RUNNING)
    MOVES = {
        State.QUEUED: frozenset({State.RUNNING, State.FAILED}),
        State.RUNNING: frozenset({State.READY, State.FAILED}),
        State.READY: frozenset({State.EXPIRED}),
        State.FAILED: frozenset(),
        State.EXPIRED: frozenset(),
    }
    STAMPS: dict[str, str] = {}

    kind = models.CharField("loại", max_length=20, choices=Kind.choices)
    key = models.CharField(max_length=80, db_index=True)
    title = models.CharField("tên", max_length=300)
    organization = models.ForeignKey(Organization, models.PROTECT, related_name="bundles")
    other = models.ForeignKey(Organization, models.PROTECT, null=True, related_name="+")
    campaign = models.ForeignKey("evaluations.Campaign", models.PROTECT, null=True, related_name="bundles")
    year = models.PositiveSmallIntegerField("năm")
    paper = models.CharField("khổ giấy", max_length=4, blank=True)
    plan = models.JSONField()
    reason = models.CharField("lý do in", max_length=200)
    state = models.CharField("trạng thái", max_length=8, choices=State.choices, default=State.QUEUED)
    done = models.PositiveIntegerField(default=0)
    total = models.PositiveIntegerField()
    lease_until = models.DateTimeField(null=True)
    tries = models.PositiveSmallIntegerField(default=0)
    error = models.CharField(max_length=300, blank=True)
    made_by = models.ForeignKey("members.Seat", models.PROTECT, related_name="+")
    made_at = models.DateTimeField(auto_now_add=True)
    ready_at = models.DateTimeField(null=True)
    expires_at = models.DateTimeField(null=True)
    size = models.PositiveBigIntegerField(default=0)
    pages = models.PositiveIntegerField(default=0)
    sha256 = models.CharField(max_length=64, blank=True)

    objects = BundleQuerySet.as_manager()

    class Meta:
        verbose_name = "bản in"
        constraints = [
            models.CheckConstraint(
                name="bundle_kind_known",
                condition=Q(
                    kind__in=[
                        "cell_pack",
                        "cell_grid",
                        "commune_pack",
                        "signing_folder",
                        "letter_pack",
                        "cell_answers",
                        "workplace_answers",
                        "commune_answers",
                        "campaign_answers",
                        "introductions",
                        "labels",
                        "envelopes",
                        "archive",
                        "introduced_book",
                        "residents_book",
                        "letters_out",
                        "letters_in",
                    ]
                ),
            ),
            models.CheckConstraint(
                name="bundle_state_known", condition=Q(state__in=["queued", "running", "ready", "failed", "expired"])
            ),
            models.UniqueConstraint(
                name="bundle_one_in_work", fields=["key"], condition=Q(state__in=["queued", "running"])
            ),
            models.CheckConstraint(name="bundle_has_reason", condition=~Q(reason="")),
            models.CheckConstraint(name="bundle_not_beyond_its_total", condition=Q(done__lte=F("total"))),
            models.CheckConstraint(
                name="bundle_ready_until_when",
                condition=~Q(state="ready") | Q(ready_at__isnull=False, expires_at__isnull=False, done=F("total")),
            ),
        ]

    def __str__(self) -> str:
        return self.title

    @property
    def is_in_work(self) -> bool:
        return self.state in self.IN_WORK

    @property
    def is_exhausted(self) -> bool:
        return self.tries > TRIES

    @property
    def is_archive(self) -> bool:
        """A ZIP of originals, not a file to print."""
        return self.kind == self.Kind.ARCHIVE

    @property
    def working(self) -> str:
        return "Đang lập hồ sơ" if self.is_archive else "Đang lập bản in"

    def ids(self, *sheets: Sheet) -> list[int]:
        return [pk for name, ids in self.plan if name in sheets for pk in ids]

    def place_of(self, step: int) -> int:
        """How many sheets stand before a step."""
        return sum(len(ids) for _, ids in self.plan[:step])

    def is_readable_by(self, user: "User") -> bool:
        """Whether every stored paper in it may be read by this person (never his own, before it has gone out)."""
        wanted = self.ids(Sheet.FILES, Sheet.ORIGINALS)
        readable = Document.objects.readable_by(user)
        found = sum(readable.filter(pk__in=wanted[start : start + 500]).count() for start in range(0, len(wanted), 500))
        return found == len(set(wanted))

    def cell(self, pk: int) -> Organization:
        """A cell whose sheets stand in the plan."""
        return Organization.objects.select_related("parent").get(pk=pk)

    # What the worker leaves on the row

    def steps_left(self) -> Iterator[tuple[int, Sheet, list[int]]]:
        """(number, sheet, ids) of the steps that have left no piece yet."""
        made = set(self.pieces.filter(is_final=False).values_list("no", flat=True))
        for no, (sheet, ids) in enumerate(self.plan):
            if no not in made:
                yield no, Sheet(sheet), ids

    @transaction.atomic
    def keep(self, no: int, content: bytes, pages: int = 0) -> None:
        """One step is done; a repetition of it by somebody whose lease ran out changes nothing.

        `pages` of a copy whose pages are numbered throughout: the next step goes on after them.
        """
        _, is_new = self.pieces.get_or_create(no=no, is_final=False, defaults={"content": content})
        self.pages += pages if is_new else 0
        made = self.pieces.filter(is_final=False).values_list("no", flat=True)
        self.done, self.tries = sum(len(self.plan[step][1]) for step in made), 0
        self.save(update_fields=["done", "tries", "pages"])

    def begin(self) -> None:
        if self.state == self.State.QUEUED:
            move(self, self.State.RUNNING, by=None)

    def let_go(self, seconds: int = 0) -> None:
        """Somebody goes on with it now, or in a few seconds."""
        self.lease_until = timezone.now() + timedelta(seconds=seconds) if seconds else None
        self.save(update_fields=["lease_until"])

    @transaction.atomic
    def finish(self, content: Iterable[bytes], pages: int) -> None:
        """Keep the whole file and drop its parts."""
        self.pieces.all().delete()
        digest, size = hashlib.sha256(), 0
        for no, block in enumerate(content):
            digest.update(block)
            size += len(block)
            self.pieces.create(no=no, is_final=True, content=block)
        now = timezone.now()
        move(
            self,
            self.State.READY,
            by=None,
            lease_until=None,
            done=self.total,
            size=size,
            pages=pages,
            sha256=digest.hexdigest(),
            ready_at=now,
            expires_at=now + KEPT,
        )

    @transaction.atomic
    def give_up(self, reason: str) -> None:
        self.pieces.all().delete()
        move(self, self.State.FAILED, by=None, lease_until=None, error=reason[:300])

    @transaction.atomic
    def forget(self) -> None:
        self.pieces.all().delete()
        move(self, self.State.EXPIRED, by=None)

    def content(self) -> Iterator[bytes]:
        """The file, piece by piece."""
        final = self.pieces.filter(is_final=True)
        for no in final.order_by("no").values_list("no", flat=True):
            yield bytes(final.values_list("content", flat=True).get(no=no))


# Who finds which copies: (packs of a cell or ward, what the residence side answered, the workplace's own).
_Kind = Bundle.Kind
READERS: dict[Action, tuple[str, ...]] = {
    Action.SEE_RESIDENTS: (_Kind.CELL_PACK, _Kind.CELL_GRID, _Kind.COMMUNE_PACK, _Kind.RESIDENTS_BOOK),
    Action.SEE_MEMBERS: (_Kind.INTRODUCED_BOOK,),
    Action.KEEP_BOOK: (_Kind.LETTERS_OUT, _Kind.LETTERS_IN),
    Action.WRITE: (_Kind.CELL_ANSWERS,),
    Action.CONFIRM: (_Kind.CELL_ANSWERS, _Kind.WORKPLACE_ANSWERS),
    Action.RECEIVE: (_Kind.LETTER_PACK, _Kind.COMMUNE_ANSWERS, _Kind.CAMPAIGN_ANSWERS, _Kind.INTRODUCTIONS),
    Action.PREPARE: (_Kind.SIGNING_FOLDER,),
    Action.SIGN: (_Kind.SIGNING_FOLDER,),
    Action.KEEP_ADDRESSES: (_Kind.LABELS, _Kind.ENVELOPES),
    Action.EXPORT: (_Kind.ARCHIVE,),
}


class BundlePiece(models.Model):
    """The PDF of one step while a bundle is in work; afterwards a stretch of the finished file."""

    bundle = models.ForeignKey(Bundle, models.CASCADE, related_name="pieces")
    is_final = models.BooleanField()
    no = models.PositiveIntegerField()
    content = models.BinaryField()

    class Meta:
        verbose_name = "phần của bản in"
        constraints = [models.UniqueConstraint(name="bundle_piece_once", fields=["bundle", "is_final", "no"])]
