"""Days as offices write them: always day before month, often only a year, sometimes what Excel made of them."""

import re
from dataclasses import dataclass
from datetime import date, timedelta

from members.names import tidy

_YEAR_FIRST = re.compile(r"(?P<year>\d{4})[/.-](?P<month>\d{1,2})[/.-](?P<day>\d{1,2})(?:[T ][\d:.]+)?")
_DAY_FIRST = re.compile(
    r"(?P<day>\d{1,2})\s*[/.,\-\s]\s*(?P<month>\d{1,2})\s*[/.,\-\s]\s*(?P<year>\d{4}|\d\d)(?: 0?0:00(?::00)?)?"
)
# 07/1976, --/--/1976, 00/07/1976
_YEAR_ONLY = re.compile(
    r"(?:(?:00?|[-._…?xX]{0,5})\s*[/.\-\s])?\s*(?:\d{1,2}|[-._…?xX]{0,5})\s*[/.\-\s]\s*((?:18|19|20)\d\d)"
)
_DIGITS = re.compile(r"(?P<day>\d\d)(?P<month>\d\d)(?P<year>\d{4})")


@dataclass(frozen=True)
class ReadDate:
    day: date | None = None
    year: int | None = None
    error: str = ""


def read_date(text: str, today: date) -> ReadDate:
    """Always day before month, as everybody here writes; a year alone is kept as a year."""
    text = tidy(text).strip(" '.")
    words = re.sub(r"ngày|tháng|năm", " ", text[:80], flags=re.IGNORECASE).strip(" ,;")
    if re.fullmatch(r"(?:18|19|20)\d\d", words):
        return ReadDate(year=int(words))
    if re.fullmatch(r"\d{5}(?:\.\d+)?", words):
        return ReadDate(day=date(1899, 12, 30) + timedelta(days=int(words[:5])))
    if match := _YEAR_ONLY.fullmatch(words):
        return ReadDate(year=int(match[1]))
    return _read_full_date(text, words, today)


def _read_full_date(text: str, words: str, today: date) -> ReadDate:
    if match := _YEAR_FIRST.fullmatch(words) or _DAY_FIRST.fullmatch(words) or _DIGITS.fullmatch(words):
        year, month, day = match["year"], match["month"], match["day"]
    else:
        return ReadDate(error=f"“{text[:40]}” chưa đọc được; đề nghị ghi dạng ngày/tháng/năm, ví dụ 18/07/1976.")
    if len(year) == 2:
        year = f"{20 if int(year) <= today.year % 100 else 19}{year}"
    try:
        return ReadDate(day=date(int(year), int(month), int(day)))
    except ValueError:
        return ReadDate(error=f"Không có ngày “{text[:40]}”; đề nghị kiểm tra lại theo thứ tự ngày/tháng/năm.")
