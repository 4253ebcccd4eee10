"""Files made to hurt: each is refused in a sentence, within little time and memory, or imported as plain text."""

import contextlib
import io
import json
import os
import re
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from openpyxl.worksheet.worksheet import Worksheet

from members.roster import MEMORY, RosterError, parse_roster, read_roster, reread_roster
from tests.members.test_roster import AN, BINH, HEAD, READ_ON, REAL, parse, workbook

ROOT = Path(__file__).parents[2]
OLD = ROOT / "tests" / "data" / "danh-sach-cu.xls"
OPEN = ROOT / "tests" / "data" / "danh-sach-cu.ods"
MIB = 2**20


def repack(changes: dict[str, bytes], content: bytes | None = None) -> bytes:
    out = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(content or workbook([HEAD, AN]))) as old,
        zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new,
    ):
        for part in old.namelist():
            new.writestr(part, changes.pop(part, old.read(part)))
        for name, data in changes.items():
            new.writestr(name, data)
    return out.getvalue()


def sheet_xml(rows: str, dtd: str = "") -> bytes:
    return (
        f'<?xml version="1.0"?>{dtd}<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main">'
        f"<sheetData>{rows}</sheetData></worksheet>"
    ).encode()


SHEET = "xl/worksheets/sheet1.xml"
LAUGHS = '<!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;">]>'
XXE = '<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]>'
CELL = '<row r="1"><c r="A1" t="inlineStr"><is><t>&a;</t></is></c></row>'


SHEET_ODS = (
    '<office:document-content xmlns:office="urn:oasis:names:tc:opendocument:xmlns:office:1.0" '
    'xmlns:table="urn:oasis:names:tc:opendocument:xmlns:table:1.0" '
    'xmlns:text="urn:oasis:names:tc:opendocument:xmlns:text:1.0"><office:body><office:spreadsheet>'
    '<table:table table:name="a"><table:table-row table:number-rows-repeated="{rows}">'
    '<table:table-cell table:number-columns-repeated="{columns}" office:value-type="string"><text:p>x</text:p>'
    "</table:table-cell></table:table-row></table:table></office:spreadsheet></office:body></office:document-content>"
)


def ods(xml: str) -> bytes:
    return repack({"content.xml": xml.encode()}, OPEN.read_bytes())


def far_cell() -> bytes:
    """The first text of an old workbook, moved to the last corner of its sheet: 16 million cells around it."""
    corner = b"\xfd\x00\x0a\x00\xff\xff\xff\x00"
    return re.sub(rb"\xfd\x00\x0a\x00....", corner, OLD.read_bytes(), count=1, flags=re.DOTALL)


def locked_xls() -> bytes:
    """A record of the workbook turned into the one that says: encrypted."""
    return OLD.read_bytes().replace(b"\x5c\x00\x70\x00", b"\x2f\x00\x70\x00", 1)


def numbers() -> str:
    return "".join(f"<row><c><v>{i}</v></c></row>" for i in range(10**6))


def inline(*cells: str) -> str:
    return "<row>" + "".join(f'<c t="inlineStr"><is><t>{cell}</t></is></c>' for cell in cells) + "</row>"


def strings(number: int, length: int) -> bytes:
    one = "<si><t>" + "a" * length + "</t></si>"
    xmlns = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    return f'<?xml version="1.0"?><sst xmlns="{xmlns}">{one * number}</sst>'.encode()


def incompressible(content: bytes) -> bytes:
    """With ballast, so that the ratio of the whole package looks harmless."""
    return repack({"xl/media/ballast.png": os.urandom(700_000)}, content)


