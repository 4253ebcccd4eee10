"""Uploading a roster, and answering what its rows leave open."""

from typing import Any

from django import forms
from django.core.files.uploadedfile import UploadedFile
from django.http import QueryDict
from django.utils import timezone

from members.models import Organization, StagedRow
from members.names import search_key
from members.roster import MAX_BYTES, Roster, RosterError, read_roster


class UploadForm(forms.Form):
    committee = forms.ModelChoiceField(
        label="Danh sách của", queryset=Organization.objects.none(), empty_label=None, widget=forms.Select
    )
    file = forms.FileField(
        label="Tệp danh sách đảng viên",
        help_text="Tệp Excel (.xlsx) hoặc .csv, không quá 5 MB và 20.000 dòng.",
        widget=forms.FileInput(attrs={"accept": ".xlsx,.csv,.tsv,.txt"}),
        error_messages={"required": "Chọn tệp danh sách để tải lên.", "empty": "Tệp trống; chọn lại tệp danh sách."},
    )

    def __init__(self, committees: list[Organization], *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.committees = committees
        choice: Any = self.fields["committee"]
        choice.queryset = Organization.objects.filter(pk__in=[committee.pk for committee in committees])
        if len(committees) == 1:
            del self.fields["committee"]

    def clean_file(self) -> Roster:
        """Read at once: the bytes are not needed again and are kept nowhere."""
        upload: UploadedFile[Any] = self.cleaned_data["file"]
        if (upload.size or 0) > MAX_BYTES:
            raise forms.ValidationError(
                "Tệp lớn hơn 5 MB; đề nghị chỉ để lại trang tính có danh sách đảng viên rồi tải lên lại."
            )
        self.filename = upload.name or ""
        try:
            return read_roster(upload.read(), self.filename, today=timezone.localdate())
        except RosterError as problem:
            raise forms.ValidationError(str(problem)) from problem

    def chosen(self) -> Organization:
        committee: Organization | None = self.cleaned_data.get("committee")
        return committee or self.committees[0]


class CommuneChoices:
    """The address book as one list for the whole page: what stands in the field, and back again."""

    def __init__(self) -> None:
        communes = list(Organization.objects.communes().select_related("parent").order_by("locality_key", "pk"))
        self.labels = {commune.pk: _label(commune) for commune in communes}
        self._found: dict[str, list[Organization]] = {}
        for commune in communes:
            for words in (self.labels[commune.pk], commune.area):
                self._found.setdefault(search_key(words), []).append(commune)

    def find(self, words: str) -> Organization | None:
        found = self._found.get(search_key(words), [])
        return found[0] if len(found) == 1 else None


def _label(commune: Organization) -> str:
    return f"{commune.name} ({commune.parent.name})" if commune.parent else commune.name


class RowForm(forms.Form):
    """What one staged row may be told; the questions appear only where the row asks them."""

    skip = forms.BooleanField(label="Bỏ qua dòng này", required=False)
    commune = forms.CharField(
        label="Đảng ủy xã, phường, đặc khu nơi cư trú",
        help_text="Gõ vài chữ rồi chọn trong danh bạ.",
        max_length=300,
        required=False,
        widget=forms.TextInput(attrs={"list": "communes", "autocomplete": "off"}),
    )
    is_other_person = forms.BooleanField(label="Là người khác", required=False)

    def __init__(self, row: StagedRow, communes: CommuneChoices, data: QueryDict | None = None) -> None:
        self.row, self.communes = row, communes
        chosen = communes.labels.get(row.chosen_commune_id or 0, "")
        initial = {"skip": row.skip, "commune": chosen, "is_other_person": row.is_other_person}
        super().__init__(data, prefix=str(row.pk), initial=initial)
        if not asks_commune(row):
            del self.fields["commune"]
        if not asks_person(row):
            del self.fields["is_other_person"]

    def clean_commune(self) -> Organization | None:
        words = self.cleaned_data["commune"].strip()
        found = self.communes.find(words) if words else None
        if words and found is None:
            raise forms.ValidationError(
                "Chưa có trong danh bạ hoặc có nhiều đơn vị cùng tên; chọn một dòng của danh bạ."
            )
        return found

    def apply(self) -> bool:
        """Put the answers on the row; whether anything is different now."""
        row, data = self.row, self.cleaned_data
        before = (row.skip, row.chosen_commune_id, row.is_other_person)
        row.skip = data["skip"]
        if "commune" in self.fields:
            row.chosen_commune = data["commune"]
        if "is_other_person" in self.fields:
            row.is_other_person = data["is_other_person"]
        return before != (row.skip, row.chosen_commune_id, row.is_other_person)


def asks_commune(row: StagedRow) -> bool:
    return bool(row.chosen_commune_id) or (not row.errors and row.commune_id is None)


def asks_person(row: StagedRow) -> bool:
    """The sentence that asks for the tick; a question for the common superior is answered elsewhere."""
    return row.is_other_person or any(field == "who" for field, _ in row.found)
