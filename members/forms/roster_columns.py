"""Saying what the columns of a list mean."""

from typing import Any

from django import forms

from members.models import RosterImport
from members.roster_headings import COLUMN_LABELS, Heading, Line, find_header, is_header

LEFT_OUT = ("", "Không đọc cột này")
SAMPLES = 3


class ColumnsForm(forms.Form):
    """One choice for each column of the list, beside what stands in it."""

    def __init__(self, roster: RosterImport, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.heads = roster.heads
        lines = [Line(number, texts) for number, texts in roster.source.lines]
        alone = find_header(lines, {})
        self.alone = {alone.headings[index].key: field for field, index in alone.columns.items()} if alone else {}
        current = {column["letter"]: field for field, column in roster.columns.items()}
        below = [line for line in lines if line.number > roster.header_row + 1]
        self.samples = [_samples(below, index) for index in range(len(self.heads))]
        for index, heading in enumerate(self.heads):
            self.fields[f"cot-{index}"] = forms.ChoiceField(
                label=heading_label(heading),
                choices=[LEFT_OUT, *COLUMN_LABELS.items()],
                initial=current.get(heading.letter, ""),
                required=False,
            )

    def clean(self) -> None:
        """A meaning belongs to one column."""
        taken: dict[str, str] = {}
        for name, field in list(self.cleaned_data.items()):
            if field and field in taken:
                other = self.fields[taken[field]].label
                self.add_error(name, f"Cột “{other}” cũng được chọn là “{COLUMN_LABELS[field]}”; mỗi mục chỉ một cột.")
            taken[field] = name
        if not self.errors and not is_header({*taken} - {""}):
            self.add_error(None, "Cần chọn cột nào là “Họ và tên”, và ít nhất hai cột khác như ngày sinh, phường/xã.")

    def meanings(self) -> dict[str, str]:
        """What is said otherwise than the heading itself says: that is what has to be remembered."""
        said = {heading.key: self.cleaned_data[f"cot-{index}"] for index, heading in enumerate(self.heads)}
        return {key: field for key, field in said.items() if field != self.alone.get(key, "")}

    def rows(self) -> list[dict[str, Any]]:
        return [
            {"heading": heading, "label": heading_label(heading), "samples": samples, "field": self[f"cot-{index}"]}
            for index, (heading, samples) in enumerate(zip(self.heads, self.samples, strict=True))
            if heading.text or samples
        ]


def heading_label(heading: Heading) -> str:
    return heading.text or f"Cột {heading.letter} (không có tiêu đề)"


def _samples(lines: list[Line], index: int) -> list[str]:
    found: list[str] = []
    for line in lines[:40]:
        text = line.at(index)
        if text and text not in found:
            found.append(text[:40])
        if len(found) == SAMPLES:
            break
    return found
