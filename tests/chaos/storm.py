"""A season in a storm: everything is killed at random while letters go out, and every one must arrive exactly once.

The whole installation runs here as it does on a server: PostgreSQL, Redis, web, workers and clock, each started again
by a supervisor when it is gone, and a mail server that refuses, hangs and drops. An officer assigns members to cells
through the web; each cell is told by one letter. `kill -9` falls on each part at a moment drawn from the seed; the
broker is also emptied. What the mail server has taken is counted by Message-ID:

- nothing may be lost;
- nothing may go out twice, except the letter that a killed worker held between the server's "250" and its journal.

Run by tests/chaos/test_storm.py (a small one) and tests/bench/chaos.py (2,000 letters, 20 seeds).
"""

import asyncio
import hashlib
import importlib.util
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import urllib.parse
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent.parent
sys.path.insert(0, str(ROOT))

import psycopg2  # noqa: E402
from aiosmtpd.controller import Controller  # noqa: E402
from aiosmtpd.smtp import SMTP, Envelope, Session  # noqa: E402

PARTS = ("worker", "beat", "broker", "database", "web", "emptied", "worker", "database")
CELLS = 100  # of one ward
AT_ONCE = 20  # members assigned with one press
LEASE, HASTE = 15.0, 1.0
PATIENCE = 900.0  # seconds for one seed; a quiet machine needs a tenth of it
WINDOW = 1.0  # seconds before a kill in which the server's "250" can have been the last thing a worker heard
TOKEN = "t" * 32
ID = re.compile(rb"^Message-ID:\s*(<[^>]+>)", re.IGNORECASE | re.MULTILINE)


def script_services() -> Any:
    spec = importlib.util.spec_from_file_location("services", ROOT / "script" / "services.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


services = script_services()


# The parts, and who starts them again


class Part:
    """A program in a process group of its own, which can be killed and is started again."""

    def __init__(self, name: str, command: list[str], directory: Path, env: dict[str, str]) -> None:
        self.name, self.command, self.env, self.directory = name, command, env, directory
        self.process: subprocess.Popen[bytes] | None = None
        self.starts = 0

    def ensure(self) -> None:
        if self.process is None or self.process.poll() is not None:
            with (self.directory / f"{self.name}.log").open("ab") as log:
                self.process = subprocess.Popen(
                    self.command, env=self.env, cwd=ROOT, stdout=log, stderr=log, start_new_session=True
                )
            self.starts += 1

    def kill(self) -> None:
        if self.process:
            with suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()


class Supervisor:
    """What systemd does on a server: looks again and again, and starts what is gone."""

    def __init__(self, parts: list[Part]) -> None:
        self.parts = {part.name: part for part in parts}
        self._lock, self._over = threading.Lock(), threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> "Supervisor":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()
        for part in reversed(self.parts.values()):
            part.kill()

    def _watch(self) -> None:
        while not self._over.wait(0.2):
            with self._lock:
                for part in self.parts.values():
                    part.ensure()

    def kill(self, name: str) -> None:
        with self._lock:
            self.parts[name].kill()


class Post:
    """A mail server that takes most letters, and sometimes says "later", says nothing, or hangs up after DATA."""

    def __init__(self, seed: int) -> None:
        self.taken: list[tuple[float, str]] = []
        self.refused = Counter[str]()
        self.chance = random.Random(seed)

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        drawn = self.chance.random()
        if drawn < 0.02:
            self.refused["later"] += 1
            return "451 4.3.0 come back later"
        if drawn < 0.03:
            self.refused["dropped"] += 1
            assert server.transport
            server.transport.close()
            return "421 closing"
        if drawn < 0.033:
            self.refused["hung"] += 1
            await asyncio.sleep(5 * HASTE)
            return "421 too slow"
        assert isinstance(envelope.content, bytes)
        found = ID.search(envelope.content)
        assert found
        self.taken.append((time.monotonic(), found[1].decode()))
        return "250 taken"


# One installation


@dataclass
class Installation:
    directory: Path
    pg_port: str = ""
    broker_port: int = 0
    web_port: int = 0
    user: list[str] = field(default_factory=list)

    def environment(self, database: str, mail_port: int) -> dict[str, str]:
        kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "TZ", "TMPDIR") if name in os.environ}
        return kept | {
            "DJANGO_SETTINGS_MODULE": "liaison.settings_test",
            "LIAISON_VAR": str(self.directory / "var"),
            "DATABASE_URL": f"postgres://liaison@/{database}?host={self.directory}",
            "CELERY_BROKER_URL": f"redis://127.0.0.1:{self.broker_port}/0",
            "EMAIL_URL": f"smtp://127.0.0.1:{mail_port}",
            "TEST_LEASE": str(LEASE),
            "TEST_HASTE": str(HASTE),
            "PYTHONWARNINGS": "ignore",
        }

    def servers(self) -> list[Part]:
        data, own = self.directory / "data", dict(os.environ)
        # Killed processes lose nothing that the system has written; only what a commit left in memory would be lost.
        settings = {"listen_addresses": "", "unix_socket_directories": str(self.directory), "max_connections": "100"}
        settings |= {"fsync": "off", "synchronous_commit": "on", "full_page_writes": "off"}
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        postgres = [*self.user, "--pdeathsig=INT", str(services.postgresql() / "postgres"), "-D", str(data), *options]
        redis = [*self.user, "--pdeathsig=KILL", str(services.redis()), "--bind", "127.0.0.1"]
        redis += ["--port", str(self.broker_port), "--save", "", "--dir", str(self.directory)]
        return [Part("database", postgres, self.directory, own), Part("broker", redis, self.directory, own)]

    def programs(self, env: dict[str, str]) -> list[Part]:
        celery = ["setpriv", "--pdeathsig", "KILL", sys.executable, "-m", "celery", "-q", "-A", "liaison"]
        worker = [*celery, "worker", "--concurrency", "2", "--loglevel", "warning"]
        worker += ["--without-gossip", "--without-mingle", "--without-heartbeat"]
        web = ["setpriv", "--pdeathsig", "KILL", sys.executable, "-m", "gunicorn", "liaison.wsgi"]
        web += ["--bind", f"127.0.0.1:{self.web_port}", "--workers", "2", "--no-control-socket", "--log-level", "error"]
        web += ["--timeout", "180"]  # on a busy machine it takes long to load
        beat = [*celery, "beat", "--loglevel", "warning", "--pidfile="]
        named = {"worker": worker, "beat": beat, "web": web}
        return [Part(name, command, self.directory, env) for name, command in named.items()]

    def connect(self, database: str) -> Any:
        connection = psycopg2.connect(host=str(self.directory), user="liaison", dbname=database)
        connection.autocommit = True
        return connection

    def ask(self, database: str, sql: str) -> list[tuple[Any, ...]] | None:
        """The rows, or None while the database is down."""
        try:
            connection = self.connect(database)
        except psycopg2.OperationalError:
            return None
        try:
            with connection.cursor() as cursor:
                cursor.execute(sql)
                return list(cursor.fetchall()) if cursor.description else []
        except psycopg2.Error:
            return None
        finally:
            connection.close()

    def insist(self, database: str, sql: str) -> list[tuple[Any, ...]]:
        give_up = time.monotonic() + 60
        while (rows := self.ask(database, sql)) is None:
            assert time.monotonic() < give_up, sql
            time.sleep(0.1)
        return rows


