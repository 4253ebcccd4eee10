"""Merging 300 communes of a 20,000-cell tree while a campaign is open, and finding one's way in a tree of that size.

Runs on the private PostgreSQL of script/bench; the people and offices are those of load_province.
"""

import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "liaison.settings_test")

import django

django.setup()

from django.core.management import call_command  # noqa: E402
from django.db import connection  # noqa: E402
from django.db.models import F, OuterRef, Subquery  # noqa: E402
from django.test import Client  # noqa: E402
from django.test.utils import CaptureQueriesContext  # noqa: E402
from django.utils import timezone  # noqa: E402

from evaluations.models import Campaign, EvaluationRequest, Reorganization  # noqa: E402
from evaluations.models.campaigns import NumberChoice  # noqa: E402
from evaluations.models.changes import Change, Kind  # noqa: E402
from evaluations.models.consequences import consequences  # noqa: E402
from evaluations.models.requests import open_assessments  # noqa: E402
from liaison.sessions import SEEN, SINCE  # noqa: E402
from members.models import Membership, Organization, Placement, Seat, User  # noqa: E402
from members.roles import Action  # noqa: E402

SEED = 20260701
TOGETHER = 3  # so many communes become one
SIZES = {
    "whole": {"members": 60_000, "cells": 20_000, "communes": 300, "workplaces": 40},
    "quick": {"members": 600, "cells": 300, "communes": 12, "workplaces": 4},
}
PAGE_GOAL = 300  # milliseconds, the slowest of ten


def by(username: str, action: Action, organization: Organization) -> Seat:
    return User.objects.get(username=username).acting(action, organization)


def open_campaigns() -> None:
    """Every workplace has asked about everybody, and the wards have given the requests to their cells."""
    year = timezone.localdate().year
    for number, office in enumerate(Organization.objects.filter(kind="grassroots").order_by("pk"), 1):
        officer = by(f"canbo.{number}", Action.PREPARE, office)
        days = {"self_criticism_on": f"{year}-12-20", "due_on": f"{year}-12-05"}
        campaign = Campaign.objects.create(committee=office, year=year, prepared_by=officer, **days)
        campaign = Campaign.objects.get(pk=campaign.pk)
        campaign.present(by=officer)
        campaign.issue(NumberChoice(), by=by(f"ky.{number}", Action.SIGN, office))
    asked = EvaluationRequest.objects.filter(placement__cell__isnull=False)
    open_assessments(asked)
    # As the wards would have done it, all at once: the verb for one letter is no part of this measure.
    cell = Placement.objects.filter(pk=OuterRef("placement")).values("cell")
    EvaluationRequest.objects.filter(pk__in=asked.values("pk")).update(state="at_cell", residence_cell=Subquery(cell))


def counted() -> dict[str, int]:
    """What must be the same before and after."""
    current = Placement.objects.current()
    unanswered = EvaluationRequest.objects.awaiting_answer()
    return {
        "members with a place": current.values("member").distinct().count(),
        "current places": current.count(),
        "memberships": Membership.objects.filter(until_on=None).count(),
        "open cells": Organization.objects.filter(kind="cell", closed_on=None).count(),
        "open requests": unanswered.count(),
        "requests at a cell": unanswered.filter(residence_cell__isnull=False).count(),
    }


def wrong() -> dict[str, int]:
    """What there must be none of."""
    current, unanswered = Placement.objects.current(), EvaluationRequest.objects.awaiting_answer()
    rows = Organization.objects.select_related("parent")
    return {
        "places in what is closed": current.exclude(commune__closed_on=None).count()
        + current.filter(cell__closed_on__isnull=False).count(),
        "places whose cell is elsewhere": current.exclude(cell=None).exclude(cell__parent=F("commune")).count(),
        "requests with what is closed": unanswered.exclude(residence_commune__closed_on=None).count(),
        "requests whose cell is elsewhere": unanswered.exclude(residence_cell=None)
        .exclude(residence_cell__parent=F("residence_commune"))
        .count(),
        "letters in another book": unanswered.exclude(letter__recipient=F("residence_commune")).count(),
        "paths that are no chain": sum(
            row.path != f"{row.parent.path if row.parent else '/'}{row.pk}/" for row in rows
        ),
    }


