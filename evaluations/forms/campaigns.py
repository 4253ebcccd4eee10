"""Preparing a campaign, numbering its letters, cancelling one request."""

from datetime import date, timedelta
from typing import Any

from django import forms
from django.db import transaction
from django.http import QueryDict
from django.utils import timezone

from evaluations.models import Campaign, NumberRange
from evaluations.models.campaigns import NumberChoice
from evaluations.rulebooks import load
from members.forms.text import Line, Words
from members.models import AuditEvent, Organization, Seat

DAY_FORMATS = ["%Y-%m-%d", "%d/%m/%Y", "%d-%m-%Y"]


class DayField(forms.DateField):
    """A day picked in the browser or typed the way everybody writes it."""

    def __init__(self, **kwargs: Any) -> None:
        widget = forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
        errors = {"invalid": "Ghi ngày dạng ngày/tháng/năm, ví dụ 15/11/2026.", "required": "Ghi ngày."}
        super().__init__(input_formats=DAY_FORMATS, widget=widget, error_messages=errors, **kwargs)


class CampaignForm(forms.Form):
    year = forms.IntegerField(
        label="Năm nhận xét", error_messages={"required": "Ghi năm nhận xét.", "invalid": "Ghi năm bằng bốn chữ số."}
    )
    self_criticism_on = DayField(
        label="Ngày bắt đầu tự phê bình và phê bình, kiểm điểm", help_text="Ngày chi bộ đầu tiên kiểm điểm cuối năm."
    )
    due_on = DayField(label="Hạn nơi cư trú trả lời", required=False)
    reply_address = Line(
        label="Nơi nhận trả lời bằng giấy",
        max_length=250,
        required=False,
        help_text="Để trống nếu nhận tại địa chỉ của đảng ủy.",
    )

    keyed_twice = forms.BooleanField(
        label="Mức đánh giá trên bản giấy phải nhập hai lần",
        required=False,
        help_text="Hai lần nhập độc lập được so với nhau; chỗ khác nhau đối chiếu lại với bản giấy.",
    )

    def __init__(self, committee: Organization, data: QueryDict | None = None) -> None:
        super().__init__(data, initial={"year": timezone.localdate().year})
        self.committee, self.book = committee, load()
        self.fields["due_on"].help_text = (
            f"Để trống: {self.book.due_before_s} ngày trước ngày bắt đầu kiểm điểm. Nên gửi công văn trước ngày kiểm "
            f"điểm ít nhất {self.book.send_before_s} ngày."
        )

    def clean_year(self) -> int:
        year: int = self.cleaned_data["year"]
        this_year = timezone.localdate().year
        if not this_year - 1 <= year <= this_year + 1:
            raise forms.ValidationError(f"Năm nhận xét từ {this_year - 1} đến {this_year + 1}.")
        if Campaign.objects.filter(committee=self.committee, year=year).exists():
            raise forms.ValidationError(f"{self.committee.name} đã có đợt lấy ý kiến năm {year}.")
        return year

    def clean(self) -> dict[str, Any]:
        data = self.cleaned_data
        start, year = data.get("self_criticism_on"), data.get("year")
        if start and year and not date(year, 1, 1) <= start <= date(year + 1, 6, 30):
            self.add_error("self_criticism_on", f"Ngày này không thuộc kỳ kiểm điểm năm {year}.")
        if start and "due_on" in data and not self.errors.get("self_criticism_on"):
            self._check_due(start)
        return data

    def _check_due(self, start: date) -> None:
        due = self.cleaned_data["due_on"] or start - timedelta(days=self.book.due_before_s)
        self.cleaned_data["due_on"] = due
        if due >= start:
            self.add_error("due_on", "Hạn trả lời phải trước ngày bắt đầu kiểm điểm.")
        elif due < timezone.localdate():
            self.add_error("due_on", f"Hạn trả lời {due:%d/%m/%Y} đã qua. Ghi một ngày từ hôm nay trở đi.")

    @transaction.atomic
    def save(self, *, by: Seat) -> Campaign:
        """The campaign of that year; the one that a second press or a colleague has just made is the same one."""
        campaign, is_new = Campaign.objects.get_or_create(
            committee=self.committee,
            year=self.cleaned_data["year"],
            defaults={
                "self_criticism_on": self.cleaned_data["self_criticism_on"],
                "due_on": self.cleaned_data["due_on"],
                "reply_address": self.cleaned_data["reply_address"],
                "keyed_twice": self.cleaned_data["keyed_twice"],
                "prepared_by": by,
            },
        )
        if is_new:
            AuditEvent.objects.record("Campaign.prepare", by=by, on=campaign, fields=["year", "due_on"])
        return campaign


