"""The .xlsx summary: text stays text, dates are dates, ratings only of what has been answered."""

import io
import zipfile
from collections.abc import Callable
from datetime import date, datetime
from html import unescape
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from openpyxl import load_workbook

from evaluations import exports
from evaluations.exports import campaign_export, commune_export
from evaluations.models import EvaluationRequest
from evaluations.reports import workbook
from members.models import AuditDetail, AuditEvent, User
from members.states import Refused
from tests import factories
from tests.conftest import Cast
from tests.season import Season

SignIn = Callable[[User], Client]
YEAR = Season.YEAR
HOSTILE = ["=1+1", "@SUM(A1)", "+84 905", "-5", "https://example.org/", "'x", '<b>&"', "007", "12/12/2026"]


def table(content: bytes) -> list[list[Any]]:
    sheet = load_workbook(io.BytesIO(content)).active
    assert sheet
    return [[day(cell.value) for cell in row] for row in sheet.iter_rows()]


def day(value: Any) -> Any:
    return value.date() if isinstance(value, datetime) else value


def test_text_stays_text_and_dates_are_dates() -> None:
    content = workbook("Thử", ["Cột"], [[text] for text in HOSTILE] + [[date(2026, 10, 5)], [7], [None]])

    assert table(content)[1:] == [*([text] for text in HOSTILE), [date(2026, 10, 5)], [7]]
    sheet = load_workbook(io.BytesIO(content)).active
    assert sheet
    assert {row[0].data_type for row in sheet.iter_rows(min_row=2, max_row=1 + len(HOSTILE))} == {"s"}
    assert sheet["A11"].number_format == "dd/mm/yyyy"
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert b"<f>" not in archive.read("xl/worksheets/sheet1.xml")
        assert not [name for name in archive.namelist() if "rels/sheet" in name]


def test_a_campaigns_table(cast: Cast, play: Season) -> None:
    matter = play.answered()
    factories.member("=cmd|' /C calc'!A0", workplace=cast.office_cell, commune=cast.ward)
    play.presented()
    assert matter.campaign

    head, row = table(campaign_export(matter.campaign).content())

    found = dict(zip(head, row, strict=True))
    assert found == {
        "TT": 1,
        "Họ và tên": "Trần Thị Thử",
        "Ngày sinh": date(1980, 6, 28),
        "Năm sinh": 1980,
        "Chi bộ nơi công tác": "Chi bộ Văn phòng",
        "Xã, phường": "Đảng ủy phường An Hải",
        "Chi bộ nơi cư trú": "Chi bộ Tổ dân phố 7",
        "Bước": "nơi cư trú đã trả lời",
        "Hạn trả lời": date(2026, 11, 15),
        "Phát hành": found["Phát hành"],
        "Vào sổ": found["Vào sổ"],
        "Phân chi bộ": found["Phân chi bộ"],
        "Trả lời": found["Trả lời"],
        "Nơi công tác nhận": None,
        "1. Nêu gương": "Nêu gương tốt",
        "2. Nghĩa vụ công dân": "Gương mẫu đi đầu",
        "3. Tham gia họp": "Tham gia đầy đủ",
        "4. Giữ mối liên hệ": "Thường xuyên, tích cực",
        "5. Phong trào khu dân cư": "Rất tích cực",
        "Đề nghị": "Không đề nghị",
    }
    assert {type(found[name]) for name in ("Phát hành", "Vào sổ", "Phân chi bộ", "Trả lời")} == {date}


def test_no_rating_before_the_answer_has_gone_out(cast: Cast, play: Season) -> None:
    play.confirmed()
    head, row = table(commune_export(cast.ward, YEAR).content())
    assert row[head.index("Nơi công tác")] == "Đảng ủy Sở Thử Nghiệm"
    assert row[head.index("1. Nêu gương") :] == [None] * 6


def test_too_long_a_table_is_refused(cast: Cast, play: Season, monkeypatch: pytest.MonkeyPatch) -> None:
    play.issued()
    monkeypatch.setattr(exports, "LARGEST", 0)
    with pytest.raises(Refused, match="Xin xuất theo từng đơn vị"):
        commune_export(cast.ward, YEAR)


def test_constant_queries(cast: Cast, play: Season) -> None:
    for _ in range(2):
        factories.member(workplace=cast.office_cell, commune=cast.ward)
    campaign = play.issued()
    with CaptureQueriesContext(connection) as queries:
        assert len(campaign_export(campaign).rows) == 3
    assert len(queries) == 1


def test_taking_the_table_needs_a_reason_and_is_logged(cast: Cast, play: Season, sign_in: SignIn) -> None:
    matter = play.answered()
    url = reverse("evaluations:campaign_export", args=[matter.campaign_id])
    client = sign_in(cast.officer)
    said = client.post(url, {"reason": " "}, follow=True)
    assert "Lý do xuất:" in unescape(said.content.decode())
    assert EvaluationRequest.objects.get().state == "answered"

    response = client.post(url, {"reason": "Báo cáo Đảng ủy cấp trên"})

    assert response["Content-Disposition"] == f'attachment; filename="tong-hop-dot-{matter.campaign_id}.xlsx"'
    _, _, blank, [taken, *_] = table(response.content)
    assert not any(blank)
    assert taken.startswith("Người xuất: Nguyễn Văn Soạn, Cán bộ phụ trách – Đảng ủy Sở Thử Nghiệm, lúc ")
    assert taken.endswith("Lý do: Báo cáo Đảng ủy cấp trên")
    sheet = load_workbook(io.BytesIO(response.content)).active
    assert sheet
    assert "Nguyễn Văn Soạn" in sheet.oddFooter.left.text
    event = AuditEvent.objects.get(verb="export")
    assert (event.user, event.object_type, event.object_id) == (
        cast.officer,
        "evaluations.Campaign",
        matter.campaign_id,
    )
    assert AuditDetail.objects.get(event=event).changes == {"reason": ["", "Báo cáo Đảng ủy cấp trên"]}
    assert EvaluationRequest.objects.get().state == "received"


def test_the_wards_table(cast: Cast, play: Season, sign_in: SignIn) -> None:
    play.registered()
    url = reverse("evaluations:commune_export", args=[cast.ward.pk, YEAR])
    response = sign_in(cast.ward_officer).post(url, {"reason": "Họp giao ban"})
    assert table(response.content)[-1][0].startswith("Người xuất: Đặng Văn Phường")
    assert sign_in(cast.ward_clerk).post(url, {"reason": "Họp giao ban"}).status_code == 403


def test_who_signed_in_long_ago_shows_again_who_he_is_and_gets_the_table(
    cast: Cast, play: Season, sign_in: SignIn
) -> None:
    matter = play.answered()
    url = reverse("evaluations:campaign_export", args=[matter.campaign_id])
    client = sign_in(cast.officer)
    session = client.session
    session["account_authentication_methods"][0]["at"] -= 6 * 60
    session.save()

    asked = client.post(url, {"reason": "Báo cáo Đảng ủy cấp trên"})
    wrong = client.post(asked["Location"], {"password": "sai-mat-khau-roi"})
    assert not AuditEvent.objects.filter(verb="export").exists()
    given = client.post(asked["Location"], {"password": factories.PASSWORD})

    assert (asked.status_code, wrong.status_code) == (302, 200)
    assert asked["Location"].startswith(reverse("account_reauthenticate"))
    assert given["Content-Disposition"].startswith("attachment")
    assert AuditDetail.objects.get(event__verb="export").changes == {"reason": ["", "Báo cáo Đảng ủy cấp trên"]}
    assert client.post(url, {"reason": "Lần thứ hai"}).status_code == 200
