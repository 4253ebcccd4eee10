"""The launch of a whole season: requests, letters with numbers, and notices, each as one statement for all committees.

Half a million requests are written once, already issued; nothing is written row by row. A single campaign is presented
and issued in two steps (letters.py has the papers, campaigns.py the steps) by the same SELECT of whom to ask.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from django.db import connection, models, transaction
from django.db.models import OuterRef, Subquery
from django.utils import timezone

from evaluations.models.assessments import Assessment
from evaluations.models.documents import Document, NumberSeries
from evaluations.models.eligibility import candidates
from evaluations.models.letters import Letter
from evaluations.models.request_letters import request_letter
from evaluations.models.requests import EvaluationRequest, open_assessments
from evaluations.models.sending import LETTER, queue_notices
from members.models import AuditEvent
from members.states import Refused, move_all

if TYPE_CHECKING:
    from evaluations.models.campaigns import Campaign
    from members.models import Seat

State = EvaluationRequest.State
# What the two databases say in other words.
_WORDS = {
    "postgresql": {
        "next_id": "nextval(pg_get_serial_sequence('evaluations_evaluationrequest', 'id'))",
        "json": "jsonb",
        "object": "jsonb_build_object",
        "person": "json_build_object",  # text, read once at the end: a third faster than jsonb piece by piece
        "list": "json_agg({0} ORDER BY no)",
        "in_order": "",
        "facts": "base.facts || jsonb_build_object('to', n.place, 'due_on', n.due, 'rows', n.people)",
    },
    "sqlite": {
        "next_id": "COALESCE((SELECT seq FROM sqlite_sequence WHERE name = 'evaluations_evaluationrequest'), 0)"
        " + row_number() OVER ()",
        "json": "text",
        "object": "json_object",
        "person": "json_object",
        "list": "json_group_array({0})",
        "in_order": "ORDER BY a.campaign_id, a.commune_id, no",
        "facts": "json_set(base.facts, '$.to', n.place, '$.due_on', n.due, '$.rows', json(n.people))",
    },
}
# Whom the launch is about, looked at once: what is imported while it runs waits for the next one.
_ASKED = """
CREATE TEMPORARY TABLE launch_asked AS
SELECT c.campaign_id, c.commune_id, {next_id} AS request_id, c.member_id, c.placement_id, 'whole' AS part, k.due_on,
  1 AS is_new
FROM ({candidates}) c JOIN evaluations_campaign k ON k.id = c.campaign_id
WHERE c.reason = ''
"""
# Who moved within the year waits for the next letter of the campaign.
_WAITING = """
INSERT INTO launch_asked
SELECT campaign_id, residence_commune_id, id, member_id, placement_id, part, due_on, 0
FROM evaluations_evaluationrequest WHERE state = 'prepared' AND campaign_id IN ({campaigns})
"""
# New rows have no statistics yet, and what joins them would be planned as if there were a handful: they are looked up
# from small tables of their own, which have.
_WRITTEN = """
SELECT id, campaign_id, recipient_id FROM evaluations_document
WHERE genre = 'request_letter' AND issued_at = %s AND campaign_id IN (SELECT campaign_id FROM launch_campaign)
"""
# One look into the index for each of them, whatever the planner takes the table for.
_FORMS = """
SELECT a.placement_id, k.year, (SELECT s.id FROM evaluations_assessment s
  WHERE s.placement_id = a.placement_id AND s.year = k.year AND s.purpose = 'annual') AS id
