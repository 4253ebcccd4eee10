"""The launch, for one committee or for all of a season: requests as one statement, then letters, numbers, notices."""

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

from django.db import connection, models, transaction
from django.db.models import OuterRef, Subquery
from django.utils import timezone

from evaluations.models.documents import Document, NumberSeries
from evaluations.models.eligibility import candidates
from evaluations.models.letters import Letter, letter_for
from evaluations.models.request_letters import letter_rows, request_letter
from evaluations.models.requests import EvaluationRequest, open_assessments
from members.models import AuditEvent, Organization
from members.states import move_all

if TYPE_CHECKING:
    from evaluations.models.campaigns import Campaign
    from members.models import Seat

State = EvaluationRequest.State
LETTER = Document.Genre.REQUEST_LETTER
# Leaving out in `candidates` is fast, ON CONFLICT closes the race. The same text on SQLite and PostgreSQL.
_INSERT = """
INSERT INTO evaluations_evaluationrequest (
  member_id, placement_id, residence_commune_id, campaign_id, year, part, asked_by_id, asker_now_id, letter_id, state,
  due_on, dossier_code, end_code, end_note, consider_code, consider_note, set_aside_note, created_at, issued_at,
  issued_by_id)
SELECT c.member_id, c.placement_id, c.commune_id, k.id, k.year, 'whole', k.committee_id, k.committee_id, {letter}, %s,
  k.due_on, '', '', '', '', '', '', %s, {stamps}
FROM {source} c JOIN evaluations_campaign k ON k.id = c.campaign_id {join}
WHERE c.reason = ''
ON CONFLICT DO NOTHING
"""
# There is one draft for each commune of a campaign at most, and the campaigns are locked.
_DRAFTS = """
JOIN evaluations_document d ON d.campaign_id = k.id AND d.recipient_id = c.commune_id
  AND d.genre = 'request_letter' AND d.state = 'draft'
"""


@dataclass(frozen=True)
class Launched:
    committees: int
    letters: int
    members: int


def prepare_requests(campaigns: "Sequence[Campaign]") -> None:
    """Everybody who is to be asked about and is not in his campaign yet: prepared, without a letter."""
    sql, params = candidates(campaigns)
    insert = _INSERT.format(letter="NULL", stamps="NULL, NULL", source=f"({sql})", join="")
    with connection.cursor() as cursor:
        cursor.execute(insert, [State.PREPARED.value, _now(), *params])


@transaction.atomic
def launch(campaigns: "Sequence[Campaign]", *, by: "Seat", on: date) -> Launched:
    """Ask about everybody who is missing in these campaigns, whose rows are locked.

    Requests are written once, already issued: half a million rows written twice would cost as much again.
    """
    with connection.cursor() as cursor:
        sql, params = candidates(campaigns)
        cursor.execute(f"CREATE TEMPORARY TABLE launch_asked AS SELECT * FROM ({sql}) c WHERE reason = ''", params)  # noqa: S608
        cursor.execute("SELECT DISTINCT campaign_id, commune_id FROM launch_asked")
        asked: dict[int, set[int]] = {}
        for campaign_id, commune_id in cursor.fetchall():
            asked.setdefault(campaign_id, set()).add(commune_id)
    # Who moved within the year waits for the next letter of the campaign.
    waiting = EvaluationRequest.objects.filter(campaign__in=campaigns, state=State.PREPARED)
    for campaign_id, commune_id in waiting.order_by().values_list("campaign", "residence_commune").distinct():
        asked.setdefault(campaign_id, set()).add(commune_id)
    touched = [campaign for campaign in campaigns if campaign.pk in asked]
    communes = Organization.objects.in_bulk({pk for ids in asked.values() for pk in ids})
    letters = {
        campaign.pk: open_drafts(campaign, [communes[pk] for pk in asked[campaign.pk]], by) for campaign in touched
    }
    link_to_drafts(waiting)
    members = _ask_at_once(by) + waiting.exclude(letter=None).count()
    for campaign in touched:
        write_letters(campaign, letters[campaign.pk], by)
        send_out(campaign, letters[campaign.pk], None, by=by, on=on)
    return Launched(len(letters), sum(map(len, letters.values())), members)


def _ask_at_once(by: "Seat") -> int:
    insert = _INSERT.format(letter="d.id", stamps="%s, %s", source="launch_asked", join=_DRAFTS)
    with connection.cursor() as cursor:
        cursor.execute(f"{insert} RETURNING id", [State.ISSUED.value, _now(), _now(), by.pk])
        ids = [pk for (pk,) in cursor.fetchall()]
        cursor.execute("DROP TABLE launch_asked")
    if ids:
        AuditEvent.objects.record_many("EvaluationRequest.issued", by=by, model=EvaluationRequest, ids=ids)
    return len(ids)


