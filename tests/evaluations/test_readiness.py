"""/readyz: green when the work gets done, red with the name of what does not; figures only."""

from datetime import timedelta

import pytest
from django.core.cache import cache
from django.db import connection
from django.test import Client
from django.utils import timezone

from evaluations import readiness
from evaluations.models import Letter
from members.models import AuditEvent
from members.models.sealing import seal_history
from tests.conftest import Cast
from tests.season import Season


def answer() -> tuple[int, dict[str, bool]]:
    cache.delete("readyz")
    response = Client().get("/readyz")
    return response.status_code, {name: check["ok"] for name, check in response.json().items()}


@pytest.fixture(autouse=True)
def swept(db: None) -> None:
    cache.clear()
    readiness.note_sweep()
    seal_history()


def test_all_is_well(cast: Cast) -> None:
    status, found = answer()
    assert (status, set(found.values())) == (200, {True})
    assert set(found) == {"database", "migrations", "broker", "sweep", "letters", "reminders", "history", "invariants"}


def test_a_clock_that_stands_still_is_red(cast: Cast) -> None:
    cache.set(readiness.SWEPT, (timezone.now() - timedelta(minutes=3)).isoformat())
    status, found = answer()
    assert (status, [name for name, is_well in found.items() if not is_well]) == (503, ["sweep"])


def test_a_letter_that_nobody_takes_is_red(cast: Cast, play: Season) -> None:
    play.issued()
    play.rendered()
    seal_history()
    letter = Letter.objects.filter(channel="email").first()
    assert letter
    Letter.objects.filter(pk=letter.pk).update(
        state="rendered", sent_at=None, next_try_at=timezone.now() - timedelta(minutes=20)
    )
    assert answer()[1]["letters"] is False


def test_history_without_a_seal_is_red(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    AuditEvent.objects.record("read", by=None, on=cast.ministry)
    assert answer()[1]["history"] is True  # a moment is no delay
    monkeypatch.setattr(readiness, "SEAL_PATIENCE", timedelta())
    assert answer()[1]["history"] is False


def test_a_migration_that_was_not_applied_is_red(cast: Cast) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "DELETE FROM django_migrations WHERE app = 'evaluations' AND name = "
            "(SELECT max(name) FROM django_migrations WHERE app = 'evaluations' AND name LIKE '0%')"
        )
    assert answer()[1]["migrations"] is False


def test_names_are_nowhere(cast: Cast, play: Season) -> None:
    play.issued()
    text = Client().get("/readyz").content.decode()
    assert cast.asked.full_name not in text
    assert cast.ministry.name not in text
