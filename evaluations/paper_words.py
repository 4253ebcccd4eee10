"""How facts are worded on paper: the filters of templates/documents (padded dates, numbers, bars, codes)."""

import re
from datetime import date
from typing import Any

import segno
from django.template import Library

register = Library()


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
        segments.append({**part, "x": round(start, 2), "width": round(width, 2), "grey": grey})
        start += width
    return segments


@register.filter
def has_any(counts: list[dict[str, Any]]) -> bool:
    return any(part["count"] for part in counts)


@register.filter
def qr(url: str) -> str:
    return segno.make(url, error="m", micro=False).svg_data_uri(border=2)
