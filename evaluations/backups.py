"""One file with the whole database, and beside it what a restored copy must equal: rows, migrations, end of history.

The keys of the installation (FIELD_KEYS, BLIND_INDEX_KEY, HISTORY_KEY, SECRET_KEY) are kept apart from it on purpose.
"""

import hashlib
import json
import os
import shutil
import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path
from typing import Any

from django.apps import apps
from django.conf import settings
from django.db import connection, transaction
from django.db.migrations.recorder import MigrationRecorder
from django.utils import timezone

from evaluations.models import DocumentFile
from members.models import AuditSeal

DUMP, MANIFEST = "database.dump", "manifest.json"
BLOCK = 1024 * 1024


class BackupError(Exception):
    """Nothing was backed up or restored; the message says what to do."""


def back_up(folder: Path) -> dict[str, Any]:
    """Write the dump and its manifest into a new folder; the manifest."""
    folder.mkdir(parents=True, mode=0o700)
    facts = _with_one_snapshot(folder / DUMP)
    facts |= {"made_at": timezone.now().isoformat(), "database": connection.vendor, "sha256": _digest(folder / DUMP)}
    (folder / MANIFEST).write_text(json.dumps(facts, ensure_ascii=False, indent=1))
    return facts


def restore(folder: Path) -> dict[str, Any]:
    """Fill this empty database from a backup and compare; raises BackupError for a damaged or different copy."""
    manifest: dict[str, Any] = json.loads((folder / MANIFEST).read_text())
    if manifest["database"] != connection.vendor:
        raise BackupError(f"The backup is of {manifest['database']}, this database is {connection.vendor}.")
    if _digest(folder / DUMP) != manifest["sha256"]:
        raise BackupError("The dump is not the one the manifest describes: a damaged or changed copy.")
    if connection.introspection.table_names():
        raise BackupError("This database is not empty. Restore into a new one, then switch over.")
    _load(folder / DUMP)
    found = state()
    different = [name for name in found if found[name] != manifest[name]]
    if different:
        raise BackupError(f"The restored copy differs from the manifest in: {', '.join(different)}.")
    return manifest


def state() -> dict[str, Any]:
    """What two equal databases have in common, in a form that can be compared."""
    tables = sorted(model._meta.db_table for model in apps.get_models(include_auto_created=True))
    with connection.cursor() as cursor:
        rows = {table: _count(cursor, table) for table in tables}
    head = AuditSeal.objects.order_by("-position").values_list("position", "mac").first()
    papers = hashlib.sha256()
    for digest in DocumentFile.objects.order_by("pk").values_list("sha256", flat=True).iterator(chunk_size=10_000):
        papers.update(digest.encode())
    applied = MigrationRecorder(connection).applied_migrations()
    return {
        "rows": rows,
        "papers": papers.hexdigest(),
        "history_head": list(head or ()),
        "migrations": sorted(".".join(key) for key in applied),
    }


def _count(cursor: Any, table: str) -> int:
    cursor.execute(f"SELECT count(*) FROM {connection.ops.quote_name(table)}")  # noqa: S608 - names of our own tables
    return int(cursor.fetchone()[0])


def _with_one_snapshot(dump: Path) -> dict[str, Any]:
    """The counts and the dump see the same moment, while everybody goes on working."""
    if connection.vendor == "sqlite":
        with (
            closing(sqlite3.connect(settings.DATABASES["default"]["NAME"])) as source,
            closing(sqlite3.connect(dump)) as copy,
        ):
            source.backup(copy)
        dump.chmod(0o600)
        return _state_of_copy(dump)
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        cursor.execute("SELECT pg_export_snapshot()")
        snapshot = cursor.fetchone()[0]
        facts = state()
        _run("pg_dump", "--format=custom", f"--snapshot={snapshot}", f"--file={dump}", _address())
    dump.chmod(0o600)
    return facts


def _state_of_copy(dump: Path) -> dict[str, Any]:
    """The same figures read from the copy itself: the original has gone on since."""
    name = connection.settings_dict["NAME"]
    connection.close()
    connection.settings_dict["NAME"] = str(dump)
    try:
        return state()
    finally:
        connection.close()
        connection.settings_dict["NAME"] = name


def _load(dump: Path) -> None:
    if connection.vendor == "sqlite":
        connection.close()
        target = Path(settings.DATABASES["default"]["NAME"])
        shutil.copyfile(dump, target)
        target.chmod(0o600)
        return
    connection.close()
    _run("pg_restore", "--exit-on-error", "--single-transaction", "--no-owner", f"--dbname={_address()}", str(dump))


def _address() -> str:
    """Where the database is, for PostgreSQL's own programs; the password goes by the environment."""
    said = connection.get_connection_params()
    parts = {name: said.get(key) for name, key in (("dbname", "dbname"), ("user", "user"), ("host", "host"))}
    parts["port"] = said.get("port")
    return " ".join(f"{name}={value}" for name, value in parts.items() if value)


def _run(program: str, *arguments: str) -> None:
    path = os.environ.get("PG_BIN", "")
    found = shutil.which(program, path=path or None)
    if found is None:
        raise BackupError(
            f"{program} is not installed: apt-get install postgresql-client, or name its folder in PG_BIN."
        )
    secret = {"PGPASSWORD": str(connection.settings_dict.get("PASSWORD") or "")}
    environment = {**os.environ, **secret}
    done = subprocess.run([found, *arguments], env=environment, capture_output=True, text=True)  # noqa: S603
    if done.returncode:
        raise BackupError(f"{program} failed: {done.stderr.strip()[-500:]}")


def _digest(path: Path) -> str:
    total = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(BLOCK):
            total.update(block)
    return total.hexdigest()
