"""The restore drill: back up, lose everything, restore into a new database, compare; a damaged copy is refused."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg2
import pytest
from django.conf import settings
from django.db import connection

from evaluations.backups import DUMP, MANIFEST
from tests.processes import bare

Manage = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def databases(tmp_path: Path, django_db_setup: None) -> Iterator[tuple[str, str]]:
    """Addresses of two new, empty databases beside the one of the tests."""
    if connection.vendor == "sqlite":
        yield f"sqlite:///{tmp_path / 'first.sqlite3'}", f"sqlite:///{tmp_path / 'second.sqlite3'}"
        return
    said = connection.get_connection_params()
    admin = psycopg2.connect(dbname="postgres", user=said["user"], host=said["host"])
    admin.autocommit = True
    names = [f"{said['dbname']}_drill_{number}" for number in (1, 2)]
    for name in names:
        admin.cursor().execute(f"CREATE DATABASE {name}")
    yield tuple(f"postgres://{said['user']}@/{name}?host={said['host']}" for name in names)  # type: ignore[misc]
    for name in names:
        admin.cursor().execute(f"DROP DATABASE {name} WITH (FORCE)")
    admin.close()


@pytest.fixture
def manage(tmp_path: Path) -> Manage:
    keys = {"SECRET_KEY": settings.SECRET_KEY, "BLIND_INDEX_KEY": settings.BLIND_INDEX_KEY}
    keys |= {"FIELD_KEYS": ",".join(settings.FIELD_KEYS), "HISTORY_KEY": settings.HISTORY_KEY}
    keys |= {"LIAISON_VAR": str(tmp_path), "PG_BIN": os.environ.get("PG_BIN", "")}

    def run(database: str, *words: str) -> subprocess.CompletedProcess[str]:
        environment = bare(DATABASE_URL=database, **keys)
        return subprocess.run([sys.executable, "manage.py", *words], env=environment, capture_output=True, text=True)

    return run


def test_restore_drill(databases: tuple[str, str], manage: Manage, tmp_path: Path) -> None:
    first, second = databases
    for words in (["migrate", "-v0"], ["createcachetable"], ["load_demo"]):
        done = manage(first, *words)
        assert done.returncode == 0, done.stderr
    folder = tmp_path / "backup"

    backed_up = manage(first, "backup", str(folder))
    assert backed_up.returncode == 0, backed_up.stderr
    manifest = json.loads((folder / MANIFEST).read_text())
    assert manifest["rows"]["evaluations_evaluationrequest"] > 0
    assert (folder / DUMP).stat().st_mode & 0o077 == 0
    assert "không trống" not in backed_up.stdout

    refused = manage(first, "restore", str(folder))
    assert refused.returncode == 1
    assert "not empty" in refused.stderr

    restored = manage(second, "restore", str(folder))
    assert restored.returncode == 0, restored.stderr
    # The copy works: nothing to migrate, and the triggers that guard the history came with it.
    assert manage(second, "migrate", "--check").returncode == 0
    assert manage(second, "verify_history").returncode == 0
    again = manage(second, "backup", str(tmp_path / "again"))
    assert again.returncode == 0, again.stderr
    copy = json.loads((tmp_path / "again" / MANIFEST).read_text())
    for same in ("rows", "papers", "history_head", "migrations"):
        assert copy[same] == manifest[same]


def test_a_damaged_copy_is_refused(databases: tuple[str, str], manage: Manage, tmp_path: Path) -> None:
    first, second = databases
    assert manage(first, "migrate", "-v0").returncode == 0
    folder = tmp_path / "backup"
    assert manage(first, "backup", str(folder)).returncode == 0
    content = bytearray((folder / DUMP).read_bytes())
    content[len(content) // 2] ^= 1
    (folder / DUMP).write_bytes(content)

    done = manage(second, "restore", str(folder))

    assert done.returncode == 1
    assert "damaged" in done.stderr
