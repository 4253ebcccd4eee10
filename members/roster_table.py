"""Which lines of a roster's table are people, and of which section."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from members.names import search_key, tidy
from members.roster_headings import (
    Formula,
    Header,
    Heading,
    Line,
    column_letter,
    find_header,
    guess_header,
    heading_key,
    is_header,
)
from members.roster_values import FORMULA, RosterRow, is_never_kept, understand

_NEVER_KEPT_SECTION = "Miễn giới thiệu về nơi cư trú"
_TOTAL = re.compile(
    r"(?:tong(?: so| cong)?|cong)(?: (?:chung|danh sach|co|la))*(?: \d+.*)?"
    r"|(?:tong so|tong cong|danh sach (?:nay )?(?:co|gom)|an dinh).*"
)
_SIGNATURE = re.compile(
    r"(?:t m|tm|k t|kt|t l|tl|thay mat|nguoi lap|noi nhan|xac nhan|ky ten|thu truong|lap bieu|ky ghi ro|da ky)\b.*"
    r"|(?:pho )?bi thu(?: (?:dang uy|chi bo|chi uy))?|.*\bngay (?:\d+ )?thang (?:\d+ )?nam(?: \d+)?"
)
_SECTION = re.compile(
    r"(?:[IVXLC]+|[A-HĐ]|\d+(?:\.\d+)*)?[\s.):/*+•–-]*(?P<name>(?:chi bộ|chi bo|đảng (?:bộ|ủy|uỷ)|phòng|ban|trung tâm"
    r"|văn phòng|tổ|đội|khối|đoàn|xí nghiệp|công ty|trường|chi cục|sở|cục|viện|bệnh viện|nhóm)\b.*)",
    re.IGNORECASE,
)
_HEAD_COUNT = re.compile(r"\s*[:(–-]?\s*\(?\s*\d+\s*(?:đồng chí|đảng viên|đ/c|đv|người)\)?\s*$", re.IGNORECASE)
_CORE = ("birth_date", "birth_male", "birth_female", "joined_on", "official_on", "commune", "phone", "card_no")


class RosterError(Exception):
    """The file as a whole cannot be read; the message is a sentence for the person who uploaded it."""


class NeverKept(RosterError):
    """A list of people of whom nothing may be kept."""


@dataclass(frozen=True)
class Column:
    letter: str
    heading: str


@dataclass
class Roster:
    sheet: str
    header_row: int
    columns: dict[str, Column]
    headings: list[Heading] = field(default_factory=list)
    rows: list[RosterRow] = field(default_factory=list)
    dropped: list[int] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    # [line number, texts] of the whole list, without anybody who may not be kept: enough to read it again.
    lines: list[list[Any]] = field(default_factory=list)
    others: list["Roster"] = field(default_factory=list)


def build_roster(sheet: str, lines: list[Line], today: date, corrections: Mapping[str, str]) -> Roster:
    header = find_header(lines, corrections) or guess_header(lines, corrections)
    if header is None:
        raise RosterError(
            "Không tìm thấy dòng tiêu đề của bảng. Cần có cột “Họ và tên” và ít nhất hai cột khác như “Ngày sinh”, "
            "“Ngày vào Đảng”, “Phường/xã”; đề nghị bổ sung dòng tiêu đề rồi tải lên lại."
        )
    above = [text for line in lines[: header.position] for text in line.cells]
    if "exempt_introduction" not in header.columns and is_never_kept([sheet, *above]):
        # Nothing in the rows says so again: either all of them are not to be kept, or nobody can tell which.
        raise NeverKept(
            "Tên trang tính hoặc tiêu đề danh sách có nội dung miễn giới thiệu về nơi cư trú. Đảng viên thuộc diện này "
            "không được lưu ở đây, kể cả tạm thời. Đề nghị xóa các dòng ấy, sửa tiêu đề rồi tải lên lại."
        )
    columns = {name: Column(column_letter(i), header.headings[i].text) for name, i in header.columns.items()}
    reader = _Reader(
        Roster(sheet, header.row, columns, header.headings), header, today, _cell_above(sheet, lines, header)
    )
    start = header.position + header.height
    for line in lines[:start]:
        reader.keep(line)
    for line in lines[start:]:
        reader.take(line)
    return reader.finish()


def _cell_above(sheet: str, lines: list[Line], header: Header) -> str:
    """The cell that the title or the sheet's name says the list is of."""
    titles = [text for line in lines[: header.position] for text in line.cells if text]
    for text in (*reversed(titles), sheet):
        if search_key(text).startswith("chi bo ") and len(text) <= 80:
            return _HEAD_COUNT.sub("", tidy(text)).strip(" :.")
    return ""


