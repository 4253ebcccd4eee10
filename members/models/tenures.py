"""Who is given a seat, by whom and for how long; ending and prolonging it. The row itself is in accounts.py."""

from datetime import date

from django.db import transaction
from django.db.models import Min, Q
from django.utils import timezone

from members.models.accounts import Seat, SeatQuerySet, User
from members.models.conflicts import left_to_nobody
from members.models.history import AuditEvent
from members.models.organizations import Organization
from members.roles import OPENS, PLATFORM_ROLES, Action, Role, may_hand_out
from members.states import Refused

Kind = Organization.Kind
CELL_ROLES = (Role.SECRETARY, Role.CELL_COMMITTEE, Role.TYPIST)
COMMITTEE_ROLES = (Role.OFFICER, Role.SIGNER, Role.CLERK)
# Which roles an organisation has at all.
ROLES: dict[str, tuple[Role, ...]] = {
    Kind.CELL: CELL_ROLES,
    Kind.COMMUNE: COMMITTEE_ROLES,
    Kind.GRASSROOTS: COMMITTEE_ROLES,
    Kind.SECTIONAL: COMMITTEE_ROLES,
    Kind.PROVINCE: (*COMMITTEE_ROLES, *PLATFORM_ROLES),
    Kind.EXTERNAL: (),
}


def givers(user: User, organization: Organization) -> list[Seat]:
    """The user's seats that appoint at this organisation, the nearest first."""
    fitting = [seat for seat, _ in user.grants(Action.APPOINT) if organization.path.startswith(seat.organization.path)]
    own_only = [seat for seat in fitting if seat.role != Role.SIGNER or seat.organization_id == organization.pk]
    return sorted(dict.fromkeys(own_only), key=lambda seat: (-len(seat.organization.path), seat.pk))


def giver_of(user: User, organization: Organization, role: Role, from_on: date | None = None) -> Seat | None:
    """The seat by which this user may give `role` there as of a day (today), or None."""
    if role not in ROLES[organization.kind]:
        return None
    return next((seat for seat in givers(user, organization) if _may_give(seat, organization, role, from_on)), None)


def _may_give(seat: Seat, organization: Organization, role: Role, from_on: date | None) -> bool:
    holder = Role(seat.role)
    if role in PLATFORM_ROLES:
        return holder == Role.ADMINISTRATOR
    if may_hand_out(holder, role, is_own=seat.organization_id == organization.pk):
        return True
    if role not in OPENS.get(holder, ()):
        return False
    held = Seat.objects.current(from_on).filter(organization=organization, role=role)
    return not held.exists() or all_are_bound(organization, role)


def all_are_bound(organization: Organization, role: Role) -> bool:
    """There is work that nobody of the office may do, because it is about all of them or their households."""
    action = {Role.OFFICER: Action.CONFIRM, Role.SIGNER: Action.REPLY}.get(role)
    if action is None or organization.kind != Kind.COMMUNE:
        return False
    return bool(left_to_nobody(able_at(organization, action), organization))


def able_at(organization: Organization, action: Action) -> list[User]:
    seats = Seat.objects.that_may(action, organization).filter(user__is_active=True).select_related("user")
    return list({seat.user_id: seat.user for seat in seats}.values())


def roles_to_give(user: User, organization: Organization) -> list[Role]:
    return [role for role in ROLES[organization.kind] if giver_of(user, organization, role)]


def may_change(user: User, seat: Seat) -> Seat | None:
    """The seat by which this user may end or prolong a tenure: of those who give such seats, never his own."""
    if seat.user_id == user.pk:
        return None
    role = Role(seat.role)
    for own in givers(user, seat.organization):
        is_own = own.organization_id == seat.organization_id
        holder = Role(own.role)
        if role in PLATFORM_ROLES and holder == Role.ADMINISTRATOR:
            return own
        if role not in PLATFORM_ROLES and (may_hand_out(holder, role, is_own=is_own) or role in OPENS.get(holder, ())):
            return own
    return None


