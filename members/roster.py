"""Reading a roster: bytes of a workbook or a CSV file in, staged rows out. Nothing is stored, nothing is evaluated.

A workbook from outside may be a bomb, so `read_roster` parses in a child process with little memory, little time,
no environment and no right to write a file; `parse_roster` is what runs there.
"""

import csv
import io
import json
import os
import re
import resource
import subprocess
import sys
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from pathlib import Path
from typing import Any

import openpyxl

from members.names import tidy
from members.roster_table import Column, Formula, Line, Roster, RosterError, build_roster, column_letter, find_header
from members.roster_values import RosterRow, RosterValues, understand

__all__ = ["Column", "Roster", "RosterError", "RosterRow", "RosterValues", "parse_roster", "read_roster", "understand"]

MAX_BYTES = 5 * 1024 * 1024
MAX_UNZIPPED = 60 * 1024 * 1024
MAX_RATIO = 100
MAX_PARTS = 500
MAX_ROWS = 20_000
MAX_XML_ROWS = 100_000
MAX_COLUMNS = 60
MAX_CELL = 2_000
# Formatting often reaches a million lines below the last name.
MAX_EMPTY_RUN = 2_000
MEMORY = 512 * 1024 * 1024
# 20,000 full rows take about ten; the wait must end before the web server's own patience does (30).
CPU_SECONDS = 20
WALL_SECONDS = 25

# Excel keeps an empty result as t="str"; a formula cell without value and type was never calculated.
_UNCALCULATED = re.compile(
    rb"<(?:\w+:)?c\b(?![^<>]*t=.str)[^<>]*>\s*<(?:\w+:)?f\b[^<>]*(?:/>|>[^<]*</(?:\w+:)?f>)\s*"
    rb"(?:<(?:\w+:)?v\s*/>\s*|<(?:\w+:)?v>\s*</(?:\w+:)?v>\s*)?</(?:\w+:)?c>"
)
_ROW = re.compile(rb"<(?:\w+:)?row\b")

SAVE_AS = (
    "mở tệp bằng Excel hoặc LibreOffice, chọn “Lưu thành” (Save As), kiểu “Excel Workbook (.xlsx)”, rồi tải lên lại."
)
TOO_BIG = "Tệp quá lớn hoặc quá phức tạp để đọc; đề nghị chỉ để lại trang tính có danh sách đảng viên rồi tải lên lại."
DAMAGED = f"Không đọc được tệp Excel này (tệp hỏng hoặc không đúng định dạng); đề nghị {SAVE_AS}"


def read_roster(content: bytes, filename: str, *, today: date, corrections: Mapping[str, str] | None = None) -> Roster:
    """`corrections` maps a heading's key (`heading_key`) to the field that this office says it means, "" for none."""
    if len(content) > MAX_BYTES:
        raise RosterError("Tệp lớn hơn 5 MB; đề nghị chỉ để lại trang tính có danh sách đảng viên rồi tải lên lại.")
    order = {"filename": filename, "today": today.isoformat(), "corrections": dict(corrections or {})}
    keep = {name: os.environ[name] for name in ("PATH", "PYTHONPATH", "LD_LIBRARY_PATH") if name in os.environ}
    try:
        child = subprocess.run(
            [sys.executable, "-m", "members.roster"],
            input=json.dumps(order).encode() + b"\n" + content,
            capture_output=True,
            cwd=Path(__file__).resolve().parent.parent,
            env=keep | {"OPENPYXL_LXML": "False", "PYTHONDONTWRITEBYTECODE": "1"},
            timeout=WALL_SECONDS,
            check=True,
        )
    except (subprocess.TimeoutExpired, subprocess.CalledProcessError) as error:
        raise RosterError(TOO_BIG) from error
    answer = json.loads(child.stdout)
    if "refused" in answer:
        raise RosterError(answer["refused"])
    return _from_json(answer)


def _to_json(roster: Roster) -> dict[str, Any]:
    rows = [vars(row) for row in roster.rows]
    return vars(roster) | {"rows": rows, "columns": {name: vars(column) for name, column in roster.columns.items()}}