@contextmanager
def installation() -> Iterator[Installation]:
    directory = Path(tempfile.mkdtemp(prefix="storm-"))
    directory.chmod(0o755)
    try:
        found = Installation(directory, broker_port=services.free_port(), web_port=services.free_port())
        found.user = services.as_somebody(directory)
        initdb = [*found.user, str(services.postgresql() / "initdb"), "--pgdata", str(directory / "data")]
        initdb += ["--auth=trust", "--username=liaison", "--encoding=UTF8", "--locale=C.UTF-8", "--no-sync"]
        subprocess.run(initdb, cwd=directory, check=True, capture_output=True)
        yield found
    finally:
        shutil.rmtree(directory, ignore_errors=True)


# The season


def prepare(letters: int) -> None:
    """Wards whose officer has members to assign: one to each cell, so that each cell is told once."""
    import django  # noqa: PLC0415

    django.setup()
    from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY  # noqa: PLC0415
    from django.contrib.sessions.backends.db import SessionStore  # noqa: PLC0415
    from django.core.management import call_command  # noqa: PLC0415
    from django.db import transaction  # noqa: PLC0415

    from evaluations.models import Campaign, EvaluationRequest  # noqa: PLC0415
    from liaison.sessions import SEEN, SINCE  # noqa: PLC0415
    from members.models import Organization, User  # noqa: PLC0415
    from members.roles import Role  # noqa: PLC0415
    from tests import factories  # noqa: PLC0415

    call_command("migrate", verbosity=0)
    call_command("createcachetable", verbosity=0)
    with transaction.atomic():
        province = factories.organization(None, "Thành ủy Mẫu", "province")
        ministry = factories.organization(province, "Đảng ủy Sở Thử Nghiệm", "grassroots")
        office = factories.workplace_cell(ministry, "Văn phòng")
        seat = factories.seat(factories.user("drafter", "Nguyễn Văn Soạn"), ministry, Role.OFFICER)
        today = date.today()  # noqa: DTZ011
        due = today + timedelta(days=60)
        campaign = Campaign.objects.create(
            committee=ministry, year=today.year, due_on=due, self_criticism_on=due + timedelta(days=9), prepared_by=seat
        )
        officer = factories.user("officer", "Đặng Văn Phường")
        for number in range(-(-letters // CELLS)):
            ward = factories.commune(province, f"Mẫu {number}")
            factories.seat(officer, ward, Role.OFFICER)
            for place in range(min(CELLS, letters - number * CELLS)):
                cell = factories.residence_cell(ward, f"Tổ dân phố {place + 1}")
                Organization.objects.filter(pk=cell.pk).update(email=f"to{place}.phuong{number}@example.org")
                member = factories.member(workplace=office, commune=ward)
                EvaluationRequest.objects.create(
                    member=member,
                    placement=member.placements.get(),
                    residence_commune=ward,
                    campaign=campaign,
                    year=today.year,
                    asked_by=ministry,
                    asker_now=ministry,
                    state="at_commune",
                    due_on=due,
                )
        session = SessionStore()
        officer = User.objects.get(pk=officer.pk)
        session[SESSION_KEY] = str(officer.pk)
        session[BACKEND_SESSION_KEY] = "allauth.account.auth_backends.AuthenticationBackend"
        session[HASH_SESSION_KEY] = officer.get_session_auth_hash()
        # Signed in whole a moment ago, both factors shown: the storm is about letters.
        session[SINCE] = session[SEEN] = now = time.time()
        session["account_authentication_methods"] = [{"method": "mfa", "type": "webauthn", "at": now}]
        session["account_authentication_methods_user"] = str(officer.pk)
        session.create()
    sys.stdout.write(f"{session.session_key}\n")


class Officer(threading.Thread):
    """Assigns members to cells on the page, twenty at a time, and presses again when the page did not answer."""

    def __init__(self, port: int, session: str, presses: list[tuple[int, dict[str, int]]]) -> None:
        super().__init__(daemon=True)
        self.port, self.session, self.presses = port, session, presses
        self.again = 0

    def run(self) -> None:
        for ward, chosen in self.presses:
            while not self._press(ward, chosen):
                self.again += 1
                time.sleep(0.2)

    def _press(self, ward: int, chosen: dict[str, int]) -> bool:
        site = f"http://127.0.0.1:{self.port}"
        fields = {**chosen, "csrfmiddlewaretoken": TOKEN}
        said = urllib.parse.urlencode(fields).encode()
        headers = {"Cookie": f"sessionid={self.session}; csrftoken={TOKEN}", "Origin": site}
        request = urllib.request.Request(f"{site}/phan-chi-bo/{ward}/", said, headers)  # noqa: S310
        try:
            with urllib.request.build_opener(Stay).open(request, timeout=120) as answer:
                return answer.status == 302 and answer.headers["Location"] == f"/phan-chi-bo/{ward}/"
        except OSError:
            return False


class Stay(urllib.request.HTTPRedirectHandler):
    """The answer itself, not the page it leads to."""

    def http_error_302(self, req: Any, fp: Any, code: int, msg: str, headers: Any) -> Any:
        return fp


@dataclass
class Verdict:
    seed: int
    letters: int
    lost: int
    doubled: int  # and nothing explains it
    in_the_window: int  # between "250" and the journal of a killed worker
    kills: int
    refused: dict[str, int]
    pressed_again: int
    seconds: float
    left: list[Any] = field(default_factory=list)


def weather(seed: int, letters: int) -> list[tuple[int, str]]:
    """When what is killed: each part after so many letters, the moments drawn from the seed."""
    chance = random.Random(seed)
    parts = list(PARTS)
    chance.shuffle(parts)
    return sorted((chance.randrange(letters // 20, letters * 9 // 10), part) for part in parts)


def ride(place: Installation, supervisor: Supervisor, seed: int, letters: int, session: str) -> Verdict:
    """One season under the weather of one seed."""
    database, post, began = f"seed{seed}", Post(seed), time.monotonic()
    place.insist("postgres", f'CREATE DATABASE "{database}" TEMPLATE base')
    controller = Controller(post, hostname="127.0.0.1", port=services.free_port())
    controller.start()
    env = place.environment(database, controller.port)
    flush(place)
    waiting = place.insist(database, "SELECT residence_commune_id, id FROM evaluations_evaluationrequest ORDER BY 1, 2")
    cells = place.insist(
        database, "SELECT id FROM members_organization WHERE side = 'residence' ORDER BY parent_id, id"
    )
    rows = [(ward, request, cell) for (ward, request), (cell,) in zip(waiting, cells, strict=True)]
    assert len(rows) == letters
    officer = Officer(place.web_port, session, presses(rows))
    kills: list[tuple[float, str]] = []
    with Supervisor(place.programs(env)) as programs:
        officer.start()
        for after, part in weather(seed, letters):
            wait(lambda after=after: len(post.taken) >= after, began + PATIENCE)
            strike(place, supervisor, programs, part)
            kills.append((time.monotonic(), part))
        done = f"SELECT count(*) FROM evaluations_letter WHERE state = 'sent' HAVING count(*) = {letters}"  # noqa: S608
        wait(lambda: bool(place.ask(database, done)), began + PATIENCE)
        time.sleep(HASTE)  # whatever would be sent twice has its chance
    controller.stop()
    return judge(place, database, post, kills, officer.again, Verdict(seed, letters, 0, 0, 0, 0, {}, 0, 0.0), began)


def presses(rows: list[tuple[Any, ...]]) -> list[tuple[int, dict[str, int]]]:
    found: list[tuple[int, dict[str, int]]] = []
    for ward, request, cell in rows:
        if not found or found[-1][0] != ward or len(found[-1][1]) == AT_ONCE:
            found.append((ward, {}))
        found[-1][1][f"cell-{request}"] = cell
    return found


def strike(place: Installation, servers: Supervisor, programs: Supervisor, part: str) -> None:
    if part == "emptied":
        flush(place)
    else:
        (servers if part in servers.parts else programs).kill(part)


def flush(place: Installation) -> None:
    import redis  # noqa: PLC0415

    with suppress(redis.RedisError):
        redis.Redis(port=place.broker_port).flushall()


def wait(until: Callable[[], bool], give_up: float) -> None:
    while not until() and time.monotonic() < give_up:
        time.sleep(0.05)


def judge(
    place: Installation,
    database: str,
    post: Post,
    kills: list[tuple[float, str]],
    again: int,
    verdict: Verdict,
    began: float,
) -> Verdict:
    keys = [key for (key,) in place.insist(database, "SELECT key FROM evaluations_letter")]
    expected = {f"<{hashlib.sha256(key.encode()).hexdigest()[:32]}@example.org>" for key in keys}
    times = Counter(letter for _, letter in post.taken)
    assert len(keys) == len(expected)
    verdict.lost = verdict.letters - len(expected & set(times)) + len(set(times) - expected)
    ends = [at for at, part in kills if part == "worker"]
    for letter in [letter for letter, number in times.items() if number > 1]:
        moments = [at for at, taken in post.taken if taken == letter]
        # All but the last were the last word that somebody heard before he was killed.
        explained = all(any(at - 0.1 <= end <= at + WINDOW for end in ends) for at in moments[:-1])
        verdict.in_the_window += explained
        verdict.doubled += not explained
    unsent = "SELECT state, last_error, count(*) FROM evaluations_letter WHERE state <> 'sent' GROUP BY 1, 2"
    verdict.left = [list(row) for row in place.insist(database, unsent)]
    verdict.kills, verdict.refused, verdict.pressed_again = len(kills), dict(post.refused), again
    verdict.seconds = round(time.monotonic() - began, 1)
    return verdict


def storm(letters: int, seeds: range) -> Iterator[Verdict]:
    # Whoever ends us ends everything that we started.
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))
    with installation() as place, Supervisor(place.servers()) as supervisor:
        place.insist("postgres", 'CREATE DATABASE "base"')
        env = place.environment("base", 9)
        command = [sys.executable, __file__, "prepare", str(letters)]
        made = subprocess.run(command, env=env, cwd=ROOT, capture_output=True, text=True, check=False)
        assert made.returncode == 0, made.stderr
        for seed in seeds:
            verdict = ride(place, supervisor, seed, letters, made.stdout.strip())
            if verdict.lost or verdict.doubled:
                tail = (place.directory / "worker.log").read_text(errors="replace")[-3000:]
                sys.stderr.write(f"{verdict}\n{tail}\n")
            yield verdict


if __name__ == "__main__":
    if sys.argv[1] == "prepare":
        prepare(int(sys.argv[2]))
    else:
        for told in storm(int(sys.argv[1]), range(1, int(sys.argv[2]) + 1)):
            print(json.dumps(vars(told)), flush=True)  # noqa: T201
