"""Background work: short tasks that take ids, load, call, and leave the outcome on the row.

The rows are the queue. A message in the broker only wakes a worker up; `sweep` runs every minute and finds whatever no
message reached, so losing the broker loses a minute and never a letter.
"""

import logging
import time
from typing import Any

from celery import current_app, shared_task
from celery.exceptions import SoftTimeLimitExceeded
from django.conf import settings
from django.core.cache import cache
from django.db import transaction
from django.db.models import Count
from django.urls import reverse
from django.utils import timezone
from kombu.exceptions import OperationalError
from redis.exceptions import RedisError

from evaluations import archives, bounces, bundles, documents, invariants, letters, readiness, reminders, scans
from evaluations.models import Bundle, Document, DocumentFile, Letter, ScanBatch, ScanPage
from evaluations.models.paper_codes import PaperKind, paper_facts
from evaluations.models.print_plans import Sheet
from evaluations.models.reorganizations import execute_due
from evaluations.models.request_letters import opened
from members.models import RosterImport
from members.models.sealing import note_head, seal_history
from members.states import move_all

log = logging.getLogger(__name__)
CHUNK = 20  # notices over one connection (performance.md §4)
AT_ONCE = 500
# Seconds after which what nobody took is handed out again; until then a backlog must not pile up repeats.
AGAIN = settings.LEASE.total_seconds() / 2
PAUSE = 5  # seconds until a bundle looks again for a paper that somebody else is rendering
SLICE = 20.0  # seconds of work on one bundle before letters and other bundles have their turn
PAGES = 4  # scanned pages that one child process reads
TOGETHER = 1  # seconds within which wake-ups become one: a hundred presses must not be a hundred sweeps


def wake() -> None:
    """After the transaction: have the rows looked at now instead of within a minute."""
    transaction.on_commit(_wake)


def _wake() -> None:
    try:
        # The sweep begins when the second is over, so it sees the rows of everybody who came in between.
        if cache.add("sweep-called", True, timeout=TOGETHER):
            sweep.apply_async(countdown=TOGETHER)
    except (OperationalError, RedisError, OSError):
        log.warning("broker not reachable; the next sweep will find the rows")


def broker_answers() -> bool:
    """Whether a wake-up would be taken."""
    try:
        with current_app.connection_for_write(connect_timeout=2) as broker:
            broker.ensure_connection(max_retries=1, timeout=3)
    except (OperationalError, RedisError, OSError):
        return False
    return True


@shared_task(name="evaluations.tasks.sweep")
def sweep() -> None:
    """Hand out every document without its file, every letter that is due, every bundle and scan nobody works on."""
    documents_due = Document.objects.to_render().order_by("pk").values_list("pk", flat=True)[:AT_ONCE]
    for document_id in _not_yet_out("documents", {pk: pk for pk in documents_due}):
        render.apply_async((document_id,), expires=AGAIN)
    # What a dead worker of this host left, only this host may take: a message in the broker would reach any.
    letters.deliver(list(Letter.objects.left_here().order_by("pk").values_list("pk", flat=True)[:CHUNK]))
    # A letter that is due for its next try is another errand than the one handed out before.
    letters_due = Letter.objects.due().order_by("pk").values_list("pk", "attempts")[:AT_ONCE]
    due = _not_yet_out("letters", {f"{pk}/{attempts}": pk for pk, attempts in letters_due})
    for start in range(0, len(due), CHUNK):
        deliver.apply_async((due[start : start + CHUNK],), expires=AGAIN)
    # A bundle that got on since is another errand.
    bundles_due = Bundle.objects.due().order_by("pk").values_list("pk", "done", "tries")[:AT_ONCE]
    for bundle_id in _not_yet_out("bundles", {f"{pk}/{done}/{tries}": pk for pk, done, tries in bundles_due}):
        bundle.apply_async((bundle_id,), expires=AGAIN)
    batches_due = ScanBatch.objects.due().annotate(done=Count("pages")).order_by("pk").values_list("pk", "done")
    for batch_id in _not_yet_out("scans", {f"{pk}/{done}": pk for pk, done in batches_due[:AT_ONCE]}):
        read_scans.apply_async((batch_id,), expires=AGAIN)
    complete = ScanPage.objects.to_file()
    for document_id in _not_yet_out("files", {f"{pk}/{pages}": pk for pk, pages in complete.items()}):
        file_scans.apply_async((document_id,), expires=AGAIN)
    readiness.note_sweep()


def _not_yet_out(kind: str, errands: dict[Any, int]) -> list[int]:
    """The ids of the errands that no sweep has handed out lately. Losing the cache costs repeats, never an errand."""
    now = time.time()
    out = {name: at for name, at in cache.get(f"handed-out-{kind}", {}).items() if now - at < AGAIN}
    fresh = {name: pk for name, pk in errands.items() if name not in out}
    cache.set(f"handed-out-{kind}", out | dict.fromkeys(fresh, now), timeout=AGAIN)
    return list(fresh.values())


@shared_task(name="evaluations.tasks.render")
def render(document_id: int) -> None:
    """Make the stored PDF of one issued document, once, and let its letters go."""
    document = Document.objects.claim(document_id)
    if document is None:
        return
    waiting = Letter.objects.filter(document=document, state=Letter.State.QUEUED)
    try:
        rendered = documents.render(
            document.genre,
            opened(document.facts),
            number=document.number or "",
            issued_on=document.issued_on,
            access=_access(document),
            check=_check(document),
        )
    except (documents.RenderError, SoftTimeLimitExceeded) as problem:
        reason = str(problem) or "Lập bản in quá lâu"
        with transaction.atomic():
            document.mark_unrenderable(reason)
            move_all(waiting, Letter.State.FAILED, by=None, last_error=reason[:300])
        return
    with transaction.atomic():
        document.store(DocumentFile.Kind.ISSUED, rendered.content, rendered.pages)
        move_all(waiting, Letter.State.RENDERED, by=None)
    ids = list(document.letters.filter(channel=Letter.Channel.EMAIL).values_list("pk", flat=True))
    if ids:
        deliver.delay(ids)


