"""Paper leaving the house, and coming back from the post."""

from collections.abc import Mapping
from datetime import date
from typing import Any

from django import forms
from django.utils import timezone

from evaluations.models import HandOver
from members.forms.text import Line


class PastDay(forms.DateField):
    """A day that has already come; typed by hand or chosen."""

    def __init__(self, **options: Any) -> None:
        super().__init__(
            input_formats=["%Y-%m-%d", "%d/%m/%Y"],
            widget=forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"}),
            initial=timezone.localdate,
            **options,
        )

    def clean(self, value: Any) -> date | None:
        day: date | None = super().clean(value)
        if day and day > timezone.localdate():
            raise forms.ValidationError("Ngày này chưa đến.")
        if day and day.year < 2020:
            raise forms.ValidationError("Xin kiểm tra lại năm.")
        return day


class HandOverForm(forms.Form):
    how = forms.ChoiceField(label="Cách gửi", choices=HandOver.How.choices, widget=forms.RadioSelect)
    on = PastDay(label="Ngày giao")
    given_by = Line(label="Người giao", max_length=120)
    received_by = Line(
        label="Người nhận", max_length=120, required=False, help_text="Bắt buộc khi trao tận tay: họ tên, chức vụ."
    )
    postal_no = Line(
        label="Mã bưu gửi", max_length=40, required=False, help_text="Số trên phiếu gửi của bưu điện, nếu có."
    )

    def __init__(self, how: str, giver: str, data: Mapping[str, Any] | None = None) -> None:
        super().__init__(data, initial={"how": how, "given_by": giver})

    def clean(self) -> dict[str, Any]:
        values: dict[str, Any] = super().clean() or {}
        if values.get("how") == HandOver.How.HAND and not values.get("received_by") and "received_by" in values:
            self.add_error("received_by", "Trao tận tay thì ghi họ tên người nhận.")
        return values


class CameBackForm(forms.Form):
    on = PastDay(label="Ngày bưu điện hoàn lại")
    reason = Line(label="Lý do ghi trên bưu gửi", max_length=200, help_text="Ví dụ: sai địa chỉ, không người nhận.")