def _from_json(data: dict[str, Any]) -> Roster:
    rows = [
        RosterRow(
            r["number"], r["raw"], r["values"], [(f, t) for f, t in r["errors"]], [(f, t) for f, t in r["questions"]]
        )
        for r in data.pop("rows")
    ]
    columns = {name: Column(**column) for name, column in data.pop("columns").items()}
    return Roster(rows=rows, columns=columns, **data)


def parse_roster(content: bytes, filename: str, *, today: date, corrections: Mapping[str, str] | None = None) -> Roster:
    corrections = corrections or {}
    if content.startswith(b"PK"):
        return _parse_workbook(content, today, corrections)
    refuse_foreign(content, filename)
    return build_roster("", list(_lines(_csv_rows(content, corrections))), today, corrections)


def refuse_foreign(content: bytes, filename: str) -> None:
    head = content[:2048].lstrip().lower()
    if content.startswith(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"):
        if "EncryptedPackage".encode("utf-16-le") in content:
            raise RosterError(
                "Tệp đang đặt mật khẩu. Đề nghị mở tệp, bỏ mật khẩu (Tệp → Thông tin → Bảo vệ), lưu rồi tải lên lại."
            )
        raise RosterError(f"Đây là tệp .xls của Excel 97–2003. Đề nghị {SAVE_AS}")
    if head.startswith((b"<!doctype", b"<html", b"<?xml", b"<table")):
        raise RosterError(f"Tệp là trang web hoặc XML, chưa phải tệp Excel. Đề nghị {SAVE_AS}")
    if not content.strip():
        raise RosterError("Tệp trống; đề nghị chọn lại tệp danh sách đảng viên.")
    if not filename.lower().endswith((".csv", ".tsv", ".txt")) or head.startswith((b"%pdf", b"{\\rtf")):
        raise RosterError(
            "Chỉ đọc được danh sách dạng .xlsx, .csv hoặc .tsv. Với tệp .xls, .ods hay bảng trong Word, PDF: "
            "đề nghị chép sang Excel và lưu thành .xlsx rồi tải lên lại."
        )


def _parse_workbook(content: bytes, today: date, corrections: Mapping[str, str]) -> Roster:
    _check_package(content)
    sheets = _read_sheets(content)
    found = [(name, lines) for name, lines in sheets if find_header(lines, corrections)] or sheets[:1]
    roster = build_roster(*found[0], today, corrections)
    if len(found) > 1:
        others = ", ".join(f"“{name}”" for name, _ in found[1:])
        roster.problems.append(
            f"Chỉ đọc trang tính “{roster.sheet}”. Trang {others} cũng có danh sách: đề nghị tải lên riêng."
        )
    return roster


def _check_package(content: bytes) -> None:
    """Everything that can be told from the list of parts, before a single one is unpacked."""
    try:
        parts = zipfile.ZipFile(io.BytesIO(content)).infolist()
    except (zipfile.BadZipFile, ValueError, NotImplementedError, OSError) as error:
        raise RosterError(DAMAGED) from error
    names = {part.filename for part in parts}
    unzipped, zipped = sum(part.file_size for part in parts), sum(part.compress_size for part in parts)
    if any(part.flag_bits & 1 for part in parts):
        raise RosterError("Tệp đang đặt mật khẩu; đề nghị bỏ mật khẩu, lưu rồi tải lên lại.")
    if unzipped > MAX_UNZIPPED or len(parts) > MAX_PARTS or (unzipped > 2**20 and unzipped > MAX_RATIO * zipped):
        raise RosterError(TOO_BIG)
    if any(name.lower().endswith("vbaproject.bin") for name in names):
        raise RosterError(f"Tệp có chứa macro nên không được nhận. Đề nghị {SAVE_AS}")
    if "[Content_Types].xml" not in names or not any(name.startswith("xl/worksheets/") for name in names):
        raise RosterError(f"Tệp này không phải sổ Excel .xlsx. Đề nghị {SAVE_AS}")
    for data in _parts(content):
        if re.search(rb"<!(?:DOCTYPE|ENTITY)", data):
            # No spreadsheet program writes a DTD; entities are how XML reads files and explodes.
            raise RosterError(DAMAGED)
        if sum(1 for _ in _ROW.finditer(data)) > MAX_XML_ROWS:
            # openpyxl walks through all of them before it gives out the first.
            raise RosterError(TOO_BIG)


def _parts(content: bytes) -> Iterator[bytes]:
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as package:
            for part in package.infolist():
                yield package.read(part)
    except (zipfile.BadZipFile, zlib.error, ValueError, EOFError, NotImplementedError, OSError) as error:
        raise RosterError(DAMAGED) from error


def _read_sheets(content: bytes) -> list[tuple[str, list[Line]]]:
    try:
        values = openpyxl.load_workbook(io.BytesIO(content), read_only=True, data_only=True, keep_links=False)
        formulas = None
        if any(_UNCALCULATED.search(data) for data in _parts(content)):
            formulas = openpyxl.load_workbook(io.BytesIO(content), read_only=True, keep_links=False)
        visible = [sheet for sheet in values.worksheets if sheet.sheet_state == "visible"]
        return [
            (sheet.title, list(_lines(_sheet_rows(sheet, formulas[sheet.title] if formulas else None))))
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


def _text(value: object) -> str:
    if isinstance(value, bool):
        return "x" if value else ""
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() else f"{value:.10g}"
    if isinstance(value, date):
        return f"{value:%d/%m/%Y}"
    return "" if value is None else str(value)


def _csv_rows(content: bytes, corrections: Mapping[str, str]) -> Iterator[list[str]]:
    text = _decode(content)
    try:
        start = {mark: list(csv.reader(io.StringIO(text[:20_000], newline=""), delimiter=mark)) for mark in "\t;,|"}
        best = max(start, key=lambda mark: (_known_columns(start[mark], corrections), text.count(mark)))
        yield from csv.reader(io.StringIO(text, newline=""), delimiter=best)
    except csv.Error as error:
        raise RosterError(f"Không đọc được tệp CSV này; đề nghị {SAVE_AS}") from error


def _known_columns(rows: list[list[str]], corrections: Mapping[str, str]) -> int:
    lines = [Line(number, [tidy(text) for text in row]) for number, row in enumerate(rows, start=1)]
    header = find_header(lines, corrections)
    return len(header.columns) if header else 0


def _decode(content: bytes) -> str:
    encodings = ["utf-16"] if content.startswith((b"\xff\xfe", b"\xfe\xff")) else ["utf-8-sig", "cp1258"]
    for encoding in encodings:
        try:
            text = content.decode(encoding)
        except UnicodeDecodeError:
            continue
        if "\0" not in text:
            return text
    raise RosterError(f"Không nhận ra bảng mã của tệp; đề nghị {SAVE_AS}")


def _lines(rows: Iterable[list[str]]) -> Iterator[Line]:
    """The lines that hold something, within the limits."""
    kept = empty = 0
    for number, row in enumerate(rows, start=1):
        cells = [text if isinstance(text, Formula) else tidy(text) for text in row]
        while cells and not cells[-1]:
            cells.pop()
        empty = 0 if cells else empty + 1
        if empty > MAX_EMPTY_RUN:
            return
        if not cells:
            continue
        kept += 1
        if kept > MAX_ROWS:
            raise RosterError("Danh sách có hơn 20.000 dòng; đề nghị chia thành nhiều tệp.")
        if len(cells) > MAX_COLUMNS:
            raise RosterError(f"Dòng {number} có hơn 60 cột; đề nghị chỉ để lại các cột của danh sách.")
        for index, text in enumerate(cells):
            if len(text) > MAX_CELL:
                raise RosterError(f"Ô {column_letter(index)}{number} dài hơn 2.000 ký tự; đề nghị viết gọn lại.")
        yield Line(number, cells)


def main() -> None:
    """The child: an order in JSON and the bytes on standard input, the roster or a refusal on standard output."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    order = json.loads(sys.stdin.buffer.readline())
    content = sys.stdin.buffer.read()
    try:
        today = date.fromisoformat(order["today"])
        roster = parse_roster(content, order["filename"], today=today, corrections=order["corrections"])
        answer = _to_json(roster)
    except RosterError as error:
        answer = {"refused": str(error)}
    json.dump(answer, sys.stdout)


if __name__ == "__main__":
    main()
