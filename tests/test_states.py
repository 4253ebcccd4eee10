"""Every state, every step: the tables of the design written out by hand, walked pair by pair through `move`."""

from datetime import date, datetime
from typing import Any

import pytest
from django.db import models, transaction
from django.utils import timezone

from evaluations.models import (
    AssessmentVersion,
    Bundle,
    Destruction,
    Document,
    EvaluationRequest,
    Introduction,
    Letter,
    ResidenceReport,
    ScanBatch,
    ScanPage,
    Transfer,
    packs,
)
from evaluations.scans import PageRead
from members.models import AuditEvent, Seat
from members.roles import Action
from members.states import WrongState, move, move_all
from tests.conftest import Cast
from tests.introducing import Introducing
from tests.racing import race
from tests.season import Season, by

# from → (to, prefix of the stamp "<prefix>_at", "<prefix>_by", or "" without a stamp)
REQUEST = {
    "prepared": {"issued": "issued", "cancelled": "ended", "superseded": "ended"},
    # A reply on paper or through the portal may be the first that is heard of the commune.
    "issued": {
        "at_commune": "at_commune",
        "answered": "answered",
        "cancelled": "ended",
        "superseded": "ended",
        "no_reply": "ended",
    },
    "at_commune": {
        "at_cell": "at_cell",
        "answered": "answered",
        "declined": "ended",
        "cancelled": "ended",
        "superseded": "ended",
        "no_reply": "ended",
    },
    "at_cell": {
        "answered": "answered",
        "declined": "ended",
        "cancelled": "ended",
        "superseded": "ended",
        "no_reply": "ended",
    },
    "answered": {"received": "received", "return_asked": ""},
    "received": {"considered": "considered", "return_asked": ""},
    "considered": {},
    "return_asked": {"at_cell": "at_cell", "received": "received"},
    "declined": {},
    "cancelled": {},
    "superseded": {},
    "no_reply": {"answered": "answered"},
}
VERSION = {
    # What was signed on paper takes the place of a draft, and of what was keyed wrongly.
    "draft": {"submitted": "submitted", "replaced": ""},
    "keyed": {"submitted": "submitted", "confirmed": "confirmed", "replaced": ""},
    "submitted": {"confirmed": "confirmed", "returned": "returned", "replaced": ""},
    "returned": {},
    "confirmed": {"replaced": ""},
    "replaced": {},
}
DOCUMENT = {
    # A form or a reply is issued at once; a letter waits for its signature and may be taken back before.
    "draft": {"for_signature": "presented", "issued": "issued", "withdrawn": ""},
    "for_signature": {"draft": "", "issued": "issued", "withdrawn": ""},
    "issued": {"replaced": "", "withdrawn": ""},
    "replaced": {},
    "withdrawn": {},
}
LETTER = {
    # Notices without a document are sent as they are; what cannot be rendered fails before it is sent.
    # A reminder of what has been done meanwhile is not needed.
    "queued": {"rendered": "", "sending": "", "failed": "", "not_needed": ""},
    # Paper is sent by people, without "sending".
    "rendered": {"sending": "", "sent": "", "failed": "", "not_needed": ""},
    "sending": {"sent": "", "rendered": "", "failed": "", "not_needed": ""},
    "sent": {"bounced": "", "returned_by_post": ""},
    "failed": {"queued": ""},
    "bounced": {"queued": ""},  # the address book was put right
    "returned_by_post": {"sent": ""},  # to a better address
    "not_needed": {},
}
INTRODUCTION = {
    "draft": {"issued": "issued", "cancelled": "ended"},
    # The counterpart that comes back on paper may be the first that is heard of the commune.
    "issued": {
        "at_commune": "at_commune",
        "accepted": "accepted",
        "returned": "returned",
        "cancelled": "ended",
        "closed": "ended",
    },
    "at_commune": {"assigned": "assigned", "returned": "returned", "closed": "ended"},
    "assigned": {"accepted": "accepted", "returned": "returned", "closed": "ended"},
    # Not a resident any more, though the cell has received.
    "accepted": {"returned": "returned", "closed": "ended"},
    "returned": {"closed": "ended"},
    "cancelled": {},
    "closed": {},
}
REPORT = {
    "noted": {"told": "told", "dropped": "ended"},
    "told": {"settled": "ended"},
    "dropped": {},
    "settled": {},
}
BUNDLE = {
    "queued": {"running": "", "failed": ""},
    "running": {"ready": "", "failed": ""},
    "ready": {"expired": ""},
    "failed": {},
    "expired": {},
}
SCAN_BATCH = {
    "queued": {"reading": "", "failed": ""},
    "reading": {"read": "", "failed": ""},
    "read": {},
    "failed": {},
}
SCAN_PAGE = {
    "bound": {"tray": "", "duplicate": ""},
    "tray": {"bound": "bound", "discarded": "discarded"},
    "duplicate": {"bound": "bound", "tray": "", "discarded": "discarded"},
    "discarded": {"tray": ""},
}
DESTRUCTION = {
    "proposed": {"approved": "approved", "dropped": "dropped"},
    "approved": {"destroyed": "destroyed", "dropped": "dropped"},
    "destroyed": {},
    "dropped": {},
}
TRANSFER = {
    "asked": {"accepted": "settled", "refused": "settled", "withdrawn": "settled"},
    "accepted": {},
    "refused": {},
    "withdrawn": {},
}
CAMPAIGN = {
    "draft": {"open": "opened"},
    "open": {"closed": "closed"},
    "closed": {"archived": ""},
    "archived": {},
}


