"""What a book is narrowed to."""

from typing import Any

from django import forms
from django.http import QueryDict

from evaluations.models.registers import STAGES, STANDINGS, Wanted
from members.forms.text import Line
from members.models import Placement

DAY = forms.DateInput(format="%Y-%m-%d", attrs={"type": "date", "class": "form-control"})
BAD_DAY = {"invalid": "Ghi ngày theo dạng ngày/tháng/năm, ví dụ 05/10/2026."}


def _search(label: str) -> Line:
    widget = forms.TextInput(attrs={"type": "search", "class": "form-control", "autocomplete": "off"})
    return Line(label=label, required=False, max_length=120, widget=widget)


def _choice(label: str, choices: list[tuple[str, str]]) -> forms.ChoiceField:
    widget = forms.Select(attrs={"class": "form-select"})
    return forms.ChoiceField(label=label, required=False, choices=choices, widget=widget)


class WantedForm(forms.Form):
    """The filter of a register, read from the address; a field that says nothing narrows nothing."""

    tim = _search("Họ và tên")
    cong_tac = _search("Nơi công tác")
    cu_tru = _search("Nơi cư trú")
    dien = _choice("Diện", [("", "Mọi diện"), *((str(code), words) for code, words in STANDINGS.items())])
    buoc = _choice("Tình trạng", [(code, words) for code, (words, _) in STAGES.items()])
    tu = forms.DateField(label="Giới thiệu từ ngày", required=False, widget=DAY, error_messages=BAD_DAY)
    den = forms.DateField(label="đến ngày", required=False, widget=DAY, error_messages=BAD_DAY)

    def __init__(self, data: QueryDict) -> None:
        super().__init__(
            {**{name: data.get(name, "") for name in self.base_fields}, "buoc": data.get("buoc") or "current"}
        )

    def wanted(self) -> Wanted:
        self.is_valid()
        said: dict[str, Any] = self.cleaned_data
        return Wanted(
            name=said.get("tim", ""),
            workplace=said.get("cong_tac", ""),
            residence=said.get("cu_tru", ""),
            standing=said.get("dien", ""),
            stage=said.get("buoc") or "current",
            from_on=said.get("tu"),
            until_on=said.get("den"),
        )

    @property
    def is_narrowed(self) -> bool:
        """Whether one of the fields says something that the page does not show at once."""
        return any(name in self.kept() for name in ("dien", "buoc", "tu", "den"))

    def scope(self) -> str:
        """For the title page and the reason of the copy: what was asked for, without anybody's name."""
        asked = self.wanted()
        words = [STAGES[asked.stage][0].lower()]
        words += [f"nơi công tác “{asked.workplace}”"] if asked.workplace else []
        words += [f"nơi cư trú “{asked.residence}”"] if asked.residence else []
        words += [STANDINGS[Placement.Standing(asked.standing)].lower()] if asked.standing else []
        words += [f"giới thiệu từ {asked.from_on:%d/%m/%Y}"] if asked.from_on else []
        words += [f"giới thiệu đến {asked.until_on:%d/%m/%Y}"] if asked.until_on else []
        words += ["lọc theo họ tên"] if asked.name else []
        return f"Phạm vi: {'; '.join(words)}"[:200]

    def kept(self) -> dict[str, str]:
        """What goes along to the next page, to the printer and into the table."""
        return {name: text for name, text in self.data.items() if text and (name, text) != ("buoc", "current")}
