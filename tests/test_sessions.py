"""How long a session lasts, who sees it, and what ends it; the clock is the test's."""

import time
from collections.abc import Callable
from typing import Any

import pytest
from allauth.usersessions.models import UserSession
from django.conf import settings
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from members.models import User
from tests import factories
from tests.conftest import Cast
from tests.season import Season

SignIn = Callable[[User], Client]
NEW = "mot-cau-de-nho-2026"
MINUTE, HOUR = 60, 3600


class ClockOfTheTest:
    def __init__(self) -> None:
        self.now = time.time()

    def forward(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> ClockOfTheTest:
    """The clock on the wall, as every part reads it."""
    clock = ClockOfTheTest()
    monkeypatch.setattr(time, "time", lambda: clock.now)
    return clock


def by_password(person: User, agent: str = "") -> Client:
    client = Client(headers={"user-agent": agent} if agent else None)
    client.post(reverse("account_login"), {"login": person.username, "password": factories.PASSWORD})
    return client


def is_in(client: Client) -> bool:
    return client.get("/huong-dan/").status_code == 200


def test_an_hour_of_rest_ends_it(cast: Cast, clock: ClockOfTheTest) -> None:
    client = by_password(cast.ward_clerk)
    for _ in range(4):
        clock.forward(HOUR - MINUTE)
        assert is_in(client)

    clock.forward(HOUR + 1)

    assert not is_in(client)
    assert "_auth_user_id" not in client.session


def test_half_a_day_ends_it_however_busy(cast: Cast, clock: ClockOfTheTest) -> None:
    client = by_password(cast.ward_clerk)
    for _ in range(23):
        clock.forward(HOUR / 2)
        assert is_in(client)

    clock.forward(HOUR / 2 + 1)

    assert not is_in(client)


def test_a_page_that_asks_by_itself_keeps_nothing_open(cast: Cast, clock: ClockOfTheTest) -> None:
    client = by_password(cast.ward_clerk)
    for _ in range(3):
        clock.forward(25 * MINUTE)
        client.get("/huong-dan/", headers={"hx-request": "true"})

    assert not is_in(client)


def test_what_is_sent_after_the_hour_comes_back_whole(cast: Cast, sign_in: SignIn, clock: ClockOfTheTest) -> None:
    client = sign_in(cast.secretary)
    url = reverse("members:joint_review", args=[cast.cell.pk, Season.YEAR])
    assert client.get(url).status_code == 200
    clock.forward(2 * HOUR)

    answer = client.post(url, {"held_on": "2026-01-05", "front-1-name": "Đinh Thị Mặt Trận"})

    assert (answer.status_code, answer.context["why"]) == (401, "session_ended")
    assert ("front-1-name", "Đinh Thị Mặt Trận") in answer.context["fields"]


def test_noting_the_visit_costs_one_write_a_minute(cast: Cast, clock: ClockOfTheTest) -> None:
    client = by_password(cast.ward_clerk)
    counts = []
    for seconds in (1, 1, 2 * MINUTE):
        clock.forward(seconds)
        with CaptureQueriesContext(connection) as queries:
            assert is_in(client)
        counts.append(sum(query["sql"].startswith(("UPDATE", "INSERT")) for query in queries))

    assert counts[:2] == [0, 0]
    assert counts[2] == 2  # the session and its line in the list


def test_signing_in_changes_the_key_of_the_session(cast: Cast) -> None:
    client = Client()
    client.get(reverse("account_login"))
    client.post(reverse("evaluations:code_enter"), {"code": "x"})
    session = client.session
    session["planted"] = "by somebody else"
    session.save()
    client.cookies[settings.SESSION_COOKIE_NAME] = before = session.session_key

    client.post(reverse("account_login"), {"login": "ward_clerk", "password": factories.PASSWORD})

    assert is_in(client)
    assert client.cookies[settings.SESSION_COOKIE_NAME].value != before
    thief = Client()
    thief.cookies[settings.SESSION_COOKIE_NAME] = before
    assert not is_in(thief)


def test_changing_the_password_ends_the_sessions_elsewhere(cast: Cast) -> None:
    here, there = by_password(cast.ward_clerk), by_password(cast.ward_clerk)
    change = {"oldpassword": factories.PASSWORD, "password1": NEW, "password2": NEW}

    assert here.post(reverse("account_change_password"), change).status_code == 302

    assert (is_in(here), is_in(there)) == (True, False)
    rows = here.get(reverse("members:sessions")).context["rows"]
    assert [is_this for _, is_this, _ in rows] == [True]


def test_the_list_names_machines_and_ends_the_others(cast: Cast) -> None:
    telephone = by_password(cast.ward_clerk, "Mozilla/5.0 (Linux; Android 14) Chrome/130.0 Mobile Safari/537.36")
    office = by_password(cast.ward_clerk, "Mozilla/5.0 (Windows NT 10.0) Gecko/20100101 Firefox/140.0")
    stranger = by_password(cast.auditor)

    rows = office.get(reverse("members:sessions")).context["rows"]
    assert {(words, is_this) for _, is_this, words in rows} == {("Chrome, Android", False), ("Firefox, Windows", True)}

    office.post(reverse("members:sessions_end"))

    assert [is_in(client) for client in (telephone, office, stranger)] == [False, True, True]
    assert UserSession.objects.filter(user=cast.ward_clerk).count() == 1


def test_the_list_costs_the_same_for_more_sessions(cast: Cast) -> None:
    counts: list[Any] = []
    client = by_password(cast.ward_clerk)
    for more in (0, 2):
        for _ in range(more):
            by_password(cast.ward_clerk)
        with CaptureQueriesContext(connection) as queries:
            client.get(reverse("members:sessions"))
        counts.append(len(queries))
    assert counts[0] == counts[1]
