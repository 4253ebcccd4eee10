"""Background work: short tasks that take ids, load, call, and leave the outcome on the row.

The rows are the queue. A message in the broker only wakes a worker up; `sweep` runs every minute and finds whatever no
message reached, so losing the broker loses a minute and never a letter.
"""

import logging

from celery import shared_task
from celery.exceptions import SoftTimeLimitExceeded
from django.conf import settings
from django.db import transaction
from django.urls import reverse
from kombu.exceptions import OperationalError

from evaluations import documents, letters
from evaluations.models import Document, DocumentFile, Letter
from members.models import RosterImport, StagedRow
from members.states import move_all

log = logging.getLogger(__name__)
CHUNK = 20  # notices over one connection (performance.md §4)
AT_ONCE = 500
STALE = 120  # seconds; the next sweep hands out again what nobody took, and a long backlog must not pile up repeats


def wake() -> None:
    """After the transaction: have the rows looked at now instead of within a minute."""
    transaction.on_commit(_wake)


def _wake() -> None:
    try:
        sweep.delay()
    except (OperationalError, OSError):
        log.warning("broker not reachable; the next sweep will find the rows")


@shared_task(name="evaluations.tasks.sweep")
def sweep() -> None:
    """Hand out every document without its file and every letter that is due."""
    for document_id in Document.objects.to_render().order_by("pk").values_list("pk", flat=True)[:AT_ONCE]:
        render.apply_async((document_id,), expires=STALE)
    due = list(Letter.objects.due().order_by("pk").values_list("pk", flat=True)[:AT_ONCE])
    for start in range(0, len(due), CHUNK):
        deliver.apply_async((due[start : start + CHUNK],), expires=STALE)


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
            document.facts,
            number=document.number or "",
            issued_on=document.issued_on,
            access=_access(document),
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


@shared_task(name="evaluations.tasks.deliver")
def deliver(letter_ids: list[int]) -> None:
    letters.deliver(letter_ids)


@shared_task(name="evaluations.tasks.forget_staged_rows")
def forget_staged_rows() -> None:
    """Staged rosters hold personal data: they live seven days at most (design §4)."""
    StagedRow.objects.filter(roster__in=RosterImport.objects.expired()).delete()
