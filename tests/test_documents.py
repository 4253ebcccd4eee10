"""Official documents: what the paper says, how it is set, and what can never get into it. No database is needed."""

import copy
import io
import json
import re
import threading
import unicodedata
from collections.abc import Iterator
from datetime import date
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any, NamedTuple

import pikepdf
import pytest
from pypdf import PdfReader
from weasyprint.urls import FatalURLFetchingError

from evaluations import documents
from evaluations.documents import Access, Check, Rendered, RenderError, render
from evaluations.gallery import BY_NAME, sample_facts
from evaluations.scans import read_pages
from tests.document_samples import (
    ALL_LETTERS,
    ASSESSMENT_FORM,
    COUNTERPART,
    INTRODUCTION,
    REPLY_LETTER,
    REPORT,
    REQUEST_LETTER,
    SAMPLES,
    complete,
    request_row,
)

# WeasyPrint leaves closing its colour profile to the garbage collector.
pytestmark = pytest.mark.filterwarnings("ignore:unclosed file.*sRGB2014:ResourceWarning")

ISSUED_ON = date(2026, 10, 5)
ACCESS = Access(url="https://example.vn/thu/", code="K7QF-29MX-4TRA")
CHECK = Check(url="https://example.vn/kiem-tra/", number="8F2K1")
MM = 25.4 / 72


class Fragment(NamedTuple):
    text: str
    x: float
    y: float  # of the baseline, from the top edge, in mm like x
    size: float
    font: str


def read(rendered: Rendered) -> PdfReader:
    return PdfReader(io.BytesIO(rendered.content))


def words(text: str) -> str:
    return re.sub(r"\s+", " ", text).strip()


def page_texts(rendered: Rendered) -> list[str]:
    return [words(page.extract_text()) for page in read(rendered).pages]


def text_of(rendered: Rendered) -> str:
    return " ".join(page_texts(rendered))


def fragments(rendered: Rendered, page_no: int = 0) -> list[Fragment]:
    found: list[Fragment] = []

    def keep(text: str, cm: list[float], tm: list[float], font: dict[str, str] | None, size: float) -> None:
        if font and words(text):
            x, y = cm[4] + cm[0] * tm[4], cm[5] + cm[3] * tm[5]
            face = font["/BaseFont"].split("+")[1]
            found.append(Fragment(words(text), round(x * MM, 1), round(297 - y * MM, 1), round(size * cm[0], 1), face))

    read(rendered).pages[page_no].extract_text(visitor_text=keep)
    return found


def changed(facts: dict[str, Any], **changes: Any) -> dict[str, Any]:
    return copy.deepcopy(facts) | changes


def strings(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[tuple[Any, ...], str]]:
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        if isinstance(item, str):
            yield (*path, key), item
        yield from strings(item, (*path, key))


