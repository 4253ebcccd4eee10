"""What stands on a page, read back out of the PDF by PDFium: words with place, size and font, and drawn lines."""

import ctypes
from typing import NamedTuple

import pypdfium2
import pypdfium2.raw as pdfium

MM = 25.4 / 72
GAP = 4.0  # points; kerning pulls letters together, a wider space begins another run


class Run(NamedTuple):
    """Letters of one font and size on one line; all lengths in mm from the upper left corner of the page."""

    text: str
    left: float
    right: float
    base: float
    size: float  # points
    font: str


class Stroke(NamedTuple):
    left: float
    right: float
    top: float
    bottom: float


def runs(content: bytes, page_no: int = 0) -> list[Run]:
    """In the order of the file, which is the order of reading."""
    document = pypdfium2.PdfDocument(content)
    page = document[page_no]
    height, text = page.get_height(), page.get_textpage()
    found: list[Run] = []
    for index in range(text.count_chars()):
        letter = chr(pdfium.FPDFText_GetUnicode(text, index))
        if letter in "\r\n\ufffe" or pdfium.FPDFText_IsGenerated(text, index):
            continue
        left, right, base = _place(text, index)
        size, font = _size(text, index), _font(text, index)
        last = found[-1] if found else None
        is_same = last and (last.size, last.font, last.base) == (size, font, mm(height - base))
        if last and is_same and -GAP < left - last.right / MM < GAP:
            found[-1] = last._replace(text=last.text + letter, right=mm(right))
            continue
        found.append(Run(letter, mm(left), mm(right), mm(height - base), size, font))
    return [run._replace(text=run.text.replace("\u00a0", " ").strip()) for run in found if run.text.strip()]


def _place(text: pypdfium2.PdfTextPage, index: int) -> tuple[float, float, float]:
    """Left and right edge of a letter as it is set, and its base line, in points."""
    box, x, y = pdfium.FS_RECTF(), ctypes.c_double(), ctypes.c_double()
    pdfium.FPDFText_GetLooseCharBox(text, index, box)
    pdfium.FPDFText_GetCharOrigin(text, index, x, y)
    return box.left, box.right, y.value


def _size(text: pypdfium2.PdfTextPage, index: int) -> float:
    matrix = pdfium.FS_MATRIX()
    pdfium.FPDFText_GetMatrix(text, index, matrix)
    return round(pdfium.FPDFText_GetFontSize(text, index) * abs(matrix.d), 1)


def _font(text: pypdfium2.PdfTextPage, index: int) -> str:
    """ "Bold", "Italic" or "" of our only family."""
    name, flags = ctypes.create_string_buffer(128), ctypes.c_int()
    pdfium.FPDFText_GetFontInfo(text, index, name, 128, flags)
    return name.value.decode().rpartition("+")[2].removeprefix("Liberation-Serif-Official").lstrip("-")


def strokes(content: bytes, page_no: int = 0) -> list[Stroke]:
    """Everything drawn that is no letter and no picture."""
    document = pypdfium2.PdfDocument(content)
    page = document[page_no]
    height = page.get_height()
    found = []
    for row in page.get_objects(filter=[pdfium.FPDF_PAGEOBJ_PATH]):
        left, bottom, right, top = row.get_bounds()
        found.append(Stroke(mm(left), mm(right), mm(height - top), mm(height - bottom)))
    return found


def page_size(content: bytes, page_no: int = 0) -> tuple[float, float]:
    width, height = pypdfium2.PdfDocument(content)[page_no].get_size()
    return round(width * MM, 1), round(height * MM, 1)


def mm(points: float) -> float:
    return round(points * MM, 1)
