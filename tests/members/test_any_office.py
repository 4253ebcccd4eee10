"""The lists that offices really keep, sentence by sentence: whatever they do to a table, everybody is found in it."""

import io
import time
import unicodedata
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from members.names import tidy
from members.roster import Roster, RosterError, parse_roster, read_roster
from members.roster_fonts import _TCVN3, _VNI, from_legacy, legacy_font
from members.roster_values import LABELS, amended, as_text, understand
from tests.members.test_roster import AN, BINH, HEAD, READ_ON, one, parse, values, workbook

DATA = Path(__file__).parent.parent / "data"
FULL = ("full_name", "sex", "birth_date", "birth_year", "joined_on", "workplace_cell", "commune", "phone")


class TestOldAndOtherPrograms:
    """The same ugly list as LibreOffice saved it: merged headings, Nam | Nữ, sections, a hidden sheet."""

    @pytest.mark.parametrize("name", ["danh-sach-cu.xls", "danh-sach-cu.ods"])
    def test_read_like_an_xlsx(self, name: str) -> None:
        roster = read_roster((DATA / name).read_bytes(), name, today=READ_ON)
        office, plan = "Chi bộ Văn phòng", "Chi bộ Kế hoạch"
        assert values(roster, *FULL, "card_no", "neighborhood") == [
            (
                *("Nguyễn Văn An", "M", "1976-07-18", 1976, "2004-04-04", office, "P. An Hải", "0905000001"),
                *("43012345", "tổ 5"),
            ),
            ("Lê Thị Bình", "F", None, 1980, "2010-06-05", office, "P.Sơn Trà", "0905000002", "0043012346", ""),
            ("Phạm Quang Chính", "M", "1975-02-01", 1975, "2000-02-03", office, "xã Hòa Vang", "", "", "Thôn 4"),
            ("Trần Thị Dung", "F", "1990-12-31", 1990, "2015-05-19", plan, "phường An Hải", "0905000004", "", "Tổ 7"),
        ]
        assert (roster.sheet, roster.header_row, roster.others, [row.number for row in roster.rows]) == (
            "Chi bộ",
            4,
            [],
            [7, 8, 9, 11],
        )

    def test_a_web_page_called_xls(self) -> None:
        for start in (
            b"<html>",
            b"\xef\xbb\xbf  <!DOCTYPE html>",
            "<table>".encode("utf-16"),
            b"<?xml version='1.0'?>",
        ):
            with pytest.raises(RosterError, match="bên trong là trang web.*chọn “Lưu thành”"):
                read_roster(start + b"<tr><td>An</td></tr>", "ds.xls", today=READ_ON)

    def test_a_wrong_name_does_not_matter(self) -> None:
        content = (DATA / "danh-sach-cu.xls").read_bytes()
        assert len(read_roster(content, "danh sach.xlsx", today=READ_ON).rows) == 4


class TestHeadingsOverTwoRows:
    def test_sex_ticked_or_born_under_nam_and_nu(self) -> None:
        below = [None, None, "Nam", "Nữ"]
        for parent, male, female in (("Giới tính", "x", "X"), ("Nam/Nữ", 1, 1), ("Năm sinh", 1976, 1980)):
            head = ["TT", "Họ và tên", parent, None, "Ngày vào Đảng", "Phường"]
            rows = [
                [1, "Nguyễn Văn An", male, None, "4/4/2004", "An Hải"],
                [2, "Lê Thị Bình", None, female, "5/6/2010", "An Hải"],
            ]
            assert values(parse([head, below, *rows]), "full_name", "sex") == [
                ("Nguyễn Văn An", "M"),
                ("Lê Thị Bình", "F"),
            ]

    def test_only_women_are_ticked(self) -> None:
        roster = parse([["TT", "Họ và tên", "Nữ", "Năm sinh", "Xã"], [1, "Nguyễn Văn An", None, 1976, "Hòa Vang"]])
        assert values(roster, "sex") == [("M",)]


