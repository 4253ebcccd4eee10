"""Thư chưa gửi được: who sees which letters, why they did not arrive, and the two buttons."""

import re
from collections.abc import Callable
from datetime import timedelta
from html import unescape

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from evaluations.models import Letter, StoppedAddress
from evaluations.models.letters import notice_to_cell
from members.models import User
from tests import factories
from tests.conftest import Cast
from tests.season import Season

SignIn = Callable[[User], Client]
PAGE = reverse("evaluations:undelivered")


def words(client: Client, url: str = PAGE) -> str:
    page = unescape(client.get(url).content.decode())
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page.split("<main")[1])).strip()


@pytest.fixture
def failed(cast: Cast, play: Season) -> Letter:
    """The ministry's notice to the ward, refused by its mailbox."""
    play.issued()
    letter = Letter.objects.get()
    letter.mark_failed("550 5.1.1 Hộp thư không tồn tại")
    return letter


def test_the_sender_sees_why_and_sends_it_again(cast: Cast, failed: Letter, sign_in: SignIn) -> None:
    client = sign_in(cast.officer)
    assert "1 thư chưa gửi được." in words(client, "/")
    shown = words(client)
    assert "Đảng ủy phường An Hải" in shown
    assert "550 5.1.1 Hộp thư không tồn tại" in shown
    answer = client.post(reverse("evaluations:send_again", args=[failed.pk]), follow=True)
    assert "Đã xếp thư để gửi lại" in unescape(answer.content.decode())
    assert "Không có thư nào bị kẹt" in words(client)
    failed.refresh_from_db()
    assert (failed.state, failed.attempts, failed.next_try_at) == ("queued", 0, None)
    assert client.post(reverse("evaluations:send_again", args=[failed.pk])).status_code == 404


def test_who_has_not_sent_it_sees_nothing(cast: Cast, failed: Letter, sign_in: SignIn) -> None:
    assert "550" in words(sign_in(cast.administrator))
    for person in (cast.neighbour, cast.ward_officer, cast.other_ward_officer):
        assert "Không có thư nào bị kẹt" in words(sign_in(person))
    notice_to_cell(cast.cell, Letter.Kind.ASSIGNED, "x", {"count": 1}).mark_failed("552 đầy hộp thư")
    assert "552 đầy hộp thư" in words(sign_in(cast.ward_clerk))
    assert "đầy hộp thư" not in words(sign_in(cast.officer))


def test_an_address_that_works_again_or_was_corrected(cast: Cast, failed: Letter, sign_in: SignIn) -> None:
    row = StoppedAddress.objects.stop("anhai@example.org", failed, "550 5.1.1 User unknown")
    client = sign_in(cast.officer)
    shown = words(client)
    assert "anhai@example.org" in shown
    assert "550 5.1.1 User unknown" in shown
    answer = client.post(reverse("evaluations:address_free", args=[row.pk]), follow=True)
    assert "Từ nay lại gửi thư tới anhai@example.org." in unescape(answer.content.decode())
    row.refresh_from_db()
    assert row.freed_by == cast.officer.seats.get()
    assert client.post(reverse("evaluations:address_free", args=[row.pk])).status_code == 404


def test_a_letter_held_by_a_host_that_died_waits_for_a_person(cast: Cast, failed: Letter, sign_in: SignIn) -> None:
    failed.send_again(by=cast.officer.seats.get())
    held = {"state": "sending", "lease_host": "may-2", "lease_until": timezone.now() - timedelta(minutes=5)}
    Letter.objects.filter(pk=failed.pk).update(**held)
    client = sign_in(cast.administrator)
    assert "Không có thư nào bị kẹt" in words(client)
    Letter.objects.filter(pk=failed.pk).update(lease_until=timezone.now() - timedelta(minutes=11))
    assert "Máy may-2 ngừng khi đang gửi; không rõ thư đã đi hay chưa." in words(client)
    client.post(reverse("evaluations:send_again", args=[failed.pk]))
    failed.refresh_from_db()
    assert (failed.state, failed.lease_until) == ("rendered", None)


def test_yesterdays_reminders_are_not_listed(cast: Cast, sign_in: SignIn) -> None:
    today = timezone.localdate()
    for day in (today, today - timedelta(days=1)):
        letter = Letter.objects.create(
            key=f"reminder:office:{day}", kind="reminder", channel="email", recipient=cast.cell, reminds_on=day
        )
        letter.mark_failed(f"550 {day}")
    shown = words(sign_in(cast.ward_officer))
    assert (f"550 {today}" in shown, f"550 {today - timedelta(days=1)}" in shown) == (True, False)


def test_queries_do_not_grow_with_letters(cast: Cast, failed: Letter, sign_in: SignIn) -> None:
    client = sign_in(cast.administrator)
    StoppedAddress.objects.stop("a0@example.org", failed, "550")
    client.get(PAGE)
    with CaptureQueriesContext(connection) as one:
        client.get(PAGE)
    for number in (1, 2):
        cell = factories.residence_cell(cast.ward, f"Thôn {number}")
        letter = notice_to_cell(cell, Letter.Kind.ASSIGNED, f"{number}", {"count": 1})
        letter.mark_failed("550 no")
        StoppedAddress.objects.stop(f"a{number}@example.org", letter, "550")
    with CaptureQueriesContext(connection) as three:
        assert words(client).count("550") == 6
    assert len(one) == len(three)
