"""Forms of the commune: its book of letters received, the grid that assigns, what goes back, and the letter code."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

from django import forms
from django.db import transaction
from django.http import QueryDict

from evaluations.forms.campaigns import NumberForm
from evaluations.forms.signing import SignerField
from evaluations.models import AssessmentVersion, EvaluationRequest, InnerDeadline, Letter, NumberRange
from evaluations.models.letters import notice_to_cell
from evaluations.models.requests import assign_to_cells, decline
from evaluations.rulebooks import load
from members.forms.text import Line, Words
from members.models import AuditEvent, Organization
from members.models.learned import Learned, learned_cells, place_key
from members.names import natural, search_key, tidy

if TYPE_CHECKING:
    from members.models import Seat

NEW = "new"
BACK = "back:"


class RegisterForm(forms.Form):
    number = Line(
        label="Số đến",
        max_length=12,
        required=False,
        help_text="Số trong sổ công văn đến của cơ quan. Chưa có số thì để trống.",
    )


class ReplyForm(NumberForm):
    """Number and number of copies of one reply letter."""

    copies = forms.IntegerField(
        label="Số bản in",
        required=False,
        min_value=1,
        max_value=20,
        help_text="Một bản gửi nơi công tác, còn lại để lưu. Số này được nhớ cho lần sau.",
        error_messages={
            "invalid": "Ghi số bản bằng chữ số, ví dụ 2.",
            "min_value": "In ít nhất 1 bản.",
            "max_value": "In nhiều nhất 20 bản.",
        },
    )

    def __init__(
        self, commune: Organization, expected: list[int], blocks: list[NumberRange], data: QueryDict | None = None
    ) -> None:
        super().__init__(expected, blocks, data)
        self.fields["first"].label = "Số của công văn"
        self.fields["first"].help_text = "Chỉ ghi khi chọn nhập số."
        self.fields["copies"].initial = commune.reply_copies
        self.fields["signer"] = SignerField(commune)


class SendBackForm(forms.Form):
    """Why a text goes back to the cell: a code that can be counted and a sentence the cell can act on."""

    code = forms.ChoiceField(label="Lý do")
    note = Words(
        label="Cần bổ sung điều gì",
        max_length=500,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text="Một, hai câu cụ thể để chi bộ biết phải làm gì. Ví dụ: “Mục 2: ghi rõ việc đã làm và thời gian”.",
    )

    def __init__(self, version: AssessmentVersion, data: Mapping[str, Any] | None = None) -> None:
        super().__init__(data)
        codes = self.fields["code"]
        assert isinstance(codes, forms.ChoiceField)
        codes.choices = [("", "Chọn lý do"), *version.book.return_codes.items()]


class CodeForm(forms.Form):
    code = forms.CharField(
        label="Mã công văn",
        max_length=60,
        help_text="Mã in ở cuối công văn. Chữ thường, dấu cách, dấu gạch đều được.",
        widget=forms.TextInput(attrs={"autocomplete": "off", "autocapitalize": "characters", "spellcheck": "false"}),
    )


@dataclass(frozen=True)
class Row:
    """One line of the grid."""

    matter: EvaluationRequest
    cell: forms.BoundField
    note: forms.BoundField
    proposed: str  # why this cell is proposed; "" when something else is chosen


@dataclass(frozen=True)
class Outcome:
    assigned: int
    created: int
    declined: int
    gone: int  # handled by somebody else since the page was opened


class AssignForm(forms.Form):
    """For each request that waits: the cell it goes to, a cell to be made for it, or the reason it goes back."""

    def __init__(self, commune: Organization, matters: Iterable[Any], data: Mapping[str, Any] | None = None) -> None:
        super().__init__(data)
        self.commune = commune
        self.matters: dict[int, Any] = {matter.pk: matter for matter in matters}
        cells = Organization.objects.residence_cells().filter(parent=commune)
        self.cells = {cell.pk: cell for cell in sorted(cells, key=lambda cell: natural(cell.search_key))}
        self._by_name = {cell.search_key: cell.pk for cell in self.cells.values()}
        learned = learned_cells(commune)
        self.proposals = {pk: self._proposal(matter, learned) for pk, matter in self.matters.items()}
        self.unsure = {pk for pk, matter in self.matters.items() if self._is_unsure(matter, learned)}
        for matter in self.matters.values():
            self._add_fields(matter)

    def _proposal(self, matter: EvaluationRequest, learned: dict[str, Learned]) -> tuple[int | str, str]:
        """The member's present cell, what the commune says or chose for these words, or the cell that is called so."""
        placement = matter.placement
        known = learned.get(place_key(placement.cell_as_written))
        if known and known.own and known.own.cell_id is None and not placement.cell_id:
            return "", ""
        why = "theo bảng tên gọi" if known and known.own else "theo lần phân trước"
        if known and not known.is_sure:
            why = f"chưa chắc: {known.times} trong {known.of} lần trước"
        found = [
            (placement.cell_id, "đang sinh hoạt ở chi bộ này"),
            (known.cell_id if known else None, why),
            (self._by_name.get(search_key(new_name(matter))), "theo tên chi bộ"),
        ]
        return next(((pk, why) for pk, why in found if pk in self.cells and pk), ("", ""))

    def _is_unsure(self, matter: EvaluationRequest, learned: dict[str, Learned]) -> bool:
        """Nothing is proposed, or the same words have led to different cells."""
        known = learned.get(place_key(matter.placement.cell_as_written))
        is_split = bool(known and not known.is_sure and not matter.placement.cell_id)
        return is_split or not self.proposals[matter.pk][0]

    def _add_fields(self, matter: EvaluationRequest) -> None:
        name = matter.member.full_name
        choices: list[Any] = [("", "Chưa phân"), ("Phân về", [(pk, cell.name) for pk, cell in self.cells.items()])]
        if words := new_name(matter):
            choices.append(("Chưa có chi bộ", [(NEW, f"＋ Lập “{words}”")]))
        back = [
            (f"{BACK}{code}", f"Chuyển lại: {_lower(label)}") for code, label in self._decline_codes(matter).items()
        ]
        choices.append(("Chuyển lại nơi công tác", back))
        self.fields[f"cell-{matter.pk}"] = forms.ChoiceField(
            choices=choices,
            required=False,
            initial=self.proposals[matter.pk][0],
            widget=forms.Select(attrs={"class": "form-select", "aria-label": f"Chi bộ của đồng chí {name}"}),
            error_messages={"invalid_choice": "Chi bộ này không thuộc đảng ủy của đồng chí. Xin chọn lại."},
        )
        self.fields[f"note-{matter.pk}"] = Line(
            max_length=300,
            required=False,
            widget=forms.TextInput(attrs={"class": "form-control", "aria-label": f"Ghi chú về đồng chí {name}"}),
        )

    def _decline_codes(self, matter: Any) -> dict[str, str]:
        return (matter.campaign.book if matter.campaign else load()).decline_codes

    @property
    def rows(self) -> list[Row]:
        return [
            Row(matter, cell, self[f"note-{pk}"], why if str(cell.value()) == str(proposal) else "")
            for pk, matter in self.matters.items()
            for cell, (proposal, why) in [(self[f"cell-{pk}"], self.proposals[pk])]
        ]

    def filled(self) -> Self:
        """The same page with undecided rows set to their proposal or to a cell of their own words; nothing is saved."""
        data = {name: self.data.get(name, "") for name in self.fields}
        for pk, matter in self.matters.items():
            data[f"cell-{pk}"] = data[f"cell-{pk}"] or self.proposals[pk][0] or (NEW if new_name(matter) else "")
        return type(self)(self.commune, self.matters.values(), data)

    @property
    def sure_count(self) -> int:
        return len(self.matters) - len(self.unsure)

    @classmethod
    def of_proposals(cls, commune: Organization, matters: Iterable[EvaluationRequest]) -> "AssignForm":
        """Every row about which there is no doubt set to its proposal; the others undecided. Nothing is saved yet."""
        shown = cls(commune, matters)
        sure = {pk: proposal for pk, (proposal, _) in shown.proposals.items() if pk not in shown.unsure}
        data = {f"cell-{pk}": str(cell) for pk, cell in sure.items()}
        return cls(commune, shown.matters.values(), data)

    def clean(self) -> dict[str, Any]:
        for pk in self.matters:
            value, note = self.cleaned_data.get(f"cell-{pk}", ""), self.cleaned_data.get(f"note-{pk}", "")
            if value == f"{BACK}other" and not note:
                self.add_error(f"note-{pk}", "Ghi một câu nói rõ lý do chuyển lại.")
        return self.cleaned_data

    @transaction.atomic
    def save(self, *, by: "Seat") -> Outcome:
        """Cells made once for the same words, members assigned or sent back, the cells told: all or nothing."""
        # Two officers at once must not make the same cell twice.
        Organization.objects.select_for_update(no_key=True).get(pk=self.commune.pk)
        decided = {pk: value for pk in self.matters if (value := self.cleaned_data[f"cell-{pk}"])}
        waiting = EvaluationRequest.objects.filter(pk__in=decided, state=EvaluationRequest.State.AT_COMMUNE)
        still = set(waiting.select_for_update().values_list("pk", flat=True))
        cells_before = len(self.cells)
        chosen = {
            self.matters[pk]: self._cell(pk, value, by)
            for pk, value in decided.items()
            if pk in still and not value.startswith(BACK)
        }
        assigned = assign_to_cells(chosen, by=by)
        for year in {matter.year for matter in chosen}:
            first_due = min(matter.due_on for matter in chosen if matter.year == year)
            InnerDeadline.objects.propose(self.commune, year, first_due)
        _tell(chosen)
        back = [(pk, value) for pk, value in decided.items() if pk in still and value.startswith(BACK)]
        declined = sum(self._decline(pk, value, by) for pk, value in back)
        return Outcome(assigned, len(self.cells) - cells_before, declined, len(decided) - len(still))

    def _cell(self, pk: int, value: str, by: "Seat") -> Organization:
        if value != NEW:
            return self.cells[int(value)]
        name = new_name(self.matters[pk])
        known = Organization.objects.residence_cells().filter(parent=self.commune, search_key=search_key(name)).first()
        if known is None:
            kind, side = Organization.Kind.CELL, Organization.Side.RESIDENCE
            known = Organization.objects.add(self.commune, name=name, kind=kind, side=side)
            AuditEvent.objects.record("Organization.add", by=by, on=known)
            self.cells[known.pk] = known
        return known

    def _decline(self, pk: int, value: str, by: "Seat") -> int:
        note = self.cleaned_data[f"note-{pk}"]
        return decline(EvaluationRequest.objects.filter(pk=pk), value.removeprefix(BACK), note, by=by)


def _tell(chosen: dict[EvaluationRequest, Organization]) -> None:
    for cell in set(chosen.values()):
        matters = [matter for matter, its in chosen.items() if its == cell]
        due_on = InnerDeadline.objects.due_on(cell.parent, max(matter.year for matter in matters))
        due_on = due_on or min(matter.due_on for matter in matters)
        # A request is assigned once, so its number names the batch.
        key = f"cell:{cell.pk}:from:{min(matter.pk for matter in matters)}"
        notice_to_cell(cell, Letter.Kind.ASSIGNED, key, {"count": len(matters), "due_on": due_on.isoformat()})


def new_name(matter: EvaluationRequest) -> str:
    """ "Chi bộ Tổ dân phố 7" from the roster's words, "" without words."""
    words = tidy(matter.placement.cell_as_written)
    if not words or search_key(words).startswith("chi bo "):
        return words[:1].upper() + words[1:]
    return f"Chi bộ {words[0].upper()}{words[1:]}"


def _lower(words: str) -> str:
    return words[:1].lower() + words[1:]
