"""When a meeting used the answers of the residence side, and what came of it."""

from typing import Any

from django import forms
from django.http import QueryDict
from django.utils import timezone

from evaluations.forms.campaigns import DayField
from evaluations.models.requests import check_use
from evaluations.rulebooks import load
from members.forms.text import Line
from members.states import Refused


class UseForm(forms.Form):
    met_on = DayField(label="Ngày họp kiểm điểm")
    code = forms.ChoiceField(label="Đã sử dụng thế nào", widget=forms.RadioSelect)
    note = Line(
        label="Kết quả xử lý",
        required=False,
        max_length=300,
        help_text="Bắt buộc khi không sử dụng hoặc xử lý cách khác, ví dụ: giao chi bộ theo dõi đến tháng 6.",
    )

    def __init__(self, data: QueryDict | None = None) -> None:
        super().__init__(data, initial={"met_on": timezone.localdate(), "code": "used"})
        self.fields["code"].choices = list(load().use_codes.items())  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any]:
        said = self.cleaned_data
        if {"met_on", "code"} <= said.keys():
            try:
                check_use(said["met_on"], said["code"], said.get("note", ""))
            except Refused as refusal:
                self.add_error("met_on" if said["met_on"] > timezone.localdate() else "note", str(refusal))
        return said
