"""The register at 500,000 members: page number 1,000 at 100 clients, against the plain join with OFFSET.

Both are served by the product's own web server, with its template, its line of history and its middleware.
"""

import asyncio
import importlib
import json
import os
import socket
import statistics
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT))
os.environ["DJANGO_SETTINGS_MODULE"] = "tests.bench.list_site"

import django

# Before the settings are read, because its Celery app asks for them.
importlib.import_module("liaison")
django.setup()

from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.sessions.backends.db import SessionStore
from django.core.management import call_command
from django.db import connection

from evaluations.models.registers import INTRODUCED, ORDER, Wanted, placements_in
from liaison.sessions import SEEN, SINCE
from members.models import Organization, Seat, User
from members.paging import ON_PAGE

QUICK = "--quick" in sys.argv
MEMBERS, CELLS = (20_000, 800) if QUICK else (500_000, 20_000)
PAGE = 100 if QUICK else 1_000
CLIENTS = 100
PAIRS = 2 if QUICK else 5
REQUESTS = {"register": 200 if QUICK else 600, "plain": 50 if QUICK else 100}
GOAL = 3.0


def load() -> tuple[Organization, str]:
    """A province, its officer, and his cookie."""
    call_command("migrate", verbosity=0)
    call_command("createcachetable", verbosity=0)
    call_command("load_province", members=MEMBERS, cells=CELLS, seed=1)
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")
    province = Organization.objects.get(parent=None)
    officer = User.objects.create_user("do", full_name="Người Đo")
    Seat.objects.create(user=officer, organization=province, role="officer", from_on="2025-07-01")
    session = SessionStore()
    session[SESSION_KEY] = str(officer.pk)
    session[BACKEND_SESSION_KEY] = "allauth.account.auth_backends.AuthenticationBackend"
    session[HASH_SESSION_KEY] = officer.get_session_auth_hash()
    # A whole sign-in a moment ago, both factors shown (tests/conftest.py).
    session[SINCE] = session[SEEN] = now = time.time()
    session["account_authentication_methods"] = [{"method": "mfa", "type": "webauthn", "at": now}]
    session["account_authentication_methods_user"] = str(officer.pk)
    session.save()
    return province, f"sessionid={session.session_key}"


@contextmanager
def served() -> Iterator[int]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "gunicorn", "liaison.wsgi", "--bind", f"127.0.0.1:{port}", "--workers", "2"]
    command += ["--threads", "4", "--no-control-socket", "--log-level", "warning", "--backlog", "256"]
    with subprocess.Popen(command, cwd=ROOT) as server:
        try:
            give_up = time.monotonic() + 60
            while time.monotonic() < give_up:
                try:
                    urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=1).close()
                    break
                except OSError:
                    time.sleep(0.2)
            yield port
        finally:
            server.terminate()
            server.wait()


async def ask(port: int, path: str, cookie: str) -> tuple[float, str]:
    """(seconds, the page); a connection for each request, as the proxy in front would open it."""
    start = time.perf_counter()
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    head = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nCookie: {cookie}\r\nConnection: close\r\n\r\n"
    writer.write(head.encode())
    answer = await reader.read(-1)
    writer.close()
    assert answer.startswith(b"HTTP/1.1 200"), answer[:300]
    return time.perf_counter() - start, answer.decode()


async def load_with(port: int, path: str, cookie: str, total: int) -> tuple[float, list[float]]:
    """(requests a second, every latency) of 100 clients that each ask again as soon as they are answered."""
    left = iter(range(total))
    took: list[float] = []

    async def client() -> None:
        for _ in left:
            took.append((await ask(port, path, cookie))[0])

    start = time.perf_counter()
    await asyncio.gather(*(client() for _ in range(CLIENTS)))
    return total / (time.perf_counter() - start), took


def p95(seconds: list[float]) -> float:
    return round(1000 * sorted(seconds)[int(0.95 * (len(seconds) - 1))], 1)


