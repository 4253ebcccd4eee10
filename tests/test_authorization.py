"""Every URL × every role × own, sibling and unknown object × GET and POST. A URL without a row here fails the suite.

Outside a person's reach a page does not exist (404); inside reach without the grant it is refused (403). What the
permitted requests then do is the business of the view tests.
"""

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from functools import partial
from typing import Any

import pytest
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, reverse
from django.utils import timezone

from evaluations.models import (
    Bundle,
    Campaign,
    Destruction,
    Document,
    EvaluationRequest,
    IncomingLetter,
    Introduction,
    Letter,
    NumberRange,
    NumberSeries,
    Reorganization,
    ResidenceReport,
    ScanBatch,
    SigningKey,
    StoppedAddress,
    Transfer,
    packs,
)
from evaluations.models import Season as Seasons
from evaluations.models.changes import Change, Kind
from evaluations.models.hand_overs import hand_over_letter
from evaluations.models.incoming import PaperRequest, register_on_paper
from evaluations.models.letter_book import keep_block
from evaluations.models.paper_codes import PaperKind, grid_number, paper_code
from evaluations.scans import PageRead
from liaison import urls
from members.models import (
    JointReview,
    Kinship,
    Member,
    OrganizationImport,
    RosterHeading,
    RosterImport,
    Signatory,
    User,
)
from members.roles import Action, Role
from members.roster import parse_roster
from members.states import move
from members.tree_files import TreeRow
from tests import factories
from tests.conftest import Cast
from tests.introducing import Introducing
from tests.season import Season, by

UNKNOWN = 987654
HEADINGS = "STT,Họ và tên,Ngày sinh,Ngày vào Đảng,Chi bộ,Phường/xã\n"


@dataclass
class World:
    """Two matters of the same kind side by side: `own` belongs to the cast, `sibling` to their neighbours."""

    cast: Cast
    own: dict[str, Any]
    sibling: dict[str, Any]
    clients: dict[str, Client]


def play(cast: Cast) -> dict[str, Any]:
    """A round at every step: an answered matter, one at the commune, a staged list, letters; ids by URL argument."""
    season = Season(cast)
    factories.member("Hồ Thử Chờ", workplace=cast.office_cell, commune=cast.ward)
    matter = season.answered()
    factories.member("Mai Thử Sau", workplace=cast.office_cell, commune=cast.ward)
    season.presented()
    draft = Document.objects.get(campaign=matter.campaign, state=Document.State.FOR_SIGNATURE)
    staged = roster_import(cast)
    signatory = Signatory.objects.create(
        organization=cast.ministry, authority="T/M ĐẢNG ỦY", position="PHÓ BÍ THƯ", name="Lâm Thử Phó"
    )
    version = matter.answering_version()
    assert version is not None
    on_paper = factories.member("Lâm Thử Giấy", commune=cast.ward, cell=cast.cell)
    keyed = season.keyed(on_paper)
    scan = keyed.form.files.get()
    on_paper_letter, received = paper_request(cast)
    assert matter.letter is not None
    scan = scanned_batch(cast)
    key = {"kind": "file", "content": b"key", "subject": "Sở", "serial": "1", "valid_until": timezone.now()}
    signing = SigningKey.add(cast.ministry, by=cast.signer.seats.get(), **key)
    introductions = introduced(cast)
    third = factories.organization(cast.province, f"Đảng ủy Sở Khác {cast.ministry.pk}", "grassroots")
    seat = cast.officer.seats.get(role=Role.OFFICER)
    leaving = Transfer.objects.ask(on_the_move(cast), third, date(2026, 9, 1), by=seat)
    year = Campaign.objects.get(pk=matter.campaign_id)
    days = {"self_criticism_on": year.self_criticism_on, "due_on": year.due_on, "basis": "Kế hoạch số 12-KH/ĐU"}
    ours = Seasons(lead=cast.ministry, year=year.year, **days)
    ours.set(by=seat)
    return {
        "season_id": ours.pk,
        "key_id": signing.pk,
        "transfer_id": leaving.pk,
        "cell_id": cast.cell.pk,
        "role": "secretary",
        "kinship_id": Kinship.objects.declare(on_paper, cast.nobody, "sibling", by=cast.nobody).pk,
        "seat_id": cast.secretary.seats.get(organization=cast.cell).pk,
        "committee_id": cast.ministry.pk,
        "signatory_id": signatory.pk,
        "commune_id": cast.ward.pk,
        "campaign_id": matter.campaign_id or 0,
        "request_id": matter.pk,
        "version_id": version.pk,
        "placement_id": matter.placement_id,
        "member_id": matter.member_id,
        "import_id": staged.pk,
        "heading_id": remembered_heading(cast).pk,
        "document_id": matter.letter.pk,
        "form_id": version.form.pk,
        "assessment_id": keyed.assessment_id,
        "keyed_id": keyed.pk,
        "paper_letter_id": on_paper_letter.pk,
        "received_id": received.pk,
        "keyed_form_id": keyed.form.pk,
        "file_id": scan.pk,
        "reply_id": matter.reply_id or 0,
        "incoming_id": incoming_letter(cast).pk,
        "draft_id": draft.pk,
        "batch_id": scan.pk,
        "page_id": scan.pages.get().pk,
        "holder_id": cast.secretary.pk,
        "year": Season.YEAR,
        "name": "report",
        "review_id": JointReview.objects.filter(cell=cast.cell)[0].pk,
        "meeting_id": season.meeting().pk,
        "verb": "doi-ten",
        "reorganization_id": planned(cast).pk,
        "tree_import_id": tree_import(cast).pk,
        "destruction_id": expired_letters(cast, matter).pk,
        "range_id": kept_numbers(cast).pk,
        "call_id": call(cast).pk,
        **came_back(matter),
        **introductions,
        **printed(cast, matter),
    }


