"""What a cell or a commune notes about who lives here and who does not."""

from typing import Any

from django import forms
from django.http import QueryDict
from django.utils import timezone

from evaluations.models.residence_reports import ResidenceReport
from evaluations.rulebooks import load
from members.forms.text import Line, refuse_never_kept
from members.models import Organization, Placement, Seat


class LivesHereForm(forms.Form):
    full_name = Line(
        label="Họ và tên",
        max_length=120,
        validators=[refuse_never_kept],
        error_messages={"required": "Ghi họ và tên."},
    )
    birth_year = forms.IntegerField(
        label="Năm sinh", error_messages={"required": "Ghi năm sinh.", "invalid": "Ghi năm bằng bốn chữ số."}
    )
    workplace = Line(
        label="Nơi công tác",
        max_length=200,
        validators=[refuse_never_kept],
        help_text="Như đồng chí biết, ví dụ: Sở Xây dựng.",
        error_messages={"required": "Ghi nơi công tác."},
    )
    note = Line(label="Ghi chú", max_length=300, required=False, validators=[refuse_never_kept])

    def clean_birth_year(self) -> int:
        year: int = self.cleaned_data["birth_year"]
        if not 1900 <= year <= timezone.localdate().year - 18:
            raise forms.ValidationError("Kiểm tra lại năm sinh.")
        return year

    def save(self, place: Organization, *, by: Seat) -> ResidenceReport:
        said = self.cleaned_data
        return ResidenceReport.lives_here(
            place, said["full_name"], said["birth_year"], said["workplace"], said["note"], by=by
        )


class NotHereForm(forms.Form):
    code = forms.ChoiceField(label="Lý do", error_messages={"required": "Chọn lý do."})
    note = Line(label="Ghi chú", max_length=300, required=False, validators=[refuse_never_kept])

    def __init__(self, place: Organization, data: QueryDict | None = None) -> None:
        super().__init__(data, auto_id="absent_%s")
        own = {"cell": place} if place.kind == Organization.Kind.CELL else {"commune": place, "cell": None}
        rows = Placement.objects.current().filter(**own).select_related("member").order_by("member__sort_key", "pk")
        code: Any = self.fields["code"]
        code.choices = [("", "Chọn lý do"), *load().decline_codes.items()]
        self.fields["placement"] = _PlacementField(
            rows,
            label="Đồng chí",
            empty_label="Chọn đồng chí trong danh sách",
            error_messages={
                "required": "Chọn đồng chí.",
                "invalid_choice": "Đồng chí này không còn trong danh sách.",
            },
        )
        self.order_fields(["placement", "code", "note"])

    def clean(self) -> dict[str, Any]:
        if self.cleaned_data.get("code") == "other" and not self.cleaned_data.get("note"):
            self.add_error("note", "Ghi một câu nói rõ lý do.")
        return self.cleaned_data

    def save(self, *, by: Seat) -> ResidenceReport:
        said = self.cleaned_data
        return ResidenceReport.not_here(said["placement"], said["code"], said["note"], by=by)


class _PlacementField(forms.ModelChoiceField):  # type: ignore[type-arg]
    def label_from_instance(self, obj: Placement) -> str:
        member = obj.member
        return " · ".join(part for part in (member.full_name, str(member.birth_year), member.address) if part)
