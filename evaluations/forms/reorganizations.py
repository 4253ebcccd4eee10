"""One form for each change of organisations; each gives a `Change`, which says itself whether it can be done."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from django import forms
from django.db.models import Q
from django.utils import timezone

from evaluations.models.changes import Change, Kind, Unit
from members.forms.text import Line
from members.models import Membership, Organization, Placement
from members.models.organizations import OrganizationQuerySet
from members.models.tree import CELLS, arranged_by, kinds_to_add
from members.models.tree_changes import ABOVE
from members.names import natural, split_unit

if TYPE_CHECKING:
    from members.models import User

WHAT = {
    (Unit.CELL, Organization.Side.RESIDENCE): "Chi bộ nơi cư trú (tổ dân phố, thôn, khu phố)",
    (Unit.CELL, Organization.Side.WORKPLACE): "Chi bộ nơi công tác",
    (Unit.SECTIONAL, ""): "Đảng ủy bộ phận",
    (Unit.COMMUNE, ""): "Đảng ủy xã, phường, đặc khu",
    (Unit.GRASSROOTS, ""): "Đảng ủy cơ sở, chi bộ cơ sở",
    (Unit.EXTERNAL, ""): "Đảng ủy chưa dùng hệ thống (ghi vào danh bạ)",
}
FULL_NAME = "Ghi tên đầy đủ, ví dụ “Đảng ủy phường An Hải” hoặc “Đảng ủy xã Hòa Vang”."


class ChangeForm(forms.Form):
    """The day and the paper it rests on; what else is asked depends on the kind."""

    kind: Kind

    on = forms.DateField(
        label="Kể từ ngày",
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
        help_text="Ngày sau hôm nay: hệ thống tự thực hiện khi đến ngày, trước đó hủy được.",
        error_messages={"required": "Chọn ngày.", "invalid": "Ghi ngày theo dạng ngày/tháng/năm, ví dụ 01/07/2026."},
    )
    basis = Line(
        label="Căn cứ (không bắt buộc)",
        max_length=200,
        required=False,
        help_text="Số, ngày của quyết định, nghị quyết.",
    )

    def __init__(self, organization: Organization, user: "User", data: Mapping[str, Any] | None = None) -> None:
        super().__init__(data, initial={"on": timezone.localdate()})
        self.organization, self.user = organization, user
        self.prepare()

    def prepare(self) -> None:
        """Choices that depend on the organisation."""

    def change(self) -> Change:
        said = self.cleaned_data
        return Change(self.kind, said["on"], self.organization, basis=said["basis"], **self.details(said))

    def details(self, said: dict[str, Any]) -> dict[str, Any]:
        return {}

    def choice(self, name: str) -> Any:
        return self.fields[name]

    def named(self, name: str, kind: str) -> dict[str, str]:
        """The name; of a commune's committee also which commune, read out of it."""
        unit, locality = split_unit(name)
        is_commune = kind == Unit.COMMUNE or (kind == Unit.EXTERNAL and unit)
        return {"name": name, "unit": unit, "locality": locality} if is_commune else {"name": name}

    def check_name(self, kind: str) -> None:
        name = self.cleaned_data.get("name", "")
        if name and kind == Unit.COMMUNE and not split_unit(name)[0]:
            self.add_error("name", FULL_NAME)


class AddForm(ChangeForm):
    kind = Kind.ADD
    what = forms.ChoiceField(label="Loại tổ chức", widget=forms.RadioSelect)
    name = Line(label="Tên đầy đủ", max_length=200, help_text="Ví dụ “Chi bộ Tổ dân phố 7”, “Đảng ủy phường An Hải”.")
    field_order = ("what", "name", "on", "basis")

    def prepare(self) -> None:
        offered = kinds_to_add(self.user, self.organization)
        self.choice("what").choices = [(f"{kind}-{side}", WHAT[Unit(kind), side]) for kind, side in offered]
        if offered:
            self.initial["what"] = f"{offered[0][0]}-{offered[0][1]}"

    def clean(self) -> None:
        self.check_name(self.cleaned_data.get("what", "").partition("-")[0])

    def details(self, said: dict[str, Any]) -> dict[str, Any]:
        kind, _, side = said["what"].partition("-")
        return {"names": {"kind": kind, "side": side, **self.named(said["name"], kind)}}


class RenameForm(ChangeForm):
    kind = Kind.RENAME
    name = Line(label="Tên mới", max_length=200)
    field_order = ("name", "on", "basis")

    def prepare(self) -> None:
        self.initial["name"] = self.organization.name

    def clean(self) -> None:
        if self.cleaned_data.get("name") == self.organization.name:
            self.add_error("name", "Tên này đang dùng. Ghi tên mới.")
        self.check_name(self.organization.kind)

    def details(self, said: dict[str, Any]) -> dict[str, Any]:
        return {"names": self.named(said["name"], self.organization.kind)}