def introduced(cast: Cast) -> dict[str, Any]:
    """One on its way, one in draft, one whose half has gone back, one that lies in the signer's folder."""
    introducing = Introducing(cast)
    accepted = introducing.accepted()
    introducing.counterparts()
    waiting = factories.member("Hứa Thử Ký", workplace=cast.office_cell, commune=cast.ward)
    introducing.drafted(waiting)
    introducing.present()
    draft = factories.member("Hứa Thử Soạn", workplace=cast.office_cell, commune=cast.ward)
    return {
        "introduction_id": accepted.pk,
        "drafted_id": introducing.drafted(draft).pk,
        "paper_id": accepted.document_id or 0,
        "report_id": residence_report(cast).pk,
        "counterpart_id": Introduction.objects.get(pk=accepted.pk).counterpart_id or 0,
    }


def residence_report(cast: Cast) -> ResidenceReport:
    seat = by(cast.ward_officer, Action.ASSIGN, cast.ward)
    return ResidenceReport.lives_here(cast.ward, "Lý Thử Mới", 1980, cast.ministry.name, "", by=seat)


def on_the_move(cast: Cast) -> Member:
    return factories.member("Đoàn Thử Đi", workplace=cast.office_cell)


def printed(cast: Cast, matter: EvaluationRequest) -> dict[str, Any]:
    """Print copies of both sides, and the codes on paper."""
    assert matter.campaign
    seat = by(cast.secretary, Action.WRITE, cast.cell)
    answers, officer = packs.campaign_answers(matter.campaign, cast.officer), cast.officer.seats.get(role=Role.OFFICER)
    by_post = Letter.objects.create(
        key=f"paper:{cast.ministry.pk}", kind="request", channel="print", document=matter.letter, recipient=cast.ward
    )
    move(by_post, "rendered", by=None)
    given = {"given_by": "Văn thư", "received_by": "", "postal_no": "RR1"}
    hand_over = hand_over_letter(by_post, "post", date(2026, 10, 6), by=officer, **given)
    return {
        "letter_id": by_post.pk,
        "hand_over_id": hand_over.pk,
        "bundle_id": Bundle.objects.order(packs.cell_grid(cast.cell, Season.YEAR), "In", by=seat).pk,
        "answers_id": Bundle.objects.order(answers, "In", by=officer).pk,
        "code": paper_code(PaperKind.ASSESSMENT, matter.assessment_id or 0),
        "grid_code": paper_code(PaperKind.GRID, grid_number(cast.cell.pk, Season.YEAR)),
    }


def planned(cast: Cast) -> Reorganization:
    """A cell that gets another name in years to come."""
    change = Change(Kind.RENAME, date(2090, 1, 1), cast.cell, names={"name": "Chi bộ Mai Sau"})
    return Reorganization.objects.decide(change, by=cast.ward_officer.seats.get(role=Role.OFFICER))


def tree_import(cast: Cast) -> OrganizationImport:
    seat = cast.ward_officer.seats.get(role=Role.OFFICER)
    return OrganizationImport.objects.stage(
        cast.ward, [TreeRow(2, "Chi bộ Mới", "cell", "residence")], "a.csv", by=seat
    )


def expired_letters(cast: Cast, matter: EvaluationRequest) -> Destruction:
    return Destruction.objects.create(
        organization=cast.ministry,
        kind="letter",
        before=date(2016, 1, 1),
        ids=[matter.letter_id],
        count=1,
        proposed_by=cast.data_officer.seats.get(),
    )


def kept_numbers(cast: Cast) -> NumberRange:
    seat = by(cast.ward_officer, Action.KEEP_BOOK, cast.ward)
    return keep_block(NumberSeries.locked(cast.ward, "CV", date(2026, 11, 1)), 3, "Sổ giấy", by=seat)


def incoming_letter(cast: Cast) -> IncomingLetter:
    on = date(2026, 10, 1)
    seat = cast.ward_officer.seats.get(role=Role.OFFICER)
    return IncomingLetter.objects.create(
        asker=cast.far_ward, commune=cast.ward, number="9-CV/ĐU", dated_on=on, received_on=on, registered_by=seat
    )


def scanned_batch(cast: Cast) -> ScanBatch:
    seat = cast.ward_officer.seats.get(role=Role.OFFICER)
    batch = ScanBatch.objects.take(cast.ward, [(b"%PDF-", 1)], by=seat)
    batch.keep(batch.uploads.get(), [PageRead(1, b"page", True, b"picture")])
    return batch


def call(cast: Cast) -> Letter:
    """A row of the ward's call list."""
    return Letter.objects.create(
        key=f"reminder:call:{cast.ward.pk}",
        kind=Letter.Kind.REMINDER,
        channel=Letter.Channel.CALL,
        state=Letter.State.RENDERED,
        recipient=cast.cell,
        caller=cast.ward,
        reminds_on=date(2026, 11, 13),
    )