def keys(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        if isinstance(value, dict):
            yield (*path, key)
        yield from keys(item, (*path, key))


def holder(facts: Any, path: tuple[Any, ...]) -> Any:
    for step in path[:-1]:
        facts = facts[step]
    return facts


# --- What the paper says ---------------------------------------------------------------------------------------------


def test_request_letter_says_who_is_asked_until_when_and_where_to_answer() -> None:
    letter = render("request_letter", REQUEST_LETTER, number="5", issued_on=ISSUED_ON, access=ACCESS)

    first, listed = page_texts(letter)
    assert first == (
        "ĐẢNG BỘ UBND THÀNH PHỐ ĐÀ NẴNG ĐẢNG ỦY SỞ XÂY DỰNG * Số 05-CV/ĐU "
        "V/v đề nghị nhận xét đảng viên đang công tác tại nơi cư trú năm 2026 "
        "ĐẢNG CỘNG SẢN VIỆT NAM Hải Châu, ngày 05 tháng 10 năm 2026 Kính gửi: Đảng ủy phường An Hải "
        "Căn cứ Quy định số 213-QĐ/TW, ngày 02 tháng 01 năm 2020 của Bộ Chính trị về trách nhiệm của đảng viên đang "
        "công tác thường xuyên giữ mối liên hệ với tổ chức đảng và nhân dân nơi cư trú; "
        "Căn cứ Quy định số 366-QĐ/TW, ngày 30 tháng 8 năm 2025 của Bộ Chính trị, "
        "Để có cơ sở kiểm điểm, đánh giá, xếp loại chất lượng đảng viên năm 2026, Đảng ủy trân trọng đề nghị "
        "Đảng ủy phường An Hải quan tâm chỉ đạo chi ủy, chi bộ nơi cư trú phối hợp với Ban công tác Mặt trận nhận xét, "
        "đánh giá 05 đồng chí đảng viên đang công tác trong việc giữ mối liên hệ với tổ chức đảng và nhân dân nơi cư "
        "trú (có danh sách kèm theo), cụ thể như sau: "
        "1. Thời gian nhận xét: từ ngày 01/01/2026 đến ngày 30/11/2026. "
        "2. Nội dung nhận xét: theo mẫu Phiếu nhận xét đảng viên đang công tác thường xuyên giữ mối liên hệ với tổ "
        "chức đảng và nhân dân nơi cư trú. "
        "3. Thời hạn: đề nghị gửi kết quả chậm nhất ngày 15 tháng 11 năm 2026. "
        "4. Nơi nhận kết quả: Văn phòng Đảng ủy Sở Xây dựng, số 00 đường Ví Dụ, phường Hải Châu, thành phố Đà Nẵng; "
        "điện thoại: 0236 000 0000; thư điện tử: vanphong@example.vn. "
        "Trường hợp đồng chí nào không cư trú tại địa bàn, đề nghị thông báo lại để Đảng ủy kịp thời rà soát, điều "
        "chỉnh. Rất mong nhận được sự quan tâm, phối hợp của Đảng ủy phường An Hải. "
        "Nơi nhận: - Như trên; - Lưu Văn phòng Đảng ủy. "
        "Đọc, in công văn và gửi bản trả lời tại: https://example.vn/thu/ Mã công văn: K7QF-29MX-4TRA "
        "T/M ĐẢNG ỦY BÍ THƯ Nguyễn Văn Mẫu"
    )
    assert "DANH SÁCH đảng viên đề nghị cấp ủy nơi cư trú nhận xét năm 2026" in listed
    assert "(Kèm theo Công văn số 05-CV/ĐU, ngày 05 tháng 10 năm 2026)" in listed
    assert "1 Lê Thị Thử Nghiệm 18/7/1976 Nữ Chuyên viên; Chi bộ Văn phòng Sở Tổ 1, phường An Hải" in listed
    assert "Tổng số: 05 đồng chí." in listed


def test_a_letter_to_an_organisation_with_accounts_carries_no_letter_code() -> None:
    assert "Mã công văn" not in text_of(render("request_letter", REQUEST_LETTER))


def test_assessment_form_shows_every_scale_and_ticks_what_was_chosen() -> None:
    form = text_of(render("assessment_form", ASSESSMENT_FORM))

    ticked = [
        "1 Nêu gương về phẩm chất chính trị, đạo đức, lối sống; vai trò tiền phong, gương mẫu "
        "X Nêu gương tốt Nêu gương Chưa nêu gương",
        "2 Thực hiện nghĩa vụ công dân; vận động gia đình, nhân dân Gương mẫu đi đầu X Gương mẫu Chưa gương mẫu",
        "Tham gia đầy đủ X Tham gia chưa đầy đủ Không tham gia Thực tế trong năm: chi bộ mời họp 2 lần; có mặt 1, "
        "vắng có lý do 1, vắng không lý do 0 (15/5/2026: có mặt; 20/10/2026: vắng có lý do).",
        "Thường xuyên, tích cực X Thường xuyên Chưa thường xuyên",
        "5 Tham gia phong trào, hoạt động ở khu dân cư Rất tích cực Tích cực Chưa tích cực "
        "Không có cơ sở để đánh giá (lý do ghi tại mục Nhận xét khác).",
        "6 Đề nghị: Biểu dương X Không đề nghị Xem xét xử lý",
        "Nhận xét khác: Nội dung 5, không có cơ sở để đánh giá: mới chuyển về tổ dân phố từ tháng 10 năm 2026.",
    ]
    assert [line for line in ticked if line not in form] == []
    assert form.replace("(đánh dấu X vào ô được chọn)", "").count("X ") == 5


def test_assessment_form_carries_both_signature_blocks_and_no_number() -> None:
    form = text_of(render("assessment_form", ASSESSMENT_FORM, number="7"))

    assert (
        "Ngày 12 tháng 11 năm 2026 XÁC NHẬN CỦA ĐẢNG ỦY PHƯỜNG AN HẢI PHÓ BÍ THƯ "
        "An Hải, ngày 10 tháng 11 năm 2026 T/M CHI BỘ BÍ THƯ Trần Thị Ví Dụ Phạm Văn Giả Định" in form
    )
    assert "Số" not in form


def test_an_unconfirmed_form_leaves_room_for_the_date_and_prints_nothing_false() -> None:
    blank = changed(ASSESSMENT_FORM, remarks="", no_basis_reasons=[], attendance=None, labels=["nhập từ bản giấy"])
    blank["confirmation"].update(line="", name="")

    form = text_of(render("assessment_form", blank))

    assert "Ngày …… tháng …… năm ……… XÁC NHẬN CỦA ĐẢNG ỦY PHƯỜNG AN HẢI" in form
    assert "Ghi chú: nhập từ bản giấy." in form
    assert "Nhận xét khác: không." in form
    assert "Thực tế trong năm" not in form
    assert "None" not in form


def test_reply_letter_names_the_letter_it_answers_and_says_what_is_still_open() -> None:
    reply = text_of(render("reply_letter", REPLY_LETTER, number="12", issued_on=ISSUED_ON))

    assert (
        "Phúc đáp Công văn số 12-CV/ĐU, ngày 05 tháng 10 năm 2026 của Đảng ủy Sở Xây dựng, Đảng ủy gửi kết quả nhận "
        "xét đợt 1 (1/4 đồng chí) của chi ủy, chi bộ nơi cư trú" in reply
    )
    assert "4. Đang tiếp tục nhận xét, sẽ gửi kết quả sau: 01 đồng chí." in reply
    assert "2 9 Hoàng Văn Làm Mẫu 1981 Chi bộ Quy hoạch Chuyển lại: không cư trú tại địa bàn" in reply


def test_reply_letter_without_a_reference_and_in_one_part() -> None:
    facts = changed(REPLY_LETTER, reference=None, partial=None)
    facts["counts"]["remaining"] = 0

    reply = text_of(render("reply_letter", facts))

    assert "Đảng ủy gửi Đảng ủy Sở Xây dựng kết quả nhận xét của chi ủy" in reply
    assert "đợt" not in reply
    assert "Đang tiếp tục nhận xét" not in reply


def test_report_prints_every_figure_and_says_so_where_there_is_none() -> None:
    report = text_of(render("report", REPORT, number="1", issued_on=date(2026, 2, 3)))
    empty = text_of(render("report", changed(REPORT, sections=[], by_commune=[], distribution=[], remarks=[])))

    assert "Số 01-BC/ĐU" in report
    assert "ngày 03 tháng 02 năm 2026" in report
    assert "Đã nhận được nhận xét 98 87,5%" in report
    assert "Thông tin có dấu hiệu vi phạm Không phát sinh." in report
    assert "Đảng ủy phường Ngũ Hành Sơn 82 80 75 70 2 10" in report
    assert "Nêu gương tốt: 40 Nêu gương: 56 Chưa nêu gương: 1 1" in report
    assert empty.count("Chưa có số liệu.") == 2
    assert "Nhận xét, kiến nghị" not in empty


BY_RULE = (
    "ĐẢNG BỘ UBND THÀNH PHỐ ĐÀ NẴNG ĐẢNG ỦY SỞ XÂY DỰNG * Số 05-GGT/ĐU "
    "ĐẢNG CỘNG SẢN VIỆT NAM Hải Châu, ngày 05 tháng 10 năm 2026 GIẤY GIỚI THIỆU ----- "
    "Kính gửi: - Đảng ủy phường An Hải; - Chi bộ nơi cư trú (Tổ dân phố 7). "
    "Thực hiện Quy định số 213-QĐ/TW, ngày 02 tháng 01 năm 2020 của Bộ Chính trị về trách nhiệm của đảng viên đang "
    "công tác thường xuyên giữ mối liên hệ với tổ chức đảng và nhân dân nơi cư trú, ĐẢNG ỦY SỞ XÂY DỰNG "
    "Giới thiệu đồng chí: Lê Thị Thử Nghiệm Nam, nữ: Nữ Sinh ngày: 18/7/1976 Kết nạp vào Đảng ngày: 03/02/2004 "
    "Công nhận đảng viên chính thức ngày: 03/02/2005 "
    "Đang sinh hoạt đảng tại Chi bộ Văn phòng Sở, Đảng ủy Sở Xây dựng "
    "Hiện cư trú tại: 12 đường Ví Dụ, Tổ 7, phường An Hải "
)
EXEMPT = "Thuộc đối tượng Giới thiệu nhưng được miễn sinh hoạt nơi cư trú. "
CLOSING = "Đề nghị các đồng chí tiếp nhận và tạo điều kiện để đồng chí Lê Thị Thử Nghiệm hoàn thành nhiệm vụ. "


def test_introduction_leaves_the_left_half_to_the_residence() -> None:
    (page,) = page_texts(render("introduction", INTRODUCTION, number="5", issued_on=ISSUED_ON))
    assert page == (
        f"{BY_RULE}{EXEMPT}{CLOSING}ĐẢNG ỦY NƠI CƯ TRÚ Tiếp nhận ngày …… tháng …… năm ……… "
        "Đã giới thiệu về sinh hoạt tại Chi bộ ……………………………… T/M ĐẢNG ỦY BÍ THƯ T/M ĐẢNG ỦY BÍ THƯ Nguyễn Văn Mẫu"
    )
    (page,) = page_texts(render("introduction", changed(INTRODUCTION, is_exempt=False), number="5", access=ACCESS))
    assert EXEMPT.strip() not in page
    assert f"Mã công văn: {ACCESS.code}" in page


def test_counterpart_is_the_same_paper_with_the_left_half_filled_in() -> None:
    (page,) = page_texts(render("counterpart", COUNTERPART, issued_on=date(2026, 10, 9)))
    assert page == (
        f"{BY_RULE}{EXEMPT}{CLOSING}ĐẢNG ỦY NƠI CƯ TRÚ Tiếp nhận ngày 09 tháng 10 năm 2026 "
        "Đã giới thiệu về sinh hoạt tại Chi bộ Tổ dân phố 7 T/M ĐẢNG ỦY PHÓ BÍ THƯ Trần Thị Ví Dụ "
        "T/M ĐẢNG ỦY BÍ THƯ Nguyễn Văn Mẫu"
    )


@pytest.mark.parametrize("template", SAMPLES)
def test_every_page_of_issued_paper_carries_its_code_and_moves_nothing(template: str) -> None:
    facts = SAMPLES[template]
    plain, checked = page_texts(render(template, facts)), page_texts(render(template, facts, check=CHECK))

    codes = [f" {CHECK.number} trang {no}" for no in range(1, len(plain) + 1)]
    assert checked == [text + code for text, code in zip(plain, codes, strict=True)]
    read = read_pages(render(template, facts, check=CHECK).content, 1, 10)
    assert [page.codes for page in read] == [
        [CHECK.url if no == 1 else f"{CHECK.url}?t={no}"] for no in range(1, len(plain) + 1)
    ]


@pytest.mark.parametrize("template", SAMPLES)
def test_only_drafts_say_that_they_are_drafts_on_every_page(template: str) -> None:
    facts = SAMPLES[template]

    drafts = page_texts(render(template, facts, is_draft=True))

    assert ["DỰ THẢO" in page for page in drafts] == [True] * len(drafts)
    assert "DỰ THẢO" not in text_of(render(template, facts, number="5", issued_on=ISSUED_ON))


@pytest.mark.parametrize("template", SAMPLES)
def test_a_draft_breaks_its_pages_where_the_issued_document_does(template: str) -> None:
    issued = page_texts(render(template, SAMPLES[template], number="5", issued_on=ISSUED_ON))
    draft = page_texts(render(template, SAMPLES[template], number="5", issued_on=ISSUED_ON, is_draft=True))

    assert [words(page.replace("DỰ THẢO", "")) for page in draft] == issued


def test_a_document_without_number_and_date_leaves_room_for_both() -> None:
    letter = text_of(render("request_letter", REQUEST_LETTER))

    assert "Số -CV/ĐU" in letter
    assert "Hải Châu, ngày …… tháng …… năm ………" in letter


@pytest.mark.parametrize(
    ("number", "printed"),
    [("5", "05-CV/ĐU"), ("05", "05-CV/ĐU"), ("5a", "05a-CV/ĐU"), ("112", "112-CV/ĐU"), ("07-CV/VP", "07-CV/VP")],
)
def test_numbers_below_ten_are_padded(number: str, printed: str) -> None:
    assert f"Số {printed} V/v" in text_of(render("request_letter", REQUEST_LETTER, number=number))


@pytest.mark.parametrize(
    ("day", "printed"),
    [
        (date(2026, 1, 1), "ngày 01 tháng 01 năm 2026"),
        (date(2026, 2, 9), "ngày 09 tháng 02 năm 2026"),
        (date(2026, 3, 10), "ngày 10 tháng 3 năm 2026"),
        (date(2026, 11, 23), "ngày 23 tháng 11 năm 2026"),
    ],
)
def test_days_below_ten_and_the_first_two_months_are_padded(day: date, printed: str) -> None:
    assert f"Hải Châu, {printed}" in text_of(render("request_letter", REQUEST_LETTER, issued_on=day))


# --- How it is set ---------------------------------------------------------------------------------------------------


def test_components_stand_where_and_as_large_as_the_rules_say() -> None:
    letter = render("request_letter", REQUEST_LETTER, number="5", issued_on=ISSUED_ON)
    regular, bold, italic = (f"Liberation-Serif-Official{face}" for face in ("", "-Bold", "-Italic"))
    by_text = {fragment.text: fragment for fragment in fragments(letter)}

    set_as = {
        "ĐẢNG BỘ UBND THÀNH PHỐ": (14, regular),
        "ĐẢNG ỦY SỞ XÂY DỰNG": (14, bold),
        "ĐẢNG CỘNG SẢN VIỆT NAM": (15, bold),
        "Số 05-CV/ĐU": (14, regular),
        "tại nơi cư trú năm 2026": (12, italic),
        "ngày 05 tháng 10 năm 2026": (14, italic),
        "Kính gửi:": (14, italic),
        "chức đảng và nhân dân nơi cư trú;": (14, regular),
        "Nơi nhận:": (14, regular),
        "- Như trên;": (12, regular),
        "T/M ĐẢNG ỦY": (14, bold),
        "BÍ THƯ": (14, regular),
        "Nguyễn Văn Mẫu": (14, bold),
    }
    assert {text: (by_text[text].size, by_text[text].font) for text in set_as} == set_as
    assert by_text["chức đảng và nhân dân nơi cư trú;"].x == 30
    assert by_text["Rất mong nhận được sự quan tâm, phối hợp của Đảng ủy phường An Hải."].x == 40
    assert by_text["ĐẢNG CỘNG SẢN VIỆT NAM"].x > by_text["ĐẢNG ỦY SỞ XÂY DỰNG"].x + 70
    assert 20 < by_text["ĐẢNG CỘNG SẢN VIỆT NAM"].y < 27
    assert by_text["Nguyễn Văn Mẫu"].y - by_text["BÍ THƯ"].y > 35
    assert all(30 <= fragment.x < 195 and 20 < fragment.y < 277 for fragment in by_text.values())


def test_pages_are_a4_and_numbered_at_the_top_from_the_second() -> None:
    letter = render("request_letter", changed(REQUEST_LETTER, rows=[request_row(no) for no in range(1, 61)]))
    sizes = {
        (round(float(page.mediabox.width) * MM), round(float(page.mediabox.height) * MM)) for page in read(letter).pages
    }
    margins = [[f for f in fragments(letter, page) if f.y < 20] for page in range(letter.pages)]

    assert sizes == {(210, 297)}
    assert letter.pages == len(margins) > 3
    assert [[f.text for f in found] for found in margins] == [[], *([str(no)] for no in range(2, letter.pages + 1))]
    assert all(f.size == 14 and 10 < f.y < 16 and 105 < f.x < 117 for found in margins for f in found)


def test_long_lists_keep_their_order_repeat_their_head_and_split_no_row() -> None:
    rows = [request_row(no, f"Tôn Nữ Huyền Trang Nguyễn Phước Thử {no}") for no in range(1, 121)]
    pages = page_texts(render("request_letter", changed(REQUEST_LETTER, rows=rows)))

    found = [re.findall(r"(\d+) Tôn Nữ Huyền Trang Nguyễn Phước Thử (\d+) ", page) for page in pages]
    assert [pair for page in found for pair in page] == [(str(no), str(no)) for no in range(1, 121)]
    assert ["TT Họ và tên Ngày sinh" in page for page in pages] == [False] + [True] * (len(pages) - 1)
    assert "Tổng số: 120 đồng chí." in pages[-1]


@pytest.mark.parametrize("extra", range(0, 13, 2))
def test_a_signature_never_stands_on_a_page_without_its_text(extra: int) -> None:
    basis = [f"Căn cứ văn bản thứ {no} của tổ chức có thẩm quyền" for no in range(extra)]
    remarks = "\n".join(f"Nhận xét thứ {no} về đồng chí tại nơi cư trú." for no in range(1, extra + 1))
    letter = render("request_letter", changed(REQUEST_LETTER, basis=basis))
    form = render("assessment_form", changed(ASSESSMENT_FORM, remarks=remarks, no_basis_reasons=[]))

    signed = [page for page in page_texts(letter) if "Nguyễn Văn Mẫu" in page]
    assert ["Rất mong nhận được" in page and "T/M ĐẢNG ỦY" in page for page in signed] == [True]
    signed = [page for page in page_texts(form) if "Trần Thị Ví Dụ" in page]
    assert ["Nhận xét" in page and "XÁC NHẬN" in page and "Phạm Văn Giả Định" in page for page in signed] == [True]


def test_long_names_wrap_inside_the_page() -> None:
    name = "Tôn Nữ Công Tằng Huyền Trang Nguyễn Phước Bảo Quỳnh Anh Thư"
    issuer = "ĐẢNG ỦY BAN QUẢN LÝ DỰ ÁN ĐẦU TƯ XÂY DỰNG CÁC CÔNG TRÌNH GIAO THÔNG VÀ HẠ TẦNG KỸ THUẬT"
    facts = changed(REQUEST_LETTER, rows=[request_row(1, name), request_row(2, "N" * 300)])
    facts["head"].update(superior=issuer, issuer=issuer, place="Đặc khu có tên rất dài để thử")
    facts["signature"].update(name=name)

    letter = render("request_letter", facts, number="5", issued_on=ISSUED_ON)

    assert text_of(letter).count(name) == 2
    assert text_of(letter).count(issuer) == 2
    assert text_of(letter).replace(" ", "").count("N" * 300) == 1
    everything = [fragment for page in range(letter.pages) for fragment in fragments(letter, page)]
    assert all(30 <= fragment.x < 195 for fragment in everything)


# --- The file --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("template", SAMPLES)
def test_files_are_tagged_archival_vietnamese_with_our_fonts_only(template: str) -> None:
    rendered = render(template, SAMPLES[template], number="5", issued_on=ISSUED_ON)
    reader = read(rendered)
    root = reader.trailer["/Root"].get_object()
    fonts = {
        font.get_object()["/BaseFont"]: font.get_object()["/DescendantFonts"][0]["/FontDescriptor"].keys()
        for page in reader.pages
        for font in page["/Resources"]["/Font"].values()
    }

    assert all(re.fullmatch(r"/[A-Z]{6}\+Liberation-Serif-Official(-Bold|-Italic)?", name) for name in fonts)
    assert all("/FontFile2" in descriptor for descriptor in fonts.values())
    assert (root["/Lang"], root["/MarkInfo"]["/Marked"]) == ("vi", True)
    assert b'pdfaid:part="3" pdfaid:conformance="A"' in root["/Metadata"].get_data()
    assert reader.metadata.title
    assert reader.metadata.author == words(SAMPLES[template]["head"]["issuer"])
    assert rendered.pages == len(reader.pages)


def test_every_vietnamese_letter_comes_back_out() -> None:
    form = render("assessment_form", changed(ASSESSMENT_FORM, remarks=ALL_LETTERS))

    assert ALL_LETTERS in text_of(form)


def test_decomposed_letters_are_composed_and_foreign_ones_do_not_bring_another_font() -> None:
    remarks = unicodedata.normalize("NFD", "Nguyễn Thị Ngọc Ưu") + " 漢 🙂\u202e\u200b\x00\x1b hết"
    form = render("assessment_form", changed(ASSESSMENT_FORM, remarks=remarks))

    assert "Nhận xét khác: Nguyễn Thị Ngọc Ưu □ □ hết" in text_of(form)
    assert {fragment.font.partition("Official")[0] for fragment in fragments(form)} == {"Liberation-Serif-"}


@pytest.mark.parametrize("template", SAMPLES)
def test_the_same_facts_give_the_same_bytes(template: str) -> None:
    facts, stamps = SAMPLES[template], {"number": "5", "issued_on": ISSUED_ON, "access": ACCESS, "check": CHECK}

    first = render(template, facts, **stamps)
    render(template, facts, is_draft=True)

    assert render(template, copy.deepcopy(facts), **stamps) == first


# --- What can never get in -------------------------------------------------------------------------------------------

HOSTILE = [
    '<img src="{url}/i"><link rel=attachment href="file:///etc/passwd">',
    '</p></title><style>@import "{url}/c"; body {{ background: url({url}/b) }}</style>',
    '" onload="x" style="background: url({url}/q)"><a href="file:///etc/passwd">',
    "{{{{ head.issuer }}}} {{% include 'base.html' %}} {url}/t",
]
SIGNATURE_FIELD = {"name": "Đảng ủy Sở Thử Nghiệm", "time": "08:30:00", "on": "05/10/2026"}


@pytest.fixture
def canary() -> Iterator[tuple[str, list[str]]]:
    """A server that notes whoever calls it."""
    calls: list[str] = []

    class Note(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            calls.append(self.path)
            self.send_response(204)
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Note)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", calls
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.parametrize("template", SAMPLES)
@pytest.mark.parametrize("hostile", HOSTILE)
def test_whatever_people_type_is_only_text(template: str, hostile: str, canary: tuple[str, list[str]]) -> None:
    url, calls = canary
    typed = hostile.format(url=url)
    facts = copy.deepcopy(complete(SAMPLES[template]))
    texts = [path for path, text in strings(facts) if not re.fullmatch(r"\d{4}-\d\d-\d\d", text)]
    for path in texts:
        holder(facts, path)[path[-1]] += f" {typed}"

    rendered = render(template, facts, number="5", access=Access(url, typed), check=Check(url, typed))

    reader = read(rendered)
    assert calls == []
    # Nothing is attached but the document's own data, and in that everything stands as it was typed.
    ((name, (data,)),) = reader.attachments.items()
    assert (name, json.loads(data)["facts"]) == (documents.DATA, facts)
    assert [page for page in reader.pages if "/Annots" in page] == []
    with pikepdf.open(io.BytesIO(rendered.content)) as pdf:
        streams = [row for row in pdf.objects if isinstance(row, pikepdf.Stream)]
        assert sum(row.get("/Type") == "/EmbeddedFile" for row in streams) == 1
    pages = [page.replace(" ", "") for page in page_texts(rendered)]
    code = typed.replace(" ", "")
    assert [page.endswith(f"{code}trang{no}") for no, page in enumerate(pages, 1)] == [True] * len(pages)
    shown = "".join(page.removesuffix(f"{code}trang{no}") for no, page in enumerate(pages, 1))
    # The form of the cell carries no number and no sign, so nothing of theirs is looked for.
    assert [path for path in texts if holder(facts, path)[path[-1]].replace(" ", "") not in shown] == []


@pytest.mark.parametrize("template", [name for name, row in BY_NAME.items() if row.is_sheet] + ["signature_field"])
@pytest.mark.parametrize("hostile", HOSTILE)
def test_whatever_people_type_is_only_text_on_sheets_too(
    template: str, hostile: str, canary: tuple[str, list[str]]
) -> None:
    """Forms to fill in, invitations, envelopes, books, and the words of a digital signature: nothing is attached."""
    url, calls = canary
    typed = hostile.format(url=url)
    facts = SIGNATURE_FIELD if template == "signature_field" else sample_facts(template)
    facts = copy.deepcopy(facts)
    for path, text in list(strings(facts)):
        # Addresses inside QR codes and headings that only an office's rulebook words are not typed by anybody.
        if not re.fullmatch(r"\d{4}-\d\d-\d\d", text) and path[-1] != "url":
            holder(facts, path)[path[-1]] += f" {typed}"

    rendered = render(template, facts)

    assert calls == []
    reader = read(rendered)
    assert (dict(reader.attachments), [page for page in reader.pages if "/Annots" in page]) == ({}, [])
    assert typed.replace(" ", "") in "".join(page.replace(" ", "") for page in page_texts(rendered))
    with pikepdf.open(io.BytesIO(rendered.content)) as pdf:
        assert [row for row in pdf.objects if isinstance(row, pikepdf.Stream) and "/F" in row] == []


@pytest.mark.parametrize(
    "url",
    [
        "file:///etc/passwd",
        "http://127.0.0.1/",
        "app://fonts/../css/app.css",
        "app://fonts/%2e%2e/secret.ttf",
        "app://fonts/be-vietnam-pro-latin-400.woff2",
        "app://documents/letterhead.css",
        "app://sheet/1",
        "ftp://example.vn/LiberationSerif-Regular.ttf",
    ],
)
def test_the_fetcher_knows_fonts_and_nothing_else(url: str) -> None:
    with pytest.raises((FatalURLFetchingError, FileNotFoundError)):
        documents._ClosedFetcher().fetch(url)


def test_the_fetcher_gives_our_fonts_and_data() -> None:
    fetcher = documents._ClosedFetcher()

    assert fetcher.fetch("app://fonts/LiberationSerif-Bold.ttf").read()[:4] == b"\x00\x01\x00\x00"
    assert fetcher.fetch("data:text/plain,ok").read() == b"ok"


@pytest.mark.parametrize("template", SAMPLES)
def test_any_missing_fact_stops_the_document(template: str) -> None:
    refused = []
    for path in keys(SAMPLES[template]):
        facts = copy.deepcopy(SAMPLES[template])
        del holder(facts, path)[path[-1]]
        with pytest.raises(RenderError) as refusal:
            render(template, facts)
        words, _, missing = str(refusal.value).partition(": ")
        refused.append((path, words, missing.rpartition(".")[2]))  # "segment.option" names the loop, too

    assert refused == [(path, "Thiếu dữ liệu để lập văn bản", str(path[-1])) for path in keys(SAMPLES[template])]


def nested(depth: int) -> Any:
    return {"deeper": nested(depth - 1)} if depth else ""


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"to": "a" * 8_001}, "Nội dung văn bản quá dài (mỗi mục tối đa 8000 ký tự)"),
        ({"rows": [request_row(1)] * 5_001}, "Danh sách trong văn bản vượt quá 5000 dòng"),
        ({"basis": ["a" * 8_000] * 251}, "Nội dung văn bản quá dài (mỗi mục tối đa 8000 ký tự)"),
        ({"other": nested(20)}, "Dữ liệu văn bản lồng nhau quá sâu"),
        ({"to": date(2026, 1, 1)}, "Dữ liệu văn bản có kiểu không dùng được (date)"),
        ({"reply_to": "Văn phòng"}, "Thiếu dữ liệu để lập văn bản: reply_to.name"),
        ({"rows": 5}, "Không dựng được văn bản (TypeError)"),
    ],
)
def test_facts_beyond_the_limits_are_refused(change: dict[str, Any], reason: str) -> None:
    with pytest.raises(RenderError) as refused:
        render("request_letter", changed(REQUEST_LETTER) | change)

    assert str(refused.value) == reason


def test_an_unknown_template_is_refused() -> None:
    with pytest.raises(RenderError, match=r"^Không dựng được văn bản \(TemplateDoesNotExist\)$"):
        render("no_such_form", REPORT)


def test_the_longest_remark_allowed_is_printed_whole() -> None:
    remarks = ("Đồng chí tham gia ý kiến. " * 400)[:8_000].strip()

    form = render("assessment_form", changed(ASSESSMENT_FORM, remarks=remarks))

    printed = "".join(page.removesuffix(f" {no}").replace(" ", "") for no, page in enumerate(page_texts(form), 1))
    assert re.sub(r"\d", "", printed).count("Đồngchíthamgiaýkiến.") == remarks.count("ý kiến.")
