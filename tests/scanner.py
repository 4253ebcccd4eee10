"""A scanner for tests: our own paper drawn at some resolution, turned, slanted and dirty, as one PDF of pictures."""

import io
import random
from dataclasses import dataclass
from functools import cache

import pypdfium2 as pdfium
from PIL import Image, ImageChops, ImageFilter


@dataclass(frozen=True)
class Pass:
    """How a sheet goes through the scanner."""

    dpi: int = 200
    turned: int = 0  # clockwise, in quarters of a circle
    slant: float = 0.0
    noise: int = 0  # sigma of grey noise
    blur: float = 0.0
    seed: int = 1


def sheets(pdf: bytes) -> list[bytes]:
    """Each page of a PDF as a PDF of its own."""
    found = []
    with pdfium.PdfDocument(pdf) as whole:
        for number in range(len(whole)):
            with pdfium.PdfDocument.new() as single:
                single.import_pages(whole, [number])
                out = io.BytesIO()
                single.save(out)
                found.append(out.getvalue())
    return found


def photograph(sheet: bytes, how: Pass | None = None) -> Image.Image:
    how = how or Pass()
    with pdfium.PdfDocument(sheet) as document:
        picture: Image.Image = document[0].render(scale=how.dpi / 72, grayscale=True).to_pil().convert("L")
    if how.slant:
        picture = picture.rotate(how.slant, expand=True, fillcolor=255, resample=Image.Resampling.BILINEAR)
    if how.blur:
        picture = picture.filter(ImageFilter.GaussianBlur(how.blur))
    if how.noise:
        picture = _dirty(picture, how)
    return picture.rotate(-how.turned, expand=True)


def _dirty(picture: Image.Image, how: Pass) -> Image.Image:
    noise, tile = Image.new("L", picture.size), _grain(how.noise, how.seed % 3)
    for left in range(0, picture.width, tile.width):
        for top in range(0, picture.height, tile.height):
            noise.paste(tile, (left, top))
    return ImageChops.add(picture, noise, offset=-128)


@cache
def _grain(sigma: int, seed: int) -> Image.Image:
    """The same dirt for the same seed; PIL's own noise would be different every time."""
    chance = random.Random(seed)
    return Image.frombytes(
        "L", (384, 384), bytes(max(0, min(255, round(chance.gauss(128, sigma)))) for _ in range(384 * 384))
    )


def scanned(pictures: list[Image.Image], dpi: int = 200) -> bytes:
    """What the scanner sends: one PDF with a JPEG on each page."""
    out = io.BytesIO()
    pictures[0].save(out, "PDF", save_all=True, append_images=pictures[1:], resolution=dpi, quality=80)
    return out.getvalue()


def photo(picture: Image.Image, kind: str = "JPEG", **options: object) -> bytes:
    out = io.BytesIO()
    picture.save(out, kind, **options)
    return out.getvalue()


def blank(dpi: int = 200) -> Image.Image:
    return Image.new("L", (dpi * 827 // 100, dpi * 1169 // 100), 250)
