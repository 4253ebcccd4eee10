"""Text kept as it will be read: composed letters, nothing invisible. Tidied before anything is checked, because
composing may lengthen a text and because characters that nobody can see are no answer to a question."""

from typing import Any

from django import forms

from members.names import tidy
from members.roster_values import is_never_kept

NEVER_KEPT = (
    "Đồng chí thuộc diện miễn giới thiệu về nơi cư trú (Hướng dẫn 33-HD/BTCTW, mục 1.2) không được ghi vào hệ thống, "
    "kể cả tên và lý do: việc được miễn có thể cho biết nhiệm vụ phải giữ kín. Nội dung vừa ghi không được lưu; xin bỏ "
    "nội dung ấy và không nhập đồng chí này."
)


def refuse_never_kept(text: str) -> None:
    """A validator: words that say somebody is exempt from introduction are refused before anything is stored."""
    if is_never_kept([text]):
        raise forms.ValidationError(NEVER_KEPT)


class Line(forms.CharField):
    def to_python(self, value: Any) -> str:
        return tidy(str(super().to_python(value) or ""))


class Words(forms.CharField):
    """Several lines; a line break counts as one character, as it does in the browser."""

    def to_python(self, value: Any) -> str:
        text = str(super().to_python(value) or "").replace("\r\n", "\n").replace("\r", "\n")
        return "\n".join(tidy(line) for line in text.split("\n")).strip()
