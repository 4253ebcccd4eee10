"""Who signs in (User) and for which organisation and role they act, since when and until when (Seat)."""

from datetime import date
from functools import cached_property
from typing import Any, ClassVar

from django.contrib.auth.models import AbstractBaseUser, BaseUserManager
from django.core.exceptions import PermissionDenied
from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from members.models.organizations import Organization, next_path
from members.roles import GRANTS, GUARDED, Action, Depth, Grant, Role, Side


class UserManager(BaseUserManager["User"]):
    def create_user(self, username: str, password: str | None = None, **fields: Any) -> "User":
        user = self.model(username=self.model.normalize_username(username), **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user


class User(AbstractBaseUser):
    """A person who can sign in. No superuser and no groups: what a user may do follows from the seats held today."""

    username = models.CharField("tên đăng nhập", max_length=60, unique=True)
    full_name = models.CharField("họ và tên", max_length=120)
    email = models.EmailField("thư điện tử", null=True, blank=True)
    member = models.OneToOneField("members.Member", models.PROTECT, null=True, blank=True, related_name="user")
    is_active = models.BooleanField("đang hoạt động", default=True)
    created_at = models.DateTimeField(auto_now_add=True)

    USERNAME_FIELD = "username"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = ["full_name"]
    objects = UserManager()

    # Network address of the request this user came with, kept for the history; set by members.middleware.
    address = ""

    class Meta:
        verbose_name = "tài khoản"

    def __str__(self) -> str:
        return self.full_name or self.username

    def get_full_name(self) -> str:
        return self.full_name

    @cached_property
    def seats_now(self) -> list["Seat"]:
        """Seats held today, with their organisations; each carries the address of this request."""
        seats = list(self.seats.current().select_related("organization").order_by("organization__path", "pk"))
        for seat in seats:
            seat.address = self.address
            seat.user = self
        return seats

    def grants(self, action: Action) -> list[tuple["Seat", Grant]]:
        return [(seat, grant) for seat in self.seats_now for grant in GRANTS[Role(seat.role)] if grant.action == action]

    @property
    def needs_second_factor(self) -> bool:
        """Whether a seat held today lets this person sign, send, confirm, reply, export or open accounts."""
        return any(grant.action in GUARDED for seat in self.seats_now for grant in GRANTS[Role(seat.role)])

    def may(self, action: Action) -> bool:
        """Whether any seat held today grants the action anywhere."""
        return bool(self.grants(action))

    def reach(self, action: Action, prefix: str, side: Side | None = None) -> Q:
        """Filter on the organisation that `prefix` leads to (`"cell__"`), by one path range for each granting seat."""
        reach = Q(pk__in=[])
        for seat, grant in self.grants(action):
            if side and grant.side != side:
                continue
            path = seat.organization.path
            if grant.depth == Depth.OWN:
                reach |= Q(**{f"{prefix}path": path})
            elif grant.depth == Depth.UNDER:
                reach |= Q(**{f"{prefix}path__gt": path, f"{prefix}path__lt": next_path(path)})
            else:
                reach |= Q(**{f"{prefix}path__gte": path, f"{prefix}path__lt": next_path(path)})
        return reach

    def acting(self, action: Action, organization: Organization) -> "Seat":
        """The seat by which this user does `action` for `organization`; a deputy's seat only if there is no other.

        A person with several seats chooses nothing by hand. Raises PermissionDenied when no seat reaches that far.
        """
        fitting = [seat for seat, grant in self.grants(action) if _covers(seat, grant, organization)]
        if not fitting:
            raise PermissionDenied(f"{action.label}: đồng chí không có nhiệm vụ này tại {organization.name}.")
        return min(fitting, key=lambda seat: (seat.as_deputy, -len(seat.organization.path), seat.pk))


def _covers(seat: "Seat", grant: Grant, organization: Organization) -> bool:
    if grant.depth == Depth.OWN:
        return seat.organization_id == organization.pk
    if grant.depth == Depth.UNDER and seat.organization_id == organization.pk:
        return False
    return organization.path.startswith(seat.organization.path)


class SeatQuerySet(models.QuerySet["Seat"]):
    def current(self, on: date | None = None) -> "SeatQuerySet":
        on = on or timezone.localdate()
        return self.filter(Q(until_on=None) | Q(until_on__gte=on), from_on__lte=on)

    def that_may(self, action: Action, organization: Organization) -> "SeatQuerySet":
        """Seats today whose own organisation is `organization` and whose role grants `action`."""
        roles = [role for role, grants in GRANTS.items() if any(grant.action == action for grant in grants)]
        return self.current().filter(organization=organization, role__in=roles)


class Seat(models.Model):
    """One person's dated tenure of (organisation, role). A vacancy is: no Seat today."""

    user = models.ForeignKey(User, models.PROTECT, related_name="seats")
    organization = models.ForeignKey(Organization, models.PROTECT, related_name="seats")
    role = models.CharField("nhiệm vụ", max_length=20, choices=Role.choices)
    from_on = models.DateField("từ ngày")
    until_on = models.DateField("đến ngày", null=True, blank=True)
    as_deputy = models.BooleanField("cấp phó", default=False)
    acting = models.BooleanField("giao phụ trách", default=False)
    acting_paper = models.CharField("văn bản giao phụ trách", max_length=200, blank=True)
    granted_by = models.ForeignKey("self", models.PROTECT, null=True, related_name="+")
    granted_at = models.DateTimeField(auto_now_add=True)

    objects = SeatQuerySet.as_manager()
    address = ""

    class Meta:
        verbose_name = "nhiệm vụ được phân công"
        constraints = [
            models.CheckConstraint(name="seat_role_known", condition=Q(role__in=Role.values)),
            models.CheckConstraint(
                name="seat_ends_after_start", condition=Q(until_on=None) | Q(until_on__gte=F("from_on"))
            ),
            models.UniqueConstraint(
                name="seat_one_open_tenure", fields=["user", "organization", "role"], condition=Q(until_on=None)
            ),
            models.CheckConstraint(name="seat_acting_has_paper", condition=Q(acting=False) | ~Q(acting_paper="")),
        ]

    def __str__(self) -> str:
        return f"{self.title} – {self.organization.name}"

    def is_current(self) -> bool:
        return self.from_on <= timezone.localdate() <= (self.until_on or date.max)

    @property
    def title(self) -> str:
        label = Role(self.role).label
        return f"Phó {label[0].lower()}{label[1:]}" if self.as_deputy else label
