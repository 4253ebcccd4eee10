"""The commune's reply: what is confirmed goes out, what is sent back is said, and nothing goes out twice."""

from datetime import date
from typing import Any

import pytest

from evaluations.models import AssessmentVersion, Document, EvaluationRequest, Letter
from evaluations.models.campaigns import NumberChoice
from evaluations.models.replies import issue_reply, replies_due
from evaluations.models.requests import decline, register
from members.models import AuditEvent, JointReview, Member, Seat
from members.roles import Action
from members.states import Refused, WrongState
from tests import factories
from tests.conftest import Cast
from tests.racing import race
from tests.season import GOOD, Season, by

ON = date(2026, 11, 10)


@pytest.fixture
def signer(cast: Cast) -> Seat:
    return by(cast.ward_signer, Action.REPLY, cast.ward)


@pytest.fixture
def three(cast: Cast, play: Season) -> list[Member]:
    """Three members at the cell, nothing confirmed: Cường, Hải, Thử (in the order of names)."""
    people = [
        factories.member(name, workplace=cast.office_cell, commune=cast.ward, birth_date=born)
        for name, born in (("Lê Văn Cường", date(1975, 1, 2)), ("Lê Văn Hải", date(1976, 3, 4)))
    ]
    play.assigned()
    return [*people, cast.asked]


def confirm(play: Season, *people: Member) -> None:
    cast = play.cast
    review = JointReview.objects.first() or play.review()
    for person in people:
        assessment = play.assessment(person)
        version = assessment.write(GOOD, "", by=by(cast.secretary, Action.WRITE, cast.cell))
        version.submit(review, by=by(cast.secretary, Action.SUBMIT, cast.cell), attendance={})
        version.confirm(by=by(cast.ward_officer, Action.CONFIRM, cast.ward))


def states() -> dict[str, str]:
    return dict(EvaluationRequest.objects.values_list("member__full_name", "state"))


def row(no: int, name: str, birth: str, cell: str, result: str) -> dict[str, Any]:
    return {
        "no": no,
        "name": name,
        "birth": birth,
        "workplace_cell": "Chi bộ Văn phòng",
        "cell": cell,
        "result": result,
    }


ENCLOSED, CELL = "Phiếu nhận xét kèm theo", "Chi bộ Tổ dân phố 7"


def test_all_that_was_asked(cast: Cast, play: Season, signer: Seat) -> None:
    play.confirmed()
    reply = issue_reply(play.letter(), NumberChoice(), by=signer, on=ON)
    reply = Document.objects.get(pk=reply.pk)
    assert (reply.genre, reply.issuer, reply.recipient, reply.label, reply.state, reply.issued_on, reply.issued_by) == (
        "reply_letter",
        cast.ward,
        cast.ministry,
        "Số 01-CV/ĐU",
        "issued",
        ON,
        signer,
    )
    assert {name: reply.facts[name] for name in ("reference", "rows", "counts", "partial", "to")} == {
        "reference": {"number": "01-CV/ĐU", "issued_on": "2026-10-05"},
        "rows": [row(1, "Trần Thị Thử", "28/06/1980", CELL, ENCLOSED)],
        "counts": {"asked": 1, "answered": 1, "declined": 0, "remaining": 0},
        "partial": None,
        "to": "Đảng ủy Sở Thử Nghiệm",
    }
    matter = EvaluationRequest.objects.get()
    assert (matter.state, matter.reply, matter.answered_by) == ("answered", reply, signer)
    notice = Letter.objects.get(kind="reply")
    assert (notice.document, notice.recipient, notice.channel, notice.facts) == (
        reply,
        cast.ministry,
        "email",
        {"count": 1},
    )


def test_in_parts(cast: Cast, play: Season, three: list[Member], signer: Seat) -> None:
    letter = play.letter()
    confirm(play, three[1])
    first = issue_reply(letter, NumberChoice(), by=signer, on=ON)
    assert first.facts["rows"] == [row(1, "Lê Văn Hải", "04/03/1976", CELL, ENCLOSED)]
    assert first.facts["counts"] == {"asked": 3, "answered": 1, "declined": 0, "remaining": 2}
    assert first.facts["partial"] == {"round": 1}
    assert states() == {"Lê Văn Cường": "at_cell", "Lê Văn Hải": "answered", "Trần Thị Thử": "at_cell"}

    confirm(play, three[2], three[0])
    second = issue_reply(letter, NumberChoice(), by=signer, on=ON)
    assert second.facts["rows"] == [
        row(1, "Lê Văn Cường", "02/01/1975", CELL, ENCLOSED),
        row(2, "Trần Thị Thử", "28/06/1980", CELL, ENCLOSED),
    ]
    assert second.facts["counts"] == {"asked": 3, "answered": 3, "declined": 0, "remaining": 0}
    assert (second.facts["partial"], second.number) == ({"round": 2}, "2")
    assert dict(EvaluationRequest.objects.values_list("member__full_name", "reply__number")) == {
        "Lê Văn Cường": "2",
        "Lê Văn Hải": "1",
        "Trần Thị Thử": "2",
    }


def test_what_was_sent_back_is_listed_with_its_reason(
    cast: Cast, play: Season, three: list[Member], signer: Seat
) -> None:
    officer = by(cast.ward_officer, Action.ASSIGN, cast.ward)
    gone = EvaluationRequest.objects.filter(member=three[0])
    decline(gone, "not_resident", "", by=officer)
    decline(EvaluationRequest.objects.filter(member=three[1]), "other", "Nhà đã bán", by=officer)
    confirm(play, three[2])
    reply = issue_reply(play.letter(), NumberChoice(), by=signer, on=ON)
    assert reply.facts["rows"] == [
        row(1, "Lê Văn Cường", "02/01/1975", CELL, "Chuyển lại: không cư trú tại địa bàn"),
        row(2, "Lê Văn Hải", "04/03/1976", CELL, "Chuyển lại: lý do khác (Nhà đã bán)"),
        row(3, "Trần Thị Thử", "28/06/1980", CELL, ENCLOSED),
    ]
    assert reply.facts["counts"] == {"asked": 3, "answered": 1, "declined": 2, "remaining": 0}


