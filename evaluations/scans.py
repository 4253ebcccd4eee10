"""Scanned paper: the bytes of a PDF or a photo in, single upright pages and the codes printed on them out.

What comes from a scanner or a phone may be a bomb, so every opening of foreign bytes happens in a child process with
little memory, little time, no environment and no right to write a file. What is kept was written by us: pages are
lifted out of the PDF without its scripts and attachments, photos are encoded again without where they were taken.
Nothing of Django here: the child starts in a tenth of a second.
"""

import io
import json
import os
import re
import resource
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pikepdf
import pypdfium2 as pdfium
import zxingcpp
from PIL import Image, ImageFilter, ImageOps

MAX_BYTES = 40 * 1024 * 1024
MAX_PAGES = 300
MAX_PIXELS = 60_000_000  # the largest phone camera in common use; a bomb says 10,000 times as many
MAX_POINTS = 2_000  # a side of the page: a little more than A2
MAX_PAGE_BYTES = 6 * 1024 * 1024
READ_DPI, PICTURE_DPI = 300, 100
LONGEST = 3_000  # pixels of a photo that is kept
PICTURE_LONGEST = 1_200
QR = zxingcpp.BarcodeFormats(zxingcpp.BarcodeFormat.QRCode)
MEMORY = 1024 * 1024 * 1024
WALL_SECONDS = 20
INSPECT_SECONDS = 8

SCAN_AGAIN = "đề nghị quét lại thành tệp PDF (hoặc chụp ảnh JPG, PNG) rồi tải lên lại."
TOO_BIG = f"Tệp quá lớn hoặc quá phức tạp để đọc; {SCAN_AGAIN}"
DAMAGED = f"Không đọc được tệp này (tệp hỏng hoặc tải lên chưa hết); {SCAN_AGAIN}"
LOCKED = "Tệp PDF đang đặt mật khẩu; đề nghị bỏ mật khẩu rồi tải lên lại."
FOREIGN = f"Chỉ nhận tệp PDF và ảnh JPG, PNG; {SCAN_AGAIN}"
TOO_MANY = f"Tệp có hơn {MAX_PAGES} trang; đề nghị chia thành nhiều tệp rồi tải lên từng tệp."
HEIC = (
    "Ảnh dạng HEIC của iPhone chưa đọc được; đề nghị vào Cài đặt → Camera → Định dạng → Tương thích nhất rồi chụp lại."
)


class ScanError(Exception):
    """The file is not taken; the message is a Vietnamese sentence for the person who sent it."""


@dataclass(frozen=True)
class PageRead:
    """One page as it will be kept: upright, with everything a machine could read on it."""

    number: int
    content: bytes = b""  # one PDF page, or a JPEG
    is_pdf: bool = False
    picture: bytes = b""  # a small JPEG for the screen
    rotation: int = 0  # degrees it was turned by, clockwise
    codes: list[str] = field(default_factory=list)  # texts of the QR codes on it
    is_damaged: bool = False


def inspect(content: bytes) -> int:
    """How many pages the file has. Raises ScanError when it is none that we take."""
    if len(content) > MAX_BYTES:
        raise ScanError(f"Tệp lớn hơn {MAX_BYTES >> 20} MB; đề nghị chia nhỏ hoặc quét ở 200–300 dpi, ảnh xám.")
    answer, _ = _ask_child({"work": "inspect"}, content, INSPECT_SECONDS)
    return int(answer["pages"])


def read_pages(content: bytes, first: int, count: int) -> list[PageRead]:
    """Pages first, first + 1, … (from 1), at least one. A page that cannot be read at all comes marked as damaged."""
    try:
        answer, tail = _ask_child({"work": "read", "first": first, "count": count}, content, WALL_SECONDS)
    except ScanError:
        if count == 1:
            return [PageRead(first, is_damaged=True)]
        # One of them breaks the reader: let it break alone.
        return read_pages(content, first, 1)
    pages = []
    for row in answer["pages"]:
        sizes = row.pop("sizes")
        kept, tail = tail[: sizes[0]], tail[sizes[0] :]
        picture, tail = tail[: sizes[1]], tail[sizes[1] :]
        pages.append(PageRead(content=kept, picture=picture, **row))
    return pages


