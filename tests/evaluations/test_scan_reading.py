"""Reading scanned bytes in a child process: what comes out upright, what is refused, and how fast."""

import io
import time
import zlib
from collections.abc import Callable

import pikepdf
import pypdfium2 as pdfium
import pytest
import segno
from PIL import Image

from evaluations import scans
from evaluations.scans import ScanError, inspect, read_pages
from tests.scanner import Pass, blank, photo, photograph, scanned, sheets

URL = "https://lienhe.example.vn/q/A-1F7-9K2QX/"


@pytest.fixture(scope="module")
def paper() -> bytes:
    """A sheet with a code in its lower left corner."""
    page = blank(300)
    code = io.BytesIO()
    segno.make(URL, error="m", micro=False).save(code, kind="png", scale=7, border=2)
    page.paste(Image.open(code), (50, page.height - 400))
    return sheets(scanned([page], 300))[0]


@pytest.mark.parametrize("turned", [0, 90, 180, 270])
def test_a_page_is_set_upright_by_its_code(paper: bytes, turned: int) -> None:
    picture = photograph(paper, Pass(turned=turned))

    for content in (scanned([picture]), photo(picture)):
        (page,) = read_pages(content, 1, 4)

        assert (page.codes, page.rotation, page.is_damaged) == ([URL], -turned % 360, False)
        shown = Image.open(io.BytesIO(page.picture))
        assert shown.height > shown.width
        assert scans._codes(shown.convert("L").resize((1654, 2339)))[1] == 0


def test_what_a_phone_says_about_the_place_is_not_kept(paper: bytes) -> None:
    picture = photograph(paper, Pass(turned=90))
    exif = Image.Exif()
    exif[0x0112] = 8  # the phone was held sideways
    exif[0x010F] = "Điện thoại của đồng chí Thử"

    (page,) = read_pages(photo(picture, exif=exif), 1, 1)

    assert (page.codes, page.rotation) == ([URL], 0)
    assert b"Exif" not in page.content
    assert Image.open(io.BytesIO(page.content)).height > Image.open(io.BytesIO(page.content)).width


def test_a_page_keeps_what_it_shows_and_nothing_else(paper: bytes) -> None:
    with pikepdf.open(io.BytesIO(paper)) as document:
        page = document.pages[0]
        action = pikepdf.Dictionary(S=pikepdf.Name.JavaScript, JS="app.alert(1)")
        page.AA = pikepdf.Dictionary(O=action)
        page.Annots = document.make_indirect([pikepdf.Dictionary(Subtype=pikepdf.Name.Link, A=action)])
        document.Root.OpenAction = action
        document.attachments["note.txt"] = b"attached"
        hostile = io.BytesIO()
        document.save(hostile)

    (page_read,) = read_pages(hostile.getvalue(), 1, 1)

    with pikepdf.open(io.BytesIO(page_read.content)) as kept:
        assert set(kept.Root.keys()) == {"/Type", "/Pages"}
        assert set(kept.pages[0].obj.keys()) <= {"/Type", "/Parent", "/MediaBox", "/Resources", "/Contents", "/Rotate"}
        assert not [thing for thing in kept.objects if "JavaScript" in str(thing) or "attached" in str(thing)]


def test_pages_are_joined_and_turned(paper: bytes) -> None:
    picture = photograph(paper)
    pages = [*read_pages(scanned([picture]), 1, 1), *read_pages(photo(picture), 1, 1)]

    joined = scans.join([(page.content, page.is_pdf) for page in pages])
    turned = [scans.turn(page.content, page.is_pdf, 90) for page in pages]

    assert inspect(joined) == 2
    assert [page.codes for page in read_pages(joined, 1, 2)] == [[URL], [URL]]
    assert [read_pages(page.content, 1, 1)[0].rotation for page in turned] == [270, 270]


def encrypted(paper: bytes) -> bytes:
    with pikepdf.open(io.BytesIO(paper)) as document:
        out = io.BytesIO()
        document.save(out, encryption=pikepdf.Encryption(owner="chu", user="khach"))
        return out.getvalue()