def stored(row: models.Model) -> dict[str, Any]:
    return type(row)._default_manager.filter(pk=row.pk).values().get()


def outcome(row: Any, to: str, seat: Seat) -> str:
    """What one move did to the row and to the history, in a few words that a table can hold."""
    before, source, lines = stored(row), row.state, AuditEvent.objects.count()
    try:
        with transaction.atomic():
            move(row, to, by=seat)
    except WrongState:
        assert (stored(row), row.state, AuditEvent.objects.count()) == (before, source, lines)
        return "refused"
    after = stored(row)
    changed = {name for name in after if after[name] != before[name]} - {"state"}
    event = AuditEvent.objects.order_by("-pk")[0]
    assert AuditEvent.objects.count() == lines + 1
    assert (event.verb, event.object_type, event.object_id, event.seat_id, event.user_id) == (
        f"{type(row).__name__}.{to}",
        row._meta.label,
        row.pk,
        seat.pk,
        seat.user_id,
    )
    assert (after["state"], row.state) == (to, to)
    assert event.fields == sorted({"state", *(name.removesuffix("_id") for name in changed)})
    if not changed:
        return ""
    prefix = min(changed).removesuffix("_at")
    assert changed == {f"{prefix}_at", f"{prefix}_by_id"}
    assert (after[f"{prefix}_by_id"], type(after[f"{prefix}_at"])) == (seat.pk, datetime)
    return prefix


def grid(row: models.Model, seat: Seat, **base: Any) -> dict[str, dict[str, str]]:
    """{from: {to: stamp}} of all moves that go through, after trying every pair of states on this row."""
    model: Any = type(row)
    states = list(model.State)
    found: dict[str, dict[str, str]] = {}
    for source in states:
        found[str(source)] = {}
        for to in states:
            model.objects.filter(pk=row.pk).update(state=source, **base)
            result = outcome(model.objects.get(pk=row.pk), str(to), seat)
            if result != "refused":
                found[str(source)][str(to)] = result
    return found


def no_stamps(model: Any, *but: str) -> dict[str, Any]:
    empty: dict[str, Any] = {}
    for prefix in set(model.STAMPS.values()) - set(but):
        empty |= {f"{prefix}_at": None, f"{prefix}_by": None}
    return empty


