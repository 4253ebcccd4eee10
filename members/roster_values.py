"""What one row of a roster means: texts as typed in, values, errors and questions out.

Every cell arrives as text (a date cell as dd/mm/yyyy), so a row that somebody corrects on screen
goes through exactly the same reading as a row that came out of a workbook.
"""

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Literal, TypedDict

from members.names import name_key, search_key, split_unit, tidy, title_case_name
from members.roster_dates import ReadDate, read_date

# Stands before a formula without a result among a row's texts; no other text holds a control character (`tidy`).
FORMULA = "\x01"

Exemption = TypedDict("Exemption", {"class": str, "category": str})


class RosterValues(TypedDict):
    full_name: str
    sex: str
    birth_date: str | None
    birth_year: int | None
    joined_on: str | None
    official_on: str | None
    position: str
    workplace_cell: str
    address: str
    neighborhood: str
    commune: str
    phone: str
    card_no: str
    note: str
    exemption: Exemption


@dataclass
class RosterRow:
    """Errors keep a row out, questions only ask to be looked at; both are (field, sentence)."""

    number: int
    raw: dict[str, str]
    values: RosterValues
    errors: list[tuple[str, str]] = field(default_factory=list)
    questions: list[tuple[str, str]] = field(default_factory=list)


TextField = Literal[
    "full_name", "position", "workplace_cell", "address", "neighborhood", "commune", "phone", "card_no", "note"
]
MAX_LENGTHS: dict[TextField, int] = {
    "full_name": 100,
    "position": 200,
    "workplace_cell": 200,
    "address": 300,
    "neighborhood": 100,
    "commune": 100,
    "phone": 30,
    "card_no": 30,
    "note": 500,
}
LABELS = {
    "full_name": "Họ và tên",
    "sex": "Giới tính",
    "birth_date": "Ngày sinh",
    "joined_on": "Ngày vào Đảng",
    "official_on": "Ngày chính thức",
    "position": "Chức vụ",
    "workplace_cell": "Chi bộ nơi công tác",
    "address": "Địa chỉ",
    "neighborhood": "Tổ dân phố, thôn",
    "commune": "Phường, xã",
    "phone": "Điện thoại",
    "card_no": "Số thẻ đảng viên",
    "note": "Ghi chú",
}

# Guidance 33-HD/BTCTW 1.2: not even the fact may be kept. Wrongly leaving a row out is mended by hand in a minute,
# wrongly keeping one cannot be mended, hence the wide net.
_NEVER_KEPT = re.compile(
    r"mien (?:duoc )?gioi thieu|khong (?:phai )?gioi thieu|san sang chien dau|nhiem vu dac biet"
    r"|(?:giu|bao dam|dam bao) bi mat|bi mat (?:nhan than|danh tinh)"
)
_EXEMPT = re.compile(r"mien (?:tham gia )?(?:sinh hoat|giu moi lien he)(?! dang)")
_EXEMPT_CATEGORIES = (
    ("EX_STUDENT_AWAY", re.compile(r"\b(?:sinh vien|hoc sinh|du hoc)\b")),
    ("EX_ARMED", re.compile(r"\b(?:quan doi|bo doi|quan nhan|cong an|doanh trai|luc luong vu trang)\b")),
    ("EX_ROTATED", re.compile(r"\b(?:luan chuyen|dieu dong|biet phai|nha cong vu|nha tap the)\b")),
    ("EX_FULLTIME_STUDY", re.compile(r"\b(?:(?:hoc|dao tao|boi duong) (?:tap )?trung|di hoc|hoc 12 thang)\b")),
    ("EX_FAR_WORK", re.compile(r"\b(?:xa nha|luu dong|(?:cong tac|lam viec) (?:o )?xa|di cong trinh)\b")),
)
_NEIGHBORHOOD = re.compile(
    r"(?:tổ|tdp|thôn|ấp|bản|khu\s+(?:phố|dân|vực)|kp|kdc|khóm|khối|xóm|buôn|làng|tiểu\s+khu|cụm)(?=[\s.\d])",
    re.IGNORECASE,
)
_PROVINCE = re.compile(r"(?:tp|t\.p|thành phố|tỉnh|quận|huyện|thị xã|việt nam|q|h|tx)(?:[.\s]|$)", re.IGNORECASE)
_BETWEEN_UNITS = re.compile(
    r"[,;]|\s[-–]\s|[-–](?=\s*(?:tp|q|h|tx)[.\s]|\s*(?:thành phố|tỉnh|quận|huyện)\s)", re.IGNORECASE
)
# "P. Hải Châu (Q. Hải Châu cũ)"
_BRACKETS = re.compile(r"\s*\([^()]*\)\s*$")
_SCIENTIFIC = re.compile(r"(\d)(?:[.,](\d+))?[eE]\+?(\d{1,2})")
_CELL_ERROR = re.compile(r"#(?:REF|N/A|VALUE|NAME|DIV/0|NULL|NUM)[!?]?")
# Fields that are read together: whoever corrects one of them has seen what was made of the others.
_TOGETHER = (
    ("full_name", "family_part", "given_part"),
    ("sex", "birth_date", "male", "female", "birth_male", "birth_female"),
    ("address", "neighborhood", "commune"),
)


