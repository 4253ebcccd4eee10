"""The reminder digest: who owes which step, and one message for each of them on the days of the ladder.

The ladder (rulebook, `[reminders]`) is counted in working days from the due date. A seat is reminded when a day of the
ladder has passed since its last reminder and since the work reached it: no date has to match exactly, so a run that was
missed is caught up by the next one, and several missed ones become one message. The Letter rows are the ledger: the
unique key (seat, day) is written in the transaction that finds the work, so of many runs at once one writes.
"""

from collections import defaultdict
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import date
from functools import cache
from typing import Any

from django.db import transaction
from django.db.models import Max, Q
from django.utils import timezone

from evaluations.models import Letter, StoppedAddress
from evaluations.rulebooks import load
from evaluations.steps import STEPS, Owed, owed
from evaluations.working_days import is_working_day, shifted
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
class Digest:
    to: Addressee
    seat: int = 0
    owed: tuple[Owed, ...] = ()

    def key(self, today: date) -> str:
        if self.to.user:
            return f"reminder:seat:{self.seat}:{today}"
        if self.to.caller:
            return f"reminder:call:{self.to.caller}:{self.to.recipient}:{today}"
        return f"reminder:office:{self.to.recipient}:{today}"

    def facts(self, today: date) -> dict[str, Any]:
        """What the message may say: figures, days, a tone. Never a name (design §7)."""
        due_on = min(row.due_on for row in self.owed)
        lines = []
        for step in STEPS:
            rows = [row for row in self.owed if row.step is step]
            if rows:
                first = min(row.due_on for row in rows).isoformat()
                count = sum(row.count for row in rows)
                lines.append({"step": step.code, "words": step.words, "count": count, "due_on": first})
        tone = "after" if due_on < today else "on_the_day" if due_on == today else "before"
        total = sum(row.count for row in self.owed)
        return {"tone": tone, "count": total, "due_on": due_on.isoformat(), "lines": lines}

    def letter(self, today: date) -> Letter:
        is_call = self.to.caller is not None
        return Letter(
            key=self.key(today),
            kind=Letter.Kind.REMINDER,
            channel=Letter.Channel.CALL if is_call else Letter.Channel.EMAIL,
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
    if not is_working_day(today):
        return 0
    waiting = [Letter.State.QUEUED, Letter.State.RENDERED]
    # A reminder that did not leave on its day is not sent late: what still waits is counted afresh below.
    stale = Letter.objects.filter(kind=Letter.Kind.REMINDER, reminds_on__lt=today, state__in=waiting)
    move_all(stale, Letter.State.NOT_NEEDED, by=None)
    # In the order of their keys: two runs at once then wait for each other instead of ending in a deadlock.
    letters = sorted((digest.letter(today) for digest in digests(today)), key=lambda letter: letter.key)
    Letter.objects.bulk_create(letters, batch_size=200, ignore_conflicts=True)
    return len(letters)


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
    ladder = load().reminders

    @cache
    def last_day(due_on: date) -> date | None:
        return max((day for by in ladder if (day := shifted(due_on, by)) <= today), default=None)

    reminded = _reminded(today, organizations)
    for digest in _addressed(today, organizations):
        last = reminded.get(digest.to)
        if any(
            (day := last_day(row.due_on)) and day > row.since and (last is None or day > last) for row in digest.owed
        ):
            yield digest


def _reminded(today: date, organizations: Collection[int]) -> dict[Addressee, date]:
    """When each was last reminded. What never left the house has reminded nobody."""
    done = Q(state__in=[Letter.State.SENDING, Letter.State.SENT])
    sent = Letter.objects.filter(done, kind=Letter.Kind.REMINDER, reminds_on__lt=today).order_by()
    if organizations:
        sent = sent.filter(recipient__in=organizations)
    rows = sent.values_list("recipient", "user", "caller").annotate(last=Max("reminds_on"))
    return {Addressee(recipient, user, caller): last for recipient, user, caller, last in rows}


def _addressed(today: date, organizations: Collection[int]) -> list[Digest]:
    """Everything that waits, by who is told of it."""
    holders = _holders(today, organizations)
    dead = _dead_mailboxes(today, organizations)
    stopped = set(StoppedAddress.objects.stopped().values_list("address", flat=True))
    found: dict[Addressee, Digest] = {}

    def tell(to: Addressee, row: Owed, seat: int = 0) -> None:
        digest = found.setdefault(to, Digest(to, seat))
        digest.seat = min(digest.seat, seat)
        digest.owed += (row,)

    for row in owed(organizations):
        sitting = holders[row.owner, row.step.action]
        reached = [
            holder
            for holder in sitting
            if holder.mailbox and holder.mailbox not in stopped and (row.owner, holder.user) not in dead
        ]
        for holder in reached:
            tell(Addressee(row.owner, holder.user), row, holder.seat)
        if len(reached) == len(sitting) and reached:
            continue
        if row.mailbox and row.mailbox.lower() not in stopped and (row.owner, None) not in dead:
            tell(Addressee(row.owner), row)
        elif row.caller and not reached:
            tell(Addressee(row.owner, caller=row.caller), row)
    return list(found.values())


def _holders(today: date, organizations: Collection[int]) -> dict[tuple[int, Action], list[Holder]]:
    """Who may do which step at which organisation: each person once, by the first of the seats held there."""
    actions = {step.action for step in STEPS}
    granted = {role: {grant.action for grant in grants} & actions for role, grants in GRANTS.items()}
    seats = Seat.objects.current(today).filter(role__in=[role for role in granted if granted[role]])
    if organizations:
        seats = seats.filter(organization__in=organizations)
    first: dict[tuple[int, int], Holder] = {}
    found: dict[tuple[int, Action], list[Holder]] = defaultdict(list)
    rows = seats.filter(user__is_active=True).order_by("pk")
    for pk, place, user, role, mailbox in rows.values_list("pk", "organization", "user", "role", "user__email"):
        holder = first.setdefault((place, user), Holder(pk, user, (mailbox or "").lower()))
        for action in granted[Role(role)]:
            if holder not in found[place, action]:
                found[place, action].append(holder)
    return found


def _dead_mailboxes(today: date, organizations: Collection[int]) -> set[tuple[int, int | None]]:
    """Mailboxes that refused or returned the newest reminder: (organisation, person or None for its own)."""
    mailed = Letter.objects.filter(kind=Letter.Kind.REMINDER, channel=Letter.Channel.EMAIL, reminds_on__lt=today)
    if organizations:
        mailed = mailed.filter(recipient__in=organizations)
    refused = Q(state__in=[Letter.State.FAILED, Letter.State.BOUNCED])
    rows = mailed.order_by().values_list("recipient", "user")
    newest = rows.annotate(last=Max("reminds_on"), bad=Max("reminds_on", filter=refused))
    return {(place, user) for place, user, last, bad in newest if last == bad}
