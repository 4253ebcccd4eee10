"""Paper changing hands: recorded with who, when and the postal number; what came back is sent again."""

from collections.abc import Callable
from datetime import date, timedelta
from html import unescape

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from evaluations.models import HandOver, Letter
from members.models import AuditEvent, User
from tests import factories
from tests.conftest import Cast
from tests.season import Season

SignIn = Callable[[User], Client]
POSTED = {
    "how": "post",
    "on": "2026-10-06",
    "given_by": "Võ Thị Sổ",
    "received_by": "",
    "postal_no": "RR 123 456 789 VN",
}
pytestmark = pytest.mark.filterwarnings("ignore:unclosed file.*sRGB2014:ResourceWarning")


def shown(client: Client, address: str) -> str:
    response = client.get(address, follow=True)
    assert response.status_code == 200
    return unescape(response.content.decode())


@pytest.fixture
def letter(cast: Cast, play: Season) -> Letter:
    """The ministry's letter on paper to the commune that is not on the system, printed."""
    factories.member(workplace=cast.office_cell, commune=cast.far_ward)
    play.issued()
    play.rendered()
    return Letter.objects.get(channel="print")


def url(letter: Letter) -> str:
    return reverse("evaluations:hand_over_letter", args=[letter.pk])


def test_a_letter_is_posted_comes_back_and_is_posted_again(cast: Cast, letter: Letter, sign_in: SignIn) -> None:
    client = sign_in(cast.officer)
    assert "Ghi việc giao" in shown(client, url(letter))
    client.post(url(letter), POSTED)
    letter.refresh_from_db()
    assert (letter.state, timezone.localtime(letter.sent_at).date()) == ("sent", date(2026, 10, 6))
    (row,) = HandOver.objects.all()
    assert (row.given_by, row.postal_no, row.on, row.recorded_by.user) == (
        "Võ Thị Sổ",
        "RR 123 456 789 VN",
        date(2026, 10, 6),
        cast.officer,
    )

    back = reverse("evaluations:hand_over_returned", args=[row.pk])
    assert "Xin kiểm tra lại năm" in unescape(
        client.post(back, {"on": "1999-10-01", "reason": "Sai địa chỉ"}, follow=True).content.decode()
    )
    client.post(back, {"on": "2026-10-20", "reason": "Không người nhận"})
    letter.refresh_from_db()
    assert letter.state == "returned_by_post"
    page = shown(client, url(letter))
    assert "Bưu điện hoàn lại ngày 20/10/2026" in page

    client.post(url(letter), POSTED | {"on": "2026-10-22", "postal_no": ""})
    letter.refresh_from_db()
    assert letter.state == "sent"
    assert letter.hand_overs.count() == 2
    commune = reverse("evaluations:campaign_commune", args=[letter.document.campaign_id, cast.far_ward.pk])
    page = shown(client, commune)
    assert "22/10/2026: gửi bưu điện, Võ Thị Sổ giao." in page
    assert "mã bưu gửi" in page
    verbs = AuditEvent.objects.filter(user=cast.officer, object_type="evaluations.HandOver").order_by("pk")
    assert [event.verb for event in verbs] == ["HandOver.record", "HandOver.came_back", "HandOver.record"]


def test_what_was_typed_stays_when_it_is_not_accepted(cast: Cast, letter: Letter, sign_in: SignIn) -> None:
    tomorrow = timezone.localdate() + timedelta(days=1)
    for wrong, said in (
        ({"how": "hand"}, "Trao tận tay thì ghi họ tên người nhận."),
        ({"on": tomorrow.isoformat()}, "Ngày này chưa đến."),
        ({"given_by": " "}, "invalid-feedback"),
    ):
        page = unescape(sign_in(cast.officer).post(url(letter), POSTED | wrong).content.decode())
        assert said in page
        assert "RR 123 456 789 VN" in page
    assert not HandOver.objects.exists()


def test_pressing_twice_records_one(cast: Cast, letter: Letter, sign_in: SignIn) -> None:
    client = sign_in(cast.officer)
    client.post(url(letter), POSTED)
    again = client.post(url(letter), POSTED, follow=True, headers={"referer": f"http://testserver{url(letter)}"})
    assert "đang ở bước “đã gửi”" in unescape(again.content.decode())
    assert HandOver.objects.count() == 1


def test_a_pack_is_handed_to_a_cell(cast: Cast, play: Season, sign_in: SignIn) -> None:
    play.assigned()
    client = sign_in(cast.ward_clerk)
    page = reverse("evaluations:commune_print", args=[cast.ward.pk, play.YEAR])
    assert "chưa ghi giao" in shown(client, page)

    given = POSTED | {"how": "hand", "received_by": "Ngô Văn Bí Thư"}
    response = client.post(reverse("evaluations:hand_over_pack", args=[cast.cell.pk, play.YEAR]), given)

    assert response["Location"] == page
    assert "06/10/2026: trao tận tay, Võ Thị Sổ giao, Ngô Văn Bí Thư nhận" in shown(client, page)
    assert "Ngô Văn Bí Thư nhận" in shown(
        sign_in(cast.secretary), reverse("evaluations:cell_print", args=[cast.cell.pk, play.YEAR])
    )