class TestGrid:
    def test_evaluation_request(self, cast: Cast, play: Season) -> None:
        matter = play.answered()
        seat = by(cast.ward_officer, Action.ASSIGN, cast.ward)
        used = {"considered_on": "2026-11-20", "consider_code": "used"}
        assert grid(matter, seat, end_code="other", **used, **no_stamps(EvaluationRequest)) == REQUEST

    def test_assessment_version(self, cast: Cast, play: Season) -> None:
        version = play.submitted()
        seat = by(cast.ward_officer, Action.CONFIRM, cast.ward)
        submitted = {"submitted_by": version.submitted_by, "submitted_at": version.submitted_at}
        base = {"return_code": "vague", "return_note": "Ghi rõ hơn"} | no_stamps(AssessmentVersion) | submitted
        assert grid(version, seat, **base) == VERSION

    def test_document(self, cast: Cast, play: Season) -> None:
        play.issued()
        letter = play.letter()
        seat = by(cast.officer, Action.PREPARE, cast.ministry)
        issued = {"issued_at": letter.issued_at, "issued_by": letter.issued_by, "presented_at": None}
        assert grid(letter, seat, presented_by=None, **issued) == DOCUMENT

    def test_introduction(self, cast: Cast) -> None:
        row = Introducing(cast).accepted()
        seat = by(cast.officer, Action.PREPARE, cast.ministry)
        base = {"accepted_on": row.accepted_on, "return_code": "moved", "end_code": "moved"}
        assert grid(row, seat, **base, **no_stamps(Introduction)) == INTRODUCTION

    def test_residence_report(self, cast: Cast) -> None:
        seat = by(cast.secretary, Action.RECORD, cast.cell)
        report = ResidenceReport.lives_here(cast.cell, "Lý Thử Mới", 1980, "Sở Thử Nghiệm", "", by=seat)
        assert grid(report, seat, **no_stamps(ResidenceReport)) == REPORT

    def test_letter(self, cast: Cast, play: Season) -> None:
        play.issued()
        play.rendered()
        letter = Letter.objects.get()
        assert letter.state == "sent"
        assert grid(letter, by(cast.officer, Action.PREPARE, cast.ministry)) == LETTER

    def test_bundle(self, cast: Cast, play: Season) -> None:
        play.assigned()
        seat = by(cast.secretary, Action.WRITE, cast.cell)
        bundle = Bundle.objects.order(packs.cell_grid(cast.cell, play.YEAR), "In", by=seat)
        now = timezone.now()
        assert grid(bundle, seat, done=1, ready_at=now, expires_at=now) == BUNDLE

    def test_scans(self, cast: Cast, play: Season) -> None:
        seat = by(cast.ward_clerk, Action.SCAN, cast.ward)
        batch = ScanBatch.objects.take(cast.ward, [(b"%PDF-", 1)], by=seat)
        batch.keep(batch.uploads.get(), [PageRead(1, b"page", True, b"picture")])
        assert grid(batch, seat) == SCAN_BATCH
        base = {"assessment": play.assessment(), "reason": "Trang bìa", "bound_at": timezone.now()}
        assert grid(batch.pages.get(), seat, **no_stamps(ScanPage) | base) == SCAN_PAGE

    def test_destruction(self, cast: Cast, play: Season) -> None:
        play.issued()
        seat, officer = cast.signer.seats.get(), cast.data_officer.seats.get()
        row = Destruction.objects.create(
            organization=cast.ministry,
            kind="letter",
            before=timezone.localdate(),
            ids=[1],
            count=1,
            proposed_by=officer,
            minutes=play.letter(),
        )
        approved = {"approved_at": None, "approved_by": cast.officer.seats.get()}
        assert grid(row, seat, **no_stamps(Destruction) | approved) == DESTRUCTION

    def test_transfer(self, cast: Cast) -> None:
        seat, other = (by(person, Action.SEE_MEMBERS, cast.ministry) for person in (cast.officer, cast.signer))
        asked = Transfer.objects.ask(cast.asked, cast.other_ministry, date(2026, 9, 1), by=seat)
        base = {"answer": "Chưa có quyết định", "settled_at": timezone.now(), "settled_by": other}
        assert grid(asked, seat, **base) == TRANSFER

    def test_campaign(self, cast: Cast, play: Season) -> None:
        campaign = play.issued()
        seat = by(cast.officer, Action.PREPARE, cast.ministry)
        opened = {"opened_at": campaign.opened_at, "opened_by": campaign.opened_by}
        assert grid(campaign, seat, closed_at=None, closed_by=None, **opened) == CAMPAIGN


class TestMove:
    def test_further_columns_change_with_the_state(self, cast: Cast, play: Season) -> None:
        play.registered()
        matter = EvaluationRequest.objects.get()
        seat = by(cast.ward_officer, Action.ASSIGN, cast.ward)
        move(matter, "declined", by=seat, end_code="moved", end_note="Đã chuyển đi")
        matter.refresh_from_db()
        assert (matter.state, matter.end_code, matter.end_note, matter.ended_by) == (
            "declined",
            "moved",
            "Đã chuyển đi",
            seat,
        )
        event = AuditEvent.objects.get(verb="EvaluationRequest.declined")
        assert event.fields == ["end_code", "end_note", "ended_at", "ended_by", "state"]

    def test_the_row_in_the_database_decides_not_the_one_in_memory(self, cast: Cast, play: Season) -> None:
        old_page = play.registered().requests.get()
        seat = by(cast.ward_officer, Action.ASSIGN, cast.ward)
        move(EvaluationRequest.objects.get(pk=old_page.pk), "declined", by=seat, end_code="moved")
        with pytest.raises(WrongState, match=r"đang ở bước “chuyển lại: không cư trú tại địa bàn”.*tải lại trang"):
            move(old_page, "cancelled", by=seat, end_code="asker")
        assert EvaluationRequest.objects.get().state == "declined"

    def test_the_system_moves_without_a_seat(self, cast: Cast, play: Season) -> None:
        play.issued()
        move(Letter.objects.get(), "rendered", by=None)
        event = AuditEvent.objects.get(verb="Letter.rendered")
        assert (event.seat, event.user, event.address) == (None, None, "")


