"""Keying signed paper page by page: the list, one sheet, the second keying, and what the cell sees of it."""

from collections.abc import Callable
from datetime import timedelta
from html import unescape
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from evaluations.models import AssessmentVersion, Campaign, Contest, DocumentFile, EvaluationRequest
from evaluations.models.paper_codes import PaperKind, paper_code
from members.models import AuditEvent, User
from members.roles import Role
from tests import factories
from tests.conftest import Cast
from tests.season import GOOD, SCAN, Season

SignIn = Callable[[User], Client]
LIST = reverse("evaluations:key_list")


def shown(client: Client, url: str) -> str:
    response = client.get(url, follow=True)
    assert response.status_code == 200
    return unescape(response.content.decode())


def sheet(**changes: Any) -> dict[str, Any]:
    """What the officer types from one sheet."""
    return {
        "expected": "0",
        "origin": "paper",
        **{code: str(answer["option"]) for code, answer in GOOD.items()},
        "remarks": "Tham gia dọn vệ sinh.",
        "met_on": "20/10/2026",
        "on_paper_on": "21/10/2026",
        "signer_name": "Ngô Văn Bí Thư",
        "signer_position": "Bí thư",
        "paper_reason": "no_account",
        "scan": SimpleUploadedFile("phiếu.pdf", SCAN),
    } | changes


def form_url(matter: EvaluationRequest) -> str:
    return reverse("evaluations:key_form", args=[matter.assessment_id])


def test_the_list_finds_a_sheet_by_its_code_and_by_name(cast: Cast, play: Season, sign_in: SignIn) -> None:
    matter = play.assigned()[0]
    client = sign_in(cast.ward_officer)
    assert matter.assessment_id

    assert "Trần Thị Thử" in shown(client, LIST)
    assert "Trần Thị Thử" in shown(client, f"{LIST}?tim=tran thi thu")
    code = paper_code(PaperKind.ASSESSMENT, matter.assessment_id)
    assert client.get(f"{LIST}?tim={code.lower()}")["Location"] == form_url(matter)
    assert client.get(reverse("evaluations:paper_code", args=[code]))["Location"] == form_url(matter)
    assert "Không tìm thấy" in shown(client, f"{LIST}?tim=A-1-AAAAA")
    assert "Trần Thị Thử" not in shown(sign_in(cast.other_ward_officer), f"{LIST}?tim=tran thi thu")


def test_a_sheet_is_keyed_and_shown_beside_its_scan(cast: Cast, play: Season, sign_in: SignIn) -> None:
    matter = play.assigned()[0]
    client = sign_in(cast.ward_officer)
    assert "Trần Thị Thử" in shown(client, form_url(matter))

    page = client.post(form_url(matter), sheet(), follow=True)

    version = AssessmentVersion.objects.get()
    assert page.redirect_chain[-1][0] == reverse("evaluations:keyed_page", args=[version.pk])
    assert version.state == "submitted"
    scan = client.get(reverse("evaluations:document_scan", args=[version.form.pk, version.form.files.get().pk]))
    assert (scan["Content-Type"], scan["X-Content-Type-Options"], scan.content) == ("application/pdf", "nosniff", SCAN)
    assert scan["Content-Disposition"].startswith('inline; filename="ban-chup-')
    assert AuditEvent.objects.filter(verb="read", object_id=version.form.pk).exists()
    assert "Không có phiếu giấy nào chờ nhập" in shown(client, LIST)


def test_nothing_typed_is_lost_on_an_error(cast: Cast, play: Season, sign_in: SignIn) -> None:
    matter = play.assigned()[0]
    typed = sheet(met_on="31/12/2099", signer_name="", civic_duty="n", remarks="Câu dài đã gõ")
    response = sign_in(cast.ward_officer).post(form_url(matter), typed)
    page = unescape(response.content.decode())

    assert AssessmentVersion.objects.count() == 0
    for words in ("Câu dài đã gõ", "Ngày này chưa đến", "Ghi họ và tên người ký phiếu", "Ghi lý do không có cơ sở"):
        assert words in page
    assert 'value="n" class="form-check-input" id="id_civic_duty' in page or 'name="civic_duty" value="n"' in page


@pytest.mark.parametrize(
    ("content", "problem"),
    [(b"MZ\x90 program", "không phải PDF, JPG hay PNG"), (b"%PDF-" + b"0" * 5_300_000, "lớn hơn 5 MB"), (b"", "trống")],
)
def test_only_pictures_of_paper_are_kept(
    cast: Cast, play: Season, sign_in: SignIn, content: bytes, problem: str
) -> None:
    matter = play.assigned()[0]
    typed = sheet(scan=SimpleUploadedFile("phieu.pdf", content))
    page = unescape(sign_in(cast.ward_officer).post(form_url(matter), typed).content.decode())
    assert problem in page
    assert not DocumentFile.objects.filter(kind="scan").exists()


def test_a_text_keyed_meanwhile_is_told_and_both_are_kept(cast: Cast, play: Season, sign_in: SignIn) -> None:
    play.keyed()
    matter = EvaluationRequest.objects.get()
    response = sign_in(cast.ward_officer).post(form_url(matter), sheet(remarks="Khác hẳn"))
    assert response.status_code == 409
    assert "Khác hẳn" in unescape(response.content.decode())
    assert AssessmentVersion.objects.count() == 1


def test_the_next_sheet_begins_with_what_the_pile_shares(cast: Cast, play: Season, sign_in: SignIn) -> None:
    factories.member("Trần Văn Ứng", workplace=cast.office_cell, commune=cast.ward)
    first, second = sorted(play.assigned(), key=lambda row: row.member.sort_key)
    client = sign_in(cast.ward_officer)
    page = client.post(form_url(first), sheet(next="1"), follow=True)
    assert page.redirect_chain[-1][0] == form_url(second)
    words = unescape(page.content.decode())
    assert 'value="Ngô Văn Bí Thư"' in words
    assert "Tham gia dọn vệ sinh." not in words


