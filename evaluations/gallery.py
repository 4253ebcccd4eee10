"""Every document there is, drawn from made-up facts: for the administrator to look at and for the tests to measure.

The facts lie beside the templates (templates/documents/samples/NAME.json), frozen JSON like those of a real document.
"""

import json
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

from django.conf import settings

from evaluations.documents import Access, Check, Rendered, render

ISSUED_ON = date(2026, 10, 5)
LETTER_CODE = Access(url="https://lienhe.example.vn/thu/", code="MAU0-0000-0000")
PAPER_CODE = Check(url="https://lienhe.example.vn/q/MAU000000000/", number="MAU0-0000-0000")

LONG_NAME = "Tôn Nữ Công Tằng Huyền Trang Nguyễn Phước Bảo Quỳnh Anh Thư"
LONG_BODY = "Đảng ủy Ban Quản lý dự án đầu tư xây dựng các công trình giao thông và hạ tầng kỹ thuật đô thị"
OFFICES = ("workplace", "workplace_cell", "to", "cell", "residence", "issuer", "superior", "reply_to", "organization")


@dataclass(frozen=True)
class Specimen:
    """One template. A letter has number, date and draft; a sheet is only ever printed, to be filled in or stuck on."""

    name: str
    title: str
    made_by: str
    paper: str = "A4"
    is_numbered: bool = True
    is_sheet: bool = False
    is_coded: bool = False  # goes to an office without accounts, with its letter code


SPECIMENS = (
    Specimen("introduction", "Giấy giới thiệu (mẫu 1-213)", "Đảng ủy nơi công tác", is_coded=True),
    Specimen("counterpart", "Phần tiếp nhận của giấy giới thiệu", "Đảng ủy xã, phường", is_numbered=False),
    Specimen("request_letter", "Công văn đề nghị nhận xét, kèm danh sách", "Đảng ủy nơi công tác", is_coded=True),
    Specimen("opinion_request", "Phiếu xin ý kiến chi ủy nơi cư trú (mẫu 3-213)", "Đảng ủy nơi công tác"),
    Specimen("reminder_letter", "Công văn đôn đốc", "Đảng ủy nơi công tác", is_coded=True),
    Specimen("working_minutes", "Biên bản làm việc với cấp ủy nơi cư trú", "Đảng ủy nơi công tác"),
    Specimen("report", "Báo cáo kết quả thực hiện Quy định 213", "Đảng ủy nơi công tác"),
    Specimen("hand_over", "Biên bản bàn giao nhiệm vụ", "Mọi cấp ủy, chi bộ"),
    Specimen("assessment_form", "Phiếu nhận xét", "Chi bộ nơi cư trú", is_numbered=False),
    Specimen(
        "assessment_form_exempt",
        "Phiếu nhận xét, đảng viên được miễn sinh hoạt nơi cư trú",
        "Chi bộ nơi cư trú",
        is_numbered=False,
    ),
    Specimen("joint_minutes", "Biên bản họp chi ủy với Ban công tác Mặt trận", "Chi bộ nơi cư trú"),
    Specimen("reply_letter", "Công văn trả lời, kèm danh sách", "Đảng ủy xã, phường", is_coded=True),
    Specimen("information_letter", "Thông tin tình hình đảng viên tại nơi cư trú", "Đảng ủy xã, phường", is_coded=True),
    Specimen("destruction", "Biên bản tiêu hủy hồ sơ hết thời hạn lưu", "Mọi cấp ủy", is_numbered=False),
    Specimen("blank_forms", "Phiếu nhận xét để ghi tay", "Chi bộ nơi cư trú", is_sheet=True),
    Specimen("grid", "Bảng nhận xét cả chi bộ", "Chi bộ nơi cư trú", "A3", is_sheet=True),
    Specimen("invitation", "Giấy mời gặp mặt", "Chi bộ nơi cư trú", "A5", is_sheet=True),
    Specimen("cover", "Phiếu giao bộ phiếu nhận xét", "Đảng ủy xã, phường", is_sheet=True),
    Specimen("book_cover", "Bìa sổ theo dõi, sổ công văn", "Mọi cấp ủy, chi bộ", "A4 ngang", is_sheet=True),
    Specimen("book", "Trang sổ theo dõi, sổ công văn", "Mọi cấp ủy, chi bộ", "A4 ngang", is_sheet=True),
    Specimen("labels", "Nhãn địa chỉ", "Văn thư", is_sheet=True),
    Specimen("envelopes_dl", "Bì thư DL", "Văn thư", "DL", is_sheet=True),
    Specimen("envelopes_c5", "Bì thư C5", "Văn thư", "C5", is_sheet=True),
)
BY_NAME = {specimen.name: specimen for specimen in SPECIMENS}


@cache
def _text(name: str) -> str:
    return (Path(settings.BASE_DIR) / f"templates/documents/samples/{name}.json").read_text("utf-8")


def sample_facts(name: str) -> dict[str, Any]:
    """A fresh copy each time: tests change theirs."""
    facts: dict[str, Any] = json.loads(_text(name))
    return facts


def stretched(facts: Any, key: str = "") -> Any:
    """The same document about people and offices with the longest names, in lists of forty."""
    if isinstance(facts, dict):
        return {name: stretched(value, name) for name, value in facts.items()}
    if isinstance(facts, list):
        rows = [stretched(row, key) for row in facts]
        if key == "rows" and len(rows) < 9:
            return [row | ({"no": no} if "no" in row else {}) for no, row in enumerate(rows * 20, 1)]
        return rows
    if key in ("name", "giver", "receiver"):
        return LONG_NAME
    if key in OFFICES and facts:
        return LONG_BODY.upper() if key in ("issuer", "superior") else LONG_BODY
    return facts


def draw(specimen: Specimen, *, is_draft: bool = False, is_long: bool = False) -> Rendered:
    """The document as it would be issued, as its draft, or with the longest names and lists."""
    facts = sample_facts(specimen.name)
    if is_long:
        facts = stretched(facts)
    if specimen.is_sheet:
        return render(specimen.name, facts)
    if is_draft:
        return render(specimen.name, facts, is_draft=True)
    return render(
        specimen.name,
        facts,
        number="5" if specimen.is_numbered else "",
        issued_on=ISSUED_ON,
        access=LETTER_CODE if specimen.is_coded else None,
        check=PAPER_CODE,
    )
