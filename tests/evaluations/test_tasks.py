"""Background work: documents are stored once, a dead worker leaves a lease, the sweep finds what no message reached."""

import hashlib
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest
from celery import Celery
from django.db import connection
from django.utils import timezone
from pytest_django import Settings

from evaluations import letters, tasks
from evaluations.models import Document, DocumentFile, Letter
from evaluations.models.letters import notice_to_cell
from liaison import celery_app
from members.models import RosterImport, StagedRow
from members.roles import Action
from members.roster import parse_roster
from tests import factories, processes, smtp
from tests.conftest import Cast
from tests.season import Season, by

ROSTER = """STT,Họ và tên,Ngày sinh,Ngày vào Đảng,Phường/xã
1,Nguyễn Thử Một,03/02/1980,03/02/2005,Phường An Hải
2,Nguyễn Thử Hai,03/02/1981,03/02/2006,Phường An Hải
"""


@pytest.fixture
def document(play: Season) -> Document:
    """The ministry's request letter, issued and not yet rendered."""
    play.issued()
    return Document.objects.get()


@pytest.fixture
def broker() -> Celery:
    """The broker of the settings, emptied."""
    celery_app.control.purge()
    return celery_app


def handed_out(broker: Celery) -> list[tuple[str, list[object]]]:
    """(task, arguments) of all messages in the broker, which is empty afterwards."""
    found = []
    with broker.connection_for_read() as link:
        queue = broker.amqp.queues["celery"].bind(link.default_channel)
        while message := queue.get(no_ack=True):
            found.append((message.headers["task"].rpartition(".")[2], message.payload[0]))
    return found


def state_of(document: Document) -> tuple[str, str, int]:
    """(state of its letter, what went wrong, number of files)."""
    found = Document.objects.get(pk=document.pk)
    return found.letters.get().state, found.render_error, found.files.count()


# Rendering


def test_a_document_is_stored_once(document: Document) -> None:
    tasks.render(document.pk)
    (stored,) = DocumentFile.objects.values("pk", "sha256", "kind", "size")
    tasks.render(document.pk)

    assert list(DocumentFile.objects.values("pk", "sha256", "kind", "size")) == [stored]
    content = bytes(document.files.get().content)
    assert (stored["sha256"], stored["size"]) == (hashlib.sha256(content).hexdigest(), len(content))
    assert state_of(document) == (Letter.State.RENDERED, "", 1)
    assert list(Document.objects.to_render()) == []


def test_twenty_claim_a_document_and_one_gets_it(transactional_db: None, document: Document) -> None:
    start = threading.Barrier(20)

    def claim(_: int) -> bool:
        try:
            connection.ensure_connection()
            start.wait()
            return Document.objects.claim(document.pk) is not None
        finally:
            connection.close()

    with ThreadPoolExecutor(20) as pool:
        assert sorted(pool.map(claim, range(20))) == [False] * 19 + [True]


def test_a_document_left_by_a_dead_worker_is_rendered_by_the_next(document: Document) -> None:
    assert Document.objects.claim(document.pk) is not None
    tasks.render(document.pk)
    assert state_of(document) == (Letter.State.QUEUED, "", 0)

    Document.objects.filter(pk=document.pk).update(render_lease_until=timezone.now() - timedelta(seconds=1))
    tasks.render(document.pk)
    assert state_of(document) == (Letter.State.RENDERED, "", 1)


def test_a_document_that_cannot_be_made_is_marked_and_left_alone(document: Document) -> None:
    del document.facts["due_on"]
    document.save(update_fields=["facts"])
    tasks.render(document.pk)

    assert state_of(document) == (Letter.State.FAILED, "Thiếu dữ liệu để lập văn bản: due_on", 0)
    assert document.letters.get().last_error == "Thiếu dữ liệu để lập văn bản: due_on"
    assert list(Document.objects.to_render()) == []
    assert list(Letter.objects.due()) == []


def test_a_draft_is_not_rendered(play: Season) -> None:
    play.presented()
    tasks.render(Document.objects.get().pk)

    assert not DocumentFile.objects.exists()