def came_back(matter: EvaluationRequest) -> dict[str, Any]:
    """The notice of the request's letter, which its mailbox sent back."""
    letter = Letter.objects.get(document=matter.letter, channel=Letter.Channel.EMAIL)
    letter.mark_failed("550 no such mailbox")
    address = f"{letter.pk}@example.org"
    return {"failed_id": letter.pk, "stopped_id": StoppedAddress.objects.stop(address, letter, "550").pk}


def paper_request(cast: Cast) -> tuple[Document, RosterImport]:
    """A letter on paper in the ward's book, with a list that waits."""
    seat = by(cast.ward_officer, Action.REGISTER, cast.ward)
    day = date(2026, 10, 5)
    letter = register_on_paper(
        cast.ward, PaperRequest(cast.far_ward, "12-CV/ĐU", day, day, date(2026, 11, 15), Season.YEAR), by=seat
    )
    roster = parse_roster((HEADINGS + "1,Vũ Thử Giấy,1976,,,\n").encode(), "a.csv", today=date(2026, 11, 1))
    staged = RosterImport.objects.stage(cast.far_ward, roster, "a.csv", by=seat, commune=cast.ward)
    IncomingLetter.objects.get(document=letter).rosters.add(staged)
    return letter, staged


def roster_import(cast: Cast) -> RosterImport:
    text = HEADINGS + f"1,Vũ Thử Nhập,18/07/1976,04/04/2004,Văn phòng,{cast.ward.area}\n"
    roster = parse_roster(text.encode(), "danh-sach.csv", today=date(2026, 11, 1))
    seat = cast.officer.seats.get(role=Role.OFFICER)
    return RosterImport.objects.stage(cast.ministry, roster, "danh-sach.csv", by=seat)


def remembered_heading(cast: Cast) -> RosterHeading:
    seat = cast.officer.seats.get(role=Role.OFFICER)
    return RosterHeading.objects.create(committee=cast.ministry, key="khu vuc", field="commune", said_by=seat)


@pytest.fixture
def world(cast: Cast) -> World:
    other_office = factories.workplace_cell(cast.other_ministry, "Văn phòng")
    other_cell = factories.residence_cell(cast.other_ward, "Tổ dân phố 1")
    neighbours = dataclasses.replace(
        cast,
        ministry=cast.other_ministry,
        office_cell=other_office,
        ward=cast.other_ward,
        cell=other_cell,
        officer=cast.neighbour,
        signer=factories.official("neighbour_signer", "Tạ Thị Bên", cast.other_ministry, Role.SIGNER),
        ward_clerk=factories.official("other_ward_clerk", "Cao Văn Bên", cast.other_ward, Role.CLERK),
        ward_officer=cast.other_ward_officer,
        ward_signer=factories.official("other_ward_signer", "Chu Văn Bên", cast.other_ward, Role.SIGNER),
        secretary=factories.official("third_secretary", "Kiều Thị Bên", other_cell, Role.SECRETARY),
        asked=factories.member("Tô Thử Bên", workplace=other_office, commune=cast.other_ward),
    )
    own = play(cast)
    return World(cast, own, play(neighbours), {who: signed_in(person) for who, person in cast.people().items()})


def signed_in(person: User) -> Client:
    client = Client()
    client.force_login(person)
    return client


WORKPLACE = {"officer", "signer"}
WARD = {"ward_clerk", "ward_officer", "ward_signer"}
CONFIRMING = {"ward_officer", "ward_signer"}
OFFICERS = {"officer", "neighbour", "ward_officer", "other_ward_officer"}
SIGNERS = {"signer", "ward_signer", "other_ward_officer"}
ABOVE = {"overseer", "administrator"}
SECRETARIES = {"secretary", "other_secretary"}
# Who stands where the cast stands, on the neighbours' side.
COUNTERPARTS = {
    "officer": "neighbour",
    "ward_officer": "other_ward_officer",
    "ward_signer": "other_ward_officer",
    "overseer": "overseer",
    "administrator": "administrator",
}


@dataclass(frozen=True)
class Row:
    """Who gets in (`ok`), who is refused though the object is in reach (`refused`); everybody else finds nothing.

    `posts`: "no" (405), "same" as GET, "only" (GET is 405). `takes` names the id an argument takes when it is not the
    one of the same name. A page without an object (`shared`) refuses everybody who is not `ok`.
    """

    ok: set[str]
    refused: set[str] = field(default_factory=set)
    posts: str = "no"
    takes: dict[str, str] = field(default_factory=dict)
    shared: bool = False