class TestMoveAll:
    def test_moves_what_may_move_with_one_line_of_history(self, cast: Cast, play: Season) -> None:
        play.assigned()
        seat = by(cast.ward_officer, Action.ASSIGN, cast.ward)
        first = EvaluationRequest.objects.get()
        others = [self.copy(first, number, state) for number, state in enumerate(["issued", "at_commune", "answered"])]
        everybody = EvaluationRequest.objects.all()
        lines = AuditEvent.objects.count()

        assert move_all(everybody, "declined", by=seat, end_code="unknown") == 2

        states = dict(everybody.values_list("pk", "state"))
        assert states == {
            first.pk: "declined",
            others[0].pk: "issued",
            others[1].pk: "declined",
            others[2].pk: "answered",
        }
        assert AuditEvent.objects.count() == lines + 1
        event = AuditEvent.objects.order_by("-pk")[0]
        assert (event.verb, event.count, event.object_id, event.object_ids, event.seat) == (
            "EvaluationRequest.declined",
            2,
            None,
            [first.pk, others[1].pk],
            seat,
        )
        stamped = everybody.filter(ended_by=seat, ended_at__isnull=False, end_code="unknown")
        assert set(stamped.values_list("pk", flat=True)) == {first.pk, others[1].pk}

    def test_again_moves_nothing_and_writes_nothing(self, cast: Cast, play: Season) -> None:
        play.registered()
        seat = by(cast.ward_officer, Action.ASSIGN, cast.ward)
        rows = EvaluationRequest.objects.all()
        assert move_all(rows, "declined", by=seat, end_code="moved") == 1
        before, lines = list(rows.values()), AuditEvent.objects.count()
        assert move_all(rows, "declined", by=seat, end_code="other") == 0
        assert (list(rows.values()), AuditEvent.objects.count()) == (before, lines)

    def copy(self, matter: EvaluationRequest, number: int, state: str) -> EvaluationRequest:
        other = EvaluationRequest.objects.get(pk=matter.pk)
        other.pk, other.part, other.reply = None, f"2020..202{number}", matter.letter
        other.save()
        EvaluationRequest.objects.filter(pk=other.pk).update(state=state)
        return other


class TestRaces:
    def test_one_of_twenty_moves_wins(self, transactional_db: None, cast: Cast, play: Season) -> None:
        play.registered()
        matter = EvaluationRequest.objects.get()
        seat = by(cast.ward_officer, Action.ASSIGN, cast.ward)

        def decline(number: int) -> str:
            move(
                EvaluationRequest.objects.get(pk=matter.pk), "declined", by=seat, end_code="other", end_note=str(number)
            )
            return str(number)

        results = race(20, decline)

        winners = [result for result in results if isinstance(result, str)]
        assert len(winners) == 1
        assert [type(result) for result in results if result not in winners] == [WrongState] * 19
        assert EvaluationRequest.objects.get().end_note == winners[0]
        assert AuditEvent.objects.filter(verb="EvaluationRequest.declined").count() == 1

    def test_one_of_twenty_workers_takes_a_letter(self, transactional_db: None, cast: Cast, play: Season) -> None:
        play.issued()
        document = play.letter()
        document.store("issued", b"%PDF-", 1)
        letter = Letter.objects.get()
        move(letter, "rendered", by=None)
        assert sorted(race(20, lambda _: bool(Letter.objects.claim([letter.pk])))) == [False] * 19 + [True]

    def test_one_of_twenty_workers_renders_a_document(self, transactional_db: None, play: Season) -> None:
        play.issued()
        document = play.letter()
        taken = race(20, lambda _: Document.objects.claim(document.pk))
        assert [found for found in taken if found] == [document]
