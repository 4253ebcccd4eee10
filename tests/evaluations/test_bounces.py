"""Letters that came back: which reports count, that their address is stopped, and until when."""

import mailbox
from collections.abc import Iterator
from datetime import timedelta
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone
from pytest_django import Settings

from evaluations import bounces, letters, reminders, tasks
from evaluations.models import Letter, StoppedAddress
from evaluations.models.letters import notice_to_cell
from members.models import Organization, User
from members.states import Refused
from tests import factories, smtp
from tests.conftest import Cast
from tests.season import Season

REPORT = """Return-Path: <>
From: MAILER-DAEMON@mail.example.org
To: {to}
Subject: Undelivered Mail Returned to Sender
Auto-Submitted: auto-replied
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="B"

--B
Content-Type: text/plain; charset=us-ascii

I could not deliver your message.
--B
Content-Type: message/delivery-status

Reporting-MTA: dns; mail.example.org

Final-Recipient: rfc822; {address}
Action: {action}
Status: {status}
Diagnostic-Code: smtp; 550 5.1.1 <{address}>: Recipient address
    rejected: User unknown
--B--
"""


@pytest.fixture
def server(settings: Settings) -> Iterator[smtp.Sink]:
    with smtp.sink() as sink:
        smtp.use(settings, sink.port)
        settings.BOUNCE_ADDRESS = "tra-lai@lienhe.example.org"
        yield sink


@pytest.fixture(params=["maildir", "mbox"])
def place(request: pytest.FixtureRequest, tmp_path: Path, settings: Settings) -> str:
    path = tmp_path / "returns"
    kind = mailbox.Maildir if request.param == "maildir" else mailbox.mbox
    kind(path, create=True).close()
    settings.BOUNCES = f"{request.param}://{path}"
    return str(settings.BOUNCES)


def put(place: str, text: str) -> None:
    kind, _, path = place.partition("://")
    box = mailbox.Maildir(path) if kind == "maildir" else mailbox.mbox(path)
    box.add(text)
    box.close()


def report(to: str, address: str, action: str = "failed", status: str = "5.1.1") -> str:
    return REPORT.format(to=to, address=address, action=action, status=status)


def sent(cast: Cast, server: smtp.Sink, address: str = "thon@example.org") -> tuple[Letter, str]:
    """A notice that went out, and the return path it bore."""
    cell = factories.residence_cell(cast.ward, f"Thôn {address}")
    Organization.objects.filter(pk=cell.pk).update(email=address)
    letter = notice_to_cell(cell, Letter.Kind.ASSIGNED, address, {"count": 1, "due_on": "2026-11-15"})
    assert letters.deliver([letter.pk]) == 1
    return Letter.objects.get(pk=letter.pk), server.senders[-1]


def test_what_came_back_stops_its_address(cast: Cast, server: smtp.Sink, place: str) -> None:
    letter, path = sent(cast, server)
    assert path == f"tra-lai+{letter.return_mark}@lienhe.example.org"
    assert str(server.messages[-1]["From"]) == "khong-tra-loi@example.org"
    put(place, report(path, "thon@example.org"))

    said = StringIO()
    call_command("read_bounces", stdout=said)
    assert said.getvalue() == "1 thư báo trả lại, 0 thư khác để người đọc.\n"
    letter.refresh_from_db()
    words = "smtp; 550 5.1.1 <thon@example.org>: Recipient address rejected: User unknown"
    assert (letter.state, letter.last_error) == ("bounced", words)
    (stopped,) = StoppedAddress.objects.stopped()
    assert (stopped.address, stopped.letter, stopped.reason) == ("thon@example.org", letter, words)

    assert letter.recipient
    next_one = notice_to_cell(letter.recipient, Letter.Kind.RETURNED, "2", {"count": 1})
    assert letters.deliver([next_one.pk]) == 0
    next_one.refresh_from_db()
    reason = "Địa chỉ thon@example.org đã trả lại thư trước. Xin sửa danh bạ rồi gửi lại."
    assert (next_one.state, next_one.last_error) == ("failed", reason)