KEYED = {"version_id": "keyed_id"}
DRAFTED = {"introduction_id": "drafted_id"}
ON_PAPER = {"document_id": "paper_letter_id"}
RECEIVED = {"import_id": "received_id"}
TREE_LIST = {"import_id": "tree_import_id"}
NOT_KEYING = {"ward_clerk", "ward_signer", "secretary"}
ROWS: dict[str, Row] = {
    "members:member_list": Row(OFFICERS | SIGNERS | SECRETARIES | {"ward_clerk"}, shared=True),
    "members:member_page": Row(WORKPLACE),
    "members:signatories": Row({"officer", "signer"}, {"data_officer"}, "same", {"organization_id": "committee_id"}),
    "members:signatory_retire": Row(
        {"officer", "signer"},
        {"data_officer"},
        "only",
        {"organization_id": "committee_id", "signatory_id": "signatory_id"},
    ),
    "members:seat_list": Row(OFFICERS | SIGNERS | {"overseer", "administrator"}, shared=True),
    "members:seats": Row(
        {"secretary", "ward_officer", "overseer", "administrator"}, takes={"organization_id": "cell_id"}
    ),
    "members:seat_give": Row(
        {"ward_officer"}, {"secretary", "overseer", "administrator"}, "same", takes={"organization_id": "cell_id"}
    ),
    "members:seat_tenure": Row({"ward_officer"}, {"secretary", "overseer", "administrator"}, "same"),
    "members:kinships_of_cell": Row({"secretary", "ward_officer"}, {"ward_clerk", "ward_signer"}, "same"),
    "members:kinships_of_member": Row({"officer"}, {"signer"}, "same"),
    "members:kinship_end": Row({"ward_officer"}, {"ward_clerk", "ward_signer", "secretary"}, "only"),
    "members:history": Row({"auditor"}, shared=True),
    "members:roster_upload": Row(OFFICERS, posts="same", shared=True),
    "members:roster_review": Row({"officer"}, {"signer"}, "same"),
    "members:roster_columns": Row({"officer"}, {"signer"}, "same"),
    "members:roster_forget": Row({"officer"}, {"signer"}, "only"),
    "members:roster_commit": Row({"officer"}, {"signer"}, "only"),
    "members:attendance": Row({"secretary"}, WARD, "same"),
    "members:attendance_draft": Row({"secretary"}, WARD, "only"),
    "members:add_meeting": Row({"secretary"}, WARD, "same"),
    "members:joint_review": Row({"secretary"}, WARD, "same"),
    "evaluations:campaign_list": Row(OFFICERS | SIGNERS, shared=True),
    "evaluations:campaign_create": Row({"officer"}, {"signer"}, "same"),
    "evaluations:season_list": Row(OFFICERS | SIGNERS | ABOVE, shared=True),
    "evaluations:season_create": Row(WORKPLACE, ABOVE, "same"),
    "evaluations:season_page": Row(WORKPLACE | ABOVE),
    "evaluations:season_steps": Row(WORKPLACE | ABOVE),
    "evaluations:season_edit": Row(WORKPLACE, ABOVE, "same"),
    "evaluations:season_launch": Row(WORKPLACE, ABOVE, "same"),
    "evaluations:season_progress": Row(WORKPLACE | ABOVE),
    "evaluations:campaign_page": Row(WORKPLACE),
    "evaluations:campaign_present": Row({"officer"}, {"signer"}, "only"),
    "evaluations:campaign_take_back": Row(WORKPLACE, posts="only"),
    "evaluations:campaign_issue": Row({"signer"}, {"officer"}, "same"),
    "evaluations:signing_folder": Row(WORKPLACE, posts="only"),
    "evaluations:campaign_reserve": Row({"signer"}, {"officer"}, "only"),
    "evaluations:campaign_close": Row({"officer"}, {"signer"}, "only"),
    "evaluations:campaign_cancel": Row({"officer"}, {"signer"}, "only"),
    "evaluations:campaign_commune": Row(WORKPLACE),
    "evaluations:reminder_letter": Row(WORKPLACE),
    "evaluations:campaign_progress": Row(WORKPLACE),
    "evaluations:campaign_steps": Row(WORKPLACE),
    "evaluations:campaign_use": Row(WORKPLACE, posts="same"),
    "evaluations:seat_hand_over": Row(
        {"secretary", "ward_officer", "overseer", "administrator"}, posts="same", takes={"organization_id": "cell_id"}
    ),
    "evaluations:request_page": Row(WORKPLACE),
    "evaluations:request_extend": Row({"officer"}, {"signer"}, "only"),
    "evaluations:opinion_request": Row(WORKPLACE),
    "evaluations:working_minutes": Row(WORKPLACE),
    "evaluations:request_cancel": Row({"officer"}, {"signer"}, "only"),
    "evaluations:move_residence": Row({"officer"}, {"signer"}, "same"),
    "evaluations:move_workplace": Row({"officer"}, {"signer"}, "same"),
    "evaluations:move_retirement": Row({"officer"}, {"signer"}, "same"),
    "evaluations:move_death": Row({"officer"}, {"signer"}, "same"),
    "evaluations:move_leaving": Row({"officer"}, {"signer"}, "same"),
    "evaluations:introductions": Row(WORKPLACE),
    "evaluations:introductions_choose": Row({"officer"}, {"signer"}, "same"),
    "evaluations:introduction_draft": Row({"officer"}, {"signer"}, "same"),
    "evaluations:introductions_present": Row({"officer"}, {"signer"}, "only"),
    "evaluations:introductions_take_back": Row({"officer"}, {"signer"}, "only"),
    "evaluations:introductions_sign": Row({"signer"}, {"officer"}, "same"),
    "evaluations:introductions_print": Row(WORKPLACE),
    "evaluations:introduction_page": Row(WORKPLACE),
    "evaluations:introduction_cancel": Row({"officer"}, {"signer"}, "only", takes=DRAFTED),
    "evaluations:introduction_end": Row({"officer"}, {"signer"}, "only"),
    "evaluations:introduction_key": Row({"officer"}, {"signer"}, "only"),
    "evaluations:introductions_in": Row(WARD),
    "evaluations:introductions_register": Row({"ward_clerk", "ward_officer"}, {"ward_signer"}, "only"),
    "evaluations:introductions_place": Row({"ward_officer"}, {"ward_clerk", "ward_signer"}, "same"),
    "evaluations:introductions_counterparts": Row({"ward_signer"}, {"ward_clerk", "ward_officer"}, "same"),
    "evaluations:introduction_back": Row({"ward_officer"}, {"ward_clerk", "ward_signer", "secretary"}, "same"),
    "evaluations:introductions_late": Row(WORKPLACE),
    "evaluations:exemptions": Row({"officer"}, {"signer"}),
    "evaluations:standing": Row({"officer"}, {"signer"}, "same"),
    "evaluations:paper_introduction": Row({"ward_clerk", "ward_officer"}, {"ward_signer"}, "same"),
    "evaluations:residence_reports": Row(
        {"ward_officer"}, {"ward_clerk", "ward_signer"}, "same", {"organization_id": "commune_id"}
    ),
    "evaluations:residence_reports#cell": Row({"secretary"}, WARD, "same", {"organization_id": "cell_id"}),
    "evaluations:report_decide": Row({"ward_officer"}, {"ward_clerk", "ward_signer"}, "only"),
    "evaluations:report_settle": Row({"officer"}, {"signer"}, "only"),
    "evaluations:newcomers": Row({"secretary", "ward_officer"}, {"ward_clerk", "ward_signer"}, "same"),
    "evaluations:document_file#introduction": Row(WORKPLACE | WARD, takes={"document_id": "paper_id"}),
    "evaluations:document_file#counterpart": Row(WORKPLACE | WARD, takes={"document_id": "counterpart_id"}),
    "evaluations:transfer": Row({"officer"}, {"signer"}, "same"),
    "evaluations:attention": Row({"officer"}, {"signer"}),
    "evaluations:attention_act": Row({"officer"}, {"signer"}, "only"),
    "evaluations:reassign": Row({"ward_officer"}, {"ward_clerk", "ward_signer"}, "same"),
    # The neighbours' committees have a book of letters too, an empty one.
    "evaluations:letters_in": Row(OFFICERS | SIGNERS | SECRETARIES | {"ward_clerk"}, shared=True),
    "evaluations:letter_in": Row(WARD),
    "evaluations:letter_register": Row({"ward_clerk", "ward_officer"}, {"ward_signer"}, "only"),
    "evaluations:assign": Row({"ward_officer"}, {"ward_clerk", "ward_signer"}, "same"),
    "evaluations:cell_names": Row({"ward_officer"}, {"ward_clerk", "ward_signer"}, "same"),
    "evaluations:ward_steps": Row(WARD),
    "evaluations:cell_steps": Row({"secretary"} | WARD),
    # Of communes in which nothing was asked, and to whoever sees no figures, there is none.
    "evaluations:figures_commune": Row({"officer", "signer", "overseer", "administrator"}),
    "evaluations:confirm_list": Row(CONFIRMING, {"ward_clerk"}, "same"),
    "evaluations:confirm_page": Row(CONFIRMING, {"ward_clerk", "secretary"}, "same"),
    "evaluations:send_back": Row(CONFIRMING, {"ward_clerk", "secretary"}, "only"),
    "evaluations:replies": Row(WARD),
    "evaluations:reply_issue": Row({"ward_signer"}, {"ward_clerk", "ward_officer"}, "same"),
    "evaluations:reply_issue_on_paper": Row({"ward_signer"}, {"ward_clerk", "ward_officer"}, "same"),
    "evaluations:inner_deadline": Row({"ward_officer"}, {"ward_clerk", "ward_signer"}, "same"),
    "evaluations:inner_extension": Row({"ward_officer"}, {"ward_clerk", "ward_signer", "secretary"}, "same"),
    "evaluations:cell_summary": Row({"secretary"} | WARD),
    "evaluations:cell_share": Row({"secretary"}, WARD, "same"),
    "evaluations:cell_grid": Row({"secretary"}, WARD, "same"),
    "evaluations:cell_grid_draft": Row({"secretary"}, WARD, "only"),
    "evaluations:cell_person_draft": Row({"secretary"}, WARD, "only"),
    "evaluations:cell_submit": Row({"secretary"}, WARD, "only"),
    "evaluations:cell_person": Row({"secretary"}, WARD, "same"),
    "evaluations:key_list": Row(OFFICERS, shared=True),
    "evaluations:key_form": Row({"ward_officer"}, NOT_KEYING, "same"),
    "evaluations:key_again": Row({"ward_officer"}, NOT_KEYING, "same"),
    "evaluations:keyed_list": Row({"secretary"}, WARD),
    "evaluations:incoming_new": Row({"ward_clerk", "ward_officer"}, {"ward_signer"}, "same"),
    "evaluations:incoming_list": Row({"ward_clerk", "ward_officer"}, {"ward_signer"}, "same", takes=ON_PAPER),
    "evaluations:incoming_pick": Row({"ward_clerk", "ward_officer"}, {"ward_signer"}, "same", takes=ON_PAPER),
    "evaluations:incoming_commit": Row({"ward_clerk", "ward_officer"}, {"ward_signer"}, "only", takes=RECEIVED),
    "members:roster_review#received": Row({"ward_clerk", "ward_officer"}, {"ward_signer"}, "same", takes=RECEIVED),
    "evaluations:portal_result": Row({"officer"}, {"signer"}, "same"),
    "evaluations:verify": Row(WORKPLACE, posts="same"),
    "evaluations:verify_list": Row(OFFICERS | SIGNERS, shared=True),
    "evaluations:keyed_page": Row(CONFIRMING | {"secretary"}, {"ward_clerk"}, takes=KEYED),
    "evaluations:contest": Row({"secretary"}, WARD, "only", takes=KEYED),
    "evaluations:contest_settle": Row(
        {"ward_officer"}, {"ward_clerk", "ward_signer", "secretary"}, "only", takes=KEYED
    ),
    "evaluations:scan_add": Row({"ward_officer"}, NOT_KEYING, "only", takes=KEYED),
    "evaluations:document_scan": Row(CONFIRMING | {"secretary"}, takes={"document_id": "keyed_form_id"}),
    "evaluations:document_file": Row(WORKPLACE | WARD),
    "evaluations:document_file#form": Row(
        WORKPLACE | CONFIRMING | {"secretary", "member_user"}, takes={"document_id": "form_id"}
    ),
    "evaluations:document_file#reply": Row(WORKPLACE | WARD, takes={"document_id": "reply_id"}),
    # Nothing has been stamped in this world: whoever may read it finds nothing, like everybody else.
    "evaluations:document_stamped": Row(set()),
    "members:organizations": Row(OFFICERS | SIGNERS | SECRETARIES | ABOVE | {"ward_clerk"}, shared=True),
    "members:organization_page": Row(WARD | ABOVE | {"secretary"}, takes={"organization_id": "cell_id"}),
    "members:tree_upload": Row(
        {"ward_officer"} | ABOVE, {"ward_clerk", "ward_signer"}, "same", {"organization_id": "commune_id"}
    ),
    "members:tree_review": Row({"ward_officer"} | ABOVE, takes=TREE_LIST),
    "members:tree_commit": Row({"ward_officer"} | ABOVE, posts="only", takes=TREE_LIST),
    "evaluations:reorganize": Row(
        {"ward_officer"} | ABOVE, {"ward_clerk", "ward_signer", "secretary"}, "same", {"organization_id": "cell_id"}
    ),
    "evaluations:reorganizations": Row(OFFICERS | ABOVE, shared=True),
    "evaluations:reorganization": Row({"ward_officer"} | ABOVE),
    "evaluations:reorganization_cancel": Row({"ward_officer"} | ABOVE, posts="only"),
    "members:address_book": Row(OFFICERS | SIGNERS | SECRETARIES | {"ward_clerk"}, shared=True),
    "members:address_correct": Row(
        {"ward_clerk", "ward_officer"}, posts="same", takes={"organization_id": "commune_id"}
    ),
    "evaluations:address_print": Row(OFFICERS | {"ward_clerk"}, posts="only", shared=True),
    "evaluations:campaign_print": Row(WORKPLACE, posts="same"),
    "evaluations:campaign_export": Row(WORKPLACE, posts="only"),
    "evaluations:campaign_archive": Row(WORKPLACE, posts="only"),
    "evaluations:commune_print": Row(WARD, posts="same"),
    "evaluations:returns_print": Row(CONFIRMING, {"ward_clerk"}),
    "evaluations:commune_export": Row(CONFIRMING, {"ward_clerk"}, "only"),
    "evaluations:information_letter": Row(CONFIRMING, {"ward_clerk"}),
    "evaluations:commune_archive": Row(CONFIRMING, {"ward_clerk"}, "only"),
    "evaluations:hand_over_letter": Row({"officer"}, {"signer"}, "same"),
    "evaluations:hand_over_returned": Row({"officer"}, {"signer"}, "only"),
    "evaluations:hand_over_pack": Row({"ward_clerk", "ward_officer"}, {"ward_signer", "secretary"}, "same"),
    "evaluations:joint_minutes": Row({"secretary"}, WARD),
    "evaluations:invitations": Row({"secretary"}, WARD),
    "evaluations:cell_print": Row({"secretary"} | WARD, posts="same"),
    "evaluations:bundle_page": Row({"secretary"} | WARD),
    "evaluations:bundle_page#answers": Row(WORKPLACE, takes={"bundle_id": "answers_id"}),
    "evaluations:bundle_progress": Row({"secretary"} | WARD),
    "evaluations:bundle_file": Row({"secretary"} | WARD),
    "evaluations:bundle_file#answers": Row(WORKPLACE, takes={"bundle_id": "answers_id"}),
    "evaluations:paper_code": Row(WORKPLACE | CONFIRMING | {"secretary"}),
    "evaluations:paper_code#grid": Row({"secretary"} | WARD, takes={"code": "grid_code"}),
    "evaluations:document_preview": Row(WORKPLACE, takes={"document_id": "draft_id"}),
    "evaluations:scan_list": Row(
        {"ward_clerk", "ward_officer"}, {"ward_signer"}, "same", {"organization_id": "commune_id"}
    ),
    "evaluations:scan_list#workplace": Row({"officer"}, {"signer"}, "same", {"organization_id": "committee_id"}),
    **{
        f"evaluations:{name}": Row({"ward_clerk", "ward_officer"}, {"ward_signer"}, posts)
        for name, posts in {
            "scan_batch": "no",
            "scan_progress": "no",
            "scan_page": "same",
            "scan_picture": "no",
            "scan_file": "no",
            "scan_turn": "only",
            "scan_set_aside": "only",
            "scan_put_back": "only",
        }.items()
    },
    **{
        f"evaluations:{name}": Row({"signer"}, {"officer", "data_officer"}, posts, {"organization_id": "committee_id"})
        for name, posts in {
            "sign_digitally": "same",
            "sign_on": "only",
            "signed_elsewhere": "only",
            "signing_keys": "same",
            "signing_key_retire": "only",
        }.items()
    },
    "evaluations:slip_list": Row(OFFICERS | {"administrator"}, shared=True),
    # Outside reach is also one's own committee: nobody lets himself into the account of his own signer.
    "evaluations:slip_issue": Row({"ward_officer", "administrator"}, posts="same", takes={"user_id": "holder_id"}),
    "evaluations:figures": Row(OFFICERS | SIGNERS | {"overseer", "administrator"}, shared=True),
    "evaluations:campaign_report": Row(WORKPLACE | {"administrator"}, {"overseer"}, "only"),
    "evaluations:shelf": Row(OFFICERS | SIGNERS | SECRETARIES | {"ward_clerk"}, shared=True),
    "evaluations:introduced": Row(WORKPLACE, posts="same", takes={"organization_id": "committee_id"}),
    "evaluations:introduced_export": Row(WORKPLACE, posts="only", takes={"organization_id": "committee_id"}),
    "evaluations:residents": Row(WARD, posts="same", takes={"organization_id": "commune_id"}),
    "evaluations:residents#cell": Row(WARD | {"secretary"}, posts="same", takes={"organization_id": "cell_id"}),
    "evaluations:residents_export": Row(CONFIRMING, {"ward_clerk"}, "only", takes={"organization_id": "commune_id"}),
    **{
        f"evaluations:{name}": Row(ok, refused, posts, {"organization_id": "commune_id"})
        for name, ok, refused, posts in (
            ("letters_out", WARD, set(), "same"),
            ("letters_out_export", CONFIRMING, {"ward_clerk"}, "only"),
            ("letters_received", WARD, set(), "same"),
            ("letters_in_export", CONFIRMING, {"ward_clerk"}, "only"),
            ("book_numbers", WARD, set(), "same"),
        )
    },
    "evaluations:letters_out#workplace": Row(WORKPLACE, posts="same", takes={"organization_id": "committee_id"}),
    "evaluations:range_release": Row(WARD, posts="only"),
    "evaluations:letter_enter": Row(WORKPLACE, posts="only", takes={"document_id": "reply_id"}),
    "evaluations:personal_data": Row({"data_officer"} | SIGNERS, shared=True),
    "evaluations:destruction_propose": Row({"data_officer"}, posts="only", takes={"organization_id": "committee_id"}),
    "evaluations:destruction": Row({"data_officer", "signer"}, posts="same"),
    "evaluations:personal_file": Row({"data_officer"}, posts="same"),
    "evaluations:calls": Row(OFFICERS | {"ward_clerk"}, shared=True),
    "evaluations:call_done": Row({"ward_clerk", "ward_officer"}, posts="only", takes={"letter_id": "call_id"}),
    "evaluations:undelivered": Row(OFFICERS | {"ward_clerk", "administrator"}, shared=True),
    "evaluations:send_again": Row({"officer", "administrator"}, posts="only", takes={"letter_id": "failed_id"}),
    "evaluations:address_free": Row({"officer", "administrator"}, posts="only"),
    "evaluations:inspection": Row({"administrator"}, shared=True),
    "evaluations:inspect_again": Row({"administrator"}, posts="only", shared=True),
    "evaluations:gallery": Row({"administrator"}, shared=True),
    "evaluations:gallery_specimen": Row({"administrator"}, shared=True),
    "evaluations:outbox": Row({"administrator"}, shared=True),
}
PUBLIC = {
    "healthz",
    "evaluations:readyz",
    "account_login",
    "account_inactive",
    "evaluations:code_enter",
    "members:slip_enter",
}
# Anybody may check issued paper, and follows its code there (tests of the checking view).
PUBLIC |= {"evaluations:check_enter", "evaluations:check_page", "evaluations:paper_code"}
# Open to whoever holds a code that is in the session, to nobody else: tests of the codes view.
BY_CODE = {f"evaluations:{name}" for name in ("code_letter", "code_file", "code_stamped", "code_scans")}
# Open to whoever is in the middle of signing in, or has shown the code of a slip: tests of the second factor and slips.
ON_THE_WAY_IN = {"mfa_login_webauthn", "mfa_authenticate", "members:slip_set_up"}
# Pages about oneself: the same for everybody who is signed in.
ONESELF = {
    "account_logout",
    "account_reauthenticate",
    "account_set_password",
    "mfa_index",
    "mfa_add_webauthn",
    "mfa_activate_totp",
    "mfa_deactivate_totp",
    "mfa_reauthenticate",
    "mfa_reauthenticate_webauthn",
    "members:sessions",
    "account_change_password",
    "evaluations:home",
    "evaluations:guide",
    "evaluations:paper_find",
    "evaluations:mine",
    "members:kinships_own",
}
# Buttons about oneself: tests/test_second_factor.py, test_sign_in.py.
OF_ONES_OWN = {"members:way_remove", "members:sessions_end"}


