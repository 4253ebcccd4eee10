"""Official documents: a template and frozen facts become the bytes of an archival PDF.

The only importer of WeasyPrint. Nothing here reads the database, the clock or the network, so the same facts
give the same bytes on every machine.
"""

import io
import re
import threading
import unicodedata
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

import segno
from django.conf import settings
from django.template import Context, Engine, Library
from fontTools.ttLib import TTFont  # type: ignore[import-untyped]
from weasyprint import CSS, HTML
from weasyprint.text.fonts import FontConfiguration
from weasyprint.urls import FatalURLFetchingError, URLFetcher, URLFetcherResponse

MAX_TEXT = 8_000
MAX_ROWS = 5_000
MAX_TOTAL = 2_000_000
MAX_DEPTH = 8
BODY_FONT = "LiberationSerif-Regular.ttf"
BASE_URL = "app://documents/"
SHEET = "app://sheet/"
SHEETS = range(1, 201)  # further pages carry no code and would be bound by hand
CAPTION = '"\\A" string(sheet-code) "\\A trang " counter(page)'
CODE_MM = 22
SVG = {"Content-Type": "image/svg+xml"}
# Styles that a template shares with others, besides letterhead.css and its own.
SHARED_STYLES = {
    "blank_forms": ("assessment_form", "paper_code"),
    "grid": ("paper_code",),
    "envelopes_dl": ("envelope",),
    "envelopes_c5": ("envelope",),
}

register = Library()


class RenderError(Exception):
    """The document could not be made; the message is a short Vietnamese reason without personal data."""


class _MissingFact(BaseException):
    """A template asked for a fact that is not there.

    Not an Exception, because Django's `{% if a and b %}` and `{% for %}` silently turn any Exception into "false".
    """


@dataclass(frozen=True)
class Access:
    """Printed for an organisation without accounts: where to read this letter, and its letter code."""

    url: str
    code: str


@dataclass(frozen=True)
class Check:
    """Printed on every page of issued paper: its code, and the address inside the QR code, which says the page too."""

    url: str
    number: str


@dataclass(frozen=True)
class Rendered:
    content: bytes
    pages: int


# One FontConfiguration serves every document of the process, and Pango's font map is not made for two threads.
_layout_lock = threading.Lock()


def render(
    template: str,
    facts: dict[str, Any],
    *,
    number: str = "",
    issued_on: date | None = None,
    is_draft: bool = False,
    access: Access | None = None,
    check: Check | None = None,
) -> Rendered:
    """Make the PDF of templates/documents/{template}.html from frozen facts (a JSON document, dates as ISO strings)."""
    stamps = {"number": number, "issued_on": issued_on, "is_draft": is_draft, "access": access, "check": check}
    try:
        page = _engine().get_template(f"documents/{template}.html")
        html = page.render(_StrictContext(_Freezer().freeze(facts) | stamps))
        return _lay_out(html, template, check)
    except _MissingFact as missing:
        raise RenderError(f"Thiếu dữ liệu để lập văn bản: {missing}") from None
    except RenderError:
        raise
    except Exception as error:
        raise RenderError(f"Không dựng được văn bản ({type(error).__name__})") from error


def _lay_out(html: str, template: str, check: Check | None) -> Rendered:
    with _layout_lock:
        fonts, fetcher = _fonts(), _ClosedFetcher(check)
        document = HTML(string=html, base_url=BASE_URL, url_fetcher=fetcher).render(
            stylesheets=_stylesheets(template, bool(check)), font_config=fonts, pdf_variant="pdf/a-3a"
        )
        content = document.write_pdf(pdf_variant="pdf/a-3a")
    return Rendered(content=content, pages=len(document.pages))


# --- What may enter a document ---------------------------------------------------------------------------------------


class _Facts(dict[str, Any]):
    def __missing__(self, key: str) -> Any:
        raise _MissingFact(key)


class _StrictContext(Context):
    """A template context in which an unknown name stops the rendering instead of printing nothing."""

    def __init__(self, values: dict[str, Any]) -> None:
        super().__init__(values, autoescape=True, use_l10n=False, use_tz=False)

    def __getitem__(self, key: Any) -> Any:
        if key not in self:
            raise _MissingFact(key)
        return super().__getitem__(key)


class _StrictInvalid(str):
    """Django formats this when an attribute of a value cannot be found."""

    def __mod__(self, variable: Any) -> str:
        raise _MissingFact(str(variable))


