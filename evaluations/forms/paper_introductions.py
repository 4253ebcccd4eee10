"""An introduction on paper: who sent it, its number and day, and the one person it names."""

from typing import Any, ClassVar

from django import forms
from django.db import transaction
from django.utils import timezone

from evaluations.forms.campaigns import DayField
from evaluations.forms.incoming import SenderForm, TypedPersonForm
from evaluations.forms.keying import ScanField
from evaluations.models import Introduction
from evaluations.models.paper_introductions import PaperIntroduction, enter_on_paper
from members.forms.text import NEVER_KEPT, Line
from members.models import Organization, Seat
from members.roster_values import is_never_kept


class IntroducedForm(TypedPersonForm):
    """The one person the paper introduces."""

    COLUMNS: ClassVar[dict[str, str]] = TypedPersonForm.COLUMNS | {"sex": "Giới tính", "official_on": "Ngày chính thức"}
    sex = forms.ChoiceField(label="Nam, nữ", choices=[("", "Không ghi"), ("Nam", "Nam"), ("Nữ", "Nữ")], required=False)
    official_on = Line(label="Ngày công nhận chính thức", max_length=20, required=False)
    is_exempt = forms.BooleanField(
        label="Giấy ghi: thuộc đối tượng Giới thiệu nhưng được miễn sinh hoạt nơi cư trú", required=False
    )
    is_other_person = forms.BooleanField(label="Là người khác, dù trong sổ đã có người trùng họ tên", required=False)

    def clean(self) -> dict[str, Any]:
        if is_never_kept([value for value in self.cleaned_data.values() if isinstance(value, str)]):
            raise forms.ValidationError(NEVER_KEPT)
        return super().clean()


class PaperIntroductionForm(SenderForm):
    number = Line(
        label="Số, ký hiệu giấy giới thiệu",
        max_length=40,
        help_text="Như trên giấy, ví dụ 12-GGT/ĐU.",
        error_messages={"required": "Ghi số, ký hiệu như trên giấy."},
    )
    dated_on = DayField(label="Ngày ký giấy")
    registered_no = Line(label="Số đến", max_length=12, required=False, help_text="Số trong sổ của cơ quan.")

    def __init__(self, commune: Organization, *args: Any) -> None:
        super().__init__(commune, *args)
        self.fields["scan"] = ScanField(required=False, label="Bản chụp giấy giới thiệu")

    def clean(self) -> dict[str, Any]:
        dated = self.cleaned_data.get("dated_on")
        if dated and dated > timezone.localdate():
            self.add_error("dated_on", "Ngày này chưa tới. Kiểm tra lại.")
        self.check_sender()
        return self.cleaned_data

    @transaction.atomic
    def save(self, introduced: IntroducedForm, *, by: Seat) -> Introduction:
        """Raises Refused."""
        said, person = self.cleaned_data, introduced.cleaned_data
        paper = PaperIntroduction(
            self.sender(by=by),
            person=introduced.read,
            is_exempt=person["is_exempt"],
            is_other_person=person["is_other_person"],
            **{name: said[name] for name in ("number", "dated_on", "registered_no", "scan")},
        )
        return enter_on_paper(self.commune, paper, by=by)
