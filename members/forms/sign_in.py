"""Forms of whoever opens an account with a slip."""

from typing import Any

from django import forms
from django.contrib.auth.forms import SetPasswordForm

from members.forms.text import Line


class SlipForm(forms.Form):
    code = Line(
        label="Mã in trên phiếu",
        max_length=60,
        help_text="26 chữ và số, chia thành nhóm bốn. Viết liền hay viết hoa đều được.",
        widget=forms.TextInput(
            attrs={"autocomplete": "off", "autocapitalize": "characters", "spellcheck": "false", "data-slip": ""}
        ),
    )


class FirstPasswordForm(SetPasswordForm):  # type: ignore[type-arg]
    """For a device that knows no passkeys."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["new_password1"].label = "Mật khẩu đồng chí tự đặt"
        self.fields["new_password1"].help_text = "Ít nhất 10 ký tự, không chỉ toàn số. Một câu ngắn dễ nhớ là tốt nhất."
        self.fields["new_password2"].label = "Nhập lại mật khẩu"
        self.fields["new_password2"].help_text = ""