def as_text(field: str, raw: Mapping[str, str], values: RosterValues) -> str:
    """What stands in the field on screen: the value as understood, or what was written when it was not."""
    if field == "sex":
        # Both columns filled in contradict each other: another field's correction must not decide between them.
        written = "" if all(_sex_columns(raw)) else tidy(raw.get("sex", ""))
        return {"M": "Nam", "F": "Nữ"}.get(values["sex"], written)
    if field == "birth_date" and not values["birth_date"]:
        return str(values["birth_year"] or _birth_text(raw))
    if field in ("birth_date", "joined_on", "official_on"):
        day = values[field]  # type: ignore[literal-required]
        return f"{date.fromisoformat(day):%d/%m/%Y}" if day else tidy(raw.get(field, ""))
    return str(values[field])  # type: ignore[literal-required]


def amended(raw: Mapping[str, str], values: RosterValues, edits: Mapping[str, str]) -> dict[str, str]:
    """The row's texts with what somebody typed in place of them."""
    texts = dict(raw)
    for group in _TOGETHER:
        if edits.keys() & set(group):
            shown = {field: as_text(field, raw, values) for field in group if field in LABELS}
            texts = {name: text for name, text in texts.items() if name not in group} | shown
    return {**texts, **edits}


def is_never_kept(texts: list[str]) -> bool:
    return _NEVER_KEPT.search(search_key(" / ".join(texts))) is not None


def is_mark(text: str) -> bool:
    return search_key(text) in {"x", "1", "co", "v", "true", "dung"} or text.strip() in {"✓", "✔", "+", "*", "☑", "☒"}


def understand(number: int, raw: Mapping[str, str], today: date) -> RosterRow:
    """One row, from the texts of its known columns."""
    formulas = {name: text for name, text in raw.items() if text.startswith(FORMULA)}
    texts = {name: "" if name in formulas else tidy(text) for name, text in raw.items()}
    written = {name: text for name, text in (texts | formulas).items() if text}
    row = RosterRow(number, written, _plain_values(texts))
    _refuse_cell_errors(row, texts)
    _read_name(row)
    _read_sex(row, texts)
    _read_days(row, texts, today)
    _read_residence(row)
    _read_phone_and_card(row)
    _read_exemption(row, texts.get("exempt_activity", ""))
    for name, limit in MAX_LENGTHS.items():
        # Some letters are spelled out in a key ("ﬃ" is three), and keys have columns of their own.
        if max(len(row.values[name]), len(search_key(row.values[name]))) > limit:
            row.errors.append((name, f"{LABELS[name]} dài quá {limit} ký tự; đề nghị viết gọn lại."))
    for column, text in formulas.items():
        sentence = f"Ô chứa công thức “{tidy(text)[:60]}” chưa có kết quả; đề nghị ghi giá trị vào ô."
        row.errors.append((column, sentence))
    return row


