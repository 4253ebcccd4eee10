"""Sealing the history: each event gets a place in a chain, with a keyed digest over itself and the seal before it.

Whoever changes, removes or reorders a row in the database file, without the key that only the environment holds, breaks
the chain at that row. Cutting the end off breaks nothing inside, so the head of the chain is also noted elsewhere.
"""

import hashlib
import hmac
import json
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, timedelta

from django.conf import settings
from django.db import connection, models, transaction
from django.utils import timezone

from members.models.history import AuditDetail, AuditEvent, AuditSeal, digest_of

# Numbers are given when an event is written, seen when it commits: a long transaction shows up behind younger ones.
WINDOW = 100_000
AT_ONCE = 20_000
# An event this old without a seal is a fault, not a matter of waiting for the next minute.
PATIENCE = timedelta(minutes=15)
_LOCK = 213_366  # any number, the same in every process


@dataclass(frozen=True)
class Head:
    """The end of the chain: to be noted where the database cannot be reached."""

    position: int
    mac: str


@transaction.atomic
def seal_history(*, everything: bool = False) -> Head | None:
    """Seal what has no seal yet, in the order of writing; the head after that, None when nothing was new."""
    _one_at_a_time()
    last = AuditSeal.objects.order_by("-position").first()
    unsealed = AuditEvent.objects.filter(seal=None).order_by("pk")
    if last and not everything:
        unsealed = unsealed.filter(pk__gt=last.event_id - WINDOW)
    position, mac = (last.position, last.mac) if last else (0, "")
    seals = []
    for event in unsealed[:AT_ONCE]:
        position += 1
        mac = _mac(event, position, mac)
        seals.append(AuditSeal(position=position, event=event, mac=mac))
    AuditSeal.objects.bulk_create(seals, batch_size=1000)
    return Head(position, mac) if seals else None


def note_head(head: Head) -> None:
    """Add the head to the file of heads and wait until the disk has it."""
    with settings.HISTORY_HEADS.open("a") as noted:
        noted.write(f"{timezone.now().isoformat(timespec='seconds')} {head.position} {head.mac}\n")
        noted.flush()
        os.fsync(noted.fileno())


def noted_heads() -> Iterator[Head]:
    """The heads in the file, oldest first; a line broken off by a crash is passed over."""
    if not settings.HISTORY_HEADS.exists():
        return
    with settings.HISTORY_HEADS.open() as noted:
        for line in noted:
            words = line.split()
            if len(words) == 3 and words[1].isdigit():
                yield Head(int(words[1]), words[2])


def _one_at_a_time() -> None:
    """Two sealers would give one position twice; on SQLite the write lock already keeps them apart."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])


def _mac(event: AuditEvent, position: int, before: str) -> str:
    said = [
        position,
        before,
        event.pk,
        event.verb,
        event.seat_id,
        event.user_id,
        event.address,
        event.at.astimezone(UTC).isoformat(timespec="microseconds"),
        event.object_type,
        event.object_id,
        event.object_ids,
        event.count,
        event.fields,
        event.digest,
    ]
    text = json.dumps(said, ensure_ascii=False, separators=(",", ":"))
    return hmac.new(settings.HISTORY_KEY.encode(), text.encode(), hashlib.sha256).hexdigest()


@dataclass
class Verdict:
    """What a walk along the chain found; `faults` are Vietnamese sentences that name the row."""

    sealed: int
    erased: int  # details that were lawfully erased, or are gone
    faults: list[str]
    head: Head | None


def verify_history(heads: Iterable[Head] = ()) -> Verdict:
    """Walk the whole chain, then what is not in it, then the heads noted elsewhere. Memory stays flat."""
    noted = {head.position: head.mac for head in heads}
    verdict = Verdict(0, 0, [], None)
    before, expected = "", 1
    for seal in _chain():
        if seal.position != expected:
            verdict.faults.append(f"Dấu niêm {_span(expected, seal.position - 1)} không còn trong cơ sở dữ liệu.")
        if fault := _fault(seal, before):
            verdict.faults.append(fault)
        if noted.pop(seal.position, seal.mac) != seal.mac:
            verdict.faults.append(f"Dấu niêm {seal.position} khác với dấu đã ghi lại ngoài cơ sở dữ liệu.")
        before, expected = seal.mac, seal.position + 1
        verdict.sealed += 1
    verdict.head = Head(expected - 1, before) if verdict.sealed else None
    if noted:
        cut = _span(expected, max(noted))
        verdict.faults.append(f"Phần cuối lịch sử đã bị cắt: thiếu dấu niêm {cut} đã ghi lại ngoài cơ sở dữ liệu.")
    verdict.faults += _unsealed()
    erased, rewritten = _details()
    verdict.erased, verdict.faults = erased, verdict.faults + rewritten
    return verdict


def _chain() -> Iterator[AuditSeal]:
    # LEFT JOIN by hand: an event that was removed leaves its seal behind, and an inner join would step over both.
    events = AuditEvent.objects.all()
    seals = AuditSeal.objects.order_by("position").iterator(chunk_size=2000)
    chunk: list[AuditSeal] = []
    for seal in seals:
        chunk.append(seal)
        if len(chunk) == 2000:
            yield from _with_events(chunk, events)
            chunk = []
    yield from _with_events(chunk, events)


def _with_events(chunk: list[AuditSeal], events: "models.QuerySet[AuditEvent]") -> Iterator[AuditSeal]:
    known = {event.pk: event for event in events.filter(pk__in=[seal.event_id for seal in chunk])}
    for seal in chunk:
        if seal.event_id in known:
            seal.event = known[seal.event_id]
        yield seal


def _fault(seal: AuditSeal, before: str) -> str:
    if not AuditSeal.event.is_cached(seal):
        return f"Dòng lịch sử số {seal.event_id} (dấu niêm {seal.position}) đã bị xóa."
    if not hmac.compare_digest(seal.mac, _mac(seal.event, seal.position, before)):
        return f"Dòng lịch sử số {seal.event_id} (dấu niêm {seal.position}) đã bị sửa, hoặc thứ tự đã bị đổi."
    return ""


def _span(first: int, last: int) -> str:
    return str(first) if first >= last else f"{first}–{last}"


def _unsealed() -> list[str]:
    late = AuditEvent.objects.filter(seal=None, at__lt=timezone.now() - PATIENCE).order_by("pk")
    return [f"Dòng lịch sử số {pk} không có dấu niêm." for pk in late.values_list("pk", flat=True)[:20]]


def _details() -> tuple[int, list[str]]:
    """(how many events have lost their personal detail, sentences about details that were rewritten)"""
    promised = AuditEvent.objects.exclude(digest="").filter(count=1, object_ids=[])
    erased = promised.filter(detail=None).exclude(fields=[]).count()
    faults = [
        f"Nội dung chi tiết của dòng lịch sử số {detail.event_id} đã bị sửa."
        for detail in AuditDetail.objects.select_related("event").order_by("pk").iterator(chunk_size=2000)
        if digest_of(detail.salt, detail.changes) != detail.event.digest
    ]
    return erased, faults
