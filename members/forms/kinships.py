"""Declaring that somebody who acts here is of a member's household: three choices, one sentence."""

from collections.abc import Iterable
from typing import Any

from django import forms
from django.db.models import Q, QuerySet
from django.http import QueryDict

from members.models import Kinship, Member, Placement, Seat, User

NOTHING: tuple[object, str] = ("", "Chọn")


class KinshipForm(forms.Form):
    relative = forms.ChoiceField(label="Đồng chí đang làm việc ở đây")
    kind = forms.ChoiceField(label="Là")
    member = forms.ChoiceField(label="Của đồng chí")

    def __init__(self, members: Iterable[Member], people: Iterable[User], data: QueryDict | None = None) -> None:
        super().__init__(data)
        self.members, self.people = {row.pk: row for row in members}, {row.pk: row for row in people}
        named = [(pk, str(member)) for pk, member in self.members.items()]
        choices: dict[str, list[tuple[object, str]]] = {
            "relative": [NOTHING, *((pk, f"{user.full_name} ({duties(user)})") for pk, user in self.people.items())],
            "kind": [NOTHING, *Kinship.Kind.choices],
            "member": [*([NOTHING] if len(named) > 1 else []), *named],
        }
        for name, its in choices.items():
            self.fields[name].choices = its  # type: ignore[attr-defined]
        for name, words in (
            ("relative", "Chọn người làm việc ở đây."),
            ("kind", "Chọn quan hệ."),
            ("member", "Chọn đảng viên."),
        ):
            self.fields[name].error_messages |= {"required": words, "invalid_choice": words}

    def declare(self, *, by: Seat | User) -> Kinship:
        said: dict[str, Any] = self.cleaned_data
        member, relative = self.members[int(said["member"])], self.people[int(said["relative"])]
        return Kinship.objects.declare(member, relative, said["kind"], by=by)


def duties(user: User) -> str:
    """ "bí thư chi bộ" – a name alone tells nobody apart."""
    return ", ".join(dict.fromkeys(seat.title.lower() for seat in user.seats.all())) or user.username


def acting_at(organizations: Iterable[int | None]) -> QuerySet[User]:
    """Who acts at these organisations today: the people whose household matters there."""
    held = Seat.objects.current().filter(organization__in=[pk for pk in organizations if pk])
    users = User.objects.filter(pk__in=held.values("user"), is_active=True)
    return users.prefetch_related("seats").order_by("full_name", "pk")


def around(member: Member) -> QuerySet[User]:
    """Who may come to act on this member: at residence and at work; never himself."""
    places = Placement.objects.current().filter(member=member).values_list("cell", "commune")
    works = member.memberships.filter(until_on=None).values_list("cell", "cell__parent")
    return acting_at(pk for row in (*places, *works) for pk in row).exclude(member=member)


def links_of(members: Iterable[Member]) -> QuerySet[Kinship]:
    bound = Q(member__in=members) | Q(relative__in=members)
    return Kinship.objects.in_force().filter(bound).select_related("member", "relative", "relative_user", "declared_by")
