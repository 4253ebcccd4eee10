"""The call list: who is to be rung up, the ticks, the words to copy."""

import re
from collections.abc import Callable
from datetime import date
from html import unescape

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from evaluations.models import EvaluationRequest, Letter
from members.models import Member, Organization, User
from tests import factories
from tests.conftest import Cast
from tests.season import Season

SignIn = Callable[[User], Client]
CALLS = reverse("evaluations:calls")


def words(page: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", unescape(page).split("<main")[1])).strip()


def shown(client: Client) -> str:
    response = client.get(CALLS)
    assert response.status_code == 200
    return words(response.content.decode())


@pytest.fixture
def to_call(cast: Cast, play: Season) -> Letter:
    """The cell owes a comment, its secretary has no mailbox."""
    User.objects.filter(pk=cast.secretary.pk).update(email="")
    Organization.objects.filter(pk=cast.cell.pk).update(phone="0236 111 222", contact="Ông Ngô Văn")
    play.assigned()
    EvaluationRequest.objects.update(due_on=date(2026, 11, 15))
    return call(cast.cell, cast.ward)


def call(unit: Organization, caller: Organization) -> Letter:
    return Letter.objects.create(
        key=f"reminder:call:{caller.pk}:{unit.pk}",
        kind=Letter.Kind.REMINDER,
        channel=Letter.Channel.CALL,
        state=Letter.State.RENDERED,
        recipient=unit,
        caller=caller,
        reminds_on=date(2026, 11, 13),
    )


def test_the_list_says_whom_to_ring_for_what(cast: Cast, to_call: Letter, sign_in: SignIn) -> None:
    page = shown(sign_in(cast.ward_officer))
    assert "Cần gọi 1 đơn vị" in page
    assert (
        "Kính gửi Chi bộ Tổ dân phố 7: còn 1 đề nghị nhận xét chưa gửi đảng ủy , hạn 15/11/2026. "
        "Xin đồng chí sắp xếp làm giúp. Mở hệ thống: http://127.0.0.1:8000/"
    ) in page
    assert "Ông Ngô Văn 0236 111 222" in page
    assert (
        "Đảng ủy phường An Hải xin nhắc: việc lấy ý kiến nhận xét của cấp ủy nơi cư trú còn 1 đơn vị chưa xong, "
        "hạn 15/11/2026."
    ) in page
    assert "Danh sách gọi điện" in sign_in(cast.ward_officer).get("/").content.decode()


def test_a_tick_keeps_who_and_when(cast: Cast, to_call: Letter, sign_in: SignIn) -> None:
    client = sign_in(cast.ward_clerk)
    url = reverse("evaluations:call_done", args=[to_call.pk])
    assert "Đã ghi: đồng chí đã gọi Chi bộ Tổ dân phố 7." in words(client.post(url, follow=True).content.decode())
    to_call.refresh_from_db()
    assert (to_call.state, to_call.called_by) == ("sent", cast.ward_clerk.seats.get())
    assert to_call.sent_at
    page = shown(client)
    assert "Chưa phải gọi đơn vị nào" in page
    moment = timezone.localtime(to_call.sent_at)
    assert f"Chi bộ Tổ dân phố 7 {moment:%H:%M %d/%m/%Y} Võ Thị Sổ (Văn thư)" in page
    # Pressed once more on an old page: a polite word, the first tick stands.
    again = sign_in(cast.ward_officer).post(url, follow=True, HTTP_REFERER=f"http://testserver{CALLS}")
    assert "đang ở bước “đã gửi”" in words(again.content.decode())
    to_call.refresh_from_db()
    assert to_call.called_by == cast.ward_clerk.seats.get()


def test_who_has_done_it_meanwhile_is_not_rung_up(cast: Cast, to_call: Letter, sign_in: SignIn) -> None:
    EvaluationRequest.objects.update(state="cancelled", end_code="asker")
    page = shown(sign_in(cast.ward_officer))
    assert "Không đơn vị nào còn việc chờ" in page
    assert "Tổ dân phố 7" not in page


def test_the_workplace_rings_up_communes_on_paper(cast: Cast, play: Season, sign_in: SignIn) -> None:
    factories.member("Lê Văn Xa", workplace=cast.office_cell, commune=cast.far_ward)
    play.issued()
    call(cast.far_ward, cast.ministry)
    page = shown(sign_in(cast.officer))
    assert "Kính gửi Đảng ủy xã Hòa Vang: còn 1 đồng chí chưa có kết quả nhận xét , hạn 15/11/2026." in page
    assert "còn 2 đơn vị chưa xong" in page
    assert [person.full_name for person in Member.objects.all() if person.full_name in page] == []
    # The ward has a list of its own, an empty one.
    assert "Hòa Vang" not in shown(sign_in(cast.ward_officer))


def test_queries_do_not_grow_with_calls(cast: Cast, to_call: Letter, sign_in: SignIn) -> None:
    client = sign_in(cast.ward_officer)
    client.get(CALLS)
    with CaptureQueriesContext(connection) as one:
        client.get(CALLS)
    matter = EvaluationRequest.objects.get()
    for number in (1, 2):
        cell = factories.residence_cell(cast.ward, f"Tổ dân phố {20 + number}")
        matter.pk, matter.part, matter.residence_cell = None, f"2020..202{number}", cell
        matter.save()
        call(cell, cast.ward).mark_called(by=cast.ward_clerk.seats.get())
        Letter.objects.filter(recipient=cell).update(key=f"made:{number}")
        call(cell, cast.ward)
    with CaptureQueriesContext(connection) as three:
        page = shown(client)
    assert "Cần gọi 3 đơn vị" in page
    assert len(one) == len(three)
