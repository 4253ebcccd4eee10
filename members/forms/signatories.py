"""One way in which an organisation's papers may be signed."""

from typing import Any

from django import forms

from members.forms.text import Line


class SignatoryForm(forms.Form):
    authority = Line(
        label="Thể thức đề ký",
        max_length=120,
        help_text="Ví dụ: T/M ĐẢNG ỦY, T/M BAN THƯỜNG VỤ, T/L BAN THƯỜNG VỤ.",
        error_messages={"required": "Ghi thể thức đề ký, ví dụ T/M ĐẢNG ỦY."},
    )
    position = Line(
        label="Chức vụ",
        max_length=80,
        help_text="Ví dụ: BÍ THƯ, PHÓ BÍ THƯ, CHÁNH VĂN PHÒNG.",
        error_messages={"required": "Ghi chức vụ người ký."},
    )
    name = Line(label="Họ và tên", max_length=120, error_messages={"required": "Ghi họ và tên người ký."})
    acting_paper = Line(
        label="Văn bản giao phụ trách",
        required=False,
        max_length=200,
        help_text="Chỉ ghi khi đồng chí này được giao phụ trách, ví dụ: Quyết định số 12-QĐ/ĐU ngày 03/02/2026.",
    )

    def clean_authority(self) -> str:
        # Written in capitals on paper (domain §6.3, component 7).
        return str(self.cleaned_data["authority"]).upper()

    def clean_position(self) -> str:
        return str(self.cleaned_data["position"]).upper()

    def clean(self) -> dict[str, Any]:
        authority = self.cleaned_data.get("authority", "")
        if authority.replace(" ", "").startswith(("K/T", "KT.")):
            self.add_error("authority", "Cấp ủy không ký thay (K/T): phó bí thư ký T/M ĐẢNG ỦY với chức vụ PHÓ BÍ THƯ.")
        elif authority and not authority.startswith(("T/M ", "T/L ")):
            self.add_error("authority", "Thể thức đề ký bắt đầu bằng T/M (thay mặt) hoặc T/L (thừa lệnh).")
        if "PHỤ TRÁCH" in self.cleaned_data.get("position", "") and not self.cleaned_data.get("acting_paper"):
            self.add_error("acting_paper", "Ghi văn bản giao phụ trách.")
        return self.cleaned_data
