"""Why a table with names leaves the system."""

from django import forms

from members.forms.text import Line


class ReasonForm(forms.Form):
    reason = Line(
        label="Lý do xuất",
        min_length=5,
        max_length=200,
        help_text="Ghi vào lịch sử. Ví dụ: báo cáo đảng ủy cấp trên.",
    )
