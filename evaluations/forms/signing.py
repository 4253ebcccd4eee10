"""The signer's folder (tập trình ký): which letters are signed, which go back and with what word, and who signs."""

from typing import Any, cast

from django import forms
from django.http import QueryDict

from evaluations.models import Document
from members.forms.text import Line
from members.models import Organization, Signatory

WORD = 300


class SignerField(forms.ModelChoiceField):  # type: ignore[type-arg]
    """The formulas an organisation keeps; none chosen: the usual one."""

    def __init__(self, organization: Organization) -> None:
        usual = organization.signature()
        words = " – ".join(part for part in (usual["authority"], usual["position"], usual["name"]) if part)
        rows = Signatory.objects.in_force().filter(organization=organization)
        super().__init__(
            rows,
            label="Thể thức ký",
            required=False,
            empty_label=words,
            error_messages={"invalid_choice": "Thể thức ký này vừa thôi dùng. Xin chọn lại."},
        )


def signature_of(chosen: Signatory | None) -> dict[str, str] | None:
    return chosen.signature() if chosen else None


class FolderForm(forms.Form):
    """One tick and one line for a word beside each letter; a letter with neither waits on."""

    def __init__(self, committee: Organization, waiting: list[Document], data: QueryDict | None = None) -> None:
        super().__init__(data)
        self.waiting = waiting
        for letter in waiting:
            name = letter.recipient.name if letter.recipient else ""
            self.fields[f"sign-{letter.pk}"] = forms.BooleanField(
                label=f"Ký {name}",
                required=False,
                initial=True,
                widget=forms.CheckboxInput(attrs={"class": "form-check-input"}),
            )
            self.fields[f"word-{letter.pk}"] = Line(
                label=f"Lời nhắn trả lại, {name}",
                required=False,
                max_length=WORD,
                error_messages={"max_length": f"Lời nhắn dài nhất {WORD} ký tự."},
            )
        self.fields["signer"] = SignerField(committee)

    def rows(self) -> list[tuple[Document, forms.BoundField, forms.BoundField]]:
        return [(letter, self[f"sign-{letter.pk}"], self[f"word-{letter.pk}"]) for letter in self.waiting]

    def clean(self) -> dict[str, Any]:
        data = self.cleaned_data
        for letter in self.waiting:
            if data.get(f"sign-{letter.pk}") and data.get(f"word-{letter.pk}"):
                self.add_error(f"word-{letter.pk}", "Công văn này vừa chọn ký vừa có lời nhắn: bỏ chọn ký để trả lại.")
        if not self.errors and not self.signed() and not self.words():
            self.add_error(None, "Chưa chọn công văn nào để ký, cũng chưa ghi lời nhắn để trả lại công văn nào.")
        return data

    def signed(self) -> list[int]:
        return [letter.pk for letter in self.waiting if self.cleaned_data.get(f"sign-{letter.pk}")]

    def words(self) -> dict[int, str]:
        found = {letter.pk: self.cleaned_data.get(f"word-{letter.pk}", "") for letter in self.waiting}
        return {pk: word for pk, word in found.items() if word}

    def signature(self) -> dict[str, str] | None:
        return signature_of(cast(Signatory | None, self.cleaned_data["signer"]))