FROM launch_asked a JOIN evaluations_campaign k ON k.id = a.campaign_id
JOIN members_organization o ON o.id = a.commune_id
WHERE o.kind = 'external' GROUP BY 1, 2
"""
# The rows of request_letters.letter_rows. The address is stored encrypted: it stays so until the letter is drawn.
_PEOPLE = """
WITH listed AS (
  SELECT a.campaign_id, a.commune_id, a.due_on, a.request_id, a.part, m.full_name, m.sex, m.address,
    CAST(m.birth_date AS text) AS born, m.birth_year, ms.position, cell.name AS cell, p.cell_as_written,
    row_number() OVER (PARTITION BY a.campaign_id, a.commune_id ORDER BY m.sort_key, a.request_id) AS no
  FROM launch_asked a
  JOIN members_member m ON m.id = a.member_id
  JOIN members_placement p ON p.id = a.placement_id
  LEFT JOIN members_membership ms ON ms.member_id = m.id AND ms.until_on IS NULL
  LEFT JOIN members_organization cell ON cell.id = ms.cell_id
  {in_order}
),
written AS (
  SELECT campaign_id, commune_id, CAST(max(due_on) AS text) AS due, {list} AS people FROM listed GROUP BY 1, 2
),
numbered AS (
  SELECT written.*, o.name AS place,
    row_number() OVER (PARTITION BY campaign_id ORDER BY o.locality_key, o.id) AS ordinal
  FROM written JOIN members_organization o ON o.id = commune_id
),
earlier AS (
  SELECT campaign_id, recipient_id, count(*) AS rounds FROM evaluations_document
  WHERE genre = 'request_letter' AND campaign_id IN (SELECT campaign_id FROM launch_campaign) GROUP BY 1, 2
)
"""
_PERSON = """{object}(
  'no', no, 'request', request_id, 'name', full_name,
  'birth', CASE WHEN born IS NULL THEN CAST(birth_year AS text)
    ELSE substr(born, 9, 2) || '/' || substr(born, 6, 2) || '/' || substr(born, 1, 4) END,
  'sex', CASE sex WHEN 'M' THEN 'Nam' WHEN 'F' THEN 'Nữ' ELSE '' END,
  'position', COALESCE(position, ''), 'workplace_cell', COALESCE(cell, ''), 'sealed_address', address,
  'residence', cell_as_written || CASE WHEN part = 'whole' THEN '' ELSE
    CASE WHEN cell_as_written = '' THEN '' ELSE ', ' END
    || 'từ ' || substr(part, 9, 2) || '/' || substr(part, 6, 2) || '/' || substr(part, 1, 4)
    || ' đến ' || substr(part, 21, 2) || '/' || substr(part, 18, 2) || '/' || substr(part, 13, 4) END)"""


@dataclass(frozen=True)
class Launched:
    committees: int
    letters: int
    members: int


@transaction.atomic
def launch(campaigns: "Sequence[Campaign]", *, by: "Seat", on: date) -> Launched:
    """Ask about everybody who is missing in these campaigns, whose rows are locked."""
    if not campaigns:
        return Launched(0, 0, 0)
    now = timezone.now()
    _look(campaigns)
    touched = _number(campaigns, by, on)
    done = Launched(0, 0, 0)
    if touched:
        letters = _write_letters(by, now, on)
        members = _ask(by, now) + _let_go_who_waited(touched, by, now)
        _queue(touched, now)
        done = Launched(len(touched), len(letters), members)
    with connection.cursor() as cursor:
        for table in ("asked", "campaign", "number", "letter", "form"):
            cursor.execute(f"DROP TABLE IF EXISTS launch_{table}")
    return done


def _words() -> dict[str, str]:
    return _WORDS[connection.vendor]


def _look(campaigns: "Sequence[Campaign]") -> None:
    sql, params = candidates(campaigns)
    ids = [campaign.pk for campaign in campaigns]
    with connection.cursor() as cursor:
        cursor.execute(_ASKED.format(next_id=_words()["next_id"], candidates=sql), params)
        cursor.execute(_WAITING.format(campaigns=", ".join(["%s"] * len(ids))), ids)
        cursor.execute("ANALYZE launch_asked")


def _note(table: str, select: str, params: Sequence[Any] = ()) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE TEMPORARY TABLE {table} AS {select}", params)
        cursor.execute(f"ANALYZE {table}")


def _number(campaigns: "Sequence[Campaign]", by: "Seat", on: date) -> "list[Campaign]":
    """Take the numbers of each committee's own book and freeze what all its letters say; campaigns with letters."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT campaign_id, count(DISTINCT commune_id) FROM launch_asked GROUP BY 1")
        counts = dict(cursor.fetchall())
        cursor.execute(
            f"CREATE TEMPORARY TABLE launch_campaign "
            f"(campaign_id bigint, series_id bigint, abstract text, facts {_words()['json']})"
        )
        cursor.execute("CREATE TEMPORARY TABLE launch_number (campaign_id bigint, first int, last int, shift int)")
        touched = [campaign for campaign in campaigns if campaign.pk in counts]
        for campaign in touched:
            series = NumberSeries.locked(campaign.committee, Document.SIGNS[LETTER], on)
            letter = request_letter(campaign, campaign.committee, [], 0, campaign.due_on, by)
            said: list[Any] = [campaign.pk, series.pk, letter.abstract, json.dumps(letter.facts, ensure_ascii=False)]
            cursor.execute("INSERT INTO launch_campaign VALUES (%s, %s, %s, %s)", said)
            for run in _runs(series.take_next(counts[campaign.pk])):
                cursor.execute("INSERT INTO launch_number VALUES (%s, %s, %s, %s)", [campaign.pk, *run])
        cursor.execute("ANALYZE launch_campaign")
        cursor.execute("ANALYZE launch_number")
    return touched