class _Freezer:
    """Copies facts within fixed limits, with every text reduced to characters our own font can draw."""

    def __init__(self) -> None:
        self.total = 0

    def freeze(self, value: Any, depth: int = 0) -> Any:
        if depth > MAX_DEPTH:
            raise RenderError("Dữ liệu văn bản lồng nhau quá sâu")
        if isinstance(value, dict):
            return _Facts((key, self.freeze(item, depth + 1)) for key, item in value.items())
        if isinstance(value, list):
            if len(value) > MAX_ROWS:
                raise RenderError(f"Danh sách trong văn bản vượt quá {MAX_ROWS} dòng")
            return [self.freeze(item, depth + 1) for item in value]
        if isinstance(value, str):
            return self.text(value)
        if value is None or isinstance(value, bool | int | float):
            return value
        raise RenderError(f"Dữ liệu văn bản có kiểu không dùng được ({type(value).__name__})")

    def text(self, value: str) -> str:
        self.total += len(value)
        if len(value) > MAX_TEXT or self.total > MAX_TOTAL:
            raise RenderError(f"Nội dung văn bản quá dài (mỗi mục tối đa {MAX_TEXT} ký tự)")
        # Names typed on a Mac come decomposed: composed letters are what the font draws and what a search finds.
        return "".join(_printable(letter) for letter in unicodedata.normalize("NFC", value))


def _printable(letter: str) -> str:
    """Our font's letter, or a stand-in: a letter from whatever font the machine has would not be archival."""
    if letter == "\n" or ord(letter) in _drawable():
        return letter
    category = unicodedata.category(letter)
    if category.startswith("Z") or letter == "\t":
        return " "
    return "" if category.startswith("C") else "□"


@cache
def _drawable() -> frozenset[int]:
    with TTFont(_static("fonts") / BODY_FONT, lazy=True) as font:
        letters = font.getBestCmap()
    return frozenset(code for code in letters if not unicodedata.category(chr(code)).startswith("C"))


# --- The machinery that every document shares ------------------------------------------------------------------------


class _ClosedFetcher(URLFetcher):  # type: ignore[misc]
    """Only our fonts and data: URIs: nothing that a person typed can make a document read a file or call a server."""

    def __init__(self, check: Check | None = None) -> None:
        self.check = check
        super().__init__(allowed_protocols={"data"}, allow_redirects=False, fail_on_errors=True)

    def fetch(self, url: str, headers: dict[str, str] | None = None) -> URLFetcherResponse:
        if url.startswith("data:"):
            return super().fetch(url, headers)
        if self.check and url.startswith(SHEET):
            return URLFetcherResponse(url, _sheet_code(self.check, int(url.removeprefix(SHEET))), SVG)
        folder = _static("fonts").resolve()
        path = (folder / url.removeprefix("app://fonts/")).resolve()
        if url.startswith("app://fonts/") and path.parent == folder and path.suffix == ".ttf":
            return URLFetcherResponse(url, path.read_bytes(), {"Content-Type": "font/ttf"})
        raise FatalURLFetchingError(f"blocked: {url[:80]}")


@cache
def _engine() -> Engine:
    folder = str(Path(settings.BASE_DIR) / "templates")
    engine = Engine(dirs=[folder], autoescape=True, string_if_invalid=_StrictInvalid("%s"))
    engine.template_builtins.append(register)
    return engine


@cache
def _fonts() -> FontConfiguration:
    return FontConfiguration()


@cache
def _stylesheets(template: str, has_check: bool) -> list[CSS]:
    names = ("letterhead", *SHARED_STYLES.get(template, ()), template, *(["check"] if has_check else []))
    paths = [_static("documents") / f"{name}.css" for name in names]
    rules = [path.read_text(encoding="utf-8") for path in paths if path.exists()]
    if has_check:
        # CSS can count pages in text only, so every page asks for its own picture (see the fetcher).
        rules += [
            f"@page :nth({page}) {{ @left-bottom {{ content: url({SHEET}{page}) {CAPTION} }} }}" for page in SHEETS
        ]
    return [CSS(string=text, base_url=BASE_URL, url_fetcher=_ClosedFetcher(), font_config=_fonts()) for text in rules]


def _static(folder: str) -> Path:
    return Path(settings.BASE_DIR) / "static" / folder


# --- How facts are worded --------------------------------------------------------------------------------------------