@transaction.atomic
def appoint(
    user: User,
    organization: Organization,
    role: str,
    from_on: date,
    *,
    by: Seat,
    until_on: date | None = None,
    as_deputy: bool = False,
    acting_paper: str = "",
) -> Seat:
    """Give a seat for a time. Raises Refused, with a sentence that says what to do instead."""
    if user.pk == by.user_id:
        raise Refused("Đồng chí không tự giao nhiệm vụ cho mình. Xin để cán bộ khác hoặc cấp trên phân công.")
    giver = giver_of(by.user, organization, Role(role), from_on)
    if giver is None:
        raise Refused(f"Đồng chí không giao được nhiệm vụ “{Role(role).label}” tại {organization.name}.")
    User.objects.select_for_update(no_key=True).get(pk=user.pk)
    _check_days(organization, from_on, until_on)
    _check_overlap(user.seats.filter(organization=organization, role=role), from_on, until_on)
    seat = Seat.objects.create(
        user=user,
        organization=organization,
        role=role,
        from_on=from_on,
        until_on=until_on,
        as_deputy=as_deputy,
        acting=bool(acting_paper.strip()),
        acting_paper=acting_paper.strip(),
        granted_by=by,
    )
    AuditEvent.objects.record("Seat.appoint", by=by, on=seat, fields=["role", "from_on", "until_on", "as_deputy"])
    return seat


def _check_days(organization: Organization, from_on: date, until_on: date | None) -> None:
    if until_on and until_on < from_on:
        raise Refused("Ngày kết thúc không thể trước ngày bắt đầu.")
    began = organization.periods.aggregate(first=Min("from_on"))["first"]
    if began and from_on < began:
        raise Refused(f"{organization.name} hoạt động từ ngày {began:%d/%m/%Y}: ghi ngày bắt đầu từ ngày đó trở đi.")
    closed = organization.closed_on
    if closed and (from_on >= closed or until_on is None or until_on > closed):
        raise Refused(f"{organization.name} hoạt động đến ngày {closed:%d/%m/%Y}: nhiệm vụ kết thúc chậm nhất ngày đó.")


def _check_overlap(tenures: SeatQuerySet, from_on: date, until_on: date | None) -> None:
    crossing = tenures.filter(Q(until_on=None) | Q(until_on__gte=from_on))
    if until_on:
        crossing = crossing.filter(from_on__lte=until_on)
    if other := crossing.order_by("from_on").first():
        until = f"đến ngày {other.until_on:%d/%m/%Y}" if other.until_on else "chưa có ngày kết thúc"
        raise Refused(
            f"Đồng chí này đã giữ nhiệm vụ đó từ ngày {other.from_on:%d/%m/%Y} {until}. Kết thúc nhiệm vụ cũ trước, "
            "hoặc chọn thời gian không trùng."
        )


@transaction.atomic
def set_end(seat: Seat, until_on: date | None, *, by: Seat) -> None:
    """End a tenure on its last day, or prolong it (None: until further notice)."""
    if may_change(by.user, seat) is None:
        raise Refused("Nhiệm vụ này do cấp ủy phân công thay đổi; đồng chí không tự thay đổi nhiệm vụ của mình.")
    User.objects.select_for_update(no_key=True).get(pk=seat.user_id)
    stored = Seat.objects.select_for_update().get(pk=seat.pk)
    today = timezone.localdate()
    if stored.until_on and stored.until_on < today:
        raise Refused("Nhiệm vụ này đã kết thúc. Đồng chí ấy nhận lại thì phân công mới, để lịch sử còn nguyên.")
    if until_on and until_on < today:
        raise Refused("Ngày cuối của nhiệm vụ không thể trước hôm nay: việc đã làm đến hôm nay vẫn mang nhiệm vụ này.")
    _check_days(stored.organization, stored.from_on, until_on)
    others = stored.user.seats.filter(organization=stored.organization, role=stored.role).exclude(pk=stored.pk)
    _check_overlap(others, stored.from_on, until_on)
    if stored.until_on == until_on:
        return
    seat.until_on = until_on
    seat.save(update_fields=["until_on"])
    AuditEvent.objects.record("Seat.set_end", by=by, on=seat, fields=["until_on"])


def holders(organization: Organization) -> tuple[list[Seat], list[Seat], list[Seat]]:
    """(held today, still to begin, past) with people and who gave them; two queries."""
    today = timezone.localdate()
    rows = organization.seats.select_related("user__member", "organization", "granted_by__user").order_by(
        "role", "as_deputy", "-from_on", "pk"
    )
    now: list[Seat] = []
    coming: list[Seat] = []
    past: list[Seat] = []
    for row in rows:
        where = past if row.until_on and row.until_on < today else coming if row.from_on > today else now
        where.append(row)
    return now, coming, past
