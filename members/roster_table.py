"""Where a roster's table begins, what its columns are, and which of its lines are people."""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from members.names import search_key, tidy
from members.roster_values import FORMULA, LABELS, RosterRow, is_never_kept, understand


class RosterError(Exception):
    """The file as a whole cannot be read; the message is a sentence for the person who uploaded it."""


class NeverKept(RosterError):
    """A list of people of whom nothing may be kept."""


class Formula(str):
    """A formula that the workbook holds no result for; it is shown, never computed."""


_NEVER_KEPT_SECTION = "Miễn giới thiệu về nơi cư trú"


def column_letter(index: int) -> str:
    return chr(65 + index) if index < 26 else column_letter(index // 26 - 1) + chr(65 + index % 26)


@dataclass(frozen=True)
class Line:
    number: int
    cells: list[str]

    def at(self, index: int | None) -> str:
        return self.cells[index] if index is not None and index < len(self.cells) else ""


@dataclass(frozen=True)
class Column:
    letter: str
    heading: str


@dataclass(frozen=True)
class Heading:
    """A column as the office names it; `key` is what a correction is remembered by."""

    letter: str
    text: str
    key: str


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


# Searched in search keys where "năm" (year) is written "nien", since "nam" means male.
# The first pattern that any column matches wins, then the leftmost column.
_HEADINGS: dict[str, tuple[str, ...]] = {
    "number": (r"stt|tt|so tt|so thu tu|no",),
    "full_name": (
        r"ho (?:va )?ten(?: khai sinh)?(?: (?:cua )?dang vien)?",
        r"ten dang vien|dang vien|ho (?:va )?chu dem ten",
    ),
    "family_part": (r"ho|ho (?:va )?(?:ten )?(?:chu )?(?:dem|lot)",),
    "given_part": (r"ten",),
    "sex": (r"gioi tinh|gioi|phai|gt|nam nu|gioi tinh nam nu",),
    "male": (r"(?:gioi tinh |gioi |phai )?nam",),
    "female": (r"(?:gioi tinh |gioi |phai )?nu",),
    "birth_male": (r"(?:ngay |thang |nien |nam )*sinh (?:cua )?nam",),
    "birth_female": (r"(?:ngay |thang |nien |nam )*sinh (?:cua )?nu",),
    "birth_date": (
        r"(?:ngay |thang |nien |nam )+sinh",
        r"sinh (?:ngay|nien|nam)(?: .*)?|(?:ngay |thang |nien )+sinh (?!hoat).*|ns",
    ),
    "official_on": (r"(?!dang vien).*\bchinh thuc.*",),
    "joined_on": (
        r"(?:ngay |thang |nien |nam )*(?:vao dang|ket nap)(?: dang)?(?: (?:vao dang|csvn|du bi|ket nap))*",
        r"(?:ngay )?vao dcsvn|(?!dang vien).*\bdu bi",
    ),
    "position": (
        r"chuc vu|chuc danh|chuc vu chuc danh|chuc danh chuc vu",
        r"chuc vu (?:chinh quyen|cong tac|chuyen mon|hien nay|cong viec).*",
        r"chuc vu .*|nghe nghiep|vi tri viec lam",
    ),
    "neighborhood": (
        r"(?:so )?(?:(?:to|tdp|thon|ban|ap|khu|pho|khom|khoi|xom|dan|cu|buon|lang)(?: |$))+(?:noi cu tru)?",
        r"chi bo (?:noi cu tru|khu dan cu|to dan pho|khu pho|thon).*",
    ),
    "workplace_cell": (
        r"chi bo(?: (?:dang )?sinh hoat| noi cong tac| truc thuoc| co quan)?",
        r"(?:dang )?sinh hoat tai chi bo|thuoc chi bo|ten chi bo",
        r"(?:don vi|noi cong tac|phong ban|don vi cong tac|phong|phong ban don vi|co quan don vi|chi bo don vi)",
    ),
    "commune": (
        r"(?:(?:ten|phuong|xa|dac|khu|thi|tran)\s?)*(?:phuong|xa|dac khu|thi tran)(?: noi cu tru)?",
        r"(?:dang uy|cap uy|dang bo)(?: co so)? (?:noi cu tru|(?:xa|phuong).*)|noi gioi thieu.*",
    ),
    "address": (
        r"so nha(?: ten)?(?: duong)?(?: pho)?|(?:ten )?duong(?: pho)?|dia chi(?: nha)?",
        r"(?:dia chi|noi|cho) (?:noi )?(?:cu tru|o|thuong tru|tam tru)(?: hien (?:nay|tai))?",
        r"dia chi .*|ho khau.*|noi dang ky.*thuong tru",
    ),
    "phone": (r"(?:so )?(?:dien thoai|dtdd|dt)(?: di dong| lien he| lien lac)?|sdt|di dong",),
    "card_no": (r"so the(?: dang)?(?: vien| dv)?|(?:so )?(?:tdv|the dang vien)",),
    "exempt_introduction": (r".*mien gioi thieu.*",),
    "exempt_activity": (
        r"(?:thuoc )?(?:dien |doi tuong |ly do )?(?:duoc )?mien sinh hoat.*|(?:dien|doi tuong|ly do) mien",
    ),
    "note": (r"ghi chu.*",),
}
# What a column may be said to hold, in the order of a form.
COLUMN_LABELS = {
    "full_name": "Họ và tên",
    "family_part": "Họ và chữ đệm",
    "given_part": "Tên",
    "sex": "Giới tính",
    "male": "Giới tính: cột Nam",
    "female": "Giới tính: cột Nữ",
    "birth_date": "Ngày sinh hoặc năm sinh",
    "birth_male": "Ngày sinh: cột Nam",
    "birth_female": "Ngày sinh: cột Nữ",
    **{name: label for name, label in LABELS.items() if name not in ("full_name", "sex", "birth_date")},
    "exempt_introduction": "Miễn giới thiệu về nơi cư trú",
    "exempt_activity": "Miễn sinh hoạt nơi cư trú",
    "number": "Số thứ tự",
}
_TOTAL = re.compile(
    r"(?:tong(?: so| cong)?|cong)(?: (?:chung|danh sach|co|la))*(?: \d+.*)?"
    r"|(?:tong so|tong cong|danh sach (?:nay )?(?:co|gom)|an dinh).*"
)
_SIGNATURE = re.compile(
    r"(?:t m|tm|k t|kt|t l|tl|thay mat|nguoi lap|noi nhan|xac nhan|ky ten|thu truong|lap bieu|ky ghi ro|da ky)\b.*"
    r"|(?:pho )?bi thu(?: (?:dang uy|chi bo|chi uy))?|.*\bngay (?:\d+ )?thang (?:\d+ )?nam(?: \d+)?"
)
_SECTION = re.compile(
    r"(?:[IVXLC]+|[A-HĐ]|\d+(?:\.\d+)*)?[\s.):/-]*(?P<name>(?:chi bộ|chi bo|đảng (?:bộ|ủy|uỷ)|phòng|ban|trung tâm"
    r"|văn phòng|tổ|đội|khối|đoàn|xí nghiệp|công ty|trường|chi cục|sở|cục|viện|bệnh viện|nhóm)\b.*)",
    re.IGNORECASE,
)
_HEAD_COUNT = re.compile(r"\s*[:(–-]?\s*\(?\s*\d+\s*(?:đồng chí|đảng viên|đ/c|đv|người)\)?\s*$", re.IGNORECASE)
_CORE = ("birth_date", "birth_male", "birth_female", "joined_on", "official_on", "commune", "phone", "card_no")


def heading_key(text: str) -> str:
    return search_key(re.sub(r"\bnăm\b", "nien", tidy(text).casefold()))


def _fields(key: str) -> list[tuple[str, int]]:
    """The fields that a heading could mean and the rank of the pattern that says so, the likeliest first."""
    return [
        (name, rank)
        for name, patterns in _HEADINGS.items()
        for rank, pattern in enumerate(patterns)
        if re.fullmatch(pattern, key)
    ]


def _headings(line: Line, below: Line | None, width: int) -> list[tuple[str, ...]]:
    """Per column the headings to try, the most telling first. A merged heading stands only in its first column."""
    found: list[tuple[str, ...]] = []
    above = ""
    for index in range(max(width, len(line.cells), len(below.cells) if below else 0)):
        own, sub = line.at(index), below.at(index) if below else ""
        above = own or (above if sub else "")
        found.append((f"{above} {sub}", sub, own) if sub and above else (sub,) if sub else (own,))
    return found


def _keys(headings: list[tuple[str, ...]]) -> list[str]:
    """What each column is remembered by: its heading, told apart where two are alike or where there is none."""
    keys: list[str] = []
    for index, tries in enumerate(headings):
        key = heading_key(tries[0])[:200] or f"cot {column_letter(index).lower()}"
        keys.append(key if key not in keys else f"{key} / {column_letter(index).lower()}")
    return keys


def _columns(headings: list[tuple[str, ...]], corrections: Mapping[str, str]) -> dict[str, int]:
    best: dict[str, tuple[int, int]] = {}
    for index, (key, tries) in enumerate(zip(_keys(headings), headings, strict=True)):
        hits = [[(corrections[key], -1)]] if key in corrections else [_fields(heading_key(text)) for text in tries]
        if first := next((hit for hit in hits if hit), None):
            name, rank = first[0]
            if name not in best or (rank, index) < best[name]:
                best[name] = (rank, index)
    return {name: index for name, (_, index) in best.items() if name}


def is_header(columns: Collection[str]) -> bool:
    """Whether these fields are enough to read people: a name and two more."""
    named = "full_name" in columns or {"family_part", "given_part"} <= set(columns)
    return named and len(set(columns) - {"full_name", "family_part", "given_part", "number"}) >= 2


@dataclass(frozen=True)
class Header:
    row: int
    position: int
    height: int
    columns: dict[str, int]
    headings: list[Heading]


def find_header(lines: list[Line], corrections: Mapping[str, str]) -> Header | None:
    for position, line in enumerate(lines[:60]):
        width = max(len(below.cells) for below in lines[position : position + 30])
        tries = _headings(line, None, width)
        single = _columns(tries, corrections)
        below = lines[position + 1] if position + 1 < len(lines) else None
        name = single.get("full_name", single.get("family_part"))
        height = 1
        # Headings merged over two rows stand in the upper one, so the names' column shows which row that is.
        if name is not None and below is not None and below.number == line.number + 1 and not below.at(name):
            double = _headings(line, below, width)
            if len(_columns(double, corrections)) > len(single):
                tries, height = double, 2
        columns = _columns(tries, corrections)
        if is_header(columns):
            return _header(line.number, position, height, columns, tries)
    return None


def guess_header(lines: list[Line], corrections: Mapping[str, str]) -> Header | None:
    """The line that looks like the headings of a table whose words nobody here knows: somebody will say them."""
    for position, line in enumerate(lines[:30]):
        below = lines[position + 1 : position + 4]
        words = [text for text in line.cells if text]
        if len(words) < 4 or any(len(text) > 60 or re.search(r"\d{3}|\d[/.-]\d", text) for text in words):
            continue
        if len(below) >= 2 and all(len([text for text in other.cells if text]) >= 3 for other in below):
            tries = _headings(line, None, max(len(other.cells) for other in lines[position : position + 30]))
            return _header(line.number, position, 1, _columns(tries, corrections), tries)
    return None


def _header(row: int, position: int, height: int, columns: dict[str, int], tries: list[tuple[str, ...]]) -> Header:
    headings = [
        Heading(column_letter(index), tidy(texts[0]), key)
        for index, (key, texts) in enumerate(zip(_keys(tries), tries, strict=True))
    ]
    return Header(row, position, height, columns, headings)


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
        if not any(self._cell(line, name) for name in ("birth_date", "birth_male", "birth_female", "joined_on")):
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