DEEP = "<a>" * 200_000 + "</a>" * 200_000
BOMBS: dict[str, tuple[str, Callable[[], bytes]]] = {
    "zip bomb": ("ds.xlsx", lambda: repack({"xl/media/bomb.xml": b"\0" * (61 * MIB)})),
    "ratio": ("ds.xlsx", lambda: repack({"xl/media/bomb.xml": b"\0" * (8 * MIB)})),
    "parts": ("ds.xlsx", lambda: repack({f"x/{i}": b"" for i in range(600)})),
    "a million rows": ("ds.xlsx", lambda: repack({SHEET: sheet_xml(numbers())})),
    "a million empty rows": ("ds.xlsx", lambda: incompressible(repack({SHEET: sheet_xml("<row/>" * 10**6)}))),
    "a million columns": ("ds.xlsx", lambda: incompressible(repack({SHEET: sheet_xml(inline(*["x"] * 10**6))}))),
    "a long cell": ("ds.xlsx", lambda: incompressible(repack({SHEET: sheet_xml(inline("x" * 40 * MIB))}))),
    "a long cell below a list": (
        "ds.xlsx",
        lambda: incompressible(repack({SHEET: sheet_xml(inline(*HEAD) + inline("1", "An", "x" * 20 * MIB))})),
    ),
    "huge shared strings": ("ds.xlsx", lambda: incompressible(repack({"xl/sharedStrings.xml": strings(900_000, 80)}))),
    "deep nesting": ("ds.xlsx", lambda: repack({SHEET: sheet_xml(DEEP)})),
    "xxe": ("ds.xlsx", lambda: repack({SHEET: sheet_xml(CELL, XXE)})),
    "xxe in an ods": ("ds.ods", lambda: ods(XXE + SHEET_ODS.format(rows=1, columns=1))),
    "billion laughs": ("ds.xlsx", lambda: repack({SHEET: sheet_xml(CELL, LAUGHS)})),
    "billion laughs in UTF-16": ("ds.xlsx", lambda: repack({SHEET: sheet_xml(CELL, LAUGHS).decode().encode("utf-16")})),
    "repeated rows of an ods": ("ds.ods", lambda: ods(SHEET_ODS.format(rows=2**20, columns=2**14))),
    "repeated columns of an ods": ("ds.ods", lambda: ods(SHEET_ODS.format(rows=2_000, columns=2_000))),
    "a far cell of an xls": ("ds.xls", far_cell),
    "macros": ("ds.xlsx", lambda: repack({"xl/vbaProject.bin": b"macro"})),
    "macros of an xls": ("ds.xls", lambda: OLD.read_bytes() + "_VBA_PROJECT".encode("utf-16-le")),
    "macros of an ods": ("ds.ods", lambda: repack({"Basic/Standard/Module1.xml": b"<x/>"}, OPEN.read_bytes())),
    "locked xlsx": ("ds.xlsx", lambda: OLD.read_bytes()[:512] + "EncryptedPackage".encode("utf-16-le")),
    "locked xls": ("ds.xls", locked_xls),
    "locked ods": (
        "ds.ods",
        lambda: repack({"META-INF/manifest.xml": b"<manifest:encryption-data/>"}, OPEN.read_bytes()),
    ),
    "broken xml": ("ds.xlsx", lambda: repack({SHEET: b"<worksheet"})),
    "no sheets": ("ds.xlsx", lambda: repack({"xl/workbook.xml": b"<x/>"})),
    "not a zip": ("ds.xlsx", lambda: b"PK\x03\x04" + b"\0" * 999),
    "any zip": ("ds.xlsx", lambda: _plain_zip()),
    "an xlsb": ("ds.xlsb", lambda: repack({"xl/workbook.bin": b""})),
    "a Word file": ("ds.xls", lambda: OLD.read_bytes()[:512] + "WordDocument".encode("utf-16-le")),
    "half an xls": ("ds.xls", lambda: OLD.read_bytes()[:5000]),
    "a picture": ("ds.xlsx", lambda: b"\x89PNG\r\n\x1a\n" + os.urandom(999)),
    "commas without end": ("ds.csv", lambda: b"," * (4 * MIB)),
    "a quote without end": ("ds.csv", lambda: b'"' + b"a" * (4 * MIB)),
    "a million lines": ("ds.csv", lambda: b"a,b\n" * 10**6),
}