class _Reader:
    """Goes down the table once, remembering the section it is in."""

    def __init__(self, roster: Roster, header: Header, today: date, cell: str) -> None:
        self.roster, self.header, self.today = roster, header, today
        self.heading_keys = [heading_key(heading.text) for heading in header.headings if heading.text]
        self.section, self.last_cell = cell, ""
        self.in_dropped_section = self.in_footer = False
        self.skipped: dict[str, list[int]] = {}

    def keep(self, line: Line, kind: str = "") -> None:
        """For another reading. Whoever may not be kept is not, and of a section of such people only that it was one."""
        texts = [FORMULA + text if isinstance(text, Formula) else text for text in line.cells]
        if kind not in ("", "tiêu đề lặp lại") and is_never_kept(texts):
            if kind != "section":
                return
            texts = [_NEVER_KEPT_SECTION]
        self.roster.lines.append([line.number, texts])

    def take(self, line: Line) -> None:
        if not is_header(self.header.columns):
            self._take_unread(line)
            return
        kind = self._kind(line)
        if kind == "section" or (kind != "person" and not self.in_dropped_section):
            self.keep(line, kind or "không có dữ liệu đảng viên")
        if kind == "section":
            self._enter(line)
        elif kind == "person":
            self._person(line)
        elif kind:
            self.in_footer = self.in_footer or kind == "phần ký"
            self.skipped.setdefault(kind, []).append(line.number)

    def _take_unread(self, line: Line) -> None:
        """Nobody is understood yet; but who may not be kept is left out already now."""
        if not is_never_kept(line.cells):
            self.keep(line)
        elif len([text for text in line.cells if text]) > 2:
            self.roster.dropped.append(line.number)
        else:
            raise RosterError(
                f"Dòng {line.number} mở đầu một phần danh sách miễn giới thiệu về nơi cư trú, nhưng chưa nhận ra "
                "các cột của bảng. Đề nghị xóa phần ấy, hoặc ghi tiêu đề “Họ và tên”, “Ngày sinh”, “Ngày vào Đảng” "
                "rồi tải lên lại."
            )

    def _cell(self, line: Line, name: str) -> str:
        return line.at(self.header.columns.get(name))

    def _kind(self, line: Line) -> str:
        filled = [text for text in line.cells if text and not isinstance(text, Formula)]
        numbered = re.fullmatch(r"\d+(?:\.0)?\.?", self._cell(line, "number")) is not None
        others = filled[1:] if numbered else filled
        if not others:
            return ""
        if len(filled) >= 3 and all(re.fullmatch(r"\(?\d{1,2}\)?|[A-ZĐ]", text) for text in filled):
            return "đánh số cột"
        if len(filled) == len(self.heading_keys) and [heading_key(text) for text in filled] == self.heading_keys:
            return "tiêu đề lặp lại"
        has_core = any(self._cell(line, name) for name in _CORE)
        if (numbered and len(others) > 1) or (numbered and not _SECTION.fullmatch(others[0])):
            return "person"
        return self._unnumbered_kind(line, others, has_core)

    def _unnumbered_kind(self, line: Line, others: list[str], has_core: bool) -> str:
        first = tidy(next(text for text in line.cells if text))
        joined = " ".join(text for text in line.cells if text)
        if len(others) <= 3 and any(_TOTAL.fullmatch(search_key(text)) for text in others + [first]):
            return "tổng số"
        if not self._has_day(line):
            if any(_SIGNATURE.fullmatch(search_key(text)) for text in others):
                return "phần ký"
            if not has_core and len(others) <= 2 and self._section_name(line):
                return "section"
            if self.in_footer:
                return "phần ký"
        name = self._cell(line, "full_name") or self._cell(line, "given_part")
        if name and len(others) > 1:
            return "person"
        if is_never_kept([joined]):
            return "section"
        return "person" if has_core and len(others) > 2 else "không có dữ liệu đảng viên"

    def _has_day(self, line: Line) -> bool:
        """Signatures often stand below the columns of dates."""
        days = [self._cell(line, name) for name in ("birth_date", "birth_male", "birth_female", "joined_on")]
        return any(re.search(r"\d", text) and not _SIGNATURE.fullmatch(search_key(text)) for text in days)

    def _section_name(self, line: Line) -> str:
        texts = [tidy(text) for text in line.cells if text]
        for text in (texts[0], texts[1] if len(texts) > 1 else ""):
            if match := _SECTION.fullmatch(text):
                return _HEAD_COUNT.sub("", match["name"]).strip(" :.")
        return " ".join(texts[1:2]) if re.fullmatch(r"[IVXLC]+\.?", texts[0]) else ""

    def _enter(self, line: Line) -> None:
        self.in_dropped_section = is_never_kept(line.cells)
        self.in_footer = False
        if not self.in_dropped_section:
            self.section = self._section_name(line)
            self.last_cell = ""

    def _person(self, line: Line) -> None:
        marked = self._cell(line, "exempt_introduction")
        unmarked = search_key(marked) in {"", "khong", "0"}
        if self.in_dropped_section or not unmarked or is_never_kept(line.cells):
            self.roster.dropped.append(line.number)
            return
        self.keep(line)
        raw = {
            name: line.at(i) for name, i in self.header.columns.items() if name not in {"number", "exempt_introduction"}
        }
        filled_down = self._fill_cell(raw)
        texts = {name: FORMULA + text if isinstance(text, Formula) else text for name, text in raw.items()}
        row = understand(line.number, texts, self.today)
        if filled_down:
            row.questions.append(("workplace_cell", f"Ô chi bộ để trống, được hiểu như dòng trên: “{filled_down}”."))
        self.roster.rows.append(row)

    def _fill_cell(self, raw: dict[str, str]) -> str:
        """A cell name merged over several lines stands only in the first of them."""
        written = raw.get("workplace_cell", "")
        if written:
            self.last_cell = written
            return ""
        raw["workplace_cell"] = self.section or self.last_cell
        return "" if self.section else self.last_cell

    def finish(self) -> Roster:
        for kind, numbers in self.skipped.items():
            shown = ", ".join(str(n) for n in numbers[:20]) + (" …" if len(numbers) > 20 else "")
            self.roster.notes.append(f"Bỏ qua dòng {shown} ({kind}).")
        if not is_header(self.header.columns):
            self.roster.problems.append("Chưa nhận ra cột họ và tên cùng ít nhất hai cột khác của bảng.")
            return self.roster
        self._tell_columns()
        if not self.roster.rows and not self.roster.dropped:
            self.roster.problems.append("Dưới dòng tiêu đề không có đảng viên nào.")
        return self.roster

    def _tell_columns(self) -> None:
        columns, used = self.header.columns, set(self.header.columns.values())
        if unused := [head.text for i, head in enumerate(self.header.headings) if head.text and i not in used]:
            self.roster.notes.append(f"Không đọc các cột: {', '.join(unused)}.")
        missing = {
            "birth_date": "ngày sinh"
            if not columns.keys() & {"birth_date", "birth_male", "birth_female", "male"}
            else "",
            "joined_on": "ngày vào Đảng" if "joined_on" not in columns else "",
            "commune": "phường, xã nơi cư trú" if not columns.keys() & {"commune", "address"} else "",
        }
        for name, label in missing.items():
            if label:
                self.roster.problems.append(f"Danh sách không có cột {label}.")
                for row in self.roster.rows:
                    row.questions = [q for q in row.questions if q[0] != name]
