"""Any office's list: what is read, what is asked, what is refused."""

import io
import unicodedata
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from openpyxl.worksheet.worksheet import Worksheet

from members.names import name_key, search_key
from members.roster import MAX_BYTES, Roster, RosterError, RosterRow, parse_roster, read_roster, understand
from members.roster_dates import read_date
from members.roster_doubles import doubles
from members.roster_headings import Line, find_header

READ_ON = date(2026, 11, 23)
REAL = Path(__file__).parent.parent / "data" / "so-xay-dung.xlsx"
HEAD = ["STT", "Họ và tên", "Giới tính", "Ngày sinh", "Ngày vào Đảng", "Chi bộ", "Phường/xã", "Ghi chú"]
AN = [1, "Nguyễn Văn An", "Nam", "18/07/1976", "04/04/2004", "Chi bộ 1", "Phường An Hải", None]
BINH = [2, "Lê Thị Bình", "Nữ", "01/02/1980", "05/06/2010", "Chi bộ 2", "Xã Hòa Vang", None]

AGAIN = "; đề nghị kiểm tra lại"
WHICH = "Được miễn sinh hoạt nơi cư trú nhưng chưa rõ thuộc diện nào; đề nghị chọn diện."
WHETHER = ": có thuộc diện miễn sinh hoạt nơi cư trú không?"


def workbook(rows: Sequence[Sequence[Any]], change: Callable[[Worksheet], object] | None = None) -> bytes:
    book = openpyxl.Workbook()
    sheet = book.active
    assert isinstance(sheet, Worksheet)
    for row in rows:
        sheet.append(list(row))
    if change:
        change(sheet)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def parse(rows: Sequence[Sequence[Any]], **extra: Any) -> Roster:
    return parse_roster(workbook(rows), "danh-sach.xlsx", today=READ_ON, **extra)


def one(**raw: str) -> RosterRow:
    complete = {
        "full_name": "Nguyễn Văn An",
        "birth_date": "18/07/1976",
        "joined_on": "04/04/2004",
        "commune": "P. An Hải",
    }
    return understand(7, complete | raw, READ_ON)


def values(roster: Roster, *names: str) -> list[tuple[Any, ...]]:
    return [tuple(dict(row.values)[name] for name in names) for row in roster.rows]


@pytest.fixture(scope="module")
def roster() -> Roster:
    return read_roster(REAL.read_bytes(), REAL.name, today=READ_ON)


class TestRealFile:
    def test_every_person_is_read_without_error_or_question(self, roster: Roster) -> None:
        assert [row.number for row in roster.rows] == list(range(7, 127))
        assert [(row.number, row.errors, row.questions) for row in roster.rows if row.errors or row.questions] == []
        assert (roster.dropped, roster.problems) == ([], [])
        assert roster.notes == ["Bỏ qua dòng 128 (tổng số).", "Bỏ qua dòng 129 (phần ký)."]

    def test_the_columns_are_found_below_the_title(self, roster: Roster) -> None:
        assert (roster.sheet, roster.header_row) == ("Danh sách", 6)
        assert {name: (column.letter, column.heading) for name, column in roster.columns.items()} == {
            "number": ("A", "STT"),
            "full_name": ("B", "Họ và tên"),
            "sex": ("C", "Giới tính"),
            "birth_date": ("D", "Ngày sinh"),
            "joined_on": ("E", "Ngày vào Đảng"),
            "official_on": ("F", "Ngày chính thức"),
            "position": ("G", "Chức vụ"),
            "workplace_cell": ("H", "Chi bộ"),
            "address": ("I", "Số nhà, đường"),
            "neighborhood": ("J", "Tổ dân phố/thôn"),
            "commune": ("K", "Phường/xã"),
            "phone": ("L", "Điện thoại"),
            "note": ("M", "Ghi chú"),
        }

    def test_a_row_with_an_exemption(self, roster: Roster) -> None:
        assert roster.rows[28].values == {
            "full_name": "Huỳnh Xuân Phước",
            "sex": "M",
            "birth_date": "1968-11-13",
            "birth_year": 1968,
            "joined_on": "2000-07-18",
            "official_on": "2001-07-18",
            "position": "Phó Trưởng phòng",
            "workplace_cell": "Chi bộ 6",
            "address": "49 Trưng Nữ Vương",
            "neighborhood": "Tổ dân phố 3",
            "commune": "Phường an hải",
            "phone": "0911069323",
            "card_no": "",
            "note": "Miễn sinh hoạt nơi cư trú: đi học tập trung 12 tháng",
            "exemption": {"class": "EXEMPT_ACTIVITY", "category": "EX_FULLTIME_STUDY"},
        }
        exempt = [r.number for r in roster.rows if r.values["exemption"]["class"] == "EXEMPT_ACTIVITY"]
        assert exempt == [35, 64, 93, 122]

    def test_places_and_homonyms(self, roster: Roster) -> None:
        pairs = {(name_key(r.values["commune"]), search_key(r.values["neighborhood"])) for r in roster.rows}
        assert (len({commune for commune, _ in pairs}), len(pairs)) == (10, 109)
        names = Counter(search_key(row.values["full_name"]) for row in roster.rows)
        assert sorted(name for name, count in names.items() if count > 1) == ["ly thi uyen", "tran thuy thuy"]

    def test_the_child_process_says_what_the_function_says(self, roster: Roster) -> None:
        assert roster == parse_roster(REAL.read_bytes(), REAL.name, today=READ_ON)


