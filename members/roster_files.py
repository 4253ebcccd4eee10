"""Any office's file → the lines of its sheets. The only home of openpyxl and calamine; runs in the child process only.

.xlsx goes through openpyxl, which tells a formula without a result from an empty cell; .xls and .ods go through
calamine; everything else is taken for text.
"""

import csv
import io
import itertools
import re
import unicodedata
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Mapping
from datetime import date, timedelta
from typing import Any, NamedTuple

import openpyxl
import python_calamine

from members.names import tidy
from members.roster_fonts import from_legacy, legacy_font
from members.roster_headings import Formula, Line, column_letter, find_header
from members.roster_table import RosterError

MAX_UNZIPPED = 60 * 1024 * 1024
MAX_RATIO = 100
MAX_PARTS = 500
# 20,000 people with their titles, headings and sections.
MAX_LINES = 20_500
MAX_XML_ROWS = 100_000
MAX_COLUMNS = 60
MAX_CELL = 2_000
MAX_SHEETS = 60
# Formatting often reaches a million lines below the last name.
MAX_EMPTY_RUN = 2_000
MAX_AREA = 4_000_000

# Excel keeps an empty result as t="str"; a formula cell without value and type was never calculated.
_UNCALCULATED = re.compile(
    rb"<(?:\w+:)?c\b(?![^<>]*t=.str)[^<>]*>\s*<(?:\w+:)?f\b[^<>]*(?:/>|>[^<]*</(?:\w+:)?f>)\s*"
    rb"(?:<(?:\w+:)?v\s*/>\s*|<(?:\w+:)?v>\s*</(?:\w+:)?v>\s*)?</(?:\w+:)?c>"
)
_ROW = re.compile(rb"<(?:\w+:)?row\b")
_TONE = re.compile("[\u0300\u0301\u0303\u0309\u0323]")
_OLD_EXCEL = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"

SAVE_AS = (
    "mở tệp bằng Excel hoặc LibreOffice, chọn “Lưu thành” (Save As), kiểu “Excel Workbook (.xlsx)”, rồi tải lên lại."
)
TOO_BIG = "Tệp quá lớn hoặc quá phức tạp để đọc; đề nghị chỉ để lại trang tính có danh sách đảng viên rồi tải lên lại."
DAMAGED = f"Không đọc được tệp Excel này (tệp hỏng hoặc không đúng định dạng); đề nghị {SAVE_AS}"
LOCKED = "Tệp đang đặt mật khẩu. Đề nghị mở tệp, bỏ mật khẩu (Tệp → Thông tin → Bảo vệ), lưu rồi tải lên lại."
MACROS = f"Tệp có chứa macro nên không được nhận. Đề nghị {SAVE_AS}"
OTHER = (
    "Chỉ đọc được danh sách dạng .xlsx, .xls, .ods hoặc .csv. Với bảng trong Word, PDF hay ảnh chụp: đề nghị chép sang "
    "Excel, lưu thành .xlsx rồi tải lên lại."
)


class Sheet(NamedTuple):
    """`font` is the old one its text was converted from, "" for Unicode."""

    name: str
    lines: list[Line]
    font: str


def read_sheets(content: bytes, filename: str, corrections: Mapping[str, str]) -> list[Sheet]:
    """Every visible sheet; a text file is one sheet without a name."""
    if not content.strip(b"\0 \r\n\t"):
        raise RosterError("Tệp trống; đề nghị chọn lại tệp danh sách đảng viên.")
    if content.startswith(b"PK"):
        names = _check_package(content)
        found = _read_calamine(content) if "content.xml" in names else _read_xlsx(content)
    elif content.startswith(_OLD_EXCEL):
        _check_old_excel(content)
        found = _read_calamine(content)
    else:
        _refuse_foreign(content, filename)
        return [_sheet("", _csv_rows(content, corrections))]
    if len(found) > MAX_SHEETS:
        raise RosterError(TOO_BIG)
    return [_sheet(name, rows) for name, rows in found]


def _refuse_foreign(content: bytes, filename: str) -> None:
    head = content[:2048]
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        head = head.decode("utf-16", "replace").encode()
    head = head.removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    if re.match(rb"<(?:!doctype|!--|html|head|meta|body|style|\?xml|table|div)", head):
        raise RosterError(
            "Tệp này mang tên bảng tính nhưng bên trong là trang web hoặc XML (thường do phần mềm khác xuất ra). "
            f"Đề nghị {SAVE_AS}"
        )
    if not filename.lower().endswith((".csv", ".tsv", ".txt")) or head.startswith((b"%pdf", b"{\\rtf")):
        raise RosterError(OTHER)


