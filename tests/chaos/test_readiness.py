"""Whether /readyz notices: real processes are killed one by one, and it is red within the time it promises.

The clock sweeps every second instead of every minute, so that two of its rounds are seconds; the rule is the same.
"""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from celery import current_app
from django.core.cache import cache
from django.test import Client

from evaluations import readiness
from liaison import celery_app
from tests import processes
from tests.chaos.test_worker import database_url
from tests.conftest import Cast

pytestmark = pytest.mark.chaos
HASTE = 1  # seconds between two sweeps
GIVE_UP = 60.0  # seconds; a busy machine starts a worker in ten


@contextmanager
def process(log: Path, *words: str) -> Iterator[subprocess.Popen[bytes]]:
    """A program of the installation in a process group of its own, with the settings of the tests."""
    environment = processes.with_test_settings(DATABASE_URL=database_url(), TEST_HASTE=str(HASTE))
    command = [sys.executable, "-m", "celery", "-q", "-A", "liaison", *words, "--loglevel", "warning"]
    with log.open("ab") as output:
        started = subprocess.Popen(command, env=environment, stdout=output, stderr=output, start_new_session=True)
    try:
        yield started
    finally:
        kill(started)


def kill(started: subprocess.Popen[bytes]) -> None:
    if started.poll() is None:
        os.killpg(started.pid, signal.SIGKILL)
    started.wait(10)


def worker(log: Path) -> Any:
    quiet = ("--without-gossip", "--without-mingle", "--without-heartbeat")
    return process(log, "worker", "--concurrency", "1", *quiet)


def beat(log: Path, place: Path) -> Any:
    return process(log, "beat", "--schedule", str(place / "beat"), "--pidfile", "")


def red() -> list[str]:
    cache.delete("readyz")
    response = Client().get("/readyz")
    found = [name for name, check in response.json().items() if not check["ok"]]
    assert (response.status_code == 200) == (found == [])
    return found


def becomes(wanted: list[str], within: float, log: Path) -> None:
    end = time.monotonic() + within
    while (found := red()) != wanted:
        if time.monotonic() > end:
            pytest.fail(f"{found} instead of {wanted} after {within:.0f} s; they said:\n{log.read_text()[-2000:]}")
        time.sleep(0.2)


@pytest.fixture
def haste(monkeypatch: pytest.MonkeyPatch) -> float:
    """Two rounds of the clock, as `SWEEP_PATIENCE` is; and what a machine that others use takes on top."""
    monkeypatch.setattr(readiness, "SWEEP_PATIENCE", timedelta(seconds=6 * HASTE))
    return 6 * HASTE + 10


def test_a_dead_worker_and_a_dead_clock_are_seen(
    transactional_db: None, cast: Cast, haste: float, tmp_path: Path
) -> None:
    assert timedelta(minutes=2) >= readiness.SWEEP_PATIENCE
    celery_app.control.purge()
    cache.delete(readiness.SWEPT)
    log = tmp_path / "processes.log"
    with beat(log, tmp_path) as clock:
        with worker(log) as first:
            becomes([], GIVE_UP, log)
            kill(first)
            becomes(["sweep"], haste, log)
        with worker(log):
            becomes([], GIVE_UP, log)
            kill(clock)
            celery_app.control.purge()  # what it had sent out before, a worker that was away has still to do
            becomes(["sweep"], haste, log)
            with beat(log, tmp_path):
                becomes([], GIVE_UP, log)


def test_a_dead_broker_is_seen(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    readiness.note_sweep()
    assert red() == []
    gone = current_app.connection_for_write("redis://127.0.0.1:1/0", connect_timeout=1)
    monkeypatch.setattr(current_app, "connection_for_write", lambda **options: gone)
    assert red() == ["broker"]


ASK = """
import django, json
django.setup()
from django.test import Client
response = Client(SERVER_NAME="localhost").get("/readyz")
print(json.dumps([response.status_code, response.json()]))
"""


def test_a_dead_database_is_seen_though_the_cache_is_gone_with_it() -> None:
    """The cache lies in the same Redis as the broker, or in the database; of the rest nothing is asked."""
    environment = processes.with_test_settings(
        DATABASE_URL="postgres://nobody@127.0.0.1:1/none", CELERY_BROKER_URL="redis://127.0.0.1:1/0"
    )
    asked = subprocess.run(
        [sys.executable, "-c", ASK], env=environment, capture_output=True, text=True, timeout=180, check=False
    )
    assert asked.returncode == 0, asked.stderr[-2000:]
    status, answer = json.loads(asked.stdout.splitlines()[-1])
    assert (status, answer) == (503, {"database": {"ok": False, "says": "OperationalError"}})