def _access(document: Document) -> documents.Access | None:
    """The letter code, for an office without accounts; computed here, so that it is stored nowhere in readable form."""
    letter = document.letters.filter(channel=Letter.Channel.PRINT).first()
    if letter is None:
        return None
    return documents.Access(url=settings.PUBLIC_URL + reverse("evaluations:code_enter"), code=letter.code)


def _check(document: Document) -> documents.Check:
    """The code on every page, by which a stamped copy finds its way back page by page."""
    printed = paper_facts(PaperKind.DOCUMENT, document.pk)
    return documents.Check(url=printed["url"], number=printed["code"])


@shared_task(name="evaluations.tasks.deliver")
def deliver(letter_ids: list[int]) -> None:
    try:
        letters.deliver(letter_ids)
    except SoftTimeLimitExceeded:
        log.warning("a server took too long over one letter; what it had taken is marked, the rest waits")


@shared_task(name="evaluations.tasks.read_bounces")
def read_bounces() -> None:
    """Letters that came back: nothing more goes to their addresses until somebody has looked."""
    if settings.BOUNCES:
        bounces.read(settings.BOUNCES)


@shared_task(name="evaluations.tasks.bundle")
def bundle(bundle_id: int) -> None:
    """Work on one print copy for a while; what is left goes back into the queue."""
    found = Bundle.objects.claim(bundle_id)
    if found is None:
        return
    if found.is_exhausted:
        found.give_up("Đã thử nhiều lần mà không lập được")
        return
    try:
        is_finished = _is_all_stored(found) and bundles.work(found, SLICE)
    except archives.NotStoredYet:
        is_finished = False
    except (documents.RenderError, SoftTimeLimitExceeded) as problem:
        found.give_up(str(problem) or "Lập bản in quá lâu")
        return
    if not is_finished:
        found.let_go()
        bundle.apply_async((bundle_id,), countdown=0 if found.done else PAUSE)


def _is_all_stored(found: Bundle) -> bool:
    """Papers issued a moment ago may not be stored yet. Raises RenderError when one of them cannot be made; an archive
    says so in its index instead."""
    wanted = found.ids(Sheet.FILES, Sheet.ORIGINALS)
    for start in range(0, len(wanted), AT_ONCE):
        papers = Document.objects.filter(pk__in=wanted[start : start + AT_ONCE])
        if not found.is_archive and papers.exclude(render_error="").exists():
            raise documents.RenderError("Có văn bản chưa lập được bản in")
        for document_id in papers.to_render().values_list("pk", flat=True):
            render(document_id)
    return True


@shared_task(name="evaluations.tasks.forget_bundles")
def forget_bundles() -> None:
    """Print copies are kept for a few days only; the papers themselves stay where they are."""
    for found in Bundle.objects.past():
        found.forget()


@shared_task(name="evaluations.tasks.remind")
def remind() -> None:
    """Write today's reminders; the sweep sends them."""
    if reminders.write(timezone.localdate()):
        wake()


# Long, and harmless when it is begun twice: it only reads, and the newest answer counts.
@shared_task(name="evaluations.tasks.inspect", soft_time_limit=1800, time_limit=1860, acks_late=False)
def inspect() -> None:
    """Ask every rule of the whole database and keep which rows break one."""
    invariants.inspect()


def inspect_soon() -> None:
    """Somebody has mended what was found and wants to know."""
    try:
        inspect.delay()
    except (OperationalError, RedisError, OSError):
        log.warning("broker not reachable; the rules are asked again tonight")


@shared_task(name="evaluations.tasks.reorganize")
def reorganize() -> None:
    """Carry out the changes of organisations whose day has come; the sweep sends what they leave to be sent."""
    if execute_due():
        wake()


@shared_task(name="evaluations.tasks.read_scans")
def read_scans(batch_id: int) -> None:
    """Read a batch of scanned pages for a while; what is left goes back into the queue."""
    batch = ScanBatch.objects.claim(batch_id)
    if batch is None:
        return
    batch.begin()
    end = time.monotonic() + SLICE
    while piece := batch.next_pages(PAGES):
        if time.monotonic() > end:
            batch.let_go()
            read_scans.delay(batch_id)
            return
        upload, first, count = piece
        batch.keep(upload, scans.read_pages(bytes(upload.content), first, count))
    batch.finish()
    wake()


@shared_task(name="evaluations.tasks.file_scans")
def file_scans(document_id: int) -> None:
    """Join the scanned pages of a paper, when all are there, and keep them beside what was issued."""
    for pages in ScanPage.objects.complete(document_id):
        content = scans.join([(bytes(page.content), page.is_pdf) for page in pages])
        ScanPage.objects.file(document_id, pages, content)


@shared_task(name="evaluations.tasks.forget_staged_rows")
def forget_staged_rows() -> None:
    """Staged rosters hold personal data: they live seven days at most (design §4)."""
    RosterImport.objects.expired().forget()


@shared_task(name="evaluations.tasks.seal")
def seal(*, everything: bool = False) -> None:
    """Seal the history, and note its end outside the database."""
    head = seal_history(everything=everything)
    if head:
        note_head(head)
        log.info("history sealed up to %s", head.position)
