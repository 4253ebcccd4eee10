"""Answered per commune at 500,000 and at 5.5 million requests, as the pages of progress count it.

The yardstick is one recursive query over the tree for all communes, in the same run, with an index of its own that
covers it. Both must find the same figures. The offices are those of load_province; requests, answers and texts are
written by SQL, as a season stands in its fifth week: one in three answered, most at the cells, some not yet entered.
"""

import json
import os
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent.parent))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "liaison.settings_test")

import django

django.setup()

from django.core.management import call_command  # noqa: E402
from django.db import connection  # noqa: E402
from django.test import Client  # noqa: E402
from django.test.utils import CaptureQueriesContext  # noqa: E402
from django.utils import timezone  # noqa: E402

from evaluations.models import Campaign, EvaluationRequest, Season  # noqa: E402
from evaluations.progress import progress_over  # noqa: E402
from liaison.sessions import SEEN, SINCE  # noqa: E402
from members.models import Organization, User  # noqa: E402

SEED = 20261105
QUICK = "--quick" in sys.argv
SIZES = {"small": 5_000, "large": 20_000} if QUICK else {"small": 500_000, "large": 5_500_000}
TREE: dict[str, int] = (
    {"members": 500, "cells": 200, "communes": 20, "workplaces": 10}
    if QUICK
    else {"members": 20_000, "cells": 20_000, "communes": 300, "workplaces": 300}
)
PAIRS = 5 if QUICK else 7
TABLES = ("evaluations_assessment", "evaluations_assessmentversion", "evaluations_evaluationrequest")
# Of a hundred requests: the state, and of those at a cell the text.
STATES = """
CASE WHEN h < 5 THEN 'issued' WHEN h < 13 THEN 'at_commune' WHEN h < 58 THEN 'at_cell' WHEN h < 73 THEN 'answered'
     WHEN h < 86 THEN 'received' WHEN h < 92 THEN 'considered' WHEN h < 93 THEN 'return_asked'
     WHEN h < 96 THEN 'declined' WHEN h < 98 THEN 'no_reply' WHEN h < 99 THEN 'prepared' ELSE 'superseded' END
"""
PAST_CELL = "('at_cell', 'answered', 'received', 'considered', 'return_asked')"
REPLIED = "('answered', 'received', 'considered', 'return_asked')"
# What has been answered has a confirmed text; at a cell a third has none, then drafts, sent back, sent, confirmed.
TEXT = f"""
CASE WHEN known.state IN {REPLIED} THEN 'confirmed' WHEN k < 33 THEN '' WHEN k < 60 THEN 'draft' WHEN k < 65 THEN 'mend'
     WHEN k < 85 THEN 'submitted' ELSE 'confirmed' END
"""
RECURSIVE = f"""
WITH RECURSIVE tree AS (
  SELECT id, id AS commune FROM members_organization WHERE unit <> ''
  UNION ALL
  SELECT below.id, tree.commune FROM members_organization below JOIN tree ON below.parent_id = tree.id
)
SELECT tree.commune, count(*), count(*) FILTER (WHERE asked.state IN {REPLIED})
FROM evaluations_evaluationrequest asked
JOIN tree ON tree.id = COALESCE(asked.residence_cell_id, asked.residence_commune_id)
WHERE asked.campaign_id = ANY(%s) AND asked.state NOT IN ('cancelled', 'superseded')
GROUP BY tree.commune
"""


def sql(text: str, *values: Any) -> None:
    with connection.cursor() as cursor:
        cursor.execute(text, values)


