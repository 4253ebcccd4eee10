"""Looking things up in the books of letters, and what the clerk records in them."""

from typing import Any

from django import forms
from django.db import transaction
from django.http import QueryDict
from django.utils import timezone

from evaluations.models import Document, NumberRange, NumberSeries
from evaluations.models.documents import committee_term
from evaluations.models.letter_book import FARTHEST, SIGNS, keep_block, record_numbers, set_next
from members.forms.text import Line
from members.models import Organization, Seat

FIRST_YEAR = 2020
AT_ONCE = 1000  # numbers recorded in one go
WHOLE = {"invalid": "Ghi số bằng chữ số, ví dụ 15.", "min_value": "Số từ 1 trở lên."}


def _select(label: str, choices: list[tuple[str, str]]) -> forms.ChoiceField:
    widget = forms.Select(attrs={"class": "form-select"})
    return forms.ChoiceField(label=label, required=False, choices=choices, widget=widget)


def _number(label: str, **more: Any) -> forms.IntegerField:
    errors = WHOLE | {"max_value": f"Số lớn nhất là {FARTHEST}."}
    return forms.IntegerField(
        label=label, required=False, min_value=1, max_value=FARTHEST, error_messages=errors, **more
    )


class LookUp(forms.Form):
    """The filter of a book of letters, read from the address."""

    tim = Line(
        label="Nơi gửi, nơi nhận hoặc số",
        required=False,
        max_length=120,
        widget=forms.TextInput(attrs={"type": "search", "class": "form-control", "autocomplete": "off"}),
    )
    loai = _select("Loại văn bản", [("", "Mọi loại"), *Document.Genre.choices])
    nam = _select("Năm", [])

    def __init__(self, data: QueryDict) -> None:
        super().__init__({name: data.get(name, "") for name in self.base_fields})
        years = range(timezone.localdate().year, FIRST_YEAR - 1, -1)
        self.fields["nam"].choices = [("", "Mọi năm"), *((str(year), str(year)) for year in years)]  # type: ignore[attr-defined]
        self.is_valid()

    @property
    def words(self) -> str:
        return str(self.cleaned_data.get("tim", ""))

    @property
    def genre(self) -> str:
        return str(self.cleaned_data.get("loai", ""))

    @property
    def year(self) -> int | None:
        return int(self.cleaned_data.get("nam") or 0) or None

    def kept(self) -> dict[str, str]:
        return {name: text for name, text in self.data.items() if text}


class NumbersForm(forms.Form):
    """One thing the clerk does with numbers: go on from another, keep a block, record what is not in the system."""

    NEXT, RESERVED = "next", NumberRange.Kind.RESERVED
    what = forms.ChoiceField(
        label="Việc cần ghi",
        widget=forms.RadioSelect,
        choices=[
            (NEXT, "Đặt số tiếp theo của sổ"),
            (RESERVED, "Giữ trước một dải số"),
            (NumberRange.Kind.OUTSIDE, "Ghi số đã dùng ngoài hệ thống"),
            (NumberRange.Kind.EMPTY, "Ghi số để trống"),
        ],
        error_messages={"required": "Chọn việc cần ghi."},
    )
    sign = forms.ChoiceField(label="Sổ", choices=list(SIGNS.items()))
    first = _number("Từ số", help_text="Số tiếp theo, hoặc số đầu của dải. Giữ trước thì không cần ghi.")
    last = _number("Đến số", help_text="Chỉ ghi khi có nhiều số liền nhau.")
    count = _number("Giữ bao nhiêu số", help_text="Chỉ ghi khi giữ trước một dải số.")
    reason = Line(
        label="Lý do",
        min_length=5,
        max_length=200,
        help_text="Ví dụ: công văn viết tay ngày 12/3; số ghi hỏng.",
        error_messages={"required": "Ghi lý do.", "min_length": "Lý do cần ít nhất 5 ký tự."},
    )

    def clean(self) -> dict[str, Any]:
        data = self.cleaned_data
        what, first, last = data.get("what"), data.get("first"), data.get("last")
        if what == self.RESERVED:
            if not data.get("count") and "count" not in self.errors:
                self.add_error("count", "Ghi cần giữ bao nhiêu số.")
            elif data.get("count", 0) > 500:
                self.add_error("count", "Mỗi lần giữ nhiều nhất 500 số.")
        elif what and not first and "first" not in self.errors:
            self.add_error("first", "Ghi số.")
        elif first and last and not first <= last < first + AT_ONCE:
            self.add_error("last", f"Số cuối phải từ {first} trở lên và mỗi lần ghi nhiều nhất {AT_ONCE} số.")
        return data

    @transaction.atomic
    def save(self, place: Organization, *, by: Seat) -> str:
        """Do it; what was done, as a sentence. Raises Refused."""
        said, today = self.cleaned_data, timezone.localdate()
        series = NumberSeries.locked(place, said["sign"], today)
        what, reason, first = said["what"], said["reason"], said["first"]
        if what == self.NEXT:
            set_next(series, first, reason, by=by)
            return f"Số tiếp theo của sổ {said['sign']} nhiệm kỳ {committee_term(today)} là {first:02d}."
        if what == self.RESERVED:
            row = keep_block(series, said["count"], reason, by=by)
        else:
            row = record_numbers(series, what, first, said["last"] or first, reason, by=by)
        return f"Đã ghi vào sổ: số {row.first:02d}–{row.last:02d}, {row.get_kind_display().lower()}."


class EnterForm(forms.Form):
    """The number of a letter received."""

    number = Line(label="Số đến", max_length=12, error_messages={"required": "Ghi số đến."})


class GiveBackForm(forms.Form):
    reason = Line(label="Lý do", min_length=5, max_length=200, error_messages={"required": "Ghi lý do."})
