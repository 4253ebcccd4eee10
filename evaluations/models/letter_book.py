"""Sổ công văn: every number of an office's book is a document or a recorded range with its reason, and none is twice.

The book also counts what was written elsewhere, so the clerk may go on from any number, keep a block, and record what
was used outside or left empty. Every verb holds the book's lock (NumberSeries), as everybody does who takes a number.
"""

from dataclasses import dataclass
from datetime import date
from itertools import takewhile
from typing import TYPE_CHECKING, Any

from django.db import transaction
from django.db.models import Q
from django.db.models.fields.json import KT
from django.utils import timezone

from evaluations.models.documents import Document, DocumentQuerySet, NumberRange, NumberSeries, padded
from members.models import AuditEvent, Organization
from members.names import search_key
from members.states import Refused

if TYPE_CHECKING:
    from members.models import Seat

Kind = NumberRange.Kind
WINDOW = 50  # numbers on one page of the book
# Sign of a book → what is entered in it; several genres may share one ("CV").
SIGNS = {sign: str(genre.label) for genre, sign in Document.SIGNS.items() if sign} | {"CV": "Công văn"}
FARTHEST = 99_999
SENT = [Document.State.ISSUED, Document.State.REPLACED, Document.State.WITHDRAWN]


@dataclass(frozen=True)
class Entry:
    """One line of the book: a document, a range with its reason, or (neither) numbers nobody has explained."""

    first: int
    last: int
    document: Document | None = None
    range: NumberRange | None = None

    @property
    def numbers(self) -> str:
        return f"{self.first:02d}" if self.first == self.last else f"{self.first:02d}–{self.last:02d}"


def entries(series: NumberSeries, first: int, last: int) -> list[Entry]:
    """The lines of the numbers from `first` to `last`, the newest first; two queries."""
    wanted = [str(number) for number in range(first, last + 1)]
    documents = series.documents.filter(number__in=wanted).select_related("recipient").defer("facts")
    found: list[Entry] = [Entry(int(row.number or 0), int(row.number or 0), row) for row in documents]
    for row in series.ranges.filter(first__lte=last, last__gte=first).select_related("recorded_by__user"):
        found.append(Entry(max(row.first, first), min(row.last, last), range=row))
    return _with_gaps(sorted(found, key=lambda entry: entry.first), first, last)[::-1]


def _with_gaps(found: list[Entry], first: int, last: int) -> list[Entry]:
    whole: list[Entry] = []
    expected = first
    for entry in [*found, Entry(last + 1, last + 1)]:
        if entry.first > expected:
            whole.append(Entry(expected, entry.first - 1))
        expected = max(expected, entry.last + 1)
        whole.append(entry)
    return whole[:-1]


def highest(series: NumberSeries) -> int:
    """The last number that anything in the book holds; what follows is free."""
    return max([series.next_no - 1, *series.taken()])


def unexplained(series: NumberSeries) -> list[int]:
    """Numbers that were passed over and that nothing holds; there should be none."""
    return sorted(set(range(1, series.next_no)) - series.taken())


def _locked(series: NumberSeries) -> NumberSeries:
    return NumberSeries.objects.select_for_update().get(pk=series.pk)


@transaction.atomic
def set_next(series: NumberSeries, number: int, reason: str, *, by: "Seat") -> NumberSeries:
    """Go on from `number`; what lies between was used outside the system, for the reason given."""
    book = _locked(series)
    if number < book.next_no:
        raise Refused(f"Sổ đã đến số {book.next_no - 1:02d}. Số tiếp theo phải từ {book.next_no:02d} trở lên.")
    if number in book.taken():
        raise Refused(f"Số {number:02d} đã có trong sổ. Xin chọn số khác.")
    before = book.next_no
    book.record_gap(before, number - 1, by, reason)
    book.next_no = number
    book.save(update_fields=["next_no"])
    AuditEvent.objects.record("NumberSeries.set_next", by=by, on=book, changes={"next_no": [before, number]})
    return book


@transaction.atomic
def keep_block(series: NumberSeries, count: int, reason: str, *, by: "Seat") -> NumberRange:
    """Keep the first free run of `count` numbers for later."""
    block = _locked(series).reserve(count, reason, by=by)
    AuditEvent.objects.record("NumberRange.reserved", by=by, on=block, fields=["first", "last", "reason"])
    return block