def _plain_values(texts: Mapping[str, str]) -> RosterValues:
    full_name = texts.get("full_name") or f"{texts.get('family_part', '')} {texts.get('given_part', '')}"
    return RosterValues(
        full_name=title_case_name(full_name),
        sex="",
        birth_date=None,
        birth_year=None,
        joined_on=None,
        official_on=None,
        position=texts.get("position", ""),
        workplace_cell=texts.get("workplace_cell", ""),
        address=texts.get("address", ""),
        neighborhood=texts.get("neighborhood", ""),
        commune=texts.get("commune", ""),
        phone=texts.get("phone", ""),
        card_no=texts.get("card_no", ""),
        note=texts.get("note", ""),
        exemption={"class": "ACTIVE", "category": ""},
    )


def _refuse_cell_errors(row: RosterRow, texts: Mapping[str, str]) -> None:
    for name, text in texts.items():
        if _CELL_ERROR.fullmatch(text):
            row.errors.append((name, f"Ô đang báo lỗi “{text}”; đề nghị ghi lại giá trị."))


def _read_name(row: RosterRow) -> None:
    name = re.sub(r"^(?:đ\s?/\s?c|đồng chí)[\s.:]+", "", row.values["full_name"], flags=re.IGNORECASE)
    row.values["full_name"] = name
    if not name:
        row.errors.append(("full_name", "Thiếu họ và tên; đề nghị ghi bổ sung."))
    elif re.search(r"[^\w\s.,'’\-()]|[\d_]", name) or not _is_latin(name):
        row.errors.append(("full_name", f"Họ và tên “{name[:60]}” có chữ số hoặc ký tự lạ; đề nghị ghi lại."))
    elif " " not in name:
        row.questions.append(("full_name", f"Họ và tên “{name}” chỉ có một chữ; đề nghị kiểm tra lại."))


def _is_latin(name: str) -> bool:
    """Letters of other scripts look like ours, or like nothing at all, and nobody finds the name again."""
    return all(unicodedata.name(letter, "").startswith("LATIN") for letter in name if letter.isalpha())


def _sex_columns(texts: Mapping[str, str]) -> tuple[bool, bool]:
    """Whether something stands in the columns Nam, Nữ."""
    male, female = (bool(texts.get(name) or texts.get(f"birth_{name}")) for name in ("male", "female"))
    return male, female


def _read_sex(row: RosterRow, texts: Mapping[str, str]) -> None:
    text = texts.get("sex", "")
    male, female = _sex_columns(texts)
    if male and female:
        row.errors.append(("sex", "Cả hai cột Nam và Nữ đều có ghi; đề nghị chỉ ghi một cột."))
    elif male or female:
        row.values["sex"] = "M" if male else "F"
    elif search_key(text) in {"nam", "m", "male", "trai"}:
        row.values["sex"] = "M"
    elif search_key(text) in {"nu", "f", "female", "gai"}:
        row.values["sex"] = "F"
    elif text:
        row.questions.append(("sex", f"Giới tính “{text[:20]}” chưa rõ; đề nghị chọn Nam hoặc Nữ."))
    elif "female" in texts and "male" not in texts and "sex" not in texts:
        # A lone column "Nữ" is ticked for women only.
        row.values["sex"] = "M"


def _birth_text(texts: Mapping[str, str]) -> str:
    """A date or year may also stand in the columns Nam / Nữ, where its place tells the sex."""
    for name in ("birth_date", "birth_male", "birth_female", "male", "female"):
        text = texts.get(name, "")
        if text and not is_mark(text) and search_key(text) not in {"nam", "nu"}:
            return text
    return ""


def _read_days(row: RosterRow, texts: Mapping[str, str], today: date) -> None:
    birth = _one_day(row, "birth_date", _birth_text(texts), today)
    joined = _one_day(row, "joined_on", texts.get("joined_on", ""), today)
    official = _one_day(row, "official_on", texts.get("official_on", ""), today)
    row.values["birth_date"] = birth.day.isoformat() if birth.day else None
    row.values["birth_year"] = birth.day.year if birth.day else birth.year
    row.values["joined_on"] = joined.day.isoformat() if joined.day else None
    row.values["official_on"] = official.day.isoformat() if official.day else None
    _check_birth(row, birth, today)
    _check_joined(row, birth, joined, today)
    _check_official(row, joined.day, official.day, today)


