"""Forms of introductions: whom, where to, why it ended; and at residence the cell, the day, the reason to send back."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django import forms
from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from evaluations.forms.campaigns import DayField
from evaluations.forms.commune import BACK, AssignForm
from evaluations.forms.keying import ScanField
from evaluations.forms.signing import SignerField
from evaluations.models import Introduction
from evaluations.models.receptions import assign, give_back, tell_workplaces
from evaluations.rulebooks import load
from members.forms.text import Line, Words, refuse_never_kept
from members.models import Organization
from members.names import search_key

if TYPE_CHECKING:
    from members.models import Seat


class CommuneField(Line):
    """A commune by its name, typed or taken from the list of the province; `clean` returns the organisation."""

    def __init__(self, near: Organization, **kwargs: Any) -> None:
        self.root = near.path.split("/")[1]
        super().__init__(
            max_length=200,
            widget=forms.TextInput(attrs={"list": "communes", "autocomplete": "off"}),
            error_messages={"required": "Ghi xã, phường, đặc khu nơi cư trú."},
            **kwargs,
        )

    @property
    def names(self) -> list[str]:
        here = Organization.objects.communes().filter(path__startswith=f"/{self.root}/")
        return list(here.order_by("locality_key", "pk").values_list("name", flat=True))

    def clean(self, value: Any) -> Any:
        words = super().clean(value)
        if not words:
            return None
        # "An Hải", "phường An Hải" and "Đảng ủy phường An Hải", with and without marks.
        key = search_key(words)
        named = Q(search_key=key) | Q(search_key__endswith=f" {key}")
        found = list(Organization.objects.communes().filter(named, ~Q(search_key="")).order_by("path")[:20])
        near = [commune for commune in found if commune.path.split("/")[1] == self.root]
        found = near or found
        if not found:
            raise forms.ValidationError(f"“{words}” chưa có trong danh bạ. Chọn tên trong danh sách gợi ý.")
        if len(found) > 1:
            raise forms.ValidationError(f"Có nhiều đơn vị tên “{words}”. Ghi đủ: Đảng ủy phường …, Đảng ủy xã ….")
        return found[0]


class DraftForm(forms.Form):
    """One member whose place of residence the register does not know yet, or is asked to confirm."""

    words = Line(
        label="Tổ dân phố, thôn",
        max_length=120,
        required=False,
        validators=[refuse_never_kept],
        help_text="Như đồng chí ấy khai; đảng ủy nơi cư trú phân về chi bộ.",
    )

    def __init__(self, near: Organization, data: Mapping[str, Any] | None = None, **kwargs: Any) -> None:
        super().__init__(data, **kwargs)
        self.fields["commune"] = CommuneField(near, label="Xã, phường, đặc khu nơi cư trú")
        self.order_fields(["commune", "words"])

    @property
    def names(self) -> list[str]:
        field = self.fields["commune"]
        assert isinstance(field, CommuneField)
        return field.names


class EndForm(forms.Form):
    """Why an introduction is over (kết thúc)."""

    code = forms.ChoiceField(label="Lý do", error_messages={"required": "Chọn lý do."})
    note = Words(
        label="Ghi chú",
        max_length=300,
        required=False,
        validators=[refuse_never_kept],
        widget=forms.Textarea(attrs={"rows": 2}),
    )

    def __init__(self, data: Mapping[str, Any] | None = None) -> None:
        super().__init__(data)
        code: Any = self.fields["code"]
        code.choices = [("", "Chọn lý do"), *Introduction.End.choices]


class PaperCounterpartForm(forms.Form):
    """The counterpart as it came back: its day and the cell, in its own words, and a picture."""

    on = DayField(label="Tiếp nhận ngày (ghi trên giấy)")
    cell = Line(
        label="Chi bộ nơi cư trú (ghi trên giấy)",
        max_length=120,
        validators=[refuse_never_kept],
        error_messages={"required": "Ghi tên chi bộ như trên giấy."},
    )

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.fields["scan"] = ScanField(required=False, label="Bản chụp phần tiếp nhận")


class AcceptForm(forms.Form):
    """The cell's day of reception, for all who are ticked."""

    on = DayField(label="Ngày tiếp nhận")

    def __init__(self, data: Mapping[str, Any] | None = None) -> None:
        super().__init__(data, initial={"on": timezone.localdate()})


class CounterpartsForm(forms.Form):
    """Who signs the counterparts for the commune."""

    def __init__(self, commune: Organization, data: Mapping[str, Any] | None = None) -> None:
        super().__init__(data)
        self.fields["signer"] = SignerField(commune)


@dataclass(frozen=True)
class Placed:
    assigned: int
    created: int
    returned: int
    gone: int


class PlaceForm(AssignForm):
    """The same grid as for requests: a cell for each introduction, a cell to be made, or the reason it goes back."""

    def _decline_codes(self, matter: Any) -> dict[str, str]:
        return load().decline_codes

    @transaction.atomic
    def place(self, *, by: "Seat") -> Placed:
        """All or nothing, like the grid of requests."""
        Organization.objects.select_for_update(no_key=True).get(pk=self.commune.pk)
        decided = {pk: value for pk in self.matters if (value := self.cleaned_data[f"cell-{pk}"])}
        waiting = Introduction.objects.to_assign().filter(pk__in=decided)
        still = set(waiting.select_for_update(of=("self",)).values_list("pk", flat=True))
        before = len(self.cells)
        chosen = {
            self.matters[pk]: self._cell(pk, value, by)
            for pk, value in decided.items()
            if pk in still and not value.startswith(BACK)
        }
        assigned = assign(chosen, by=by)
        back = {pk: value for pk, value in decided.items() if pk in still and value.startswith(BACK)}
        for pk, value in back.items():
            give_back(self.matters[pk], value.removeprefix(BACK), self.cleaned_data[f"note-{pk}"], by=by)
        tell_workplaces([self.matters[pk] for pk in back])
        return Placed(assigned, len(self.cells) - before, len(back), len(decided) - len(still))


class GiveBackForm(forms.Form):
    """Không cư trú tại địa bàn: the reason by code, and a sentence when the code alone does not say it."""

    code = forms.ChoiceField(label="Lý do", error_messages={"required": "Chọn lý do chuyển lại."})
    note = Line(label="Ghi chú", max_length=300, required=False, validators=[refuse_never_kept])

    def __init__(self, data: Mapping[str, Any] | None = None) -> None:
        super().__init__(data)
        code: Any = self.fields["code"]
        code.choices = [("", "Chọn lý do"), *load().decline_codes.items()]

    def clean(self) -> dict[str, Any]:
        if self.cleaned_data.get("code") == "other" and not self.cleaned_data.get("note"):
            self.add_error("note", "Ghi một câu nói rõ lý do chuyển lại.")
        return self.cleaned_data
