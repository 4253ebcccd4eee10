"""The reminder digest: who owes which step, and one message for each of them on the days of the ladder.

The ladder (evaluations/ladder.py) is counted in working days from the due date. A seat is reminded when a day of the
ladder has passed since its last reminder and since the work reached it: no date has to match exactly, so a run that was
missed is caught up by the next one, and several missed ones become one message. When work stays undone, who stands in
is told too, then the office above, then who waits for the answer; all of it in the one digest of that person and day.
The Letter rows are the ledger: the unique key (seat, day) is written in the transaction that finds the work, so of many
runs at once one writes. An extension moves the due date and with it the ladder; what is done is not counted any more.
"""

from collections import defaultdict
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Max, Q
from django.utils import timezone

from evaluations.channels import mobile_number
from evaluations.ladder import Rung
from evaluations.models import LadderRun, Letter, StoppedAddress
from evaluations.steps import STEPS, Owed, late, owed
from evaluations.working_days import is_working_day
from members.models import Seat
from members.roles import GRANTS, Action, Role
from members.states import move_all


@dataclass(frozen=True)
class Addressee:
    """A person at an organisation, or the organisation's own mailbox, or whoever rings it up."""

    recipient: int
    user: int | None = None
    caller: int | None = None


@dataclass(frozen=True)
class Holder:
    seat: int
    user: int
    mailbox: str


@dataclass
class Sitting:
    """Who holds the seats of one step at one organisation, and who stands in for them."""

    principals: list[Holder] = field(default_factory=list)
    deputies: list[Holder] = field(default_factory=list)


@dataclass
class Digest:
    to: Addressee
    seat: int = 0
    owed: tuple[Owed, ...] = ()
    channel: str = Letter.Channel.EMAIL
    due: date | None = None  # the last day of the ladder for anything in it

    def key(self, today: date) -> str:
        if self.to.user:
            return f"reminder:seat:{self.seat}:{today}"
        if self.to.caller:
            return f"reminder:call:{self.to.caller}:{self.to.recipient}:{today}"
        return f"reminder:office:{self.to.recipient}:{today}"

    def facts(self, today: date) -> dict[str, Any]:
        """What the message may say: figures, days, a tone. Never a name (design §7)."""
        due_on = min(row.due_on for row in self.owed)
        by_line: dict[tuple[int, str], list[Owed]] = defaultdict(list)
        for row in self.owed:
            by_line[STEPS.index(row.step), row.code].append(row)
        lines = [
            {
                "step": code,
                "words": rows[0].words,
                "count": sum(row.count for row in rows),
                "due_on": min(row.due_on for row in rows).isoformat(),
            }
            for (_, code), rows in sorted(by_line.items())
        ]
        tone = "after" if due_on < today else "on_the_day" if due_on == today else "before"
        total = sum(row.count for row in self.owed)
        return {"tone": tone, "count": total, "due_on": due_on.isoformat(), "lines": lines}

    def letter(self, today: date) -> Letter:
        is_call = self.to.caller is not None
        return Letter(
            key=self.key(today),
            kind=Letter.Kind.REMINDER,
            channel=Letter.Channel.CALL if is_call else self.channel,
            # Nothing has to be made before somebody may ring up.
            state=Letter.State.RENDERED if is_call else Letter.State.QUEUED,
            recipient_id=self.to.recipient,
            user_id=self.to.user,
            caller_id=self.to.caller,
            facts=self.facts(today),
            reminds_on=today,
        )


@transaction.atomic
def write(today: date) -> int:
    """Write the reminders that are due and not yet written; how many are due today. Nothing on a day off."""
    letters = _letters(today) if is_working_day(today) else []
    Letter.objects.bulk_create(letters, batch_size=200, ignore_conflicts=True)
    LadderRun.objects.update_or_create(day=today, defaults={"due": len(letters)})
    return len(letters)


