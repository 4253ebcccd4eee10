"""Print copies: stored papers and freshly rendered sheets become one file, step by step and with flat memory.

What is printed here carries no tags, no signature and no PDF/A intent any more (performance.md §0.3); the archive keeps
the originals. Besides evaluations/scans.py the only importer of pikepdf.
"""

import io
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

import pikepdf

from evaluations import archives, documents
from evaluations.archives import NotStoredYet
from evaluations.models import Bundle, Document, DocumentFile
from evaluations.models import book_facts as books
from evaluations.models import sheet_facts as facts
from evaluations.models.bundles import PIECE
from evaluations.models.print_plans import Sheet

NUMBERED = (Sheet.BOOK_COVERS, Sheet.BOOK_LINES, Sheet.BOOK_LETTERS)
LEFT_BEHIND = ("/StructParents", "/StructParent", "/Tabs")


def work(bundle: Bundle, seconds: float) -> bool:
    """Do steps until the time is over; whether the bundle is finished. A repetition goes on where this one stopped."""
    end = time.monotonic() + seconds
    bundle.begin()
    for no, sheet, ids in bundle.steps_left():
        if time.monotonic() > end:
            return False
        content = _step(bundle, no, sheet, ids)
        bundle.keep(no, content, _pages(content) if sheet in NUMBERED else 0)
    with tempfile.TemporaryDirectory(prefix="bundle-") as folder:
        path = Path(folder) / "whole"
        bundle.finish(_blocks(path), archives.join(bundle, path) if bundle.is_archive else _joined(bundle, path))
    return True


def _pages(content: bytes) -> int:
    with pikepdf.open(io.BytesIO(content)) as part:
        return len(part.pages)


def _step(bundle: Bundle, no: int, sheet: Sheet, ids: list[int]) -> bytes:
    if sheet == Sheet.ORIGINALS:
        return archives.part(ids, bundle.place_of(no) + 1)
    return _stored(ids) if sheet == Sheet.FILES else SHEETS[sheet](bundle, ids)


def _stored(ids: list[int]) -> bytes:
    """The issued bytes of these documents, one after the other."""
    files = DocumentFile.objects.filter(document__in=ids, kind=DocumentFile.Kind.ISSUED)
    contents = dict(files.values_list("document", "content"))
    if len(contents) < len(set(ids)):
        raise NotStoredYet
    with pikepdf.new() as whole:
        for pk in ids:
            with pikepdf.open(io.BytesIO(bytes(contents[pk]))) as part:
                whole.pages.extend(part.pages)
        out = io.BytesIO()
        whole.save(out, object_stream_mode=pikepdf.ObjectStreamMode.generate)
    return out.getvalue()


def _render(template: str, values: dict[str, Any]) -> bytes:
    return documents.render(template, values).content


def _draft(document_id: int) -> bytes:
    draft = Document.objects.get(pk=document_id)
    return documents.render(draft.genre, draft.facts, is_draft=True).content


SHEETS: dict[Sheet, Callable[[Bundle, list[int]], bytes]] = {
    Sheet.DRAFTS: lambda bundle, ids: _draft(ids[0]),
    Sheet.COVERS: lambda bundle, ids: _render("cover", facts.cover(bundle.cell(ids[0]), bundle.year)),
    Sheet.FORMS: lambda bundle, ids: _render("blank_forms", facts.blank_forms(ids)),
    Sheet.GRIDS: lambda bundle, ids: _render("grid", facts.grid(bundle.cell(ids[0]), bundle.year)),
    Sheet.LABELS: lambda bundle, ids: _render("labels", facts.addresses(bundle.organization, ids)),
    Sheet.ENVELOPES: lambda bundle, ids: _render(
        f"envelopes_{bundle.paper.lower()}", facts.addresses(bundle.organization, ids)
    ),
    Sheet.BOOK_COVERS: lambda bundle, ids: _render("book_cover", books.cover(bundle)),
    Sheet.BOOK_LINES: lambda bundle, ids: _render("book", books.register_lines(bundle, ids)),
    Sheet.BOOK_LETTERS: lambda bundle, ids: _render("book", books.letter_lines(bundle, ids)),
}


# One file out of all, written straight to disk: qpdf would hold every object of every form (275 KB a form, measured)


