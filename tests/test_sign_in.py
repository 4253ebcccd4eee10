"""Signing in with a password: who gets in, what the others are told, and how often they may try."""

import pytest
from django.test import Client
from django.urls import reverse

from members.models import User
from tests import factories
from tests.conftest import Cast

WRONG = "Tên đăng nhập hoặc mật khẩu chưa đúng."


def sign_in(client: Client, username: str, password: str, **extra: str) -> object:
    return client.post(reverse("account_login"), {"login": username, "password": password}, **extra)


def test_right_password_opens_the_first_screen(cast: Cast) -> None:
    client = Client()

    response = sign_in(client, "ward_clerk", factories.PASSWORD)

    assert (response.status_code, response["Location"]) == (302, "/")
    assert client.get("/").context["user"] == cast.ward_clerk


@pytest.mark.parametrize("username", ["secretary", "khong.co.ai"])
def test_wrong_password_and_unknown_name_are_told_the_same(cast: Cast, username: str) -> None:
    response = sign_in(Client(), username, "sai-mat-khau-roi")

    assert response.status_code == 200
    assert WRONG in response.content.decode()


def test_account_is_left_alone_after_five_failures_whatever_the_address(cast: Cast) -> None:
    for attempt in range(5):
        sign_in(Client(), "secretary", "sai-mat-khau-roi", REMOTE_ADDR=f"10.0.0.{attempt}")

    locked = sign_in(Client(), "secretary", factories.PASSWORD, REMOTE_ADDR="10.0.0.99")
    other = sign_in(Client(), "officer", factories.PASSWORD)

    assert locked.status_code != 302
    assert other.status_code == 302


def test_port_in_the_host_header_buys_no_further_attempts(cast: Cast) -> None:
    for port in range(5):
        sign_in(Client(), "secretary", "sai-mat-khau-roi", HTTP_HOST=f"localhost:{9000 + port}")

    assert sign_in(Client(), "secretary", factories.PASSWORD, HTTP_HOST="localhost:9999").status_code != 302


def test_inactive_account_stays_out(cast: Cast) -> None:
    User.objects.filter(pk=cast.secretary.pk).update(is_active=False)

    client = Client()
    sign_in(client, "secretary", factories.PASSWORD)

    assert client.get("/").status_code == 302


def test_leaving_needs_a_button_not_a_link(cast: Cast) -> None:
    client = Client()
    client.force_login(cast.secretary)

    client.get(reverse("account_logout"))
    still_in = client.get("/").status_code
    client.post(reverse("account_logout"))

    assert (still_in, client.get("/").status_code) == (200, 302)


@pytest.mark.parametrize("path", ["tai-khoan/signup/", "tai-khoan/password/reset/", "admin/", "tai-khoan/dang-ky/"])
def test_there_is_no_way_to_make_oneself_an_account(db: None, path: str) -> None:
    assert Client().get(f"/{path}").status_code in (302, 404)
    assert not User.objects.exists()