def measured(content: bytes, filename: str) -> tuple[dict[str, Any], float, int]:
    """What the limited child answers, its processor seconds and its peak of memory in MiB."""
    order = {"filename": filename, "today": READ_ON.isoformat(), "corrections": {}}
    # A middleman, because a process starts with the peak of whoever forked it.
    middleman = """
import resource, subprocess, sys
child = subprocess.run([sys.executable, "-m", "members.roster"], input=sys.stdin.buffer.read(), capture_output=True)
usage = resource.getrusage(resource.RUSAGE_CHILDREN)
print(usage.ru_utime + usage.ru_stime, usage.ru_maxrss // 1024)
sys.stdout.flush()
sys.stdout.buffer.write(child.stdout)
"""
    ran = subprocess.run(
        [sys.executable, "-c", middleman],
        input=json.dumps(order).encode() + b"\n" + content,
        stdout=subprocess.PIPE,
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], "OPENPYXL_LXML": "False"},
        check=True,
    )
    figures, answer = ran.stdout.split(b"\n", 1)
    seconds, megabytes = figures.split()
    return json.loads(answer or "{}"), float(seconds), int(megabytes)


class TestHostileFiles:
    """Refused within the time and memory that a web worker can spare, and never by a stack trace."""

    @pytest.mark.parametrize("name", BOMBS)
    def test_refused(self, name: str) -> None:
        filename, build = BOMBS[name]
        content = build()

        answer, seconds, megabytes = measured(content, filename)

        # Nothing at all is the end of a child that asked for more memory than it may have: refused as well.
        assert answer.keys() <= {"refused"}
        assert (seconds < 2, megabytes < 256) == (True, True), (seconds, megabytes)
        with pytest.raises(RosterError, match="đề nghị|Đề nghị"):
            read_roster(content, filename, today=READ_ON)

    def test_20_000_rows_are_read_within_the_same_limits(self) -> None:
        rows = [[*AN[:1], f"Nguyễn Văn {'ABCDE'[i % 5]}", *AN[2:7]] for i in range(20_000)]
        answer, seconds, megabytes = measured(workbook([HEAD, *rows]), "ds.xlsx")
        assert (len(answer["rows"]), seconds < 20, megabytes < 256) == (20_000, True, True), (seconds, megabytes)

    def test_the_child_has_no_more_than_its_limits(self) -> None:
        """Asked of the kernel, from inside: memory, time, no files, no secrets of the server."""
        order = json.dumps({"today": "2026-11-23", "filename": "", "corrections": {}})
        script = """
import json, os, resource, sys
from members import roster
roster.main()
limits = [resource.getrlimit(getattr(resource, "RLIMIT_" + name))[1] for name in ("AS", "CPU", "FSIZE", "CORE")]
print(json.dumps(limits), file=sys.stderr)
"""
        command = [sys.executable, "-c", script]
        ran = subprocess.run(command, input=f"{order}\n", cwd=ROOT, capture_output=True, check=True, text=True)
        assert (json.loads(ran.stderr), MEMORY) == ([MEMORY, 20, 0, 0], 256 * MIB)

    def test_an_old_workbook_cut_or_changed_anywhere(self) -> None:
        for path in (OLD, OPEN):
            content = path.read_bytes()
            for position in range(8, len(content), len(content) // 40):
                changed = bytes([content[position] ^ 0x55]).join((content[:position], content[position + 1 :]))
                for broken in (content[:position], changed):
                    with contextlib.suppress(RosterError):
                        assert len(parse_roster(broken, path.name, today=READ_ON).rows) <= 4

    def test_a_remote_link_is_never_followed(self) -> None:
        """An external link, a data connection and a picture by address: parts that nobody opens."""
        link = (
            b'<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
            b'<Relationship Id="r1" Type="x" Target="http://127.0.0.1:9/x" TargetMode="External"/></Relationships>'
        )
        parts = {"xl/externalLinks/externalLink1.xml": b"<externalLink/>", "xl/connections.xml": b"<connections/>"}
        content = repack(parts | {"xl/externalLinks/_rels/externalLink1.xml.rels": link})
        assert [row.values["full_name"] for row in read_roster(content, "ds.xlsx", today=READ_ON).rows] == [
            "Nguyễn Văn An"
        ]

    @pytest.mark.parametrize(
        "text", ['=cmd|"/c calc"!A1', "@SUM(1+1)*cmd|' /C calc'!A0", '=HYPERLINK("http://x","y")', "+1+1"]
    )
    def test_a_formula_in_a_csv_is_text(self, text: str) -> None:
        lines = [HEAD, [str(cell or "") for cell in AN[:7]] + [text]]
        quoted = "\r\n".join(",".join('"' + cell.replace('"', '""') + '"' for cell in line) for line in lines)
        row = read_roster(quoted.encode(), "ds.csv", today=READ_ON).rows[0]
        assert (row.values["note"], row.values["full_name"]) == (text, "Nguyễn Văn An")

    def test_line_breaks_within_a_cell_are_spaces(self) -> None:
        row = parse([HEAD, [1, "Nguyễn\r\nVăn\tAn", *AN[2:7], "một\r\nBcc: x@example.org"]]).rows[0]
        assert (row.values["full_name"], row.values["note"]) == ("Nguyễn Văn An", "một Bcc: x@example.org")

    def test_lines_given_back_hold_no_live_formula(self) -> None:
        roster = parse([HEAD, [*AN[:6], '="Phường "&"An Hải"', None], BINH])
        again = reread_roster("", roster.lines, today=READ_ON)
        assert (again.rows, again.lines) == (roster.rows, roster.lines)

    def test_truncated_anywhere(self) -> None:
        content = REAL.read_bytes()
        for length in range(4, len(content), 1024):
            with pytest.raises(RosterError):
                parse_roster(content[:length], "ds.xlsx", today=READ_ON)

    def test_one_changed_byte_never_crashes(self) -> None:
        content = bytearray(workbook([HEAD, AN]))
        for position in range(4, len(content), 37):
            changed = bytes(content[:position]) + bytes([content[position] ^ 0x55]) + bytes(content[position + 1 :])
            with contextlib.suppress(RosterError):
                assert len(parse_roster(changed, "ds.xlsx", today=READ_ON).rows) <= 1

    def test_entities_are_refused_by_the_xml_reader_itself(self) -> None:
        assert openpyxl.DEFUSEDXML

    def test_formulas_and_markup_stay_text(self) -> None:
        def text_that_looks_like_a_formula(sheet: Worksheet) -> None:
            sheet["H2"].data_type = "s"

        note = '=cmd|"/c calc"!A1'
        content = workbook(
            [HEAD, [*AN[:5], "<script>alert(1)</script>", *AN[6:7], note]], text_that_looks_like_a_formula
        )
        row = read_roster(content, "ds.xlsx", today=READ_ON).rows[0]
        assert (row.values["workplace_cell"], row.values["note"]) == ("<script>alert(1)</script>", note)

    def test_a_formula_without_a_value_is_reported(self) -> None:
        row = parse([HEAD, [*AN[:6], '=CONCATENATE("Phường ","An Hải")', None]]).rows[0]
        assert row.values["commune"] == ""
        assert row.errors == [
            (
                "commune",
                'Ô chứa công thức “=CONCATENATE("Phường ","An Hải")” chưa có kết quả; đề nghị ghi giá trị vào ô.',
            )
        ]

    def test_prepared_empty_lines_with_formulas_are_nobody(self) -> None:
        assert len(parse([HEAD, AN, ["=A2+1"], ["=A3+1"]]).rows) == 1

    def test_formatting_far_below_the_list_costs_nothing(self) -> None:
        content = workbook([HEAD, AN], lambda sheet: sheet.cell(1_000_000, 1, " "))
        answer, seconds, _ = measured(content, "ds.xlsx")
        assert (len(answer["rows"]), seconds < 2) == (1, True)


def _plain_zip() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as package:
        package.writestr("đọc tôi.txt", "không phải Excel")
    return out.getvalue()
