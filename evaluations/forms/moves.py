"""Somebody moves, retires, dies, leaves: one small form each; what it would do to open requests is shown before."""

from typing import Any

from django import forms
from django.http import QueryDict
from django.utils import timezone

from evaluations.forms.campaigns import DayField
from evaluations.models import Transfer
from evaluations.models.move_plans import Effect, Kind, Move, Plan
from evaluations.models.moves import carry_out
from members.forms.roster import CommuneChoices
from members.forms.text import Line
from members.models import Member, Membership, Organization, Placement, Seat
from members.models.moves import day_problem
from members.names import search_key


class MoveForm(forms.Form):
    """`rows` are what the day has to fit: the member's memberships, placements, or both."""

    title = ""
    kind = Kind.RETIRED
    rows: tuple[type[Membership | Placement], ...] = (Membership, Placement)
    on = DayField(label="Từ ngày")

    def __init__(self, member: Member, membership: Membership, data: QueryDict | None = None) -> None:
        super().__init__(data, initial={"on": timezone.localdate()})
        self.member, self.membership = member, membership

    def clean_on(self) -> Any:
        on = self.cleaned_data["on"]
        known = [row for model in self.rows for row in model._default_manager.filter(member=self.member)]
        if problem := day_problem(on, known):
            raise forms.ValidationError(problem)
        return on

    def usual(self) -> Move | None:
        """What is meant when only today is given; None when more has to be said first."""
        return Move(self.member, self.kind, timezone.localdate())

    def said(self) -> Move:
        return Move(self.member, self.kind, self.cleaned_data["on"])

    def save(self, plan: Plan, *, by: Seat) -> str:
        """Do what the plan said; the sentence for the officer."""
        carry_out(plan.change, by=by, seen=plan.seal)
        count = sum(row.effect in (Effect.RESENT, Effect.SPLIT, Effect.REDIRECTED) for row in plan.consequences)
        waits = f" {count} đề nghị chờ ký phát hành công văn gửi nơi mới." if count else ""
        return f"Đã ghi vào sổ: {plan.change.kind.label}, từ ngày {plan.change.on:%d/%m/%Y}.{waits}"


class ResidenceForm(MoveForm):
    title = "Chuyển nơi cư trú"
    rows = (Placement,)
    MOVED, WRONG = "moved", "wrong"
    field_order = ("how", "on", "commune", "words", "address")
    how = forms.ChoiceField(
        label="Việc cần ghi",
        choices=[
            (MOVED, "Đồng chí đã chuyển đến nơi ở mới"),
            (WRONG, "Sổ ghi sai: đồng chí không cư trú ở nơi đang ghi"),
        ],
        initial=MOVED,
        widget=forms.RadioSelect,
    )
    on = DayField(label="Ở nơi mới từ ngày", required=False, help_text="Ghi sai từ đầu thì không cần ghi ngày.")
    commune = Line(
        label="Xã, phường, đặc khu nơi ở mới",
        max_length=250,
        required=False,
        help_text="Gõ vài chữ rồi chọn trong danh bạ. Chưa biết nơi ở mới thì để trống.",
        widget=forms.TextInput(attrs={"list": "communes", "autocomplete": "off"}),
    )
    words = Line(
        label="Tổ dân phố, thôn",
        max_length=120,
        required=False,
        help_text="Ghi như đồng chí đó khai; đảng ủy xã, phường phân về chi bộ.",
    )
    address = Line(label="Số nhà, đường", max_length=200, required=False, help_text="Để trống: giữ như trong sổ.")

    def __init__(self, member: Member, membership: Membership, data: QueryDict | None = None) -> None:
        super().__init__(member, membership, data)
        self.communes = CommuneChoices()

    def usual(self) -> Move | None:
        return None

    @property
    def is_wrong(self) -> bool:
        return self.cleaned_data.get("how") == self.WRONG

    def clean_on(self) -> Any:
        if self.is_wrong:
            return timezone.localdate()
        if not self.cleaned_data["on"]:
            raise forms.ValidationError("Ghi ngày bắt đầu ở nơi mới.")
        return super().clean_on()

    def clean_commune(self) -> Organization | None:
        words = self.cleaned_data["commune"]
        found = self.communes.find(words) if words else None
        if words and found is None:
            raise forms.ValidationError(
                f"“{words}” không có trong danh bạ, hoặc có nhiều nơi cùng tên. Chọn một dòng trong danh sách gợi ý."
            )
        return found

    def said(self) -> Move:
        data = self.cleaned_data
        kind = Kind.CORRECTION if self.is_wrong else Kind.RESIDENCE
        return Move(
            self.member, kind, data["on"], commune=data["commune"], words=data["words"], address=data["address"]
        )