def join(pages: list[tuple[bytes, bool]]) -> bytes:
    """One PDF of kept pages (bytes, is PDF) in this order."""
    sizes = [[len(content), is_pdf] for content, is_pdf in pages]
    _, tail = _ask_child({"work": "join", "sizes": sizes}, b"".join(content for content, _ in pages), WALL_SECONDS)
    return tail


def turn(content: bytes, is_pdf: bool, degrees: int) -> PageRead:
    """A kept page turned clockwise by 90, 180 or 270 degrees, with its new picture."""
    order = {"work": "turn", "is_pdf": is_pdf, "degrees": degrees}
    answer, tail = _ask_child(order, content, WALL_SECONDS)
    size = answer["sizes"][0]
    return PageRead(0, tail[:size], is_pdf, tail[size:], degrees)


def _ask_child(order: dict[str, Any], content: bytes, seconds: int) -> tuple[dict[str, Any], bytes]:
    keep = {name: os.environ[name] for name in ("PATH", "PYTHONPATH", "LD_LIBRARY_PATH") if name in os.environ}
    try:
        child = subprocess.run(
            [sys.executable, "-m", "evaluations.scans"],
            input=json.dumps(order | {"seconds": seconds}).encode() + b"\n" + content,
            capture_output=True,
            cwd=Path(__file__).resolve().parent.parent,
            env=keep | {"PYTHONDONTWRITEBYTECODE": "1"},
            timeout=seconds + 2,
            check=True,
        )
    except (subprocess.TimeoutExpired, subprocess.CalledProcessError) as error:
        raise ScanError(TOO_BIG) from error
    head, _, tail = child.stdout.partition(b"\n")
    answer: dict[str, Any] = json.loads(head)
    if "refused" in answer:
        raise ScanError(answer["refused"])
    return answer, tail


# --- The child -------------------------------------------------------------------------------------------------------


def main() -> None:
    """An order in JSON and bytes on standard input; an answer or a refusal in JSON, and bytes, on standard output."""
    order = json.loads(sys.stdin.buffer.readline())
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (order["seconds"], order["seconds"]))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    content = sys.stdin.buffer.read()
    try:
        answer, tail = _WORK[order["work"]](content, order)
    except ScanError as error:
        answer, tail = {"refused": str(error)}, b""
    except Exception:
        # The libraries answer a hostile file with whatever their depths happen to raise.
        answer, tail = {"refused": DAMAGED}, b""
    sys.stdout.buffer.write(json.dumps(answer).encode() + b"\n" + tail)


def _inspect(content: bytes, order: dict[str, Any]) -> tuple[dict[str, Any], bytes]:
    if _is_pdf(content):
        with _open_pdf(content) as source:
            pages = len(source.pages)
        if pages > MAX_PAGES:
            raise ScanError(TOO_MANY)
        if not pages:
            raise ScanError(DAMAGED)
        return {"pages": pages}, b""
    with _open_photo(content) as photo:
        photo.load()
    return {"pages": 1}, b""


def _read(content: bytes, order: dict[str, Any]) -> tuple[dict[str, Any], bytes]:
    pages = _pdf_pages(content, order["first"], order["count"]) if _is_pdf(content) else [_photo(content)]
    rows, tail = [], b""
    for page in pages:
        row = vars(page) | {"sizes": [len(page.content), len(page.picture)]}
        tail += row.pop("content") + row.pop("picture")
        rows.append(row)
    return {"pages": rows}, tail


def _join(content: bytes, order: dict[str, Any]) -> tuple[dict[str, Any], bytes]:
    whole = pikepdf.new()
    for size, is_pdf in order["sizes"]:
        piece, content = content[:size], content[size:]
        with pikepdf.open(io.BytesIO(piece if is_pdf else _photo_as_pdf(piece))) as part:
            whole.pages.extend(part.pages)
    return {}, _saved(whole)


