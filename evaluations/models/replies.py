"""The commune's reply (công văn trả lời): one letter to one asker, with the forms that are confirmed so far."""

from collections import Counter
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

from django.db import transaction
from django.db.models import Count, Q
from django.utils import timezone

from evaluations.models.campaigns import NumberChoice
from evaluations.models.documents import Document, NumberSeries, new_document
from evaluations.models.letters import Letter, letter_for
from evaluations.models.reply_facts import Asking, reply_facts
from evaluations.models.requests import EvaluationRequest, IncomingLetter, RequestQuerySet
from members.models import AuditEvent, Organization
from members.models.conflicts import without_conflicts
from members.states import Refused, move, move_all

if TYPE_CHECKING:
    from members.models import Seat

State = EvaluationRequest.State
OWN_REPLY = "Phần còn lại là nhận xét về chính đồng chí hoặc người thân đã khai: người ký khác của đảng ủy ký trả lời."


@dataclass(frozen=True)
class ReplyDue:
    """What one commune owes one letter of one asker."""

    asking: Asking
    asked: int
    ready: int
    answered: int
    declined: int
    untold: int  # declined, and not yet said in a letter
    corrected: int  # answered, and confirmed anew since

    @property
    def remaining(self) -> int:
        return self.asked - self.ready - self.answered - self.declined

    @property
    def to_send(self) -> int:
        return self.ready + self.untold + self.corrected


def replies_due(commune: Organization) -> list[ReplyDue]:
    """Letters in this commune's book with how far each is, those with something to send first; constant queries."""
    asked = EvaluationRequest.objects.filter(
        Q(letter__registered_at__isnull=False) | Q(incoming__isnull=False), residence_commune=commune
    ).exclude(state__in=EvaluationRequest.WITHDRAWN)
    ready, anew = _by_letter(asked.confirmed()), _by_letter(asked.corrected())
    declined, untold = _by_letter(asked.filter(state=State.DECLINED)), _by_letter(asked.untold())
    answered, all_asked = _by_letter(asked.filter(state__in=EvaluationRequest.REPLIED)), _by_letter(asked)
    due = [
        ReplyDue(asking, *(counts[asking.ids] for counts in (all_asked, ready, answered, declined, untold, anew)))
        for asking in _askings(all_asked)
    ]
    return sorted(due, key=lambda row: (row.to_send == 0, row.asking.dated_on))


def _by_letter(asked: RequestQuerySet) -> Counter[tuple[int | None, int | None]]:
    """{(letter id, paper letter id): number of requests}; one of the two is None."""
    rows = asked.order_by().values_list("letter", "incoming").annotate(n=Count("pk"))
    found: Counter[tuple[int | None, int | None]] = Counter()
    for letter, incoming, n in rows:
        found[letter, None if letter else incoming] += n
    return found


def _askings(counts: Counter[tuple[int | None, int | None]]) -> list[Asking]:
    letters = Document.objects.filter(pk__in=[letter for letter, _ in counts if letter])
    incoming = IncomingLetter.objects.filter(pk__in=[paper for _, paper in counts if paper])
    return [
        *(Asking(letter) for letter in letters.select_related("issuer", "recipient").order_by("pk")),
        *(Asking(letter) for letter in incoming.select_related("asker", "commune").order_by("pk")),
    ]


@transaction.atomic
def issue_reply(
    letter: Document | IncomingLetter,
    numbers: NumberChoice,
    *,
    by: "Seat",
    on: date | None = None,
    copies: int | None = None,
    signature: dict[str, str] | None = None,
) -> Document:
    """Answer a letter with everything that is confirmed, sent back or corrected now. Without news: refused."""
    asking = Asking(letter)
    commune = asking.commune
    if commune.pk != by.organization_id:
        raise Refused("Công văn này gửi cho đơn vị khác.")
    type(letter)._default_manager.select_for_update().get(pk=letter.pk)
    asked = asking.requests
    # Held fast: what is confirmed while this letter is being written belongs to the next one.
    news = (asked.confirmed(), asked.untold(), asked.corrected())
    # Nobody signs what is said about himself or his household: it goes out with the letter of another signer.
    ready, declined, corrected = (_held(without_conflicts(rows, by.user, "member")) for rows in news)
    if not (ready or declined or corrected):
        if any(rows.exists() for rows in news):
            raise Refused(OWN_REPLY)
        raise Refused("Chưa có nhận xét nào đã xác nhận để trả lời công văn này.")
    on = on or timezone.localdate()
    copies = _keep_copies(commune, copies, by)
    reply = new_document(
        Document.Genre.REPLY_LETTER,
        key=f"{asking.key}:{asking.replies().count() + 1}",
        issuer=commune,
        recipient=asking.asker,
        campaign=asking.campaign,
        prepared_by=by,
        abstract=f"V/v nhận xét đảng viên giữ mối liên hệ nơi cư trú năm {asking.year}",
        facts=reply_facts(asking, ready, declined, corrected, copies) | ({"signature": signature} if signature else {}),
    )
    reply.series = NumberSeries.locked(commune, Document.SIGNS[Document.Genre.REPLY_LETTER], on)
    reply.number = str(numbers.take(reply.series, 1, by)[0])
    reply.save()
    move(reply, Document.State.ISSUED, by=by, issued_on=on)
    EvaluationRequest.objects.filter(Q(pk__in=declined) | Q(pk__in=corrected)).update(reply=reply)
    if corrected:
        AuditEvent.objects.record_many("EvaluationRequest.correct", by=by, model=EvaluationRequest, ids=corrected)
    count = move_all(EvaluationRequest.objects.filter(pk__in=ready), State.ANSWERED, by=by, reply=reply)
    letter_for(reply, Letter.Kind.REPLY, {"count": count + len(corrected)}).save()
    return reply


def _held(rows: RequestQuerySet) -> list[int]:
    return list(rows.select_for_update(of=("self",)).values_list("pk", flat=True))


def _keep_copies(commune: Organization, copies: int | None, by: "Seat") -> int:
    """How many copies are printed: what was chosen last time holds until somebody chooses otherwise."""
    if copies and copies != commune.reply_copies:
        AuditEvent.objects.record(
            "Organization.reply_copies", by=by, on=commune, changes={"reply_copies": [commune.reply_copies, copies]}
        )
        commune.reply_copies = copies
        commune.save(update_fields=["reply_copies"])
    return commune.reply_copies


def enclosed_forms(reply: Document) -> list[Document]:
    """The forms that went out with a reply, in the order of its list: that of the asker."""
    places = {row["form"]: row["no"] for row in reply.facts["rows"] if row.get("form")}
    return sorted(Document.objects.filter(pk__in=places), key=lambda form: places[form.pk])
