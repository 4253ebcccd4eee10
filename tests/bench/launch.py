"""Launching a season of 300 committees about 500,000 members, against one bare INSERT … SELECT of the same rows.

Runs on the private PostgreSQL of script/bench; the people and offices are those of load_province. Each pair of measures
begins with the same empty tables: the rows of the launch before are kept aside and copied back by the bare statement.
"""

import json
import os
import statistics
import sys
import time
from collections.abc import Callable
from typing import Any

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "liaison.settings_test")

import django

django.setup()

from django.core.management import call_command  # noqa: E402
from django.db import connection, transaction  # noqa: E402
from django.utils import timezone  # noqa: E402

from evaluations.models import Campaign, Document, EvaluationRequest, Letter, Season  # noqa: E402
from members.models import AuditEvent, Organization, Seat, User  # noqa: E402
from members.roles import Action, Role  # noqa: E402

SEED = 20260901
# One in ten is not asked about: exempt, new, without a commune.
SIZES = {
    "whole": {"members": 546_000, "cells": 20_000, "communes": 105, "workplaces": 300},
    "quick": {"members": 3_000, "cells": 200, "communes": 20, "workplaces": 10},
}
PAIRS = {"whole": 2, "quick": 5}
REQUESTS = "evaluations_evaluationrequest"
# What a launch writes, in the order in which it may be emptied.
WRITTEN = (
    "evaluations_letter",
    REQUESTS,
    "evaluations_assessment",
    "evaluations_document",
    "evaluations_numberseries",
    "evaluations_campaign",
    "evaluations_season",
)


def run(sql: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(sql)


def timed(act: Callable[[], object]) -> float:
    start = time.perf_counter()
    act()
    return time.perf_counter() - start


def people() -> tuple[Seat, Seat]:
    """Who sets the season and who launches it."""
    province = Organization.objects.get(kind="province")
    other = User.objects.create_user("tinh.2", full_name="Hồ Mẫu Hai")
    Seat.objects.create(user=other, organization=province, role=Role.OVERSEER, from_on=timezone.localdate())
    both = [User.objects.get(username=name) for name in ("tinh", "tinh.2")]
    setter, launcher = (user.acting(Action.LEAD_SEASON, province) for user in both)
    return setter, launcher


def season(setter: Seat) -> Season:
    year = timezone.localdate().year
    days = {"self_criticism_on": f"{year + 1}-01-20", "due_on": f"{year + 1}-01-05"}
    row = Season(lead=setter.organization, year=year, basis="Kế hoạch số 12-KH/TU", **days)
    row.set(by=setter)
    return Season.objects.get(pk=row.pk)


def empty() -> None:
    # The history stays: it only grows.
    run(f"TRUNCATE {', '.join(WRITTEN)} CASCADE")


def settle() -> None:
    """Nobody's vacuum or check point of the measure before falls into this one."""
    run("VACUUM ANALYZE")
    run("CHECKPOINT")


def launched(setter: Seat, launcher: Seat) -> tuple[float, float, Season]:
    empty()
    row = season(setter)
    settle()
    events = AuditEvent.objects.count()
    first = timed(lambda: row.launch(by=launcher))
    assert AuditEvent.objects.count() > events
    again = timed(lambda: row.launch(by=launcher))
    return first, again, row


def copied() -> float:
    """The bare statement: the same rows, with all they point to in place, into the same table with the same indexes."""
    columns = ", ".join(field.column for field in EvaluationRequest._meta.concrete_fields if not field.primary_key)
    run("DROP TABLE IF EXISTS kept")
    run(f"CREATE TABLE kept AS SELECT {columns} FROM {REQUESTS}")  # noqa: S608
    run(f"TRUNCATE {REQUESTS} CASCADE")
    settle()
    statement = f"INSERT INTO {REQUESTS} ({columns}) SELECT {columns} FROM kept"  # noqa: S608

    def bare() -> None:
        with transaction.atomic():
            run(statement)

    return timed(bare)


def checked(row: Season) -> dict[str, int]:
    """What there must be none of."""
    sent, numbers = (
        EvaluationRequest.objects.filter(campaign__season=row),
        Document.objects.filter(campaign__season=row),
    )
    by_book: dict[int, list[int]] = {}
    for series, number in numbers.values_list("series", "number"):
        by_book.setdefault(series or 0, []).append(int(number or 0))
    return {
        "gaps or doubles in the books": sum(
            sorted(found) != list(range(1, len(found) + 1)) for found in by_book.values()
        ),
        "members asked about twice": sent.count() - sent.values("member").distinct().count(),
        "requests without a letter": sent.filter(letter=None).count(),
        "letters without a notice": numbers.filter(letters=None).count(),
        "letters that list others than they ask about": sum(
            len(facts["rows"]) != number for facts, number in _facts(numbers)
        ),
    }


def _facts(documents: Any) -> Any:
    counts: dict[int, int] = {}
    for letter in EvaluationRequest.objects.order_by().values_list("letter", flat=True).iterator(chunk_size=50_000):
        counts[letter or 0] = counts.get(letter or 0, 0) + 1
    for pk, facts in documents.values_list("pk", "facts").iterator(chunk_size=500):
        yield facts, counts.get(pk, 0)


def main() -> None:
    name = "quick" if "--quick" in sys.argv else "whole"
    call_command("migrate", verbosity=0)
    call_command("createcachetable", verbosity=0)
    call_command("load_province", seed=SEED, **SIZES[name])
    setter, launcher = people()
    pairs, wrong, rows = [], {}, {}
    for _ in range(PAIRS[name]):
        first, again, row = launched(setter, launcher)
        if not wrong:
            wrong = checked(row)
            rows = {
                "committees": Campaign.objects.filter(state="open").count(),
                "requests": EvaluationRequest.objects.count(),
                "letters": Letter.objects.count(),
            }
        bare = copied()
        pairs.append((first, again, bare))
        print(f"launch {first:.1f} s, again {again:.1f} s, bare {bare:.1f} s", flush=True)
    launch_ratio = statistics.median(first / bare for first, _, bare in pairs)
    again_ratio = statistics.median(again / bare for _, again, bare in pairs)
    goals: list[dict[str, Any]] = [
        {"name": "launch / bare insert", "goal": "<= 1.5", "value": round(launch_ratio, 2), "met": launch_ratio <= 1.5},
        {"name": "relaunch / bare insert", "goal": "<= 0.2", "value": round(again_ratio, 2), "met": again_ratio <= 0.2},
        *({"name": what, "goal": "== 0", "value": count, "met": not count} for what, count in wrong.items()),
    ]
    figures = {
        "size": SIZES[name],
        **rows,
        "pairs": len(pairs),
        "launch, seconds": [round(first, 1) for first, _, _ in pairs],
        "relaunch, seconds": [round(again, 1) for _, again, _ in pairs],
        "bare insert, seconds": [round(bare, 1) for _, _, bare in pairs],
    }
    print(json.dumps({"bench": "launch", "figures": figures, "goals": goals}, ensure_ascii=False))


if __name__ == "__main__":
    main()