class WorkplaceForm(MoveForm):
    title = "Chuyển nơi công tác"
    rows = (Membership,)
    CELL, ELSEWHERE, OUTSIDE, ABROAD = "cell", "elsewhere", "outside", "abroad"
    field_order = ("where", "cell", "committee", "note", "on", "position")
    where = forms.ChoiceField(
        label="Chuyển đến",
        choices=[
            (CELL, "Chi bộ khác trong cùng đảng ủy"),
            (ELSEWHERE, "Đảng ủy khác đang dùng hệ thống (nơi đó tiếp nhận thì mới chuyển)"),
            (OUTSIDE, "Cơ quan, đơn vị chưa dùng hệ thống"),
            (ABROAD, "Ra nước ngoài (chuyển sinh hoạt đảng ra nước ngoài)"),
        ],
        widget=forms.RadioSelect,
    )
    cell = forms.ModelChoiceField(
        Organization.objects.none(),
        label="Chi bộ mới",
        required=False,
        empty_label="Chỉ chọn khi chuyển trong cùng đảng ủy",
    )
    committee = Line(
        label="Đảng ủy nơi công tác mới",
        max_length=250,
        required=False,
        help_text="Chỉ ghi khi chuyển sang đảng ủy khác. Gõ vài chữ rồi chọn trong danh sách gợi ý.",
        widget=forms.TextInput(attrs={"list": "committees", "autocomplete": "off"}),
    )
    position = Line(label="Chức vụ, vị trí công tác mới", max_length=200, required=False)
    note = Line(
        label="Tên nơi công tác mới",
        max_length=200,
        required=False,
        help_text="Chỉ ghi khi chuyển ra cơ quan chưa dùng hệ thống. Ví dụ: Đảng ủy Sở Nội vụ tỉnh Quảng Trị.",
    )

    def __init__(self, member: Member, membership: Membership, data: QueryDict | None = None) -> None:
        super().__init__(member, membership, data)
        committee = membership.cell.asking_committee
        cell: Any = self.fields["cell"]
        cells = Organization.objects.below(committee).workplace_cells().exclude(pk=membership.cell_id)
        cell.queryset = cells.order_by("search_key", "pk")
        self.fields["position"].help_text = f"Để trống: {membership.position or 'chưa ghi chức vụ'}."
        self.committees = committees_to_choose(committee)

    def clean_cell(self) -> Organization | None:
        cell: Organization | None = self.cleaned_data["cell"]
        if self.cleaned_data.get("where") == self.CELL and cell is None:
            raise forms.ValidationError("Chọn chi bộ mới.")
        return cell

    def clean_committee(self) -> Organization | None:
        words = self.cleaned_data["committee"]
        found = self.committees.get(search_key(words)) if words else None
        if self.cleaned_data.get("where") == self.ELSEWHERE and found is None:
            raise forms.ValidationError("Chọn đảng ủy nơi công tác mới trong danh sách gợi ý.")
        return found

    def usual(self) -> Move | None:
        return None

    def said(self) -> Move:
        data = self.cleaned_data
        if data["where"] == self.CELL:
            position = data["position"] or self.membership.position
            return Move(self.member, Kind.CELL, data["on"], cell=data["cell"], position=position)
        if data["where"] == self.ELSEWHERE:
            return Move(self.member, Kind.TRANSFER, data["on"], committee=data["committee"], position=data["position"])
        kind = Kind.ABROAD if data["where"] == self.ABROAD else Kind.OUTSIDE
        return Move(self.member, kind, data["on"], note=data["note"])

    def save(self, plan: Plan, *, by: Seat) -> str:
        change = plan.change
        if change.committee is None:
            return super().save(plan, by=by)
        said = {"position": change.position, "note": self.cleaned_data["note"]}
        Transfer.objects.ask(self.member, change.committee, change.on, by=by, **said)
        return f"Đã đề nghị {change.committee.name} tiếp nhận. Khi nơi đó tiếp nhận, việc chuyển mới có hiệu lực."


class RetirementForm(MoveForm):
    title = "Nghỉ hưu"
    kind = Kind.RETIRED
    on = DayField(label="Nghỉ hưu từ ngày")


class DeathForm(MoveForm):
    title = "Từ trần"
    kind = Kind.DIED
    on = DayField(label="Từ trần ngày")


class LeavingForm(MoveForm):
    title = "Ra khỏi Đảng"
    kind = Kind.LEFT
    on = DayField(label="Ra khỏi Đảng từ ngày", help_text="Ngày quyết định có hiệu lực. Lý do không ghi ở đây.")


class AcceptForm(forms.Form):
    """The new committee says in which of its cells."""

    cell = forms.ModelChoiceField(
        Organization.objects.none(),
        label="Chi bộ tiếp nhận",
        empty_label="Chọn chi bộ",
        error_messages={"required": "Chọn chi bộ tiếp nhận."},
    )
    position = Line(label="Chức vụ, vị trí công tác", max_length=200, required=False)

    def __init__(self, transfer: Transfer, data: QueryDict | None = None) -> None:
        super().__init__(data, initial={"position": transfer.position})
        cell: Any = self.fields["cell"]
        cell.queryset = Organization.objects.below(transfer.to_committee).workplace_cells().order_by("search_key")


class RefuseForm(forms.Form):
    answer = Line(
        label="Vì sao chưa tiếp nhận",
        max_length=200,
        error_messages={"required": "Ghi một câu nói rõ vì sao."},
    )


def committees_to_choose(but: Organization) -> dict[str, Organization]:
    """{search key of what the list shows: committee}: all others that take members over on the system."""
    kinds = [Organization.Kind.GRASSROOTS, Organization.Kind.COMMUNE]
    found = Organization.objects.filter(kind__in=kinds, closed_on=None).exclude(pk=but.pk).select_related("parent")
    return {search_key(committee_label(row)): row for row in found.order_by("search_key", "pk")}


def committee_label(committee: Organization) -> str:
    return f"{committee.name} ({committee.parent.name})" if committee.parent else committee.name
