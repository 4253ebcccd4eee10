"""Danh bạ đảng ủy: found however it is typed, corrected once for everybody, with what stood there before."""

from collections.abc import Callable
from html import unescape

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from members.models import AuditDetail, AuditEvent, User
from tests import factories
from tests.conftest import Cast

SignIn = Callable[[User], Client]
BOOK = reverse("members:address_book")
ENTRY = {"address": "Số 1 đường Mẫu", "phone": "0236 1", "email": "hoavang@example.org", "contact": "Bà Mẫu, văn thư"}


def shown(client: Client, words: str = "") -> str:
    response = client.get(BOOK, {"tim": words} if words else {})
    assert response.status_code == 200
    return unescape(response.content.decode()).split("<main")[1]


@pytest.mark.parametrize("words", ["hòa vang", "HOA VANG", "Hoà Vang", "xa hoa", "vang"])
def test_found_with_and_without_marks(cast: Cast, sign_in: SignIn, words: str) -> None:
    page = shown(sign_in(cast.secretary), words)
    assert "Đảng ủy xã Hòa Vang" in page
    assert "Đảng ủy phường An Hải" not in page


def test_nothing_found_and_pages(cast: Cast, sign_in: SignIn) -> None:
    for number in range(60):
        factories.commune(cast.province, f"Mẫu {number:02}", kind="external")
    client = sign_in(cast.officer)
    assert "Không tìm thấy đơn vị nào" in shown(client, "không có đâu")
    assert "Trang sau" in shown(client)
    assert "tim=m%E1%BA%ABu&trang=2" in shown(client, "mẫu").replace("&amp;", "&")


def test_one_correction_serves_everybody(cast: Cast, sign_in: SignIn) -> None:
    entry = reverse("members:address_correct", args=[cast.far_ward.pk])
    assert sign_in(cast.ward_clerk).post(entry, ENTRY).status_code == 302
    cast.far_ward.refresh_from_db()
    assert {name: getattr(cast.far_ward, name) for name in ENTRY} == ENTRY
    assert cast.far_ward.checked_on == timezone.localdate()
    event = AuditEvent.objects.get(verb="Organization.correct_address")
    assert (event.user, event.object_id) == (cast.ward_clerk, cast.far_ward.pk)
    assert AuditDetail.objects.get(event=event).changes["address"] == ["", "Số 1 đường Mẫu"]
    assert "Số 1 đường Mẫu" in shown(sign_in(cast.neighbour))

    again = sign_in(cast.officer).post(entry, ENTRY, follow=True)
    assert "Đã ghi nhận kiểm tra hôm nay" in unescape(again.content.decode())


def test_an_organisation_on_the_system_keeps_its_own_entry(cast: Cast, sign_in: SignIn) -> None:
    own = reverse("members:address_correct", args=[cast.ministry.pk])
    client = sign_in(cast.officer)
    assert own in shown(client)
    assert client.post(own, ENTRY).status_code == 302
    wards = reverse("members:address_correct", args=[cast.ward.pk])
    assert client.post(wards, ENTRY).status_code == 404
    assert wards not in shown(client)
    assert sign_in(cast.secretary).post(own, ENTRY).status_code == 404


def test_a_wrong_mailbox_is_said_beside_what_was_typed(cast: Cast, sign_in: SignIn) -> None:
    entry = reverse("members:address_correct", args=[cast.far_ward.pk])
    page = unescape(sign_in(cast.officer).post(entry, ENTRY | {"email": "không phải"}).content.decode())
    assert "Số 1 đường Mẫu" in page
    assert "invalid-feedback" in page
    assert not AuditEvent.objects.filter(verb="Organization.correct_address").exists()


def test_the_list_asks_as_much_for_three_as_for_one(cast: Cast, sign_in: SignIn) -> None:
    client, counts = sign_in(cast.officer), []
    for number in range(3):
        factories.commune(cast.province, f"Mẫu {number}", kind="external")
        with CaptureQueriesContext(connection) as queries:
            shown(client)
        counts.append(len(queries))
    assert len(set(counts)) == 1


def test_hostile_names_are_shown_literally(cast: Cast, sign_in: SignIn) -> None:
    factories.commune(cast.province, "<script>alert(1)</script>", kind="external")
    raw = sign_in(cast.officer).get(BOOK).content.decode()
    assert "&lt;script&gt;alert(1)" in raw
    assert "<script>alert(1)" not in raw
