"""A list of organisations as offices keep it → rows with what each means. Reads through members.roster (child process,
its limits); nothing is looked up and nothing is stored here."""

import re
from dataclasses import dataclass

from members.names import search_key, split_unit, tidy
from members.roster import read_lines
from members.roster_table import RosterError

MAX_ROWS = 20_000
# Column → what its heading may say, in search keys; the first column that fits wins.
_COLUMNS = {
    "name": r"ten (?:goi |day du |cua |cac )*(?:to chuc|don vi|dang bo|dang uy|chi bo|xa phuong|phuong xa)(?: .*)?"
    r"|(?:to chuc dang|don vi|chi bo|xa phuong.*|phuong xa.*|ten)",
    "parent": r"(?:(?:to chuc|don vi|cap uy|dang uy) )?(?:truc thuoc|cap tren)(?: .*)?"
    r"|thuoc (?:dang uy|dang bo|to chuc).*",
    "kind": r"(?:phan )?loai(?: .*)?",
    "province": r"(?:ten )?(?:tinh|thanh pho|tinh thanh).*",
    "address": r"dia chi.*|tru so.*",
    "phone": r"(?:so )?dien thoai.*|sdt|dt",
    "email": r"(?:hop )?thu.*|e ?mail.*",
    "contact": r"(?:can bo )?dau moi.*|nguoi lien he.*",
}
CONTACTS = {"address": 250, "phone": 40, "email": 254, "contact": 120}
_AT_HOME = re.compile(r"\b(?:to dan pho|tdp|to \d|thon|khu pho|khu dan cu|ap|ban|xom|buon|lang|khoi|cu tru)\b")
_AT_WORK = re.compile(r"\b(?:cong tac|co quan|truong|phong|ban dang|cong ty|doanh nghiep|benh vien|tram)\b")
NO_HEADING = (
    "Không thấy dòng tiêu đề. Cần có ít nhất cột “Tên tổ chức”; có thêm “Trực thuộc”, “Loại”, “Địa chỉ”, “Điện thoại”."
)


@dataclass(frozen=True)
class TreeRow:
    """One line of the list: as it stands there and as it was understood."""

    no: int
    name: str
    kind: str = ""
    side: str = ""
    unit: str = ""
    locality: str = ""
    parent: str = ""
    province: str = ""
    address: str = ""
    phone: str = ""
    email: str = ""
    contact: str = ""
    problem: str = ""


def read_tree(content: bytes, filename: str) -> list[TreeRow]:
    """Every line with a name, on every sheet that has the headings. Raises RosterError."""
    found: list[TreeRow] = []
    for lines in read_lines(content, filename):
        columns: dict[str, int] = {}
        for number, cells in lines:
            if not columns:
                columns = _header(cells)
                continue
            said = {name: tidy(cells[at]) if at < len(cells) else "" for name, at in columns.items()}
            if said["name"] and not said["name"].isdecimal():
                found.append(understand(number, said))
    if not found:
        raise RosterError(NO_HEADING)
    if len(found) > MAX_ROWS:
        raise RosterError("Danh sách có hơn 20.000 tổ chức; đề nghị chia thành nhiều tệp.")
    return found


def _header(cells: list[str]) -> dict[str, int]:
    """{column: where}; empty when this line is no heading."""
    keys = [search_key(cell) for cell in cells]
    found: dict[str, int] = {}
    for column, pattern in _COLUMNS.items():
        at = next((at for at, key in enumerate(keys) if at not in found.values() and re.fullmatch(pattern, key)), None)
        if at is not None:
            found[column] = at
    says_name = "name" in found and re.search(r"ten|to chuc", keys[found["name"]])
    return found if "name" in found and (len(found) > 1 or says_name) else {}


def understand(number: int, said: dict[str, str]) -> TreeRow:
    name, words = said["name"][:200], search_key(said.get("kind", ""))
    kind, side, problem = _kind(search_key(name), words, search_key(said.get("parent", "")))
    unit, locality = split_unit(name) if kind in ("commune", "external") else ("", "")
    if kind == "commune" and not unit:
        problem = "Ghi tên đầy đủ, ví dụ “Đảng ủy phường An Hải”."
    contacts = {field: said.get(field, "")[:size] for field, size in CONTACTS.items()}
    if contacts["email"] and not re.fullmatch(r"[^@\s]+@[^@\s]+\.[^@\s]+", contacts["email"]):
        problem = problem or f"“{contacts['email']}” không phải địa chỉ hộp thư."
    return TreeRow(
        number,
        name,
        kind,
        side,
        unit,
        locality if unit else "",
        said.get("parent", "")[:200],
        said.get("province", "")[:80],
        **contacts,
        problem=problem,
    )


def _kind(name: str, words: str, parent: str) -> tuple[str, str, str]:
    """(kind, side, problem) by the column of kinds, else by the name itself."""
    if re.search(r"\b(?:ngoai he thong|chua dung|tren giay|danh ba)\b", words):
        return "external", "", ""
    both = f"{words} {name}"
    if re.search(r"\bbo phan\b", both) and not name.startswith("chi bo"):
        return "sectional", "", ""
    if re.search(r"\bchi bo co so\b", both):
        return "grassroots", "", ""
    if name.startswith("chi bo") or words.startswith("chi bo"):
        for text in (words, name):
            at_home, at_work = bool(_AT_HOME.search(text)), bool(_AT_WORK.search(text))
            if at_home != at_work:
                return "cell", "residence" if at_home else "workplace", ""
        if parent and not re.search(r"\b(?:phuong|xa|dac khu)\b", parent):
            return "cell", "workplace", ""
        return "cell", "", "Chưa rõ chi bộ nơi cư trú hay nơi công tác: ghi vào cột “Loại”."
    if split_unit(name)[0] or re.match(r"dang (?:uy|bo) (?:phuong|xa|dac khu)\b", name):
        return "commune", "", ""
    if re.match(r"(?:dang (?:uy|bo)|co so)\b", name) or re.search(r"\bco so\b", words):
        return "grassroots", "", ""
    return "", "", "Chưa rõ loại tổ chức: ghi tên đầy đủ (Đảng ủy …, Chi bộ …) hoặc ghi vào cột “Loại”."


def understand_commune(row: TreeRow) -> TreeRow:
    """A line of a list of communes: "Phường An Hải" or "Đảng ủy phường An Hải"."""
    unit, locality = split_unit(row.name)
    if not unit:
        return TreeRow(row.no, row.name, province=row.province, problem="Ghi rõ xã, phường hay đặc khu.")
    contacts = {field: getattr(row, field) for field in CONTACTS}
    name = f"Đảng ủy {unit} {locality}"
    return TreeRow(row.no, name, "external", unit=unit, locality=locality, province=row.province, **contacts)