def test_read_twice_counts_once(cast: Cast, server: smtp.Sink, place: str) -> None:
    _, path = sent(cast, server)
    put(place, report(path, "thon@example.org"))
    tasks.read_bounces()
    StoppedAddress.objects.get().free(by=cast.ward_officer.seats.get())
    assert bounces.read(place) == bounces.Outcome(0, 0)
    assert not StoppedAddress.objects.stopped().exists()


@pytest.mark.parametrize("why", ["delayed", "relayed", "forged", "a person", "no mark"])
def test_other_mail_stops_nobody(cast: Cast, server: smtp.Sink, place: str, why: str) -> None:
    letter, path = sent(cast, server)
    texts = {
        "delayed": report(path, "thon@example.org", "delayed", "4.4.1"),
        "relayed": report(path, "thon@example.org", "relayed", "2.0.0"),
        "forged": report(f"tra-lai+{letter.pk}-000000000000@lienhe.example.org", "thon@example.org"),
        "a person": f"To: {path}\nFrom: thon@example.org\nSubject: Toi di vang\n\n550 5.1.1 failed\n",
        "no mark": report("tra-lai@lienhe.example.org", "thon@example.org"),
    }
    put(place, texts[why])
    assert bounces.read(place) == bounces.Outcome(0, 1)
    assert not StoppedAddress.objects.exists()
    letter.refresh_from_db()
    assert letter.state == "sent"


def test_mail_passed_on_to_another_mailbox_stops_the_one_we_know(cast: Cast, server: smtp.Sink, place: str) -> None:
    _, path = sent(cast, server)
    put(place, report(path, "nha-rieng@elsewhere.example"))
    assert bounces.read(place).stopped == 1
    assert [row.address for row in StoppedAddress.objects.stopped()] == ["thon@example.org"]


def test_one_of_several_who_were_told(cast: Cast, play: Season, server: smtp.Sink, place: str) -> None:
    """A letter that reached somebody stays sent; only the dead mailbox is stopped."""
    Organization.objects.filter(pk=cast.ward.pk).update(email="")
    for name in ("ward_clerk", "ward_officer"):
        User.objects.filter(username=name).update(email=f"{name}@example.org")
    play.issued()
    play.rendered()
    letter = Letter.objects.get()
    put(place, report(server.senders[-1], "ward_clerk@example.org"))
    put(place, report(server.senders[-1], "somebody@example.org"))
    assert bounces.read(place) == bounces.Outcome(1, 1)
    letter.refresh_from_db()
    assert letter.state == "sent"
    assert [row.address for row in StoppedAddress.objects.stopped()] == ["ward_clerk@example.org"]


def test_a_stopped_mailbox_is_rung_up_until_somebody_corrects_it(
    cast: Cast, play: Season, server: smtp.Sink, monkeypatch: pytest.MonkeyPatch
) -> None:
    play.assigned()
    today = timezone.localdate()
    monkeypatch.setattr(reminders, "is_working_day", lambda _: True)
    play.campaign()
    Letter.objects.all().delete()

    def told() -> list[tuple[str, int | None]]:
        Letter.objects.filter(kind="reminder").delete()
        reminders.write(today)
        return [(row.channel, row.user_id) for row in Letter.objects.filter(kind="reminder")]

    old, _ = sent(cast, server)
    cast.cell.requests_to_cell.update(due_on=today, at_cell_at=timezone.now() - timedelta(days=30))
    before = told()
    row = StoppedAddress.objects.stop("bithu7@example.org", old, "550")
    stopped = told()
    row.free(by=cast.ward_officer.seats.get())
    with pytest.raises(Refused):
        row.free(by=cast.ward_officer.seats.get())
    assert (before, stopped, told()) == ([("email", cast.secretary.pk)], [("call", None)], before)


@pytest.mark.parametrize("where", ["", "imap://x/INBOX", "maildir:///nowhere"])
def test_a_wrong_setting_is_said(settings: Settings, where: str) -> None:
    settings.BOUNCES = where
    with pytest.raises(CommandError, match="BOUNCES"):
        call_command("read_bounces")
