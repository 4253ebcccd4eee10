"""A batch of scanned paper as it came from the scanner, read in the background. The row is the queue."""

import hashlib
from typing import TYPE_CHECKING

from django.conf import settings
from django.db import models, transaction
from django.db.models import Count, Max, Q
from django.utils import timezone

from evaluations.models.letters import Letter
from evaluations.models.scan_pages import ScanPage
from members.models import AuditEvent, Organization
from members.roles import Action
from members.states import Refused, move

if TYPE_CHECKING:
    from evaluations.scans import PageRead
    from members.models import Seat, User

PAGES_IN_BATCH = 300


class ScanBatchQuerySet(models.QuerySet["ScanBatch"]):
    def for_user(self, user: "User") -> "ScanBatchQuerySet":
        return self.filter(user.reach(Action.SCAN, "organization__"))

    @transaction.atomic
    def take(
        self,
        organization: Organization,
        files: list[tuple[bytes, int]],
        *,
        by: "Seat | None",
        letter: Letter | None = None,
    ) -> "ScanBatch":
        """Keep what was uploaded, (bytes, pages) each, until a worker reads it. The same again finds the first batch.

        Without a seat it came from the holder of a letter code, and concerns that letter only.
        """
        digest = hashlib.sha256(b"".join(hashlib.sha256(content).digest() for content, _ in files)).hexdigest()
        Organization.objects.select_for_update(no_key=True).get(pk=organization.pk)
        same = self.filter(organization=organization, letter=letter, digest=digest)
        if found := same.exclude(state=ScanBatch.State.FAILED).first():
            return found
        total = sum(pages for _, pages in files)
        if total > PAGES_IN_BATCH:
            raise Refused(f"Lần tải lên này có {total} trang, nhiều hơn {PAGES_IN_BATCH}. Xin chia thành nhiều lần.")
        batch = self.create(organization=organization, made_by=by, letter=letter, digest=digest, total=total)
        first = 1
        for content, pages in files:
            batch.uploads.create(first=first, pages=pages, content=content)
            first += pages
        AuditEvent.objects.record("ScanBatch.take", by=by, on=batch)
        return batch

    def due(self) -> "ScanBatchQuerySet":
        """To be read now: nobody holds it, or its holder died."""
        free = Q(lease_until=None) | Q(lease_until__lt=timezone.now())
        return self.filter(free, state__in=ScanBatch.IN_WORK)

    def claim(self, batch_id: int) -> "ScanBatch | None":
        """Take a batch for reading; exactly one of all who try at once gets it."""
        claimed = self.due().filter(pk=batch_id).update(lease_until=timezone.now() + settings.LEASE)
        return self.select_related("organization", "letter").get(pk=batch_id) if claimed else None

    def counted(self) -> "ScanBatchQuerySet":
        """With how many pages stand where; together they are all that have been read."""
        states = {state: Count("pages", filter=Q(pages__state=state)) for state in ScanPage.State.values}
        return self.annotate(done=Count("pages"), **{f"n_{state}": count for state, count in states.items()})


class ScanBatch(models.Model):
    class State(models.TextChoices):
        QUEUED = "queued", "chờ đọc"
        READING = "reading", "đang đọc"
        READ = "read", "đã đọc xong"
        FAILED = "failed", "không đọc được"

    IN_WORK = (State.QUEUED, State.READING)
    MOVES = {
        State.QUEUED: frozenset({State.READING, State.FAILED}),
        State.READING: frozenset({State.READ, State.FAILED}),
        State.READ: frozenset(),
        State.FAILED: frozenset(),
    }
    STAMPS: dict[str, str] = {}

    organization = models.ForeignKey(Organization, models.PROTECT, related_name="scan_batches")
    letter = models.ForeignKey(Letter, models.PROTECT, null=True, related_name="scan_batches")
    state = models.CharField("trạng thái", max_length=8, choices=State.choices, default=State.QUEUED)
    digest = models.CharField(max_length=64)
    total = models.PositiveSmallIntegerField("số trang")
    lease_until = models.DateTimeField(null=True)
    error = models.CharField(max_length=300, blank=True)
    made_by = models.ForeignKey("members.Seat", models.PROTECT, null=True, related_name="+")
    made_at = models.DateTimeField(auto_now_add=True)

    objects = ScanBatchQuerySet.as_manager()

    class Meta:
        verbose_name = "lần quét phiếu"
        ordering = ["-pk"]
        constraints = [
            models.CheckConstraint(
                name="scan_batch_state_known", condition=Q(state__in=["queued", "reading", "read", "failed"])
            ),
            models.CheckConstraint(name="scan_batch_has_pages", condition=Q(total__gte=1)),
            models.CheckConstraint(
                name="scan_batch_from_somebody", condition=Q(made_by__isnull=False) | Q(letter__isnull=False)
            ),
        ]

    @property
    def is_in_work(self) -> bool:
        return self.state in self.IN_WORK

    # What the worker leaves on the row

    def begin(self) -> None:
        if self.state == self.State.QUEUED:
            move(self, self.State.READING, by=None)

    def next_pages(self, count: int) -> "tuple[ScanUpload, int, int] | None":
        """(upload, first page in it, how many) to read next; None when every page is there."""
        done = self.pages.aggregate(last=Max("number"))["last"] or 0
        upload = self.uploads.filter(first__lte=done + 1).order_by("-first").first()
        if done >= self.total or upload is None:
            return None
        inside = done + 1 - upload.first + 1
        return upload, inside, min(count, upload.pages - inside + 1)

    @transaction.atomic
    def keep(self, upload: "ScanUpload", read: "list[PageRead]") -> None:
        """Store pages that were read and bind those whose code says beyond doubt where they belong."""
        # Binding of one office goes one at a time, so that of two equal pages exactly one is the duplicate.
        Organization.objects.select_for_update(no_key=True).get(pk=self.organization_id)
        known = set(self.pages.values_list("number", flat=True))
        bound = []
        for page in read:
            number = upload.first + page.number - 1
            if number in known:
                continue
            row = ScanPage.objects.put(self, number, page)
            if row.state == ScanPage.State.BOUND:
                bound.append(row.pk)
        if bound:
            AuditEvent.objects.record_many("ScanPage.bound", by=self.made_by, model=ScanPage, ids=bound)

    def let_go(self) -> None:
        self.lease_until = None
        self.save(update_fields=["lease_until"])

    @transaction.atomic
    def finish(self) -> None:
        """Every page is there. The upload goes, unless it holds a page of which nothing could be kept."""
        if not self.pages.filter(is_kept=False).exists():
            self.uploads.all().delete()
        move(self, self.State.READ, by=None, lease_until=None)

    def give_up(self, reason: str) -> None:
        move(self, self.State.FAILED, by=None, lease_until=None, error=reason[:300])


class ScanUpload(models.Model):
    """One uploaded file until its pages have been lifted out; its name is not kept, it may name somebody."""

    batch = models.ForeignKey(ScanBatch, models.CASCADE, related_name="uploads")
    first = models.PositiveSmallIntegerField()  # number in the batch of its first page
    pages = models.PositiveSmallIntegerField()
    content = models.BinaryField()

    class Meta:
        verbose_name = "tệp quét tải lên"
        constraints = [models.UniqueConstraint(name="scan_upload_once", fields=["batch", "first"])]
