"""Real workers, killed in the middle of a season: every document is stored and every letter goes out all the same.

A letter may go out twice only when its worker died between the server's "250" and the mark in the database; a receiver
recognises it by its Message-ID. The test plays the clock: it sweeps every few seconds where beat sweeps every minute.
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from django.conf import settings
from django.db import connection

from evaluations import tasks
from evaluations.models import Document, DocumentFile, Letter
from liaison import celery_app
from tests import factories, processes, smtp
from tests.conftest import Cast
from tests.season import Season

pytestmark = pytest.mark.chaos
LETTERS = 60
LEASE = 3.0  # seconds
SWEEP = 6.0  # seconds; more often and the workers would mostly be busy with what was handed out twice
PATIENCE = 240.0  # seconds for all of it; a quiet machine needs 20


@pytest.fixture
def server() -> Iterator[smtp.Sink]:
    with smtp.sink() as sink:
        yield sink


@pytest.fixture
def season(transactional_db: None, cast: Cast, play: Season) -> Season:
    """A launched campaign with a letter to each of 60 communes; the cast's own ward is one of them."""
    for number in range(1, LETTERS):
        commune = factories.commune(cast.province, f"Mẫu {number}", email=f"mau{number}@example.org")
        factories.member(workplace=cast.office_cell, commune=commune)
    play.issued()
    celery_app.control.purge()
    return play


def database_url() -> str:
    """The URL of the database of this test for another process."""
    name = str(connection.settings_dict["NAME"])
    if connection.vendor == "sqlite":
        return f"sqlite:///{name}"
    head, _, query = os.environ["DATABASE_URL"].partition("?")
    return f"{head.rpartition('/')[0]}/{name}?{query}"


@contextmanager
def worker(port: int, log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A worker in a process group of its own, with the settings of the tests."""
    environment = processes.with_test_settings(
        DATABASE_URL=database_url(), EMAIL_URL=f"smtp://127.0.0.1:{port}", TEST_LEASE=str(LEASE)
    )
    command = [sys.executable, "-m", "celery", "-q", "-A", "liaison", "worker", "--concurrency", "2", "--loglevel"]
    command += ["warning", "--without-gossip", "--without-mingle", "--without-heartbeat"]
    with log.open("ab") as output:
        process = subprocess.Popen(command, env=environment, stdout=output, stderr=output, start_new_session=True)
    try:
        yield process
    finally:
        kill(process.pid)
        process.wait(10)


def kill(group: int) -> None:
    try:
        os.killpg(group, signal.SIGKILL)
    except ProcessLookupError:
        return


def is_gone(group: int) -> bool:
    """Whether no process of the group is left. Children of a killed worker are buried by init, which takes a moment."""
    give_up = time.monotonic() + 5
    while time.monotonic() < give_up:
        try:
            os.killpg(group, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.05)
    return False


def wait(until: Callable[[], bool], process: subprocess.Popen[bytes], give_up: float, log: Path) -> None:
    """Sweep now and then until it holds."""
    swept = 0.0
    while not until():
        now = time.monotonic()
        if now > give_up or process.poll() is not None:
            pytest.fail(f"{left()}, worker {process.poll() or 'alive'}; the workers said:\n{log.read_text()[-3000:]}")
        if now - swept > SWEEP:
            tasks.sweep.delay()  # by the workers: what a killed one left, only its host may take
            swept = now
        time.sleep(0.05)


def left() -> dict[str, int]:
    states = Letter.objects.values_list("state", flat=True)
    return {"documents": Document.objects.filter(files=None).count()} | {s: list(states).count(s) for s in set(states)}


def held() -> set[str]:
    """Message-IDs of the letters that some worker is sending now."""
    return {letter.message_id for letter in Letter.objects.filter(state=Letter.State.SENDING)}


def test_kills_and_an_emptied_broker_lose_no_letter(season: Season, server: smtp.Sink, tmp_path: Path) -> None:
    log, give_up = tmp_path / "workers.log", time.monotonic() + PATIENCE

    with worker(server.port, log) as first:
        wait(lambda: DocumentFile.objects.count() >= 20, first, give_up, log)
        kill(first.pid)
    in_flight = held()
    assert left()["documents"] > 0
    server.delay = 0.1
    with worker(server.port, log) as second:
        wait(lambda: len(server.ids) >= 20, second, give_up, log)
        kill(second.pid)
    server.delay = 0.0
    in_flight |= held()
    assert left()["sent"] < LETTERS
    with worker(server.port, log) as third:
        celery_app.control.purge()
        wait(lambda: left() == {"documents": 0, "sent": LETTERS}, third, give_up, log)

    everything = {letter.message_id for letter in Letter.objects.all()}
    doubled = {message_id for message_id, times in server.ids.items() if times > 1}
    assert set(server.ids) == everything
    assert doubled <= in_flight
    assert sum(server.ids.values()) <= LETTERS + len(in_flight)
    assert DocumentFile.objects.count() == LETTERS
    assert [process.pid for process in (first, second, third) if not is_gone(process.pid)] == []
    assert settings.EMAIL_BACKEND.endswith("locmem.EmailBackend")  # all of it was the workers' doing
