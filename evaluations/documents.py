"""Official documents: a template and frozen facts become the bytes of an archival PDF.

The only importer of WeasyPrint. Nothing here reads the database, the clock or the network, so the same facts
give the same bytes on every machine.
"""

import gc
import io
import itertools
import json
import threading
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import cache
from pathlib import Path
from typing import Any

import segno
from django.conf import settings
from django.template import Context, Engine
from fontTools.ttLib import TTFont  # type: ignore[import-untyped]
from weasyprint import CSS, HTML, Attachment
from weasyprint import Document as Layout
from weasyprint.text.fonts import FontConfiguration
from weasyprint.urls import FatalURLFetchingError, URLFetcher, URLFetcherResponse

from evaluations.paper_words import register

MAX_TEXT = 8_000
MAX_ROWS = 5_000
MAX_TOTAL = 2_000_000
MAX_DEPTH = 8
BODY_FONT = "LiberationSerif-Regular.ttf"
BASE_URL = "app://documents/"
SHEET = "app://sheet/"
# Every page that may carry a code is a rule that WeasyPrint tries on every page, so few are tried first; pages beyond
# the last carry no code and would be bound by hand.
SHEETS = (4, 40, 200)
ARCHIVAL = "pdf/a-3a"  # tagged, with the data of the document in it
DATA = "du-lieu.json"
COLLECT_AFTER = 10  # documents
CAPTION = '"\\A" string(sheet-code) "\\A trang " counter(page)'
CODE_MM = 22
SVG = {"Content-Type": "image/svg+xml"}
# Styles that a template shares with others, besides letterhead.css and its own.
SHARED_STYLES = {
    "blank_forms": ("assessment_form", "paper_code"),
    "assessment_form_exempt": ("assessment_form",),
    "joint_minutes": ("minutes",),
    "working_minutes": ("minutes",),
    "grid": ("paper_code",),
    "counterpart": ("introduction",),
    "book_cover": ("book",),
    "envelopes_dl": ("envelope",),
    "envelopes_c5": ("envelope",),
}


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
_rendered = itertools.count(1)


def render(
    template: str,
    facts: dict[str, Any],
    *,
    number: str = "",
    issued_on: date | None = None,
    is_draft: bool = False,
    access: Access | None = None,
    check: Check | None = None,
    variant: str = ARCHIVAL,
) -> Rendered:
    """Make the PDF of templates/documents/{template}.html from frozen facts (a JSON document, dates as ISO strings).

    Issued paper (it has a `check`) carries number, day and facts once more as data, for whoever files or moves it.
    """
    stamps = {"number": number, "issued_on": issued_on, "is_draft": is_draft, "access": access, "check": check}
    try:
        page = _engine().get_template(f"documents/{template}.html")
        html = page.render(_StrictContext(_Freezer().freeze(facts) | stamps))
        data = [_data(template, facts, number, issued_on)] if check else []
        return _lay_out(html, template, check, data, variant)
    except _MissingFact as missing:
        raise RenderError(f"Thiếu dữ liệu để lập văn bản: {missing}") from None
    except RenderError:
        raise
    except Exception as error:
        raise RenderError(f"Không dựng được văn bản ({type(error).__name__})") from error


def _lay_out(html: str, template: str, check: Check | None, data: list[Attachment], variant: str) -> Rendered:
    with _layout_lock, _collecting_rarely():
        fonts, fetcher = _fonts(), _ClosedFetcher(check)
        for sheets in SHEETS:
            document = HTML(string=html, base_url=BASE_URL, url_fetcher=fetcher).render(
                stylesheets=[_stylesheet(template, sheets if check else 0)], font_config=fonts, pdf_variant=variant
            )
            if not check or len(document.pages) <= sheets:
                break
        content = document.write_pdf(pdf_variant=variant, attachments=data, finisher=_name_data_once)
    return Rendered(content=content, pages=len(document.pages))


@contextmanager
def _collecting_rarely() -> Iterator[None]:
    """Between documents, not within: laying one out makes hundreds of thousands of small objects, and looking for
    cycles among them again and again takes a seventh of the time."""
    number, was_on = next(_rendered), gc.isenabled()
    if number == 1:
        # What is loaded now stays loaded: not to be walked through each time.
        gc.collect()
        gc.freeze()
    gc.disable()
    try:
        yield
    finally:
        if number % COLLECT_AFTER == 0:
            gc.collect()
        if was_on:
            gc.enable()


def _data(template: str, facts: dict[str, Any], number: str, issued_on: date | None) -> Attachment:
    """What the document says, as structured data."""
    said = {"document": template, "number": number, "issued_on": issued_on and issued_on.isoformat(), "facts": facts}
    day = issued_on or date(2020, 1, 2)  # the same bytes whenever it is made: never the clock
    moment = datetime(day.year, day.month, day.day, tzinfo=UTC)
    return Attachment(
        string=json.dumps(said, ensure_ascii=False, indent=1),
        name=DATA,
        description="Dữ liệu của văn bản",
        created=moment,
        modified=moment,
        relationship="Data",
    )


def _name_data_once(document: Layout, pdf: Any) -> None:
    """WeasyPrint 70 lists what is attached twice."""
    if associated := pdf.catalog.get("AF"):
        associated[:] = dict.fromkeys(associated)


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
def _stylesheet(template: str, sheets: int) -> CSS:
    """One sheet, because WeasyPrint asks each about every element."""
    rules = _rules(template, sheets)
    return CSS(string=rules, base_url=BASE_URL, url_fetcher=_ClosedFetcher(), font_config=_fonts())


def _rules(template: str, sheets: int) -> str:
    """`sheets`: how many pages have a code."""
    names = ("letterhead", *SHARED_STYLES.get(template, ()), template, *(["check"] if sheets else []))
    paths = [_static("documents") / f"{name}.css" for name in names]
    # CSS can count pages in text only, so every page asks for its own picture (see the fetcher).
    coded = [
        f"@page :nth({page}) {{ @left-bottom {{ content: url({SHEET}{page}) {CAPTION} }} }}"
        for page in range(1, sheets + 1)
    ]
    return "\n".join([*(path.read_text(encoding="utf-8") for path in paths if path.exists()), *coded])


def _static(folder: str) -> Path:
    return Path(settings.BASE_DIR) / "static" / folder


def _sheet_code(check: Check, page: int) -> bytes:
    """The QR code of one page; of the first, which is often the only one, without a number."""
    code = segno.make(
        check.url if page == 1 else f"{check.url}?t={page}", error="m", micro=False, mask=3, boost_error=False
    )
    out = io.BytesIO()
    code.save(out, kind="svg", border=2, unit="mm", scale=CODE_MM / code.symbol_size(border=2)[0])
    return out.getvalue()