def merges() -> Iterator[Change]:
    communes = list(Organization.objects.filter(kind="commune", closed_on=None).order_by("pk"))
    for number, start in enumerate(range(0, len(communes), TOGETHER), 1):
        group = communes[start : start + TOGETHER]
        place = f"Hợp Nhất {number}"
        names = {"name": f"Đảng ủy phường {place}", "unit": "phường", "locality": place}
        yield Change(Kind.MERGE, timezone.localdate(), group[0], sources=group, names=names)


def merge_all() -> dict[str, float]:
    province = Organization.objects.get(kind="province")
    seat = by("tinh", Action.ORGANIZE, province)
    times, previews, queries = [], [], 0
    for change in list(merges()):
        previews.append(timed(lambda change=change: consequences(change)))  # type: ignore[misc]
        with CaptureQueriesContext(connection) as asked:
            times.append(timed(lambda change=change: Reorganization.objects.decide(change, by=seat)))  # type: ignore[misc]
        queries = max(queries, len(asked))
    return {
        "merges": len(times),
        "communes": sum(1 for _ in Organization.objects.filter(kind="commune", closed_on__isnull=False)),
        "all together, seconds": round(sum(times) / 1000, 1),
        "slowest, seconds": round(max(times) / 1000, 2),
        "slowest preview, seconds": round(max(previews) / 1000, 2),
        "most statements in one": queries,
    }


def timed(act: Callable[[], object]) -> float:
    """Milliseconds"""
    start = time.perf_counter()
    act()
    return (time.perf_counter() - start) * 1000


def find_the_way() -> dict[str, float]:
    """Pages of the tree as the province sees them, milliseconds, the slowest of ten."""
    client = Client(headers={"host": "localhost"})
    province = Organization.objects.get(kind="province")
    user = User.objects.get(username="tinh")
    client.force_login(user)
    # A whole sign-in a moment ago, both factors shown (tests/conftest.py).
    session, now = client.session, time.time()
    session[SINCE] = session[SEEN] = now
    session["account_authentication_methods"] = [{"method": "mfa", "type": "webauthn", "at": now}]
    session["account_authentication_methods_user"] = str(user.pk)
    session.save()
    ward = Organization.objects.filter(kind="commune", closed_on=None).order_by("pk")[0]
    pages = {
        "top": "/to-chuc/",
        "the province's level": f"/to-chuc/{province.pk}/",
        "a ward's level": f"/to-chuc/{ward.pk}/",
        "search: a common word": "/to-chuc/?tim=to+dan+pho",
        "search: one cell": "/to-chuc/?tim=tổ+dân+phố+17",
        "search: a former name": "/to-chuc/?tim=phuong+mau+17",
        "search: nothing": "/to-chuc/?tim=khong+co+dau",
    }
    return {
        name: round(max(timed(lambda url=url: _got(client, url)) for _ in range(10))) for name, url in pages.items()
    }  # type: ignore[misc]


def _got(client: Client, url: str) -> None:
    response = client.get(url)
    assert response.status_code == 200, (url, response.status_code)


def main() -> None:
    size = SIZES["quick" if "--quick" in sys.argv else "whole"]
    call_command("migrate", verbosity=0)
    call_command("createcachetable", verbosity=0)
    call_command("load_province", seed=SEED, **size)
    open_campaigns()
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    before, way_before = counted(), find_the_way()
    print("before", before, way_before, flush=True)
    merged = merge_all()
    after, none = counted(), wrong()
    print("after", after, none, flush=True)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    way = find_the_way()
    goals: list[dict[str, Any]] = [
        {"name": name, "goal": f"== {before[name]}", "value": after[name], "met": after[name] == before[name]}
        for name in before
    ]
    goals += [{"name": name, "goal": "== 0", "value": count, "met": not count} for name, count in none.items()]
    goals += [
        {"name": f"{name}, ms", "goal": f"<= {PAGE_GOAL}", "value": value, "met": value <= PAGE_GOAL}
        for name, value in way.items()
    ]
    figures = {"size": size, **merged, "pages before": way_before, "pages": way}
    print(json.dumps({"bench": "reorganize", "figures": figures, "goals": goals}, ensure_ascii=False))


if __name__ == "__main__":
    main()
