"""Text typed in the fonts of the time before Unicode: TCVN3 (.VnTime, .VnArial) and VNI (VNI-Times).

Their files hold Latin-1 letters that only look Vietnamese in the right font: "Hä vµ tªn", "Hoï vaø teân".
"""

import re
import unicodedata
from collections.abc import Iterable

_TCVN3 = dict(
    zip(
        "µ¶·¸¹¨»¾¼½Æ©ÇÊÈÉËÌÎÏÐÑªÒÕÓÔÖ×ØÜÝÞßáâãä«åèæçé¬êíëìîïñòóô\u00adõøö÷ùúûüýþ®¡¢§£¤¥¦",
        "àảãáạăằắẳẵặâầấẩẫậèẻẽéẹêềếểễệìỉĩíịòỏõóọôồốổỗộơờớởỡợùủũúụưừứửữựỳỷỹýỵđĂÂĐÊÔƠƯ",
        strict=True,
    )
)
# A letter and the mark that VNI writes behind it.
_PAIRS = (
    "aø aù aû aõ aï aê aè aé aú aü aë aâ aà aá aå aã aä eø eù eû eõ eï eâ eà eá eå eã eä "
    "oø où oû oõ oï oâ oà oá oå oã oä ôø ôù ôû ôõ ôï uø uù uû uõ uï öø öù öû öõ öï yø yù yû yõ"
)
_PAIRED = "àáảãạăằắẳẵặâầấẩẫậèéẻẽẹêềếểễệòóỏõọôồốổỗộờớởỡợùúủũụừứửữựỳýỷỹ"
_VNI_PAIRS = dict(zip(_PAIRS.split(), _PAIRED, strict=True))
_VNI_ALONE = dict(zip("ìíæóòôöîñ", "ìíỉĩịơưỵđ", strict=True))
_VNI = _VNI_PAIRS | _VNI_ALONE
_IS_VIETNAMESE = re.compile("[\u0102\u0103\u0110\u0111\u0128\u0129\u0168\u0169\u01a0\u01a1\u01af\u01b0\u1ea0-\u1ef9]")
_IS_TCVN3 = re.compile("[µ¶¸¹¨¾¼½©ª¬®×ÞßÇÐþ÷\u00ad]")
_IS_VNI = re.compile("|".join(_VNI_PAIRS) + "|ñ", re.IGNORECASE)
_VNI_WORD = re.compile("|".join(sorted(_VNI, key=len, reverse=True)), re.IGNORECASE)


def legacy_font(texts: Iterable[str]) -> str:
    """ "TCVN3" or "VNI" when more cells are typed in it than in Unicode, else ""."""
    counts = {"": 2, "TCVN3": 0, "VNI": 0}
    for text in texts:
        if not text.isascii():
            composed = unicodedata.normalize("NFC", text)
            if _IS_VIETNAMESE.search(composed):
                counts[""] += 1
            elif _IS_TCVN3.search(composed):
                counts["TCVN3"] += 1
            elif _IS_VNI.search(composed):
                counts["VNI"] += 1
    return max(counts, key=lambda font: counts[font])


def from_legacy(text: str, font: str) -> str:
    """The same text in Unicode; a cell that already is Unicode stays as it is."""
    if text.isascii() or _IS_VIETNAMESE.search(unicodedata.normalize("NFC", text)):
        return text
    if font == "TCVN3":
        return "".join(_TCVN3.get(letter, letter) for letter in text)
    return _VNI_WORD.sub(lambda found: _as_written(found[0], _VNI[found[0].lower()]), text)


def _as_written(old: str, new: str) -> str:
    return new.upper() if old[0].isupper() else new
