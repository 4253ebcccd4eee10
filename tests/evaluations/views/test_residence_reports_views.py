"""Who lives here without an introduction, and who does not live here: noted, sent on, settled."""

from collections.abc import Callable
from html import unescape

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from evaluations.models import EvaluationRequest, Introduction, Letter, ResidenceReport
from members.models import Member, Placement, User
from tests import factories
from tests.conftest import Cast
from tests.introducing import Introducing
from tests.season import Season

SignIn = Callable[[User], Client]
LIVES = {"lives": "1", "full_name": "Trần Thị Thử", "birth_year": "1980", "workplace": "Sở Thử Nghiệm"}


def url(name: str, *args: int) -> str:
    return reverse(f"evaluations:{name}", args=args)


def said(client: Client, address: str, /, **data: object) -> str:
    response = client.post(address, data, follow=True)
    assert response.status_code == 200
    return unescape(response.content.decode())


def shown(client: Client, address: str) -> str:
    return unescape(client.get(address).content.decode())


def test_a_cell_knows_somebody_and_the_workplace_introduces(cast: Cast, sign_in: SignIn) -> None:
    Placement.objects.all().delete()
    page = said(sign_in(cast.secretary), url("residence_reports", cast.cell.pk), **LIVES)
    assert "Đã báo đảng ủy." in page
    assert not Letter.objects.exists()

    officer = sign_in(cast.ward_officer)
    assert "1 báo cáo cư trú của chi bộ chờ xem" in shown(officer, "/")
    report = ResidenceReport.objects.get()
    page = said(officer, url("report_decide", report.pk))
    assert "Đã báo Đảng ủy Sở Thử Nghiệm." in page
    letter = Letter.objects.get()
    assert (letter.kind, letter.recipient, letter.facts) == ("attention", cast.ministry, {"count": 1})

    workplace = sign_in(cast.officer)
    assert "1 báo cáo của nơi cư trú cần xem lại" in shown(workplace, "/")
    page = shown(workplace, url("introductions", cast.ministry.pk))
    assert "đang cư trú, chưa được giới thiệu" in page
    assert url("introduction_draft", cast.ministry.pk, cast.asked.pk) in page
    assert "Đã ghi: đã xử lý" in said(workplace, url("report_settle", report.pk))
    assert "cần xem lại" not in shown(workplace, "/")


def test_the_residence_learns_nothing_of_anybodys_register(cast: Cast, sign_in: SignIn) -> None:
    """A member who exists and one who does not: the same words, at the cell and at the commune."""
    client, address = sign_in(cast.ward_officer), url("residence_reports", cast.ward.pk)
    known = said(client, address, **LIVES)
    unknown = said(client, address, **LIVES | {"full_name": "Trần Thị Thữ"})
    assert "Đã báo Đảng ủy Sở Thử Nghiệm." in known
    assert "Đã báo Đảng ủy Sở Thử Nghiệm." in unknown
    assert Member.objects.count() == 1
    for page in (known, unknown):
        assert "Văn phòng" not in page


def test_a_workplace_that_is_not_on_the_system_is_told_in_words(cast: Cast, sign_in: SignIn) -> None:
    page = said(
        sign_in(cast.ward_officer), url("residence_reports", cast.ward.pk), **LIVES | {"workplace": "Công ty Mẫu"}
    )
    assert "dùng lời báo dưới đây" in page
    assert (
        "Kính gửi Công ty Mẫu: Đảng ủy phường An Hải trân trọng thông báo đồng chí Trần Thị Thử, sinh năm 1980" in page
    )
    assert not Letter.objects.exists()


def test_the_commune_may_know_better(cast: Cast, sign_in: SignIn) -> None:
    said(sign_in(cast.secretary), url("residence_reports", cast.cell.pk), **LIVES)
    report = ResidenceReport.objects.get()
    assert "không chuyển" in said(sign_in(cast.ward_officer), url("report_decide", report.pk), drop="1")
    report.refresh_from_db()
    assert (report.state, report.told_at) == ("dropped", None)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"full_name": ""}, "Ghi họ và tên."),
        ({"birth_year": "1880"}, "Kiểm tra lại năm sinh."),
        ({"workplace": ""}, "Ghi nơi công tác."),
        ({"note": "đơn vị sẵn sàng chiến đấu"}, "không được ghi vào hệ thống"),
    ],
)
def test_half_a_report(cast: Cast, sign_in: SignIn, changes: dict[str, str], words: str) -> None:
    page = said(sign_in(cast.ward_officer), url("residence_reports", cast.ward.pk), **LIVES | changes)
    assert words in page
    assert not ResidenceReport.objects.exists()


def test_not_a_resident_takes_the_introduction_and_the_requests_back(cast: Cast, play: Season, sign_in: SignIn) -> None:
    play.assigned()
    row = Introducing(cast).accepted()
    secretary, officer = sign_in(cast.secretary), sign_in(cast.ward_officer)
    address = url("residence_reports", cast.cell.pk)
    assert "Trần Thị Thử · 1980" in shown(secretary, address)
    data = {"absent": "1", "placement": row.placement_id, "code": "moved"}
    assert "Đã báo đảng ủy." in said(secretary, address, **data)
    assert "Đã báo đảng ủy về đồng chí này." in said(secretary, address, **data)
    assert Placement.objects.current().count() == 1

    said(officer, url("report_decide", ResidenceReport.objects.get().pk))
    row.refresh_from_db()
    assert (row.state, row.return_code) == ("returned", "moved")
    assert EvaluationRequest.objects.get().state == "declined"
    assert not Placement.objects.current().exists()


def test_not_a_resident_who_came_by_a_list(cast: Cast, sign_in: SignIn) -> None:
    placement = Placement.objects.get()
    address = url("residence_reports", cast.ward.pk)
    said(sign_in(cast.ward_officer), address, absent="1", placement=placement.pk, code="not_resident")
    assert not Placement.objects.current().exists()
    page = shown(sign_in(cast.officer), url("introductions", cast.ministry.pk))
    assert "không cư trú tại địa bàn" in page
    assert not Introduction.objects.exists()


def test_as_many_queries_for_three_as_for_one(cast: Cast, sign_in: SignIn) -> None:
    def count(person: User, address: str) -> int:
        client = sign_in(person)
        with CaptureQueriesContext(connection) as queries:
            client.get(address)
        return len(queries)

    pages = [
        (cast.ward_officer, url("residence_reports", cast.ward.pk)),
        (cast.officer, url("introductions", cast.ministry.pk)),
    ]
    client = sign_in(cast.ward_officer)
    said(client, pages[0][1], **LIVES)
    one = [count(*page) for page in pages]
    for _ in range(2):
        member = factories.member(workplace=cast.office_cell, commune=cast.ward)
        said(client, pages[0][1], **LIVES | {"full_name": member.full_name, "birth_year": str(member.birth_year)})
    assert [count(*page) for page in pages] == one
