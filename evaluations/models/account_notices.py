"""Who is told that a new slip ended the ways in of before."""

from evaluations.models.letters import Letter
from members.models import Seat, User
from members.roles import GRANTS, GUARDED


def tell_of_slip(holder: User, slip_id: int) -> None:
    """The holder, and whoever stands beside him with duties that need a second factor: a new slip ended the old ways.

    A slip that the holder did not ask for is noticed so, whoever gave it out.
    """
    offices = [seat.organization_id for seat in holder.seats_now]
    roles = [role for role, grants in GRANTS.items() if any(grant.action in GUARDED for grant in grants)]
    beside = Seat.objects.current().filter(organization__in=offices, role__in=roles, user__is_active=True)
    for user_id in sorted({holder.pk, *beside.values_list("user", flat=True)}):
        Letter.objects.create(
            key=f"account:{slip_id}:{user_id}", kind=Letter.Kind.ACCOUNT, channel=Letter.Channel.EMAIL, user_id=user_id
        )
