"""Open work when organisations change: every request, letter and scan ends with one owner, under the same numbers.

Issued papers keep the names frozen in them; what moves is who works on them. What is over (a closed campaign, silence
that was recorded) stays with the organisation it happened to.
"""

from datetime import date
from typing import TYPE_CHECKING

from django.db.models import Exists, Min, OuterRef, Q, QuerySet
from django.utils import timezone

from evaluations.models.campaigns import Campaign
from evaluations.models.deadlines import InnerDeadline
from evaluations.models.documents import Document
from evaluations.models.introductions import Introduction
from evaluations.models.letters import Letter, letter_for
from evaluations.models.requests import EvaluationRequest, IncomingLetter, RequestQuerySet
from evaluations.models.residence_reports import ResidenceReport
from evaluations.models.scan_pages import ScanPage
from evaluations.models.scans import ScanBatch
from members.models import AuditEvent, Membership, Organization
from members.states import move, move_all

if TYPE_CHECKING:
    from members.models import Seat

State = EvaluationRequest.State
OVER = (State.CANCELLED, State.SUPERSEDED, State.NO_REPLY)
WAITING = (Document.State.DRAFT, Document.State.FOR_SIGNATURE)
AGAIN = "Tổ chức đảng vừa được sắp xếp lại: xin trình lại để công văn ghi đúng tên và nơi nhận."


def open_matters(organizations: list[Organization]) -> RequestQuerySet:
    """Requests that one of these has still something to do about, on either side."""
    here = Q(residence_commune__in=organizations) | Q(residence_cell__in=organizations) | Q(asker_now__in=organizations)
    return lasting().filter(here).exclude(state=State.CONSIDERED).exclude(state=State.DECLINED, reply__isnull=False)


def lasting() -> RequestQuerySet:
    """Requests that go with whoever continues the work."""
    archived = Campaign.objects.filter(pk=OuterRef("campaign"), state__in=["closed", "archived"])
    return EvaluationRequest.objects.exclude(state__in=OVER).filter(~Exists(archived))


def hand_on(olds: list[Organization], new: Organization, *, by: "Seat") -> dict[str, int]:
    """Everything these had to do is to be done by `new`; how many requests went over."""
    send_back_waiting(Q(recipient__in=olds) | Q(issuer__in=olds), by=by)
    _readdress_drafts(olds, new, by=by)
    _hand_on_silence(olds, new)
    moved = sum(
        _change(lasting().filter(**{f"{place}__in": olds}), {place: new}, by=by)
        for place in ("residence_commune", "residence_cell", "asker_now")
    )
    for place in ("workplace", "commune", "cell"):
        Introduction.objects.live().filter(**{f"{place}__in": olds}).update(**{place: new})
        ResidenceReport.objects.filter(**{f"{place}__in": olds}).update(**{place: new})
    Document.objects.filter(recipient__in=olds, state=Document.State.ISSUED).update(recipient=new)
    Document.objects.filter(recipient__in=olds, state__in=WAITING, campaign=None).update(recipient=new)
    drafted = Document.objects.filter(genre=Document.Genre.INTRODUCTION, state__in=WAITING)
    drafted.filter(issuer__in=olds).update(issuer=new)
    undelivered = Letter.objects.filter(state__in=[Letter.State.QUEUED, Letter.State.RENDERED])
    undelivered.filter(recipient__in=olds).update(recipient=new)
    undelivered.filter(caller__in=olds).update(caller=new)
    ScanBatch.objects.filter(organization__in=olds).update(organization=new)
    ScanPage.objects.filter(organization__in=olds).update(organization=new)
    ScanPage.objects.filter(cell__in=olds).update(cell=new)
    _hand_on_paper_letters(olds, new)
    _hand_on_deadlines(olds, new)
    for old in olds:
        _hand_on_campaigns(old, new, by=by)
    return {"requests": moved}


def _change(matters: RequestQuerySet, elsewhere: dict[str, Organization], *, by: "Seat") -> int:
    ids = list(matters.values_list("pk", flat=True))
    if ids:
        AuditEvent.objects.record_many("EvaluationRequest.succeed", by=by, model=EvaluationRequest, ids=ids)
        matters.order_by().update(**elsewhere)
    return len(ids)


