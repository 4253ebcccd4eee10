"""Công văn đến bằng giấy: a request on paper enters the ward's book and then goes the way of all others."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

from django.db import transaction
from django.utils import timezone

from evaluations.models.documents import Document, new_document
from evaluations.models.keying import add_scan
from evaluations.models.requests import EvaluationRequest, IncomingLetter
from members.models import AuditEvent, Organization, Placement, RosterImport
from members.names import search_key
from members.states import Refused, move, move_all

if TYPE_CHECKING:
    from members.models import Seat

State = EvaluationRequest.State


@dataclass(frozen=True)
class PaperRequest:
    """What stands on the letter and in the book of letters received."""

    asker: Organization
    number: str
    dated_on: date
    received_on: date
    due_on: date
    year: int
    registered_no: str = ""
    scan: bytes | None = None


def known_senders(commune: Organization) -> "dict[str, Organization]":
    """Committees on paper in the commune's province: search key → entry."""
    root = int(commune.path.split("/")[1])
    entries = Organization.objects.below(Organization.objects.get(pk=root))
    return {entry.search_key: entry for entry in entries.filter(kind=Organization.Kind.EXTERNAL, closed_on=None)}


@transaction.atomic
def add_to_address_book(
    commune: Organization, name: str, *, by: "Seat", address: str = "", phone: str = ""
) -> Organization:
    """The entry of that name, made when there is none."""
    root = Organization.objects.select_for_update(no_key=True).get(pk=int(commune.path.split("/")[1]))
    if known := known_senders(commune).get(search_key(name)):
        return known
    contact: dict[str, Any] = {"address": address, "phone": phone, "checked_on": timezone.localdate()}
    entry = Organization.objects.add(root, kind=Organization.Kind.EXTERNAL, name=name, **contact)
    AuditEvent.objects.record("Organization.add", by=by, on=entry, fields=["name", *contact])
    return entry


@transaction.atomic
def register_on_paper(commune: Organization, said: PaperRequest, *, by: "Seat") -> Document:
    """Enter the letter in the book; the same letter again finds the first."""
    if said.asker.is_on_system:
        raise Refused("Đảng ủy này dùng hệ thống: đề nghị họ phát hành công văn trên hệ thống.")
    incoming, _ = IncomingLetter.objects.select_for_update(of=("self",)).get_or_create(
        asker=said.asker,
        commune=commune,
        number=said.number,
        dated_on=said.dated_on,
        defaults={"received_on": said.received_on, "due_on": said.due_on, "registered_by": by},
    )
    if incoming.document:
        return incoming.document
    letter = _letter(incoming, said, by)
    letter.save()
    move(letter, Document.State.ISSUED, by=by, issued_on=said.dated_on)
    incoming.document = letter
    incoming.save(update_fields=["document"])
    if said.scan:
        add_scan(letter, said.scan, by=by)
    AuditEvent.objects.record("IncomingLetter.register", by=by, on=incoming, fields=["number", "dated_on"])
    return letter


def _letter(incoming: IncomingLetter, said: PaperRequest, by: "Seat") -> Document:
    return new_document(
        Document.Genre.REQUEST_LETTER,
        key=f"request:incoming:{incoming.pk}",
        issuer=said.asker,
        recipient=incoming.commune,
        number=said.number,
        keyed_by=by,
        prepared_by=by,
        registered_no=said.registered_no,
        registered_at=timezone.now(),
        registered_by=by,
        abstract=f"V/v đề nghị nhận xét đảng viên giữ mối liên hệ nơi cư trú năm {said.year}",
        facts={"to": incoming.commune.name, "year": said.year, "due_on": said.due_on.isoformat()},
    )


@transaction.atomic
def ask_about(letter: Document, placements: Iterable[Placement], *, by: "Seat") -> int:
    """One request for each of these people; who is asked about already is not asked about twice. How many are new."""
    incoming = IncomingLetter.objects.select_for_update().select_related("asker").get(document=letter)
    known = set(incoming.requests.live().values_list("member_id", flat=True))
    fresh = [
        EvaluationRequest(
            incoming=incoming,
            letter=letter,
            member_id=placement.member_id,
            placement=placement,
            residence_commune_id=incoming.commune_id,
            asked_by=incoming.asker,
            asker_now=incoming.asker,
            year=letter.facts["year"],
            due_on=letter.facts["due_on"],
        )
        for placement in placements
        if placement.member_id not in known and placement.standing == Placement.Standing.ACTIVE
    ]
    rows = EvaluationRequest.objects.bulk_create(fresh, batch_size=200)
    asked = EvaluationRequest.objects.filter(pk__in=[row.pk for row in rows])
    move_all(asked, State.ISSUED, by=by)
    return move_all(asked, State.AT_COMMUNE, by=by)


def letter_of(roster: RosterImport) -> Document:
    """The paper letter a list came with; a workbook's further sheets hang on its first."""
    incoming = IncomingLetter.objects.select_related("document__recipient", "document__issuer")
    found = incoming.get(rosters=roster.first_sheet_id or roster.pk)
    assert found.document is not None
    return found.document


@transaction.atomic
def take_list(roster: RosterImport, *, by: "Seat") -> int:
    """Write the list into the register and ask about everybody on it. Pressing twice: nothing."""
    letter = letter_of(roster)
    roster.commit(by=by)
    people = [member.pk for member in roster.written]
    placements = Placement.objects.current().filter(member__in=people, commune=letter.recipient)
    return ask_about(letter, placements.order_by("pk"), by=by)
