"""More time for one request."""

from django import forms

from evaluations.forms.campaigns import DayField
from members.forms.text import Line


class ExtensionForm(forms.Form):
    until = DayField(label="Gia hạn đến ngày")
    reason = Line(label="Lý do", max_length=300, error_messages={"required": "Ghi lý do gia hạn."})
