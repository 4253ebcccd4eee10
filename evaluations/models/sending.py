"""The request letters of one campaign: drafted for each commune, written, numbered, sent out."""

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from datetime import date
from typing import TYPE_CHECKING

from django.db import connection, models
from django.db.models import OuterRef, Subquery
from django.utils import timezone

from evaluations.models.documents import Document, NumberSeries
from evaluations.models.eligibility import candidates
from evaluations.models.letters import Letter, letter_for
from evaluations.models.request_letters import letter_rows, request_letter
from evaluations.models.requests import EvaluationRequest, open_assessments
from members.models import Organization
from members.states import move_all

if TYPE_CHECKING:
    from evaluations.models.campaigns import Campaign
    from members.models import Seat

State = EvaluationRequest.State
LETTER = Document.Genre.REQUEST_LETTER
# Leaving out in `candidates` is fast, ON CONFLICT closes the race. The same text on SQLite and PostgreSQL.
_INSERT = """
INSERT INTO evaluations_evaluationrequest (
  member_id, placement_id, residence_commune_id, campaign_id, year, part, asked_by_id, asker_now_id, state, due_on,
  dossier_code, end_code, end_note, consider_code, consider_note, set_aside_note, created_at)
SELECT c.member_id, c.placement_id, c.commune_id, k.id, k.year, 'whole', k.committee_id, k.committee_id, 'prepared',
  k.due_on, '', '', '', '', '', '', %s
FROM ({candidates}) c JOIN evaluations_campaign k ON k.id = c.campaign_id
WHERE c.reason = ''
ON CONFLICT DO NOTHING
"""


def prepare_requests(campaign: "Campaign") -> None:
    """Everybody who is to be asked about and is not in the campaign yet: prepared, without a letter."""
    sql, params = candidates([campaign])
    now = connection.ops.adapt_datetimefield_value(timezone.now())
    with connection.cursor() as cursor:
        cursor.execute(_INSERT.format(candidates=sql), [now, *params])


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
    numbers: Sequence[int],
    *,
    by: "Seat",
    on: date,
    signature: dict[str, str] | None = None,
) -> None:
    """Number the letters and let them go, with their requests and notices."""
    series = NumberSeries.locked(campaign.committee, Document.SIGNS[LETTER], on)
    for letter, number in zip(letters, numbers, strict=True):
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
    queue_notices(letters)


def queue_notices(letters: Collection[Document]) -> None:
    """One delivery for each letter: how many it asks about, until when."""
    asked = EvaluationRequest.objects.filter(letter__in=[letter.pk for letter in letters]).order_by()
    counts = dict(asked.values_list("letter").annotate(n=models.Count("pk")))
    notices = [
        letter_for(letter, Letter.Kind.REQUEST, {"count": counts.get(letter.pk, 0), "due_on": letter.facts["due_on"]})
        for letter in letters
    ]
    Letter.objects.bulk_create(notices, batch_size=500, ignore_conflicts=True)
