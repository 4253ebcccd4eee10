"""Delivery that survives a crash: the journal, the host that may retake, chunks, the hourly limit, text messages."""

import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from pytest_django import Settings

from evaluations import channels, journal, letters, tasks
from evaluations.models import Letter, MailHour
from evaluations.models.letters import notice_to_cell
from members.models import AuditEvent, Organization, User
from members.states import Refused
from tests import factories, smtp
from tests.conftest import Cast
from tests.racing import race
from tests.season import Season

State = Letter.State


@pytest.fixture
def server(settings: Settings) -> Iterator[smtp.Sink]:
    with smtp.sink() as sink:
        smtp.use(settings, sink.port)
        yield sink


@pytest.fixture(autouse=True)
def own_journal(settings: Settings, tmp_path: Path) -> None:
    settings.JOURNAL_DIR = tmp_path / "journal"


def notices(count: int, cast: Cast) -> list[Letter]:
    rows = []
    for number in range(count):
        cell = factories.residence_cell(cast.ward, f"Thôn {number}")
        Organization.objects.filter(pk=cell.pk).update(email=f"thon{number}@example.org")
        rows.append(notice_to_cell(cell, Letter.Kind.ASSIGNED, f"test:{number}", {"count": 2, "due_on": "2026-11-15"}))
    return rows


def again(letter: Letter) -> Letter:
    return Letter.objects.get(pk=letter.pk)


def states(rows: list[Letter]) -> list[str]:
    return [again(letter).state for letter in rows]


def expire(*rows: Letter, by: timedelta = timedelta(seconds=1)) -> None:
    Letter.objects.filter(pk__in=[letter.pk for letter in rows]).update(lease_until=timezone.now() - by)


# The journal