def _check_old_excel(content: bytes) -> None:
    """An OLE container: an old workbook, or something else that Office keeps in one."""
    inside = {name for name in _OLE_STREAMS if name.encode("utf-16-le") in content}
    if "EncryptedPackage" in inside:
        raise RosterError(LOCKED)
    if "_VBA_PROJECT" in inside:
        raise RosterError(MACROS)
    if not inside & {"Workbook", "Book"}:
        raise RosterError(OTHER)


_OLE_STREAMS = ("EncryptedPackage", "_VBA_PROJECT", "Workbook", "Book")


def _check_package(content: bytes) -> set[str]:
    """Everything that can be told from the list of parts, before a single one is unpacked; the parts' names."""
    try:
        parts = zipfile.ZipFile(io.BytesIO(content)).infolist()
    except (zipfile.BadZipFile, ValueError, NotImplementedError, OSError) as error:
        raise RosterError(DAMAGED) from error
    names = {part.filename for part in parts}
    unzipped, zipped = sum(part.file_size for part in parts), sum(part.compress_size for part in parts)
    if any(part.flag_bits & 1 for part in parts) or "encrypted-package" in names:
        raise RosterError(LOCKED)
    if unzipped > MAX_UNZIPPED or len(parts) > MAX_PARTS or (unzipped > 2**20 and unzipped > MAX_RATIO * zipped):
        raise RosterError(TOO_BIG)
    if any(name.lower().endswith("vbaproject.bin") or name.startswith("Basic/") for name in names):
        raise RosterError(MACROS)
    is_excel = "[Content_Types].xml" in names and any(name.startswith("xl/worksheets/") for name in names)
    if "xl/workbook.bin" in names or not (is_excel or {"content.xml", "mimetype"} <= names):
        raise RosterError(f"Tệp này không phải sổ Excel .xlsx. Đề nghị {SAVE_AS}")
    for data in _parts(content):
        _check_part(data)
    return names


def _check_part(data: bytes) -> None:
    if re.search(rb"<!(?:DOCTYPE|ENTITY)", data):
        # No spreadsheet program writes a DTD; entities are how XML reads files and explodes.
        raise RosterError(DAMAGED)
    rows = [found.start() for found in _ROW.finditer(data)]
    wide = [(start, end) for start, end in itertools.pairwise([*rows, len(data)]) if end - start > 2**18]
    if len(rows) > MAX_XML_ROWS or any(max(data.count(mark, *row) for mark in (b"<c", b":c")) > 20_000 for row in wide):
        # openpyxl walks through all of them before it gives out the first; Excel itself ends at 16,384 columns.
        raise RosterError(TOO_BIG)
    if b"manifest:encryption-data" in data:
        raise RosterError(LOCKED)


def _parts(content: bytes) -> Iterator[bytes]:
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as package:
            for part in package.infolist():
                yield package.read(part)
    except (zipfile.BadZipFile, zlib.error, ValueError, EOFError, NotImplementedError, OSError) as error:
        raise RosterError(DAMAGED) from error


def _read_xlsx(content: bytes) -> list[tuple[str, list[list[str]]]]:
    try:
        values = openpyxl.load_workbook(io.BytesIO(content), read_only=True, data_only=True, keep_links=False)
        formulas = None
        if any(_UNCALCULATED.search(data) for data in _parts(content)):
            formulas = openpyxl.load_workbook(io.BytesIO(content), read_only=True, keep_links=False)
        visible = [sheet for sheet in values.worksheets if sheet.sheet_state == "visible"]
        return [
            (sheet.title, _within_limits(_sheet_rows(sheet, formulas[sheet.title] if formulas else None)))
            for sheet in visible
        ]
    except RosterError:
        raise
    except Exception as error:
        # openpyxl answers a damaged or hostile file with whatever its depths happen to raise.
        raise RosterError(DAMAGED) from error


def _sheet_rows(values: Any, formulas: Any | None) -> Iterator[list[str]]:
    values.reset_dimensions()
    if formulas is None:
        for row in values.iter_rows(values_only=True):
            yield [_text(value) for value in row]
        return
    formulas.reset_dimensions()
    for row, written in zip(values.iter_rows(values_only=True), formulas.iter_rows(values_only=True), strict=False):
        yield [
            Formula(getattr(w, "text", None) or w) if v is None and w is not None else _text(v)
            for v, w in zip(row, written, strict=False)
        ]