def test_the_workplace_keys_for_communes_outside_only(cast: Cast, play: Season, sign_in: SignIn) -> None:
    matter = play.far()
    client = sign_in(cast.officer)
    near = EvaluationRequest.objects.get(member=cast.asked)
    assert near.assessment_id is None
    assert "Hồ Thử Xa" in shown(client, LIST)
    assert "Trần Thị Thử" not in shown(client, LIST)

    half = client.post(form_url(matter), sheet(reply_number="45-CV/ĐU"))
    assert "Ghi cả số và ngày" in unescape(half.content.decode())
    client.post(form_url(matter), sheet(reply_number="45-CV/ĐU", reply_on="2026-11-05"))

    page = shown(client, reverse("evaluations:request_page", args=[matter.pk]))
    for words in ("Nhập từ bản giấy", "Số 45-CV/ĐU", "Bản chụp 1", "theo bản giấy", "Nêu gương tốt"):
        assert words in page
    assert "đang lập bản in" not in page
    assert sign_in(cast.neighbour).get(form_url(matter)).status_code == 404


def test_two_keyings_are_compared_side_by_side(cast: Cast, play: Season, sign_in: SignIn) -> None:
    play.campaign()
    Campaign.objects.update(keyed_twice=True)
    matter = play.assigned()[0]
    second = factories.official("second", "Mạc Thị Hai", cast.ward, Role.OFFICER)
    sign_in(cast.ward_officer).post(form_url(matter), sheet())
    assert "Chờ nhập lần hai" in shown(sign_in(second), LIST)
    again = reverse("evaluations:key_again", args=[matter.assessment_id])
    client = sign_in(second)
    assert client.get(form_url(matter))["Location"] == again
    empty = shown(client, again)
    assert "checked" not in empty

    ratings = {code: str(answer["option"]) for code, answer in GOOD.items()}
    page = unescape(client.post(again, ratings | {"civic_duty": "1"}, follow=True).content.decode())
    assert "khác nhau ở 1 mục" in page
    assert ("Gương mẫu đi đầu" in page, "Lần hai" in page) == (True, True)
    client.post(again, {"civic_duty": "1", "civic_duty-facts": ""})
    version = AssessmentVersion.objects.get()
    assert (version.state, version.answer("civic_duty")["option"]) == ("submitted", 1)


def test_the_cell_sees_what_was_keyed_in_its_name_and_contests_it(cast: Cast, play: Season, sign_in: SignIn) -> None:
    version = play.keyed()
    url = reverse("evaluations:keyed_page", args=[version.pk])
    cell = sign_in(cast.secretary)
    assert "Đặng Văn Phường" in shown(cell, url)
    assert "Ghi một câu" in unescape(cell.post(reverse("evaluations:contest", args=[version.pk])).content.decode())

    cell.post(reverse("evaluations:contest", args=[version.pk]), {"note": "Mục 3 trên giấy khác"})

    ward = sign_in(cast.ward_officer)
    confirm = shown(ward, reverse("evaluations:confirm_page", args=[version.pk]))
    assert "khác với bản giấy" in confirm
    assert "Mục 3 trên giấy khác" in shown(ward, url)
    ward.post(reverse("evaluations:contest_settle", args=[version.pk]), {"note": "Giấy ghi đúng như đã nhập"})
    assert Contest.objects.get().settled_note == "Giấy ghi đúng như đã nhập"
    assert "Giấy ghi đúng như đã nhập" in shown(cell, url)


def test_an_open_contest_is_told_to_the_workplace(cast: Cast, play: Season, sign_in: SignIn) -> None:
    matter = play.answered_from_paper()
    sign_in(cast.secretary).post(
        reverse("evaluations:contest", args=[AssessmentVersion.objects.get().pk]), {"note": "Mục 3 khác"}
    )
    page = shown(sign_in(cast.signer), reverse("evaluations:request_page", args=[matter.pk]))
    assert "báo nội dung này nhập khác với bản giấy" in page


def test_a_scan_is_added_later(cast: Cast, play: Season, sign_in: SignIn) -> None:
    version = play.keyed(scan=None)
    client = sign_in(cast.ward_officer)
    url = reverse("evaluations:scan_add", args=[version.pk])
    assert "Chọn tệp bản chụp" in unescape(client.post(url).content.decode())
    client.post(url, {"scan": SimpleUploadedFile("a.png", b"\x89PNG\r\n\x1a\n...")})
    file = version.form.files.get()
    scan = client.get(reverse("evaluations:document_scan", args=[version.form.pk, file.pk]))
    assert scan["Content-Type"] == "image/png"


@pytest.mark.parametrize("count", [1, 3])
def test_the_list_costs_the_same_for_one_and_for_three(cast: Cast, play: Season, sign_in: SignIn, count: int) -> None:
    for number in range(count - 1):
        factories.member(f"Lê Thử {number}", workplace=cast.office_cell, commune=cast.ward)
    play.assigned()
    client = sign_in(cast.ward_officer)
    with CaptureQueriesContext(
        connection,
    ) as queries:
        client.get(LIST)
    assert len(queries) == 6


def test_a_campaign_may_ask_for_two_keyings(cast: Cast, sign_in: SignIn) -> None:
    today = timezone.localdate()
    said = {"year": str(today.year), "self_criticism_on": (today + timedelta(days=45)).isoformat(), "keyed_twice": "on"}
    sign_in(cast.officer).post(reverse("evaluations:campaign_create", args=[cast.ministry.pk]), said)
    assert Campaign.objects.get().keyed_twice