class TestPlaces:
    @pytest.mark.parametrize(
        ("written", "commune"),
        [
            ("P. Hải Châu", "P. Hải Châu"),
            ("P.Hải Châu, TP. Đà Nẵng", "P.Hải Châu"),
            ("Phường Hải Châu - TP Đà Nẵng", "Phường Hải Châu"),
            ("Phường Hải Châu-TP.Đà Nẵng", "Phường Hải Châu"),
            ("phường Hải Châu, Q. Hải Châu, TP.ĐN", "phường Hải Châu"),
            ("P. Hải Châu (Q. Hải Châu cũ)", "P. Hải Châu"),
            ("Xã Hòa Vang, H. Hòa Vang", "Xã Hòa Vang"),
            ("Hải Châu", "Hải Châu"),
            ("ĐK. Hoàng Sa", "ĐK. Hoàng Sa"),
        ],
    )
    def test_the_unit_is_found_among_old_and_higher_names(self, written: str, commune: str) -> None:
        assert one(commune=written).values["commune"] == commune


class TestNumbers:
    @pytest.mark.parametrize(
        ("cell", "phone"),
        [
            (912345678, "0912345678"),
            ("912.345.678", "0912345678"),
            ("9.12345678E+08", "0912345678"),
            ("9,12345678E+8", "0912345678"),
            (84912345678, "0912345678"),
            ("0912 345 678 (Zalo)", "0912345678"),
        ],
    )
    def test_a_phone_that_became_a_number(self, cell: Any, phone: str) -> None:
        head = ["Họ và tên", "Năm sinh", "Phường", "Điện thoại"]
        row = parse([head, ["Nguyễn Văn An", 1976, "An Hải", cell]]).rows[0]
        assert (row.values["phone"], [q for q in row.questions if q[0] == "phone"]) == (phone, [])

    def test_digits_that_are_gone_are_asked_for(self) -> None:
        row = one(phone="9.12E+08")
        assert row.questions == [("phone", "Excel đã rút gọn số “9.12E+08”, không còn đủ chữ số; đề nghị ghi lại.")]

    def test_a_card_number_that_became_a_number(self) -> None:
        assert one(card_no="4.3012345E+07").values["card_no"] == "43012345"
        row = one(card_no="4.3E+07")
        assert row.questions == [("card_no", "Excel đã rút gọn số “4.3E+07”, không còn đủ chữ số; đề nghị ghi lại.")]


class TestSections:
    def test_offices_write_them_in_many_ways(self) -> None:
        head = ["STT", "Họ và tên", "Ngày sinh", "Ngày vào Đảng", "Phường/xã"]
        written = {
            "I. Khối văn phòng": "Khối văn phòng",
            "II- CHI BỘ KẾ HOẠCH: 05 đ/c": "CHI BỘ KẾ HOẠCH",
            "* Phòng Tổ chức": "Phòng Tổ chức",
            "A. Ban Quản lý dự án (2 đảng viên)": "Ban Quản lý dự án",
            "Chi bộ 1": "Chi bộ 1",
            "3. Trung tâm Tư vấn": "Trung tâm Tư vấn",
        }
        rows: list[list[Any]] = [head]
        for number, section in enumerate(written, start=1):
            rows += [[section], [number, f"Nguyễn Văn {'ABCDEG'[number - 1]}", 1976, "4/4/2004", "An Hải"]]
        assert [cell for (cell,) in values(parse(rows), "workplace_cell")] == list(written.values())

    def test_the_title_or_the_sheet_names_the_only_cell(self) -> None:
        head = ["STT", "Họ và tên", "Ngày sinh", "Phường/xã"]
        person = [1, "Nguyễn Văn An", "18/7/1976", "An Hải"]
        titled = parse([["ĐẢNG ỦY SỞ"], ["Chi bộ: Văn phòng"], ["DANH SÁCH ĐẢNG VIÊN"], head, person])
        assert values(titled, "workplace_cell") == [("Chi bộ: Văn phòng",)]
        content = workbook([head, person], lambda sheet: setattr(sheet, "title", "Chi bộ 3"))
        assert values(parse_roster(content, "a.xlsx", today=READ_ON), "workplace_cell") == [("Chi bộ 3",)]

    def test_lines_that_are_nobody(self) -> None:
        below: list[list[Any]] = [
            ["Tổng số: 02 đồng chí, trong đó nữ: 01"],
            [None, "Danh sách có 02 đồng chí./."],
            [None, None, None, None, "Đà Nẵng, ngày 5 tháng 10 năm 2026"],
            [None, "NGƯỜI LẬP", None, None, "T/M CHI ỦY"],
            [None, None, None, None, "BÍ THƯ"],
            [None, None, None, None, "(đã ký)"],
            [None, "Trần Thị Lập", None, None, "Lê Văn Ký"],
        ]
        assert values(parse([HEAD, AN, BINH, *below]), "full_name") == [("Nguyễn Văn An",), ("Lê Thị Bình",)]


