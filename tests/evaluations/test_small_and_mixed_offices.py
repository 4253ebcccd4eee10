"""A grassroots cell without a committee asks for itself; a ward is workplace and residence at once."""

from datetime import date
from typing import Any

import pytest

from evaluations.models import Campaign, Document, EvaluationRequest
from evaluations.models.assessments import submit_complete
from evaluations.models.campaigns import NumberChoice
from evaluations.models.replies import issue_reply
from evaluations.models.requests import assign_to_cells, register
from members.models import Member, Membership, Organization, RosterImport, User
from members.roles import Action, Role
from members.roster import parse_roster
from tests import factories
from tests.conftest import Cast
from tests.season import GOOD, Season, by

pytestmark = pytest.mark.django_db
HEADINGS = "STT,Họ và tên,Ngày sinh,Ngày vào Đảng,Phường/xã\n"


def asks(asker: Organization, officer: User, signer: User) -> Campaign:
    """The asker's year as far as the letters: its list, its round, its signature."""
    campaign = Campaign.objects.create(
        committee=asker,
        year=Season.YEAR,
        self_criticism_on=date(2026, 12, 1),
        due_on=date(2026, 11, 15),
        prepared_by=by(officer, Action.PREPARE, asker),
    )
    campaign.present(by=by(officer, Action.PREPARE, asker))
    campaign.issue(NumberChoice(), by=by(signer, Action.SIGN, asker), on=date(2026, 10, 5))
    return campaign


def lists(asker: Organization, officer: User, ward: Organization) -> Member:
    roster = parse_roster(
        (HEADINGS + f"1,Vũ Thử Nhỏ,18/07/1976,04/04/2004,{ward.area}\n").encode(), "a.csv", today=date(2026, 9, 1)
    )
    seat = by(officer, Action.KEEP_ROSTER, asker)
    RosterImport.objects.stage(asker, roster, "a.csv", by=seat).commit(by=seat)
    return Member.objects.get(full_name="Vũ Thử Nhỏ")


def answers(cast: Cast, play: Season, matter: EvaluationRequest) -> Document:
    """The ward's part, from its book to the reply."""
    letter = matter.letter
    assert letter
    register(letter, "21", by=by(cast.ward_clerk, Action.REGISTER, cast.ward))
    assign_to_cells({matter: cast.cell}, by=by(cast.ward_officer, Action.ASSIGN, cast.ward))
    seat = by(cast.secretary, Action.SUBMIT, cast.cell)
    play.assessment(matter.member).write(GOOD, "", by=seat)
    submit_complete(cast.cell, Season.YEAR, play.review(), by=seat)
    version = play.assessment(matter.member).latest()
    assert version
    version.confirm(by=by(cast.ward_officer, Action.CONFIRM, cast.ward))
    return issue_reply(letter, NumberChoice(), by=by(cast.ward_signer, Action.REPLY, cast.ward))


@pytest.fixture
def small(cast: Cast) -> dict[str, Any]:
    """Chi bộ cơ sở: no committee above it but the province, no cells below it."""
    cell = factories.organization(
        cast.province, "Chi bộ cơ sở Trung tâm Mẫu", "grassroots", place_name="Đà Nẵng", signer_name="Tô Văn Nhỏ"
    )
    return {
        "asker": cell,
        "officer": factories.official("nho_can_bo", "Hà Thị Soạn", cell, Role.OFFICER),
        "signer": factories.official("nho_bi_thu", "Tô Văn Nhỏ", cell, Role.SIGNER),
    }


def test_a_grassroots_cell_asks_for_itself(cast: Cast, play: Season, small: dict[str, Any]) -> None:
    asker = small["asker"]
    member = lists(asker, small["officer"], cast.ward)
    # Without a cell in the list its members belong to one that is called like itself.
    membership = Membership.objects.select_related("cell__parent").get(member=member)
    assert (membership.cell.name, membership.cell.parent) == (asker.name, asker)
    asks(**small)
    matter = EvaluationRequest.objects.get()
    letter = matter.letter
    assert letter
    assert (letter.numbered, letter.facts["head"]["issuer"], letter.facts["signature"]) == (
        "01-CV/CB",
        "CHI BỘ CƠ SỞ TRUNG TÂM MẪU",
        {"authority": "T/M CHI BỘ", "position": "BÍ THƯ", "name": "Tô Văn Nhỏ"},
    )
    reply = answers(cast, play, matter)
    assert reply.recipient == asker
    matter.refresh_from_db()
    matter.receive(by=by(small["officer"], Action.RECEIVE, asker))
    assert matter.state == "received"


def test_workplace_and_residence_under_one_ward(cast: Cast, play: Season) -> None:
    """Who works in the ward's own office may live in it: the ward asks and answers, by two different hands."""
    office = factories.workplace_cell(cast.ward, "Cơ quan Đảng ủy")
    member = factories.member("Mai Thử Phường", workplace=office, commune=cast.ward)
    campaign = asks(cast.ward, cast.ward_officer, cast.ward_signer)
    assert campaign.preview().already == 1
    matter = EvaluationRequest.objects.get(member=member)
    assert (matter.asker_now, matter.residence_commune) == (cast.ward, cast.ward)
    reply = answers(cast, play, matter)
    assert (reply.issuer, reply.recipient) == (cast.ward, cast.ward)
    # Two letters of one book, two numbers.
    assert [paper.number for paper in Document.objects.filter(genre__endswith="letter").order_by("pk")] == ["1", "2"]
    matter.refresh_from_db()
    matter.receive(by=by(cast.ward_officer, Action.RECEIVE, cast.ward))
    assert matter.state == "received"
    # People of other workplaces are not the ward's to ask about.
    assert not EvaluationRequest.objects.filter(member=cast.asked).exists()
