"""What was sent too late comes back with a button, and goes to nobody else."""

from typing import Any

import pytest
from django.test import Client

from members.models import JointReview, User
from tests import factories
from tests.conftest import Cast
from tests.season import Season

HOST = "http://testserver"


def url(cast: Cast) -> str:
    return f"/chi-bo/{cast.cell.pk}/hop-mat-tran/{Season.YEAR}/"


def data(**more: str) -> dict[str, str]:
    people = {"cell-1-name": "Ngô Văn Bí Thư", "cell-1-position": "Bí thư", "front-1-name": "Đinh <b>Thị", "rows": "3"}
    return {"held_on": f"{Season.YEAR}-01-05", **people, "front-1-position": "Trưởng ban", **more}


@pytest.fixture(autouse=True)
def by_password(settings: Any) -> None:
    settings.SECOND_FACTOR = False  # people sign in through the page here, as in the demonstration


def client_of(person: User) -> Client:
    client = Client(enforce_csrf_checks=True)
    assert client.post("/tai-khoan/dang-nhap/", token(client, login=person.username, password=factories.PASSWORD))
    return client


def token(client: Client, **fields: str) -> dict[str, str]:
    client.get("/tai-khoan/dang-nhap/")
    return {**fields, "csrfmiddlewaretoken": client.cookies["csrftoken"].value}


def test_a_form_sent_after_the_session_comes_back_whole(cast: Cast) -> None:
    client = client_of(cast.secretary)
    sent = token(client, **data())
    del client.cookies["sessionid"]
    answer = client.post(url(cast), sent)
    assert answer.status_code == 401
    assert answer.context["fields"] == list(data().items())
    assert "Đinh &lt;b&gt;Thị" in answer.content.decode()
    assert not JointReview.objects.exists()


def test_after_signing_in_again_the_old_mark_asks_for_one_more_press(cast: Cast) -> None:
    client = client_of(cast.secretary)
    old = client.cookies["csrftoken"].value
    client.cookies.clear()
    client.cookies.update(client_of(cast.secretary).cookies)
    answer = client.post(url(cast), {**data(), "csrfmiddlewaretoken": old}, HTTP_ORIGIN=HOST)
    assert (answer.status_code, answer.context["why"]) == (403, "signed_in_anew")
    fresh = {**dict(answer.context["fields"]), "csrfmiddlewaretoken": client.cookies["csrftoken"].value}
    assert client.post(url(cast), fresh, HTTP_ORIGIN=HOST).status_code == 302
    assert JointReview.objects.get().names("front") == ["Đinh <b>Thị, Trưởng ban"]


@pytest.mark.parametrize("origin", ["https://evil.example", "null", ""])
def test_another_site_gets_no_button_for_what_it_sends(cast: Cast, origin: str) -> None:
    client = client_of(cast.secretary)
    more = {"HTTP_ORIGIN": origin} if origin else {}
    answer = client.post(url(cast), data(), **more)
    assert answer.status_code == 403
    assert "Gửi lại" not in answer.content.decode()
    assert "Đinh" not in answer.content.decode()


def test_secrets_are_never_repeated(cast: Cast) -> None:
    client = Client(enforce_csrf_checks=True)
    answer = client.post("/tai-khoan/dang-nhap/", {"login": "x", "password": "bi-mat-2026"}, HTTP_ORIGIN=HOST)
    assert (answer.status_code, "bi-mat-2026" in answer.content.decode()) == (403, False)
    changed = {"oldpassword": "bi-mat-2026", "password1": "a", "password2": "a", "csrfmiddlewaretoken": "x"}
    answer = Client().post("/tai-khoan/mat-khau/", changed)
    assert (answer.status_code, "bi-mat-2026" in answer.content.decode()) == (302, False)
