"""The nightly look over the whole database while every workplace has asked about everybody: seconds, rule by rule.

Runs on the private PostgreSQL of script/bench; the people and offices are those of load_province.
"""

import json
import os
import sys
import time
from datetime import date
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent.parent))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "liaison.settings_test")

import django

django.setup()

from django.core.management import call_command  # noqa: E402
from django.db import connection  # noqa: E402
from django.utils import timezone  # noqa: E402
from reorganize import open_campaigns  # noqa: E402

from evaluations import reminders, steps  # noqa: E402
from evaluations.invariants import RULES, Rule, inspect  # noqa: E402
from evaluations.models import Assessment, AssessmentVersion, EvaluationRequest  # noqa: E402
from evaluations.rulebooks import CURRENT  # noqa: E402
from members.models import JointReview, Organization, Seat  # noqa: E402

SEED = 20260702
SIZES = {
    "whole": {"members": 500_000, "cells": 20_000, "communes": 1_000, "workplaces": 330},
    "quick": {"members": 20_000, "cells": 800, "communes": 40, "workplaces": 13},
}
GOAL = 60.0  # seconds, the slowest rule
AT_ONCE = 5_000


def write_texts() -> int:
    """Every cell has sent what it has to say about everybody: rows as `submit` leaves them."""
    seats = dict(Seat.objects.filter(role="secretary").values_list("organization", "pk"))
    year, now, held = timezone.localdate().year, timezone.now(), date(timezone.localdate().year, 10, 20)
    somebody = next(iter(seats.values()), None) or Seat.objects.values_list("pk", flat=True)[0]
    cells = Organization.objects.residence_cells().values_list("pk", flat=True)
    reviews = JointReview.objects.bulk_create(
        [
            JointReview(cell_id=pk, year=year, held_on=held, attendees=[], recorded_by_id=seats.get(pk, somebody))
            for pk in cells
        ],
        batch_size=AT_ONCE,
    )
    held_at = {review.cell_id: review.pk for review in reviews}
    told = []
    rows = Assessment.objects.filter(placement__cell__isnull=False).values_list("pk", "placement__cell")
    for pk, cell in rows.iterator(chunk_size=AT_ONCE):
        seat = seats.get(cell, somebody)
        told.append(
            AssessmentVersion(
                assessment_id=pk,
                no=1,
                state="submitted",
                rulebook=CURRENT,
                joint_review_id=held_at[cell],
                drafted_by_id=seat,
                submitted_by_id=seat,
                submitted_at=now,
            )
        )
        if len(told) == AT_ONCE:
            AssessmentVersion.objects.bulk_create(told)
            told = []
    AssessmentVersion.objects.bulk_create(told)
    return AssessmentVersion.objects.count()


def main() -> None:
    size = SIZES["quick" if "--quick" in sys.argv else "whole"]
    call_command("migrate", verbosity=0)
    call_command("createcachetable", verbosity=0)
    call_command("load_province", seed=SEED, **size)
    open_campaigns()
    texts = write_texts()
    reminders.write(steps.last_day_to_run())
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    seconds: dict[str, float] = {}
    since = time.perf_counter()

    def told(rule: Rule, ids: list[int]) -> None:
        nonlocal since
        now = time.perf_counter()
        seconds[rule.code], since = round(now - since, 2), now
        print(rule.code, seconds[rule.code], "s", len(ids), "rows", flush=True)

    kept = inspect(told)
    slowest = max(seconds.values())
    # Nobody has printed these papers, nor been reminded: that is true, and no part of this measure.
    broken = {code: row["count"] for code, row in kept.broken.items()}
    goals: list[dict[str, Any]] = [
        {"name": "slowest rule, seconds", "goal": f"<= {GOAL}", "value": slowest, "met": slowest <= GOAL},
        {"name": "rules asked", "goal": f"== {len(RULES)}", "value": len(seconds), "met": len(seconds) == len(RULES)},
    ]
    requests = EvaluationRequest.objects.count()
    figures = {"requests": requests, "texts": texts, "all": round(sum(seconds.values()), 1), "each": seconds}
    print(json.dumps({"bench": "invariants", "figures": figures | {"broken": broken}, "goals": goals}))


if __name__ == "__main__":
    main()
