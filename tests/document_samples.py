"""Facts of made-up documents (evaluations/gallery.py has them), and what makes them long, hostile or complete."""

from typing import Any

from evaluations.gallery import SPECIMENS, sample_facts

# Every letter of the alphabet with every mark, so that a font or an encoding that lacks one is caught.
ALL_LETTERS = (
    "aàáảãạ ăằắẳẵặ âầấẩẫậ bcdđ eèéẻẽẹ êềếểễệ ghiìíỉĩị klmn oòóỏõọ ôồốổỗộ ơờớởỡợ pqrst uùúủũụ ưừứửữự vxyỳýỷỹỵ "
    "AÀÁẢÃẠ ĂẰẮẲẴẶ ÂẦẤẨẪẬ BCDĐ EÈÉẺẼẸ ÊỀẾỂỄỆ GHIÌÍỈĨỊ KLMN OÒÓỎÕỌ ÔỒỐỔỖỘ ƠỜỚỞỠỢ PQRST UÙÚỦŨỤ ƯỪỨỬỮỰ VXYỲÝỶỸỴ"
)


SAMPLES = {specimen.name: sample_facts(specimen.name) for specimen in SPECIMENS if not specimen.is_sheet}
REQUEST_LETTER, ASSESSMENT_FORM = SAMPLES["request_letter"], SAMPLES["assessment_form"]
REPLY_LETTER, REPORT = SAMPLES["reply_letter"], SAMPLES["report"]
INTRODUCTION, COUNTERPART = SAMPLES["introduction"], SAMPLES["counterpart"]
CELL_HEAD, COMMUNE_HEAD = ASSESSMENT_FORM["head"], REPLY_LETTER["head"]


def request_row(no: int, name: str = "Lê Thị Thử Nghiệm") -> dict[str, Any]:
    return {
        "no": no,
        "name": name,
        "birth": "18/7/1976" if no % 2 else "1976",
        "sex": "Nữ" if no % 2 else "Nam",
        "position": "Chuyên viên" if no % 3 else "",
        "workplace_cell": "Chi bộ Văn phòng Sở",
        "residence": f"Tổ {no}, phường An Hải",
    }


LONG_NAME = "Tôn Nữ Công Tằng Huyền Trang Nguyễn Phước Bảo Quỳnh Anh Thư"
LONG_BODY = "Đảng ủy Ban Quản lý dự án đầu tư xây dựng các công trình giao thông và hạ tầng kỹ thuật đô thị"


def stretched(facts: Any, key: str = "") -> Any:
    """The same document about people and offices with the longest names, in lists of forty."""
    if isinstance(facts, dict):
        return {name: stretched(value, name) for name, value in facts.items()}
    if isinstance(facts, list):
        rows = [stretched(row, key) for row in facts]
        return [row | {"no": no} for no, row in enumerate(rows * 20, 1)] if key == "rows" and len(rows) < 9 else rows
    if key == "name":
        return LONG_NAME
    if key in ("workplace", "workplace_cell", "to", "cell", "residence", "issuer", "superior", "reply_to") and facts:
        return LONG_BODY.upper() if key in ("issuer", "superior") else LONG_BODY
    return facts
