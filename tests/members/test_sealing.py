"""Whatever is done to the history in the database file, behind the product's back, is named by verify_history."""

import io
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from django.apps import apps
from django.core.management import CommandError, call_command
from django.db import connection, transaction
from django.utils import timezone

from evaluations import tasks
from members.migrations import _guards
from members.models import AuditDetail, AuditEvent, AuditSeal
from members.models.sealing import WINDOW, Head, note_head, noted_heads, seal_history, verify_history
from tests.conftest import Cast
from tests.racing import race

pytestmark = pytest.mark.django_db


@pytest.fixture
def events(cast: Cast) -> list[AuditEvent]:
    """Five sealed events, the third with a personal detail."""
    AuditEvent.objects.record("read", by=None, on=cast.asked)
    AuditEvent.objects.record("read", by=None, on=cast.ward)
    AuditEvent.objects.record("Member.update", by=None, on=cast.asked, changes={"phone": ["", "0905000001"]})
    AuditEvent.objects.record_many("read", by=None, model=type(cast.asked), ids=[cast.asked.pk, 7])
    AuditEvent.objects.record("read", by=None, on=cast.cell)
    seal_history()
    return list(AuditEvent.objects.order_by("pk"))


def tamper(sql: str, *values: object) -> None:
    """As somebody with the database file would: without triggers and without foreign keys."""
    connection.check_constraints()  # PostgreSQL alters no table for which foreign keys wait to be checked
    with connection.cursor() as cursor:
        _guards.remove(apps, SimpleNamespace(connection=connection, execute=cursor.execute))
        if connection.vendor == "postgresql":
            for table in ("event", "seal", "detail"):
                cursor.execute(f"ALTER TABLE members_audit{table} DISABLE TRIGGER ALL")
        cursor.execute(sql, values)


@pytest.fixture
def broken(request: pytest.FixtureRequest) -> Any:
    """The rows are put back by leaving the transaction; foreign keys that no longer hold are not checked at its end."""
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


def test_an_untouched_history_is_whole(events: list[AuditEvent]) -> None:
    verdict = verify_history()

    assert (verdict.sealed, verdict.erased, verdict.faults) == (5, 0, [])
    last = AuditSeal.objects.get(position=5)
    assert verdict.head == Head(5, last.mac)


def test_sealing_goes_on_where_it_stopped(cast: Cast, events: list[AuditEvent]) -> None:
    assert seal_history() is None
    AuditEvent.objects.record("read", by=None, on=cast.asked)

    head = seal_history()

    assert head == Head(6, AuditSeal.objects.get(position=6).mac)
    assert verify_history().faults == []


def test_a_late_event_behind_younger_ones_is_sealed_too(cast: Cast, events: list[AuditEvent]) -> None:
    def write(pk: int) -> None:
        AuditEvent.objects.bulk_create([AuditEvent(pk=pk, verb="read", object_type="members.Member")])

    write(events[-1].pk + WINDOW + 10)
    seal_history()
    write(events[-1].pk + 5)

    assert seal_history() is None
    assert seal_history(everything=True) is not None
    assert verify_history().faults == []


CHANGES: dict[str, Callable[[list[AuditEvent]], tuple[str, tuple[object, ...], str]]] = {
    "verb": lambda e: ("UPDATE members_auditevent SET verb = 'x' WHERE id = %s", (e[1].pk,), f"số {e[1].pk} "),
    "object": lambda e: ("UPDATE members_auditevent SET object_id = 99 WHERE id = %s", (e[0].pk,), f"số {e[0].pk} "),
    "when": lambda e: (
        "UPDATE members_auditevent SET at = %s WHERE id = %s",
        (e[4].at - timedelta(days=1), e[4].pk),
        f"số {e[4].pk} ",
    ),
    "who": lambda e: ("UPDATE members_auditevent SET address = '::1' WHERE id = %s", (e[3].pk,), f"số {e[3].pk} "),
    "ids": lambda e: ("UPDATE members_auditevent SET object_ids = '[7]' WHERE id = %s", (e[3].pk,), f"số {e[3].pk} "),
    "mac": lambda e: ("UPDATE members_auditseal SET mac = 'f' WHERE event_id = %s", (e[1].pk,), f"số {e[1].pk} "),
    "seal": lambda e: ("DELETE FROM members_auditseal WHERE event_id = %s", (e[1].pk,), "Dấu niêm 2 không còn"),
    "event": lambda e: (
        "DELETE FROM members_auditevent WHERE id = %s",
        (e[1].pk,),
        f"số {e[1].pk} (dấu niêm 2) đã bị x",
    ),
    "detail": lambda e: (
        'UPDATE members_auditdetail SET changes = \'{"phone": ["", "1"]}\' WHERE event_id = %s',
        (e[2].pk,),
        f"dòng lịch sử số {e[2].pk} đã bị sửa",
    ),
}


