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


# What a sample leaves out because most papers do: with these every field that can be printed is.
RARE: dict[str, list[Any]] = {
    "labels": ["nhập từ bản giấy"],
    "corrects": [{"number": "07-CV/ĐU", "issued_on": "2026-10-01"}],
    "no_basis_reasons": [{"no": 1, "reason": "mới chuyển về tổ dân phố"}],
}


def complete(facts: dict[str, Any]) -> dict[str, Any]:
    """A copy in which no list is empty; its place in a test says which fields there are."""
    return facts | {name: rows for name, rows in RARE.items() if facts.get(name) == []}


def fields(facts: Any, path: str = "") -> set[str]:
    """The names of all facts, ".rows[].name", however many rows there are."""
    if isinstance(facts, dict):
        return {
            found for name, value in facts.items() for found in {f"{path}.{name}", *fields(value, f"{path}.{name}")}
        }
    if isinstance(facts, list):
        return {found for value in facts for found in fields(value, f"{path}[]")}
    return set()
