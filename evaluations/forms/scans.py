"""Uploading scanned paper, and telling a page of the tray what it is."""

from typing import Any

from django import forms
from django.core.files.uploadedfile import UploadedFile
from django.utils.datastructures import MultiValueDict

from evaluations.models import ScanPage
from evaluations.models.scans import PAGES_IN_BATCH
from evaluations.models.sheets import Sheet, assessments_within, sheet_with
from evaluations.scans import MAX_BYTES, ScanError, inspect
from members.forms.text import Line
from members.models import Organization

MAX_FILES = 20
CHOICES = 500
NEXT = "next"  # the button "as a further page"


class ManyFiles(forms.FileInput):
    allow_multiple_selected = True

    def value_from_datadict(self, data: Any, files: "MultiValueDict[str, UploadedFile[Any]]", name: str) -> Any:
        return files.getlist(name) if hasattr(files, "getlist") else files.get(name)


class FilesField(forms.FileField):
    """One PDF or several photos; cleaned to [(bytes, pages), …]. Each is opened in a child process first."""

    def clean(self, data: Any, initial: Any = None) -> Any:
        files = [super(FilesField, self).clean(item) for item in data or [None]]
        if sum(file.size or 0 for file in files) > MAX_BYTES:
            raise forms.ValidationError(
                f"Các tệp cộng lại lớn hơn {MAX_BYTES >> 20} MB. Xin quét ở 200–300 dpi, ảnh xám, hoặc chia thành "
                "nhiều lần tải lên."
            )
        if len(files) > MAX_FILES:
            raise forms.ValidationError(f"Mỗi lần tải lên nhiều nhất {MAX_FILES} tệp.")
        return [self._read(place, file.read(), len(files)) for place, file in enumerate(files, 1)]

    def _read(self, place: int, content: bytes, count: int) -> tuple[bytes, int]:
        try:
            return content, inspect(content)
        except ScanError as problem:
            raise forms.ValidationError(f"Tệp thứ {place}: {problem}" if count > 1 else str(problem)) from problem


class ScanForm(forms.Form):
    papers = FilesField(
        label="Tệp quét hoặc ảnh chụp",
        help_text=f"Một tệp PDF nhiều trang, hoặc nhiều ảnh JPG, PNG. Tất cả không quá {MAX_BYTES >> 20} MB và "
        f"{PAGES_IN_BATCH} trang.",
        widget=ManyFiles(attrs={"accept": ".pdf,.jpg,.jpeg,.png,image/jpeg,image/png"}),
        error_messages={"required": "Chọn tệp quét hoặc ảnh chụp.", "empty": "Tệp trống; xin chọn lại tệp."},
    )


class BindForm(forms.Form):
    """What the page is: the code as printed on it, or a person of the list."""

    code = Line(
        label="Mã in trên giấy",
        max_length=40,
        required=False,
        help_text="Ở góc dưới bên trái tờ giấy, ví dụ A‑1F7‑9K2QX.",
        widget=forms.TextInput(attrs={"autocomplete": "off", "autocapitalize": "characters", "spellcheck": "false"}),
    )
    assessment = forms.TypedChoiceField(label="Hoặc chọn đồng chí", coerce=int, required=False, empty_value=None)
    page_no = forms.IntegerField(
        label="Trang số",
        min_value=1,
        max_value=500,
        initial=1,
        error_messages={"required": "Ghi trang số mấy.", "invalid": "Ghi số trang bằng chữ số."},
    )

    replaces = forms.BooleanField(
        label="Thay trang đã gắn trước đó (trang kia thành trang trùng, vẫn được giữ)", required=False
    )

    def __init__(self, page: ScanPage, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.page, self.organization = page, page.organization
        choice: Any = self.fields["assessment"]
        choice.choices = [("", "– chọn trong danh sách –"), *_people(page.organization)]

    def clean(self) -> dict[str, Any]:
        data = self.cleaned_data
        code, assessment = data.get("code"), data.get("assessment")
        if not code and not assessment:
            if "assessment" not in self.errors:
                self.add_error("code", "Nhập mã in trên giấy hoặc chọn đồng chí trong danh sách.")
        elif code and sheet_with(code, self.organization) is None:
            self.add_error("code", "Không có phiếu, văn bản nào của đơn vị mang mã này. Xin đối chiếu từng chữ.")
        if not self.errors and not data["replaces"] and NEXT not in self.data:
            self._refuse_taken()
        return data

    def _refuse_taken(self) -> None:
        twin = ScanPage.objects.bound_to(self.organization, self.sheet()).exclude(pk=self.page.pk).first()
        if twin:
            self.add_error(
                "replaces",
                f"Trang số {twin.page_no} của phiếu, văn bản này đã gắn (lần quét {twin.batch_id}, trang "
                f"{twin.number}). Đánh dấu vào đây để thay, hoặc ghi trang số khác.",
            )

    def sheet(self) -> Sheet:
        data = self.cleaned_data
        typed = sheet_with(data["code"], self.organization) if data["code"] else None
        sheet = typed or Sheet(assessment_id=data["assessment"])
        return Sheet(sheet.code, data["page_no"], sheet.assessment_id, sheet.document_id, sheet.cell_id, sheet.year)


def _people(organization: Organization) -> list[tuple[int, str]]:
    """The forms this office may scan, newest year first, as name · year of birth · cell."""
    found = assessments_within(organization).select_related("placement__member", "placement__cell")
    rows = found.order_by("-year", "placement__member__sort_key", "pk")[:CHOICES]
    return [(row.pk, _person(row)) for row in rows]


def _person(row: Any) -> str:
    placement, member = row.placement, row.placement.member
    where = placement.cell.name if placement.cell else placement.cell_as_written
    return " · ".join(str(part) for part in (member.full_name, member.birth_year, where, f"năm {row.year}") if part)


class SetAsideForm(forms.Form):
    reason = Line(
        label="Lý do để riêng",
        max_length=200,
        help_text="Ví dụ: trang trắng, trang bìa, quét nhầm giấy khác.",
        error_messages={"required": "Ghi lý do để riêng trang này."},
    )