def addresses(province: Organization) -> dict[str, str]:
    """The same page by both ways."""
    rows = placements_in(INTRODUCED, province, Wanted()).order_by(*ORDER)
    before = rows.values_list("pk", flat=True)[(PAGE - 1) * ON_PAGE - 1]
    return {
        "register": f"/so/gioi-thieu/{province.pk}/?sau={before}",
        "plain": f"/thuong/{province.pk}/?trang={PAGE}",
    }


def shown(page: str) -> str:
    """The lines of a page."""
    return page[page.index("<tbody>") : page.index("</tbody>")]


def looked_up(province: Organization) -> dict[str, str]:
    """What a person looks up: name of the figure → address."""
    office = Organization.objects.filter(kind="grassroots").order_by("pk").first()
    ward = Organization.objects.filter(kind="commune").order_by("pk").first()
    assert office
    assert ward
    return {
        "first page, whole province": f"/so/gioi-thieu/{province.pk}/",
        "common name, whole province": f"/so/gioi-thieu/{province.pk}/?tim=nguyen+van+mau+an",
        "name nobody has, whole province": f"/so/gioi-thieu/{province.pk}/?tim=khong+co+ai",
        "name and commune, whole province": f"/so/gioi-thieu/{province.pk}/?tim=tran+mau&cu_tru=mau+7",
        "name, one committee": f"/so/gioi-thieu/{office.pk}/?tim=tran+mau",
        "name, one commune": f"/so/noi-cu-tru/{ward.pk}/?tim=tran+mau",
    }


async def searches(port: int, asked: dict[str, str], cookie: str) -> dict[str, float]:
    """One person looking somebody up: milliseconds, the median of seven."""
    found = {}
    for name, path in asked.items():
        took = [(await ask(port, path, cookie))[0] for _ in range(7)]
        found[name] = round(1000 * statistics.median(took), 1)
    return found


async def measured(
    port: int, paths: dict[str, str], asked: dict[str, str], cookie: str
) -> tuple[dict[str, Any], list[float]]:
    pages = [(await ask(port, paths[name], cookie))[1] for name in ("register", "plain")]
    assert shown(pages[0]) == shown(pages[1]), "the two ways show different lines"
    rates: dict[str, list[float]] = {name: [] for name in paths}
    took: dict[str, list[float]] = {name: [] for name in paths}
    for number in range(PAIRS):
        for name in paths if number % 2 == 0 else reversed(paths):
            rate, seconds = await load_with(port, paths[name], cookie, REQUESTS[name])
            rates[name].append(rate)
            took[name] += seconds
        print(f"pair {number + 1}: " + ", ".join(f"{name} {rates[name][-1]:.1f}/s" for name in paths), flush=True)
    ratios = [register / plain for register, plain in zip(rates["register"], rates["plain"], strict=True)]
    figures: dict[str, Any] = {"members": MEMBERS, "cells": CELLS, "page": PAGE, "clients": CLIENTS}
    for name in paths:
        figures[f"{name} requests/s"] = round(statistics.median(rates[name]), 1)
        figures[f"{name} p95 ms at {CLIENTS} clients"] = p95(took[name])
    figures["search ms"] = await searches(port, asked, cookie)
    return figures, ratios


def main() -> None:
    start = time.perf_counter()
    province, cookie = load()
    loading = time.perf_counter() - start
    print(f"loaded in {loading:.0f} s", flush=True)
    paths, asked = addresses(province), looked_up(province)
    connection.close()
    with served() as port:
        figures, ratios = asyncio.run(measured(port, paths, asked, cookie))
    figures |= {"loading s": round(loading), "ratios": [round(ratio, 2) for ratio in ratios]}
    value = round(statistics.median(ratios), 2)
    goal = {"name": "page 1,000 against OFFSET", "goal": f">= {GOAL}", "value": value, "met": value >= GOAL}
    print(json.dumps({"bench": "list", "figures": figures, "goals": [goal]}, ensure_ascii=False))


if __name__ == "__main__":
    main()
