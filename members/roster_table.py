"""Where a roster's table begins, what its columns are, and which of its lines are people."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date

from members.names import search_key, tidy
from members.roster_values import RosterRow, is_never_kept, understand


class RosterError(Exception):
    """The file as a whole cannot be read; the message is a sentence for the person who uploaded it."""


class Formula(str):
    """A formula that the workbook holds no result for; it is shown, never computed."""


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


@dataclass
class Roster:
    sheet: str
    header_row: int
    columns: dict[str, Column]
    rows: list[RosterRow] = field(default_factory=list)
    dropped: list[int] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


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


def _fields(key: str, corrections: Mapping[str, str]) -> list[tuple[str, int]]:
    """Every field that a heading could mean, with the rank of the pattern that says so."""
    if key in corrections:
        return [(corrections[key], -1)]
    return [
        (name, rank)
        for name, patterns in _HEADINGS.items()
        for rank, pattern in enumerate(patterns)
        if re.fullmatch(pattern, key)
    ]


def _headings(line: Line, below: Line | None) -> list[tuple[str, ...]]:
    """Per column the headings to try, the most telling first. A merged heading stands only in its first column."""
    found: list[tuple[str, ...]] = []
    above = ""
    for index in range(max(len(line.cells), len(below.cells) if below else 0)):
        own, sub = line.at(index), below.at(index) if below else ""
        above = own or (above if sub else "")
        found.append((f"{above} {sub}", sub, own) if sub and above else (sub,) if sub else (own,))
    return found


def _columns(headings: list[tuple[str, ...]], corrections: Mapping[str, str]) -> dict[str, int]:
    best: dict[str, tuple[int, int]] = {}
    for index, tries in enumerate(headings):
        for text in tries:
            if hits := _fields(heading_key(text), corrections):
                name, rank = hits[0]
                if name not in best or (rank, index) < best[name]:
                    best[name] = (rank, index)
                break
    return {name: index for name, (_, index) in best.items() if name}


def _is_header(columns: Mapping[str, int]) -> bool:
    named = "full_name" in columns or {"family_part", "given_part"} <= columns.keys()
    return named and len(columns.keys() - {"full_name", "family_part", "given_part", "number"}) >= 2


@dataclass(frozen=True)
class Header:
    row: int
    position: int
    height: int
    columns: dict[str, int]
    headings: list[str]


def find_header(lines: list[Line], corrections: Mapping[str, str]) -> Header | None:
    for position, line in enumerate(lines[:60]):
        single = _columns(_headings(line, None), corrections)
        below = lines[position + 1] if position + 1 < len(lines) else None
        double: dict[str, int] = {}
        name = single.get("full_name", single.get("family_part"))
        # Headings merged over two rows stand in the upper one, so the names' column shows which row that is.
        if name is not None and below is not None and below.number == line.number + 1 and not below.at(name):
            double = _columns(_headings(line, below), corrections)
        columns, height = (double, 2) if len(double) > len(single) else (single, 1)
        if _is_header(columns):
            tries = _headings(line, below if height == 2 else None)
            return Header(line.number, position, height, columns, [tidy(t[0]) for t in tries])
    return None


def build_roster(sheet: str, lines: list[Line], today: date, corrections: Mapping[str, str]) -> Roster:
    header = find_header(lines, corrections)
    if header is None:
        raise RosterError(
            "Không tìm thấy dòng tiêu đề của bảng. Cần có cột “Họ và tên” và ít nhất hai cột khác như “Ngày sinh”, "
            "“Ngày vào Đảng”, “Phường/xã”. Nếu danh sách dùng phông chữ cũ (.VnTime, VNI), đề nghị chuyển sang Unicode."
        )
    above = [text for line in lines[: header.position] for text in line.cells]
    if "exempt_introduction" not in header.columns and is_never_kept([sheet, *above]):
        # Nothing in the rows says so again: either all of them are not to be kept, or nobody can tell which.
        raise RosterError(
            "Tên trang tính hoặc tiêu đề danh sách có nội dung miễn giới thiệu về nơi cư trú. Đảng viên thuộc diện này "
            "không được lưu ở đây, kể cả tạm thời. Đề nghị xóa các dòng ấy, sửa tiêu đề rồi tải lên lại."
        )
    columns = {name: Column(column_letter(i), header.headings[i]) for name, i in header.columns.items()}
    reader = _Reader(Roster(sheet, header.row, columns), header, today)
    for line in lines[header.position + header.height :]:
        reader.take(line)
    return reader.finish()


class _Reader:
    """Goes down the table once, remembering the section it is in."""

    def __init__(self, roster: Roster, header: Header, today: date) -> None:
        self.roster, self.header, self.today = roster, header, today
        self.heading_keys = [heading_key(text) for text in header.headings if text]
        self.section = self.last_cell = ""
        self.in_dropped_section = self.in_footer = False
        self.skipped: dict[str, list[int]] = {}

    def take(self, line: Line) -> None:
        kind = self._kind(line)
        if kind == "section":
            self._enter(line)
        elif kind == "person":
            self._person(line)
        elif kind:
            self.in_footer = self.in_footer or kind == "phần ký"
            self.skipped.setdefault(kind, []).append(line.number)

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
        raw = {
            name: line.at(i) for name, i in self.header.columns.items() if name not in {"number", "exempt_introduction"}
        }
        formulas = [name for name, text in raw.items() if isinstance(text, Formula)]
        filled_down = self._fill_cell(raw)
        row = understand(line.number, {n: "" if n in formulas else text for n, text in raw.items()}, self.today)
        if filled_down:
            row.questions.append(("workplace_cell", f"Ô chi bộ để trống, được hiểu như dòng trên: “{filled_down}”."))
        for name in formulas:
            row.errors.append(
                (name, f"Ô chứa công thức “{raw[name][:60]}” chưa có kết quả; đề nghị ghi giá trị vào ô.")
            )
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
        _mark_doubles(self.roster.rows)
        for kind, numbers in self.skipped.items():
            shown = ", ".join(str(n) for n in numbers[:20]) + (" …" if len(numbers) > 20 else "")
            self.roster.notes.append(f"Bỏ qua dòng {shown} ({kind}).")
        self._tell_columns()
        if not self.roster.rows and not self.roster.dropped:
            self.roster.problems.append("Dưới dòng tiêu đề không có đảng viên nào.")
        return self.roster

    def _tell_columns(self) -> None:
        columns, used = self.header.columns, set(self.header.columns.values())
        if unused := [text for i, text in enumerate(self.header.headings) if text and i not in used]:
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


def _mark_doubles(rows: list[RosterRow]) -> None:
    """The same name is common; only name, birth and admission together are the same person."""
    people: dict[tuple[str, str, str], int] = {}
    cards: dict[str, int] = {}
    known_by_name: dict[str, list[RosterRow]] = {}
    for row in rows:
        values = row.values
        name, card = search_key(values["full_name"]), search_key(values["card_no"]).replace(" ", "")
        if card and cards.setdefault(card, row.number) != row.number:
            row.errors.append(("card_no", f"Số thẻ đảng viên trùng với dòng {cards[card]}; đề nghị kiểm tra lại."))
        if not name:
            continue
        if values["birth_date"] and values["joined_on"]:
            first = people.setdefault((name, values["birth_date"], values["joined_on"]), row.number)
            if first != row.number:
                row.errors.append(
                    (
                        "full_name",
                        f"Trùng với dòng {first} (cùng họ tên, ngày sinh, ngày vào Đảng); đề nghị bỏ một dòng.",
                    )
                )
                continue
        if twin := next((other for other in known_by_name.get(name, []) if _could_be_same(other, row)), None):
            row.questions.append(
                (
                    "full_name",
                    f"Cùng họ tên với dòng {twin.number} và chưa đủ ngày để phân biệt; có phải một người không?",
                )
            )
        known_by_name.setdefault(name, []).append(row)


def _could_be_same(one: RosterRow, other: RosterRow) -> bool:
    pairs = [
        (one.values["birth_year"], other.values["birth_year"]),
        (one.values["birth_date"], other.values["birth_date"]),
        (one.values["joined_on"], other.values["joined_on"]),
    ]
    return all(a is None or b is None or a == b for a, b in pairs)