class NumberForm(forms.Form):
    """Where the numbers come from: the next of the book, from a typed one on, or a block kept before."""

    NEXT, TYPED, RESERVED = "next", "typed", "reserved"
    how = forms.ChoiceField(
        label="Cấp số", widget=forms.RadioSelect, error_messages={"required": "Chọn cách cấp số cho công văn."}
    )
    first = forms.IntegerField(
        label="Số của công văn đầu tiên",
        required=False,
        min_value=1,
        max_value=99_999,
        help_text="Chỉ ghi khi chọn nhập số; các công văn sau lấy số liền tiếp.",
        error_messages={
            "invalid": "Ghi số bằng chữ số, ví dụ 15.",
            "min_value": "Số công văn từ 1 trở lên.",
            "max_value": "Số công văn lớn nhất là 99999.",
        },
    )

    def __init__(self, expected: list[int], blocks: list[NumberRange], data: QueryDict | None = None) -> None:
        super().__init__(data, initial={"how": self.NEXT})
        self.blocks = {f"{self.RESERVED}-{block.pk}": block for block in blocks}
        how: Any = self.fields["how"]
        how.choices = [
            (self.NEXT, f"Lấy số tiếp theo trong sổ: {spans(expected)}"),
            (self.TYPED, "Nhập số theo sổ công văn đi của văn thư"),
            *(
                (value, f"Lấy từ dải số giữ trước {block.first:02d}–{block.last:02d} ({block.reason})")
                for value, block in self.blocks.items()
            ),
        ]

    def clean(self) -> dict[str, Any]:
        data = self.cleaned_data
        if data.get("how") == self.TYPED and "first" in data and not data["first"]:
            self.add_error("first", "Ghi số của công văn đầu tiên.")
        return data

    def choice(self) -> NumberChoice:
        how = self.cleaned_data["how"]
        if how == self.TYPED:
            return NumberChoice(typed=self.cleaned_data["first"])
        return NumberChoice(reserved=self.blocks.get(how))


class ReserveForm(forms.Form):
    """Keep a block of the book for later, with the reason."""

    count = forms.IntegerField(
        label="Giữ bao nhiêu số",
        min_value=1,
        max_value=500,
        error_messages={
            "required": "Ghi bao nhiêu số.",
            "invalid": "Ghi số bằng chữ số, ví dụ 15.",
            "min_value": "Giữ ít nhất 1 số.",
            "max_value": "Mỗi lần giữ nhiều nhất 500 số.",
        },
    )
    reason = Line(label="Lý do giữ số", max_length=200, error_messages={"required": "Ghi lý do giữ số."})


def spans(numbers: list[int]) -> str:
    """ "05–09, 12": what a row of numbers looks like to somebody who reads it out."""
    found: list[list[int]] = []
    for number in numbers:
        if found and found[-1][-1] == number - 1:
            found[-1][1:] = [number]
        else:
            found.append([number])
    return ", ".join("–".join(f"{number:02d}" for number in span) for span in found)


class CancelForm(forms.Form):
    reason = Words(
        label="Lý do hủy đề nghị",
        max_length=300,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text="Ví dụ: đã chuyển công tác đến đơn vị khác.",
        error_messages={"required": "Ghi lý do hủy đề nghị."},
    )
