"""What the columns of a roster's table hold, by the words above them or by what the office has said of those words."""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from members.names import search_key, tidy
from members.roster_values import LABELS


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
class Heading:
    """A column as the office names it; `key` is what a correction is remembered by."""

    letter: str
    text: str
    key: str


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