def _one_day(row: RosterRow, name: str, text: str, today: date) -> ReadDate:
    if not text or is_mark(text) or _CELL_ERROR.fullmatch(text):
        if not text and name in {"birth_date", "joined_on"}:
            row.questions.append((name, f"Chưa có {LABELS[name].lower().replace('đảng', 'Đảng')}."))
        return ReadDate()
    found = read_date(text, today)
    if found.error:
        row.errors.append((name, f"{LABELS[name]}: {found.error}"))
    elif found.year:
        row.questions.append(
            (name, f"{LABELS[name]} mới chỉ có năm {found.year}; đề nghị bổ sung đủ ngày, tháng nếu có.")
        )
    return found


def _check_birth(row: RosterRow, birth: ReadDate, today: date) -> None:
    year = row.values["birth_year"]
    if year is None:
        return
    written = f"{birth.day:%d/%m/%Y}" if birth.day else str(year)
    if year > today.year or (birth.day and birth.day > today):
        row.errors.append(("birth_date", f"Ngày sinh {written} ở tương lai; đề nghị kiểm tra lại."))
    elif today.year - year > 100:
        hint = ""
        if birth.day and year == 1905:
            # A year typed into a cell formatted as a date is taken for a count of days since 1900.
            hint = f" (có thể ô này chỉ ghi năm {(birth.day - date(1899, 12, 30)).days})"
        row.errors.append(("birth_date", f"Ngày sinh {written} đã quá 100 năm{hint}; đề nghị kiểm tra lại."))


def _check_joined(row: RosterRow, birth: ReadDate, joined: ReadDate, today: date) -> None:
    if joined.day is None:
        return
    written = f"{joined.day:%d/%m/%Y}"
    if joined.day > today:
        row.errors.append(("joined_on", f"Ngày vào Đảng {written} ở tương lai; đề nghị kiểm tra lại."))
    elif joined.day < date(1930, 2, 3):
        row.errors.append(("joined_on", f"Ngày vào Đảng {written} trước ngày thành lập Đảng; đề nghị kiểm tra lại."))
    elif birth.day and joined.day < birth.day:
        row.errors.append(("joined_on", f"Ngày vào Đảng {written} trước ngày sinh; đề nghị kiểm tra lại cả hai ngày."))
    elif _is_under_18(birth, joined.day):
        row.errors.append(
            ("joined_on", f"Vào Đảng ngày {written} khi chưa đủ 18 tuổi; đề nghị kiểm tra lại cả hai ngày.")
        )


def _is_under_18(birth: ReadDate, on: date) -> bool:
    if birth.day:
        return on.year - birth.day.year - ((on.month, on.day) < (birth.day.month, birth.day.day)) < 18
    return birth.year is not None and on.year - birth.year < 18


def _check_official(row: RosterRow, joined: date | None, official: date | None, today: date) -> None:
    if official is None:
        return
    written = f"{official:%d/%m/%Y}"
    if joined and official < joined:
        row.errors.append(("official_on", f"Ngày chính thức {written} trước ngày vào Đảng; đề nghị kiểm tra lại."))
    elif joined and (official - joined).days < 365:
        row.questions.append(("official_on", f"Ngày chính thức {written} chưa đủ 12 tháng sau ngày vào Đảng."))
    elif official > today:
        row.questions.append(("official_on", f"Ngày chính thức {written} còn ở tương lai."))


