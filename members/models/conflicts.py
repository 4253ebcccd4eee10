"""Nobody acts on himself or on his household (domain V10): declared links, and the one home of the rule."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, TypeVar

from django.core.exceptions import PermissionDenied
from django.db import models, transaction
from django.db.models import F, Q
from django.utils import timezone

from members.models.accounts import Seat, User
from members.models.history import AuditEvent
from members.models.organizations import Organization
from members.models.people import Member
from members.states import Refused

if TYPE_CHECKING:
    Rows = TypeVar("Rows", bound=models.QuerySet[Any])

SELF = "chính đồng chí"


class KinshipQuerySet(models.QuerySet["Kinship"]):
    def in_force(self) -> "KinshipQuerySet":
        return self.filter(ended_at=None)

    @transaction.atomic
    def declare(self, member: Member, relative: User, kind: str, *, by: "Seat | User") -> "Kinship":
        """`relative` is the member's `kind`; declared twice it is found. A relative in the register is kept as such."""
        pair = _pair(member, relative, Kinship.Kind(kind))
        Member.objects.select_for_update(no_key=True).get(pk=pair["member"].pk)
        known = self.in_force().filter(**{key: pair[key] for key in ("member", "relative", "relative_user")}).first()
        if known:
            return known
        made = self.create(**pair, declared_by=getattr(by, "user", by))
        AuditEvent.objects.record("Kinship.declare", by=by, on=made, fields=["kind"])
        return made


def _pair(member: Member, relative: User, kind: "Kinship.Kind") -> dict[str, Any]:
    if relative.member_id == member.pk:
        raise Refused("Đây là chính đồng chí đó, không cần khai.")
    if relative.member is None:
        return {"member": member, "relative": None, "relative_user": relative, "kind": kind}
    # One order for both ways of saying the same.
    first, second, said = member, relative.member, kind
    if first.pk > second.pk:
        first, second, said = second, first, Kinship.INVERSE.get(kind, kind)
    return {"member": first, "relative": second, "relative_user": None, "kind": said}


class Kinship(models.Model):
    """A declared link: the relative is the member's spouse, parent … Only what the rule needs, nothing about why."""

    class Kind(models.TextChoices):
        SPOUSE = "spouse", "vợ, chồng"
        PARENT = "parent", "cha, mẹ"
        CHILD = "child", "con"
        SIBLING = "sibling", "anh, chị, em"
        HOUSEHOLD = "household", "người cùng hộ"

    INVERSE = {Kind.PARENT: Kind.CHILD, Kind.CHILD: Kind.PARENT}

    member = models.ForeignKey(Member, models.PROTECT, related_name="kinships")
    relative = models.ForeignKey(Member, models.PROTECT, null=True, related_name="kinships_of")
    # A secretary who has retired stands in no register of ours.
    relative_user = models.ForeignKey(User, models.PROTECT, null=True, related_name="kinships")
    kind = models.CharField("quan hệ", max_length=9, choices=Kind.choices)
    declared_at = models.DateTimeField(auto_now_add=True)
    declared_by = models.ForeignKey(User, models.PROTECT, related_name="+")
    ended_at = models.DateTimeField(null=True)
    ended_by = models.ForeignKey(User, models.PROTECT, null=True, related_name="+")

    objects = KinshipQuerySet.as_manager()

    class Meta:
        verbose_name = "quan hệ gia đình đã khai"
        ordering = ["pk"]
        constraints = [
            models.CheckConstraint(
                name="kinship_kind_known",
                condition=Q(kind__in=["spouse", "parent", "child", "sibling", "household"]),
            ),
            models.CheckConstraint(
                name="kinship_of_two",
                condition=Q(relative__isnull=False, relative__gt=F("member"), relative_user=None)
                | Q(relative=None, relative_user__isnull=False),
            ),
            models.UniqueConstraint(
                name="kinship_once_between_members", fields=["member", "relative"], condition=Q(ended_at=None)
            ),
            models.UniqueConstraint(
                name="kinship_once_with_user", fields=["member", "relative_user"], condition=Q(ended_at=None)
            ),
            models.CheckConstraint(
                name="kinship_ended_by_whom",
                condition=Q(ended_at=None, ended_by=None) | Q(ended_at__isnull=False, ended_by__isnull=False),
            ),
        ]

    @property
    def relative_name(self) -> str:
        return self.relative.full_name if self.relative else str(self.relative_user)

    @transaction.atomic
    def end(self, *, by: Seat) -> None:
        """Declared by mistake, or no longer so: said by somebody whom it does not bind."""
        if by.user_id == self.relative_user_id or by.user.member_id in (self.member_id, self.relative_id or 0):
            raise Refused("Đồng chí không tự gỡ quan hệ gia đình của mình. Xin để cán bộ khác của đảng ủy gỡ.")
        ended = Kinship.objects.in_force().filter(pk=self.pk).update(ended_at=timezone.now(), ended_by=by.user)
        if ended:
            AuditEvent.objects.record("Kinship.end", by=by, on=self, fields=["ended_at"])