def _runs(numbers: list[int]) -> Iterator[tuple[int, int, int]]:
    """[5, 6, 9] → (1, 2, 4), (3, 3, 6): letters first to last, and what to add to get their numbers."""
    start = 0
    for place in range(1, len(numbers) + 1):
        if place == len(numbers) or numbers[place] != numbers[place - 1] + 1:
            yield start + 1, place, numbers[start] - start - 1
            start = place


def _write_letters(by: "Seat", now: datetime, on: date) -> list[int]:
    words = _words()
    columns = {
        "key": "'request:campaign:' || k.id || ':commune:' || n.commune_id || ':' || (COALESCE(e.rounds, 0) + 1)",
        "genre": "'request_letter'",
        "issuer_id": "k.committee_id",
        "recipient_id": "n.commune_id",
        "campaign_id": "k.id",
        "abstract": "base.abstract",
        "series_id": "base.series_id",
        "number": "CAST(n.ordinal + taken.shift AS text)",
        "facts": words["facts"],
        "state": "'issued'",
    }
    stamps = {"prepared_by": by.pk, "prepared_at": now, "issued_by": by.pk, "issued_at": now, "issued_on": on}
    people = words["list"].format(_PERSON.format(object=words["person"]))
    head = _PEOPLE.format(list=people, in_order=words["in_order"])
    source = """
    FROM numbered n JOIN evaluations_campaign k ON k.id = n.campaign_id
    JOIN launch_campaign base ON base.campaign_id = n.campaign_id
    JOIN launch_number taken ON taken.campaign_id = n.campaign_id AND n.ordinal BETWEEN taken.first AND taken.last
    LEFT JOIN earlier e ON e.campaign_id = n.campaign_id AND e.recipient_id = n.commune_id
    """
    ids = _insert(Document, columns, stamps, source, head=head)
    _note("launch_letter", _WRITTEN, [_moment(now)])
    AuditEvent.objects.record_many("Document.issued", by=by, model=Document, ids=ids)
    return ids


def _ask(by: "Seat", now: datetime) -> int:
    """One statement for all. Communes on paper assign nobody here: the row to which their forms lead comes first."""
    external = "JOIN members_organization o ON o.id = a.commune_id"
    _insert(
        Assessment,
        {"placement_id": "a.placement_id", "year": "k.year", "purpose": "'annual'"},
        {},
        f"FROM launch_asked a JOIN evaluations_campaign k ON k.id = a.campaign_id {external} WHERE o.kind = 'external'",
    )
    _note("launch_form", _FORMS)
    columns = {
        "id": "a.request_id",
        "member_id": "a.member_id",
        "placement_id": "a.placement_id",
        "residence_commune_id": "a.commune_id",
        "campaign_id": "a.campaign_id",
        "year": "k.year",
        "asked_by_id": "k.committee_id",
        "asker_now_id": "k.committee_id",
        "assessment_id": "s.id",
        "letter_id": "d.id",
        "state": "'issued'",
        "due_on": "a.due_on",
    }
    source = """
    FROM launch_asked a JOIN evaluations_campaign k ON k.id = a.campaign_id
    JOIN launch_letter d ON d.campaign_id = a.campaign_id AND d.recipient_id = a.commune_id
    LEFT JOIN launch_form s ON s.placement_id = a.placement_id AND s.year = k.year
    WHERE a.is_new = 1
    """
    stamps = {"created_at": now, "issued_at": now, "issued_by": by.pk}
    ids = _insert(EvaluationRequest, columns, stamps, source)
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM launch_asked WHERE is_new = 1")
        if cursor.fetchone() != (len(ids),):
            raise Refused("Danh sách vừa thay đổi trong lúc phát hành. Chưa công văn nào được gửi; xin phát hành lại.")
    if ids:
        AuditEvent.objects.record_many("EvaluationRequest.issued", by=by, model=EvaluationRequest, ids=ids)
    return len(ids)


