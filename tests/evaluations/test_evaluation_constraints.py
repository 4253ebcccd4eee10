"""Campaigns, requests, texts and papers: what the database refuses whoever writes."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

import pytest
from django.db.models import F

from evaluations.models import (
    Assessment,
    AssessmentVersion,
    Bundle,
    BundlePiece,
    Campaign,
    Consultation,
    Contest,
    DataRequest,
    Destruction,
    Document,
    DocumentFile,
    EvaluationRequest,
    Extension,
    HandOver,
    IncomingLetter,
    InnerDeadline,
    Introduction,
    Letter,
    NumberRange,
    NumberSeries,
    Reorganization,
    ResidenceReport,
    ScanBatch,
    ScanPage,
    ScanUpload,
    SigningKey,
    StoppedAddress,
    Transfer,
    Verification,
    packs,
)
from evaluations.models import Season as Seasons
from evaluations.scans import PageRead
from tests import factories
from tests.breaking import Statement, change, constraints_of, double, is_refused
from tests.conftest import Cast
from tests.introducing import Introducing
from tests.season import Season

DAY = date(2026, 3, 1)
NOW = datetime(2026, 3, 1, 8, tzinfo=UTC)
KEY = {"kind": "file", "subject": "Sở Thử Nghiệm", "serial": "1", "valid_until": NOW}
SIGNED = {"kind": "signed", "sha256": "0" * 64, "content": b"%PDF-", "size": 5}
BACK = {"return_code": "vague", "return_note": "Ghi rõ"}


@dataclass
class World:
    """An answered request and everything that led to it; each case changes one thing about one row."""

    campaign: Campaign
    matter: EvaluationRequest
    consulted: EvaluationRequest
    on_paper: EvaluationRequest
    incoming: IncomingLetter
    assessment: Assessment
    version: AssessmentVersion
    letter: Document
    destruction: Destruction
    asked: DataRequest
    file: DocumentFile
    series: NumberSeries
    numbers: NumberRange
    sent: Letter
    coded: Letter
    stopped: StoppedAddress
    extension: Extension
    deadline: InnerDeadline
    introduction: Introduction
    report: ResidenceReport
    planned: Reorganization
    bundle: Bundle
    piece: BundlePiece
    handed: HandOver
    keyed: AssessmentVersion
    contest: Contest
    verification: Verification
    batch: ScanBatch
    upload: ScanUpload
    page: ScanPage
    key: SigningKey
    transfer: Transfer
    season: Seasons


@pytest.fixture
def world(cast: Cast, play: Season) -> World:
    matter = play.answered()
    letter, seat = play.letter(), matter.issued_by
    assert matter.assessment
    assert letter.series
    assert seat
    consultation = Consultation.objects.create(asker=cast.ministry, purpose="nomination", due_on=DAY, prepared_by=seat)
    incoming = IncomingLetter.objects.create(
        asker=cast.far_ward, commune=cast.ward, number="12-CV/ĐU", dated_on=DAY, received_on=DAY, registered_by=seat
    )
    common = {"campaign": None, "state": "issued", "reply": None}
    double(matter, **common, consultation=consultation)()
    double(matter, **common, incoming=incoming)()
    sent = Letter.objects.get(kind="request")
    sent.mark_failed("")
    coded = Letter.objects.create(
        key="coded", kind="reply", channel="print", recipient=cast.far_ward, code_hash="c" * 64
    )
    bundle = Bundle.objects.order(packs.cell_grid(cast.cell, play.YEAR), "In", by=seat)
    keyed = play.keyed(factories.member(commune=cast.ward, cell=cast.cell))
    contest = Contest.objects.create(version=keyed, note="Mục 3 khác", made_by=seat)
    verification = Verification.objects.create(
        request=matter, method="phone", result="agrees", note="Hỏi bí thư", verified_on=DAY, by=seat
    )
    batch = ScanBatch.objects.take(cast.ward, [(b"%PDF-", 1)], by=seat)
    batch.keep(batch.uploads.get(), [PageRead(1, b"page", True, b"picture")])
    return World(
        campaign=Campaign.objects.get(),
        matter=matter,
        consulted=EvaluationRequest.objects.get(consultation=consultation),
        on_paper=EvaluationRequest.objects.get(incoming=incoming),
        incoming=incoming,
        assessment=matter.assessment,
        version=AssessmentVersion.objects.get(assessment=matter.assessment),
        letter=letter,
        destruction=Destruction.objects.create(
            organization=cast.ministry, kind="letter", before=DAY, ids=[], count=0, proposed_by=seat
        ),
        asked=DataRequest.objects.create(
            member=cast.asked, kind="export", paper_no="1-CV/ĐU", reason="Theo yêu cầu", made_by=seat
        ),
        file=letter.store("issued", b"%PDF-", 1),
        series=letter.series,
        numbers=letter.series.reserve(3, "Giữ cho văn phòng", by=seat),
        sent=sent,
        coded=coded,
        extension=Extension.objects.create(
            request=matter, side="asker", before=DAY, until=NOW.date() + timedelta(days=1), reason="Đi xa", made_by=seat
        ),
        stopped=StoppedAddress.objects.stop("het-hop@example.org", sent, "550"),
        planned=Reorganization.objects.create(
            kind="close", words="Chi bộ kết thúc hoạt động", on=DAY, organization=cast.cell, planned_by=seat
        ),
        deadline=InnerDeadline.objects.create(commune=cast.far_ward, year=2026, due_on=DAY),
        introduction=Introducing(cast).accepted(),
        report=ResidenceReport.lives_here(
            cast.ward, "Lý Thử Mới", 1980, "Sở Thử Nghiệm", "", by=cast.ward_officer.seats.get()
        ),
        bundle=bundle,
        handed=HandOver.objects.create(
            letter=coded, year=2026, how="post", on=DAY, given_by="Võ Thị Sổ", recorded_by=seat
        ),
        piece=bundle.pieces.create(no=0, is_final=False, content=b"%PDF-"),
        keyed=keyed,
        contest=contest,
        verification=verification,
        batch=batch,
        upload=batch.uploads.get(),
        page=batch.pages.get(),
        key=SigningKey.add(cast.ministry, by=seat, content=b"key", **KEY),
        transfer=Transfer.objects.ask(cast.asked, cast.other_ministry, DAY, by=seat),
        season=Seasons.objects.create(
            lead=cast.province,
            year=2026,
            basis="Kế hoạch số 12-KH/TU",
            self_criticism_on=DAY + timedelta(days=1),
            due_on=DAY,
            prepared_by=seat,
        ),
    )


def bound_twice(world: World, **target: object) -> Statement:
    """Two pages of one office bound to the same page of the same thing."""
    bound = {"state": "bound", "bound_at": world.batch.made_at, **target}
    return lambda: [double(world.page, number=number, **bound)() for number in (2, 3)]


Break = Callable[[World], Statement]
CALLED = {"channel": "call", "caller": F("recipient")}
BREAKS: list[tuple[str, Break]] = [
    ("assessment_purpose_known", lambda w: change(w.assessment, purpose="gossip")),
    ("assessment_one_annual", lambda w: double(w.assessment)),
    ("version_state_known", lambda w: change(w.version, state="lost")),
    ("version_numbered_once", lambda w: double(w.version, state="replaced")),
    ("version_one_in_work", lambda w: lambda: [double(w.version, no=no, state="submitted")() for no in (2, 3)]),
    ("version_one_in_work", lambda w: lambda: [double(w.version, no=no, state="draft")() for no in (2, 3)]),
    ("version_one_confirmed", lambda w: double(w.version, no=2)),
    ("version_returned_has_code", lambda w: change(w.version, state="returned")),
    ("version_returned_has_code", lambda w: change(w.version, state="returned", return_code="vague")),
    ("version_submitted_after_joint_review", lambda w: change(w.version, joint_review=None)),
    ("request_considered_when_and_how", lambda w: change(w.matter, state="considered", consider_code="used")),
    ("request_considered_when_and_how", lambda w: change(w.matter, state="considered", considered_on=DAY)),
    ("document_given_back_when_and_by_whom", lambda w: change(w.letter, return_note="Sửa ngày")),
    ("version_submitted_by_whom", lambda w: change(w.version, submitted_at=None)),
    ("version_writer_is_not_confirmer", lambda w: change(w.version, confirmed_by=F("submitted_by"))),
    ("version_submitted_after_joint_review", lambda w: change(w.version, joint_review=None, state="returned", **BACK)),
    ("version_submitted_by_whom", lambda w: change(w.version, submitted_by=None)),
    ("version_keyed_from_a_paper", lambda w: change(w.version, origin="paper")),
    ("version_keyed_from_a_paper", lambda w: change(w.version, keyed_by=w.matter.issued_by)),
    *(
        ("version_keyed_from_a_paper", lambda w, lost=lost: change(w.keyed, **lost))
        for lost in (
            {"origin": "online"}, {"origin": "gossip"}, {"on_paper_on": None}, {"signer_name": ""},
            {"signer_position": ""}, {"paper_reason": ""}, {"paper_reason": "whim"},
        )
    ),
    ("version_keyed_again_by_whom", lambda w: change(w.keyed, keyed_again_by=F("keyed_by"))),
    ("version_keyed_again_by_whom", lambda w: change(w.version, keyed_again_by=F("submitted_by"), keyed_again_at=NOW)),
    ("contest_says_what", lambda w: change(w.contest, note="")),
    ("contest_one_open", lambda w: double(w.contest, note="Còn nữa")),
    ("contest_settled_by_whom", lambda w: change(w.contest, settled_note="Đúng rồi")),
    ("contest_settled_by_whom", lambda w: change(w.contest, settled_at=NOW, settled_by=F("made_by"))),
    ("verification_method_known", lambda w: change(w.verification, method="gossip")),
    ("verification_result_known", lambda w: change(w.verification, result="maybe")),
    ("verification_says_whom", lambda w: change(w.verification, note="")),
    ("campaign_state_known", lambda w: change(w.campaign, state="paused")),
    ("campaign_one_a_year", lambda w: double(w.campaign, due_on=DAY)),
    ("campaign_due_before_self_criticism", lambda w: change(w.campaign, due_on=F("self_criticism_on"))),
    ("campaign_opened_by_whom", lambda w: change(w.campaign, opened_by=None)),
    ("incoming_letter_once", lambda w: double(w.incoming, received_on=DAY)),
    ("request_state_known", lambda w: change(w.matter, state="forgotten")),
    ("request_one_parent", lambda w: change(w.matter, campaign=None)),
    ("request_one_parent", lambda w: change(w.matter, consultation=w.consulted.consultation)),
    ("request_one_parent", lambda w: change(w.on_paper, consultation=w.consulted.consultation)),
    ("request_one_live_per_campaign", lambda w: double(w.matter)),
    ("request_one_live_per_consultation", lambda w: double(w.consulted)),
    ("request_one_live_per_incoming", lambda w: double(w.on_paper)),
    ("request_at_cell_has_cell", lambda w: change(w.matter, state="at_cell", residence_cell=None)),
    ("request_at_cell_has_cell", lambda w: change(w.matter, state="at_cell", assessment=None)),
    ("assessment_one_follower", lambda w: change(w.assessment, followed_by=w.matter.issued_by, followed_by_name="Lan")),
    ("request_answered_has_reply", lambda w: change(w.matter, reply=None)),
    ("request_ended_has_code", lambda w: change(w.matter, state="declined")),
    ("request_ended_has_code", lambda w: change(w.matter, state="cancelled")),
    ("request_set_aside_why", lambda w: change(w.matter, set_aside_at=NOW, set_aside_note="Thôi")),
    ("request_set_aside_why", lambda w: change(w.matter, set_aside_at=NOW, set_aside_by=w.matter.issued_by)),
    ("campaign_cancelled_is_closed", lambda w: change(w.campaign, cancel_reason="Nhầm", state="open")),
    ("season_one_a_year", lambda w: double(w.season)),
    ("season_due_before_self_criticism", lambda w: change(w.season, due_on=F("self_criticism_on"))),
    ("season_has_basis", lambda w: change(w.season, basis="")),
    ("season_launched_by_whom", lambda w: change(w.season, launched_at=NOW)),
    ("transfer_state_known", lambda w: change(w.transfer, state="lost", settled_at=NOW, settled_by=F("asked_by"))),
    ("transfer_between_two", lambda w: change(w.transfer, to_committee=F("from_committee"))),
    ("transfer_one_waiting", lambda w: double(w.transfer)),
    ("transfer_refused_why", lambda w: change(w.transfer, state="refused", settled_at=NOW, settled_by=F("asked_by"))),
    ("transfer_settled_by_whom", lambda w: change(w.transfer, state="withdrawn")),
    ("series_one_per_term", lambda w: double(w.series, next_no=50)),
    ("series_starts_at_one", lambda w: change(w.series, next_no=0)),
    ("range_not_backwards", lambda w: change(w.numbers, last=F("first") - 1)),
    ("range_not_backwards", lambda w: change(w.numbers, first=0)),
    ("range_kind_known", lambda w: change(w.numbers, kind="lost")),
    ("range_has_reason", lambda w: change(w.numbers, reason="")),
    ("document_genre_known", lambda w: change(w.letter, genre="poem")),
    ("document_state_known", lambda w: change(w.letter, state="lost")),
    ("document_mode_known", lambda w: change(w.letter, mode="spoken")),
    ("document_number_once", lambda w: double(w.letter, key="another")),
    ("document_number_in_a_book", lambda w: change(w.letter, series=None)),
    ("document_issued_when_and_by_whom", lambda w: change(w.letter, issued_by=None)),
    ("document_issued_when_and_by_whom", lambda w: change(w.letter, issued_on=None)),
    ("document_file_kind_known", lambda w: change(w.file, kind="photo")),
    ("document_one_issued_file", lambda w: double(w.file, content=b"%PDF-2")),
    ("document_one_signed_file", lambda w: lambda: [w.letter.files.create(**SIGNED) for _ in range(2)]),
    ("signing_key_kind_known", lambda w: change(w.key, kind="wax")),
    ("signing_key_one_sort", lambda w: change(w.key, content="")),
    ("signing_key_one_sort", lambda w: change(w.key, token="con dấu")),
    ("signing_key_one_sort", lambda w: change(w.key, kind="token", content="", token="con dấu")),
    ("letter_state_known", lambda w: change(w.sent, state="lost")),
    ("letter_channel_known", lambda w: change(w.sent, channel="pigeon")),
    ("letter_kind_known", lambda w: change(w.sent, kind="gossip")),
    ("letter_reminder_has_day", lambda w: change(w.sent, kind="reminder")),
    ("letter_call_by_whom", lambda w: change(w.sent, channel="call")),
    ("letter_call_by_whom", lambda w: change(w.sent, **CALLED, state="sent", sent_at=F("created_at"))),
    ("letter_to_somebody", lambda w: change(w.sent, recipient=None)),
    ("letter_code_once", lambda w: double(w.coded, key="coded too")),
    ("extension_side_known", lambda w: change(w.extension, side="nobody")),
    ("extension_gives_time", lambda w: change(w.extension, until=F("before"))),
    ("extension_has_reason", lambda w: change(w.extension, reason="")),
    ("stopped_address_freed_by_whom", lambda w: change(w.stopped, freed_at=NOW)),
    ("reorganization_kind_known", lambda w: change(w.planned, kind="revolt")),
    ("reorganization_called_off_by_whom", lambda w: change(w.planned, cancelled_at=w.batch.made_at)),
    (
        "reorganization_done_or_called_off",
        lambda w: change(
            w.planned, executed_at=w.batch.made_at, cancelled_at=w.batch.made_at, cancelled_by=w.planned.planned_by
        ),
    ),
    ("inner_deadline_once", lambda w: double(w.deadline)),
    ("introduction_state_known", lambda w: change(w.introduction, state="lost")),
    ("introduction_one_live", lambda w: double(w.introduction, document=None, state="draft")),
    ("introduction_issued_has_paper", lambda w: change(w.introduction, document=None)),
    ("introduction_assigned_has_cell", lambda w: change(w.introduction, state="assigned", cell=None)),
    ("introduction_accepted_where_and_when", lambda w: change(w.introduction, cell=None)),
    ("introduction_accepted_where_and_when", lambda w: change(w.introduction, accepted_on=None)),
    ("introduction_returned_has_code", lambda w: change(w.introduction, state="returned")),
    ("introduction_ended_has_code", lambda w: change(w.introduction, state="closed")),
    ("introduction_ended_has_code", lambda w: change(w.introduction, state="cancelled")),
    ("introduction_end_known", lambda w: change(w.introduction, end_code="whim")),
    ("report_state_known", lambda w: change(w.report, state="lost")),
    *(
        ("report_says_who", lambda w, lost=lost: change(w.report, **lost))
        for lost in ({"full_name": ""}, {"birth_year": None}, {"workplace_as_written": ""}, {"kind": "not_here"})
    ),
    ("report_says_who", lambda w: change(w.report, kind="not_here", placement=w.introduction.placement)),
    ("report_says_who", lambda w: change(w.report, placement=w.introduction.placement)),
    ("bundle_kind_known", lambda w: change(w.bundle, kind="poem")),
    ("bundle_state_known", lambda w: change(w.bundle, state="lost")),
    ("bundle_one_in_work", lambda w: double(w.bundle, state="running")),
    ("bundle_has_reason", lambda w: change(w.bundle, reason="")),
    ("bundle_not_beyond_its_total", lambda w: change(w.bundle, done=2)),
    ("bundle_ready_until_when", lambda w: change(w.bundle, state="ready", done=1)),
    ("bundle_piece_once", lambda w: double(w.piece)),
    ("destruction_state_known", lambda w: change(w.destruction, state="lost")),
    ("destruction_approved_first", lambda w: change(w.destruction, state="destroyed")),
    ("destruction_approved_by_another", lambda w: change(w.destruction, approved_by=F("proposed_by"))),
    ("data_request_kind_known", lambda w: change(w.asked, kind="gossip")),
    ("data_request_on_a_paper", lambda w: change(w.asked, paper_no="")),
    ("data_request_on_a_paper", lambda w: change(w.asked, reason="")),
    ("hand_over_of_one_thing", lambda w: change(w.handed, letter=None)),
    ("hand_over_of_one_thing", lambda w: change(w.handed, cell=w.bundle.organization)),
    ("hand_over_how_known", lambda w: change(w.handed, how="bird")),
    ("hand_over_by_whom", lambda w: change(w.handed, given_by="")),
    ("hand_over_to_a_hand", lambda w: change(w.handed, how="hand")),
    ("hand_over_returned_why", lambda w: change(w.handed, returned_on=DAY)),
    ("hand_over_returned_why", lambda w: change(w.handed, returned_on=DAY, returned_by=w.handed.recorded_by)),
    ("hand_over_returned_why", lambda w: change(w.handed, returned_by=w.handed.recorded_by)),
    ("scan_batch_state_known", lambda w: change(w.batch, state="lost")),
    ("scan_batch_has_pages", lambda w: change(w.batch, total=0)),
    ("scan_batch_from_somebody", lambda w: change(w.batch, made_by=None)),
    ("scan_upload_once", lambda w: double(w.upload)),
    ("scan_page_once", lambda w: double(w.page)),
    ("scan_page_state_known", lambda w: change(w.page, state="lost")),
    ("scan_page_why_known", lambda w: change(w.page, why="whim")),
    ("scan_page_bound_to_one_thing", lambda w: change(w.page, state="bound", bound_at=w.batch.made_at)),
    ("scan_page_bound_to_one_thing", lambda w: change(w.page, state="duplicate")),
    (
        "scan_page_bound_to_one_thing",
        lambda w: change(w.page, state="duplicate", assessment=w.assessment, document=w.letter),
    ),
    ("scan_page_set_aside_with_reason", lambda w: change(w.page, state="discarded")),
    ("scan_page_bound_when", lambda w: change(w.page, state="bound", assessment=w.assessment)),
    ("scan_page_one_of_assessment", lambda w: bound_twice(w, assessment=w.assessment)),
    ("scan_page_one_of_document", lambda w: bound_twice(w, document=w.letter)),
    ("scan_page_one_of_cell", lambda w: bound_twice(w, cell=w.campaign.committee, year=2026)),
    ("letter_sent_when", lambda w: change(w.sent, state="sent")),
]  # fmt: skip


def test_the_database_refuses(world: World) -> None:
    assert [name for name, case in BREAKS if not is_refused(name, case(world))] == []


def test_every_constraint_is_tried() -> None:
    assert constraints_of("evaluations") == {name for name, _ in BREAKS}


def test_an_ended_request_makes_room_for_another(world: World) -> None:
    for matter in (world.matter, world.consulted, world.on_paper):
        change(matter, state="superseded")()
        double(matter)()
    assert EvaluationRequest.objects.count() == 6