def _read_calamine(content: bytes) -> list[tuple[str, list[list[str]]]]:
    try:
        book = python_calamine.CalamineWorkbook.from_filelike(io.BytesIO(content))
        sheets = [
            book.get_sheet_by_name(sheet.name)
            for sheet in book.sheets_metadata
            if sheet.visible == python_calamine.SheetVisibleEnum.Visible
            and sheet.typ == python_calamine.SheetTypeEnum.WorkSheet
        ]
        if sum(sheet.total_height * sheet.total_width for sheet in sheets) > MAX_AREA:
            raise RosterError(TOO_BIG)
        return [
            (sheet.name, _within_limits([_text(value) for value in row] for row in sheet.to_python(False)))
            for sheet in sheets
        ]
    except RosterError:
        raise
    except python_calamine.PasswordError as error:
        raise RosterError(LOCKED) from error
    except BaseException as error:
        # A panic of its Rust code is no Exception to Python.
        raise RosterError(DAMAGED) from error


def _text(value: object) -> str:
    if isinstance(value, bool):
        return "x" if value else ""
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() else f"{value:.10g}"
    if isinstance(value, date):
        return f"{value:%d/%m/%Y}"
    if isinstance(value, timedelta):
        return ""
    return "" if value is None else str(value)


def _csv_rows(content: bytes, corrections: Mapping[str, str]) -> list[list[str]]:
    try:
        readings = [_split_best(text, corrections) for text in _decoded(content)]
        if len(readings) == 1:
            return readings[0]
        return max(readings, key=lambda rows: (_known_columns(rows[:60], corrections), -_oddities(rows[:500])))
    except csv.Error as error:
        raise RosterError(f"Không đọc được tệp CSV này; đề nghị {SAVE_AS}") from error


def _split_best(text: str, corrections: Mapping[str, str]) -> list[list[str]]:
    start = {}
    for mark in "\t;,|":
        rows = csv.reader(io.StringIO(text[:20_000], newline=""), delimiter=mark)
        start[mark] = [row[:MAX_COLUMNS] for row in itertools.islice(rows, 60)]
    best = max(start, key=lambda mark: (_known_columns(start[mark], corrections), text.count(mark)))
    return _within_limits(csv.reader(io.StringIO(text, newline=""), delimiter=best))


def _known_columns(rows: list[list[str]], corrections: Mapping[str, str]) -> int:
    header = find_header(_sheet("", rows).lines, corrections)
    return len(header.columns) if header else 0


def _oddities(rows: list[list[str]]) -> int:
    """How much of a reading no Vietnamese would write: marks without a letter, words with two tones."""
    text = " ".join(text for line in _sheet("", rows).lines for text in line.cells)
    words = (unicodedata.normalize("NFD", word) for word in text.split() if not word.isascii())
    tones = sum(len(_TONE.findall(word)) > 1 for word in words)
    return tones + sum(unicodedata.combining(letter) > 0 for letter in text)


def _decoded(content: bytes) -> list[str]:
    """What the bytes may say. Windows' Vietnamese code page and the old fonts share theirs, so both are tried."""
    encodings = ["utf-16"] if content.startswith((b"\xff\xfe", b"\xfe\xff")) else ["utf-8-sig", "cp1258", "latin-1"]
    texts = []
    for encoding in encodings:
        try:
            text = content.decode(encoding)
        except UnicodeDecodeError:
            continue
        if "\0" not in text:
            texts.append(text)
            if encoding != "cp1258":
                break
    if not texts:
        raise RosterError(f"Không nhận ra bảng mã của tệp; đề nghị {SAVE_AS}")
    return texts


def _within_limits(rows: Iterable[list[str]]) -> list[list[str]]:
    """The rows up to the last that holds something, refused as soon as there are too many or too long ones."""
    taken: list[list[str]] = []
    kept = empty = 0
    for number, row in enumerate(rows, start=1):
        while row and not row[-1].strip():
            row.pop()
        empty = 0 if row else empty + 1
        if empty > MAX_EMPTY_RUN:
            break
        taken.append(row)
        kept += bool(row)
        if kept > MAX_LINES:
            raise RosterError("Danh sách có hơn 20.000 dòng; đề nghị chia thành nhiều tệp.")
        if len(row) > MAX_COLUMNS:
            raise RosterError(f"Dòng {number} có hơn 60 cột; đề nghị chỉ để lại các cột của danh sách.")
        for index, text in enumerate(row):
            if len(text) > MAX_CELL:
                raise RosterError(f"Ô {column_letter(index)}{number} dài hơn 2.000 ký tự; đề nghị viết gọn lại.")
    return taken


def _sheet(name: str, rows: list[list[str]]) -> Sheet:
    font = legacy_font(text for row in rows for text in row)
    return Sheet(tidy(name), list(_lines(rows, font)), font)


def _lines(rows: list[list[str]], font: str) -> Iterator[Line]:
    """The lines that hold something, in composed Unicode."""
    for number, row in enumerate(rows, start=1):
        cells = [text if isinstance(text, Formula) else tidy(from_legacy(text, font) if font else text) for text in row]
        while cells and not cells[-1]:
            cells.pop()
        if cells:
            yield Line(number, cells)
