"""A thousand wrong passwords against two real web processes; and what a stranger learns about who has an account."""

import re
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from email.message import Message
from http.client import HTTPConnection
from pathlib import Path
from socket import socket
from typing import Any
from urllib.parse import urlencode

import pytest
from django.contrib.auth.hashers import make_password
from django.db import connection

from members.models import User
from tests import factories, processes
from tests.chaos.test_worker import database_url
from tests.conftest import Cast

pytestmark = pytest.mark.chaos
ATTEMPTS = 1000
WINDOW = 4  # seconds, of the server whose clock we wait for
WRONG = "Tên đăng nhập hoặc mật khẩu chưa đúng."
LOCKED = "Đã nhập sai nhiều lần."


@dataclass
class Server:
    port: int
    hashes: Path
    log: Path
    cookie: str = ""

    def reached(self) -> int:
        return len(self.hashes.read_text().splitlines()) if self.hashes.exists() else 0

    def asked(self, method: str, body: str = "", **headers: str) -> tuple[int, str, Message]:
        line = HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            line.request(method, "/tai-khoan/dang-nhap/", body, headers)
            answer = line.getresponse()
            return answer.status, answer.read().decode(), answer.headers
        finally:
            line.close()

    def sign_in(self, name: str, password: str, address: str) -> tuple[int, str, float]:
        """Status, page and seconds; each attempt comes from an address of its own, as a botnet's would."""
        fields = urlencode({"login": name, "password": password, "csrfmiddlewaretoken": self.cookie})
        headers = {"Cookie": f"csrftoken={self.cookie}", "X-Forwarded-For": address}
        began = time.perf_counter()
        status, page, _ = self.asked("POST", fields, **headers, **{"Content-Type": "application/x-www-form-urlencoded"})
        return status, page, time.perf_counter() - began


@contextmanager
def served(folder: Path, **environment: str) -> Iterator[Server]:
    """Two processes of the web server as script/server starts them, on the database and cache of this test."""
    with socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = Server(port, folder / "hashes", folder / "access.log")
    given = processes.with_test_settings(DATABASE_URL=database_url(), TEST_HASHES=str(server.hashes), **environment)
    given |= {"DJANGO_SETTINGS_MODULE": "tests.settings_served", "TRUSTED_PROXIES": "1"}
    command = [sys.executable, "-m", "gunicorn", "liaison.wsgi", "--bind", f"127.0.0.1:{port}", "--workers", "2"]
    command += ["--threads", "4", "--no-control-socket", "--access-logfile", str(server.log), "--access-logformat"]
    process = subprocess.Popen([*command, "%(p)s"], env=given, stderr=subprocess.PIPE)
    try:
        server.cookie = first_cookie(server, process)
        yield server
    finally:
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=20)


def first_cookie(server: Server, process: subprocess.Popen[bytes]) -> str:
    give_up = time.monotonic() + 60
    while time.monotonic() < give_up and process.poll() is None:
        try:
            found = re.search(r"csrftoken=(\w+)", str(server.asked("GET")[2]["Set-Cookie"]))
        except OSError:
            time.sleep(0.1)
        else:
            assert found
            return found[1]
    pytest.fail("the web server did not start")


@pytest.fixture
def people(transactional_db: None, cast: Cast) -> Cast:
    encoded = make_password(factories.PASSWORD, hasher="argon2")
    User.objects.update(password=encoded)
    connection.close()
    return cast


@pytest.fixture(autouse=True)
def the_real_hasher(settings: Any) -> None:
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.Argon2PasswordHasher"]


def test_a_thousand_wrong_passwords(people: Cast, tmp_path: Path) -> None:
    with served(tmp_path) as server:

        def attempt(number: int) -> tuple[int, str, float]:
            return server.sign_in("secretary", f"sai-{number}", f"10.1.{number // 250}.{number % 250 + 1}")

        with ThreadPoolExecutor(8) as pool:
            answers = list(pool.map(attempt, range(ATTEMPTS)))
        reached = server.reached()
        somebody_else = server.sign_in("ward_clerk", factories.PASSWORD, "10.2.0.1")

    words = [WRONG if WRONG in page else LOCKED if LOCKED in page else page for _, page, _ in answers]
    assert {status for status, _, _ in answers} == {200}
    assert 1 <= reached <= 10
    assert words.count(WRONG) == reached
    assert words.count(LOCKED) == ATTEMPTS - reached
    assert somebody_else[0] == 302
    assert len(set(server.log.read_text().split())) == 2  # both processes had their share


def test_the_right_password_works_when_the_window_is_over(people: Cast, tmp_path: Path) -> None:
    with served(tmp_path, TEST_LOGIN_FAILED=f"30/m/ip,5/{WINDOW}s/key") as server:
        for number in range(8):
            server.sign_in("ward_clerk", "sai-mat-khau", f"10.3.0.{number + 1}")
        locked = server.sign_in("ward_clerk", factories.PASSWORD, "10.3.1.1")
        time.sleep(WINDOW + 0.5)
        later = server.sign_in("ward_clerk", factories.PASSWORD, "10.3.1.2")

    assert (locked[0], LOCKED in locked[1]) == (200, True)
    assert later[0] == 302


def test_unknown_names_take_as_long_and_are_told_the_same(people: Cast, tmp_path: Path) -> None:
    known, unknown = ["officer", "signer", "neighbour", "auditor"], ["khong.co", "ai.do", "la.lam", "chua.tung"]
    seconds: dict[str, list[float]] = {"known": [], "unknown": []}
    pages = {}
    with served(tmp_path) as server:
        server.sign_in("nobody", "sai-mat-khau", "10.4.0.1")  # the first page of each process is slow
        server.sign_in("overseer", "sai-mat-khau", "10.4.0.2")
        for turn in range(5):
            for place in range(4):
                for kind, names in (("known", known), ("unknown", unknown)):
                    _, page, took = server.sign_in(names[place], "sai-mat-khau", f"10.5.{turn}.{place + 1}")
                    seconds[kind].append(took)
                    plain = re.sub(r'name="csrfmiddlewaretoken" value="\w+"', "", page)
                    pages[kind, place] = plain.replace(names[place], "X")
        locked = [server.sign_in(name, "sai-mat-khau", "10.6.0.1") for name in ("officer", "khong.co")]

    assert len(set(pages.values())) == 1
    assert [LOCKED in page for _, page, _ in locked] == [True, True]
    ratio = statistics.median(seconds["unknown"]) / statistics.median(seconds["known"])
    assert 0.5 < ratio < 2, seconds
