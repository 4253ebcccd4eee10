"""The list of organisations that somebody uploads."""

from typing import Any

from django import forms
from django.core.files.uploadedfile import UploadedFile

from members.roster import MAX_BYTES
from members.roster_table import RosterError
from members.tree_files import TreeRow, read_tree


class TreeUploadForm(forms.Form):
    file = forms.FileField(
        label="Tệp danh sách tổ chức",
        help_text="Tệp Excel (.xlsx, .xls), LibreOffice (.ods) hoặc .csv, không quá 5 MB.",
        widget=forms.FileInput(attrs={"accept": ".xlsx,.xls,.ods,.csv,.tsv,.txt"}),
        error_messages={"required": "Chọn tệp danh sách để tải lên.", "empty": "Tệp trống; chọn lại tệp danh sách."},
    )

    def clean_file(self) -> list[TreeRow]:
        """Read at once: the bytes are not needed again and are kept nowhere."""
        upload: UploadedFile[Any] = self.cleaned_data["file"]
        if (upload.size or 0) > MAX_BYTES:
            raise forms.ValidationError("Tệp lớn hơn 5 MB; đề nghị chỉ để lại trang tính cần nhập rồi tải lên lại.")
        self.filename = upload.name or ""
        try:
            return read_tree(upload.read(), self.filename)
        except RosterError as problem:
            raise forms.ValidationError(str(problem)) from problem