@pytest.mark.parametrize("what", CHANGES)
def test_one_changed_row_is_named(what: str, events: list[AuditEvent], broken: None) -> None:
    sql, values, sentence = CHANGES[what](events)
    tamper(sql, *values)

    assert [fault for fault in verify_history().faults if sentence in fault] != []


def test_a_changed_row_does_not_cast_doubt_on_the_others(events: list[AuditEvent], broken: None) -> None:
    tamper("UPDATE members_auditevent SET verb = 'x' WHERE id = %s", events[1].pk)

    assert len(verify_history().faults) == 1


def test_two_rows_that_changed_places_are_named(events: list[AuditEvent], broken: None) -> None:
    seals = {seal.event_id: seal for seal in AuditSeal.objects.all()}
    first, second = events[0].pk, events[1].pk
    # Through a free number, because an event has one seal.
    parked = AuditEvent.objects.record("read", by=None, on=events[0]).pk
    tamper("UPDATE members_auditseal SET event_id = %s WHERE id = %s", parked, seals[first].pk)
    tamper("UPDATE members_auditseal SET event_id = %s WHERE id = %s", first, seals[second].pk)
    tamper("UPDATE members_auditseal SET event_id = %s WHERE id = %s", second, seals[first].pk)

    assert [fault.split(" đã")[0] for fault in verify_history().faults] == [
        f"Dòng lịch sử số {second} (dấu niêm 1)",
        f"Dòng lịch sử số {first} (dấu niêm 2)",
    ]


def test_an_end_that_was_cut_off_is_known_from_the_noted_head(events: list[AuditEvent], broken: None) -> None:
    head = verify_history().head
    assert head is not None
    tamper("DELETE FROM members_auditseal WHERE event_id IN (%s, %s)", events[3].pk, events[4].pk)
    tamper("DELETE FROM members_auditevent WHERE id IN (%s, %s)", events[3].pk, events[4].pk)

    assert verify_history().faults == []
    assert verify_history([head]).faults == [
        "Phần cuối lịch sử đã bị cắt: thiếu dấu niêm 4–5 đã ghi lại ngoài cơ sở dữ liệu."
    ]


def test_an_event_slipped_in_without_a_seal_is_named(events: list[AuditEvent], broken: None) -> None:
    forged = AuditEvent.objects.record("read", by=None, on=events[0])
    tamper("UPDATE members_auditevent SET at = %s WHERE id = %s", timezone.now() - timedelta(hours=1), forged.pk)

    assert verify_history().faults == [f"Dòng lịch sử số {forged.pk} không có dấu niêm."]


def test_another_key_verifies_nothing(events: list[AuditEvent], settings: Any) -> None:
    settings.HISTORY_KEY = "another"

    assert len(verify_history().faults) == 5


def test_erasing_personal_details_leaves_the_seals_whole(events: list[AuditEvent]) -> None:
    AuditDetail.objects.all().delete()

    verdict = verify_history()

    assert (verdict.erased, verdict.faults) == (1, [])


def test_the_heads_are_noted_outside_the_database(cast: Cast, settings: Any, tmp_path: Path) -> None:
    settings.HISTORY_HEADS = tmp_path / "heads"
    AuditEvent.objects.record("read", by=None, on=cast.asked)

    tasks.seal()
    tasks.seal()

    assert list(noted_heads()) == [verify_history().head]
    with settings.HISTORY_HEADS.open("a") as broken_off:
        broken_off.write("2026-11-24T10:00:00 7")
    assert len(list(noted_heads())) == 1


def test_the_command_prints_the_head_and_fails_on_a_fault(
    events: list[AuditEvent], settings: Any, tmp_path: Path
) -> None:
    settings.HISTORY_HEADS = tmp_path / "heads"
    mac = AuditSeal.objects.get(position=5).mac
    said = io.StringIO()

    call_command("verify_history", stdout=said)

    assert said.getvalue().splitlines() == [
        "Đã kiểm tra 5 dòng; 0 dòng đã xóa nội dung riêng tư.",
        f"Dấu niêm cuối: 5:{mac}",
    ]
    note_head(Head(6, "f00d"))
    with pytest.raises(CommandError, match="1 lỗi"):
        call_command("verify_history", stdout=io.StringIO())
    with pytest.raises(CommandError, match="--head"):
        call_command("verify_history", head="nonsense", stdout=io.StringIO())


def test_two_sealers_at_once_give_each_position_once(transactional_db: None, cast: Cast) -> None:
    for _ in range(40):
        AuditEvent.objects.record("read", by=None, on=cast.asked)

    race(4, lambda _: seal_history())

    assert list(AuditSeal.objects.order_by("position").values_list("position", flat=True)) == list(range(1, 41))
    assert verify_history().faults == []
