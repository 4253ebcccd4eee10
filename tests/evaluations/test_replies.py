"""The commune's reply: what is confirmed goes out, what is sent back is said, and nothing goes out twice."""

from datetime import date
from typing import Any

import pytest

from evaluations.models import AssessmentVersion, Document, EvaluationRequest, IncomingLetter, Letter
from evaluations.models.campaigns import NumberChoice
from evaluations.models.corrections import reopen
from evaluations.models.replies import enclosed_forms, issue_reply, replies_due
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


def printed(reply: Document) -> list[dict[str, Any]]:
    """The list as it stands on paper; which form goes with a line is another test's matter."""
    return [{key: line[key] for key in line if key not in ("request", "form")} for line in reply.facts["rows"]]


def counts(reply: Document) -> dict[str, int]:
    """Those that are not nought."""
    return {key: number for key, number in reply.facts["counts"].items() if number}


def row(no: int, name: str, birth: str, cell: str, result: str, listed: int | None = None) -> dict[str, Any]:
    return {
        "no": no,
        "listed_no": listed or no,
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
    assert {
        name: reply.facts[name] for name in ("reference", "partial", "to", "corrects", "is_numbered", "copies")
    } == {
        "reference": {"number": "01-CV/ĐU", "issued_on": "2026-10-05"},
        "partial": None,
        "to": "Đảng ủy Sở Thử Nghiệm",
        "corrects": [],
        "is_numbered": False,
        "copies": 2,
    }
    assert printed(reply) == [row(1, "Trần Thị Thử", "28/06/1980", CELL, ENCLOSED)]
    assert counts(reply) == {"asked": 1, "answered": 1, "enclosed": 1}
    assert enclosed_forms(reply) == list(Document.objects.filter(genre="assessment_form"))
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
    assert printed(first) == [row(1, "Lê Văn Hải", "04/03/1976", CELL, ENCLOSED, listed=2)]
    assert counts(first) == {"asked": 3, "answered": 1, "enclosed": 1, "remaining": 2}
    assert (first.facts["partial"], first.facts["is_numbered"]) == ({"round": 1, "now": 1}, True)
    assert states() == {"Lê Văn Cường": "at_cell", "Lê Văn Hải": "answered", "Trần Thị Thử": "at_cell"}

    confirm(play, three[2], three[0])
    second = issue_reply(letter, NumberChoice(), by=signer, on=ON)
    assert printed(second) == [
        row(1, "Lê Văn Cường", "02/01/1975", CELL, ENCLOSED),
        row(2, "Trần Thị Thử", "28/06/1980", CELL, ENCLOSED, listed=3),
    ]
    assert counts(second) == {"asked": 3, "answered": 3, "enclosed": 2, "before": 1}
    assert (second.facts["partial"], second.number) == ({"round": 2, "now": 2}, "2")
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
    assert printed(reply) == [
        row(1, "Lê Văn Cường", "02/01/1975", CELL, "Chuyển lại: không cư trú tại địa bàn"),
        row(2, "Lê Văn Hải", "04/03/1976", CELL, "Chuyển lại: lý do khác (Nhà đã bán)"),
        row(3, "Trần Thị Thử", "28/06/1980", CELL, ENCLOSED),
    ]
    assert counts(reply) == {"asked": 3, "answered": 1, "enclosed": 1, "declined": 2, "declined_now": 2}
    assert [row["form"] is None for row in reply.facts["rows"]] == [True, True, False]


def test_what_was_sent_back_is_said_once_and_by_itself_if_need_be(
    cast: Cast, play: Season, three: list[Member], signer: Seat
) -> None:
    officer = by(cast.ward_officer, Action.ASSIGN, cast.ward)
    decline(EvaluationRequest.objects.filter(member=three[2]), "moved", "", by=officer)
    (due,) = replies_due(cast.ward)
    assert (due.ready, due.untold, due.to_send, due.remaining) == (0, 1, 1, 2)
    first = issue_reply(play.letter(), NumberChoice(), by=signer, on=ON)
    assert printed(first) == [row(1, "Trần Thị Thử", "28/06/1980", CELL, "Chuyển lại: đã chuyển nơi cư trú", listed=3)]
    assert (first.facts["partial"], counts(first)) == (
        None,
        {"asked": 3, "declined": 1, "declined_now": 1, "remaining": 2},
    )
    confirm(play, three[0], three[1])
    second = issue_reply(play.letter(), NumberChoice(), by=signer, on=ON)
    assert [row["name"] for row in second.facts["rows"]] == ["Lê Văn Cường", "Lê Văn Hải"]
    assert counts(second) == {"asked": 3, "answered": 2, "enclosed": 2, "declined": 1}


def test_in_the_order_of_the_askers_own_list(cast: Cast, play: Season, three: list[Member], signer: Seat) -> None:
    letter = play.letter()
    numbers = {three[0].pk: 7, three[1].pk: 2, three[2].pk: 5}
    places = {matter.pk: numbers[matter.member_id] for matter in letter.requests.all()}
    letter.facts["rows"] = [line | {"no": places[line["request"]]} for line in letter.facts["rows"]]
    letter.save()
    confirm(play, *three)
    reply = issue_reply(letter, NumberChoice(), by=signer, on=ON)
    assert [(line["no"], line["listed_no"], line["name"]) for line in reply.facts["rows"]] == [
        (1, 2, "Lê Văn Hải"),
        (2, 5, "Trần Thị Thử"),
        (3, 7, "Lê Văn Cường"),
    ]
    enclosed = [form.facts["member"]["name"] for form in enclosed_forms(reply)]
    assert enclosed == ["Lê Văn Hải", "Trần Thị Thử", "Lê Văn Cường"]


def test_a_letter_on_paper_is_answered_in_its_own_order(
    cast: Cast, play: Season, three: list[Member], signer: Seat
) -> None:
    clerk = by(cast.ward_clerk, Action.REGISTER, cast.ward)
    asker = factories.organization(cast.province, "Đảng ủy Bệnh viện Xa", "external")
    paper = IncomingLetter.objects.create(
        asker=asker,
        commune=cast.ward,
        number="31-CV/ĐU",
        dated_on=date(2026, 10, 1),
        received_on=date(2026, 10, 6),
        registered_by=clerk,
    )
    for person in (three[2], three[0]):
        known = EvaluationRequest.objects.get(member=person)
        EvaluationRequest.objects.create(
            member=person,
            placement=known.placement,
            residence_commune=cast.ward,
            residence_cell=cast.cell,
            incoming=paper,
            year=2026,
            asked_by=asker,
            asker_now=asker,
            assessment=known.assessment,
            state="at_cell",
            due_on=date(2026, 11, 15),
        )
    confirm(play, *three)
    assert [(due.asking.label, due.ready) for due in replies_due(cast.ward)] == [("Số 31-CV/ĐU", 2), ("Số 01-CV/ĐU", 3)]
    reply = issue_reply(paper, NumberChoice(), by=signer, on=ON)
    assert [(line["listed_no"], line["name"]) for line in reply.facts["rows"]] == [
        (1, "Trần Thị Thử"),
        (2, "Lê Văn Cường"),
    ]
    assert (reply.facts["reference"], reply.recipient) == ({"number": "31-CV/ĐU", "issued_on": "2026-10-01"}, asker)
    assert Letter.objects.get(document=reply).channel == "print"
    assert [(due.asking.label, due.ready) for due in replies_due(cast.ward)] == [("Số 01-CV/ĐU", 3), ("Số 31-CV/ĐU", 0)]


def corrected(play: Season) -> tuple[EvaluationRequest, AssessmentVersion]:
    """An answer that was read, opened again, corrected and confirmed anew, and has not gone out yet."""
    cast, matter = play.cast, play.answered()
    matter.receive(by=by(cast.officer, Action.RECEIVE, cast.ministry))
    old = matter.answering_version()
    assert old is not None
    draft = reopen(old, "mismatch", "Xem lại mục 3", by=by(cast.ward_officer, Action.CONFIRM, cast.ward))
    assert (draft.no, draft.answers, old.state) == (2, old.answers, "confirmed")
    assert replies_due(cast.ward)[0].to_send == 0
    play.assessment().write({}, "Vắng một cuộc họp do ốm.", by=by(cast.secretary, Action.WRITE, cast.cell))
    draft.refresh_from_db()
    draft.submit(JointReview.objects.get(), by=by(cast.secretary, Action.SUBMIT, cast.cell), attendance={})
    draft.confirm(by=by(cast.ward_officer, Action.CONFIRM, cast.ward))
    return EvaluationRequest.objects.get(), draft


def test_a_corrected_answer_names_the_old_one(cast: Cast, play: Season, signer: Seat) -> None:
    matter, draft = corrected(play)
    assert (matter.state, matter.is_corrected) == ("received", False)
    assert draft.form.facts["labels"][0].startswith("Thay Phiếu nhận xét đã xác nhận ngày ")
    (due,) = replies_due(cast.ward)
    assert (due.corrected, due.to_send, due.answered, due.remaining) == (1, 1, 1, 0)

    reply = issue_reply(play.letter(), NumberChoice(), by=signer, on=ON)
    words = "Phiếu nhận xét kèm theo, thay Phiếu gửi kèm Công văn số 01-CV/ĐU"
    assert printed(reply) == [row(1, "Trần Thị Thử", "28/06/1980", CELL, words)]
    assert (reply.facts["corrects"], reply.facts["partial"]) == (
        [{"number": "01-CV/ĐU", "issued_on": "2026-11-10"}],
        None,
    )
    assert counts(reply) == {"asked": 1, "answered": 1, "before": 1, "corrected": 1}
    assert enclosed_forms(reply) == [draft.form]
    assert Letter.objects.get(document=reply).facts == {"count": 1}

    matter = EvaluationRequest.objects.get()
    assert (matter.state, matter.reply, matter.is_corrected, matter.can_receive()) == ("received", reply, True, True)
    matter.receive(by=by(cast.officer, Action.RECEIVE, cast.ministry))
    assert not EvaluationRequest.objects.get().can_receive()
    with pytest.raises(Refused, match="Chưa có nhận xét nào"):
        issue_reply(play.letter(), NumberChoice(), by=signer, on=ON)


def test_opened_again_once_with_a_reason_and_never_by_the_member(cast: Cast, play: Season) -> None:
    version = play.confirmed()
    officer = by(cast.ward_officer, Action.CONFIRM, cast.ward)
    for code, note in (("", "Sai ngày"), ("other", " ")):
        with pytest.raises(Refused, match="Chọn lý do"):
            reopen(version, code, note, by=officer)
    cast.ward_officer.member = cast.asked
    cast.member_user.delete()
    cast.ward_officer.save()
    with pytest.raises(Refused, match="không tự nhận xét, tự xác nhận về mình"):
        reopen(version, "other", "Sai ngày", by=by(cast.ward_officer, Action.CONFIRM, cast.ward))
    signer = by(cast.ward_signer, Action.CONFIRM, cast.ward)
    reopen(version, "other", "Sai ngày", by=signer)
    with pytest.raises(WrongState, match="đang được bổ sung"):
        reopen(version, "other", "Sai ngày", by=signer)


def test_what_is_being_corrected_waits(cast: Cast, play: Season, signer: Seat) -> None:
    reopen(play.confirmed(), "other", "Sai ngày", by=by(cast.ward_officer, Action.CONFIRM, cast.ward))
    with pytest.raises(Refused, match="Chưa có nhận xét nào"):
        issue_reply(play.letter(), NumberChoice(), by=signer, on=ON)


def test_the_number_of_copies_is_kept_for_the_next_letter(
    cast: Cast, play: Season, three: list[Member], signer: Seat
) -> None:
    confirm(play, three[0])
    first = issue_reply(play.letter(), NumberChoice(), by=signer, on=ON, copies=4)
    assert first.facts["recipients"] == ["Như trên", "Lưu Đảng ủy phường An Hải (03 bản)"]
    confirm(play, three[1])
    second = issue_reply(play.letter(), NumberChoice(), by=by(cast.ward_signer, Action.REPLY, cast.ward), on=ON)
    assert second.facts["copies"] == 4
    assert AuditEvent.objects.filter(verb="Organization.reply_copies").count() == 1


def test_what_the_asker_took_back_is_owed_no_longer(
    cast: Cast, play: Season, three: list[Member], signer: Seat
) -> None:
    EvaluationRequest.objects.get(member=three[0]).cancel(
        "Đã nghỉ hưu", by=by(cast.officer, Action.PREPARE, cast.ministry)
    )
    confirm(play, *three[1:])
    reply = issue_reply(play.letter(), NumberChoice(), by=signer, on=ON)
    assert counts(reply) == {"asked": 2, "answered": 2, "enclosed": 2}
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
    assert (due.asking.letter, due.asked, due.ready, due.answered, due.declined, due.remaining) == (
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