class TestHeadings:
    @pytest.mark.parametrize(
        ("field", "headings"),
        [
            ("birth_date", "Năm sinh|Ngày, tháng, năm sinh|Sinh ngày|nam sinh"),
            ("joined_on", "Ngày vào Đảng|Ngày vào ĐCSVN|Ngày kết nạp|Dự bị|Ngày vào Đảng (dự bị)"),
            ("official_on", "Chính thức|Ngày vào Đảng chính thức|Ngày chuyển chính thức"),
            ("workplace_cell", "Chi bộ|Chi bộ đang sinh hoạt|Đơn vị công tác|Nơi công tác"),
            ("neighborhood", "Tổ|Thôn/TDP|Tổ dân phố nơi cư trú|Khu dân cư|Chi bộ nơi cư trú|Số tổ"),
            ("commune", "Phường (xã)|Xã, phường, đặc khu|Phường/xã nơi cư trú|Đảng ủy phường, xã nơi cư trú"),
            ("address", "Số nhà, tên đường|Nơi cư trú|Nơi ở hiện nay|Địa chỉ thường trú|Tên đường"),
            ("phone", "SĐT|Số điện thoại|Điện thoại di động"),
            ("card_no", "Số thẻ Đảng viên|Số thẻ ĐV"),
            ("exempt_activity", "Diện miễn|Lý do miễn sinh hoạt"),
            ("", "Năm|Quê quán|Nơi sinh|Số lý lịch|CCCD|Ngày sinh hoạt|Tuổi Đảng|Nơi kết nạp|Số QĐ kết nạp"),
        ],
    )
    def test_offices_call_the_same_thing_differently(self, field: str, headings: str) -> None:
        for heading in headings.split("|"):
            header = find_header([Line(1, ["Họ và tên", "Giới tính", "Ghi chú", heading])], {})
            assert header is not None
            known = {0: "full_name", 1: "sex", 2: "note"}
            found = {name for name, index in header.columns.items() if known.get(index) != name}
            assert (heading, found) == (heading, {field} - {""})

    @pytest.mark.parametrize("heading", ["Họ, tên", "Họ và tên đảng viên", "HỌ TÊN", "Họ và tên khai sinh"])
    def test_the_name_too(self, heading: str) -> None:
        header = find_header([Line(1, ["Phái", heading, "SĐT"])], {})
        assert header is not None
        assert header.columns == {"sex": 0, "full_name": 1, "phone": 2}

    def test_order_and_words_are_free(self) -> None:
        head = [
            "TT",
            "HỌ TÊN ĐẢNG VIÊN",
            "Nơi ở hiện nay",
            "Năm sinh",
            "Ngày kết nạp",
            "Số ĐT",
            "Số thẻ đảng viên",
            "Quê quán",
        ]
        row = [
            1,
            "NGUYỄN VĂN AN",
            "12 Lê Duẩn, tổ 5, P. An Hải, TP. Đà Nẵng",
            1976,
            date(2004, 4, 4),
            912345678,
            "0012345",
            "Huế",
        ]
        roster = parse([["DANH SÁCH"], head, row])
        fields = ("full_name", "birth_year", "joined_on", "phone", "address", "neighborhood", "commune")
        assert values(roster, *fields) == [
            ("Nguyễn Văn An", 1976, "2004-04-04", "0912345678", "12 Lê Duẩn", "tổ 5", "P. An Hải")
        ]
        assert roster.notes == ["Không đọc các cột: Quê quán."]

    @pytest.mark.parametrize("form", ["NFC", "NFD", "plain"])
    def test_marks_may_be_composed_decomposed_or_missing(self, form: Any) -> None:
        head = [search_key(h) if form == "plain" else unicodedata.normalize(form, h) for h in HEAD]
        roster = parse([head, AN, BINH])
        assert list(roster.columns) == [
            "number",
            "full_name",
            "sex",
            "birth_date",
            "joined_on",
            "workplace_cell",
            "commune",
            "note",
        ]
        assert values(roster, "full_name", "sex") == [("Nguyễn Văn An", "M"), ("Lê Thị Bình", "F")]

    def test_two_rows_with_sex_ticked_in_two_columns(self) -> None:
        head = ["STT", "Họ và tên", "Giới tính", None, "Ngày sinh", "Ngày vào Đảng", None, "Nơi cư trú", None, None]
        below = [None, None, "Nam", "Nữ", None, "Dự bị", "Chính thức", "Số nhà, đường", "Tổ dân phố", "Phường, xã"]
        numbering = [f"({i})" for i in range(1, 11)]
        an = [1, "Nguyễn Văn An", "x", None, "18/7/1976", "4/4/2004", "4/4/2005", "1 Lê Duẩn", "Tổ 2", "An Hải"]
        binh = [2, "Lê Thị Bình", None, "X", "1.2.80", "5-6-2010", "5-6-2011", "2 Lê Duẩn", "Tổ 3", "P An Hải"]
        merges = ("A1:A2", "B1:B2", "C1:D1", "E1:E2", "F1:G1", "H1:J1")
        content = workbook([head, below, numbering, an, binh], lambda s: [s.merge_cells(m) for m in merges])
        roster = parse_roster(content, "a.xlsx", today=READ_ON)
        fields = ("sex", "birth_date", "joined_on", "official_on", "address", "neighborhood", "commune")
        assert values(roster, *fields) == [
            ("M", "1976-07-18", "2004-04-04", "2005-04-04", "1 Lê Duẩn", "Tổ 2", "An Hải"),
            ("F", "1980-02-01", "2010-06-05", "2011-06-05", "2 Lê Duẩn", "Tổ 3", "P An Hải"),
        ]
        assert roster.notes == ["Bỏ qua dòng 3 (đánh số cột)."]
        assert [row.errors + row.questions for row in roster.rows] == [[], []]

    @pytest.mark.parametrize("parent", ["Năm sinh", "Ngày, tháng, năm sinh", "Ngày sinh"])
    def test_birth_dates_under_nam_and_nu_tell_the_sex(self, parent: str) -> None:
        head = ["TT", "Họ và tên", parent, None, "Vào Đảng", "Phường"]
        below = [None, None, "Nam", "Nữ", None, None]
        roster = parse(
            [
                head,
                below,
                [1, "Nguyễn Văn An", "18/7/1976", None, "4/4/2004", "An Hải"],
                [2, "Lê Thị Bình", None, 1980, "5/6/2010", "An Hải"],
            ]
        )
        assert values(roster, "sex", "birth_date", "birth_year") == [("M", "1976-07-18", 1976), ("F", None, 1980)]

    def test_family_and_given_name_in_two_columns(self) -> None:
        roster = parse(
            [["STT", "Họ và tên đệm", "Tên", "Ngày sinh", "Xã"], [1, "Nguyễn Văn", "An", "18/7/1976", "Hòa Vang"]]
        )
        assert values(roster, "full_name", "commune") == [("Nguyễn Văn An", "Hòa Vang")]

    def test_a_correction_is_obeyed(self) -> None:
        rows: list[list[Any]] = [
            ["STT", "Họ và tên", "Ngày sinh", "Chi bộ", "Khu vực"],
            [1, "Nguyễn Văn An", "18/7/1976", "Chi bộ 1", "An Hải"],
        ]
        roster = parse(rows, corrections={"khu vuc": "commune", "chi bo": ""})
        assert values(roster, "commune", "workplace_cell") == [("An Hải", "")]

    def test_no_table_is_a_sentence(self) -> None:
        with pytest.raises(RosterError, match="Không tìm thấy dòng tiêu đề"):
            parse([["Kính gửi"], ["Họ và tên", "Quê quán"], ["Nguyễn Văn An", "Huế"]])

    def test_missing_columns_are_told_once(self) -> None:
        roster = parse([["Họ và tên", "Chi bộ", "Chức vụ"], ["Nguyễn Văn An", "Chi bộ 1", "Kế toán"]])
        assert roster.problems == [
            "Danh sách không có cột ngày sinh.",
            "Danh sách không có cột ngày vào Đảng.",
            "Danh sách không có cột phường, xã nơi cư trú.",
        ]
        assert roster.rows[0].questions == []