def _now() -> Any:
    return connection.ops.adapt_datetimefield_value(timezone.now())


def open_drafts(campaign: "Campaign", communes: Iterable[Organization], by: "Seat") -> list[Document]:
    """A letter to each commune that is not out of the house, in signing order: one taken back before is used again."""
    letters = campaign.documents.filter(genre=LETTER)
    unsent = [Document.State.DRAFT, Document.State.FOR_SIGNATURE]
    known = {letter.recipient_id: letter for letter in letters.filter(state__in=unsent).select_related("recipient")}
    rounds = Counter(letters.exclude(state__in=unsent).values_list("recipient_id", flat=True))
    ordered = sorted(communes, key=lambda commune: (commune.locality_key, commune.pk))
    fresh = [
        request_letter(campaign, commune, [], rounds[commune.pk] + 1, campaign.due_on, by)
        for commune in ordered
        if commune.pk not in known
    ]
    Document.objects.bulk_create(fresh, batch_size=500)
    known |= {letter.recipient_id: letter for letter in fresh}
    return [known[commune.pk] for commune in ordered]


def link_to_drafts(prepared: "models.QuerySet[EvaluationRequest]") -> None:
    """Each prepared request to the letter of its commune that is not out of the house."""
    unsent = Document.objects.filter(genre=LETTER, state__in=[Document.State.DRAFT, Document.State.FOR_SIGNATURE])
    own = unsent.filter(campaign=OuterRef("campaign"), recipient=OuterRef("residence_commune"))
    prepared.update(letter=Subquery(own.values("pk")[:1]))


def write_letters(campaign: "Campaign", letters: Collection[Document], by: "Seat") -> None:
    """Freeze the facts of letters as they are now: who is asked about, until when, who answers for it."""
    if not letters:
        return
    matters = campaign.requests.filter(letter__in=[letter.pk for letter in letters]).live()
    rows = letter_rows(matters)
    due = dict(matters.order_by().values_list("residence_commune").annotate(due=models.Max("due_on")))
    for letter in letters:
        assert letter.recipient is not None
        place = letter.recipient.pk
        written = request_letter(
            campaign, letter.recipient, rows.get(place, []), 0, due.get(place, campaign.due_on), by
        )
        letter.facts, letter.prepared_by = written.facts, by
    Document.objects.bulk_update(letters, ["facts", "prepared_by"], batch_size=200)


def send_out(
    campaign: "Campaign",
    letters: Collection[Document],
    numbers: Sequence[int] | None,
    *,
    by: "Seat",
    on: date,
    signature: dict[str, str] | None = None,
) -> None:
    """Number the letters and let them go, with their requests and notices. Without `numbers`: the next of the book."""
    series = NumberSeries.locked(campaign.committee, Document.SIGNS[LETTER], on)
    for letter, number in zip(letters, numbers or series.take_next(len(letters)), strict=True):
        letter.series, letter.number = series, str(number)
        letter.facts["signature"] = signature or letter.facts["signature"]
    Document.objects.bulk_update(letters, ["series", "number", "facts"], batch_size=200)
    ids = [letter.pk for letter in letters]
    move_all(campaign.documents.filter(pk__in=ids), Document.State.ISSUED, by=by, issued_on=on)
    prepared = EvaluationRequest.objects.filter(letter__in=ids, state=State.PREPARED)
    move_all(prepared, State.ISSUED, by=by)
    # Communes on paper never assign anybody here: the row to which their forms lead is opened now.
    external = Organization.objects.filter(kind=Organization.Kind.EXTERNAL)
    asked = campaign.requests.awaiting_answer().filter(letter__in=ids, assessment=None)
    open_assessments(asked.filter(residence_commune__in=external))
    _queue(campaign, letters)


def _queue(campaign: "Campaign", letters: Collection[Document]) -> None:
    asked = campaign.requests.filter(letter__in=[letter.pk for letter in letters]).order_by()
    counts = dict(asked.values_list("letter").annotate(n=models.Count("pk")))
    notices = [
        letter_for(letter, Letter.Kind.REQUEST, {"count": counts.get(letter.pk, 0), "due_on": letter.facts["due_on"]})
        for letter in letters
    ]
    Letter.objects.bulk_create(notices, batch_size=500, ignore_conflicts=True)
