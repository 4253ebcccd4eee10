"""Reading a roster: bytes of a workbook or a CSV file in, staged rows out. Nothing is stored, nothing is evaluated.

A workbook from outside may be a bomb, so `read_roster` parses in a child process with little memory, little time,
no environment and no right to write a file; `parse_roster` is what runs there. The lines of a list come back with it:
when somebody says what a column means, `reread_roster` understands them anew without the file.
"""

import json
import os
import resource
import subprocess
import sys
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

from members.roster_files import TOO_BIG, Sheet, read_sheets
from members.roster_headings import Formula, Heading, Line, find_header
from members.roster_table import Column, NeverKept, Roster, RosterError, build_roster
from members.roster_values import FORMULA, RosterRow, RosterValues, understand

__all__ = [
    "Column",
    "Roster",
    "RosterError",
    "RosterRow",
    "RosterValues",
    "parse_roster",
    "read_roster",
    "reread_roster",
    "understand",
]

MAX_BYTES = 5 * 1024 * 1024
MEMORY = 256 * 1024 * 1024
# 20,000 full rows take about ten; the wait must end before the web server's own patience does (30).
CPU_SECONDS = 20
WALL_SECONDS = 25


def read_roster(content: bytes, filename: str, *, today: date, corrections: Mapping[str, str] | None = None) -> Roster:
    """`corrections` maps a column's key (`Heading.key`) to the field that this office says it means, "" for none."""
    if len(content) > MAX_BYTES:
        raise RosterError("Tệp lớn hơn 5 MB; đề nghị chỉ để lại trang tính có danh sách đảng viên rồi tải lên lại.")
    return _in_child(content, filename=filename, today=today, corrections=corrections)


def read_lines(content: bytes, filename: str) -> list[list[tuple[int, list[str]]]]:
    """The lines of every sheet of any list, (number, cells), with the same limits; what they mean is not asked."""
    if len(content) > MAX_BYTES:
        raise RosterError("Tệp lớn hơn 5 MB; đề nghị chỉ để lại trang tính cần nhập rồi tải lên lại.")
    return [[(number, cells) for number, *cells in lines] for lines in _answer(content, {"lines": filename})["sheets"]]


def reread_roster(
    sheet: str, lines: list[list[Any]], *, today: date, corrections: Mapping[str, str] | None = None
) -> Roster:
    """The same sheet again, from the lines that a first reading gave back (`Roster.lines`)."""
    return _in_child(json.dumps(lines).encode(), sheet=sheet, today=today, corrections=corrections)


def _in_child(content: bytes, *, today: date, corrections: Mapping[str, str] | None, **words: str) -> Roster:
    return _from_json(_answer(content, words | {"today": today.isoformat(), "corrections": dict(corrections or {})}))


def _answer(content: bytes, order: Mapping[str, Any]) -> dict[str, Any]:
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
    answer: dict[str, Any] = json.loads(child.stdout)
    if "refused" in answer:
        raise RosterError(answer["refused"])
    return answer


def parse_roster(content: bytes, filename: str, *, today: date, corrections: Mapping[str, str] | None = None) -> Roster:
    """The fullest list of the file; the lists of its other sheets hang on it (`others`)."""
    corrections = corrections or {}
    sheets = read_sheets(content, filename, corrections) or [Sheet("", [], "")]
    rosters, problems = [], []
    for name, lines, font in [sheet for sheet in sheets if find_header(sheet.lines, corrections)] or sheets[:1]:
        try:
            roster = build_roster(name, lines, today, corrections)
        except NeverKept as refusal:
            problems.append((name, refusal))
            continue
        rosters.append(roster)
        if font:
            roster.notes.append(f"Chữ gõ bằng phông cũ {font} đã được chuyển sang Unicode; đề nghị xem kỹ họ tên.")
    if not rosters:
        raise problems[0][1]
    fullest = max(rosters, key=lambda roster: sum(not row.errors for row in roster.rows))
    fullest.others = [roster for roster in rosters if roster is not fullest and (roster.rows or roster.dropped)]
    fullest.problems += [f"Không đọc trang tính “{name}”: đảng viên được miễn giới thiệu." for name, _ in problems]
    return fullest


def _to_json(roster: Roster) -> dict[str, Any]:
    return vars(roster) | {
        "rows": [vars(row) for row in roster.rows],
        "columns": {name: vars(column) for name, column in roster.columns.items()},
        "headings": [vars(heading) for heading in roster.headings],
        "others": [_to_json(other) for other in roster.others],
    }


def _from_json(data: dict[str, Any]) -> Roster:
    rows = [
        RosterRow(
            r["number"], r["raw"], r["values"], [(f, t) for f, t in r["errors"]], [(f, t) for f, t in r["questions"]]
        )
        for r in data.pop("rows")
    ]
    columns = {name: Column(**column) for name, column in data.pop("columns").items()}
    headings = [Heading(**heading) for heading in data.pop("headings")]
    others = [_from_json(other) for other in data.pop("others")]
    return Roster(rows=rows, columns=columns, headings=headings, others=others, **data)


def _again(sheet: str, content: bytes, today: date, corrections: Mapping[str, str]) -> Roster:
    lines = [
        Line(number, [Formula(text[1:]) if text.startswith(FORMULA) else text for text in cells])
        for number, cells in json.loads(content)
    ]
    return build_roster(sheet, lines, today, corrections)


def _plain(content: bytes, filename: str) -> dict[str, Any]:
    sheets = read_sheets(content, filename, {})
    return {"sheets": [[[line.number, *line.cells] for line in sheet.lines] for sheet in sheets]}


def _roster(content: bytes, order: Mapping[str, Any]) -> Roster:
    today, corrections = date.fromisoformat(order["today"]), order["corrections"]
    if "sheet" in order:
        return _again(order["sheet"], content, today, corrections)
    return parse_roster(content, order["filename"], today=today, corrections=corrections)


def main() -> None:
    """The child: an order in JSON and the bytes on standard input, the roster or a refusal on standard output."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    order = json.loads(sys.stdin.buffer.readline())
    content = sys.stdin.buffer.read()
    try:
        answer = _plain(content, order["lines"]) if "lines" in order else _to_json(_roster(content, order))
    except RosterError as error:
        answer = {"refused": str(error)}
    sys.stdout.buffer.write(json.dumps(answer, ensure_ascii=False).encode())


if __name__ == "__main__":
    main()