def send_back_waiting(letters: Q, *, by: "Seat") -> None:
    """Letters in a folder for signature name what is no longer so: their drafters present them anew."""
    waiting = Document.objects.filter(letters, state=Document.State.FOR_SIGNATURE, campaign__isnull=False)
    ids: dict[int, list[int]] = {}
    for pk, campaign_id in waiting.order_by("pk").values_list("pk", "campaign_id"):
        ids.setdefault(campaign_id or 0, []).append(pk)
    for campaign in Campaign.objects.filter(pk__in=ids).order_by("pk"):
        campaign.send_back_letters(dict.fromkeys(ids[campaign.pk], AGAIN), by=by)
    papers = Document.objects.filter(genre=Document.Genre.INTRODUCTION, state=Document.State.FOR_SIGNATURE)
    note = {"return_note": AGAIN, "returned_at": timezone.now(), "returned_by": by}
    move_all(papers.filter(letters), Document.State.DRAFT, by=by, **note)


def _hand_on_silence(olds: list[Organization], new: Organization) -> None:
    """What a merged unit never answered may still be answered late, by whoever continues it; that the old one kept
    silent stays written down."""
    silent = EvaluationRequest.objects.filter(state=State.NO_REPLY, year__gte=timezone.localdate().year - 1)
    for old in olds:
        unsaid = silent.filter(residence_commune=old, end_note="")
        unsaid.update(end_note=f"Chưa trả lời khi kết thúc đợt: {old.name}"[:300])
        silent.filter(residence_commune=old).update(residence_commune=new)
        silent.filter(residence_cell=old).update(residence_cell=new)


def _readdress_drafts(olds: list[Organization], new: Organization, *, by: "Seat") -> None:
    """One draft of a campaign to each receiver: a second one to the same is not needed."""
    drafts = Document.objects.filter(state=Document.State.DRAFT, campaign__isnull=False)
    taken: set[int | None] = set(drafts.filter(recipient=new).values_list("campaign", flat=True))
    needless = []
    for draft in drafts.filter(recipient__in=olds).order_by("pk"):
        if draft.campaign_id in taken:
            needless.append(draft.pk)
        else:
            taken.add(draft.campaign_id)
            Document.objects.filter(pk=draft.pk).update(recipient=new)
    needless += drafts.filter(issuer__in=olds).values_list("pk", flat=True)
    move_all(Document.objects.filter(pk__in=needless), Document.State.WITHDRAWN, by=by)


def _hand_on_paper_letters(olds: list[Organization], new: Organization) -> None:
    """A letter on paper went to several wards under one number: the first in the new book keeps its place there."""
    for place in ("commune", "asker"):
        for letter in IncomingLetter.objects.filter(**{f"{place}__in": olds}).order_by("pk"):
            setattr(letter, place, new)
            same = {name: getattr(letter, name) for name in ("asker_id", "commune_id", "number", "dated_on")}
            if not IncomingLetter.objects.filter(**same).exists():
                letter.save(update_fields=[place])


def _hand_on_deadlines(olds: list[Organization], new: Organization) -> None:
    """The earliest day that one of the communes had given its cells holds for all."""
    rows = InnerDeadline.objects.filter(commune__in=olds, year__gte=timezone.localdate().year)
    for year, due_on in rows.order_by().values_list("year").annotate(first=Min("due_on")):
        known, is_new = InnerDeadline.objects.get_or_create(commune=new, year=year, defaults={"due_on": due_on})
        if not is_new:
            InnerDeadline.objects.filter(pk=known.pk, due_on__gt=due_on).update(due_on=due_on)


def _hand_on_campaigns(old: Organization, new: Organization, *, by: "Seat") -> None:
    """An open round goes on under the new committee; where that has one of the year itself, both become one."""
    for campaign in Campaign.objects.filter(committee=old, state__in=["draft", "open"]).order_by("pk"):
        twin = Campaign.objects.filter(committee=new, year=campaign.year).first()
        if twin is None:
            campaign.committee = new
            campaign.save(update_fields=["committee"])
        elif twin.state in ("draft", "open") and campaign.state == Campaign.State.OPEN:
            _join_campaigns(campaign, twin, by=by)


def _join_campaigns(campaign: Campaign, twin: Campaign, *, by: "Seat") -> None:
    if twin.state == Campaign.State.DRAFT:
        move(twin, Campaign.State.OPEN, by=by)
    asked = twin.requests.live().values("member")
    # Whoever is asked about in both is asked about once, and nothing stays open in what is closed.
    twice = campaign.requests.filter(member__in=asked, state__in=[State.PREPARED, *EvaluationRequest.UNANSWERED])
    move_all(twice, State.SUPERSEDED, by=by, end_code="merged", end_note="Hai đợt đã gộp làm một")
    campaign.requests.exclude(member__in=asked).update(campaign=twin)
    campaign.documents.update(campaign=twin)
    move(campaign, Campaign.State.CLOSED, by=by)