def names(resolver: URLResolver | None = None, prefix: str = "") -> Iterator[tuple[str, URLPattern]]:
    for pattern in (resolver or get_resolver()).url_patterns:
        if isinstance(pattern, URLResolver):
            space = f"{prefix}{pattern.namespace}:" if pattern.namespace else prefix
            yield from names(pattern, space)
        else:
            yield f"{prefix}{pattern.name}", pattern


URLS = dict(names())


def address(row_name: str, ids: dict[str, Any]) -> str:
    name, takes = row_name.split("#")[0], ROWS[row_name].takes
    wanted = URLS[name].pattern.regex.groupindex
    return reverse(name, kwargs={argument: ids[takes.get(argument, argument)] for argument in wanted})


def ask(client: Client, url: str, *, post: bool) -> str:
    """ "in", or the number of the refusal; effects of the request are undone. Who may write gets in with nonsense too
    (409, 422)."""
    mark = transaction.savepoint()
    try:
        response = client.post(url) if post else client.get(url)
    finally:
        transaction.savepoint_rollback(mark)
    return "in" if response.status_code < 400 or response.status_code in (409, 422) else str(response.status_code)


def expected(row: Row, people: dict[str, User], kind: str) -> dict[str, str]:
    ok, refused = row.ok, row.refused
    if kind == "sibling" and not row.shared:
        refused = {COUNTERPARTS[who] for who in refused if who in COUNTERPARTS}
        ok = {COUNTERPARTS[who] for who in ok if who in COUNTERPARTS}
    if kind == "unknown":
        ok, refused = set(), set()
    otherwise = "403" if row.shared else "404"
    return {who: "in" if who in ok else "403" if who in refused else otherwise for who in people}


