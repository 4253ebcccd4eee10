"""Vietnamese names: how they are tidied, found, matched and put in order.

Databases disagree about Vietnamese (SQLite folds ASCII only, PostgreSQL depends on its locale), so every key is
computed here and holds nothing but lower-case letters, digits and, in search keys, single spaces.
"""

import re
import unicodedata

# Eth and African D look the same on paper and come out of old keyboards and fonts in place of Đ.
_BARRED_D = str.maketrans({"Đ": "đ", "Ð": "đ", "ð": "đ", "Ɖ": "đ", "ɖ": "đ"})
_TONES = {"\u0300": "1", "\u0309": "2", "\u0303": "3", "\u0301": "4", "\u0323": "5"}
_SHAPES = {("a", "\u0306"): "1", ("a", "\u0302"): "2", ("e", "\u0302"): "1"} | {
    ("o", "\u0302"): "1",
    ("o", "\u031b"): "2",
    ("u", "\u031b"): "1",
}
_INVISIBLE = re.compile("[\u00ad\u200b-\u200f\u2028-\u202e\u2060-\u2064\ufeff]")
_BLANK = re.compile("[\\s\x00-\x1f\x7f-\x9f]+")
_MARK = re.compile("[\u0300-\u036f]")
_UNIT = re.compile(
    r"(?:(?:đảng\s+(?:ủy|uỷ|bộ)|ban\s+chấp\s+hành\s+đảng\s+bộ)\s+)?"
    r"(?:(?P<ward>phường\b|p(?:\.|\s|(?=\d)))|(?P<commune>xã\b|x(?:\.|\s))|(?P<zone>đặc\s+khu\b|đ\.?\s?k\.)"
    # Townlets were abolished in 2025 and became wards or communes: the word no longer says which.
    r"|(?:thị\s+trấn\b|tt(?:\.|\s)))[\s.]*(?P<rest>\S.*)",
    re.IGNORECASE,
)


def tidy(text: str) -> str:
    """Composed Unicode, single spaces, nothing invisible."""
    text = _INVISIBLE.sub("", unicodedata.normalize("NFC", text))
    # Composed once more: what has just been removed may have kept a letter and its mark apart.
    return unicodedata.normalize("NFC", _BLANK.sub(" ", text).strip(" "))


def title_case_name(text: str) -> str:
    """NGUYỄN VĂN A → Nguyễn Văn A. Mixed case is somebody's intention and stays."""
    text = tidy(text)
    if text != text.upper() and text != text.lower():
        return text
    return re.sub(r"[^\W\d_]+", lambda word: word[0][0].upper() + word[0][1:].lower(), text)


def search_key(text: str) -> str:
    """The text without marks, case and punctuation: what people type when they look for somebody."""
    text = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", text).casefold()).casefold()
    text = _INVISIBLE.sub("", text).translate(_BARRED_D).replace("đ", "d")
    text = _MARK.sub("", text)
    if not text.isascii():
        text = "".join(ch for ch in text if unicodedata.category(ch) != "Mn" and not unicodedata.combining(ch))
    return re.sub(r"[\W_]+", " ", text).strip()


def sort_key(full_name: str) -> str:
    """Given name, then family name, then middle names; the tone decides between syllables of equal letters."""
    words = tidy(full_name).casefold().translate(_BARRED_D).split()
    return "".join(_syllable_key(word) for word in words[-1:] + words[:-1])


def _syllable_key(word: str) -> str:
    """Letters as pairs (base, shape: a ă â = a0 a1 a2), "0" to end them, then the tones, "0" to end those.

    Every pair begins with a letter or "1", so a shorter word sorts before a longer one.
    One list of tones for the whole syllable makes Hoà and Hòa equal.
    """
    letters: list[str] = []
    tones = ""
    for ch in unicodedata.normalize("NFKD", word.replace("đ", "d\u0335")):
        if ch in _TONES:
            tones += _TONES[ch]
        elif letters and (letters[-1][0], ch) in _SHAPES:
            letters[-1] = letters[-1][0] + _SHAPES[letters[-1][0], ch]
        elif letters and letters[-1] == "d0" and ch == "\u0335":
            letters[-1] = "d1"
        elif ch.isascii() and ch.isalpha():
            letters.append(ch.lower() + "0")
        elif ch.isascii() and ch.isdigit():
            letters.append("1" + ch)
    return "".join(letters) + "0" + tones + "0"


def split_unit(text: str) -> tuple[str, str]:
    """("phường" | "xã" | "đặc khu" | "", the name itself)."""
    text = tidy(text)
    match = _UNIT.fullmatch(text)
    if match is None:
        return "", text
    unit = "phường" if match["ward"] else "xã" if match["commune"] else "đặc khu" if match["zone"] else ""
    return unit, match["rest"]


def natural(key: str) -> list[tuple[int, str]]:
    """A search key in the order in which people count: Tổ dân phố 7 before Tổ dân phố 10."""
    return [(int(word), "") if word.isdecimal() else (10**9, word) for word in key.split()]


def name_key(text: str) -> str:
    """The same for "P. Hải Châu", "Phường Hải Châu" and "Hải Châu".

    A number alone says too little, so "P.05" keeps its unit word: "phuong 5".
    """
    unit, name = split_unit(text)
    key = search_key(name)
    if key.isascii() and key.isdigit():
        return search_key(f"{unit} {int(key)}")
    return key
