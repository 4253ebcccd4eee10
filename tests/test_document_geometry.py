"""The paper, measured: every document is read back and laid beside the table of party format (domain §6.2, §6.3)."""

import re
from dataclasses import dataclass
from typing import Any

import pytest

from evaluations.documents import render
from evaluations.gallery import BY_NAME, ISSUED_ON, PAPER_CODE, draw, sample_facts, stretched
from tests.document_samples import SAMPLES
from tests.paper import Run, page_size, runs, strokes

pytestmark = pytest.mark.filterwarnings("ignore:unclosed file.*sRGB2014:ResourceWarning")
LEFT, RIGHT, TOP, BOTTOM = 30, 195, 20, 277  # the text of an A4 page: margins 20, 20, 30, 15 mm
MIDDLE = (LEFT + RIGHT) / 2
LINE = 18 * 25.4 / 72  # "exactly at least 18 pt"


@dataclass(frozen=True)
class Format:
    """What the rules say of one document; `dense` is the form, which has to find room on one sheet."""

    title: str = ""  # a công văn has none, its abstract stands under the number
    number: str = ""
    is_addressed: bool = False
    dense: bool = False
    signed: tuple[str, ...] = ()  # (authority, position, name)
    minutes: tuple[str, str] = ("NGƯỜI GHI BIÊN BẢN", "CHỦ TRÌ HỘI NGHỊ")  # unsigned: who signs left and right
    room: float = 40  # mm for the stamp
    two_sided: bool = False  # no abstract; on the left the half that comes back, where others have Nơi nhận


MINISTRY, WARD = ("T/M ĐẢNG ỦY", "BÍ THƯ", "Nguyễn Văn Mẫu"), ("T/M ĐẢNG ỦY", "PHÓ BÍ THƯ", "Trần Thị Ví Dụ")
CELL = ("T/M CHI BỘ", "BÍ THƯ", "Phạm Văn Giả Định")
FORMATS = {
    "introduction": Format("GIẤY GIỚI THIỆU", "05-GGT/ĐU", True, signed=MINISTRY, two_sided=True),
    "counterpart": Format("GIẤY GIỚI THIỆU", "05-GGT/ĐU", True, signed=MINISTRY, two_sided=True),
    "request_letter": Format(number="05-CV/ĐU", is_addressed=True, signed=MINISTRY),
    "opinion_request": Format("PHIẾU XIN Ý KIẾN", "05-CV/ĐU", True, signed=MINISTRY),
    "reminder_letter": Format(number="05-CV/ĐU", is_addressed=True, signed=MINISTRY),
    "working_minutes": Format("BIÊN BẢN", "05-BB/ĐU"),
    "report": Format("BÁO CÁO", "05-BC/ĐU", signed=MINISTRY),
    "hand_over": Format("BIÊN BẢN", "05-BB/ĐU", minutes=("BÊN NHẬN", "BÊN GIAO")),
    "destruction": Format("BIÊN BẢN", signed=WARD),
    "assessment_form": Format("PHIẾU NHẬN XÉT", dense=True, signed=CELL),
    "assessment_form_exempt": Format("PHIẾU NHẬN XÉT", dense=True, signed=CELL),
    "joint_minutes": Format("BIÊN BẢN", "05-BB/CB"),
    "reply_letter": Format(number="05-CV/ĐU", is_addressed=True, signed=WARD),
    "information_letter": Format(number="05-CV/ĐU", is_addressed=True, signed=WARD),
}
every = pytest.mark.parametrize("name", FORMATS)


def page(name: str, page_no: int = 0) -> list[Run]:
    return runs(draw(BY_NAME[name], is_draft=False).content, page_no)


def one(found: list[Run], text: str) -> Run:
    """The first run with these words."""
    return next(run for run in found if run.text.startswith(text))


def in_text(found: list[Run]) -> list[Run]:
    """Without the page number and without the code in the binding margin."""
    return [run for run in found if run.base > TOP and run.left >= LEFT - 1]


def is_centred(run: Run, on: float = MIDDLE) -> bool:
    return abs((run.left + run.right) / 2 - on) < 1


def test_every_document_has_its_line_in_the_table() -> None:
    assert set(FORMATS) == set(SAMPLES)


