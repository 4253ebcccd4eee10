"""Digital signatures: the key and what opens it, the papers to sign, files signed elsewhere."""

from typing import Any

from django import forms
from django.core.files.uploadedfile import UploadedFile

from evaluations.forms.scans import ManyFiles
from evaluations.models import Document, SigningKey
from evaluations.signatures import Key, SignatureRefused, from_pkcs12, from_token
from members.forms.text import Line
from members.models import Organization

KEY_BYTES = 64 * 1024
MAX_BYTES = 40 * 1024 * 1024
MAX_FILES = 100


class Secret(forms.CharField):
    """A passphrase or PIN: never shown again, never proposed by the browser."""

    def __init__(self, **options: Any) -> None:
        widget = forms.PasswordInput(attrs={"autocomplete": "off"})
        super().__init__(max_length=128, strip=False, widget=widget, **options)


class KeyFileForm(forms.Form):
    archive = forms.FileField(
        label="Tệp khóa (.p12, .pfx)",
        widget=forms.FileInput(attrs={"accept": ".p12,.pfx,application/x-pkcs12"}),
        error_messages={"required": "Chọn tệp khóa.", "empty": "Tệp trống; xin chọn lại tệp."},
    )
    passphrase = Secret(
        label="Mật khẩu của tệp khóa",
        help_text="Chỉ dùng để mở thử; không lưu lại. Người ký nhập mật khẩu này mỗi lần ký.",
        error_messages={"required": "Nhập mật khẩu của tệp khóa."},
    )
    content: bytes
    key: Key

    def clean(self) -> dict[str, Any]:
        archive: UploadedFile[Any] | None = self.cleaned_data.get("archive")
        passphrase = self.cleaned_data.get("passphrase")
        if archive is None or not passphrase:
            return self.cleaned_data
        if (archive.size or 0) > KEY_BYTES:
            raise forms.ValidationError(f"Tệp lớn hơn {KEY_BYTES >> 10} KB, không phải tệp khóa.")
        self.content = archive.read()
        try:
            self.key = from_pkcs12(self.content, passphrase)
        except SignatureRefused as refused:
            raise forms.ValidationError(str(refused)) from refused
        return self.cleaned_data


class TokenForm(forms.Form):
    token = Line(label="Nhãn thiết bị", max_length=64, error_messages={"required": "Ghi nhãn thiết bị ký."})
    label = Line(label="Nhãn khóa", max_length=64, error_messages={"required": "Ghi nhãn khóa trong thiết bị."})
    pin = Secret(
        label="Mã PIN",
        help_text="Chỉ dùng để mở thử; không lưu lại.",
        error_messages={"required": "Nhập mã PIN của thiết bị."},
    )
    key: Key

    def clean(self) -> dict[str, Any]:
        said = self.cleaned_data
        if {"token", "label", "pin"} <= set(said):
            try:
                with from_token(said["token"], said["label"], said["pin"]) as key:
                    self.key = key
            except SignatureRefused as refused:
                raise forms.ValidationError(str(refused)) from refused
        return said


class SignForm(forms.Form):
    """Which papers, with which key; the key is opened by the view for as long as it signs."""

    def __init__(self, organization: Organization, waiting: list[Document], data: Any = None) -> None:
        super().__init__(data)
        self.keys = keys = SigningKey.objects.filter(organization=organization, retired_at=None)
        self.fields["papers"] = forms.TypedMultipleChoiceField(
            label="Văn bản ký",
            choices=[(paper.pk, str(paper)) for paper in waiting],
            coerce=int,
            error_messages={
                "required": "Chưa chọn văn bản nào để ký.",
                "invalid_choice": "Có văn bản vừa được ký hoặc không còn chờ ký. Xin xem lại danh sách.",
            },
        )
        self.fields["key"] = forms.ModelChoiceField(
            keys,
            label="Khóa ký",
            empty_label=None,
            initial=keys.first(),
            error_messages={"required": "Chọn khóa ký.", "invalid_choice": "Khóa này vừa thôi dùng. Xin chọn lại."},
        )
        self.fields["everything"] = forms.BooleanField(
            label="Ký tất cả văn bản đang chờ, kể cả các trang sau", required=False
        )
        self.fields["secret"] = Secret(
            label="Mật khẩu khóa hoặc mã PIN", error_messages={"required": "Nhập mật khẩu khóa hoặc mã PIN."}
        )


class RunForm(forms.Form):
    """What the signer's page sends back while a long folder is being signed (hidden fields of Run)."""

    opener = forms.CharField(max_length=2000, strip=False)
    left = forms.CharField(max_length=100_000)
    total = forms.IntegerField(min_value=1)
    signed = forms.IntegerField(min_value=0)
    failed = forms.IntegerField(min_value=0)
    why = forms.CharField(max_length=500, required=False)

    def __init__(self, organization: Organization, data: Any = None) -> None:
        super().__init__(data)
        self.fields["key"] = forms.ModelChoiceField(
            SigningKey.objects.filter(organization=organization, retired_at=None)
        )

    def clean_left(self) -> list[int]:
        found = str(self.cleaned_data["left"]).split(",")
        if not all(pk.isdecimal() and len(pk) < 16 for pk in found):
            raise forms.ValidationError("Không đọc được danh sách văn bản.")
        return [int(pk) for pk in found]


class SignedFilesForm(forms.Form):
    papers = forms.FileField(
        label="Các tệp PDF đã ký",
        help_text=f"Mỗi lần nhiều nhất {MAX_FILES} tệp, cộng lại không quá {MAX_BYTES >> 20} MB.",
        widget=ManyFiles(attrs={"accept": ".pdf,application/pdf"}),
        error_messages={"required": "Chọn các tệp đã ký."},
    )

    def contents(self) -> list[bytes]:
        """The files as sent; refused as a whole when they are too many or too big."""
        files = self.files.getlist("papers") if hasattr(self.files, "getlist") else []
        if not files:
            raise SignatureRefused("Chọn các tệp đã ký.")
        if len(files) > MAX_FILES or sum(file.size or 0 for file in files) > MAX_BYTES:
            raise SignatureRefused(f"Nhiều hơn {MAX_FILES} tệp hoặc lớn hơn {MAX_BYTES >> 20} MB. Xin chia nhiều lần.")
        return [file.read() for file in files]
