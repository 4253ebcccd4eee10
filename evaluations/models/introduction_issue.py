"""Trình ký → Phát hành: drafted introductions go through the same folder and number books as other letters."""

from collections import Counter
from collections.abc import Collection
from datetime import date
from typing import TYPE_CHECKING, Any

from django.db import models, transaction
from django.utils import timezone

from evaluations.models.campaigns import OWN_LETTER, NumberChoice
from evaluations.models.documents import Document, NumberSeries
from evaluations.models.introduction_facts import introduction_document
from evaluations.models.introductions import Introduction, IntroductionQuerySet
from evaluations.models.letters import Letter, letter_for
from evaluations.rulebooks import load
from evaluations.working_days import shifted
from members.models import Organization
from members.states import Refused, move, move_all

if TYPE_CHECKING:
    from members.models import Seat


def drafts_of(committee: Organization) -> IntroductionQuerySet:
    return Introduction.objects.filter(workplace=committee, state=Introduction.State.DRAFT)


def folder(committee: Organization) -> "models.QuerySet[Document]":
    """What waits for the signer (tập trình ký), in signing order: by commune, then by name."""
    waiting = Document.objects.filter(
        issuer=committee, genre=Document.Genre.INTRODUCTION, state=Document.State.FOR_SIGNATURE
    )
    return waiting.select_related("recipient", "presented_by", "introduction__member").order_by(
        "recipient__locality_key", "recipient", "introduction__member__sort_key", "pk"
    )


def sent_back(committee: Organization) -> "models.QuerySet[Document]":
    """Given back by the signer, with his word, until presented again."""
    drafts = Document.objects.filter(issuer=committee, genre=Document.Genre.INTRODUCTION, state=Document.State.DRAFT)
    return drafts.exclude(return_note="").select_related("recipient", "introduction__member", "returned_by__user")


@transaction.atomic
def present_drafts(committee: Organization, *, by: "Seat") -> int:
    """Every draft of the committee goes to the signer, facts frozen as they are now; how many."""
    Organization.objects.select_for_update(no_key=True).get(pk=committee.pk)
    rows = [row for row in drafts_of(committee).listed() if not row.document or row.document.state == "draft"]
    if not rows:
        raise Refused("Chưa có giấy giới thiệu nào đang soạn để trình ký.")
    fresh = []
    for row in rows:
        paper = introduction_document(row, by)
        if row.document:
            row.document.facts, row.document.prepared_by = paper.facts, by
        else:
            row.document = paper
            fresh.append(row)
    Document.objects.bulk_create([row.document for row in fresh if row.document], batch_size=200)
    Document.objects.bulk_update(
        [row.document for row in rows if row.document and row not in fresh], ["facts", "prepared_by"], batch_size=200
    )
    Introduction.objects.bulk_update(fresh, ["document"], batch_size=200)
    papers = Document.objects.filter(introduction__in=[row.pk for row in rows])
    return move_all(papers, Document.State.FOR_SIGNATURE, by=by, return_note="")


@transaction.atomic
def take_back_drafts(committee: Organization, *, by: "Seat") -> int:
    """From "trình ký" back to work: nothing has left the house."""
    return move_all(Document.objects.filter(pk__in=folder(committee).order_by().values("pk")), "draft", by=by)


@transaction.atomic
def send_back(committee: Organization, words: dict[int, str], *, by: "Seat") -> int:
    """The signer gives papers back to be drafted anew, each ({id: word}) with what is to be changed; how many."""
    if any(not word.strip() for word in words.values()):
        raise Refused("Ghi lời nhắn cho từng giấy giới thiệu trả lại, để người soạn biết cần sửa gì.")
    returned = list(folder(committee).filter(pk__in=words))
    for paper in returned:
        note = {"return_note": words[paper.pk].strip(), "returned_at": timezone.now(), "returned_by": by}
        move(paper, Document.State.DRAFT, by=by, **note)
    return len(returned)


@transaction.atomic
def issue(
    committee: Organization,
    numbers: NumberChoice,
    *,
    by: "Seat",
    on: date | None = None,
    only: Collection[int] | None = None,
    signature: dict[str, str] | None = None,
) -> int:
    """Number and send out the papers that wait, `only` those with these ids; how many. Twice sends nothing twice."""
    Organization.objects.select_for_update(no_key=True).get(pk=committee.pk)
    on, waiting = on or timezone.localdate(), folder(committee)
    signed = list(waiting if only is None else waiting.filter(pk__in=only))
    if not signed:
        return 0
    if any(paper.presented_by and paper.presented_by.user_id == by.user_id for paper in signed):
        raise Refused(OWN_LETTER)
    series = NumberSeries.locked(committee, Document.SIGNS[Document.Genre.INTRODUCTION], on)
    for paper, number in zip(signed, numbers.take(series, len(signed), by), strict=True):
        paper.series, paper.number = series, str(number)
        paper.facts["signature"] = signature or paper.facts["signature"]
    Document.objects.bulk_update(signed, ["series", "number", "facts"], batch_size=200)
    ids = [paper.pk for paper in signed]
    move_all(Document.objects.filter(pk__in=ids), Document.State.ISSUED, by=by, issued_on=on)
    due_on = shifted(on, load().introduction_days)
    move_all(Introduction.objects.filter(document__in=ids), Introduction.State.ISSUED, by=by, due_on=due_on)
    _queue_letters(signed)
    return len(signed)


def _queue_letters(signed: list[Document]) -> None:
    """A sheet of paper for each member to communes that work on paper; one notice to each that is on the system."""
    rows: list[Letter] = []
    counts = Counter(paper.recipient_id for paper in signed)
    told: set[int | None] = set()
    for paper in signed:
        facts: dict[str, Any] = {"count": counts[paper.recipient_id]}
        letter = letter_for(paper, Letter.Kind.INTRODUCE, facts)
        if letter.channel == Letter.Channel.PRINT or paper.recipient_id not in told:
            rows.append(letter)
        told.add(paper.recipient_id)
    Letter.objects.bulk_create(rows, batch_size=200, ignore_conflicts=True)
