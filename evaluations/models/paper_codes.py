"""The short code printed on paper, as text and inside a QR code: which row a sheet belongs to.

A code opens nothing by itself: whoever follows it still signs in and still needs reach. Its last letters are a keyed
digest, so that a slip of the pen or a code made up elsewhere is refused instead of finding somebody else's row.
"""

import hashlib
import hmac
from enum import StrEnum

from django.conf import settings
from django.urls import reverse

# Crockford's digits: no I, L, O, U, so that nothing is taken for something else when it is read aloud or typed.
DIGITS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
CHECK = 5
# Anybody may ask what a document's code stands for (views/checking.py), so it must not be guessed: 50 bits.
LONG_CHECK = 10
FIRST_YEAR, YEARS = 2020, 128
MAX_PAGE = 500
_TYPED = str.maketrans("ILO", "110")


class PaperKind(StrEnum):
    ASSESSMENT = "A"  # the form on which one assessment is written; pk of Assessment
    DOCUMENT = "D"  # a letter or form that was issued or waits for signature; pk of Document
    GRID = "G"  # the sheet with a whole cell's ratings; cell and year as one number (grid_number)


def paper_code(kind: PaperKind, pk: int) -> str:
    """ "A-1F7-9K2QX": kind, row, digest."""
    number = _digits(pk)
    return f"{kind}-{number}-{_check(kind, number)}"


def paper_facts(kind: PaperKind, pk: int) -> dict[str, str]:
    """The code and the address inside its QR code, as templates/documents/paper_code.html prints them."""
    code = paper_code(kind, pk)
    return {"code": code, "url": settings.PUBLIC_URL + reverse("evaluations:paper_code", args=[code])}


def read_paper_code(text: str) -> tuple[PaperKind, int] | None:
    """The kind and row of a code however it was typed, or inside the address of a QR code; None for others."""
    words = text.strip().rstrip("/").rpartition("/")[2].upper()
    plain = "".join(letter for letter in words if letter.isalnum()).translate(_TYPED)
    kind, length = plain[:1], _length(plain[:1])
    number, check = plain[1:-length], plain[-length:]
    if kind not in set(PaperKind) or not number or len(number) > 12 or set(number) - set(DIGITS):
        return None
    if not hmac.compare_digest(check.encode(), _check(kind, number).encode()):
        return None
    return PaperKind(kind), sum(DIGITS.index(digit) << 5 * place for place, digit in enumerate(reversed(number)))


def read_sheet(text: str) -> tuple[PaperKind, int, int] | None:
    """What a QR code of ours says: kind, row and which page of it, "…/q/D-1F7-9K2QX/?t=2"; None for others."""
    address, _, page = text.strip().partition("?t=")
    found = read_paper_code(address)
    if found is None or (page and not (page.isdecimal() and 0 < int(page[:4]) <= MAX_PAGE and len(page) < 4)):
        return None
    return *found, int(page or 1)


def looks_like_ours(text: str) -> bool:
    """Whether a QR code claims to be one of these, rightly or not."""
    return "/q/" in text or read_paper_code(text) is not None


def grid_number(cell_id: int, year: int) -> int:
    """Cell and year as the one number that a code of kind GRID holds."""
    return cell_id * YEARS + year - FIRST_YEAR


def read_grid_number(number: int) -> tuple[int, int]:
    """(cell id, year) of a code of kind GRID."""
    return number // YEARS, FIRST_YEAR + number % YEARS


def _digits(number: int) -> str:
    text = ""
    while number:
        text, number = DIGITS[number & 31] + text, number >> 5
    return text or "0"


def _check(kind: str, number: str) -> str:
    mac = hmac.new(settings.SECRET_KEY.encode(), f"paper-code:{kind}{number}".encode(), hashlib.sha256).digest()
    return "".join(DIGITS[byte & 31] for byte in mac[: _length(kind)])


def _length(kind: str) -> int:
    return LONG_CHECK if kind == PaperKind.DOCUMENT else CHECK
