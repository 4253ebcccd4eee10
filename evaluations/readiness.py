"""Whether the installation does its work, not only answers: what /readyz tells a monitor, in figures, never names."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.core.cache import cache
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.recorder import MigrationRecorder
from django.db.models import Min
from django.db.models.functions import Coalesce
from django.utils import timezone
from redis.exceptions import RedisError

from evaluations import steps
from evaluations.models import Document, Inspection, Letter
from members.models import AuditEvent

SWEPT = "swept-at"  # the sweep notes when it ran; a minute apart
SWEEP_PATIENCE = timedelta(seconds=2 * settings.SWEEP_EVERY)
LETTER_PATIENCE = timedelta(minutes=15)
SEAL_PATIENCE = timedelta(minutes=5)
INSPECTED_WITHIN = timedelta(hours=36)  # every night, and a morning to put right what kept it from running


@dataclass(frozen=True)
class Check:
    name: str
    is_well: bool
    says: str


def checks(broker_answers: Callable[[], bool]) -> list[Check]:
    """Every check, worst news included; without a database nothing else can be asked."""
    database = _database()
    if not database.is_well:
        return [database]
    return [
        database,
        _migrations(),
        Check("broker", broker_answers(), "reachable or not"),
        _sweep(),
        _letters(),
        _ladder(),
        _history(),
        _invariants(),
    ]


def note_sweep() -> None:
    cache.set(SWEPT, timezone.now().isoformat(), timeout=None)


def remembered(name: str) -> Any:
    """From the cache, which may be gone together with what is asked about."""
    try:
        return cache.get(name)
    except (DatabaseError, RedisError):
        return None


def remember(name: str, value: Any, seconds: int) -> None:
    with suppress(DatabaseError, RedisError):
        cache.set(name, value, timeout=seconds)


def _database() -> Check:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError as problem:
        return Check("database", False, type(problem).__name__)
    return Check("database", True, connection.vendor)


def _migrations() -> Check:
    executor = MigrationExecutor(connection)
    waiting = len(executor.migration_plan(executor.loader.graph.leaf_nodes()))
    return Check("migrations", waiting == 0, f"{waiting} not applied")


def _sweep() -> Check:
    swept = remembered(SWEPT)
    is_well = swept is not None and timezone.now() - datetime.fromisoformat(swept) < SWEEP_PATIENCE
    return Check("sweep", is_well, f"last {swept or 'never'}")


def _letters() -> Check:
    """Letters and papers that are due and nobody has tried: a worker is missing, or more comes in than goes out."""
    since = Coalesce("next_try_at", "created_at")
    letter = Letter.objects.due().aggregate(oldest=Min(since))["oldest"]
    paper = Document.objects.to_render().aggregate(oldest=Min("issued_at"))["oldest"]
    now = timezone.now()
    waited = max((now - moment for moment in (letter, paper) if moment), default=timedelta())
    return Check("letters", waited < LETTER_PATIENCE, f"oldest waits {int(waited.total_seconds())} s")


def _ladder() -> Check:
    """A step that was due and that no run has executed: configured is not the same as run."""
    missed = steps.unexecuted_due_steps()
    return Check("reminders", missed == 0, f"{missed} due steps not executed")


def _history() -> Check:
    unsealed = AuditEvent.objects.filter(seal=None).order_by("pk").values_list("at", flat=True).first()
    waited = timezone.now() - unsealed if unsealed else timedelta()
    return Check("history", waited < SEAL_PATIENCE, f"oldest unsealed {int(waited.total_seconds())} s")


def _invariants() -> Check:
    """Rows that break a rule of the whole database (invariants.py); or nobody has looked for too long."""
    newest = Inspection.newest()
    since = (
        newest.finished_at if newest else MigrationRecorder(connection).migration_qs.aggregate(at=Min("applied"))["at"]
    )
    broken = newest.total if newest else 0
    is_fresh = since is not None and timezone.now() - since < INSPECTED_WITHIN
    looked = f"looked {newest.finished_at.isoformat()}" if newest else "not looked yet"
    return Check("invariants", is_fresh and broken == 0, f"{broken} rows break a rule, {looked}")
