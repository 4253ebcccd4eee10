"""The code on a sheet of paper: found again however it was typed, and never taken for another row's."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evaluations.models.paper_codes import DIGITS, PaperKind, paper_code, read_paper_code

kinds = st.sampled_from(list(PaperKind))
rows = st.integers(min_value=1, max_value=2**59)


@given(kinds, rows)
def test_a_code_leads_back_to_its_row(kind: PaperKind, pk: int) -> None:
    assert read_paper_code(paper_code(kind, pk)) == (kind, pk)


@given(kinds, rows, st.data())
def test_one_wrong_letter_is_refused(kind: PaperKind, pk: int, data: st.DataObject) -> None:
    code = paper_code(kind, pk)
    place = data.draw(st.sampled_from([index for index, letter in enumerate(code) if letter != "-"][1:]))
    other = data.draw(st.sampled_from(sorted(set(DIGITS) - {code[place]})))
    # Five letters of digest: one slip in 33 million may pass, and never into the same row.
    assert read_paper_code(code[:place] + other + code[place + 1 :]) != (kind, pk)


def test_typed_carelessly_or_read_from_an_address() -> None:
    code = paper_code(PaperKind.ASSESSMENT, 1234)
    expected = (PaperKind.ASSESSMENT, 1234)

    assert read_paper_code(f"  {code.lower().replace('-', ' ')} ") == expected
    assert read_paper_code(code.replace("1", "I").replace("0", "O")) == expected
    assert read_paper_code(f"https://lienhe.example.org/q/{code}/") == expected


@pytest.mark.parametrize("text", ["", "A", "A-1", "X-12-ABCDE", "A-!!-ABCDE", "https://example.org/", "A" * 500])
def test_what_is_no_code_is_none(text: str) -> None:
    assert read_paper_code(text) is None