def test_what_the_server_took_is_on_the_disk_before_the_database_hears(
    cast: Cast, server: smtp.Sink, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The worker dies after the "250" and before the mark: its letters stand in the journal and go out once."""
    rows = notices(3, cast)

    def die(*_: object) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr(type(Letter.objects.all()), "mark_sent", die)
    with pytest.raises(KeyboardInterrupt):
        letters.deliver([letter.pk for letter in rows])
    monkeypatch.undo()
    assert states(rows) == ["sending"] * 3
    assert journal.noted([again(letter).journal_line for letter in rows]) == {again(x).journal_line for x in rows}

    expire(*rows)
    assert letters.deliver([letter.pk for letter in rows]) == 0
    assert states(rows) == ["sent"] * 3
    assert server.ids == {letter.message_id: 1 for letter in rows}


def test_a_letter_sent_again_by_hand_is_not_taken_for_the_first_time(cast: Cast, server: smtp.Sink) -> None:
    (letter,) = notices(1, cast)
    letters.deliver([letter.pk])
    again(letter).mark_bounced("550 no such mailbox")
    again(letter).send_again(by=cast.ward_officer.seats.get())
    assert Letter.objects.claim([letter.pk])
    expire(letter)  # and its worker dies before it is sent
    assert letters.deliver([letter.pk]) == 1
    assert server.ids == {letter.message_id: 2}


def test_a_full_disk_stops_no_letter(cast: Cast, server: smtp.Sink, settings: Settings) -> None:
    rows = notices(2, cast)
    journal.host()
    settings.JOURNAL_DIR.joinpath(f"{timezone.now():%Y-%m-%d}").mkdir()  # nothing can be written there
    assert letters.deliver([letter.pk for letter in rows]) == 2
    assert states(rows) == ["sent", "sent"]


def test_the_journal_forgets_after_a_month(settings: Settings) -> None:
    journal.host()
    settings.JOURNAL_DIR.joinpath("2020-01-01").write_text("a 1\n")
    assert journal.note("b 2")
    assert (journal.noted(["a 1", "b 2"]), settings.JOURNAL_DIR.joinpath("2020-01-01").exists()) == ({"b 2"}, False)


def test_processes_that_begin_together_agree_on_the_name_of_their_host(settings: Settings) -> None:
    with ThreadPoolExecutor(8) as pool:
        names = set(pool.map(lambda _: journal._host.__wrapped__(settings.JOURNAL_DIR), range(8)))
    assert len(names) == 1


# Who may take it again


def test_only_the_host_that_held_it_takes_it_again_or_a_person(
    cast: Cast, server: smtp.Sink, settings: Settings, tmp_path: Path
) -> None:
    (letter,) = notices(1, cast)
    assert Letter.objects.claim([letter.pk])
    expire(letter)
    home, settings.JOURNAL_DIR = settings.JOURNAL_DIR, tmp_path / "another host"
    assert (letters.deliver([letter.pk]), states([letter])) == (0, ["sending"])
    with pytest.raises(Refused):
        again(letter).send_again(by=cast.ward_officer.seats.get())

    expire(letter, by=timedelta(minutes=11))
    again(letter).send_again(by=cast.ward_officer.seats.get())
    assert letters.deliver([letter.pk]) == 1
    settings.JOURNAL_DIR = home  # the host comes back: nothing of that letter is left for it
    assert (letters.deliver([letter.pk]), server.ids) == (0, {letter.message_id: 1})


def test_the_sweep_takes_up_what_a_worker_of_this_host_left(cast: Cast, server: smtp.Sink) -> None:
    rows = notices(2, cast)
    assert len(Letter.objects.claim([letter.pk for letter in rows])) == 2
    assert journal.note(again(rows[0]).journal_line)
    expire(*rows)
    tasks.sweep()
    assert (states(rows), server.ids) == (["sent", "sent"], {rows[1].message_id: 1})


# Chunks


def test_a_chunk_costs_queries_by_the_chunk(cast: Cast, server: smtp.Sink) -> None:
    rows = notices(23, cast)
    counted = []
    for chunk in (rows[:3], rows[3:]):
        with CaptureQueriesContext(connection) as queries:
            assert letters.deliver([letter.pk for letter in chunk]) == len(chunk)
        counted.append(len(queries))
    assert counted[0] == counted[1]


def test_no_letter_is_begun_when_the_time_of_the_chunk_is_over(
    cast: Cast, server: smtp.Sink, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = notices(3, cast)
    monkeypatch.setattr(letters, "ENOUGH", -1.0)
    assert letters.deliver([letter.pk for letter in rows]) == 0
    assert [(again(letter).state, again(letter).attempts) for letter in rows] == [("rendered", 0)] * 3


def test_an_answer_byte_by_byte_ends_with_the_time_limit_of_the_task(
    cast: Cast, server: smtp.Sink, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = notices(3, cast)
    sent = letters.Mail.send

    def slow(channel: letters.Mail, message: channels.Message) -> None:
        if message.id == rows[1].message_id:
            raise TimeoutError("SoftTimeLimitExceeded") from None
        sent(channel, message)

    monkeypatch.setattr(letters.Mail, "send", slow)
    with pytest.raises(TimeoutError):
        letters.deliver([letter.pk for letter in rows])
    assert [(again(letter).state, again(letter).attempts) for letter in rows] == [
        ("sent", 0),
        ("rendered", 1),
        ("rendered", 0),
    ]


# The hourly limit


def test_no_more_than_the_provider_takes_in_an_hour(cast: Cast, server: smtp.Sink, settings: Settings) -> None:
    settings.MAILS_PER_HOUR = 3
    rows = notices(5, cast)
    assert letters.deliver([letter.pk for letter in rows]) == 3
    waiting = again(rows[4])
    assert (waiting.state, waiting.last_error) == ("queued", "Đã đủ số thư được gửi trong giờ này")
    assert waiting.next_try_at
    assert waiting.next_try_at - timezone.now() <= timedelta(hours=1)
    Letter.objects.filter(pk=rows[4].pk).update(next_try_at=None)
    assert letters.deliver([rows[4].pk]) == 0

    MailHour.objects.update(begins_at=datetime(2026, 1, 1, tzinfo=UTC))  # an hour later
    Letter.objects.update(next_try_at=None)
    assert letters.deliver([letter.pk for letter in rows]) == 2


def test_many_who_ask_at_once_stay_within_the_limit(transactional_db: None, settings: Settings) -> None:
    settings.MAILS_PER_HOUR = 50
    assert sum(race(8, lambda _: MailHour.objects.take(9))) == 50
    MailHour.objects.give_back(20)
    assert MailHour.objects.take(30) == 20


# Text messages


class Gateway(BaseHTTPRequestHandler):
    """What a gateway for text messages does: keeps what it gets, answers what it is told to."""

    taken: list[dict[str, Any]]
    answers: list[int]
    links: set[Any]
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        said = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.links.add(self.client_address)
        code = self.answers.pop(0) if self.answers else 202
        if code == 202:
            self.taken.append(said | {"token": self.headers["Authorization"]})
        words = b"so bi khoa"
        self.send_response(code)
        self.send_header("Content-Length", str(len(words)))
        self.end_headers()
        self.wfile.write(words)

    def log_message(self, *_: object) -> None:
        return


@pytest.fixture
def gateway(settings: Settings) -> Iterator[type[Gateway]]:
    kind = type("Own", (Gateway,), {"taken": [], "answers": [], "links": set()})
    site = ThreadingHTTPServer(("127.0.0.1", 0), kind)
    site.daemon_threads = True
    thread = threading.Thread(target=site.serve_forever, args=(0.05,))
    thread.start()
    settings.SMS_URL, settings.SMS_TOKEN = f"http://127.0.0.1:{site.server_address[1]}/gui?tu=lienhe", "bi-mat"
    settings.EMAIL_TIMEOUT = 5
    yield kind
    site.shutdown()
    thread.join()
    site.server_close()


def without_mailbox(count: int, cast: Cast) -> list[Letter]:
    rows = notices(count, cast)
    for number, letter in enumerate(rows):
        Organization.objects.filter(pk=letter.recipient_id).update(email="", phone=f"0905 000 00{number}")
    letters.deliver([letter.pk for letter in rows])
    assert {(again(letter).channel, again(letter).state) for letter in rows} == {("sms", "rendered")}
    return rows


def test_who_has_no_mailbox_gets_a_text_message(cast: Cast, gateway: type[Gateway]) -> None:
    rows = without_mailbox(3, cast)
    assert letters.deliver([letter.pk for letter in rows]) == 3
    assert gateway.taken[0] == {
        "id": rows[0].message_id,
        "to": "+84905000000",
        "text": "Chi bộ có 2 nhận xét chờ lấy ý kiến. http://127.0.0.1:8000/",
        "token": "Bearer bi-mat",
    }
    assert (states(rows), len(gateway.taken), len(gateway.links)) == (["sent"] * 3, 3, 1)


def test_the_gateway_refuses_for_now_or_for_good(cast: Cast, gateway: type[Gateway]) -> None:
    rows = without_mailbox(4, cast)
    gateway.answers[:] = [429, 503, 422]
    assert letters.deliver([letter.pk for letter in rows]) == 1
    assert [(again(letter).state, again(letter).last_error) for letter in rows] == [
        ("rendered", "429 so bi khoa"),
        ("rendered", "503 so bi khoa"),
        ("failed", "422 so bi khoa"),
        ("sent", ""),
    ]


def test_a_gateway_that_does_not_answer_puts_off(cast: Cast, gateway: type[Gateway], settings: Settings) -> None:
    rows = without_mailbox(2, cast)
    settings.SMS_URL = f"http://127.0.0.1:{smtp.free_port()}/"
    assert letters.deliver([letter.pk for letter in rows]) == 0
    assert {(again(letter).state, again(letter).attempts) for letter in rows} == {("rendered", 0)}
    assert list(Letter.objects.due()) == []


@pytest.mark.parametrize(
    ("written", "number"),
    [
        ("0905 123 456", "+84905123456"),
        ("+84 (905) 123-456", "+84905123456"),
        ("84905123456", "+84905123456"),
        ("0236 3 123 456", ""),  # a telephone on a desk
        ("0905123456 hoặc 0905123457", ""),
        ("", ""),
    ],
)
def test_only_mobile_telephones_show_messages(written: str, number: str) -> None:
    assert channels.mobile_number(written) == number


# Sending again


def test_what_could_not_be_rendered_is_tried_once_more(cast: Cast, play: Season, server: smtp.Sink) -> None:
    play.issued()
    letter = Letter.objects.get()
    document = letter.document
    assert document
    due_on = document.facts.pop("due_on")
    document.save(update_fields=["facts"])
    tasks.render(document.pk)
    assert (again(letter).state, again(letter).last_error) == ("failed", "Thiếu dữ liệu để lập văn bản: due_on")

    document.facts["due_on"] = due_on
    document.save(update_fields=["facts"])
    seat = cast.officer.seats.get()
    again(letter).send_again(by=seat)
    tasks.render(document.pk)
    assert letters.deliver([letter.pk]) == 1
    assert AuditEvent.objects.get(verb="Letter.queued").seat == seat


def test_people_are_written_to_under_their_own_number(cast: Cast) -> None:
    asked = cast.asked
    asked.phone = "0905.111.222"
    asked.save()
    letter = Letter(user=User.objects.get(pk=cast.member_user.pk), recipient=cast.ward)
    assert letters.numbers(letter) == ["+84905111222"]
