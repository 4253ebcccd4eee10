"""Why an account is opened anew."""

from django import forms


class SlipReasonForm(forms.Form):
    reason = forms.ChoiceField(
        label="Vì sao cấp phiếu",
        choices=[
            ("first", "Mở tài khoản lần đầu"),
            ("lost", "Mất, hỏng hoặc đổi điện thoại"),
            ("forgotten", "Quên mật khẩu"),
            ("other", "Phiếu trước bị mất hoặc quá hạn"),
        ],
        widget=forms.RadioSelect,
    )

    def words(self) -> str:
        return str(dict(self.fields["reason"].choices)[self.cleaned_data["reason"]])  # type: ignore[attr-defined]
