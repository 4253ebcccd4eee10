"""The archive export: a ZIP of originals as they were issued, signed or scanned, with an index of them (mục lục).

Names of files say what a paper is and where it comes from, never whom it is about; who that is stands in the index.
Made like a print copy: a small ZIP for each step, put together at the end with one file in memory at a time.
"""

import io
import json
from collections.abc import Iterator
from datetime import date, datetime
from pathlib import Path
from typing import Any
from zipfile import ZIP_DEFLATED, ZIP_STORED, ZipFile, ZipInfo

from django.utils import timezone
from django.utils.text import slugify

from evaluations.models import Bundle, Document, DocumentFile
from evaluations.models.paper_codes import PaperKind, paper_code
from evaluations.reports import Row, workbook
from members.names import search_key

ROWS = "rows.json"  # of a step's own ZIP
HEADINGS = (
    *("STT", "Số, ký hiệu", "Ngày văn bản", "Tên loại và trích yếu", "Đảng viên", "Tác giả văn bản", "Nơi nhận"),
    *("Số trang", "Tình trạng", "Bản", "Tệp", "SHA-256"),
)
Kind = DocumentFile.Kind
SHORT = {Kind.ISSUED: "", Kind.SIGNED: "_ky-so", Kind.STAMPED: "_dong-dau", Kind.SCAN: "_ban-chup"}
READ_ME = """{title}
{count} văn bản, {files} tệp. Lập lúc {at} theo yêu cầu của {by}.
Lý do: {reason}

muc-luc.xlsx: mục lục văn bản.
sha256sums.txt: mã băm của từng tệp; kiểm tra bằng lệnh "sha256sum -c sha256sums.txt".
Bản phát hành là tệp PDF/A-3a còn nguyên như khi phát hành; dữ liệu của văn bản đính kèm trong tệp (du-lieu.json).
"""


class NotStoredYet(Exception):
    """A paper of the plan is still being rendered by somebody else: wait a moment."""


def part(ids: list[int], first: int) -> bytes:
    """The files of these documents and their lines of the index; numbered from `first`."""
    papers = {paper.pk: paper for paper in Document.objects.filter(pk__in=ids).select_related("issuer", "recipient")}
    out, rows = io.BytesIO(), []
    with ZipFile(out, "w", ZIP_STORED) as found:
        for no, pk in enumerate(ids, first):
            lines = list(_filed(found, no, papers[pk]))
            rows += lines or [_line(no, papers[pk], None, "")]
        found.writestr(ROWS, json.dumps(rows))
    return out.getvalue()


def _filed(found: ZipFile, no: int, paper: Document) -> Iterator[list[Any]]:
    """Put the files of one document in; the lines of the index they get."""
    files = _files(paper)
    if not files and not paper.render_error and not paper.keyed_by_id:
        raise NotStoredYet
    for place, file in enumerate(files, 1):
        again = f"-{place}" if file.kind == Kind.SCAN and place > 1 else ""
        name = f"{_name(no, paper)}{SHORT[Kind(file.kind)]}{again}.{_ending(bytes(file.content[:4]))}"
        _write(found, name, bytes(file.content), file.made_at)
        yield _line(no, paper, file, name)


def _files(paper: Document) -> list[DocumentFile]:
    """What was issued, signed or scanned; of stamped copies the one in force."""
    files = list(paper.files.order_by("pk"))
    in_force = paper.stamped.pk if paper.stamped else None
    return [file for file in files if file.kind != Kind.STAMPED or file.pk == in_force]


def _name(no: int, paper: Document) -> str:
    """00012_cong-van-tra-loi_12-cv-du_dang-uy-phuong-an-hai; a form is told from others by the code printed on it."""
    number = slugify(search_key(paper.numbered.replace("/", "-")))
    parts = [f"{no:05}", slugify(search_key(paper.get_genre_display())), number, slugify(search_key(paper.issuer.name))]
    if not number:
        parts.append(paper_code(PaperKind.DOCUMENT, paper.pk))
    return "_".join(piece[:60] for piece in parts if piece)


def _ending(begin: bytes) -> str:
    return {b"%PDF": "pdf", b"\x89PNG": "png"}.get(begin, "jpg" if begin[:2] == b"\xff\xd8" else "bin")


def _line(no: int, paper: Document, file: DocumentFile | None, name: str) -> list[Any]:
    member = paper.facts.get("member") or {}
    who = f"{member['name']}, {member['birth']}" if paper.genre == Document.Genre.ASSESSMENT_FORM and member else ""
    kind = paper.get_genre_display()
    what = paper.abstract if paper.abstract.startswith(kind) else f"{kind} {paper.abstract}".strip()
    kept = file.get_kind_display() if file else paper.render_error or "bản giấy lưu tại cơ quan"
    return [
        no,
        paper.numbered,
        paper.issued_on and paper.issued_on.isoformat(),
        what,
        who,
        paper.issuer.name,
        paper.recipient.name if paper.recipient else "",
        file.pages if file else None,
        paper.get_state_display(),
        kept,
        name,
        file.sha256 if file else "",
    ]


def _write(whole: ZipFile, name: str, content: bytes, at: datetime, how: int = ZIP_STORED) -> None:
    entry = ZipInfo(name, timezone.localtime(at).timetuple()[:6])
    entry.compress_type, entry.external_attr = how, 0o644 << 16
    whole.writestr(entry, content)


def join(bundle: Bundle, path: Path) -> int:
    """The whole ZIP out of its parts, with index and sums; how many files of documents are in it."""
    rows: list[list[Any]] = []
    now = timezone.now()
    pieces = bundle.pieces.filter(is_final=False)
    with ZipFile(path, "w", ZIP_STORED) as whole:
        for no in pieces.order_by("no").values_list("no", flat=True):
            with ZipFile(io.BytesIO(bytes(pieces.values_list("content", flat=True).get(no=no)))) as found:
                for entry in found.infolist():
                    if entry.filename == ROWS:
                        rows += json.loads(found.read(entry))
                    else:
                        whole.writestr(entry, found.read(entry))
        names = [row[-2:] for row in rows if row[-1]]
        _write(whole, "muc-luc.xlsx", workbook(bundle.title, HEADINGS, map(_typed, rows)), now)
        sums = "".join(f"{digest}  {name}\n" for name, digest in names)
        _write(whole, "sha256sums.txt", sums.encode(), now, ZIP_DEFLATED)
        _write(whole, "DOC-TRUOC.txt", _read_me(bundle, len(names), now).encode(), now, ZIP_DEFLATED)
    return len(names)


def _typed(row: list[Any]) -> Row:
    return [date.fromisoformat(value) if place == 2 and value else value for place, value in enumerate(row)]


def _read_me(bundle: Bundle, files: int, now: datetime) -> str:
    return READ_ME.format(
        title=bundle.title,
        count=bundle.total,
        files=files,
        at=f"{timezone.localtime(now):%H:%M ngày %d/%m/%Y}",
        by=bundle.made_by.user.full_name,
        reason=bundle.reason,
    )