@contextmanager
def without_indexes() -> Iterator[None]:
    """Rows first, indexes afterwards: minutes instead of an hour. No foreign key is checked row by row."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT indexname, indexdef FROM pg_indexes WHERE tablename = ANY(%s) AND indexname NOT IN"
            " (SELECT conname FROM pg_constraint)",
            [list(TABLES)],
        )
        known = cursor.fetchall()
        for name, _ in known:
            cursor.execute(f'DROP INDEX "{name}"')
        cursor.execute("SET session_replication_role = replica")
        yield
        cursor.execute("SET session_replication_role = DEFAULT")
        cursor.execute("SET maintenance_work_mem = '1GB'")
        for _, definition in known:
            cursor.execute(definition)


def open_campaigns() -> list[int]:
    year, now = timezone.localdate().year, timezone.now()
    days = {"self_criticism_on": f"{year}-12-20", "due_on": f"{year}-11-20"}
    province = Organization.objects.get(parent=None)
    overseer = province.seats.order_by("pk")[0]
    season = Season.objects.create(lead=province, year=year, basis="Kế hoạch", prepared_by=overseer, **days)
    for number, office in enumerate(Organization.objects.filter(kind="grassroots").order_by("pk"), 1):
        seat = User.objects.get(username=f"canbo.{number}").seats.get()
        Campaign.objects.create(
            committee=office,
            year=year,
            prepared_by=seat,
            season=season,
            state="open",
            opened_at=now,
            opened_by=seat,
            **days,
        )
    return list(Campaign.objects.values_list("pk", flat=True))


def ask(first: int, last: int) -> None:
    """Requests number first to last - 1, each with its assessment and text; the members repeat, as `part` tells."""
    sql("DROP TABLE IF EXISTS asked")
    sql(
        f"""
        CREATE UNLOGGED TABLE asked AS
        WITH offices AS (SELECT array_agg(id ORDER BY id) a FROM evaluations_campaign),
             cells AS (SELECT array_agg(id ORDER BY id) a, array_agg(parent_id ORDER BY id) p
                       FROM members_organization WHERE kind = 'cell' AND side = 'residence'),
             far AS (SELECT array_agg(id ORDER BY id) a FROM members_organization WHERE kind = 'external'),
             people AS (SELECT array_agg(member_id ORDER BY id) m, array_agg(id ORDER BY id) a
                        FROM members_placement WHERE until_on IS NULL),
             rows AS (SELECT i, (hashint4(i) & 2147483647) %% 100 AS h, (hashint4(i + 7) & 2147483647) AS r,
                             (hashint4(i + 13) & 2147483647) %% 100 AS k
                      FROM generate_series(%s::int, %s::int) i),
             known AS (SELECT rows.*, {STATES} AS state FROM rows)
        SELECT i, known.state, {TEXT} AS text, campaign.id AS campaign, campaign.committee_id AS asker, campaign.year,
               people.m[1 + i %% cardinality(people.m)] AS member,
               people.a[1 + i %% cardinality(people.a)] AS placement,
               CASE WHEN known.state = 'issued' AND k < 20 THEN far.a[1 + r %% cardinality(far.a)]
                    ELSE cells.p[1 + r %% cardinality(cells.a)] END AS commune,
               CASE WHEN known.state IN {PAST_CELL} THEN cells.a[1 + r %% cardinality(cells.a)] END AS cell,
               campaign.due_on + CASE WHEN k < 10 THEN 10 ELSE 0 END AS due_on
        FROM known, offices, cells, far, people, evaluations_campaign campaign
        WHERE campaign.id = offices.a[1 + (i::bigint * 7919 / 1000) %% cardinality(offices.a)]
        """,
        first,
        last - 1,
    )
    sql(
        f"""
        INSERT INTO evaluations_assessment (id, placement_id, year, purpose, followed_by_name)
        OVERRIDING SYSTEM VALUE
        SELECT i, placement, year, 'ad_hoc', '' FROM asked WHERE state IN {PAST_CELL}
        """
    )
    sql(
        f"""
        INSERT INTO evaluations_assessmentversion (assessment_id, no, state, rulebook, answers, remarks, remarks_key,
            edit_no, edit_mark, return_code, return_note, origin, signer_name, signer_position, paper_reason,
            paper_note, joint_review_id, submitted_at, submitted_by_id, confirmed_at)
        SELECT i, CASE text WHEN 'mend' THEN 2 ELSE 1 END, CASE text WHEN 'mend' THEN 'draft' ELSE text END, '213',
               jsonb_build_object('facts', repeat(md5(i::text), 10)), repeat(md5((i + 1)::text), 8), '',
               1, '', '', '', 'online', '', '', '', '', review.id, now(), seat.id,
               CASE WHEN text = 'confirmed' THEN now() END
        FROM asked, (SELECT min(id) AS id FROM members_jointreview) review,
             (SELECT min(id) AS id FROM members_seat) seat
        WHERE state IN {PAST_CELL} AND text <> ''
        """
    )
    sql(
        f"""
        INSERT INTO evaluations_evaluationrequest (member_id, placement_id, residence_commune_id, residence_cell_id,
            campaign_id, year, part, asked_by_id, asker_now_id, assessment_id, reply_id, state, due_on, dossier_code,
            end_code, end_note, considered_on, consider_code, consider_note, set_aside_note, created_at, issued_at,
            issued_by_id, at_commune_at, at_commune_by_id, at_cell_at, at_cell_by_id, answered_at, answered_by_id)
        SELECT member, placement, commune, cell, campaign, year, 'bench ' || i, asker, asker,
               CASE WHEN state IN {PAST_CELL} THEN i END, CASE WHEN state IN {REPLIED} THEN reply.id END,
               state, due_on, '', CASE WHEN state = 'declined' THEN 'moved' ELSE '' END, '',
               CASE WHEN state = 'considered' THEN due_on END, CASE WHEN state = 'considered' THEN 'used' ELSE '' END,
               '', '', now(), now(), seat.id,
               CASE WHEN state <> 'issued' THEN now() END, CASE WHEN state <> 'issued' THEN seat.id END,
               CASE WHEN state IN {PAST_CELL} THEN now() END, CASE WHEN state IN {PAST_CELL} THEN seat.id END,
               CASE WHEN state IN {REPLIED} THEN now() END, CASE WHEN state IN {REPLIED} THEN seat.id END
        FROM asked, (SELECT min(id) AS id FROM evaluations_document) reply,
             (SELECT min(id) AS id FROM members_seat) seat
        ORDER BY i
        """
    )
    sql("DROP TABLE asked")


def prepare() -> list[int]:
    call_command("migrate", verbosity=0)
    call_command("createcachetable", verbosity=0)
    call_command("load_province", seed=SEED, **TREE)
    campaigns = open_campaigns()
    sql(
        "INSERT INTO members_jointreview (cell_id, year, held_on, attendees, recorded_by_id, recorded_at)"
        " SELECT min(o.id), 2026, current_date, '[]', min(s.id), now() FROM members_organization o, members_seat s"
        " WHERE o.side = 'residence'"
    )
    # One reply stands for all: the measure reads no document.
    sql(
        "INSERT INTO evaluations_document (key, genre, issuer_id, abstract, facts, state, mode, prepared_at,"
        " return_note, registered_no, render_error)"
        " SELECT 'bench', 'reply_letter', min(id), '', '{}', 'draft', 'print_only', now(), '', '', ''"
        " FROM members_organization WHERE unit <> ''"
    )
    sql(
        "CREATE INDEX bench_tree ON evaluations_evaluationrequest (campaign_id, residence_cell_id)"
        " INCLUDE (residence_commune_id, state)"
    )
    return campaigns


def timed(act: Callable[[], Any]) -> tuple[float, Any]:
    start = time.perf_counter()
    found = act()
    return (time.perf_counter() - start) * 1000, found


def by_tree(campaigns: list[int]) -> dict[int, tuple[int, int]]:
    with connection.cursor() as cursor:
        cursor.execute(RECURSIVE, [campaigns])
        return {commune: (total, answered) for commune, total, answered in cursor.fetchall()}


def by_page(campaigns: list[int]) -> dict[int, tuple[int, int]]:
    found = progress_over(EvaluationRequest.objects.filter(campaign__in=campaigns), "residence_commune")
    return {commune: (progress.total, progress.answered) for commune, progress in found.items()}


def signed_in(username: str) -> Client:
    """As after a whole sign-in a moment ago, both factors shown (tests/conftest.py)."""
    client, user, now = Client(headers={"host": "localhost"}), User.objects.get(username=username), time.time()
    client.force_login(user)
    session = client.session
    session[SINCE] = session[SEEN] = now
    session["account_authentication_methods"] = [{"method": "mfa", "type": "webauthn", "at": now}]
    session["account_authentication_methods_user"] = str(user.pk)
    session.save()
    return client


def pages() -> dict[str, list[float]]:
    """[milliseconds, queries] of every page on the way down, the median of five."""
    ward = Organization.objects.filter(kind="commune").order_by("pk")[0]
    cell = Organization.objects.filter(parent=ward, side="residence").order_by("pk")[0]
    season, campaign = Season.objects.get(), Campaign.objects.order_by("pk")[0]
    year = f"nam={season.year}"
    asked = {
        "season by committee": ("tinh", f"/mua/{season.pk}/tien-do/"),
        "season by commune": ("tinh", f"/mua/{season.pk}/tien-do/?theo=noi-cu-tru"),
        "all figures by commune": ("tinh", f"/so-lieu/?{year}&theo=noi-cu-tru"),
        "a commune's cells, from above": ("tinh", f"/so-lieu/xa-phuong/{ward.pk}/?{year}"),
        "a campaign": ("canbo.1", f"/dot/{campaign.pk}/tien-do/"),
        "a campaign's people at a step": ("canbo.1", f"/dot/{campaign.pk}/tien-do/?buoc=write"),
        "a commune": ("phuong.1", f"/tien-do/{ward.pk}/"),
        "a cell and its people": ("phuong.1", f"/tien-do/chi-bo/{cell.pk}/"),
    }
    found = {}
    for name, (username, url) in asked.items():
        client = signed_in(username)
        took = [timed(lambda client=client, url=url: _got(client, url))[0] for _ in range(5)]  # type: ignore[misc]
        with CaptureQueriesContext(connection) as queries:
            _got(client, url)
        found[name] = [round(statistics.median(took)), len(queries)]
    return found


def _got(client: Client, url: str) -> None:
    response = client.get(url)
    assert response.status_code == 200, (url, response.status_code)


def measure(campaigns: list[int]) -> dict[str, Any]:
    sql("VACUUM (ANALYZE, PARALLEL 0)")
    times: dict[str, list[float]] = {"ours": [], "recursive": []}
    assert by_page(campaigns) == by_tree(campaigns), "the two ways count differently"
    for number in range(PAIRS):
        for name, way in (("ours", by_page), ("recursive", by_tree))[:: 1 if number % 2 else -1]:
            times[name].append(timed(lambda way=way: way(campaigns))[0])  # type: ignore[misc]
    ratios = [tree / ours for ours, tree in zip(times["ours"], times["recursive"], strict=True)]
    return {
        "requests": EvaluationRequest.objects.count(),
        "ours ms": round(statistics.median(times["ours"]), 1),
        "recursive ms": round(statistics.median(times["recursive"]), 1),
        "ratio": round(statistics.median(ratios), 2),
        "pages [ms, queries]": pages(),
    }


def goal(name: str, sign: str, bound: float, value: float) -> dict[str, Any]:
    is_met = value >= bound if sign == ">=" else value <= bound
    return {"name": name, "goal": f"{sign} {bound}", "value": value, "met": is_met}


def main() -> None:
    campaigns, found, done = prepare(), {}, 0
    for name, size in SIZES.items():
        start = time.perf_counter()
        with without_indexes():
            ask(done + 1, size + 1)
        done, loading = size, time.perf_counter() - start
        found[name] = measure(campaigns) | {"loading s": round(loading)}
        print(name, found[name], flush=True)
    small, large = found["small"], found["large"]
    goals = [
        goal("answered per commune against one recursive query", ">=", 1.5, small["ratio"]),
        goal("answered per commune, ms", "<=", 150, small["ours ms"]),
        goal("eleven times the requests against that", "<=", 6, round(large["ours ms"] / small["ours ms"], 2)),
    ]
    print(json.dumps({"bench": "dashboard", "figures": found, "goals": goals}, ensure_ascii=False))


if __name__ == "__main__":
    main()
