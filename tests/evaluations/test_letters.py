"""Notices by a real SMTP server: what they say, to whom, what becomes of a refusal, and that two workers send one."""

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import connection, transaction
from django.utils import timezone
from pytest_django import Settings

from evaluations import letters, tasks
from evaluations.models import Document, Letter
from evaluations.models.letters import letter_for, notice_to_cell
from members.models import Member, Organization, Seat, User
from members.roles import Role
from tests import factories, smtp
from tests.conftest import Cast
from tests.season import Season

State = Letter.State


@pytest.fixture
def server(settings: Settings) -> Iterator[smtp.Sink]:
    with smtp.sink() as sink:
        smtp.use(settings, sink.port)
        yield sink


@pytest.fixture
def request_letter(play: Season) -> Letter:
    """The notice of the ministry's request to the ward, its document stored."""
    play.issued()
    letter = Letter.objects.get()
    assert letter.document_id
    tasks.render(letter.document_id)
    letter.refresh_from_db()
    assert letter.state == State.RENDERED
    return letter


def again(letter: Letter) -> Letter:
    return Letter.objects.get(pk=letter.pk)


def due() -> list[int]:
    return list(Letter.objects.due().values_list("pk", flat=True))


def make_due(*rows: Letter) -> None:
    Letter.objects.filter(pk__in=[letter.pk for letter in rows]).update(next_try_at=timezone.now())


def notices(cells: int, cast: Cast) -> list[Letter]:
    """Notices without a document, each to a cell of its own with a mailbox of its own."""
    rows = []
    for number in range(cells):
        cell = factories.residence_cell(cast.ward, f"Thôn {number}")
        Organization.objects.filter(pk=cell.pk).update(email=f"thon{number}@example.org")
        rows.append(notice_to_cell(cell, Letter.Kind.ASSIGNED, f"test:{number}", {"count": 2, "due_on": "2026-11-15"}))
    return rows


# What arrives


def test_the_notice_arrives_once_at_the_mailbox_of_the_office(request_letter: Letter, server: smtp.Sink) -> None:
    assert letters.deliver([request_letter.pk]) == 1
    assert letters.deliver([request_letter.pk]) == 0

    (message,) = server.messages
    assert {name: str(message[name]).strip() for name in ("Subject", "To", "From", "Message-ID")} == {
        "Subject": "Có công văn đề nghị nhận xét mới chờ vào sổ",
        "To": "anhai@example.org",
        "From": "khong-tra-loi@example.org",
        "Message-ID": request_letter.message_id,
    }
    assert message.get_content().splitlines() == [
        "Kính gửi Đảng ủy phường An Hải,",
        "",
        "Có một công văn đề nghị nhận xét đảng viên giữ mối liên hệ nơi cư trú, gồm 1 đề nghị, hạn trả lời 15/11/2026.",
        "",
        "Xin mở hệ thống để vào sổ và phân về chi bộ: "
        f"http://127.0.0.1:8000/cong-van-den/{request_letter.document_id}/",
        "",
        "Thư này chỉ báo có việc, không chứa tên và nội dung. Xin không trả lời thư này.",
    ]
    sent = again(request_letter)
    assert (sent.state, sent.sent_to, sent.attempts, sent.lease_until) == (State.SENT, 1, 0, None)


def test_no_message_of_a_whole_season_names_anybody(cast: Cast, play: Season, server: smtp.Sink) -> None:
    play.answered()
    play.rendered()

    everything = "\n".join(f"{message.as_string()}\n{message.get_content()}" for message in server.messages)
    names = [person.full_name for person in [*User.objects.all(), *Member.objects.all()]]
    assert len(server.messages) == 2
    assert [name for name in names if name in everything] == []
    assert "Nêu gương" not in everything


def test_message_id_is_the_same_for_every_try_and_differs_between_letters(cast: Cast, server: smtp.Sink) -> None:
    first, second = notices(2, cast)
    server.replies = ["451 4.3.0 later"]
    letters.deliver([first.pk, second.pk])
    tried = again(first).message_id
    make_due(first)
    letters.deliver([first.pk])

    assert server.ids == {first.message_id: 1, second.message_id: 1}
    assert tried == first.message_id != second.message_id


def test_the_name_of_an_office_is_printed_as_it_is(cast: Cast, server: smtp.Sink) -> None:
    Organization.objects.filter(pk=cast.cell.pk).update(name='Chi bộ "Mẫu" & Thử', email="mau@example.org")
    notice = notice_to_cell(cast.cell, Letter.Kind.ASSIGNED, "test", {"count": 1, "due_on": "2026-11-15"})
    letters.deliver([notice.pk])

    assert server.messages[0].get_content().splitlines()[0] == 'Kính gửi Chi bộ "Mẫu" & Thử,'