@every
def test_the_page(name: str) -> None:
    drawn = draw(BY_NAME[name], is_draft=False)

    for number in range(drawn.pages):
        found = runs(drawn.content, number)
        heads = [run for run in found if run.base < TOP]
        assert page_size(drawn.content, number) == (210, 297)
        assert [run for run in in_text(found) if run.right > RIGHT + 0.6 or run.base > BOTTOM] == []
        assert [run for run in found if run.left < LEFT - 0.2 and run.size != 8] == []
        assert [(run.text, run.size, run.font) for run in heads] == ([(str(number + 1), 14, "")] if number else [])
        assert all(10 < run.base < 16 and is_centred(run) for run in heads)


@every
def test_party_issuer_and_day(name: str) -> None:
    found, head = page(name), SAMPLES[name]["head"]
    party, issuer = one(found, "ĐẢNG CỘNG SẢN VIỆT NAM"), one(found, head["issuer"])
    superior, star = found[0], one(found, "*")

    assert (party.size, party.font) == (15, "Bold")
    assert party.left > 105
    assert TOP < party.base < 27
    assert (superior.size, superior.font, head["superior"].startswith(superior.text)) == (14, "", True)
    assert (issuer.size, issuer.font) == (14, "Bold")
    assert superior.base < issuer.base < star.base
    assert is_centred(star, (issuer.left + issuer.right) / 2)
    assert issuer.right < party.left
    lines = [line for line in strokes(draw(BY_NAME[name], is_draft=False).content) if line.left > 105]
    under = [line for line in lines if 0.5 < line.bottom - party.base < 3]
    assert [(round(line.left - party.left), round(line.right - party.right)) for line in under] == [(0, 0)]
    if not FORMATS[name].dense:
        day = one(found, f"{head['place']}, ngày 05 tháng 10 năm 2026")
        assert (day.size, day.font, day.left > 105, day.base > party.base) == (14, "Italic", True, True)


@every
def test_number_title_and_addressee(name: str) -> None:
    found, rules = page(name), FORMATS[name]

    assert [(run.text, run.size, run.font) for run in found if run.text.startswith("Số") and run.base < 60] == (
        [(f"Số {rules.number}", 14, "")] if rules.number else []
    )
    titles = [run for run in found if run.size > 15 and run.font == "Bold"]
    if rules.title:
        assert [(run.text, 15 <= run.size <= 16, is_centred(run)) for run in titles] == [(rules.title, True, True)]
        dashes = one(found, "-----")
        between = [run for run in found if titles[0].base < run.base < dashes.base]
        assert bool(between) != rules.two_sided
        assert all(14 <= run.size <= 15 and run.font == "Bold" and is_centred(run) for run in between)
        assert is_centred(dashes)
    else:
        subject = one(found, "V/v")
        assert titles == []
        assert (subject.size, subject.font, subject.right < 112) == (12, "Italic", True)
        assert subject.base > one(found, "Số").base
    if rules.is_addressed:
        addressed = one(found, "Kính gửi:")
        assert (addressed.size, addressed.font) == (14, "Italic")


@every
def test_the_text(name: str) -> None:
    found, rules = page(name), FORMATS[name]
    size, line = (13, 15.5 * 25.4 / 72) if rules.dense else (14, LINE)
    begin = one(found, "-----").base if rules.title else one(found, "Kính gửi:").base
    # Down to the table of the form, or to the half that comes back.
    below = "TT" if rules.dense else "ĐẢNG ỦY NƠI CƯ TRÚ" if rules.two_sided else ""
    end = one(found, below).base if below else BOTTOM
    body = [run for run in found if begin + 0.5 < run.base < end and run.size == size and run.left < 41]
    lines = sorted({run.base for run in body})

    assert len(lines) > 2
    assert all(after - before > line - 0.2 for before, after in zip(lines, lines[1:], strict=False))
    assert {run.left for run in body if run.left < 33 and run.text[:2] != "Nơ"} <= {30.0, 29.9, 30.1}
    assert any(39.9 <= run.left <= 40.1 for run in body)
    whole = [run for run in found if run.left == 30 and run.right > 185 and run.size == size]
    assert [run for run in whole if abs(run.right - RIGHT) > 0.6] == []