class TestDays:
    @pytest.mark.parametrize(
        ("cell", "day", "year"),
        [
            (date(1976, 7, 18), "1976-07-18", 1976),
            (27959, "1976-07-18", 1976),
            (27959.5, "1976-07-18", 1976),
            ("18.07.1976", "1976-07-18", 1976),
            ("18.7.76", "1976-07-18", 1976),
            ("18/07/05", "2005-07-18", 2005),
            ("18-Jul-76", None, None),
            ("1976", None, 1976),
            (1976, None, 1976),
            ("07/1976", None, 1976),
            ("--/--/1976", None, 1976),
            ("../../1976", None, 1976),
            ("00/00/1976", None, 1976),
            ("31/02/1976", None, None),
        ],
    )
    def test_birth(self, cell: Any, day: str | None, year: int | None) -> None:
        row = parse([["Họ và tên", "Ngày sinh", "Phường"], ["Nguyễn Văn An", cell, "An Hải"]]).rows[0]
        assert (row.values["birth_date"], row.values["birth_year"]) == (day, year)
        assert bool(row.errors) == (year is None)


class TestSheets:
    def book(self, **sheets: Sequence[Sequence[Any]]) -> Roster:
        book = openpyxl.Workbook()
        book.remove(book.worksheets[0])
        for name, rows in sheets.items():
            sheet = book.create_sheet(name.replace("_", " "))
            for row in rows:
                sheet.append(list(row))
        out = io.BytesIO()
        book.save(out)
        return parse_roster(out.getvalue(), "a.xlsx", today=READ_ON)

    def test_the_fullest_list_comes_first_and_the_others_are_offered(self) -> None:
        roster = self.book(Bìa=[["BÌA"]], Năm_trước=[HEAD, BINH], Năm_nay=[HEAD, AN, BINH], Trống=[HEAD])
        assert (roster.sheet, len(roster.rows), [other.sheet for other in roster.others]) == (
            "Năm nay",
            2,
            ["Năm trước"],
        )

    def test_a_sheet_of_people_never_to_be_kept_is_not_read(self) -> None:
        roster = self.book(Danh_sách=[HEAD, AN], Miễn_giới_thiệu=[HEAD, BINH])
        assert (len(roster.rows), roster.others, "Bình" in str(roster)) == (1, [], False)
        assert roster.problems == ["Không đọc trang tính “Miễn giới thiệu”: đảng viên được miễn giới thiệu."]


def in_old_font(text: str, font: str) -> str:
    table = {new: old for old, new in (_TCVN3 if font == "TCVN3" else _VNI).items()}
    written = []
    for letter in unicodedata.normalize("NFC", text):
        old = table.get(letter) or table.get(letter.lower(), letter)
        written.append(old.upper() if font == "VNI" and letter.isupper() and old != letter else old)
    return "".join(written)


