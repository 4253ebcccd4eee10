"""Answers past the commune: the national portal and forms carried by hand, page by page."""

from collections.abc import Callable
from html import unescape

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from evaluations.models import EvaluationRequest
from evaluations.models.keying import key
from members.models import User
from members.roles import Action
from tests import factories
from tests.conftest import Cast
from tests.season import SCAN, Season, by

SignIn = Callable[[User], Client]
LIST = reverse("evaluations:verify_list")


def shown(client: Client, url: str) -> str:
    response = client.get(url, follow=True)
    assert response.status_code == 200
    return unescape(response.content.decode())


def carried(cast: Cast, play: Season) -> list[EvaluationRequest]:
    """Forms that members of the far commune have brought along."""
    play.far()
    matters = list(EvaluationRequest.objects.filter(residence_commune=cast.far_ward))
    for matter in matters:
        assert matter.assessment
        seat = by(cast.officer, Action.KEY, cast.ministry)
        key(matter.assessment, play.paper(origin="carried"), by=seat, expected=0)
    return matters


def test_the_result_of_the_portal_ends_the_request(cast: Cast, play: Season, sign_in: SignIn) -> None:
    play.issued()
    matter = EvaluationRequest.objects.get()
    client, url = sign_in(cast.officer), reverse("evaluations:portal_result", args=[matter.pk])
    assert "Đã nộp qua Cổng dịch vụ công" in shown(client, reverse("evaluations:request_page", args=[matter.pk]))
    half = unescape(client.post(url, {"code": "000.12", "on": "01/10/2026"}).content.decode())
    assert ("Chọn tệp bản chụp" in half, 'value="000.12"' in half) == (True, True)

    client.post(url, {"code": "000.12", "on": "01/10/2026", "scan": SimpleUploadedFile("kq.pdf", SCAN)})

    page = shown(client, reverse("evaluations:request_page", args=[matter.pk]))
    assert "Kết quả thủ tục 2.002753" in page
    assert "000.12" in page
    assert EvaluationRequest.objects.get().state == "received"
    assert "không còn chờ trả lời" in shown(client, url)


def test_carried_forms_wait_on_a_list_until_verified(cast: Cast, play: Season, sign_in: SignIn) -> None:
    matter = carried(cast, play)[0]
    client, url = sign_in(cast.signer), reverse("evaluations:verify", args=[matter.pk])
    assert "phải đối chiếu, thẩm định" in shown(client, "/")
    assert "Hồ Thử Xa" in shown(client, LIST)
    assert "Đối chiếu, thẩm định" in shown(client, reverse("evaluations:request_page", args=[matter.pk]))

    said = {"method": "phone", "result": "agrees", "note": "Hỏi đồng chí bí thư", "verified_on": "2026-11-06"}
    assert "Ghi đã hỏi ai" in unescape(client.post(url, said | {"note": ""}).content.decode())
    client.post(url, said | {"result": "unknown"})
    assert "Nơi cư trú chưa trả lời được" in shown(client, LIST)
    client.post(url, said)
    assert "Hồ Thử Xa" not in shown(client, LIST)


@pytest.mark.parametrize("count", [1, 3])
def test_the_list_costs_the_same_for_one_and_for_three(cast: Cast, play: Season, sign_in: SignIn, count: int) -> None:
    for number in range(count - 1):
        factories.member(f"Mai Thử {number}", workplace=cast.office_cell, commune=cast.far_ward)
    carried(cast, play)
    client = sign_in(cast.signer)
    with CaptureQueriesContext(connection) as queries:
        client.get(LIST)
    assert len(queries) == 7