def _read_residence(row: RosterRow) -> None:
    """The commune may be the last part of the address, or carry the province behind it."""
    values = row.values
    written = _BRACKETS.sub("", values["commune"]) or values["commune"] or values["address"]
    parts = [part for part in (tidy(part).strip(" .") for part in _BETWEEN_UNITS.split(written)) if part]
    end = len(parts)
    while end > 1 and _PROVINCE.match(parts[end - 1]):
        end -= 1
    if values["commune"]:
        if end < len(parts) or written != values["commune"] or (end > 1 and split_unit(parts[end - 1])[0]):
            values["commune"] = parts[end - 1]
    elif parts and split_unit(parts[end - 1])[0]:
        values["commune"] = parts[end - 1]
        rest = parts[: end - 1]
        groups = [part for part in rest if _NEIGHBORHOOD.match(part)]
        if groups and not values["neighborhood"]:
            values["neighborhood"] = groups[-1]
            rest.remove(groups[-1])
        values["address"] = ", ".join(rest)
    if not name_key(values["commune"]):
        row.questions.append(("commune", "Chưa rõ phường, xã nơi cư trú; chưa thể gửi xin ý kiến nơi cư trú."))


def _read_phone_and_card(row: RosterRow) -> None:
    values = row.values
    for name in ("phone", "card_no"):
        _read_scientific(row, name)
    asked = {name for name, _ in row.questions}
    if values["phone"] and "phone" not in asked:
        written = re.sub(r"\([^()\d]*\)", "", values["phone"])
        first = re.split(r"[/,;]|\s+-\s+|(?<=\d{9})\s+(?=[0+])", written)[0]
        digits = re.sub(r"[\s.\-()+]", "", first)
        digits = re.sub(r"^(?:00)?84(?=\d{9}$)", "0", digits)
        digits = "0" + digits if re.fullmatch(r"[1-9]\d{8}", digits) else digits
        if re.fullmatch(r"0\d{9,10}", digits):
            values["phone"] = digits
        else:
            row.questions.append(("phone", "Số điện thoại chưa đúng dạng (10 chữ số, bắt đầu bằng 0)."))
    if not search_key(values["card_no"]):
        values["card_no"] = ""  # "-", "?", "…" stand for a card that nobody has looked up
    if re.fullmatch(r"\d{1,7}", values["card_no"]):
        row.questions.append(("card_no", "Số thẻ ít hơn 8 chữ số; có thể Excel đã bỏ mất số 0 ở đầu."))


def _read_scientific(row: RosterRow, name: Literal["phone", "card_no"]) -> None:
    """A long number in a narrow column is shown, and by many programs saved, as 9.12E+08."""
    found = _SCIENTIFIC.fullmatch(row.values[name])
    if found and len(found[2] or "") >= int(found[3]):
        row.values[name] = (found[1] + (found[2] or ""))[: int(found[3]) + 1]
    elif found:
        sentence = f"Excel đã rút gọn số “{row.values[name]}”, không còn đủ chữ số; đề nghị ghi lại."
        row.questions.append((name, sentence))


def _read_exemption(row: RosterRow, marked: str) -> None:
    note = row.values["note"]
    said = f"{note} {'' if is_mark(marked) else marked}".casefold()
    # "miền" (region) is a different word from "miễn" (exempt) but has the same search key.
    key = search_key(re.sub(r"miền", " ", said))
    categories = [code for code, pattern in _EXEMPT_CATEGORIES if pattern.search(key)]
    exempt = bool(marked) or (re.search(r"\bmien\b", key) and (_EXEMPT.search(key) or categories))
    denied = re.search(r"\b(?:khong|het|thoi)(?: con| thuoc| duoc| dien| huong)* mien\b", key)
    if exempt and not denied and search_key(marked) not in {"khong", "0"}:
        row.values["exemption"] = {"class": "EXEMPT_ACTIVITY", "category": categories[0] if categories else ""}
        if len(categories) != 1:
            row.questions.append(
                ("note", "Được miễn sinh hoạt nơi cư trú nhưng chưa rõ thuộc diện nào; đề nghị chọn diện.")
            )
    elif re.search(r"\bmien\b", key) or categories:
        row.questions.append(("note", f"Ghi chú “{note[:80]}”: có thuộc diện miễn sinh hoạt nơi cư trú không?"))