def _letters(today: date) -> list[Letter]:
    waiting = [Letter.State.QUEUED, Letter.State.RENDERED]
    # A reminder that did not leave on its day is not sent late: what still waits is counted afresh below.
    stale = Letter.objects.filter(kind=Letter.Kind.REMINDER, reminds_on__lt=today, state__in=waiting)
    move_all(stale, Letter.State.NOT_NEEDED, by=None)
    # In the order of their keys: two runs at once then wait for each other instead of ending in a deadlock.
    return sorted((digest.letter(today) for digest in digests(today)), key=lambda letter: letter.key)


def still_due(letters: list[Letter]) -> set[int]:
    """Asked again in the moment of sending: the work may be done by now, or wait longer. Counts afresh; their ids."""
    today, found = timezone.localdate(), set()
    fresh = [letter for letter in letters if letter.reminds_on == today]
    if not fresh or not is_working_day(today):
        return set()
    wanted = {digest.to: digest for digest in digests(today, {letter.recipient_id or 0 for letter in fresh})}
    for letter in fresh:
        digest = wanted.get(Addressee(letter.recipient_id or 0, letter.user_id, letter.caller_id))
        if digest:
            letter.facts = digest.facts(today)
            found.add(letter.pk)
    Letter.objects.bulk_update([letter for letter in fresh if letter.pk in found], ["facts"])
    return found


def digests(today: date, organizations: Collection[int] = ()) -> Iterator[Digest]:
    """Who is to be reminded today, of everything that waits there; a fixed number of queries however many."""
    reminded = _reminded(today, organizations)
    for digest in _addressed(today, organizations):
        last = reminded.get(digest.to)
        if digest.due and (last is None or digest.due > last):
            yield digest


def _reminded(today: date, organizations: Collection[int]) -> dict[Addressee, date]:
    """When each was last reminded. What never left the house has reminded nobody."""
    done = Q(state__in=[Letter.State.SENDING, Letter.State.SENT])
    sent = Letter.objects.filter(done, kind=Letter.Kind.REMINDER, reminds_on__lt=today).order_by()
    if organizations:
        sent = sent.filter(recipient__in=organizations)
    rows = sent.values_list("recipient", "user", "caller").annotate(last=Max("reminds_on"))
    return {Addressee(recipient, user, caller): last for recipient, user, caller, last in rows}


class Round:
    """Everything that waits today, by who is told of it."""

    def __init__(self, today: date, organizations: Collection[int]) -> None:
        self.today = today
        self.found: dict[Addressee, Digest] = {}
        self.holders = _holders(today, organizations)
        self.dead = _dead_mailboxes(today, organizations)
        self.stopped = set(StoppedAddress.objects.stopped().values_list("address", flat=True))

    def owes(self, row: Owed) -> None:
        """Whoever sits there; when somebody has no mailbox, that of the office; when nobody has, who rings up."""
        sitting = self.holders[row.owner, row.step.action]
        principals, day = self._reached(row, sitting.principals), row.last_day(self.today)
        for holder in principals:
            self._tell(Addressee(row.owner, holder.user), row, day, holder.seat)
        # Without anybody in the first seat whom a message reaches, who stands in is told from the beginning.
        day = row.last_day(self.today, Rung.DEPUTY) if principals else day
        deputies = self._reached(row, sitting.deputies) if day else []
        for holder in deputies:
            self._tell(Addressee(row.owner, holder.user), replace(row, rung=Rung.DEPUTY), day, holder.seat)
        if not (principals or deputies) or len(principals) < len(sitting.principals):
            self._tell_office(row, is_reached=bool(principals or deputies))

    def _tell_office(self, row: Owed, *, is_reached: bool) -> None:
        day = row.last_day(self.today)
        if self._works(row.mailbox, row.owner):
            self._tell(Addressee(row.owner), row, day)
        elif settings.SMS_URL and mobile_number(row.phone) and (row.owner, None) not in self.dead and not is_reached:
            self._tell(Addressee(row.owner), row, day, channel=Letter.Channel.SMS)
        elif row.caller and not is_reached:
            self._tell(Addressee(row.owner, caller=row.caller), row, day)

    def is_late(self, row: Owed) -> None:
        """The office above, or who waits for the answer, is told: by message only."""
        action = row.step.above_action if row.rung == Rung.ABOVE else Action.PREPARE
        reached = self._reached(row, self.holders[row.owner, action].principals)
        for holder in reached:
            self._tell(Addressee(row.owner, holder.user), row, row.last_day(self.today), holder.seat)
        if not reached and self._works(row.mailbox, row.owner):
            self._tell(Addressee(row.owner), row, row.last_day(self.today))

    def _reached(self, row: Owed, holders: list[Holder]) -> list[Holder]:
        return [holder for holder in holders if self._works(holder.mailbox, row.owner, holder.user)]

    def _works(self, mailbox: str, place: int, user: int | None = None) -> bool:
        return bool(mailbox) and mailbox.lower() not in self.stopped and (place, user) not in self.dead

    def _tell(
        self, to: Addressee, row: Owed, day: date | None, seat: int = 0, channel: str = Letter.Channel.EMAIL
    ) -> None:
        digest = self.found.setdefault(to, Digest(to, seat, channel=channel))
        digest.seat = min(digest.seat, seat)
        digest.owed += (row,)
        digest.due = max((known for known in (digest.due, day) if known), default=None)


