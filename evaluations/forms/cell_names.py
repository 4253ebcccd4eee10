"""The ward's own words: which cell leads the group that a list calls so."""

import re
from typing import Any

from django import forms
from django.http import QueryDict

from members.forms.text import Line, Words
from members.models import CellName, Organization, Seat
from members.models.learned import place_key, renumber

_ARROW = re.compile(r"\s*(?:→|->|=>|=|\bthành\b)\s*", re.IGNORECASE)


class CellNameForm(forms.Form):
    """One line of the table, new or written anew."""

    words = Line(
        label="Tên gọi trong danh sách",
        max_length=120,
        help_text="Ví dụ: Tổ 12 cũ; TDP 7; đường Lê Lợi. Chữ hoa, dấu, “số”, “TDP” hay “tổ” đều hiểu như nhau.",
        error_messages={"required": "Ghi tên gọi như trong danh sách."},
    )
    cell = forms.ModelChoiceField(
        Organization.objects.none(),
        label="Chi bộ",
        required=False,
        empty_label="Không đề xuất, hỏi lại từng đồng chí",
    )

    def __init__(self, commune: Organization, data: QueryDict | None = None) -> None:
        super().__init__(data)
        self.commune = commune
        cell: Any = self.fields["cell"]
        cell.queryset = Organization.objects.residence_cells().filter(parent=commune).order_by("search_key")

    def clean_words(self) -> str:
        words: str = self.cleaned_data["words"]
        if not place_key(words):
            raise forms.ValidationError("Tên gọi phải có chữ hoặc số.")
        return words

    def save(self, line: CellName | None, *, by: Seat) -> CellName:
        """`line`: the ward's line that is written anew; under other words the old one goes."""
        if line and line.key != place_key(self.cleaned_data["words"]):
            line.take_back(by=by)
        return CellName.objects.say(self.commune, self.cleaned_data["words"], self.cleaned_data["cell"], by=by)


class RenumberForm(forms.Form):
    """Groups that got other numbers, a line each."""

    pairs = Words(
        label="Đổi số, đổi tên",
        max_length=8000,
        widget=forms.Textarea(attrs={"rows": 4}),
        help_text="Mỗi dòng một tổ, ví dụ: Tổ 12 = Tổ 5. Chi bộ giữ nguyên, tên gọi mới được hiểu ngay.",
        error_messages={"required": "Ghi ít nhất một dòng."},
    )

    def clean_pairs(self) -> list[tuple[str, str]]:
        lines = [line for line in self.cleaned_data["pairs"].split("\n") if line]
        found = []
        for line in lines:
            old, *new = _ARROW.split(line)
            if len(new) != 1 or not place_key(old) or not place_key(new[0]) or len(new[0]) > 120:
                raise forms.ValidationError(f"Chưa hiểu dòng “{line[:60]}”. Ghi dạng: Tổ 12 = Tổ 5.")
            found.append((old, new[0]))
        return found

    def save(self, commune: Organization, *, by: Seat) -> list[str]:
        return renumber(commune, self.cleaned_data["pairs"], by=by)