def test_the_letter_code_is_in_the_pdf_and_nowhere_else(cast: Cast, play: Season) -> None:
    factories.member("Lê Văn Xa", workplace=cast.office_cell, commune=cast.far_ward)
    play.issued()
    paper = Document.objects.get(recipient=cast.far_ward)
    tasks.render(paper.pk)

    letter = paper.letters.get()
    assert letter.code not in str(Document.objects.filter(pk=paper.pk).values().get())
    assert letter.code_hash
    assert paper.issued_file() is not None


# Handing out


def test_the_sweep_hands_out_what_waits(cast: Cast, play: Season, broker: Celery) -> None:
    factories.member("Lê Văn Kia", workplace=cast.office_cell, commune=cast.other_ward)
    play.issued()
    done, waiting = Document.objects.order_by("pk")
    tasks.render(done.pk)
    cells = [factories.residence_cell(cast.ward, f"Thôn {number}") for number in range(25)]
    notices = [notice_to_cell(cell, Letter.Kind.ASSIGNED, f"{cell.pk}", {"count": 1}).pk for cell in cells]
    letters.deliver([notices.pop()])
    handed_out(broker)

    tasks.sweep()

    due = sorted([done.letters.get().pk, *notices])
    # Messages of one moment lie in a folder in no order.
    assert sorted(handed_out(broker)) == [("deliver", [due[:20]]), ("deliver", [due[20:]]), ("render", [waiting.pk])]


def test_after_rendering_the_letters_are_handed_out(document: Document, broker: Celery) -> None:
    tasks.render(document.pk)

    assert handed_out(broker) == [("deliver", [[document.letters.get().pk]])]


def test_waking_waits_for_the_commit(transactional_db: None, cast: Cast, broker: Celery) -> None:
    tasks.wake()

    assert handed_out(broker) == [("sweep", [])]


def test_an_unreachable_broker_stops_nobody(tmp_path: Path) -> None:
    """In a process of its own, since the connections of this one are to the real broker."""
    environment = processes.with_test_settings(
        DATABASE_URL=f"sqlite:///{tmp_path / 'db.sqlite3'}",
        CELERY_BROKER_URL=f"redis://127.0.0.1:{smtp.free_port()}/0",
    )
    script = "import django; django.setup(); from evaluations import tasks; tasks.wake(); print('done')"
    ran = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True, timeout=30)

    assert (ran.returncode, ran.stdout) == (0, "done\n")
    assert "broker not reachable; the next sweep will find the rows" in ran.stderr


# Forgetting


def test_staged_rows_die_after_seven_days(cast: Cast) -> None:
    seat = by(cast.officer, Action.KEEP_ROSTER, cast.ministry)
    roster = parse_roster(ROSTER.encode(), "danh-sach.csv", today=timezone.localdate())
    old, young = (RosterImport.objects.stage(cast.ministry, roster, "danh-sach.csv", by=seat) for _ in range(2))
    now = timezone.now()
    RosterImport.objects.filter(pk=old.pk).update(made_at=now - timedelta(days=7, minutes=1))
    RosterImport.objects.filter(pk=young.pk).update(made_at=now - timedelta(days=6, hours=23))

    tasks.forget_staged_rows()

    assert set(StagedRow.objects.values_list("roster", "row_no")) == {
        (young.pk, row.row_no) for row in young.rows.all()
    }
    assert young.rows.count() == 2
    assert RosterImport.objects.count() == 2


def test_each_limit_outlasts_the_one_before(settings: Settings) -> None:
    """A task ends before its lease, and the lease before its message is given to somebody else."""
    lease = settings.LEASE.total_seconds()
    assert settings.CELERY_TASK_SOFT_TIME_LIMIT < settings.CELERY_TASK_TIME_LIMIT < lease < settings.VISIBILITY_TIMEOUT


def test_a_process_that_renders_is_replaced_before_it_grows_old_or_large() -> None:
    assert celery_app.conf.worker_max_tasks_per_child == 500
    assert celery_app.conf.worker_max_memory_per_child == 400_000