def _turn(content: bytes, order: dict[str, Any]) -> tuple[dict[str, Any], bytes]:
    if order["is_pdf"]:
        with pikepdf.open(io.BytesIO(content)) as source:
            kept = _lifted(source, 0, order["degrees"])
        with pdfium.PdfDocument(kept) as document:
            picture = _small(_drawn(document[0], PICTURE_DPI))
    else:
        with _open_photo(content) as photo:
            upright = photo.convert("RGB").rotate(-order["degrees"], expand=True)
        kept, picture = _jpeg(upright, 85), _small(upright)
    return {"sizes": [len(kept), len(picture)]}, kept + picture


def _is_pdf(content: bytes) -> bool:
    """By the first bytes only; a file that is two things at once is none that we take."""
    if content.startswith(b"%PDF-"):
        end = content.rfind(b"%%EOF")
        if end < 0 or len(content) - end > 1024:
            raise ScanError(DAMAGED)
        return True
    if content[4:12] in (b"ftypheic", b"ftypheix", b"ftypmif1"):
        raise ScanError(HEIC)
    if not content.startswith((b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n")) or b"%PDF-" in content:
        raise ScanError(FOREIGN)
    if re.search(rb"<(?:!doctype|html|script|svg)\b", content[:4096], re.IGNORECASE):
        raise ScanError(FOREIGN)
    return False


def _open_pdf(content: bytes) -> pikepdf.Pdf:
    try:
        # Without repairs: qpdf would mend a file that was cut off by leaving out the pages it cannot find.
        source = pikepdf.open(io.BytesIO(content), attempt_recovery=False)
    except pikepdf.PasswordError:
        raise ScanError(LOCKED) from None
    except pikepdf.PdfError:
        raise ScanError(DAMAGED) from None
    if source.is_encrypted:
        raise ScanError(LOCKED)
    return source


def _pdf_pages(content: bytes, first: int, count: int) -> Iterator[PageRead]:
    with _open_pdf(content) as source, pdfium.PdfDocument(content) as document:
        for number in range(first, min(first + count, len(source.pages) + 1)):
            yield _pdf_page(source, document, number)


def _pdf_page(source: pikepdf.Pdf, document: pdfium.PdfDocument, number: int) -> PageRead:
    try:
        drawn = _drawn(document[number - 1], READ_DPI)
    except (pdfium.PdfiumError, ValueError):
        return PageRead(number, _lifted(source, number - 1, 0), is_pdf=True, is_damaged=True)
    codes, degrees = _codes(drawn)
    upright = drawn.rotate(-degrees, expand=True)
    kept = _lifted(source, number - 1, degrees)
    if len(kept) > MAX_PAGE_BYTES:
        # A page that drags half the file along: what it looks like is enough.
        return PageRead(number, _jpeg(upright, 75), False, _small(upright), degrees, codes)
    return PageRead(number, kept, True, _small(upright), degrees, codes)


def _lifted(source: pikepdf.Pdf, index: int, degrees: int) -> bytes:
    """One page as a document of its own: what it shows, without notes, forms, scripts and attachments."""
    single = pikepdf.new()
    single.pages.append(source.pages[index])
    page = single.pages[0]
    for key in set(page.obj.keys()) - {
        "/Type",
        "/Parent",
        "/MediaBox",
        "/CropBox",
        "/Rotate",
        "/Resources",
        "/Contents",
    }:
        del page.obj[key]
    page.rotate(degrees, relative=True)
    return _saved(single)


def _saved(document: pikepdf.Pdf) -> bytes:
    target = io.BytesIO()
    document.remove_unreferenced_resources()
    document.save(target, deterministic_id=True, object_stream_mode=pikepdf.ObjectStreamMode.generate)
    return target.getvalue()


def _drawn(page: pdfium.PdfPage, dpi: int) -> Image.Image:
    longest = max(page.get_size())
    if longest <= 0:
        raise ValueError("no size")
    scale = dpi / 72 * min(1, MAX_POINTS / longest)
    picture: Image.Image = page.render(scale=scale, grayscale=True).to_pil().convert("L")
    return picture


def _open_photo(content: bytes) -> Image.Image:
    Image.MAX_IMAGE_PIXELS = MAX_PIXELS // 2  # PIL warns at this and refuses at twice as much
    try:
        photo = Image.open(io.BytesIO(content), formats=("JPEG", "PNG", "MPO"))
    except Image.DecompressionBombError:
        raise ScanError(TOO_BIG) from None
    if photo.width * photo.height > MAX_PIXELS:
        raise ScanError(TOO_BIG)
    return photo


def _photo(content: bytes) -> PageRead:
    with _open_photo(content) as photo:
        photo.draft("RGB", (LONGEST, LONGEST))
        standing = ImageOps.exif_transpose(photo).convert("RGB")
    standing.thumbnail((LONGEST, LONGEST))
    codes, degrees = _codes(standing.convert("L"))
    upright = standing.rotate(-degrees, expand=True)
    return PageRead(1, _jpeg(upright, 85), False, _small(upright), degrees, codes)


def _photo_as_pdf(content: bytes) -> bytes:
    """The JPEG as it is, on one A4 page standing or lying."""
    with _open_photo(content) as photo:
        width, height, colours = photo.width, photo.height, photo.mode
    across, down = (595, 842) if width <= height else (842, 595)
    scale = min(across / width, down / height)
    document = pikepdf.new()
    page = document.add_blank_page(page_size=(across, down))
    image = pikepdf.Stream(document, content)
    image.stream_dict = pikepdf.Dictionary(
        Type=pikepdf.Name.XObject,
        Subtype=pikepdf.Name.Image,
        Width=width,
        Height=height,
        ColorSpace=pikepdf.Name.DeviceGray if colours == "L" else pikepdf.Name.DeviceRGB,
        BitsPerComponent=8,
        Filter=pikepdf.Name.DCTDecode,
    )
    name = page.add_resource(document.make_indirect(image), pikepdf.Name.XObject)
    left, below = (across - width * scale) / 2, (down - height * scale) / 2
    drawing = f"q {width * scale:.3f} 0 0 {height * scale:.3f} {left:.3f} {below:.3f} cm {name} Do Q"
    page.Contents = document.make_stream(drawing.encode())
    target = io.BytesIO()
    document.save(target)
    return target.getvalue()


def _jpeg(picture: Image.Image, quality: int) -> bytes:
    target = io.BytesIO()
    picture.save(target, "JPEG", quality=quality, optimize=True)
    return target.getvalue()


def _small(picture: Image.Image) -> bytes:
    small = picture.copy()
    small.thumbnail((PICTURE_LONGEST, PICTURE_LONGEST))
    return _jpeg(small, 70)


def _codes(page: Image.Image) -> tuple[list[str], int]:
    """The texts of the QR codes on a page, and by how many degrees it must be turned clockwise to stand upright."""
    for attempt, binarizer in _attempts(page):
        found = zxingcpp.read_barcodes(attempt, formats=QR, binarizer=binarizer, try_invert=False)
        if found:
            texts = sorted({code.text[:300] for code in found})
            # The angle of a code counts clockwise from upright in steps of the paper; a slanted page stays slanted.
            quarter = round(found[0].orientation / 90) * 90 % 360
            return texts, -quarter % 360
    return [], 0


def _attempts(page: Image.Image) -> Iterator[tuple[Image.Image, Any]]:
    local, whole = zxingcpp.Binarizer.LocalAverage, zxingcpp.Binarizer.GlobalHistogram
    yield page, local
    yield page, whole
    calm = page.filter(ImageFilter.MedianFilter(3))
    yield calm, local
    yield page.filter(ImageFilter.GaussianBlur(2)), local
    half = calm.reduce(2)
    yield half, local
    yield half.filter(ImageFilter.GaussianBlur(1)), whole


_WORK = {"inspect": _inspect, "read": _read, "join": _join, "turn": _turn}

if __name__ == "__main__":
    main()