def many_pages(paper: bytes) -> bytes:
    with pikepdf.new() as document:
        for _ in range(scans.MAX_PAGES + 1):
            document.add_blank_page(page_size=(595, 842))
        out = io.BytesIO()
        document.save(out)
        return out.getvalue()


def png_bomb(paper: bytes) -> bytes:
    """A few kilobytes that claim to be 60,000 by 60,000 points."""
    out = io.BytesIO()
    Image.new("1", (8, 8)).save(out, "PNG")
    content = bytearray(out.getvalue())
    content[16:24] = (60_000).to_bytes(4, "big") * 2
    content[29:33] = zlib.crc32(bytes(content[12:29])).to_bytes(4, "big")
    return bytes(content)


REFUSED: dict[str, tuple[Callable[[bytes], bytes], str]] = {
    "encrypted": (encrypted, scans.LOCKED),
    "cut off": (lambda paper: paper[: len(paper) // 2], scans.DAMAGED),
    "cut off before the last page": (lambda paper: paper[:200] + paper[-200:], scans.DAMAGED),
    "too many pages": (many_pages, scans.TOO_MANY),
    "picture bomb": (png_bomb, scans.TOO_BIG),
    "half a photo": (lambda paper: photo(blank())[:3000], scans.DAMAGED),
    "PDF behind a photo": (lambda paper: photo(blank()) + paper, scans.FOREIGN),
    "archive behind a PDF": (lambda paper: paper + b"PK\x03\x04" + b"0" * 5000, scans.DAMAGED),
    "page of a web site": (lambda paper: b"<html><script>1</script>", scans.FOREIGN),
    "GIF": (lambda paper: photo(blank(), "GIF"), scans.FOREIGN),
    "drawing": (lambda paper: b'<svg xmlns="http://www.w3.org/2000/svg"/>', scans.FOREIGN),
    "photo of an iPhone": (lambda paper: b"\0\0\0\x18ftypheic" + b"0" * 200, scans.HEIC),
    "nothing": (lambda paper: b"%PDF-1.7\n%%EOF", scans.DAMAGED),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_scan_is_refused_at_once(paper: bytes, name: str) -> None:
    make, sentence = REFUSED[name]
    content, start = make(paper), time.monotonic()

    with pytest.raises(ScanError) as refusal:
        inspect(content)

    assert str(refusal.value) == sentence
    assert time.monotonic() - start < 5


def test_a_page_that_breaks_the_reader_is_there_and_marked(paper: bytes) -> None:
    """A picture inside a PDF that would unfold to 3.6 GB: its page alone is damaged, its neighbours are read."""
    with pikepdf.open(io.BytesIO(paper)) as document:
        good = document.pages[0]
        bomb = document.make_stream(zlib.compress(b"\0" * 50_000_000, 9))
        bomb.stream_dict = pikepdf.Dictionary(
            Type=pikepdf.Name.XObject, Subtype=pikepdf.Name.Image, Width=60_000, Height=60_000, BitsPerComponent=8,
            ColorSpace=pikepdf.Name.DeviceGray, Filter=pikepdf.Name.FlateDecode,
        )  # fmt: skip
        bad = document.add_blank_page(page_size=(595, 842))
        bad.add_resource(bomb, pikepdf.Name.XObject, pikepdf.Name.Bomb)
        bad.Contents = document.make_stream(b"q 595 0 0 842 0 0 cm /Bomb Do Q")
        document.pages.append(good)
        out = io.BytesIO()
        document.save(out)
    content, pages = out.getvalue(), []

    while len(pages) < 3:
        pages += read_pages(content, len(pages) + 1, 3 - len(pages))

    assert [(page.number, page.codes) for page in pages] == [(1, [URL]), (2, []), (3, [URL])]


def test_the_limits_hold_for_the_largest_paper() -> None:
    with pdfium.PdfDocument.new() as document:
        document.new_page(14_000, 14_000)
        out = io.BytesIO()
        document.save(out)

    (page,) = read_pages(out.getvalue(), 1, 1)

    assert not page.is_damaged
    assert max(Image.open(io.BytesIO(page.picture)).size) <= scans.PICTURE_LONGEST