def conflicts_between(users: Iterable[User], members: Iterable[int] | None = None) -> dict[tuple[int, int], str]:
    """{(user id, member id): what the member is to the user}; one query however many there are."""
    people = {user.pk: user for user in users}
    by_member = {user.member_id: user.pk for user in people.values() if user.member_id}
    found = {(user_id, member_id): SELF for member_id, user_id in by_member.items()}
    own = list(by_member)
    links = Kinship.objects.in_force().filter(
        Q(relative_user__in=people) | Q(member__in=own) | Q(relative__in=own) if people else Q(pk__in=[])
    )
    for link in links.select_related("relative_user"):
        kind, inverse = Kinship.Kind(link.kind), Kinship.INVERSE.get(Kinship.Kind(link.kind), Kinship.Kind(link.kind))
        if link.relative_user_id in people:
            found.setdefault((link.relative_user_id, link.member_id), str(inverse.label))
        if link.relative_id in by_member:
            found.setdefault((by_member[link.relative_id], link.member_id), str(inverse.label))
        if link.member_id in by_member and link.relative_id:
            found.setdefault((by_member[link.member_id], link.relative_id), str(kind.label))
        if link.member_id in by_member and link.relative_user_id and (other := _member_of(link)):
            found.setdefault((by_member[link.member_id], other), str(kind.label))
    if members is None:
        return found
    wanted = set(members)
    return {pair: words for pair, words in found.items() if pair[1] in wanted}


def _member_of(link: Kinship) -> int | None:
    """Declared before the relative's account was bound to the register."""
    return link.relative_user.member_id if link.relative_user else None


def conflicts_of(user: User) -> dict[int, str]:
    """{member id: what he is to this user}: of whom this user says nothing."""
    return {member_id: words for (_, member_id), words in conflicts_between([user]).items()}


def conflict(user: User, member_id: int) -> str:
    """Why this user must not act on the member ("vợ, chồng"), or ""."""
    return conflicts_of(user).get(member_id, "")


def left_to_nobody(users: Iterable[User], commune: Organization) -> dict[int, str]:
    """{member id: what he is to one of them}: residents of the commune on whom none of these people may act."""
    people = list(users)
    bound = conflicts_between(people)
    by_member: dict[int, dict[int, str]] = {}
    for (user_id, member_id), words in bound.items():
        by_member.setdefault(member_id, {})[user_id] = words
    whole = {pk: next(iter(words.values())) for pk, words in by_member.items() if people and len(words) == len(people)}
    here = Member.objects.filter(pk__in=whole, placements__until_on=None, placements__commune=commune)
    return {pk: whole[pk] for pk in here.values_list("pk", flat=True)}


def without_conflicts(rows: "Rows", user: User, prefix: str) -> "Rows":
    """Rows that are not about the user or his household; `prefix` leads to the member."""
    bound = conflicts_of(user)
    return rows.exclude(**{f"{prefix}__in": list(bound)}) if bound else rows


def refuse_conflict(member_id: int, by: Seat) -> None:
    """Raises Refused when the acting person is the member, or has declared to be of his household."""
    words = conflict(by.user, member_id)
    if words == SELF:
        raise Refused("Đồng chí không tự nhận xét, tự xác nhận về mình. Việc này do cấp phó hoặc đảng ủy làm.")
    if words:
        raise Refused(f"Đây là người thân của đồng chí ({words}). Việc này do cấp phó hoặc cán bộ khác làm.")


def refuse_page(user: User, member_id: int) -> None:
    """For a page on which something is said about the member: 403 for himself and his household."""
    if words := conflict(user, member_id):
        raise PermissionDenied("" if words == SELF else f"Đây là người thân của đồng chí ({words}): cán bộ khác làm.")


def relatives_on_paper(member: Member) -> set[str]:
    """Names of the member and of his declared household: a paper tells its signer by name only."""
    links = Kinship.objects.in_force().filter(Q(member=member) | Q(relative=member))
    links = links.select_related("member", "relative", "relative_user")
    names = {member.full_name}
    for link in links:
        names |= {link.member.full_name, link.relative_name}
    return names