def asked_of_all(world: World, url: str, *, post: bool) -> dict[str, str]:
    return {who: ask(client, url, post=post) for who, client in world.clients.items()}


def test_every_url_has_its_row() -> None:
    assert set(URLS) == {
        *(name.split("#")[0] for name in ROWS),
        *PUBLIC,
        *BY_CODE,
        *ON_THE_WAY_IN,
        *ONESELF,
        *OF_ONES_OWN,
    }


def differences(world: World, name: str) -> Iterator[str]:
    """Every answer that is not the expected one."""
    row, people = ROWS[name], world.cast.people()
    unknown = {**dict.fromkeys(world.own, UNKNOWN), "year": Season.YEAR}
    for kind, ids in {"own": world.own, "sibling": world.sibling, "unknown": unknown}.items():
        if row.shared and kind != "own":
            continue
        url, wanted = address(name, ids), expected(row, people, kind)
        for post in (False, True):
            if (post and row.posts == "no") or (not post and row.posts == "only"):
                # A page that offers something besides reading may take a POST, never from who may not see it.
                answers = asked_of_all(world, url, post=post)
                yield from (f"{name} {kind} {post=} {who}: in" for who, answer in answers.items() if answer == "in")
                continue
            for who, answer in asked_of_all(world, url, post=post).items():
                if answer != wanted[who]:
                    yield f"{name} {kind} {post=} {who}: {answer}, not {wanted[who]}"


