"""Text kept as it will be read: composed letters, nothing invisible. Tidied before anything is checked, because
composing may lengthen a text and because characters that nobody can see are no answer to a question."""

from typing import Any

from django import forms

from members.names import tidy


class Line(forms.CharField):
    def to_python(self, value: Any) -> str:
        return tidy(str(super().to_python(value) or ""))


class Words(forms.CharField):
    """Several lines; a line break counts as one character, as it does in the browser."""

    def to_python(self, value: Any) -> str:
        text = str(super().to_python(value) or "").replace("\r\n", "\n").replace("\r", "\n")
        return "\n".join(tidy(line) for line in text.split("\n")).strip()
