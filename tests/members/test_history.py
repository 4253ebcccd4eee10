"""The history: rows are only ever added, personal values can be erased, and the database itself keeps it so."""

import hashlib
import json
from collections.abc import Callable

import pytest
from django.db import DatabaseError, connection, transaction

from members.models import AuditDetail, AuditEvent, AuditSeal, Member, Organization, Seat
from members.roles import Action
from tests import factories
from tests.conftest import Cast
from tests.season import by

pytestmark = pytest.mark.django_db
NEVER_CHANGED = ["members_auditevent", "members_auditseal", "members_auditdetail"]
NEVER_REMOVED = ["members_auditevent", "members_auditseal"]


@pytest.fixture
def seat(cast: Cast) -> Seat:
    return by(cast.officer, Action.KEEP_ROSTER, cast.ministry)


@pytest.fixture
def event(cast: Cast, seat: Seat) -> AuditEvent:
    event = AuditEvent.objects.record("Member.update", by=seat, on=cast.asked, changes={"phone": ["", "0905000001"]})
    AuditSeal.objects.create(position=1, event=event, mac="0" * 64)
    return event


def everything() -> list[list[tuple[object, ...]]]:
    return [list(model.objects.order_by("pk").values_list()) for model in (AuditEvent, AuditDetail, AuditSeal)]


def assert_refused(sql: str) -> None:
    before = everything()
    connection.check_constraints()  # PostgreSQL refuses TRUNCATE while foreign keys of this test wait to be checked
    with (
        pytest.raises(DatabaseError, match="history is append-only"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(sql)
    assert everything() == before


class TestGuards:
    """Through raw SQL, after all migrations."""

    @pytest.mark.parametrize("table", NEVER_CHANGED)
    def test_refuse_to_change(self, event: AuditEvent, table: str) -> None:
        assert_refused(f"UPDATE {table} SET id = id + 1000")  # noqa: S608

    @pytest.mark.parametrize("table", NEVER_REMOVED)
    def test_refuse_to_remove(self, event: AuditEvent, table: str) -> None:
        assert_refused(f"DELETE FROM {table}")  # noqa: S608

    @pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has no TRUNCATE")
    @pytest.mark.parametrize("table", NEVER_CHANGED)
    def test_refuse_to_empty(self, event: AuditEvent, table: str) -> None:
        assert_refused(f"TRUNCATE {table} CASCADE")

    @pytest.mark.parametrize(
        "write",
        [
            lambda event: AuditEvent.objects.filter(pk=event.pk).update(verb="nothing happened"),
            lambda event: AuditEvent(pk=event.pk, verb="nothing", object_type="x").save(),
            lambda event: AuditEvent.objects.bulk_update([event], ["digest"]),
            lambda event: AuditDetail.objects.update(changes={}),
            lambda event: AuditSeal.objects.update(mac="1" * 64),
        ],
    )
    def test_refuse_what_the_models_try(self, event: AuditEvent, write: Callable[[AuditEvent], object]) -> None:
        before = everything()
        with pytest.raises(DatabaseError, match="history is append-only"), transaction.atomic():
            write(event)
        assert everything() == before

    def test_let_details_be_erased(self, event: AuditEvent) -> None:
        before = everything()
        AuditDetail.objects.filter(event=event).delete()
        assert everything() == [before[0], [], before[2]]


class TestRecord:
    def test_one_row(self, cast: Cast, seat: Seat) -> None:
        seat.address = "10.0.0.7"
        event = AuditEvent.objects.record("Member.read", by=seat, on=cast.asked, fields=["phone", "address"])
        event = AuditEvent.objects.get(pk=event.pk)
        assert (event.verb, event.seat, event.user, event.address) == ("Member.read", seat, cast.officer, "10.0.0.7")
        assert (event.object_type, event.object_id, event.object_ids, event.count) == (
            "members.Member",
            cast.asked.pk,
            [],
            1,
        )
        assert (event.fields, event.digest) == (["phone", "address"], "")
        assert not AuditDetail.objects.exists()

    def test_changes_lie_in_the_detail_only(self, cast: Cast, seat: Seat) -> None:
        changes = {"phone": ["0905000001", "0905000002"]}
        event = AuditEvent.objects.record("Member.update", by=seat, on=cast.asked, changes=changes)
        row = AuditEvent.objects.filter(pk=event.pk).values().get()
        assert row["fields"] == ["phone"]
        assert "09050000" not in str(row)
        assert event.detail.changes == changes

    def test_the_digest_is_salted(self, cast: Cast, seat: Seat) -> None:
        """Few people have few phones: an unsalted digest could be looked up."""
        changes = {"phone": ["", "0905000001"]}
        events = [AuditEvent.objects.record("Member.update", by=seat, on=cast.asked, changes=changes) for _ in range(2)]
        assert events[0].digest != events[1].digest
        for event in events:
            text = event.detail.salt + json.dumps(changes, sort_keys=True)
            assert event.digest == hashlib.sha256(text.encode()).hexdigest()
            assert len(event.detail.salt) == 32

    def test_dates_can_be_recorded(self, cast: Cast, seat: Seat) -> None:
        changes = {"birth_date": [None, cast.asked.birth_date]}
        event = AuditEvent.objects.record("Member.update", by=seat, on=cast.asked, changes=changes)
        assert AuditDetail.objects.get(event=event).changes == {"birth_date": [None, "1980-06-28"]}

    def test_by_a_user_without_a_seat(self, cast: Cast) -> None:
        cast.member_user.address = "10.0.0.8"
        event = AuditEvent.objects.record("read", by=cast.member_user, on=cast.asked)
        assert (event.seat, event.user, event.address) == (None, cast.member_user, "10.0.0.8")

    def test_by_the_system(self, cast: Cast) -> None:
        event = AuditEvent.objects.record("seal", by=None, on=cast.asked)
        assert (event.seat, event.user, event.address) == (None, None, "")


class TestRecordMany:
    def test_many(self, cast: Cast, seat: Seat) -> None:
        ids = [factories.member().pk for _ in range(3)]
        event = AuditEvent.objects.record_many("Member.import", by=seat, model=Member, ids=reversed(ids))
        event = AuditEvent.objects.get(pk=event.pk)
        assert (event.object_type, event.object_id, event.object_ids, event.count) == ("members.Member", None, ids, 3)
        assert event.digest == hashlib.sha256(json.dumps(ids).encode()).hexdigest()

    def test_one(self, cast: Cast, seat: Seat) -> None:
        event = AuditEvent.objects.record_many("read", by=seat, model=Member, ids=[cast.asked.pk])
        assert (event.object_id, event.object_ids, event.count) == (cast.asked.pk, [], 1)

    def test_none(self, seat: Seat) -> None:
        event = AuditEvent.objects.record_many("read", by=seat, model=Organization, ids=[])
        assert (event.object_id, event.object_ids, event.count) == (None, [], 0)

    def test_a_launch_keeps_the_number_and_the_digest(self, seat: Seat) -> None:
        kept = AuditEvent.objects.record_many("issue", by=seat, model=Member, ids=range(1000))
        large = AuditEvent.objects.record_many("issue", by=seat, model=Member, ids=range(1001))
        assert (len(kept.object_ids), kept.count, large.object_ids, large.count) == (1000, 1000, [], 1001)
        assert large.digest == hashlib.sha256(json.dumps(list(range(1001))).encode()).hexdigest()