@pytest.fixture
def short_refusals(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only the number, ten thousand times over; the pages themselves are drawn in the next test."""
    for number in (403, 404):
        answer = partial(refusal, status=number)
        monkeypatch.setattr(urls, f"handler{number}", answer, raising=False)


def refusal(request: HttpRequest, exception: Exception, status: int) -> HttpResponse:
    return HttpResponse(status=status)


# One world serves many rows, because building it costs more than asking; in quarters, for as many processes.
@pytest.mark.once
@pytest.mark.parametrize("quarter", range(4))
def test_matrix(world: World, short_refusals: None, quarter: int) -> None:
    rows = sorted(ROWS)[quarter::4]

    assert [line for name in rows for line in differences(world, name)] == []


def test_everybody_is_refused_on_a_page_that_says_so(world: World) -> None:
    for who, client in world.clients.items():
        missing, closed = client.get("/khong-co/"), client.get(reverse("evaluations:gallery"))
        assert (missing.status_code, "Không tìm thấy trang" in missing.content.decode()) == (404, True)
        refused = (closed.status_code, "Chưa được phân công việc này" in closed.content.decode())
        assert refused == ((200, False) if who == "administrator" else (403, True)), who


def test_strangers_are_sent_to_the_sign_in_page(world: World) -> None:
    private = [name for name in ROWS if name.split("#")[0] not in PUBLIC]
    urls = [address(name, world.own) for name in private] + [reverse(name) for name in sorted(ONESELF)]
    answers = {
        (url, response.status_code, response["Location"].split("?")[0]) for url in urls for response in both(url)
    }

    assert answers == {(url, 302, reverse("account_login")) for url in urls}


def both(url: str) -> tuple[HttpResponse, HttpResponse]:
    return Client().get(url), Client().post(url)


def test_everybody_has_pages_about_himself(world: World) -> None:
    answers = {(name, *asked_of_all(world, reverse(name), post=False).values()) for name in ONESELF}

    assert answers == {(name, *["in"] * len(world.cast.people())) for name in ONESELF}


@pytest.mark.parametrize("name", sorted(name for name in ROWS if name.endswith("_export")))
def test_every_export_asks_again_who_sits_there(world: World, name: str) -> None:
    client = world.clients[min(ROWS[name].ok)]
    session = client.session
    session["account_authentication_methods"][0]["at"] -= 10 * 60
    session.save()

    response = client.post(address(name, world.own), {"reason": "Báo cáo cấp trên"})

    assert (response.status_code, response["Location"].split("?")[0]) == (302, reverse("account_reauthenticate"))


@pytest.mark.parametrize("name", sorted(BY_CODE))
def test_without_a_code_there_is_no_letter(world: World, name: str) -> None:
    response = Client().get(reverse(name))

    assert (response.status_code, response["Location"]) == (302, reverse("evaluations:code_enter"))