def _as_date(value: str | date | None) -> date | None:
    if isinstance(value, str):
        return date.fromisoformat(value) if re.fullmatch(r"\d{4}-\d\d-\d\d", value) else None
    return value


@register.filter
def long_date(value: str | date | None) -> str:
    """ngày 03 tháng 02 năm 2026; party documents pad days below 10 and only the first two months."""
    day = _as_date(value)
    if day is None:
        return "ngày\u00a0…… tháng\u00a0…… năm\u00a0………"
    month = f"{day.month:02}" if day.month < 3 else f"{day.month}"
    return f"ngày\u00a0{day.day:02} tháng\u00a0{month} năm\u00a0{day.year}"


@register.filter
def short_date(value: str | date | None) -> str:
    """03/02/2026; a text that is no ISO date (only a year is known) stays as it was written."""
    day = _as_date(value)
    if day is None:
        return str(value or "")
    return f"{day:%d/%m/%Y}"


@register.filter
def padded(value: int) -> str:
    return f"{value:02}"


@register.filter
def numbered(number: str, sign: str) -> str:
    """05-CV/ĐU, whether the book gave "5", "5a" or the whole "05-CV/ĐU"; room to write one when there is none yet."""
    if not number:
        return f"\u00a0\u00a0\u00a0\u00a0\u00a0\u00a0-{sign}"
    if match := re.fullmatch(r"(\d+)(\w*)", number):
        return f"{int(match[1]):02}{match[2]}-{sign}"
    return number


@register.filter
def spoken_body(authority: str) -> str:
    """T/M ĐẢNG ỦY → Đảng ủy: how the signing body names itself in the text."""
    return authority.removeprefix("T/M").strip().capitalize()


@register.filter
def kept_together(name: str) -> str:
    """The last two words stay on one line: place names are two words, and "ĐÀ / NẴNG" is no way to print one."""
    return "\u00a0".join(name.rsplit(" ", 1))


@register.filter
def sentence(text: str) -> str:
    return text if text.endswith((".", "!", "?", "…")) else f"{text}."


@register.filter
def lines(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if line.strip()]


@register.filter
def last_option(columns: list[dict[str, Any]]) -> str:
    """The lowest step of the last column, which must be explained."""
    return str(columns[-1]["options"][-1])


@register.filter
def percent(share: float) -> str:
    return f"{share:.1f}".removesuffix(".0").replace(".", ",") + "%"


@register.filter
def staged(stages: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The pieces of includes/stages.html in greys, light to dark along the road."""
    total, start = sum(stage["count"] for stage in stages), 0.0
    pieces: list[dict[str, Any]] = []
    for place, stage in enumerate(stages):
        width = 100 * stage["count"] / total if total else 0
        grey = 240 - 200 * place // max(len(stages) - 1, 1)
        pieces.append(
            stage | {"x": f"{start:.2f}", "width": f"{width:.2f}", "fill": f"#{grey:02x}{grey:02x}{grey:02x}"}
        )
        start += width
    return pieces


@register.filter
def told(stages: list[dict[str, Any]]) -> str:
    """What a bar shows, in words."""
    return ", ".join(f"{stage['count']} {stage['words']}" for stage in stages if stage["count"])


@register.filter
def stacked(counts: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Segments of a 100-wide bar, dark to light in the order of the scale."""
    total, start = sum(part["count"] for part in counts), 0.0
    segments: list[dict[str, Any]] = []
    for place, part in enumerate(counts):
        width = 100 * part["count"] / total if total else 0
        grey = ("#333", "#999", "#ddd")[place % 3]
        segments.append(_Facts({**part, "x": round(start, 2), "width": round(width, 2), "grey": grey}))
        start += width
    return segments


@register.filter
def has_any(counts: list[dict[str, Any]]) -> bool:
    return any(part["count"] for part in counts)


def _sheet_code(check: Check, page: int) -> bytes:
    """The QR code of one page; of the first, which is often the only one, without a number."""
    code = segno.make(
        check.url if page == 1 else f"{check.url}?t={page}", error="m", micro=False, mask=3, boost_error=False
    )
    out = io.BytesIO()
    code.save(out, kind="svg", border=2, unit="mm", scale=CODE_MM / code.symbol_size(border=2)[0])
    return out.getvalue()


@register.filter
def qr(url: str) -> str:
    return segno.make(url, error="m", micro=False).svg_data_uri(border=2)