class TestLines:
    def test_sections_name_the_cell(self) -> None:
        head = ["STT", "Họ và tên", "Ngày sinh", "Ngày vào Đảng", "Phường/xã"]
        an, binh = (
            [1, "Nguyễn Văn An", "18/07/1976", "04/04/2004", "An Hải"],
            [1, "Lê Thị Bình", "01/02/1980", "05/06/2010", "An Hải"],
        )
        roster = parse(
            [head, ["I. Chi bộ 1 (12 đồng chí)"], an, [], ["II", "Chi bộ Văn phòng"], binh, [None, "Cộng: 2"]]
        )
        assert values(roster, "full_name", "workplace_cell") == [
            ("Nguyễn Văn An", "Chi bộ 1"),
            ("Lê Thị Bình", "Chi bộ Văn phòng"),
        ]
        assert [row.number for row in roster.rows] == [3, 6]
        assert roster.notes == ["Bỏ qua dòng 7 (tổng số)."]

    def test_a_cell_merged_downwards_is_filled_and_asked(self) -> None:
        roster = parse([HEAD, AN, [*BINH[:5], None, *BINH[6:]]])
        assert values(roster, "workplace_cell") == [("Chi bộ 1",), ("Chi bộ 1",)]
        assert roster.rows[1].questions == [
            ("workplace_cell", "Ô chi bộ để trống, được hiểu như dòng trên: “Chi bộ 1”.")
        ]

    def test_what_stands_below_the_list_is_nobody(self) -> None:
        below: list[list[Any]] = [
            [3, None, None],
            [None, "Tổng cộng: 02 đồng chí"],
            [None, None, None, None, None, "Đà Nẵng, ngày 20 tháng 10 năm 2026"],
            [None, "Người lập biểu", None, None, None, "BÍ THƯ"],
            [None, "Trần Giả Định", None, None, None, "Lê Giả Định"],
        ]
        roster = parse([HEAD, AN, HEAD, BINH, *below])
        assert values(roster, "full_name") == [("Nguyễn Văn An",), ("Lê Thị Bình",)]
        assert roster.notes == [
            "Bỏ qua dòng 3 (tiêu đề lặp lại).",
            "Bỏ qua dòng 6 (tổng số).",
            "Bỏ qua dòng 7, 8, 9 (phần ký).",
        ]

    def test_secretaries_are_people_too(self) -> None:
        head = ["Họ và tên", "Ngày sinh", "Ngày vào Đảng", "Chức vụ"]
        roster = parse([head, ["Nguyễn Văn An", "18/07/1976", "04/04/2004", "Bí thư"]])
        assert values(roster, "full_name", "position") == [("Nguyễn Văn An", "Bí thư")]

    def test_a_numbered_line_without_a_name_is_an_error_not_a_gap(self) -> None:
        roster = parse([HEAD, [1, None, "Nam", "18/07/1976", "04/04/2004", "Chi bộ 1", "An Hải"]])
        assert roster.rows[0].errors == [("full_name", "Thiếu họ và tên; đề nghị ghi bổ sung.")]

    def test_doubles_and_homonyms(self) -> None:
        twin = [3, "nguyễn văn an", "Nam", "18.7.76", date(2004, 4, 4), "Chi bộ 3", "An Hải", None]
        homonym = [4, "Nguyễn Văn An", "Nam", "18/07/1977", "04/04/2004", "Chi bộ 1", "An Hải", None]
        vague = [5, "Nguyễn Văn An", "Nam", 1977, None, "Chi bộ 1", "An Hải", None]
        vaguer = [6, "Nguyễn Văn An", "Nam", 1977, None, "Chi bộ 1", "An Hải", None]
        roster = parse([HEAD, AN, BINH, twin, homonym, vague, vaguer])
        assert doubles((row.number, row.values) for row in roster.rows) == {
            4: [("full_name", "Trùng với dòng 2 (cùng họ tên, ngày sinh, ngày vào Đảng); đề nghị bỏ một dòng.")],
            6: [("twin", "Cùng họ tên với dòng 5 và chưa đủ ngày để phân biệt; có phải một người không?")],
            7: [("twin", "Cùng họ tên với dòng 5 và chưa đủ ngày để phân biệt; có phải một người không?")],
        }

    def test_only_the_sheet_with_the_list_is_read(self) -> None:
        def more(sheet: Worksheet) -> None:
            assert sheet.parent is not None
            hidden, second = sheet.parent.create_sheet("Ẩn", 0), sheet.parent.create_sheet("Năm trước")
            sheet.parent.create_sheet("Bìa", 0).append(["BÌA"])
            for row in (HEAD, BINH):
                hidden.append(row)
                second.append(row)
            hidden.sheet_state = "hidden"

        roster = parse_roster(workbook([HEAD, AN], more), "a.xlsx", today=READ_ON)
        assert (roster.sheet, values(roster, "full_name")) == ("Sheet", [("Nguyễn Văn An",)])
        assert [(other.sheet, *values(other, "full_name")) for other in roster.others] == [
            ("Năm trước", ("Lê Thị Bình",))
        ]