# To whom


def test_without_a_mailbox_those_who_can_act_are_told(cast: Cast, request_letter: Letter, server: smtp.Sink) -> None:
    Organization.objects.filter(pk=cast.ward.pk).update(email="")
    for name in ("ward_clerk", "ward_officer", "ward_signer"):
        User.objects.filter(username=name).update(email=f"{name}@example.org")
    left = factories.official("left", "Người Đã Thôi", cast.ward, Role.CLERK, email="left@example.org")
    Seat.objects.filter(user=left).update(until_on=timezone.localdate() - timedelta(days=1))
    factories.official("closed", "Người Bị Khóa", cast.ward, Role.CLERK, email="x@example.org", is_active=False)

    letters.deliver([request_letter.pk])

    assert [str(message["To"]) for message in server.messages] == ["ward_clerk@example.org, ward_officer@example.org"]
    assert again(request_letter).sent_to == 2


def test_a_letter_for_nobody_is_sent_to_no_address(cast: Cast, request_letter: Letter, server: smtp.Sink) -> None:
    Organization.objects.filter(pk=cast.ward.pk).update(email="")

    assert letters.deliver([request_letter.pk]) == 1
    sent = again(request_letter)
    assert (sent.state, sent.sent_to, server.messages) == (State.SENT, 0, [])


def test_paper_is_never_mailed(cast: Cast, play: Season, server: smtp.Sink) -> None:
    Organization.objects.filter(pk=cast.far_ward.pk).update(email="hoavang@example.org")
    factories.member("Lê Văn Xa", workplace=cast.office_cell, commune=cast.far_ward)
    play.issued()
    play.rendered()

    paper = Letter.objects.get(recipient=cast.far_ward)
    assert letters.deliver([paper.pk]) == 0
    assert (paper.channel, again(paper).state) == (Letter.Channel.PRINT, State.RENDERED)
    assert [str(message["To"]) for message in server.messages] == ["anhai@example.org"]


def test_nothing_goes_out_before_its_document_is_stored(play: Season, server: smtp.Sink) -> None:
    play.issued()
    letter = Letter.objects.get()

    assert (due(), letters.deliver([letter.pk]), server.sessions) == ([], 0, 0)
    assert again(letter).state == State.QUEUED


# The server


def test_one_session_serves_a_chunk(cast: Cast, server: smtp.Sink) -> None:
    chunk = [letter.pk for letter in notices(tasks.CHUNK, cast)]

    assert letters.deliver(chunk) == 20
    assert (len(server.ids), server.sessions) == (20, 1)


def test_a_refused_message_does_not_cost_the_others_their_session(cast: Cast, server: smtp.Sink) -> None:
    rows = notices(4, cast)
    server.replies = ["550 5.7.1 no"]

    assert letters.deliver([letter.pk for letter in rows]) == 3
    assert ([again(letter).state for letter in rows], server.sessions) == (["failed", "sent", "sent", "sent"], 2)


def test_a_temporary_refusal_is_tried_later(cast: Cast, server: smtp.Sink, settings: Settings) -> None:
    (letter,) = notices(1, cast)
    server.replies = ["451 4.7.1 Greylisted, come back"]
    before = timezone.now()

    assert letters.deliver([letter.pk]) == 0
    waiting = again(letter)
    assert (waiting.state, waiting.attempts, waiting.last_error, waiting.lease_until) == (
        State.RENDERED,
        1,
        "451 4.7.1 Greylisted, come back",
        None,
    )
    assert waiting.next_try_at is not None
    assert abs(waiting.next_try_at - before - timedelta(seconds=settings.BACK_OFF[0])) < timedelta(seconds=10)
    assert (due(), letters.deliver([letter.pk])) == ([], 0)

    make_due(letter)
    assert letters.deliver([letter.pk]) == 1
    assert (again(letter).state, again(letter).last_error) == (State.SENT, "")


def test_temporary_refusals_end_in_failure(cast: Cast, server: smtp.Sink, settings: Settings) -> None:
    (letter,) = notices(1, cast)
    server.replies = ["451 4.7.1 never"] * 10
    states = []
    for _ in range(len(settings.BACK_OFF) + 1):
        make_due(letter)
        letters.deliver([letter.pk])
        states.append(again(letter).state)

    assert states == [State.RENDERED] * 5 + [State.FAILED]
    assert again(letter).last_error == "451 4.7.1 never"