@every
def test_signature_and_recipients(name: str) -> None:
    drawn, rules = draw(BY_NAME[name], is_draft=False), FORMATS[name]
    pages = [runs(drawn.content, number) for number in range(drawn.pages)]

    if not rules.signed:
        found = next(rows for rows in pages if any(run.text == rules.minutes[1] for run in rows))
        writer, chair = (one(found, words) for words in rules.minutes)
        assert (writer.size, writer.font, chair.size, chair.font) == (14, "Bold", 14, "Bold")
        assert (writer.right < chair.left, writer.base) == (True, chair.base)
        return
    authority, position, signer = rules.signed
    found = next(rows for rows in pages if any(run.text == signer and run.size == 14 for run in rows))
    on_right = [run for run in found if run.left > 105]
    rows = [one(on_right, authority), one(on_right, position), next(run for run in on_right if run.text == signer)]
    assert [(run.size, run.font) for run in rows] == [(14, "Bold"), (14, ""), (14, "Bold")]
    assert rows[2].base - rows[1].base >= rules.room
    assert all(is_centred(run, (rows[0].left + rows[0].right) / 2) for run in rows)
    if rules.dense:
        assert one(found, "XÁC NHẬN CỦA ĐẢNG ỦY").right < rows[0].left
        return
    if rules.two_sided:
        assert one(found, "ĐẢNG ỦY NƠI CƯ TRÚ").right < rows[0].left
        return
    label = one(found, "Nơi nhận:")
    lines = [run for run in found if run.text.startswith("- ") and run.base > label.base]
    assert (label.left, label.size, label.font) == (30, 14, "")
    assert all(run.size == 12 and run.left == 30 for run in lines)
    assert [run.text[-1] for run in lines] == [*";" * (len(lines) - 1), "."]
    assert lines[-1].text.startswith("- Lưu")
    assert not rules.is_addressed or lines[0].text == "- Như trên;"
    assert any(
        abs(line.left - label.left) < 0.5 and 0 < line.bottom - label.base < 1.5
        for line in strokes(drawn.content, pages.index(found))
    )


@every
@pytest.mark.parametrize("lines", range(0, 13, 2))
def test_a_signature_never_stands_alone_on_a_page(name: str, lines: int) -> None:
    """Whatever pushes the text down: here a superior body with an ever longer name."""
    facts, mark = sample_facts(name), FORMATS[name].signed or FORMATS[name].minutes[1:]
    facts["head"]["superior"] = "ĐẢNG BỘ " + "MẪU CÓ TÊN DÀI " * (lines * 2)
    drawn = render(name, facts, number="5")

    pages = [in_text(runs(drawn.content, number)) for number in range(drawn.pages)]
    (found,) = [rows for rows in pages if any(run.text == mark[-1] and run.size == 14 for run in rows)]
    authority = next(run for run in reversed(found) if run.text == mark[0])
    assert [run for run in found if run.base < authority.base - 3 and run.size >= 13 and "Mẫu" not in run.text]
    assert [text for text in mark if not any(run.text == text for run in found)] == []


@every
def test_long_names_and_many_rows_stay_inside_the_page(name: str) -> None:
    facts: dict[str, Any] = stretched(sample_facts(name))
    drawn = render(name, facts, number="5")

    for number in range(drawn.pages):
        found = in_text(runs(drawn.content, number))
        assert [run for run in found if run.right > RIGHT + 0.6 or run.base > BOTTOM] == []
    if "rows" in facts:
        assert drawn.pages > 2


def test_an_invitation_is_half_a_sheet_for_everybody() -> None:
    drawn = draw(BY_NAME["invitation"], is_draft=False)
    assert drawn.pages == 2
    for number, guest in enumerate(sample_facts("invitation")["guests"]):
        found = runs(drawn.content, number)
        assert page_size(drawn.content, number) == (210, 148.5)
        assert (one(found, "GIẤY MỜI").size, one(found, "GIẤY MỜI").font) == (16, "Bold")
        assert (one(found, "ĐẢNG CỘNG SẢN VIỆT NAM").size, one(found, "T/M CHI ỦY").font) == (15, "Bold")
        assert guest["name"] in " ".join(run.text for run in found if run.font == "Bold")
        assert [run for run in found if run.left < LEFT - 0.2 or run.right > RIGHT + 0.6 or run.base > 142] == []


@every
def test_a_draft_differs_from_what_is_issued_in_number_day_code_and_its_mark_only(name: str) -> None:
    draft, issued = draw(BY_NAME[name], is_draft=True), draw(BY_NAME[name], is_draft=False)
    facts = SAMPLES[name]
    if BY_NAME[name].is_coded:  # the letter code is another office's, not the document's
        issued = render(name, facts, number="5", issued_on=ISSUED_ON, check=PAPER_CODE)

    assert draft.pages == issued.pages
    for number in range(draft.pages):
        before, after = set(runs(draft.content, number)), set(runs(issued.content, number))
        may = rf"^Số|DỰ THẢO|ngày (…|05 tháng 10)|Công văn số|^MAU0|^trang \d|^{facts['head']['place']},"
        assert [run.text for run in before ^ after if not re.search(may, run.text)] == []
