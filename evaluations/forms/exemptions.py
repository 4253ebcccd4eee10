"""The class of a member at residence: takes part, or is exempt, with the reason, the paper and the next look."""

from datetime import date
from typing import TYPE_CHECKING, Any

from django import forms
from django.http import QueryDict
from django.utils import timezone

from evaluations.forms.campaigns import DayField
from evaluations.models.eligibility import months_before
from evaluations.rulebooks import load
from members.forms.text import NEVER_KEPT, Line, refuse_never_kept
from members.models import Placement

if TYPE_CHECKING:
    from members.models import Seat

Standing = Placement.Standing


class StandingForm(forms.Form):
    standing = forms.ChoiceField(
        label="Diện",
        widget=forms.RadioSelect,
        choices=Standing.choices,
        # A third class is not among the choices: it may not be stored, not even as a refused answer.
        error_messages={"required": "Chọn diện.", "invalid_choice": NEVER_KEPT},
    )
    exemption = forms.ChoiceField(label="Lý do miễn", required=False)
    proof = Line(
        label="Căn cứ",
        max_length=250,
        required=False,
        validators=[refuse_never_kept],
        help_text="Văn bản, ngày; không ghi nội dung mật.",
    )
    since = DayField(label="Áp dụng từ ngày")
    review_on = DayField(label="Rà soát lại vào ngày", required=False)

    def __init__(self, placement: Placement, data: QueryDict | None = None) -> None:
        today = timezone.localdate()
        initial: dict[str, Any] = {
            "standing": placement.standing,
            "exemption": placement.exemption,
            "proof": placement.exemption_proof,
            "since": placement.standing_on or today,
            # A year is how long students and rotated cadres are away at least.
            "review_on": placement.review_on or months_before(today, -12),
        }
        super().__init__(data, initial=initial)
        self.placement = placement
        reasons: Any = self.fields["exemption"]
        reasons.choices = [("", "Chọn lý do"), *load().exemptions.items()]

    def clean(self) -> dict[str, Any]:
        data, today = self.cleaned_data, timezone.localdate()
        since: date | None = data.get("since")
        if since and since > today:
            self.add_error("since", "Ngày này chưa tới. Ghi khi đã áp dụng.")
        if data.get("standing") != Standing.EXEMPT_ACTIVITY:
            return data
        if "exemption" in data and not data["exemption"]:
            self.add_error("exemption", "Chọn lý do miễn.")
        if "proof" in data and not data["proof"]:
            self.add_error("proof", "Ghi căn cứ: văn bản nào, ngày nào.")
        if "review_on" in data and not data["review_on"]:
            self.add_error("review_on", "Ghi ngày rà soát lại.")
        elif since and data.get("review_on") and data["review_on"] <= max(since, today):
            self.add_error("review_on", "Ngày rà soát lại phải sau hôm nay và sau ngày áp dụng.")
        return data

    def save(self, *, by: "Seat") -> None:
        said = self.cleaned_data
        is_exempt = said["standing"] == Standing.EXEMPT_ACTIVITY
        why = {name: said[name] for name in ("exemption", "proof", "review_on")} if is_exempt else {}
        self.placement.set_standing(said["standing"], since=said["since"], by=by, **why)
