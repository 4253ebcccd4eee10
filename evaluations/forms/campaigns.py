"""Preparing a campaign, numbering its letters, cancelling one request."""

from datetime import date, timedelta
from typing import Any

from django import forms
from django.db import transaction
from django.http import QueryDict
from django.utils import timezone

from evaluations.models import Campaign, NumberRange, Season
from evaluations.models.campaigns import NumberChoice
from evaluations.rulebooks import CURRENT, known, load
from members.forms.text import Line, Words
from members.models import AuditEvent, Organization, Seat

DAY_FORMATS = ["%Y-%m-%d", "%d/%m/%Y", "%d-%m-%Y"]


class DayField(forms.DateField):
    """A day picked in the browser or typed the way everybody writes it."""

    def __init__(self, **kwargs: Any) -> None:
        widget = forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
        errors = {"invalid": "Ghi ngày dạng ngày/tháng/năm, ví dụ 15/11/2026.", "required": "Ghi ngày."}
        super().__init__(input_formats=DAY_FORMATS, widget=widget, error_messages=errors, **kwargs)


class _DaysForm(forms.Form):
    """The year and the days of a round: of one committee, or of a season for all below."""

    year = forms.IntegerField(
        label="Năm nhận xét", error_messages={"required": "Ghi năm nhận xét.", "invalid": "Ghi năm bằng bốn chữ số."}
    )
    self_criticism_on = DayField(
        label="Ngày bắt đầu tự phê bình và phê bình, kiểm điểm", help_text="Ngày chi bộ đầu tiên kiểm điểm cuối năm."
    )
    due_on = DayField(label="Hạn nơi cư trú trả lời", required=False)

    def __init__(self, committee: Organization, data: QueryDict | None, initial: dict[str, Any]) -> None:
        super().__init__(data, initial=initial)
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


class CampaignForm(_DaysForm):
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
        year = timezone.localdate().year
        self.season = Season.objects.over(committee, year)
        days = {"self_criticism_on": self.season.self_criticism_on, "due_on": self.season.due_on} if self.season else {}
        super().__init__(committee, data, {"year": year, **days})

    def clean_year(self) -> int:
        year = super().clean_year()
        if Campaign.objects.filter(committee=self.committee, year=year).exists():
            raise forms.ValidationError(f"{self.committee.name} đã có đợt lấy ý kiến năm {year}.")
        self.season = Season.objects.over(self.committee, year)
        return year

    def clean(self) -> dict[str, Any]:
        """In a season the days are those of the season, whatever was typed."""
        if self.season is None:
            return super().clean()
        for name in ("self_criticism_on", "due_on"):
            self.errors.pop(name, None)
        self.cleaned_data.update(self.season.inherited)
        return self.cleaned_data

    @transaction.atomic
    def save(self, *, by: Seat) -> Campaign:
        """The campaign of that year; the one that a second press or a colleague has just made is the same one."""
        data = self.cleaned_data
        campaign, is_new = Campaign.objects.get_or_create(
            committee=self.committee,
            year=data["year"],
            defaults={
                "self_criticism_on": data["self_criticism_on"],
                "due_on": data["due_on"],
                "rulebook": data.get("rulebook", CURRENT),
                "season": self.season,
                "reply_address": data["reply_address"],
                "keyed_twice": data["keyed_twice"],
                "prepared_by": by,
            },
        )
        if is_new:
            AuditEvent.objects.record("Campaign.prepare", by=by, on=campaign, fields=["year", "due_on"])
        return campaign


class SeasonForm(_DaysForm):
    """What a superior committee sets for all below; of a season that is there already, everything but the year."""

    basis = Line(
        label="Văn bản chỉ đạo",
        max_length=250,
        help_text="Công văn ghi làm căn cứ, ví dụ: Kế hoạch số 12-KH/TU, ngày 01/9/2026 của Ban Thường vụ Thành ủy.",
        error_messages={"required": "Ghi văn bản mà cấp ủy dùng để chỉ đạo các đơn vị."},
    )
    rulebook = forms.ChoiceField(label="Bộ quy định")
    field_order = ("year", "basis", "self_criticism_on", "due_on", "rulebook")

    def __init__(self, lead: Organization, season: Season | None, data: QueryDict | None = None) -> None:
        self.season = season
        initial = {"year": timezone.localdate().year, "rulebook": CURRENT}
        if season:
            initial = {name: getattr(season, name) for name in self.base_fields}
        super().__init__(lead, data, initial)
        books: Any = self.fields["rulebook"]
        books.choices = [(book.code, book.name) for book in known()]
        if season:
            self.fields["year"].disabled = True

    def clean_year(self) -> int:
        if self.season:
            return self.season.year
        year = super().clean_year()
        if Season.objects.filter(lead=self.committee, year=year).exists():
            raise forms.ValidationError(f"{self.committee.name} đã đặt mùa năm {year}.")
        return year

    def save(self, *, by: Seat) -> Season:
        season = self.season or Season(lead=self.committee)
        for name in self.fields:
            setattr(season, name, self.cleaned_data[name])
        season.set(by=by)
        return season


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