class TestOldFonts:
    PANGRAM = "Nguyễn Thị Hường, Đỗ Văn Quỳnh, Trần Thế Mỹ, Phạm Ngọc Ẩn, Lương Xuân Trường, Huỳnh Thúy Ưng, Vũ Hữu Lễ"

    def test_known_words(self) -> None:
        assert from_legacy("Hä vµ tªn", "TCVN3") == "Họ và tên"
        assert from_legacy("Ph\u00adêng, x·", "TCVN3") == "Phường, xã"
        assert from_legacy("NguyÔn ThÞ Ngäc", "TCVN3") == "Nguyễn Thị Ngọc"
        assert from_legacy("Hoï vaø teân", "VNI") == "Họ và tên"
        assert from_legacy("Phöôøng, xaõ", "VNI") == "Phường, xã"
        assert from_legacy("ÑAÛNG BOÄ THAØNH PHOÁ", "VNI") == "ĐẢNG BỘ THÀNH PHỐ"

    @pytest.mark.parametrize("font", ["TCVN3", "VNI"])
    def test_every_letter_comes_back(self, font: str) -> None:
        alphabet = "".join((_TCVN3 if font == "TCVN3" else _VNI).values())
        assert from_legacy(in_old_font(alphabet, font), font) == alphabet
        assert from_legacy(in_old_font(self.PANGRAM, font), font).casefold() == self.PANGRAM.casefold()

    @pytest.mark.parametrize("font", ["TCVN3", "VNI"])
    @pytest.mark.parametrize("kind", ["xlsx", "csv"])
    def test_a_whole_list(self, font: str, kind: str) -> None:
        people = [
            [n + 1, name.strip(), "18/07/1976", "04/04/2004", "Phường Sơn Trà"]
            for n, name in enumerate(self.PANGRAM.split(","))
        ]
        head = ["STT", "Họ và tên", "Ngày sinh", "Ngày vào Đảng", "Phường/xã"]
        rows = [[in_old_font(str(cell), font) for cell in row] for row in [head, *people]]
        content = workbook(rows) if kind == "xlsx" else "\n".join(";".join(row) for row in rows).encode("latin-1")
        roster = read_roster(content, f"ds.{kind}", today=READ_ON)
        names = [tidy(name).casefold() for name in self.PANGRAM.split(",")]
        assert [name.casefold() for (name,) in values(roster, "full_name")] == names
        assert {tuple(row.errors) for row in roster.rows} == {()}
        assert roster.notes == [f"Chữ gõ bằng phông cũ {font} đã được chuyển sang Unicode; đề nghị xem kỹ họ tên."]

    @pytest.mark.parametrize("form", ["NFC", "NFD"])
    def test_unicode_is_left_alone(self, form: Any) -> None:
        names = [unicodedata.normalize(form, name) for name in self.PANGRAM.split(",")]
        assert legacy_font(names) == ""
        assert legacy_font([*names, "Hä vµ tªn", "Lµ"]) == ""
        assert from_legacy(names[0], "TCVN3") == names[0]


TEXT = st.text(max_size=60) | st.sampled_from(["Nam", "x", "31/02/1980", "1976", "P. An Hải, TP. Đà Nẵng", "9.12E+08"])
RAW = st.dictionaries(
    st.sampled_from(
        [*LABELS, "family_part", "given_part", "male", "female", "birth_male", "birth_female", "exempt_activity"]
    ),
    TEXT,
)


class TestWhateverIsTyped:
    @example({"full_name": "", "sex": "NAM", "male": "0", "female": "0"})
    @given(RAW)
    def test_what_a_row_shows_can_be_typed_again(self, raw: dict[str, str]) -> None:
        """Fields typed over with what already stands in them leave the row as it was understood."""
        row = understand(7, raw, READ_ON)
        shown = {field: as_text(field, row.raw, row.values) for field in LABELS}
        again = understand(7, amended(row.raw, row.values, shown), READ_ON)
        names = ("birth_date", "birth_year", "joined_on", "official_on", "position", "workplace_cell", "note")
        assert [again.values[name] for name in names] == [row.values[name] for name in names]  # type: ignore[literal-required]
        assert again.values["sex"] == row.values["sex"]

    @given(RAW, st.dictionaries(st.sampled_from(list(LABELS)), TEXT))
    def test_what_is_typed_replaces_only_itself(self, raw: dict[str, str], edits: dict[str, str]) -> None:
        row = understand(7, raw, READ_ON)
        texts = amended(row.raw, row.values, edits)
        assert {name: texts[name] for name in edits} == edits
        assert understand(7, texts, READ_ON).number == 7

    @given(st.integers(0, 999_999_999), st.sampled_from(["0{}", "84{}", "+84 {}", "{}"]))
    def test_a_phone_in_any_dress_is_one_number(self, digits: int, dress: str) -> None:
        number = f"9{digits:08d}"[:9]
        assert one(phone=dress.format(number)).values["phone"] == f"0{number}"

    @given(st.text(max_size=80), st.sampled_from(["TCVN3", "VNI"]))
    def test_no_text_in_an_old_font_crashes(self, text: str, font: str) -> None:
        assert isinstance(from_legacy(text, font), str)
        assert legacy_font([text] * 3) in ("", "TCVN3", "VNI")

    @pytest.mark.parametrize(
        "text", ["-" * 2000, "1/" * 1000, "(" * 2000, "a " * 1000, "0" * 2000, "Tổ " * 600, "E+9" * 600]
    )
    def test_no_text_takes_long(self, text: str) -> None:
        started = time.process_time()
        understand(7, dict.fromkeys([*LABELS, "male", "exempt_activity"], text), READ_ON)
        assert time.process_time() - started < 0.5
