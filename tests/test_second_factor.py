"""Who signs, sends, confirms, replies or exports shows two factors; nothing else opens before that."""

import time
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import TOTP, format_hotp_value, hotp_value
from django.test import Client
from django.urls import reverse

from members.models import AuditEvent, User
from members.roles import Role
from tests import factories
from tests.conftest import Cast
from tests.season import Season

SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"


def signed_in(person: User) -> Client:
    """By password, through the page."""
    client = Client()
    assert client.post(reverse("account_login"), {"login": person.username, "password": factories.PASSWORD})
    return client


def code(secret: str = SECRET, late: int = 0) -> str:
    return format_hotp_value(hotp_value(secret, int(time.time()) // 30 + late))


@pytest.mark.parametrize(
    ("who", "needs"),
    {
        "officer": True,
        "signer": True,
        "ward_officer": True,
        "ward_signer": True,
        "secretary": True,
        "administrator": True,
        "ward_clerk": False,
        "overseer": True,
        "auditor": False,
        "nobody": False,
    }.items(),
)
def test_password_alone_opens_only_what_signs_nothing(cast: Cast, who: str, needs: bool) -> None:
    person = cast.people()[who]

    answer = signed_in(person).get("/huong-dan/")

    assert person.needs_second_factor is needs
    assert answer.status_code == (302 if needs else 200)
    if needs:
        assert answer["Location"] == f"{reverse('mfa_index')}?next=%2Fhuong-dan%2F"


def test_a_code_app_is_added_and_the_page_asked_for_opens(cast: Cast) -> None:
    client = signed_in(cast.officer)
    page = client.get(client.get("/dot/")["Location"])
    assert "Đồng chí thêm lớp bảo vệ thứ hai" in page.content.decode()
    assert "navigation" not in page.context  # every link would lead back here

    form = client.get(reverse("mfa_activate_totp"))
    wrong = client.post(reverse("mfa_activate_totp"), {"code": "000000"})
    right = client.post(reverse("mfa_activate_totp"), {"code": code(form.context["form"].secret)})

    assert wrong.status_code == 200
    assert (right.status_code, right["Location"]) == (302, reverse("mfa_index"))
    assert 'href="/dot/">Làm tiếp' in client.get(right["Location"]).content.decode()
    assert client.get("/dot/").status_code == 200
    stored = Authenticator.objects.get(user_id=cast.officer.pk)
    assert form.context["form"].secret not in str(stored.data)
    assert AuditEvent.objects.get(verb="add_way_in").fields == ["totp"]


def test_next_time_the_password_leads_to_the_code(cast: Cast) -> None:
    TOTP.activate(cast.officer, SECRET)
    client = Client()

    first = client.post(reverse("account_login"), {"login": "officer", "password": factories.PASSWORD})
    between = client.get("/dot/")
    wrong = client.post(reverse("mfa_authenticate"), {"code": "000000"})
    right = client.post(reverse("mfa_authenticate"), {"code": code()})

    assert first["Location"] == reverse("mfa_authenticate")
    assert between.status_code == 302
    assert wrong.status_code == 200
    assert right.status_code == 302
    assert client.get("/dot/").status_code == 200


def test_a_code_counts_once(cast: Cast) -> None:
    TOTP.activate(cast.officer, SECRET)
    shown = code()
    for number, answer in enumerate((302, 200)):
        client = Client(REMOTE_ADDR=f"10.0.0.{number}")
        client.post(reverse("account_login"), {"login": "officer", "password": factories.PASSWORD})
        assert client.post(reverse("mfa_authenticate"), {"code": shown}).status_code == answer


def test_codes_are_not_guessed_for_long(cast: Cast) -> None:
    TOTP.activate(cast.officer, SECRET)
    client = Client()
    client.post(reverse("account_login"), {"login": "officer", "password": factories.PASSWORD})
    for _ in range(5):
        client.post(reverse("mfa_authenticate"), {"code": "000000"})

    assert client.post(reverse("mfa_authenticate"), {"code": code()}).status_code == 200


def test_a_seat_given_in_the_middle_of_a_session_asks_without_losing_what_was_typed(cast: Cast) -> None:
    helper = factories.official("helper", "Lan Thử Giúp", cast.cell, Role.TYPIST)
    client = signed_in(helper)
    url = reverse("members:joint_review", args=[cast.cell.pk, Season.YEAR])
    assert client.get(url).status_code == 200
    factories.seat(helper, cast.cell, Role.SECRETARY)

    answer = client.post(url, {"held_on": "2026-01-05", "front-1-name": "Đinh Thị Mặt Trận"})

    assert answer.status_code == 403
    assert answer.context["why"] == "second_factor"
    assert ("front-1-name", "Đinh Thị Mặt Trận") in answer.context["fields"]


def test_way_out_stays_open(cast: Cast) -> None:
    client = signed_in(cast.officer)
    client.post(reverse("account_logout"))

    assert client.get(reverse("mfa_index"))["Location"].startswith(reverse("account_login"))


def test_the_last_second_factor_cannot_be_taken_away(cast: Cast, sign_in: Any) -> None:
    app = TOTP.activate(cast.officer, SECRET).instance
    helper_app = TOTP.activate(cast.ward_clerk, SECRET).instance
    url = "members:way_remove"

    kept = sign_in(cast.officer).post(reverse(url, args=[app.pk]), follow=True)
    gone = sign_in(cast.ward_clerk).post(reverse(url, args=[helper_app.pk]))
    foreign = sign_in(cast.ward_clerk).post(reverse(url, args=[app.pk]))

    assert "cách đăng nhập cuối cùng" in kept.content.decode()
    assert (gone.status_code, foreign.status_code) == (302, 404)
    assert list(Authenticator.objects.values_list("pk", flat=True)) == [app.pk]


def test_the_demonstration_goes_without_and_says_so(cast: Cast, settings: Any) -> None:
    settings.SECOND_FACTOR = False

    page = signed_in(cast.officer).get("/")

    assert page.status_code == 200
    assert "Bản dùng thử" in page.content.decode()


def test_a_helper_types_and_the_secretary_sends(cast: Cast, play: Season, sign_in: Any) -> None:
    [matter] = play.assigned()
    helper = factories.official("helper", "Lan Thử Giúp", cast.cell, Role.TYPIST)
    client = sign_in(helper)
    cell, year = cast.cell.pk, Season.YEAR

    page = client.get(reverse("evaluations:cell_person", args=[cell, year, matter.placement_id]))
    sent = client.post(reverse("evaluations:cell_submit", args=[cell, year]))

    assert page.status_code == 200
    assert sent.status_code == 403
    assert not helper.needs_second_factor