def test_a_final_refusal_keeps_the_words_of_the_server(cast: Cast, server: smtp.Sink) -> None:
    (letter,) = notices(1, cast)
    server.replies = ["550 5.1.1 Hộp thư không tồn tại"]

    assert letters.deliver([letter.pk]) == 0
    failed = again(letter)
    assert (failed.state, failed.last_error) == (State.FAILED, "550 5.1.1 Hộp thư không tồn tại")
    assert due() == []


@pytest.mark.parametrize("trouble", ["drop", "hang"])
def test_a_server_lost_in_the_middle_leaves_the_rest_due(cast: Cast, server: smtp.Sink, trouble: str) -> None:
    rows = notices(4, cast)
    server.replies = ["250 taken", trouble]

    assert letters.deliver([letter.pk for letter in rows]) == 1
    assert [(again(letter).state, again(letter).attempts) for letter in rows] == [
        (State.SENT, 0),
        (State.RENDERED, 1),
        (State.RENDERED, 0),
        (State.RENDERED, 0),
    ]
    assert due() == [rows[2].pk, rows[3].pk]
    assert again(rows[1]).last_error == "Mất kết nối với máy chủ thư (SMTPServerDisconnected)"

    make_due(rows[1])
    assert letters.deliver(due()) == 3
    assert {letter.message_id for letter in rows[1:]} == set(server.ids)


def test_no_server_puts_letters_off_without_counting_a_try(cast: Cast, settings: Settings) -> None:
    smtp.use(settings, smtp.free_port())
    rows = notices(3, cast)

    assert letters.deliver([letter.pk for letter in rows]) == 0
    found = [again(letter) for letter in rows]
    assert {(letter.state, letter.attempts, letter.last_error) for letter in found} == {
        (State.QUEUED, 0, "Chưa nối được máy chủ thư (ConnectionRefusedError)")
    }
    assert due() == []
    with smtp.sink() as server:
        smtp.use(settings, server.port)
        make_due(*rows)
        assert letters.deliver([letter.pk for letter in rows]) == 3


# Claims


@pytest.mark.parametrize("with_document", [False, True])
def test_twenty_claim_and_one_gets_it(transactional_db: None, cast: Cast, play: Season, with_document: bool) -> None:
    if with_document:
        play.issued()
        document = Document.objects.get()
        tasks.render(document.pk)
        letter = document.letters.get()
    else:
        (letter,) = notices(1, cast)
    start = threading.Barrier(20)

    def claim(_: int) -> bool:
        try:
            connection.ensure_connection()
            start.wait()
            return bool(Letter.objects.claim([letter.pk]))
        finally:
            connection.close()

    with ThreadPoolExecutor(20) as pool:
        assert sorted(pool.map(claim, range(20))) == [False] * 19 + [True]
    assert again(letter).state == State.SENDING


def test_a_claim_that_had_to_wait_for_the_row_looks_again(transactional_db: None, cast: Cast, play: Season) -> None:
    play.issued()
    document = Document.objects.get()
    tasks.render(document.pk)
    letter = document.letters.get()

    def claim() -> bool:
        try:
            return bool(Letter.objects.claim([letter.pk]))
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as pool:
        with transaction.atomic():
            assert Letter.objects.claim([letter.pk])
            second = pool.submit(claim)
            time.sleep(0.5)  # by now the other one stands before the row
        assert second.result() is False


def test_a_letter_left_by_a_dead_worker_is_taken_again(cast: Cast, server: smtp.Sink, settings: Settings) -> None:
    (letter,) = notices(1, cast)
    assert Letter.objects.claim([letter.pk])
    assert (due(), letters.deliver([letter.pk])) == ([], 0)

    Letter.objects.filter(pk=letter.pk).update(lease_until=timezone.now() - timedelta(seconds=1))
    assert due() == [letter.pk]
    assert letters.deliver([letter.pk]) == 1
    assert server.ids == {letter.message_id: 1}


def test_the_code_of_a_paper_letter_opens_it_however_it_is_typed(cast: Cast, play: Season) -> None:
    factories.member("Lê Văn Xa", workplace=cast.office_cell, commune=cast.far_ward)
    play.issued()
    paper = Letter.objects.get(recipient=cast.far_ward)
    document = paper.document
    assert document

    assert Letter.objects.by_code(paper.code.lower().replace("-", " ")) == paper
    assert Letter.objects.by_code(paper.code[:-1]) is None
    assert Letter.objects.by_code("") is None
    assert paper.code not in "".join(str(value) for value in Letter.objects.filter(pk=paper.pk).values().get().values())
    assert letter_for(document, Letter.Kind.REQUEST, {}).code == paper.code
