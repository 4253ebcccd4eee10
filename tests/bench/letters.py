"""Notices by SMTP: chunks over one connection with a journal, against a task and a connection for each notice.

Both ways run through the same two worker processes, the same broker, database and mail server; they take turns. The
yardstick claims its letter, opens a connection, sends, and marks the letter with its line of history: no journal, no
stopped addresses, no hourly limit. The mail server is a small one of its own process; what it has taken is counted by
Message-ID.
"""

import asyncio
import json
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
sys.path.insert(0, str(ROOT))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "liaison.settings_test")
if "LIAISON_VAR" not in os.environ:
    os.environ["LIAISON_VAR"] = tempfile.mkdtemp(prefix="bench-letters-")

import django

django.setup()

from django.core.mail import EmailMessage
from django.core.management import call_command
from django.utils import timezone

from evaluations import letters, tasks
from evaluations.models import Letter
from liaison.celery import app
from members.states import move
from tests import factories

CHUNKS, ONE_BY_ONE = "chunks", "one by one"


@app.task(name="bench.one_by_one")
def one_by_one(letter_id: int) -> None:
    """The yardstick."""
    lease = timezone.now() + timedelta(minutes=5)
    if not Letter.objects.filter(pk=letter_id, state="queued").update(state="sending", lease_until=lease):
        return
    letter = Letter.objects.select_related("recipient").get(pk=letter_id)
    said = letters.message(letter, letters.addresses(letter))
    EmailMessage(said.subject, said.body, said.sender, said.to, headers={"Message-ID": said.id}).send()
    move(letter, Letter.State.SENT, by=None, sent_at=timezone.now(), sent_to=1, lease_until=None)


# The mail server: `letters.py sink PORT FILE`


async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, taken: Path) -> None:
    writer.write(b"220 sink\r\n")
    with taken.open("ab") as log:
        while line := await reader.readline():
            word = line[:4].upper()
            if word == b"DATA":
                writer.write(b"354 go on\r\n")
                body = await reader.readuntil(b"\r\n.\r\n")
                log.write(next(row for row in body.split(b"\r\n") if row.lower().startswith(b"message-id")) + b"\n")
                log.flush()
            writer.write(b"221 bye\r\n" if word == b"QUIT" else b"250 ok\r\n")
            await writer.drain()
            if word == b"QUIT":
                break
    writer.close()


async def sink(port: int, taken: Path) -> None:
    server = await asyncio.start_server(lambda reader, writer: serve(reader, writer, taken), "127.0.0.1", port)
    async with server:
        await server.serve_forever()


# The comparison


@contextmanager
def running(*command: str, **environment: str) -> Iterator[None]:
    paths = f"{ROOT}:{Path(__file__).parent}"
    process = subprocess.Popen(
        command, cwd=ROOT, env={**os.environ, "PYTHONPATH": paths, "PYTHONWARNINGS": "ignore", **environment}
    )
    try:
        yield
    finally:
        process.terminate()
        process.wait()


def notices(mark: str, count: int, places: list[int]) -> list[int]:
    rows = [
        Letter(
            key=f"{mark}:{number}",
            kind=Letter.Kind.ASSIGNED,
            channel=Letter.Channel.EMAIL,
            recipient_id=places[number % len(places)],
            facts={"count": 2, "due_on": "2026-11-15"},
        )
        for number in range(count)
    ]
    Letter.objects.bulk_create(rows, batch_size=1000)
    return [letter.pk for letter in rows]


def rate(way: str, mark: str, count: int, places: list[int]) -> float:
    """Letters a second from the first enqueueing until the last is marked as sent."""
    ids = notices(mark, count, places)
    began = time.monotonic()
    if way == CHUNKS:
        for start in range(0, count, tasks.CHUNK):
            tasks.deliver.delay(ids[start : start + tasks.CHUNK])
    else:
        for letter_id in ids:
            one_by_one.delay(letter_id)
    while Letter.objects.filter(pk__gte=ids[0], pk__lte=ids[-1]).exclude(state="sent").exists():
        time.sleep(0.05)
    return count / (time.monotonic() - began)


def main() -> None:
    count, pairs = (200, 2) if "--quick" in sys.argv else (2000, 5)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    directory = Path(os.environ["LIAISON_VAR"])
    taken = directory / "taken"
    taken.touch()
    call_command("migrate", verbosity=0)
    call_command("createcachetable", verbosity=0)
    ward = factories.commune(factories.organization(None, "Thành ủy Mẫu", "province"), "Mẫu")
    places = [
        factories.organization(ward, f"Chi bộ {number}", "cell", side="residence", email=f"to{number}@example.org").pk
        for number in range(50)
    ]
    worker = [sys.executable, "-m", "celery", "-q", "-A", "letters", "worker", "--concurrency", "2", "--loglevel"]
    worker += ["error", "--without-gossip", "--without-mingle", "--without-heartbeat"]
    rates: dict[str, list[float]] = {CHUNKS: [], ONE_BY_ONE: []}
    try:
        with (
            running(sys.executable, __file__, "sink", str(port), str(taken)),
            running(*worker, EMAIL_URL=f"smtp://127.0.0.1:{port}"),
        ):
            for way in rates:
                rate(way, f"warm {way}", 40, places)
            for pair in range(pairs):
                for way in (list(rates), list(rates)[::-1])[pair % 2]:
                    rates[way].append(rate(way, f"{pair} {way}", count, places))
                print(pair + 1, *(f"{way}: {rates[way][-1]:.0f}/s" for way in rates), flush=True)
        arrived = Counter(taken.read_text().split("\n")[:-1])
    finally:
        shutil.rmtree(directory, ignore_errors=True)
    expected = 2 * (pairs * count + 40)
    report(rates, pairs * count, expected - len(arrived), arrived.total() - len(arrived))


def report(rates: dict[str, list[float]], count: int, lost: int, doubled: int) -> None:
    ratio = round(statistics.median(a / b for a, b in zip(*rates.values(), strict=True)), 2)
    figures = {
        "notices each way": count,
        "pairs": len(rates[CHUNKS]),
        **{f"{way}, median a second": round(statistics.median(found)) for way, found in rates.items()},
    }
    goals = [
        {"name": "chunks / one by one", "goal": ">= 1.3", "value": ratio, "met": ratio >= 1.3},
        {"name": "lost", "goal": "= 0", "value": lost, "met": lost == 0},
        {"name": "doubled", "goal": "= 0", "value": doubled, "met": doubled == 0},
    ]
    print(json.dumps({"bench": "letters", "figures": figures, "goals": goals}, ensure_ascii=False))


if __name__ == "__main__":
    if "sink" in sys.argv:
        asyncio.run(sink(int(sys.argv[2]), Path(sys.argv[3])))
    else:
        main()