# A part of what an organisation had goes elsewhere


def cells_changed_commune(cells: list[int], old: Organization, new: Organization, *, by: "Seat") -> dict[str, int]:
    """Residence cells now stand under another commune: it confirms and answers what is open about their people."""
    about = Q(residence_cell__in=cells) | Q(placement__cell__in=cells, placement__until_on=None)
    matters = lasting().filter(about, residence_commune=old)
    ids = list(matters.values_list("pk", flat=True))
    prepared = EvaluationRequest.objects.filter(pk__in=ids, state=State.PREPARED)
    send_back_waiting(Q(pk__in=prepared.values("letter")), by=by)
    moved = _change(matters, {"residence_commune": new}, by=by)
    Introduction.objects.live().filter(cell__in=cells, commune=old).update(commune=new)
    _redraft(Introduction.objects.filter(placement__cell__in=cells, commune=old), by=by, commune=new)
    _forward_letters(EvaluationRequest.objects.filter(pk__in=ids), old, new, by=by)
    return {"requests": moved}


def _forward_letters(matters: QuerySet[EvaluationRequest], old: Organization, new: Organization, *, by: "Seat") -> None:
    """The asker's letter stands in one book; for what another commune has to answer there is a copy in its own."""
    letters = Document.objects.filter(requests__in=matters, recipient=old, state=Document.State.ISSUED).distinct()
    for letter in letters.order_by("pk"):
        copy, is_new = Document.objects.get_or_create(
            key=f"{letter.key}:{new.pk}",
            defaults={
                "copy_of": letter,
                "recipient": new,
                **{name: getattr(letter, name) for name in _COPIED},
                "registered_by": by if letter.registered_at else None,
            },
        )
        if is_new:
            same = {name: getattr(letter, name) for name in ("issued_on", "issued_at", "issued_by")}
            move(copy, Document.State.ISSUED, by=by, **same)
            due = matters.filter(letter=letter).aggregate(first=Min("due_on"))["first"] or date.max
            letter_for(copy, Letter.Kind.REQUEST, {"count": 0, "due_on": due.isoformat()}).save()
        matters.filter(letter=letter).update(letter=copy)


_COPIED = (
    "genre",
    "issuer",
    "campaign",
    "abstract",
    "number",
    "facts",
    "mode",
    "keyed_by",
    "prepared_by",
    "registered_at",
)


def people_changed_cell(placements: list[int], new: Organization, *, by: "Seat") -> dict[str, int]:
    """Some of a residence cell's people go to another cell of the same commune."""
    matters = lasting().filter(placement__in=placements, residence_cell__isnull=False)
    Introduction.objects.live().filter(placement__in=placements, cell__isnull=False).update(cell=new)
    return {"requests": _change(matters, {"residence_cell": new}, by=by)}


def askers_changed(branch: Organization, old: Organization, new: Organization, *, by: "Seat") -> dict[str, int]:
    """People of a workplace branch now belong to another committee: the answers about them go there."""
    if old.pk == new.pk:
        return {"requests": 0}
    cells = Organization.objects.below(branch).values("pk")
    members = Membership.objects.filter(until_on=None, cell__in=cells).values("member")
    matters = lasting().filter(member__in=members, asker_now=old)
    prepared = matters.filter(state=State.PREPARED)
    send_back_waiting(Q(pk__in=prepared.values("letter")), by=by)
    _redraft(Introduction.objects.filter(member__in=members, workplace=old), by=by, workplace=new)
    Introduction.objects.live().filter(member__in=members, workplace=old).update(workplace=new)
    return {"requests": _change(matters, {"asker_now": new}, by=by)}


def _redraft(rows: QuerySet[Introduction], *, by: "Seat", **elsewhere: Organization) -> None:
    """Introductions that have not left the house are written anew, by whom and to whom it is now."""
    ids = list(rows.filter(state=Introduction.State.DRAFT).values_list("pk", flat=True))
    papers = Document.objects.filter(introduction__in=ids)
    send_back_waiting(Q(pk__in=list(papers.values_list("pk", flat=True))), by=by)
    sides = {"commune": "recipient", "workplace": "issuer"}
    papers.update(**{sides[place]: organization for place, organization in elsewhere.items()})
    Introduction.objects.filter(pk__in=ids).update(**elsewhere)


def committee_of(organization: Organization) -> Organization:
    """The committee that asks for the people of a cell."""
    found = organization
    while found.kind in (Organization.Kind.CELL, Organization.Kind.SECTIONAL) and found.parent:
        found = found.parent
    return found
