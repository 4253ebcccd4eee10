"""The facts of the printed books: a title page, then lines in columns; every table is one step of a print copy."""

from datetime import date
from typing import Any

from django.utils import timezone

from evaluations.models.bundles import Bundle
from evaluations.models.documents import Document
from evaluations.models.letter_book import IN_COLUMNS, OUT_COLUMNS, book_entries, in_cells, out_cells
from evaluations.models.print_plans import Sheet
from evaluations.models.registers import INTRODUCED, RESIDENTS, Book, Cell, lines
from members.paging import in_order

REGISTERS: dict[str, Book] = {Bundle.Kind.INTRODUCED_BOOK: INTRODUCED, Bundle.Kind.RESIDENTS_BOOK: RESIDENTS}


def cover(bundle: Bundle) -> dict[str, Any]:
    """Facts of templates/documents/book_cover.html."""
    book = REGISTERS.get(bundle.kind)
    return {
        "head": bundle.organization.letterhead(),
        "title": bundle.get_kind_display(),
        "about": book.about if book else "",
        "office": bundle.organization.name,
        "scope": bundle.reason,
        "lines": bundle.total - 1,
        "made_on": timezone.localdate(bundle.made_at).isoformat(),
        "foot": foot(bundle),
    }


def foot(bundle: Bundle) -> str:
    """On every page: who took it out of the system, and when."""
    seat, at = bundle.made_by, timezone.localtime(bundle.made_at)
    return f"Bản in số {bundle.pk}, {seat.user.full_name} ({seat.title}) in lúc {at:%H:%M ngày %d/%m/%Y}"


def register_lines(bundle: Bundle, ids: list[int]) -> dict[str, Any]:
    """Facts of templates/documents/book.html: the next lines of one of the two registers."""
    book = REGISTERS[bundle.kind]
    before = bundle.ids(Sheet.BOOK_LINES).index(ids[0])
    rows = [
        (str(number), [column.of(line) for column in book.columns])
        for number, line in enumerate(lines(ids, book), before + 1)
    ]
    return table(bundle, [("TT", 11), *((column.heading, column.width) for column in book.columns)], rows)


def letter_lines(bundle: Bundle, ids: list[int]) -> dict[str, Any]:
    """Facts of the same template: the next lines of a book of letters."""
    if bundle.kind == Bundle.Kind.LETTERS_OUT:
        return table(bundle, OUT_COLUMNS, [(cells[0], cells[1:]) for cells in map(out_cells, book_entries(ids))])
    before = bundle.ids(Sheet.BOOK_LETTERS).index(ids[0])
    letters = in_order(Document.objects.select_related("issuer"), ids)
    return table(bundle, IN_COLUMNS, [(str(no), in_cells(letter)) for no, letter in enumerate(letters, before + 1)])


def table(bundle: Bundle, columns: list[tuple[str, int]], rows: list[tuple[str, list[Cell]]]) -> dict[str, Any]:
    return {
        "title": bundle.get_kind_display(),
        "office": bundle.organization.name,
        "columns": [{"heading": heading, "width": width} for heading, width in columns],
        "rows": [{"no": no, "cells": [_text(cell) for cell in row]} for no, row in rows],
        "first_page": bundle.pages + 1,
        "foot": foot(bundle),
    }


def _text(cell: Cell) -> str:
    return f"{cell:%d/%m/%Y}" if isinstance(cell, date) else str(cell if cell is not None else "")
