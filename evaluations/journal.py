"""What the mail server has taken, written on the disk of the host that sent it before the database hears of it.

Between the server's "250" and the mark in the database a worker or the database may die. One line, forced to the disk
right after the "250", tells whoever looks after the letter next that it must not go out again; only a crash between
the "250" and this line can double a letter. The journal is readable where it lies only, so a letter whose lease has
run out is retaken by that host alone, or by a person (views/undelivered.py).
"""

import logging
import os
import secrets
import socket
from collections.abc import Iterable
from datetime import timedelta
from functools import cache
from pathlib import Path

from django.conf import settings
from django.utils import timezone

log = logging.getLogger(__name__)
KEPT = timedelta(days=30)


def host() -> str:
    """The name of this journal: whoever has its directory is the host, whatever a container is called today."""
    return _host(settings.JOURNAL_DIR)


@cache
def _host(directory: Path) -> str:
    directory.mkdir(parents=True, exist_ok=True)
    name = directory / "host"
    if not name.exists():
        fresh = directory / f".host-{secrets.token_hex(4)}"
        fresh.write_text(f"{socket.gethostname()[:40]}-{secrets.token_hex(3)}")
        try:
            name.hardlink_to(fresh)  # exactly one of many processes that begin at once gives the name
        except FileExistsError:
            log.debug("another process has named this host")
        fresh.unlink()
    return name.read_text().strip()


def note(line: str) -> bool:
    """Force one line to the disk; whether it is there. Nobody who sends letters may stop for a full disk."""
    path = settings.JOURNAL_DIR / f"{timezone.now():%Y-%m-%d}"
    try:
        is_new = not path.exists()
        _append(path, f"{line}\n".encode())
        if is_new:
            _sync(settings.JOURNAL_DIR)
            _forget()
    except OSError:
        log.exception("the journal of sent letters cannot be written")
        return False
    return True


def _append(path: Path, content: bytes) -> None:
    number = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        os.write(number, content)  # short and appended: lines of several processes do not mix
        os.fsync(number)
    finally:
        os.close(number)


def _sync(directory: Path) -> None:
    number = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)


def noted(lines: Iterable[str]) -> set[str]:
    """Those of the lines that stand in the journal."""
    wanted, found = set(lines), set()
    for path in _days():
        found |= wanted & set(path.read_text().split("\n"))
    return found


def _days() -> list[Path]:
    return sorted(settings.JOURNAL_DIR.glob("[0-9]*-*"))


def _forget() -> None:
    """A lease runs for minutes: what is a month old is of no use to anybody."""
    oldest = f"{timezone.now() - KEPT:%Y-%m-%d}"
    for path in _days():
        if path.name < oldest:
            path.unlink(missing_ok=True)
