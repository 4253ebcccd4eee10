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
