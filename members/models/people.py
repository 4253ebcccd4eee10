"""Members, with the fields of the forms and nothing more (law 91/2025: least data), and their workplace cell."""

from datetime import date
from typing import TYPE_CHECKING, Any

from django.db import models
from django.db.models import F, Q

from members.models.encrypted import EncryptedTextField, blind_index
from members.models.organizations import Organization
from members.names import search_key, sort_key
from members.roles import Action, Side

if TYPE_CHECKING:
    from members.models.accounts import User


class MemberQuerySet(models.QuerySet["Member"]):
    def for_user(self, user: "User", action: Action = Action.SEE_MEMBERS) -> "MemberQuerySet":
        """Members whose present workplace cell the user reaches on the workplace side."""
        cells = Membership.objects.filter(until_on=None).filter(user.reach(action, "cell__", Side.WORKPLACE))
        return self.filter(pk__in=cells.values("member_id"))

    def in_committee(self, committee: Organization) -> "MemberQuerySet":
        # Who has retired belongs to a cell at home and is nobody's member in service.
        cells = Organization.objects.below(committee).exclude(side=Organization.Side.RESIDENCE).values("pk")
        return self.filter(memberships__until_on=None, memberships__cell__in=cells)


class Member(models.Model):
    class Sex(models.TextChoices):
        MALE = "M", "Nam"
        FEMALE = "F", "Nữ"

    full_name = models.CharField("họ và tên", max_length=120)
    search_key = models.CharField(max_length=120, db_index=True)
    sort_key = models.CharField(max_length=400, db_index=True)
    sex = models.CharField("giới tính", max_length=1, choices=Sex.choices, blank=True)
    birth_date = models.DateField("ngày sinh", null=True, blank=True)
    birth_year = models.PositiveSmallIntegerField("năm sinh")
    joined_on = models.DateField("ngày vào Đảng", null=True, blank=True)
    official_on = models.DateField("ngày chính thức", null=True, blank=True)
    card_no = EncryptedTextField("số thẻ đảng viên", blank=True)
    card_index = models.CharField(max_length=64, blank=True)
    phone = EncryptedTextField("điện thoại", blank=True)
    address = EncryptedTextField("số nhà, đường", blank=True)

    objects = MemberQuerySet.as_manager()

    class Meta:
        verbose_name = "đảng viên"
        ordering = ["sort_key", "pk"]
        indexes = [models.Index(fields=["search_key", "birth_date", "joined_on"], name="member_identity")]
        constraints = [
            models.CheckConstraint(name="member_sex_known", condition=Q(sex__in=["", "M", "F"])),
            models.CheckConstraint(
                name="member_birth_year_agrees",
                condition=Q(birth_date=None) | Q(birth_date__year=F("birth_year")),
            ),
            models.CheckConstraint(
                name="member_joined_after_birth",
                condition=Q(birth_date=None) | Q(joined_on=None) | Q(joined_on__gt=F("birth_date")),
            ),
            models.UniqueConstraint(name="member_card_once", fields=["card_index"], condition=~Q(card_index="")),
        ]

    def __str__(self) -> str:
        return f"{self.full_name} ({self.birth_year})"

    def set_keys(self) -> None:
        self.search_key = search_key(self.full_name)
        self.sort_key = sort_key(self.full_name)
        self.card_index = blind_index(self.card_no)
        if self.birth_date:
            self.birth_year = self.birth_date.year

    @property
    def birth(self) -> str:
        """As written on forms: the day when it is known, else the year."""
        if not self.birth_date:
            return str(self.birth_year)
        return f"{self.birth_date.day:02d}/{self.birth_date.month:02d}/{self.birth_date.year}"

    @property
    def masked_phone(self) -> str:
        return f"{'•' * max(len(self.phone) - 3, 0)}{self.phone[-3:]}" if self.phone else ""


class EndReason(models.TextChoices):
    """Why a membership or a placement ended; "" for rows that an import or a reorganisation closed."""

    MOVED = "moved", "chuyển đi"
    CORRECTED = "corrected", "ghi sai, đã ghi lại"
    RETIRED = "retired", "nghỉ hưu"
    DIED = "died", "từ trần"
    LEFT = "left", "ra khỏi Đảng"
    ABROAD = "abroad", "chuyển sinh hoạt đảng ra nước ngoài"


class Membership(models.Model):
    """Belonging to a workplace cell, from … to; at most one is open."""

    member = models.ForeignKey(Member, models.PROTECT, related_name="memberships")
    cell = models.ForeignKey(Organization, models.PROTECT, related_name="memberships")
    position = models.CharField("chức vụ, vị trí công tác", max_length=200, blank=True)
    from_on = models.DateField("từ ngày")
    until_on = models.DateField("đến ngày", null=True, blank=True)
    end_reason = models.CharField("lý do kết thúc", max_length=9, choices=EndReason.choices, blank=True)
    end_note = models.CharField("chuyển đến, ghi chú", max_length=200, blank=True)

    class Meta:
        verbose_name = "sinh hoạt tại chi bộ nơi công tác"
        constraints = [
            models.CheckConstraint(
                name="membership_end_reason_known",
                condition=Q(end_reason__in=["", "moved", "corrected", "retired", "died", "left", "abroad"]),
            ),
            models.CheckConstraint(
                name="membership_reason_only_when_ended", condition=Q(end_reason="") | Q(until_on__isnull=False)
            ),
            models.CheckConstraint(
                name="membership_ends_after_start", condition=Q(until_on=None) | Q(until_on__gte=F("from_on"))
            ),
            models.UniqueConstraint(name="membership_one_open", fields=["member"], condition=Q(until_on=None)),
        ]


def current_on(on: date, prefix: str = "") -> Q:
    """Filter for dated rows in force on a day."""
    ended: dict[str, Any] = {f"{prefix}until_on": None}
    return Q(**{f"{prefix}from_on__lte": on}) & (Q(**ended) | Q(**{f"{prefix}until_on__gte": on}))