class TestExemptions:
    @pytest.mark.parametrize(
        "note", ["Miễn giới thiệu", "Thuộc diện được miễn giới thiệu", "Đơn vị sẵn sàng chiến đấu", "Nhiệm vụ đặc biệt"]
    )
    def test_who_is_never_introduced_leaves_only_a_row_number(self, note: str) -> None:
        roster = parse([HEAD, AN, [*BINH[:7], note]])
        assert ([row.number for row in roster.rows], roster.dropped) == ([2], [3])
        assert [text for text in ("Bình", note) if text in repr(roster)] == []

    def test_also_by_section_and_by_column(self) -> None:
        section = parse([HEAD, AN, ["II. DANH SÁCH MIỄN GIỚI THIỆU"], BINH])
        column = parse([[*HEAD, "Miễn giới thiệu"], [*AN, None], [*BINH, "x"]])
        assert [(len(r.rows), r.dropped, "Bình" in repr(r)) for r in (section, column)] == [
            (1, [4], False),
            (1, [3], False),
        ]

    @pytest.mark.parametrize(
        ("note", "category"),
        [
            ("Miễn sinh hoạt nơi cư trú: đi học tập trung 12 tháng", "EX_FULLTIME_STUDY"),
            ("Được miễn SHNCT do ở doanh trại quân đội", "EX_ARMED"),
            ("Miễn sinh hoạt: công tác xa nhà", "EX_FAR_WORK"),
            ("Mien sinh hoat, can bo luan chuyen", "EX_ROTATED"),
            ("Miễn sinh hoạt (sinh viên học xa)", "EX_STUDENT_AWAY"),
        ],
    )
    def test_who_is_introduced_but_exempt_from_activity(self, note: str, category: str) -> None:
        row = one(note=note)
        assert (row.values["exemption"], row.questions) == ({"class": "EXEMPT_ACTIVITY", "category": category}, [])

    @pytest.mark.parametrize(
        ("note", "kind", "asked"),
        [
            ("Miễn sinh hoạt nơi cư trú", "EXEMPT_ACTIVITY", WHICH),
            ("Miễn đảng phí", "ACTIVE", "Ghi chú “Miễn đảng phí”" + WHETHER),
            ("Đi học tập trung", "ACTIVE", "Ghi chú “Đi học tập trung”" + WHETHER),
            ("Không thuộc diện miễn sinh hoạt", "ACTIVE", "Ghi chú “Không thuộc diện miễn sinh hoạt”" + WHETHER),
        ],
    )
    def test_what_is_not_understood_is_asked(self, note: str, kind: str, asked: str) -> None:
        row = one(note=note)
        assert (row.values["exemption"], row.questions) == ({"class": kind, "category": ""}, [("note", asked)])

    @pytest.mark.parametrize("note", ["", "Quê miền Trung", "Công tác tốt"])
    def test_other_notes_mean_nothing(self, note: str) -> None:
        assert (one(note=note).values["exemption"]["class"], one(note=note).questions) == ("ACTIVE", [])


