"""Why a table with names leaves the system; which records leave it, in which order."""

from collections.abc import Iterable

from django import forms
from django.db.models import QuerySet

from evaluations.models.archives import Sequence
from members.forms.text import Line
from members.models import Organization


class ReasonForm(forms.Form):
    reason = Line(
        label="Lý do xuất",
        min_length=5,
        max_length=200,
        help_text="Ghi vào lịch sử. Ví dụ: báo cáo đảng ủy cấp trên.",
    )


class ArchiveForm(ReasonForm):
    """`places`: what the archive can be narrowed down to."""

    scope = forms.ModelChoiceField(
        label="Phạm vi", queryset=Organization.objects.none(), required=False, empty_label="Tất cả"
    )
    sequence = forms.ChoiceField(label="Xếp thứ tự")

    def __init__(self, places: QuerySet[Organization], sequences: Iterable[Sequence], data: object = None) -> None:
        super().__init__(data, prefix="luu-tru")  # type: ignore[arg-type]
        scope, sequence = self.fields["scope"], self.fields["sequence"]
        assert isinstance(scope, forms.ModelChoiceField)
        assert isinstance(sequence, forms.ChoiceField)
        scope.queryset, sequence.choices = places, [(chosen.value, chosen.label) for chosen in sequences]
        self.order_fields(["scope", "sequence", "reason"])
