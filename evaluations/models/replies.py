"""The commune's reply (công văn trả lời): one letter to one asker, with the forms that are confirmed so far."""

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

from django.db import transaction
from django.db.models import Count, Q
from django.utils import timezone

from evaluations.models.campaigns import NumberChoice
from evaluations.models.documents import Document, NumberSeries, new_document, padded
from evaluations.models.letters import Letter, letter_for
from evaluations.models.requests import EvaluationRequest, RequestQuerySet
from members.models import Membership, Organization
from members.states import Refused, move, move_all

if TYPE_CHECKING:
    from members.models import Seat


@dataclass(frozen=True)
class ReplyDue:
    """What one commune owes one letter of one asker."""

    letter: Document
    asked: int
    ready: int
    answered: int
    declined: int

    @property
    def remaining(self) -> int:
        return self.asked - self.ready - self.answered - self.declined


def replies_due(commune: Organization) -> list[ReplyDue]:
    """Registered letters of this commune with how far each is, those with something ready first; constant queries."""
    asked = EvaluationRequest.objects.filter(residence_commune=commune, letter__registered_at__isnull=False)
    ready = dict(asked.confirmed().order_by().values_list("letter").annotate(n=Count("pk")))
    rows = (
        asked.order_by()
        .values("letter")
        .annotate(
            asked=Count("pk"),
            answered=Count("pk", filter=Q(state__in=["answered", "received", "considered"])),
            declined=Count("pk", filter=Q(state__in=EvaluationRequest.ENDED)),
        )
    )
    counts = {row["letter"]: row for row in rows}
    letters = Document.objects.filter(pk__in=counts).select_related("issuer").order_by("issued_on", "pk")
    due = [
        ReplyDue(
            letter,
            counts[letter.pk]["asked"],
            ready.get(letter.pk, 0),
            counts[letter.pk]["answered"],
            counts[letter.pk]["declined"],
        )
        for letter in letters
    ]
    return sorted(due, key=lambda row: (row.ready == 0, row.letter.issued_on))


@transaction.atomic
def issue_reply(letter: Document, numbers: NumberChoice, *, by: "Seat", on: date | None = None) -> Document:
    """Answer a request letter with everything that is confirmed now. Pressed again without news: refused."""
    commune = letter.recipient
    if commune is None or commune.pk != by.organization_id:
        raise Refused("Công văn này gửi cho đơn vị khác.")
    Document.objects.select_for_update().get(pk=letter.pk)
    # Held fast: what is confirmed while this letter is being written belongs to the next one.
    ids = list(letter.requests.confirmed().select_for_update(of=("self",)).values_list("pk", flat=True))
    ready = EvaluationRequest.objects.filter(pk__in=ids)
    if not ids:
        raise Refused("Chưa có nhận xét nào đã xác nhận để trả lời công văn này.")
    on = on or timezone.localdate()
    earlier = Document.objects.filter(genre=Document.Genre.REPLY_LETTER, key__startswith=f"reply:{letter.pk}:").count()
    reply = new_document(
        Document.Genre.REPLY_LETTER,
        key=f"reply:{letter.pk}:{earlier + 1}",
        issuer=commune,
        recipient=letter.issuer,
        campaign=letter.campaign,
        prepared_by=by,
        abstract=f"V/v nhận xét đảng viên giữ mối liên hệ nơi cư trú năm {letter.facts['year']}",
        facts=_reply_facts(letter, ready, earlier + 1),
    )
    reply.series = NumberSeries.locked(commune, Document.SIGNS[Document.Genre.REPLY_LETTER], on)
    reply.number = str(numbers.take(reply.series, 1, by)[0])
    reply.save()
    move(reply, Document.State.ISSUED, by=by, issued_on=on)
    count = move_all(ready, EvaluationRequest.State.ANSWERED, by=by, reply=reply)
    letter_for(reply, Letter.Kind.REPLY, {"count": count}).save()
    return reply


def _reply_facts(letter: Document, ready: RequestQuerySet, round_no: int) -> dict[str, Any]:
    year = letter.facts["year"]
    declined = letter.requests.filter(state=EvaluationRequest.State.DECLINED)
    answered = letter.requests.filter(state__in=["answered", "received", "considered"]).count()
    withdrawn = [EvaluationRequest.State.CANCELLED, EvaluationRequest.State.SUPERSEDED]
    asked, ready_count = letter.requests.exclude(state__in=withdrawn).count(), ready.count()
    remaining = asked - answered - ready_count - declined.count()
    return {
        "abstract": f"nhận xét đảng viên đang công tác giữ mối liên hệ nơi cư trú năm {year}",
        "to": letter.issuer.name,
        "reference": {"number": f"{padded(letter.number)}-{letter.sign}", "issued_on": letter.issued_on.isoformat()}
        if letter.number and letter.issued_on
        else None,
        "year": year,
        "rows": _reply_rows(ready, declined, letter),
        "counts": {
            "asked": asked,
            "answered": answered + ready_count,
            "declined": declined.count(),
            "remaining": remaining,
        },
        "partial": {"round": round_no} if remaining or round_no > 1 else None,
        "recipients": ["Như trên", f"Lưu {letter.recipient.name if letter.recipient else ''}"],
    }


def _reply_rows(ready: RequestQuerySet, declined: RequestQuerySet, letter: Document) -> list[dict[str, Any]]:
    """In the workplace's own order: that of its letter, which sorted by name."""
    matters = [*ready.listed().select_related("placement__cell"), *declined.listed()]
    matters.sort(key=lambda matter: (matter.member.sort_key, matter.pk))
    cells = dict(
        Membership.objects.filter(until_on=None, member__requests__letter=letter).values_list("member_id", "cell__name")
    )
    return [
        {
            "no": no,
            "name": matter.member.full_name,
            "birth": matter.member.birth,
            "workplace_cell": cells.get(matter.member_id, ""),
            "cell": matter.residence_cell.name if matter.residence_cell else "",
            "result": "Phiếu nhận xét kèm theo"
            if matter.state == EvaluationRequest.State.AT_CELL
            else f"Chuyển lại: {decline_reason(matter)}",
        }
        for no, matter in enumerate(matters, 1)
    ]


def decline_reason(matter: EvaluationRequest) -> str:
    """The coded reason in the rulebook's words, with the note when there is one."""
    book = matter.campaign.book if matter.campaign else None
    words = book.decline_codes.get(matter.end_code, matter.end_note) if book else matter.end_note
    words = words[:1].lower() + words[1:]
    return f"{words} ({matter.end_note})" if matter.end_note and matter.end_code == "other" else words