class _Printable:
    """A PDF that is written part by part; of each part only what its pages need, and only one is ever in memory."""

    CATALOG, PAGES = 1, 2

    def __init__(self, file: BinaryIO) -> None:
        self.file, self.count = file, 0
        self.offsets: dict[int, int] = {self.CATALOG: 0, self.PAGES: 0}
        file.write(b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n")
        self.nodes: list[int] = []

    def append(self, part: pikepdf.Pdf) -> None:
        node = self._number()
        self.numbers: dict[tuple[int, int], int] = {}
        self.waiting: list[pikepdf.Object] = []
        kids = b" ".join(self._value(page.obj) for page in part.pages)
        while self.waiting:
            self._object(self.waiting.pop(), node)
        head = b"<</Type/Pages/Parent %d 0 R/Count %d/Kids[" % (self.PAGES, len(part.pages))
        self._write(node, head + kids + b"]>>")
        self.nodes.append(node)
        self.count += len(part.pages)

    def finish(self) -> int:
        """Write what holds the pages together; how many there are."""
        kids = b" ".join(b"%d 0 R" % node for node in self.nodes)
        self._write(self.PAGES, b"<</Type/Pages/Count %d/Kids[%b]>>" % (self.count, kids))
        # What the print dialogue proposes: never two people on one sheet, and A3 out of the tray of A3.
        proposed = b"<</Duplex/Simplex/PickTrayByPDFSize true>>"
        self._write(self.CATALOG, b"<</Type/Catalog/Pages %d 0 R/ViewerPreferences%b>>" % (self.PAGES, proposed))
        start = self.file.tell()
        self.file.write(b"xref\n0 %d\n0000000000 65535 f \n" % (len(self.offsets) + 1))
        self.file.writelines(b"%010d 00000 n \n" % self.offsets[number] for number in sorted(self.offsets))
        trailer = b"trailer\n<</Size %d/Root %d 0 R>>\nstartxref\n%d\n%%%%EOF\n"
        self.file.write(trailer % (len(self.offsets) + 1, self.CATALOG, start))
        return self.count

    def _number(self) -> int:
        number = len(self.offsets) + 1
        self.offsets[number] = 0
        return number

    def _object(self, row: pikepdf.Object, node: int) -> None:
        number = self.numbers[row.objgen]
        if isinstance(row, pikepdf.Stream):
            data = row.read_raw_bytes()
            head = self._entries(row, {"/Length": b"%d" % len(data)})
            self._write(number, b"%b\nstream\n%b\nendstream" % (head, data))
        elif isinstance(row, pikepdf.Dictionary) and row.get("/Type") == "/Page":
            self._write(number, self._entries(row, {"/Parent": b"%d 0 R" % node}))
        else:
            self._write(number, self._direct(row))

    def _write(self, number: int, body: bytes) -> None:
        self.offsets[number] = self.file.tell()
        self.file.write(b"%d 0 obj\n%b\nendobj\n" % (number, body))

    def _value(self, value: Any) -> bytes:
        if not (isinstance(value, pikepdf.Object) and value.is_indirect):
            return self._direct(value)
        if value.objgen not in self.numbers:
            self.numbers[value.objgen] = self._number()
            self.waiting.append(value)
        return b"%d 0 R" % self.numbers[value.objgen]

    def _direct(self, value: Any) -> bytes:
        if isinstance(value, pikepdf.Dictionary):
            return self._entries(value, {})
        if isinstance(value, pikepdf.Array):
            return b"[%b]" % b" ".join(self._value(item) for item in value)
        return _plain(value)

    def _entries(self, row: pikepdf.Object, instead: dict[str, bytes]) -> bytes:
        """A dictionary without the tags of the original, which stay behind; widths of letters name no other object."""
        written = dict(instead)
        for key, value in row.items():
            if key not in written and key not in LEFT_BEHIND:
                written[key] = value.unparse(resolved=True) if key == "/W" else self._value(value)
        return b"<<%b>>" % b" ".join(pikepdf.Name(key).unparse() + b" " + value for key, value in written.items())


def _plain(value: Any) -> bytes:
    """A name, a string, or what pikepdf turns into Python's own numbers and words."""
    if isinstance(value, pikepdf.Object):
        return bytes(value.unparse())
    if value is None or isinstance(value, bool):
        return {None: b"null", True: b"true", False: b"false"}[value]
    return format(value, "d" if isinstance(value, int) else "f").encode()


def _joined(bundle: Bundle, path: Path) -> int:
    parts = bundle.pieces.filter(is_final=False)
    with path.open("wb") as file:
        whole = _Printable(file)
        for no in parts.order_by("no").values_list("no", flat=True):
            with pikepdf.open(io.BytesIO(bytes(parts.values_list("content", flat=True).get(no=no)))) as part:
                whole.append(part)
        return whole.finish()


def _blocks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while block := file.read(PIECE):
            yield block