@transaction.atomic
def record_numbers(series: NumberSeries, kind: str, first: int, last: int, reason: str, *, by: "Seat") -> NumberRange:
    """These numbers were used outside the system, or are left empty; out of a block that was kept they may come too."""
    book = _locked(series)
    asked = set(range(first, last + 1))
    held = set(book.documents.filter(number__in=[str(n) for n in asked]).values_list("number", flat=True))
    for row in book.ranges.exclude(kind=Kind.RESERVED).filter(first__lte=last, last__gte=first):
        held.update(str(number) for number in asked if row.first <= number <= row.last)
    if held:
        taken = min(int(number) for number in held if number)
        raise Refused(f"Số {taken:02d} đã có trong sổ (văn bản hoặc dòng đã ghi). Xin xem sổ rồi ghi lại.")
    for block in book.ranges.filter(kind=Kind.RESERVED, first__lte=last, last__gte=first):
        _cut(block, first, last)
    row = book.ranges.create(first=first, last=last, kind=kind, reason=reason, recorded_by=by)
    if first <= book.next_no <= last + 1:
        book.next_no = last + 1
        book.save(update_fields=["next_no"])
    AuditEvent.objects.record(f"NumberRange.{kind}", by=by, on=row, fields=["first", "last", "reason"])
    return row


def _cut(block: NumberRange, first: int, last: int) -> None:
    """Take these numbers out of a kept block; what is left on either side stays kept."""
    left, right = (block.first, first - 1), (last + 1, block.last)
    parts = [part for part in (left, right) if part[0] <= part[1]]
    kept = {"kind": Kind.RESERVED, "reason": block.reason, "recorded_by": block.recorded_by}
    for start, end in parts:
        block.series.ranges.create(first=start, last=end, **kept)
    block.delete()


@transaction.atomic
def give_back(block: NumberRange, reason: str, *, by: "Seat") -> None:
    """A range is not needed, or was recorded by mistake: its numbers are taken next, else they stay empty."""
    book = _locked(block.series)
    found = book.ranges.select_for_update().filter(pk=block.pk).first()
    if found is None or found.kind == Kind.EMPTY:
        raise Refused("Dải số này vừa được xử lý. Xin tải lại trang.")
    if found.last + 1 >= book.next_no:
        AuditEvent.objects.record("NumberRange.given_back", by=by, on=found, fields=["first", "last"])
        found.delete()
        book.next_no = min(book.next_no, found.first)
        book.save(update_fields=["next_no"])
        return
    found.kind, found.reason, found.recorded_by = Kind.EMPTY, reason, by
    found.save(update_fields=["kind", "reason", "recorded_by"])
    AuditEvent.objects.record("NumberRange.empty", by=by, on=found, fields=["kind", "reason"])


# The columns of the printed books, and of the tables

OUT_COLUMNS = [("Số, ký hiệu", 30), ("Ngày", 22), ("Tên loại, trích yếu", 98), ("Nơi nhận", 55), ("Người ký", 35)]
OUT_COLUMNS += [("Ghi chú", 25)]
IN_COLUMNS = [("TT", 11), ("Ngày đến", 22), ("Số đến", 16), ("Nơi gửi", 55), ("Số, ký hiệu", 30), ("Ngày văn bản", 22)]
IN_COLUMNS += [("Tên loại, trích yếu", 84), ("Ghi chú", 25)]


def book_ids(series: NumberSeries) -> list[int]:
    """Every line of the book by number: the id of a document, or minus the id of a range."""
    numbered = series.documents.exclude(number=None).values_list("number", "pk")
    found = [(_ordinal(number or ""), pk) for number, pk in numbered]
    found += [(first, -pk) for first, pk in series.ranges.values_list("first", "pk")]
    return [pk for _, pk in sorted(found)]


def _ordinal(number: str) -> int:
    """5 of "5" and of "5a"."""
    digits = "".join(takewhile(str.isdecimal, number))
    return int(digits) if digits else 0


