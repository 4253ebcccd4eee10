"""Checking paper: the code on it, or the file of it."""

from typing import Any

from django import forms
from django.core.files.uploadedfile import UploadedFile

MAX_BYTES = 20 * 1024 * 1024


class CheckForm(forms.Form):
    code = forms.CharField(
        label="Mã in trên văn bản",
        max_length=60,
        help_text="Mã in ở lề trái mỗi trang, dưới ô vuông QR. Chữ thường, dấu cách, dấu gạch đều được.",
        widget=forms.TextInput(attrs={"autocomplete": "off", "autocapitalize": "characters", "spellcheck": "false"}),
        error_messages={"required": "Nhập mã in trên văn bản."},
    )


class FileForm(forms.Form):
    paper = forms.FileField(
        label="Tệp PDF cần đối chiếu",
        help_text=f"Tệp không quá {MAX_BYTES >> 20} MB; chỉ được so từng bit rồi bỏ, không lưu lại.",
        widget=forms.FileInput(attrs={"accept": ".pdf,application/pdf"}),
        error_messages={"required": "Chọn tệp PDF cần đối chiếu.", "empty": "Tệp trống; xin chọn lại tệp."},
    )

    def clean_paper(self) -> "UploadedFile[Any]":
        paper: UploadedFile[Any] = self.cleaned_data["paper"]
        if (paper.size or 0) > MAX_BYTES:
            raise forms.ValidationError(f"Tệp lớn hơn {MAX_BYTES >> 20} MB. Xin chọn đúng tệp văn bản đã nhận.")
        return paper