class TestDates:
    @pytest.mark.parametrize(
        "text",
        [
            "18/7/1976",
            "18-07-1976",
            "18.7.76",
            "18 / 07 / 1976",
            "1976-07-18",
            "1976-07-18 00:00:00",
            "27959",
            "18071976",
            "ngày 18 tháng 7 năm 1976",
            "'18/07/1976",
        ],
    )
    def test_the_ways_to_write_a_day(self, text: str) -> None:
        assert read_date(text, READ_ON).day == date(1976, 7, 18)

    @given(st.dates(date(1900, 1, 1), date(2099, 12, 31)), st.sampled_from("/-."))
    def test_day_before_month_always(self, day: date, mark: str) -> None:
        assert read_date(f"{day.day}{mark}{day.month}{mark}{day.year}", READ_ON).day == day
        assert read_date(day.isoformat(), READ_ON).day == day

    @given(st.text(max_size=30) | st.from_regex(r"[0-9]{1,4}[/.-][0-9]{1,4}[/.-][0-9]{1,5}", fullmatch=True))
    def test_anything_else_is_an_answer_not_a_crash(self, text: str) -> None:
        found = read_date(text, READ_ON)
        assert sum([found.day is not None, found.year is not None, bool(found.error)]) == 1

    @pytest.mark.parametrize(
        ("raw", "sentence"),
        [
            ({"birth_date": "31/02/1976"}, f"Ngày sinh: Không có ngày “31/02/1976”{AGAIN} theo thứ tự ngày/tháng/năm."),
            (
                {"joined_on": "07/18/2004"},
                f"Ngày vào Đảng: Không có ngày “07/18/2004”{AGAIN} theo thứ tự ngày/tháng/năm.",
            ),
            (
                {"birth_date": "hè 76"},
                "Ngày sinh: “hè 76” chưa đọc được; đề nghị ghi dạng ngày/tháng/năm, ví dụ 18/07/1976.",
            ),
            ({"birth_date": "24/11/2026", "joined_on": ""}, f"Ngày sinh 24/11/2026 ở tương lai{AGAIN}."),
            (
                {"birth_date": "29/05/1905", "joined_on": ""},
                f"Ngày sinh 29/05/1905 đã quá 100 năm (có thể ô này chỉ ghi năm 1976){AGAIN}.",
            ),
            ({"joined_on": "24/11/2026"}, f"Ngày vào Đảng 24/11/2026 ở tương lai{AGAIN}."),
            ({"joined_on": "04/04/1929"}, f"Ngày vào Đảng 04/04/1929 trước ngày thành lập Đảng{AGAIN}."),
            ({"joined_on": "04/04/1970"}, f"Ngày vào Đảng 04/04/1970 trước ngày sinh{AGAIN} cả hai ngày."),
            ({"joined_on": "17/07/1994"}, f"Vào Đảng ngày 17/07/1994 khi chưa đủ 18 tuổi{AGAIN} cả hai ngày."),
            ({"official_on": "03/04/2004"}, f"Ngày chính thức 03/04/2004 trước ngày vào Đảng{AGAIN}."),
        ],
    )
    def test_impossible_days_are_errors(self, raw: dict[str, str], sentence: str) -> None:
        assert one(**raw).errors == [(next(iter(raw)), sentence)]

    def test_eighteen_years_to_the_day_are_enough(self) -> None:
        assert one(joined_on="18/07/1994").errors == []

    @pytest.mark.parametrize(
        ("raw", "sentence"),
        [
            ({"birth_date": "1976"}, "Ngày sinh mới chỉ có năm 1976; đề nghị bổ sung đủ ngày, tháng nếu có."),
            ({"birth_date": "7/1976"}, "Ngày sinh mới chỉ có năm 1976; đề nghị bổ sung đủ ngày, tháng nếu có."),
            ({"joined_on": ""}, "Chưa có ngày vào Đảng."),
            ({"official_on": "04/01/2005"}, "Ngày chính thức 04/01/2005 chưa đủ 12 tháng sau ngày vào Đảng."),
        ],
    )
    def test_incomplete_days_are_questions(self, raw: dict[str, str], sentence: str) -> None:
        assert (one(**raw).errors, one(**raw).questions) == ([], [(next(iter(raw)), sentence)])

    def test_a_year_of_probation_is_no_question(self) -> None:
        assert one(official_on="04/04/2005").questions == []


