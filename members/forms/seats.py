"""Giving somebody a seat, and changing until when he holds it."""

from typing import Any

from django import forms
from django.db import transaction
from django.http import QueryDict
from django.utils import timezone

from members.forms.text import Line
from members.models import Member, Organization, Placement, Seat, User
from members.models.tenures import appoint, roles_to_give
from members.names import search_key
from members.roles import Action
from members.states import Refused

DAY_FORMATS = ["%Y-%m-%d", "%d/%m/%Y", "%d-%m-%Y"]
NOT_IN_REGISTER = "0"


class Day(forms.DateField):
    def __init__(self, **options: Any) -> None:
        errors = {"invalid": "Ghi ngày dạng ngày/tháng/năm, ví dụ 01/12/2026.", "required": "Ghi ngày."}
        widget = forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
        super().__init__(input_formats=DAY_FORMATS, widget=widget, error_messages=errors, **options)


class AppointForm(forms.Form):
    """Who, what, from when; somebody who cannot sign in yet gets an account in the same step."""

    full_name = Line(label="Họ và tên", max_length=120, error_messages={"required": "Ghi họ và tên."})
    username = forms.RegexField(
        r"\A[a-z0-9][a-z0-9._-]{2,59}\Z",
        label="Tên đăng nhập",
        max_length=60,
        help_text="Chữ thường không dấu, số, dấu chấm. Đồng chí đã có tài khoản: ghi đúng tên đăng nhập đang dùng.",
        error_messages={
            "required": "Ghi tên đăng nhập.",
            "invalid": "Tên đăng nhập dài ít nhất 3 ký tự, gồm chữ thường không dấu, số, dấu chấm, ví dụ bithu.anhai7.",
        },
    )
    role = forms.ChoiceField(
        label="Nhiệm vụ", widget=forms.RadioSelect, error_messages={"required": "Chọn nhiệm vụ.", "invalid_choice": ""}
    )
    as_deputy = forms.BooleanField(
        label="Là cấp phó",
        required=False,
        help_text="Làm thay khi người phụ trách đi vắng, hoặc khi việc liên quan đến người phụ trách và người thân.",
    )
    from_on = Day(label="Từ ngày")
    until_on = Day(label="Đến hết ngày", required=False, help_text="Để trống nếu chưa định ngày kết thúc.")
    acting_paper = Line(
        label="Văn bản giao phụ trách",
        required=False,
        max_length=200,
        help_text="Chỉ ghi khi giao phụ trách, ví dụ: Quyết định số 12-QĐ/ĐU ngày 03/02/2026.",
    )

    def __init__(self, organization: Organization, giver: User, data: QueryDict | None = None) -> None:
        super().__init__(data, initial={"from_on": timezone.localdate()})
        self.organization, self.giver = organization, giver
        roles = roles_to_give(giver, organization)
        self.fields["role"].choices = [(role.value, role.label) for role in roles]  # type: ignore[attr-defined]
        if len(roles) == 1:
            self.initial["role"] = roles[0].value
        if data and (found := self._found(data.get("full_name", ""))):
            self._ask_which(found)

    def _found(self, name: str) -> list[Member]:
        """Members of this name whom the giver knows anyway: of his workplaces, or living in his commune."""
        key = search_key(name)
        if not key:
            return []
        residents = Placement.objects.current().for_residence(self.giver, Action.SEE_RESIDENTS)
        known = Member.objects.for_user(self.giver) | Member.objects.filter(pk__in=residents.values("member"))
        return list(known.filter(search_key=key, user=None).distinct().order_by("birth_year", "pk")[:10])

    def _ask_which(self, found: list[Member]) -> None:
        self.fields["member"] = forms.ChoiceField(
            label="Trong sổ có đồng chí cùng họ tên",
            widget=forms.RadioSelect,
            choices=[
                *(
                    (str(member.pk), f"Là đồng chí {member.full_name}, sinh năm {member.birth_year}")
                    for member in found
                ),
                (NOT_IN_REGISTER, "Là người khác, không có trong sổ"),
            ],
            help_text="Để hệ thống không giao đồng chí ấy nhận xét về chính mình.",
            error_messages={"required": "Chọn đúng đồng chí, hoặc chọn “Là người khác”."},
        )
        self.order_fields(["full_name", "member", "username", "role"])

    def clean_username(self) -> str:
        username = str(self.cleaned_data["username"])
        known = User.objects.filter(username=username).first()
        name = self.cleaned_data.get("full_name", "")
        if known and search_key(known.full_name) != search_key(name):
            raise forms.ValidationError("Tên đăng nhập này của người khác. Xin chọn tên khác, hoặc xem lại họ và tên.")
        return username

    @transaction.atomic
    def save(self, *, by: Seat) -> Seat:
        said = self.cleaned_data
        member = said.get("member") if said.get("member") != NOT_IN_REGISTER else None
        user = User.objects.filter(username=said["username"]).first()
        if user is None:
            user = User.objects.create_user(said["username"], full_name=said["full_name"], member_id=member)
        elif member and user.member_id is None:
            user.member_id = int(member)
            user.save(update_fields=["member"])
        elif member and user.member_id != int(member):
            raise Refused("Tài khoản này đã gắn với một đồng chí khác trong sổ. Xin chọn tên đăng nhập khác.")
        return appoint(
            user,
            self.organization,
            said["role"],
            said["from_on"],
            by=by,
            until_on=said["until_on"],
            as_deputy=said["as_deputy"],
            acting_paper=said["acting_paper"],
        )


class TenureForm(forms.Form):
    until_on = Day(
        label="Giữ nhiệm vụ đến hết ngày",
        required=False,
        help_text="Ngày cuối vẫn làm được đến 24 giờ. Để trống: tiếp tục, chưa định ngày kết thúc.",
    )

    def __init__(self, seat: Seat, data: QueryDict | None = None) -> None:
        super().__init__(data, initial={"until_on": seat.until_on})
