"""The history on screen: auditors see acts and never names; a person's page tells who changed and who read."""

from collections.abc import Callable

import pytest
from django.test import Client
from django.urls import reverse
from pytest_django.fixtures import DjangoAssertNumQueries

from members.models import AuditEvent, Member, User
from members.models.sealing import seal_history
from members.roles import Action
from members.views.history import ROWS, Line
from tests.conftest import Cast
from tests.season import Season, by

pytestmark = pytest.mark.django_db
SignIn = Callable[[User], Client]
URL = reverse("members:history")


def lines(client: Client, query: str = "") -> list[tuple[str, str, str]]:
    shown: list[Line] = client.get(URL + query).context["lines"]
    return [(str(line.event.user), line.act, line.thing) for line in shown]


def test_acts_in_words_newest_first(cast: Cast, play: Season, sign_in: SignIn) -> None:
    version = play.confirmed()

    shown = lines(sign_in(cast.auditor))

    assert shown[0] == ("Đặng Văn Phường", "Chuyển bước: đã phát hành", f"văn bản số {version.form.pk}")
    assert shown[1] == ("Đặng Văn Phường", "Chuyển bước: đã xác nhận", f"bản nhận xét số {version.pk}")
    assert ("Đặng Văn Phường", "Phân về chi bộ", f"nơi giữ mối liên hệ số {version.assessment.placement_id}") in shown


def test_no_name_of_a_member_is_shown(cast: Cast, play: Season, sign_in: SignIn) -> None:
    play.confirmed()

    page = sign_in(cast.auditor).get(URL).content.decode()

    assert [name for name in Member.objects.values_list("full_name", flat=True) if name in page] == []


def test_filters_narrow(cast: Cast, sign_in: SignIn) -> None:
    officer = by(cast.officer, Action.KEEP_ROSTER, cast.ministry)
    neighbour = by(cast.neighbour, Action.KEEP_ROSTER, cast.other_ministry)
    AuditEvent.objects.record("read", by=officer, on=cast.asked)
    AuditEvent.objects.record("Member.update", by=neighbour, on=cast.asked)
    client = sign_in(cast.auditor)
    read = ("Nguyễn Văn Soạn", "Xem", f"đảng viên số {cast.asked.pk}")
    changed = ("Hoàng Văn Bên", "Cập nhật theo danh sách", f"đảng viên số {cast.asked.pk}")

    assert lines(client, "?nguoi=officer") == [read]
    assert lines(client, "?viec=sua") == [changed]
    assert lines(client, f"?so={cast.asked.pk}&tu=2020-01-01&nguoi=neighbour") == [changed]
    assert lines(client, "?den=2020-01-01") == []
    # What is no day and no number asks for nothing.
    assert len(lines(client, "?tu=hôm qua&so=abc&truoc=x")) == 5


def test_another_provinces_acts_are_out_of_reach(cast: Cast, sign_in: SignIn) -> None:
    cast.auditor.seats.update(organization=cast.other_ministry)
    AuditEvent.objects.record("read", by=by(cast.officer, Action.KEEP_ROSTER, cast.ministry), on=cast.asked)

    assert lines(sign_in(cast.auditor)) == []


def test_pages_go_on_where_the_last_one_ended(
    cast: Cast, sign_in: SignIn, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    seat = by(cast.officer, Action.KEEP_ROSTER, cast.ministry)
    events = [AuditEvent.objects.record("read", by=seat, on=cast.asked) for _ in range(ROWS + 3)]
    seal_history()
    client = sign_in(cast.auditor)

    first = client.get(URL)

    assert [line.event.pk for line in first.context["lines"]] == [event.pk for event in reversed(events[3:])]
    with django_assert_num_queries(6):
        second = client.get(URL + first.context["next_url"])
    assert [line.event for line in second.context["lines"]] == [events[2], events[1], events[0]]
    assert second.context["next_url"] is None
    with django_assert_num_queries(6):
        client.get(f"{URL}?truoc={events[1].pk}")


def test_a_persons_page_tells_who_changed_and_who_read(cast: Cast, play: Season, sign_in: SignIn) -> None:
    play.assigned()

    page = sign_in(cast.officer).get(reverse("members:member_page", args=[cast.asked.pk]))

    assert [(str(line.event.user), line.act) for line in page.context["history"]] == [
        ("Nguyễn Văn Soạn", "Xem"),
        ("Đặng Văn Phường", "Phân về chi bộ"),
    ]