class TestOtherValues:
    @pytest.mark.parametrize(
        ("written", "phone", "asked"),
        [
            ("939348282", "0939348282", 0),
            ("+84 939 348 282", "0939348282", 0),
            ("0939.348.282 / 0511", "0939348282", 0),
            ("0939348282 0939348283", "0939348282", 0),
            ("12345", "12345", 1),
        ],
    )
    def test_phones(self, written: str, phone: str, asked: int) -> None:
        row = one(phone=written)
        assert (row.values["phone"], len(row.questions), row.errors) == (phone, asked, [])

    def test_the_commune_comes_from_the_end_of_the_address(self) -> None:
        row = one(commune="", address="K12/3 Lê Duẩn; Tổ dân phố 7, Phường Hải Châu, TP Đà Nẵng, Việt Nam")
        assert {k: dict(row.values)[k] for k in ("address", "neighborhood", "commune")} == {
            "address": "K12/3 Lê Duẩn",
            "neighborhood": "Tổ dân phố 7",
            "commune": "Phường Hải Châu",
        }
        assert one(commune="", address="12 Lê Duẩn").questions == [
            ("commune", "Chưa rõ phường, xã nơi cư trú; chưa thể gửi xin ý kiến nơi cư trú.")
        ]

    def test_odd_names_and_cells(self) -> None:
        assert one(full_name="Nguyễn Văn 4n").errors == [
            ("full_name", "Họ và tên “Nguyễn Văn 4n” có chữ số hoặc ký tự lạ; đề nghị ghi lại.")
        ]
        assert [len(one(full_name=name).errors) for name in ("<b>An</b>", "=HYPERLINK(1)", "")] == [1, 1, 1]
        assert one(full_name="Đ/c Nguyễn Văn An").values["full_name"] == "Nguyễn Văn An"
        assert one(position="#REF!").errors == [("position", "Ô đang báo lỗi “#REF!”; đề nghị ghi lại giá trị.")]
        assert one(position="a" * 201).errors == [("position", "Chức vụ dài quá 200 ký tự; đề nghị viết gọn lại.")]

    def test_a_corrected_row_reads_like_a_fresh_one(self) -> None:
        row = parse([HEAD, AN]).rows[0]
        assert understand(row.number, row.raw, READ_ON) == row

    @given(
        st.dictionaries(
            st.sampled_from(
                ["full_name", "sex", "male", "birth_date", "joined_on", "address", "commune", "phone", "note"]
            ),
            st.text(max_size=60),
        )
    )
    def test_no_text_crashes(self, raw: dict[str, str]) -> None:
        assert understand(1, raw, READ_ON).number == 1


