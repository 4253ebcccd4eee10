"""A request of a person about the data held, as it stands on paper."""

from django import forms
from django.http import QueryDict

from members.forms.text import Line


class PaperForm(forms.Form):
    paper_no = Line(
        label="Số văn bản yêu cầu",
        max_length=60,
        help_text="Số và ngày trên giấy, ví dụ: 12-CV/ĐU ngày 05/10/2026.",
        error_messages={"required": "Ghi số văn bản yêu cầu."},
    )
    reason = Line(
        label="Lý do",
        min_length=5,
        max_length=200,
        help_text="Ghi vào lịch sử; không ghi nội dung riêng tư.",
        error_messages={"required": "Ghi lý do.", "min_length": "Lý do cần ít nhất 5 ký tự."},
    )
    what = forms.ChoiceField(choices=[("export", ""), ("erase", "")], widget=forms.HiddenInput)
    sure = forms.BooleanField(
        label="Tôi đã kiểm tra văn bản yêu cầu và hiểu rằng việc xóa không khôi phục được", required=False
    )

    def __init__(self, what: str, data: QueryDict | None = None) -> None:
        super().__init__(data, initial={"what": what}, auto_id=f"{what}-%s")
        if what != "erase":
            del self.fields["sure"]

    def clean_sure(self) -> bool:
        if not self.cleaned_data["sure"]:
            raise forms.ValidationError("Đánh dấu vào ô xác nhận trước khi xóa.")
        return True
