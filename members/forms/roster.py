"""Uploading a roster, and answering what its rows leave open."""

from collections.abc import Iterable
from typing import Any

from django import forms
from django.core.files.uploadedfile import UploadedFile
from django.http import QueryDict
from django.utils import timezone

from members.models import Organization, RosterHeading, StagedRow
from members.names import search_key, tidy
from members.roster import MAX_BYTES, Roster, RosterError, read_roster
from members.roster_values import LABELS


class UploadForm(forms.Form):
    committee = forms.ModelChoiceField(
        label="Danh sách của", queryset=Organization.objects.none(), empty_label=None, widget=forms.Select
    )
    file = forms.FileField(
        label="Tệp danh sách đảng viên",
        help_text="Tệp Excel (.xlsx, .xls), LibreOffice (.ods) hoặc .csv, không quá 5 MB và 20.000 dòng.",
        widget=forms.FileInput(attrs={"accept": ".xlsx,.xls,.ods,.csv,.tsv,.txt"}),
        error_messages={"required": "Chọn tệp danh sách để tải lên.", "empty": "Tệp trống; chọn lại tệp danh sách."},
    )

    def __init__(self, committees: list[Organization], *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.committees = committees
        choice: Any = self.fields["committee"]
        choice.queryset = Organization.objects.filter(pk__in=[committee.pk for committee in committees])
        if len(committees) == 1:
            del self.fields["committee"]

    def clean_file(self) -> Roster | None:
        """Read at once: the bytes are not needed again and are kept nowhere."""
        upload: UploadedFile[Any] = self.cleaned_data["file"]
        if (upload.size or 0) > MAX_BYTES:
            raise forms.ValidationError(
                "Tệp lớn hơn 5 MB; đề nghị chỉ để lại trang tính có danh sách đảng viên rồi tải lên lại."
            )
        self.filename = upload.name or ""
        if "committee" in self.fields and not self.cleaned_data.get("committee"):
            return None
        said = RosterHeading.objects.meanings(self.chosen())
        try:
            return read_roster(upload.read(), self.filename, today=timezone.localdate(), corrections=said)
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


# Which fields help when a sentence is about one of these; a sentence about any other field brings that field.
ALSO = {"who": ("is_other_person",), "residence": (), "exemption": ("note",)}
HINTS = {
    "birth_date": "ngày/tháng/năm, hoặc chỉ năm",
    "joined_on": "ngày/tháng/năm",
    "official_on": "ngày/tháng/năm",
    "commune": "Gõ vài chữ rồi chọn trong danh bạ.",
}


class RowForm(forms.Form):
    """One staged row: what its sentences are about can be put right beside them, the rest when `whole`.

    What is typed is read like the words of the list, so nothing that somebody types makes the form itself wrong.
    """

    skip = forms.BooleanField(label="Bỏ qua dòng này", required=False)
    is_other_person = forms.BooleanField(label="Là người khác", required=False)

    def __init__(
        self, row: StagedRow, communes: CommuneChoices, data: QueryDict | None = None, *, whole: bool = False
    ) -> None:
        self.row, self.communes = row, communes
        self.shown = {field: self._text(field) for field in LABELS}
        initial = self.shown | {"skip": row.skip, "is_other_person": row.is_other_person}
        super().__init__(data, prefix=str(row.pk), initial=initial)
        asked = asked_of(row)
        for field in LABELS:
            if whole or field in asked or (data is not None and self.add_prefix(field) in data):
                self.fields[field] = _text_field(field)
        if "is_other_person" not in asked and not row.is_other_person:
            del self.fields["is_other_person"]

    def _text(self, field: str) -> str:
        if field == "commune" and self.row.chosen_commune_id:
            return self.communes.labels.get(self.row.chosen_commune_id, "")
        return self.row.text(field)

    def typed_fields(self) -> Iterable[forms.BoundField]:
        return (self[field] for field in self.fields if field in LABELS)

    def apply(self) -> bool:
        """Put the answers on the row; whether anything is different now."""
        row, data = self.row, self.cleaned_data
        before = (row.skip, row.chosen_commune_id, row.is_other_person)
        edits = {name: data[name] for name in LABELS if name in data and data[name] != tidy(self.shown[name])}
        if "commune" in edits:
            row.chosen_commune = self.communes.find(edits["commune"])
            if row.chosen_commune:
                edits["commune"] = row.chosen_commune.area
        row.type_over(edits)
        row.skip = data["skip"]
        if "is_other_person" in self.fields:
            row.is_other_person = data["is_other_person"]
        return bool(edits) or before != (row.skip, row.chosen_commune_id, row.is_other_person)


def _text_field(field: str) -> forms.Field:
    if field == "sex":
        choices = [("", "Chưa ghi"), ("Nam", "Nam"), ("Nữ", "Nữ")]
        return forms.CharField(label=LABELS[field], required=False, widget=forms.Select(choices=choices))
    attrs = {"autocomplete": "off"} | ({"list": "communes"} if field == "commune" else {})
    widget = forms.TextInput(attrs=attrs)
    return TidyField(
        label=LABELS[field], help_text=HINTS.get(field, ""), max_length=1000, required=False, widget=widget
    )


class TidyField(forms.CharField):
    def to_python(self, value: Any) -> str:
        return tidy(super().to_python(value) or "")


def asked_of(row: StagedRow) -> set[str]:
    """The fields that the sentences of a row are about."""
    if row.skip:
        return set()
    found = {field for field, _ in [*row.errors, *row.found]} if row.plan in row.LEAVABLE else set()
    named = {also for field in found for also in ALSO.get(field, (field,))}
    # A choice made earlier stays in sight, so that it can be taken back.
    return named | ({"commune"} if row.chosen_commune_id else set())
