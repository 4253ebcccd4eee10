"""The whole line in one read: the path every comment takes, from an office's Excel to the stored PDF."""

import io
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

from django.test import Client
from django.urls import reverse
from pypdf import PdfReader

from evaluations.models import Assessment, AssessmentVersion, Campaign, Document, Letter
from evaluations.models.assessments import draft_assessments, submit_complete
from evaluations.models.campaigns import NumberChoice
from evaluations.models.replies import issue_reply
from evaluations.models.requests import assign_to_cells, register
from members.models import Member, Organization, RosterImport, User
from members.models.participation import record_attendance
from members.roles import Action
from members.roster import read_roster
from tests import factories, smtp
from tests.conftest import Cast
from tests.season import GOOD, Season, by

ROSTER = Path(__file__).parent / "data" / "so-xay-dung.xlsx"
ON_PAPER = ["Hòa Cường", "Cẩm Lệ", "Hải Châu", "Liên Chiểu", "Thanh Khê", "An Khê", "Ngũ Hành Sơn"]


def test_answer_reaches_the_workplace_as_stored_pdf(
    cast: Cast, play: Season, sign_in: Callable[[User], Client], settings: Any
) -> None:
    for locality in ON_PAPER:
        factories.commune(cast.province, locality, kind="external")

    import_roster(cast)
    with smtp.sink() as post:
        smtp.use(settings, post.port)
        launch(cast, play)
        play.rendered()
        comment(cast, play)
        answer(cast)
        play.rendered()

    assert Letter.objects.filter(channel="print", state="rendered").count() == 8
    assert sorted(message["To"] for message in post.messages) == [
        "anhai@example.org",
        "so.thunghiem@example.org",
        "sontra@example.org",
    ]
    names = Member.objects.values_list("full_name", flat=True)
    assert not [name for name in names for message in post.messages if name in message.as_string()]
    somebody = read_form(cast, sign_in(cast.signer))
    assert list(somebody.requests.values_list("state", flat=True)) == ["received"]


def import_roster(cast: Cast) -> None:
    roster = read_roster(ROSTER.read_bytes(), ROSTER.name, today=date(2026, 10, 1))
    seat = by(cast.officer, Action.KEEP_ROSTER, cast.ministry)

    outcome = RosterImport.objects.stage(cast.ministry, roster, ROSTER.name, by=seat).commit(by=seat)

    assert outcome == {"new": 120, "changed": 0, "same": 0, "left": 0}


def launch(cast: Cast, play: Season) -> Campaign:
    campaign = play.campaign()
    preview = campaign.preview()
    assert (preview.asked, len(preview.communes), len(preview.left_out)) == (117, 10, 4)

    campaign.present(by=by(cast.officer, Action.PREPARE, cast.ministry))
    campaign.issue(NumberChoice(), by=by(cast.signer, Action.SIGN, cast.ministry), on=date(2026, 10, 5))

    assert campaign.requests.by_state() == {"issued": 117}
    return campaign


def comment(cast: Cast, play: Season) -> None:
    """The ward's people and one of its cells: register, assign, attendance, joint meeting, ratings."""
    letter = play.letter()
    register(letter, "17", by=by(cast.ward_clerk, Action.REGISTER, cast.ward))
    matters = letter.requests.select_related("placement")
    chosen: dict[Any, Organization] = dict.fromkeys(matters, cast.cell)
    assign_to_cells(chosen, by=by(cast.ward_officer, Action.ASSIGN, cast.ward))

    seat = by(cast.secretary, Action.SUBMIT, cast.cell)
    rows = draft_assessments(cast.cell, play.YEAR)
    record_attendance(play.meeting(), {row.placement_id: "present" for row in rows}, by=seat)
    for row in rows:
        Assessment.objects.get(placement=row.placement, year=play.YEAR).write(GOOD, "", by=seat)
    assert submit_complete(cast.cell, play.YEAR, play.review(), by=seat) == (len(rows), 0)


def answer(cast: Cast) -> None:
    confirming = by(cast.ward_officer, Action.CONFIRM, cast.ward)
    for version in AssessmentVersion.objects.awaiting_confirmation():
        version.confirm(by=confirming)
    letter = Document.objects.get(genre="request_letter", recipient=cast.ward)
    issue_reply(letter, NumberChoice(), by=by(cast.ward_signer, Action.REPLY, cast.ward), on=date(2026, 11, 10))


def read_form(cast: Cast, workplace: Client) -> Member:
    """The workplace opens one stored form: the right words, every mark of them, in our fonts only."""
    version = AssessmentVersion.objects.filter(state="confirmed").order_by("pk").last()
    assert version is not None
    member = version.assessment.placement.member

    response = workplace.get(reverse("evaluations:document_file", args=[version.form.pk]))

    assert (response.status_code, response["Content-Type"]) == (200, "application/pdf")
    pdf = PdfReader(io.BytesIO(response.content))
    text = " ".join(" ".join(page.extract_text() for page in pdf.pages).split())
    for words in (member.full_name, "Nêu gương tốt", "Gương mẫu đi đầu", "XÁC NHẬN CỦA ĐẢNG ỦY PHƯỜNG AN HẢI"):
        assert words in text
    fonts = {font.get_object()["/BaseFont"] for page in pdf.pages for font in page["/Resources"]["/Font"].values()}
    assert {name.split("+")[1].startswith("Liberation-Serif") for name in fonts} == {True}
    return member