class MoveForm(ChangeForm):
    kind = Kind.MOVE
    parent = forms.ModelChoiceField(
        label="Tổ chức cấp trên mới", queryset=Organization.objects.none(), empty_label="Chọn tổ chức"
    )
    field_order = ("parent", "on", "basis")

    def prepare(self) -> None:
        organization = self.organization
        seats = [seat.organization_id for seat in self.user.seats_now]
        above = Organization.objects.filter(kind__in=ABOVE[organization.kind], closed_on=None)
        within = arranged_by(self.user).values("pk")
        found = above.filter(Q(pk__in=within) | Q(pk__in=seats)).exclude(pk=organization.parent_id or 0)
        if organization.side == Organization.Side.RESIDENCE:
            found = found.filter(kind=Unit.COMMUNE)
        self.choice("parent").queryset = found.order_by("search_key", "pk")

    def details(self, said: dict[str, Any]) -> dict[str, Any]:
        return {"parent": said["parent"]}


class MergeForm(ChangeForm):
    kind = Kind.MERGE
    sources = forms.ModelMultipleChoiceField(
        label="Các tổ chức cùng sáp nhập",
        queryset=Organization.objects.none(),
        widget=forms.CheckboxSelectMultiple,
        error_messages={"required": "Chọn ít nhất một tổ chức."},
    )
    name = Line(label="Tên mới (nếu đổi tên)", max_length=200, required=False)
    keeps_seats = forms.BooleanField(
        label="Các đồng chí đang giữ nhiệm vụ tiếp tục nhiệm vụ ở tổ chức sau sáp nhập", required=False, initial=True
    )
    field_order = ("sources", "name", "on", "keeps_seats", "basis")

    def prepare(self) -> None:
        self.initial["keeps_seats"] = True
        sources = self.choice("sources")
        sources.queryset = partners(self.organization, self.user)
        beside = sorted(sources.queryset, key=lambda row: natural(row.search_key))
        sources.choices = [(row.pk, row.name) for row in beside]
        self.choice("name").help_text = f"Để trống: sáp nhập vào {self.organization.name}, giữ tên đó."

    def clean(self) -> None:
        if self.cleaned_data.get("name") == self.organization.name:
            self.cleaned_data["name"] = ""
        self.check_name(self.organization.kind)

    def details(self, said: dict[str, Any]) -> dict[str, Any]:
        sources, name = list(said["sources"]), said["name"]
        if name:
            sources.insert(0, self.organization)
        names = self.named(name, self.organization.kind) if name else {}
        return {"sources": sources, "names": names, "keeps_seats": said["keeps_seats"]}


def partners(organization: Organization, user: "User") -> OrganizationQuerySet:
    """Organisations beside this one and like it; entries of the address book may turn out to be the same committee."""
    alike = Q(kind=organization.kind, side=organization.side)
    if organization.kind not in CELLS:
        alike |= Q(kind=Unit.EXTERNAL)
        alike &= Q(unit="") if not organization.unit else ~Q(unit="")
    beside = arranged_by(user).filter(alike, parent=organization.parent_id).exclude(pk=organization.pk)
    return beside.order_by("search_key", "pk")


class SplitForm(ChangeForm):
    kind = Kind.SPLIT
    name = Line(label="Tên tổ chức mới", max_length=200)
    chosen = forms.TypedMultipleChoiceField(
        label="Chuyển sang tổ chức mới",
        coerce=int,
        widget=forms.CheckboxSelectMultiple,
        error_messages={"required": "Đánh dấu ít nhất một dòng chuyển sang tổ chức mới."},
    )
    field_order = ("name", "chosen", "on", "basis")

    def prepare(self) -> None:
        self.people: list[int] = []  # whose names this page shows
        self.choice("chosen").choices = self._choices()

    def _choices(self) -> list[tuple[int, str]]:
        organization = self.organization
        if organization.kind != Unit.CELL:
            below = Organization.objects.filter(parent=organization, closed_on=None)
            return [(row.pk, row.name) for row in sorted(below, key=lambda row: natural(row.search_key))]
        if organization.side == Organization.Side.RESIDENCE:
            placements = list(Placement.objects.of_cell(organization))
            placements.sort(key=lambda row: row.cell_written_key)
            self.people = [row.member_id for row in placements]
            return [(row.pk, _person(row)) for row in placements]
        rows = Membership.objects.filter(cell=organization, until_on=None).select_related("member")
        colleagues = list(rows.order_by("member__sort_key", "pk"))
        self.people = [row.member_id for row in colleagues]
        return [(row.pk, f"{row.member.full_name} · {row.member.birth_year} · {row.position}") for row in colleagues]

    def clean(self) -> None:
        self.check_name(self.organization.kind)

    def details(self, said: dict[str, Any]) -> dict[str, Any]:
        return {"names": self.named(said["name"], self.organization.kind), "chosen": sorted(said["chosen"])}


def _person(row: Placement) -> str:
    where = getattr(row, "workplace", "") or "chưa rõ nơi công tác"
    return f"{row.cell_as_written or 'chưa ghi tổ, thôn'}: {row.member.full_name} · {row.member.birth_year} · {where}"


class CloseForm(ChangeForm):
    kind = Kind.CLOSE


class JoinForm(ChangeForm):
    kind = Kind.JOIN


# As they stand in addresses
FORMS: dict[str, type[ChangeForm]] = {
    "them": AddForm,
    "doi-ten": RenameForm,
    "chuyen": MoveForm,
    "sap-nhap": MergeForm,
    "chia-tach": SplitForm,
    "ket-thuc": CloseForm,
    "vao-he-thong": JoinForm,
}