class TestOtherFiles:
    TEXT = (
        'STT;Họ và tên;Ngày sinh;Ngày vào Đảng;Địa chỉ\n1;Nguyễn Văn Ước;18/7/1976;4/4/2004;"1, Lê Duẩn, P. An Hải"\n'
    )

    @pytest.mark.parametrize("mark", [";", ",", "\t"])
    @pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1258"])
    def test_csv(self, mark: str, encoding: str) -> None:
        text = self.TEXT.replace(";", mark)
        if encoding == "cp1258":
            # That code page knows ê and ơ, and the tones only as separate marks.
            text = "".join(_for_1258(ch) for ch in text)
        roster = read_roster(text.encode(encoding), "ds.csv", today=READ_ON)
        assert values(roster, "full_name", "birth_date", "address", "commune") == [
            ("Nguyễn Văn Ước", "1976-07-18", "1, Lê Duẩn", "P. An Hải")
        ]

    @pytest.mark.parametrize(
        ("content", "filename", "sentence"),
        [
            (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600, "ds.xls", "Với bảng trong Word"),
            (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + "EncryptedPackage".encode("utf-16-le"), "ds.xlsx", "mật khẩu"),
            (b"<html><table><tr><td>An</td></tr></table></html>", "ds.xls", "trang web"),
            (b"%PDF-1.7", "ds.csv", "Chỉ đọc được danh sách dạng .xlsx"),
            (b"\x89PNG\r\n\x1a\n", "ds.xlsx", "Chỉ đọc được danh sách dạng .xlsx"),
            (b"", "ds.csv", "Tệp trống"),
            (b"\0\1\2" * 99, "ds.csv", "bảng mã"),
            (b"a" * (MAX_BYTES + 1), "ds.csv", "lớn hơn 5 MB"),
            (("Họ và tên,Ngày sinh,Xã\n" + "An,1976," + "x" * 2001).encode(), "ds.csv", "Ô C2 dài hơn 2.000 ký tự"),
            ((",".join("abc" for _ in range(61))).encode(), "ds.csv", "hơn 60 cột"),
            (b"An,B\n" * 20_501, "ds.csv", "hơn 20.000 dòng"),
        ],
    )
    def test_what_cannot_be_read_is_refused_in_a_sentence(self, content: bytes, filename: str, sentence: str) -> None:
        with pytest.raises(RosterError, match=sentence):
            read_roster(content, filename, today=READ_ON)


def _for_1258(ch: str) -> str:
    try:
        ch.encode("cp1258")
        return ch
    except UnicodeEncodeError:
        base, *marks = list(unicodedata.normalize("NFD", ch))
        tones = [m for m in marks if m in "\u0300\u0301\u0303\u0309\u0323"]
        return unicodedata.normalize("NFC", base + "".join(m for m in marks if m not in tones)) + "".join(tones)
