"""Sheets that exist on paper only: what they say, that a machine finds their code again, and how they are set."""

import io
import re
from typing import Any

import pypdfium2
import pytest
import zxingcpp
from pypdf import PageObject, PdfReader

from evaluations.documents import Rendered, render
from evaluations.models.paper_codes import PaperKind, paper_code, read_paper_code
from evaluations.rulebooks import load
from tests.document_samples import ALL_LETTERS, CELL_HEAD, COMMUNE_HEAD

pytestmark = pytest.mark.filterwarnings("ignore:unclosed file.*sRGB2014:ResourceWarning")
HOSTILE = "<script>alert(1)</script> & {{ settings }} {% now %} file:///etc/passwd"
LONG = "Nguyễn Hoàng Thị Bích Phượng Uyên Phương Thảo"
OFFICE = "Đảng ủy Sở Xây dựng và Phát triển hạ tầng kỹ thuật thành phố Đà Nẵng"
MM = 25.4 / 72


def paper(kind: PaperKind, pk: int) -> dict[str, str]:
    code = paper_code(kind, pk)
    return {"code": code, "url": f"https://lienhe.danang.example.org/q/{code}/"}


def form(pk: int = 1, name: str = LONG, **fields: Any) -> dict[str, Any]:
    book = load()
    return {
        "head": CELL_HEAD,
        "paper": paper(PaperKind.ASSESSMENT, pk),
        "year": 2026,
        "purpose_text": "kiểm điểm, đánh giá, xếp loại chất lượng đảng viên năm 2026",
        "member": {
            "name": name,
            "birth": "18/07/1976",
            "sex": "Nữ",
            "joined_on": "2004-02-03",
            "workplace": OFFICE,
            "workplace_cell": "Chi bộ Văn phòng Sở",
            "position": "Phó Trưởng phòng Quản lý xây dựng công trình hạ tầng kỹ thuật",
            "residence": "K123/45 đường Nguyễn Công Trứ, Tổ dân phố 7, phường An Hải",
        },
        "criteria": [{"no": c.no, "text": c.text, "options": list(c.options)} for c in book.criteria],
        "attendance": {"held": 4, "present": 2, "excused": 1, "absent": 1},
        "recommendation": {"text": book.recommendation.text, "options": list(book.recommendation.options)},
        "signature": {"authority": "T/M CHI BỘ", "position": "BÍ THƯ", "name": "Ngô Văn Bí Thư"},
        "confirmation": {"authority": "XÁC NHẬN CỦA ĐẢNG ỦY PHƯỜNG AN HẢI", "position": "BÍ THƯ"},
        **fields,
    }


def grid(names: list[str]) -> dict[str, Any]:
    book = load()
    columns = [{"head": f"{c.no}. {c.short}", "text": c.text, "options": list(c.options)} for c in book.criteria]
    columns.append({"head": book.recommendation.text, "text": "", "options": list(book.recommendation.options)})
    row = {"birth_year": 1976, "workplace": OFFICE, "present": 2, "excused": 1, "absent": 0}
    return {
        "head": CELL_HEAD,
        "signature": {"authority": "T/M CHI BỘ", "position": "BÍ THƯ", "name": "Ngô Văn Bí Thư"},
        "year": 2026,
        "paper": paper(PaperKind.GRID, 77),
        "held": 4,
        "columns": columns,
        "boxes": 18,
        "rows": [{"no": no, "name": name, "sent": no == 2, **row} for no, name in enumerate(names, 1)],
    }


def cover(names: list[str]) -> dict[str, Any]:
    row = {"birth": "18/07/1976", "workplace": OFFICE, "asked": "Số 05-CV/ĐU"}
    return {
        "head": COMMUNE_HEAD,
        "area": "phường An Hải",
        "cell": "Chi bộ Tổ dân phố 7",
        "ward": "Đảng ủy phường An Hải",
        "phone": "0236 000 001",
        "year": 2026,
        "due_on": "2026-11-15",
        "rows": [
            {"no": no, "name": name, "code": paper_code(PaperKind.ASSESSMENT, no), **row}
            for no, name in enumerate(names, 1)
        ],
    }


def addresses(*names: str) -> dict[str, Any]:
    place = {"address": "Số 486 đường Lê Văn Hiến, phường Ngũ Hành Sơn", "phone": "0236 3 847 000", "contact": ""}
    return {"sender": {"name": OFFICE, **place}, "addresses": [{"name": name, **place} for name in names]}


SHEETS: dict[str, Any] = {
    "blank_forms": lambda text: {"forms": [form(1, text)]},
    "grid": lambda text: grid([text]),
    "cover": lambda text: cover([text]),
    "labels": addresses,
    "envelopes_dl": addresses,
    "envelopes_c5": addresses,
}


def read(rendered: Rendered) -> PdfReader:
    return PdfReader(io.BytesIO(rendered.content))


def texts(rendered: Rendered) -> list[str]:
    return [re.sub(r"\s+", " ", page.extract_text()) for page in read(rendered).pages]


def size(page: PageObject) -> tuple[int, int]:
    return round(float(page.mediabox.width) * MM), round(float(page.mediabox.height) * MM)


def codes(rendered: Rendered, dpi: int = 200) -> list[list[str]]:
    """What a machine reads off each printed page."""
    pages = pypdfium2.PdfDocument(rendered.content)
    return [[found.text for found in zxingcpp.read_barcodes(page.render(scale=dpi / 72).to_pil())] for page in pages]