def _addressed(today: date, organizations: Collection[int]) -> list[Digest]:
    """Everything that waits, by who is told of it."""
    told = Round(today, organizations)
    for row in owed(organizations):
        told.owes(row)
    for row in late(today, organizations):
        told.is_late(row)
    return list(told.found.values())


def _holders(today: date, organizations: Collection[int]) -> dict[tuple[int, Action], Sitting]:
    """Who may do which step at which organisation: each person once, by the first of the seats held there."""
    actions = {step.action for step in STEPS} | {step.above_action for step in STEPS} | {Action.PREPARE}
    # Who keeps the machine running chases nobody.
    granted = {role: {grant.action for grant in grants} & actions for role, grants in GRANTS.items()}
    granted[Role.ADMINISTRATOR] = set()
    seats = Seat.objects.current(today).filter(role__in=[role for role in granted if granted[role]])
    if organizations:
        seats = seats.filter(organization__in=organizations)
    first: dict[tuple[int, int], Holder] = {}
    found: dict[tuple[int, Action], Sitting] = defaultdict(Sitting)
    # Who holds the seat and stands in for another one too is told from the beginning.
    rows = seats.filter(user__is_active=True).order_by("as_deputy", "pk")
    columns = ("pk", "organization", "user", "role", "user__email", "as_deputy")
    for pk, place, user, role, mailbox, as_deputy in rows.values_list(*columns):
        holder = first.setdefault((place, user), Holder(pk, user, (mailbox or "").lower()))
        for action in granted[Role(role)]:
            sitting = found[place, action]
            if holder not in sitting.principals and holder not in sitting.deputies:
                (sitting.deputies if as_deputy else sitting.principals).append(holder)
    return found


def _dead_mailboxes(today: date, organizations: Collection[int]) -> set[tuple[int, int | None]]:
    """Mailboxes that refused or returned the newest reminder: (organisation, person or None for its own)."""
    mailed = Letter.objects.filter(kind=Letter.Kind.REMINDER, channel__in=Letter.ELECTRONIC, reminds_on__lt=today)
    if organizations:
        mailed = mailed.filter(recipient__in=organizations)
    refused = Q(state__in=[Letter.State.FAILED, Letter.State.BOUNCED])
    rows = mailed.order_by().values_list("recipient", "user")
    newest = rows.annotate(last=Max("reminds_on"), bad=Max("reminds_on", filter=refused))
    return {(place, user) for place, user, last, bad in newest if last == bad}
