import random
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from members.names import name_key, search_key, sort_key, split_unit, tidy, title_case_name

VIETNAMESE = st.text(
    alphabet="aăâbcdđeêghiklmnoôơpqrstuưvxyàảãáạằẳẵắặầẩẫấậÀĐỨỤỹỵ ỷủ.-'’\u0300\u0301\u0323\u0309 ", max_size=40
)


def test_search_key_forgets_marks_case_and_punctuation() -> None:
    written = ["Đặng Thị Uỷ", "ĐẶNG THỊ ỦY", "dang  thi-uy", unicodedata.normalize("NFD", "Đặng Thị Ủy"), "Ðặng Thị Uỷ"]
    assert {search_key(name) for name in written} == {"dang thi uy"}


@given(st.text() | VIETNAMESE)
def test_keys_are_stable(text: str) -> None:
    assert search_key(search_key(text)) == search_key(text)
    assert tidy(tidy(text)) == tidy(text)
    assert sort_key(unicodedata.normalize("NFD", text)) == sort_key(unicodedata.normalize("NFC", text))
    assert sort_key(text) == "" or sort_key(text).isalnum() and sort_key(text).isascii()


@given(st.from_regex(r"[A-ZĐ][a-zàáâăêôơưđ]{1,6}( [A-ZĐ][a-z]{2,6}){0,2}", fullmatch=True))
def test_the_unit_word_never_matters(name: str) -> None:
    assert {name_key(f"{unit}{name}") for unit in ("", "P. ", "P.", "Phường ", "XÃ ", "Đặc khu ")} == {search_key(name)}


ORDERED = [
    "Lê An",
    "Nguyễn Văn An",
    "Nguyễn Ngọc Anh",
    "Trần Ảnh",
    "Lý Ánh",
    "Trần Văn Ăn",
    "Đỗ Ân",
    "Hồ Dan",
    "Hồ Dũng",
    "Bùi Đan",
    "Đinh Văn Em",
    "Lê Ê",
    "Vũ Fa",
    "Vũ Ga",
    "Đỗ Hà",
    "An Hạ",
    "Bùi Hạnh",
    "Cao Hoa",
    "Bùi Hòa",
    "Cao Hoà",
    "Đỗ Hỏa",
    "Đỗ Hoá",
    "Lê Oanh",
    "Lê Ổn",
    "Lê Ớt",
    "Phan Tùng",
    "Lê Uyên",
    "Lê Ước",
    "Lê Vy",
    "Lê Vỹ",
    "Lê Ý",
    "Lê Zen",
]


def test_sort_key_orders_as_a_vietnamese_list_does() -> None:
    shuffled = random.Random(213).sample(ORDERED, len(ORDERED))
    assert sorted(shuffled, key=lambda name: sort_key(name).encode()) == ORDERED


def test_sort_key_compares_given_then_family_then_middle_names() -> None:
    names = ["Nguyễn Thị Bình", "Lê Văn Bình", "Đặng An", "Lê Thị Bình", "Dương An"]
    assert sorted(names, key=sort_key) == ["Dương An", "Đặng An", "Lê Thị Bình", "Lê Văn Bình", "Nguyễn Thị Bình"]


@pytest.mark.parametrize(
    ("text", "unit", "name", "key"),
    [
        ("P. Hải Châu", "phường", "Hải Châu", "hai chau"),
        ("Phường Hải Châu", "phường", "Hải Châu", "hai chau"),
        ("phường hải châu", "phường", "hải châu", "hai chau"),
        ("PHƯỜNG  HẢI CHÂU ", "phường", "HẢI CHÂU", "hai chau"),
        (unicodedata.normalize("NFD", "Phường Hải Châu"), "phường", "Hải Châu", "hai chau"),
        ("Hải Châu", "", "Hải Châu", "hai chau"),
        ("Đảng ủy phường Hải Châu", "phường", "Hải Châu", "hai chau"),
        ("X.Hòa Vang", "xã", "Hòa Vang", "hoa vang"),
        ("Xã Xa Dung", "xã", "Xa Dung", "xa dung"),
        ("Xa Dung", "", "Xa Dung", "xa dung"),
        ("Phương Liệt", "", "Phương Liệt", "phuong liet"),
        ("Xuân Lộc", "", "Xuân Lộc", "xuan loc"),
        ("Đặc khu Hoàng Sa", "đặc khu", "Hoàng Sa", "hoang sa"),
        ("TT. Ái Nghĩa", "", "Ái Nghĩa", "ai nghia"),
        ("Phường 5", "phường", "5", "phuong 5"),
        ("P.05", "phường", "05", "phuong 5"),
        ("P5", "phường", "5", "phuong 5"),
        ("Phường", "", "Phường", "phuong"),
        ("", "", "", ""),
    ],
)
def test_units_and_their_names(text: str, unit: str, name: str, key: str) -> None:
    assert (split_unit(text), name_key(text)) == ((unit, name), key)


def test_only_shouted_or_mumbled_names_change_case() -> None:
    written = ["NGUYỄN VĂN A", "nguyễn văn đức", "H'HEN NIÊ", "Nguyễn văn A", " Tôn  Nữ\u200b Thị Ý "]
    expected = ["Nguyễn Văn A", "Nguyễn Văn Đức", "H'Hen Niê", "Nguyễn văn A", "Tôn Nữ Thị Ý"]
    assert [title_case_name(name) for name in written] == expected