@pytest.mark.parametrize("template", SHEETS)
def test_every_letter_is_there_and_only_in_our_fonts(template: str) -> None:
    words = ALL_LETTERS.split()
    pdf = read(render(template, SHEETS[template](ALL_LETTERS)))
    text = "".join(page.extract_text() for page in pdf.pages).replace("\n", "").replace(" ", "")
    assert [word for word in words if word not in text] == []
    resources = [font.get_object() for page in pdf.pages for font in page["/Resources"]["/Font"].values()]
    fonts = {font["/BaseFont"].split("+")[1] for font in resources}
    assert fonts <= {f"Liberation-Serif-Official{face}" for face in ("", "-Bold", "-Italic")}


@pytest.mark.parametrize("template", SHEETS)
def test_hostile_names_are_printed_as_they_are(template: str) -> None:
    text = " ".join(texts(render(template, SHEETS[template](HOSTILE))))
    assert HOSTILE.replace(" ", "") in text.replace(" ", "")


def test_a_form_is_the_official_one_on_one_sheet_with_nothing_chosen() -> None:
    rendered = render("blank_forms", {"forms": [form(pk) for pk in range(1, 5)]})
    assert rendered.pages == 4
    text = texts(rendered)[0]
    issued = "đảng viên đang công tác thường xuyên giữ mối liên hệ với tổ chức đảng và nhân dân nơi cư trú năm 2026"
    for words in (
        f"PHIẾU NHẬN XÉT {issued}",
        f"Họ và tên: {LONG}",
        *(criterion.text for criterion in load().criteria),
        *(option for criterion in load().criteria for option in criterion.options),
        "mời họp 4 lần; có mặt 2, vắng có lý do 1, vắng không lý do 1",
        "XÁC NHẬN CỦA ĐẢNG ỦY PHƯỜNG AN HẢI",
        "T/M CHI BỘ BÍ THƯ",
    ):
        assert words in text.replace(" Ngày sinh: 18/07/1976", "")
    assert "X" not in re.findall(r"\bX\b", text.replace("đánh dấu X", ""))
    assert "DỰ THẢO" not in text


def test_each_form_carries_its_own_code_for_machines_and_people() -> None:
    rendered = render("blank_forms", {"forms": [form(pk) for pk in (7, 123_456, 40_000_000)]})
    for pk, found, text in zip((7, 123_456, 40_000_000), codes(rendered), texts(rendered), strict=True):
        assert [read_paper_code(code) for code in found] == [(PaperKind.ASSESSMENT, pk)]
        assert paper_code(PaperKind.ASSESSMENT, pk) in text


def test_a_form_that_needs_a_second_page_has_its_code_there_too() -> None:
    long = form(5)
    long["member"] = long["member"] | {"residence": "Đường Mẫu, " * 90}
    rendered = render("blank_forms", {"forms": [long, form(6)]})
    assert [[read_paper_code(code) for code in page] for page in codes(rendered)] == [
        [(PaperKind.ASSESSMENT, 5)],
        [(PaperKind.ASSESSMENT, 5)],
        [(PaperKind.ASSESSMENT, 6)],
    ]


def test_the_grid_of_a_hundred_on_a3_with_head_and_code_on_each_sheet() -> None:
    rendered = render("grid", grid([f"{LONG} {no}" for no in range(1, 101)]))
    pages, every = texts(rendered), read(rendered).pages
    assert {size(page) for page in every} == {(420, 297)}
    assert rendered.pages <= 10
    assert [[read_paper_code(code) for code in page] for page in codes(rendered)] == [[(PaperKind.GRID, 77)]] * len(
        pages
    )
    named = [re.findall(rf"{LONG} (\d+)", text) for text in pages]
    assert [int(no) for page in named for no in page] == list(range(1, 101))
    for number, (text, names) in enumerate(zip(pages, named, strict=True), 1):
        assert f"Tờ {number}/{len(pages)}" in text
        assert not names or "Gương mẫu đi đầu" in text
    assert "Đã gửi nhận xét lên đảng ủy" in pages[0]


def test_the_cover_lists_everybody_with_codes_and_room_to_sign() -> None:
    text = " ".join(texts(render("cover", cover([f"Nguyễn Thử {no}" for no in range(1, 101)]))))
    assert "Giao: Chi bộ Tổ dân phố 7, gồm 100 phiếu nhận xét" in text
    assert "chậm nhất ngày 15 tháng 11 năm 2026 (điện thoại: 0236 000 001)" in text
    assert [no for no in range(1, 101) if paper_code(PaperKind.ASSESSMENT, no) not in text] == []
    assert "BÊN NHẬN" in text
    assert "BÊN GIAO" in text


def test_fourteen_labels_to_a_sheet_and_one_envelope_to_a_page() -> None:
    places = [f"{OFFICE} {no}" for no in range(1, 16)]
    sheet, second = texts(render("labels", addresses(*places)))
    assert [sheet.count("Kính gửi:"), second.count("Kính gửi:")] == [14, 1]
    for template, wanted in (("envelopes_dl", (220, 110)), ("envelopes_c5", (229, 162))):
        assert [size(page) for page in read(render(template, addresses(*places[:3]))).pages] == [wanted] * 3