def test_what_the_asker_took_back_is_owed_no_longer(
    cast: Cast, play: Season, three: list[Member], signer: Seat
) -> None:
    EvaluationRequest.objects.get(member=three[0]).cancel(
        "Đã nghỉ hưu", by=by(cast.officer, Action.PREPARE, cast.ministry)
    )
    confirm(play, *three[1:])
    reply = issue_reply(play.letter(), NumberChoice(), by=signer, on=ON)
    assert reply.facts["counts"] == {"asked": 2, "answered": 2, "declined": 0, "remaining": 0}
    assert reply.facts["partial"] is None
    assert [due.remaining for due in replies_due(cast.ward)] == [0]


@pytest.mark.parametrize("step", ["registered", "assigned", "written", "submitted"])
def test_not_before_something_is_confirmed(play: Season, signer: Seat, step: str) -> None:
    getattr(play, step)()
    with pytest.raises(Refused, match="Chưa có nhận xét nào đã xác nhận"):
        issue_reply(play.letter(), NumberChoice(), by=signer, on=ON)
    assert not Document.objects.filter(genre="reply_letter").exists()


def test_pressed_again_without_news(play: Season, signer: Seat) -> None:
    play.answered()
    events = AuditEvent.objects.count()
    with pytest.raises(Refused, match="Chưa có nhận xét nào đã xác nhận"):
        issue_reply(play.letter(), NumberChoice(), by=signer, on=ON)
    assert (Document.objects.filter(genre="reply_letter").count(), AuditEvent.objects.count()) == (1, events)


def test_by_the_commune_it_was_sent_to(cast: Cast, play: Season) -> None:
    play.confirmed()
    other = by(cast.other_ward_officer, Action.REPLY, cast.other_ward)
    with pytest.raises(Refused, match="gửi cho đơn vị khác"):
        issue_reply(play.letter(), NumberChoice(), by=other, on=ON)


def test_opened_by_the_asker(cast: Cast, play: Season) -> None:
    matter = play.answered()
    seat = by(cast.officer, Action.RECEIVE, cast.ministry)
    assert matter.can_receive()
    matter.receive(by=seat)
    matter.refresh_from_db()
    assert (matter.state, matter.received_by, matter.can_receive()) == ("received", seat, False)
    with pytest.raises(WrongState):
        matter.receive(by=seat)


def test_due(cast: Cast, play: Season, three: list[Member], signer: Seat) -> None:
    confirm(play, three[0])
    issue_reply(play.letter(), NumberChoice(), by=signer, on=ON)
    officer = by(cast.ward_officer, Action.ASSIGN, cast.ward)
    confirm(play, three[1])
    decline(EvaluationRequest.objects.filter(member=three[2]), "moved", "", by=officer)
    (due,) = replies_due(cast.ward)
    assert (due.letter, due.asked, due.ready, due.answered, due.declined, due.remaining) == (
        play.letter(),
        3,
        1,
        1,
        1,
        0,
    )
    assert replies_due(cast.other_ward) == []


def test_registered_once_and_by_its_recipient(cast: Cast, play: Season) -> None:
    letter = play.registered()
    clerk = by(cast.ward_clerk, Action.REGISTER, cast.ward)
    with pytest.raises(Refused, match="đã được vào sổ"):
        register(letter, "18", by=clerk)
    with pytest.raises(Refused, match="gửi cho đơn vị khác"):
        register(letter, "18", by=by(cast.other_ward_officer, Action.REGISTER, cast.other_ward))
    letter.refresh_from_db()
    assert (letter.registered_no, letter.registered_by) == ("17", clerk)


def test_eight_press_reply(transactional_db: None, play: Season, signer: Seat) -> None:
    play.confirmed()
    letter = play.letter()
    results = race(8, lambda _: issue_reply(Document.objects.get(pk=letter.pk), NumberChoice(), by=signer, on=ON))
    assert [type(result) for result in results].count(Document) == 1
    assert Document.objects.filter(genre="reply_letter").count() == 1
    assert Letter.objects.filter(kind="reply").count() == 1


def test_confirmed_while_the_reply_goes_out(
    transactional_db: None, cast: Cast, play: Season, three: list[Member], signer: Seat
) -> None:
    """Whoever is answered stands in the list of the letter that answers him."""
    confirm(play, three[0])
    review, letter = JointReview.objects.get(), play.letter()
    versions = []
    for person in three[1:]:
        version = play.assessment(person).write(GOOD, "", by=by(cast.secretary, Action.WRITE, cast.cell))
        version.submit(review, by=by(cast.secretary, Action.SUBMIT, cast.cell), attendance={})
        versions.append(version.pk)
    officer = by(cast.ward_officer, Action.CONFIRM, cast.ward)

    def act(number: int) -> object:
        if number < 2:
            return AssessmentVersion.objects.get(pk=versions[number]).confirm(by=officer)
        return issue_reply(letter, NumberChoice(), by=signer, on=ON)

    race(4, act)
    for reply in Document.objects.filter(genre="reply_letter"):
        answered = EvaluationRequest.objects.filter(reply=reply).values_list("member__full_name", flat=True)
        assert sorted(answered) == sorted(person["name"] for person in reply.facts["rows"])