def _let_go_who_waited(touched: "Sequence[Campaign]", by: "Seat", now: datetime) -> int:
    waiting = EvaluationRequest.objects.filter(campaign__in=touched, state=State.PREPARED)
    own = Document.objects.filter(campaign=OuterRef("campaign"), recipient=OuterRef("residence_commune"))
    waiting.update(letter=Subquery(own.filter(issued_at=now, genre=LETTER).values("pk")[:1]))
    moved = move_all(waiting, State.ISSUED, by=by)
    if moved:
        late = EvaluationRequest.objects.filter(letter__campaign__in=touched, letter__issued_at=now, assessment=None)
        open_assessments(late.filter(residence_commune__kind="external"))
    return moved


def _queue(touched: "Sequence[Campaign]", now: datetime) -> None:
    """Notices in one statement; paper for communes outside, whose codes only this program can compute, one by one."""
    columns = {
        "key": "'request:' || d.key",
        "kind": "'request'",
        "channel": "'email'",
        "document_id": "d.id",
        "recipient_id": "d.recipient_id",
        "facts": f"{_words()['object']}('count', asked.number, 'due_on', asked.due)",
        "state": "'queued'",
    }
    source = """
    FROM (SELECT campaign_id, commune_id, count(*) AS number, CAST(max(due_on) AS text) AS due
      FROM launch_asked GROUP BY 1, 2) asked
    JOIN launch_letter l ON l.campaign_id = asked.campaign_id AND l.recipient_id = asked.commune_id
    JOIN evaluations_document d ON d.id = l.id JOIN members_organization o ON o.id = d.recipient_id
    WHERE o.kind <> 'external'
    """
    _insert(Letter, columns, {"created_at": now}, source)
    papers = Document.objects.filter(campaign__in=touched, issued_at=now, genre=LETTER, recipient__kind="external")
    queue_notices(list(papers.select_related("recipient")))


def _insert(
    model: type[models.Model],
    columns: dict[str, str],
    values: dict[str, Any],
    source: str,
    *,
    head: str = "",
) -> list[int]:
    """INSERT … SELECT: `columns` are SQL, `values` the same for all rows, every other column has the model's default.

    Returns the new ids. Names come from models, values travel as parameters.
    """
    said = dict(columns)
    given: list[Any] = []
    for field in model._meta.concrete_fields:
        assert field.column
        if field.column in columns or field.primary_key or (field.name not in values and field.null):
            continue
        value = values.get(field.name, values.get(field.attname, field.get_default()))
        said[field.column] = "%s"
        given.append(field.get_db_prep_save(value, connection))
    table = connection.ops.quote_name(model._meta.db_table)
    names = ", ".join(connection.ops.quote_name(name) for name in said)
    # SQLite takes ON CONFLICT after a SELECT only behind a WHERE.
    end = source if "WHERE" in source else f"{source} WHERE true"
    sql = f"{head} INSERT INTO {table} ({names}) SELECT {', '.join(said.values())} {end}"  # noqa: S608
    with connection.cursor() as cursor:
        cursor.execute(f"{sql} ON CONFLICT DO NOTHING RETURNING id", given)
        return [pk for (pk,) in cursor.fetchall()]


def _moment(now: datetime) -> Any:
    return connection.ops.adapt_datetimefield_value(now)
