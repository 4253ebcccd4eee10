"""Files of others in this repository are what their rows say, and nothing lies there without a row."""

import hashlib
import json
import re
import unicodedata
from pathlib import Path

import pytest
from fontTools.ttLib import TTFont

ROOT = Path(__file__).resolve().parent.parent
MARKS = ["", "\u0300", "\u0301", "\u0303", "\u0309", "\u0323"]
VIETNAMESE = {
    unicodedata.normalize("NFC", vowel + mark) for vowel in "aăâeêioôơuưyAĂÂEÊIOÔƠUƯY" for mark in MARKS
} | set("đĐ")


def digests(*folders: str) -> dict[str, str]:
    files = [file for folder in folders for file in (ROOT / folder).rglob("*") if file.name != "VENDOR.json"]
    return {
        str(file.relative_to(ROOT)): hashlib.sha256(file.read_bytes()).hexdigest() for file in files if file.is_file()
    }


@pytest.mark.parametrize(
    ("register", "folders"),
    [
        ("static/vendor/VENDOR.json", ["static/vendor", "static/fonts"]),
        ("tests/vendor/VENDOR.json", ["tests/vendor"]),
    ],
)
def test_every_file_is_registered_with_its_digest(register: str, folders: list[str]) -> None:
    rows = json.loads((ROOT / register).read_text())
    assert {row["file"]: row["sha256"] for row in rows} == digests(*folders)
    assert [row["file"] for row in rows if not (row["name"] and row["version"] and row["licence"])] == []


@pytest.mark.parametrize("face", ["Regular", "Bold", "Italic", "BoldItalic"])
def test_letter_fonts_hold_every_vietnamese_letter(face: str) -> None:
    known = TTFont(ROOT / f"static/fonts/LiberationSerif-{face}.ttf").getBestCmap()
    assert {letter for letter in VIETNAMESE if ord(letter) not in known} == set()


@pytest.mark.parametrize("weight", [400, 600, 700])
def test_page_fonts_hold_every_vietnamese_letter(weight: int) -> None:
    subsets = [f"static/fonts/be-vietnam-pro-{subset}-{weight}.woff2" for subset in ("latin", "vietnamese")]
    known = {code for subset in subsets for code in TTFont(ROOT / subset).getBestCmap()}
    assert {letter for letter in VIETNAMESE if ord(letter) not in known} == set()


def test_every_icon_that_a_template_names_is_in_the_sprite() -> None:
    sprite = set(re.findall(r'<symbol id="([\w-]+)"', (ROOT / "static/img/icons.svg").read_text()))
    templates = "".join(file.read_text() for file in (ROOT / "templates").rglob("*.html"))
    named = set(re.findall(r'(?:includes/icon\.html" with name|\bicon)="([\w-]+)"', templates))
    assert "send" in named
    assert named - sprite == set()