def book_entries(ids: list[int]) -> list[Entry]:
    """The lines that `book_ids` named, in that order."""
    documents = Document.objects.select_related("recipient").in_bulk([pk for pk in ids if pk > 0])
    ranges = NumberRange.objects.select_related("series", "recorded_by__user").in_bulk([-pk for pk in ids if pk < 0])
    found = []
    for pk in ids:
        if pk in documents:
            number = _ordinal(documents[pk].number or "")
            found.append(Entry(number, number, document=documents[pk]))
        elif -pk in ranges:
            found.append(Entry(ranges[-pk].first, ranges[-pk].last, range=ranges[-pk]))
    return found


def out_cells(entry: Entry) -> list[Any]:
    if row := entry.range:
        recorded = timezone.localdate(row.recorded_at)
        sign = f"{entry.numbers}-{row.series.genre_sign}"
        return [sign, recorded, f"{row.get_kind_display()}: {row.reason}", "", "", row.recorded_by.user.full_name]
    letter = entry.document
    assert letter
    what = f"{letter.get_genre_display()}: {letter.abstract}" if letter.abstract else letter.get_genre_display()
    signer = letter.facts.get("signature", {}).get("name", "")
    whom = letter.recipient.name if letter.recipient else ""
    return [letter.numbered, letter.issued_on, what, whom, signer, _fate(letter)]


def in_cells(letter: Document) -> list[Any]:
    what = f"{letter.get_genre_display()}: {letter.abstract}" if letter.abstract else letter.get_genre_display()
    arrived = timezone.localdate(letter.registered_at) if letter.registered_at else None
    return [arrived, letter.registered_no, letter.issuer.name, letter.numbered, letter.issued_on, what, _fate(letter)]


def _fate(letter: Document) -> str:
    return "" if letter.state == Document.State.ISSUED else str(letter.get_state_display())


# Letters received, and looking things up


def letters_of(series: NumberSeries, words: str, genre: str) -> DocumentQuerySet:
    """Numbered documents of one book to whomever these words name."""
    return _narrowed(Document.objects.filter(series=series).exclude(number=None), words, genre, "recipient")


def received(place: Organization, year: int | None, words: str, genre: str) -> DocumentQuerySet:
    """What other offices have sent this one, on the system or on paper."""
    rows = Document.objects.filter(recipient=place, state__in=SENT)
    if year:
        rows = rows.filter(issued_on__gte=date(year, 1, 1), issued_on__lte=date(year, 12, 31))
    return _narrowed(rows, words, genre, "issuer")


def received_rows() -> DocumentQuerySet:
    """With what a line of the list shows: of the facts, which may be long, only the sign (`written_sign`)."""
    return Document.objects.select_related("issuer").defer("facts").annotate(written_sign=KT("facts__head__sign"))


def label(letter: Document) -> str:
    """`Document.numbered` of a row from `received_rows`."""
    if letter.keyed_by_id or not letter.number:
        return letter.number or ""
    return f"{padded(letter.number)}-{vars(letter)['written_sign']}"


def _narrowed(rows: DocumentQuerySet, words: str, genre: str, other: str) -> DocumentQuerySet:
    if genre:
        rows = rows.filter(genre=genre)
    if words.isdecimal():
        number = str(int(words))
        return rows.filter(Q(number=number) | Q(number__startswith=f"{words}-") | Q(registered_no=words))
    for word in search_key(words).split():
        rows = rows.filter(**{f"{other}__search_key__contains": word})
    return rows


def next_received_no(place: Organization) -> str:
    """The number that would follow in this year's book of letters received."""
    this_year = Document.objects.filter(recipient=place, registered_at__year=timezone.localdate().year)
    numbers = this_year.exclude(registered_no="").values_list("registered_no", flat=True)
    return str(max((int(number) for number in numbers if number.isdecimal()), default=0) + 1)


@transaction.atomic
def enter(document: Document, number: str, *, by: "Seat") -> None:
    """Give a letter received its number in the book (số đến). Requests have a page of their own that does more."""
    if document.genre == Document.Genre.REQUEST_LETTER:
        raise Refused("Công văn đề nghị nhận xét được vào sổ ở trang của công văn đó.")
    if document.recipient_id != by.organization_id:
        raise Refused("Công văn này gửi cho đơn vị khác.")
    entered = Document.objects.filter(pk=document.pk, registered_at=None, state__in=SENT)
    if not entered.update(registered_no=number, registered_at=timezone.now(), registered_by=by):
        raise Refused("Công văn này đã được vào sổ.")
    AuditEvent.objects.record("Document.enter", by=by, on=document, fields=["registered_no"])
