"""Introductions on paper in both directions: entered by the commune, printed and sent by the workplace."""

from collections.abc import Callable
from html import unescape

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from evaluations.models import Document, Introduction, Letter
from members.models import Member, Organization, Placement, RosterImport, StagedRow, User
from tests import factories
from tests.conftest import Cast
from tests.introducing import Introducing
from tests.season import Season

SignIn = Callable[[User], Client]
SAID = {
    "asker": "Đảng ủy Trường Thử Nghiệm",
    "is_new": "on",
    "address": "Số 1 đường Mẫu",
    "number": "12-GGT/ĐU",
    "dated_on": "2026-10-01",
    "registered_no": "33",
    "person-full_name": "Vũ Thử Giấy",
    "person-birth_date": "12/3/1976",
    "person-sex": "Nam",
    "person-joined_on": "3/2/2001",
    "person-workplace_cell": "Chi bộ Toán",
    "person-neighborhood": "Tổ dân phố 7",
    "person-address": "5 đường Mẫu",
}


def url(name: str, *args: int) -> str:
    return reverse(f"evaluations:{name}", args=args)


def said(client: Client, address: str, /, **data: object) -> str:
    response = client.post(address, data, follow=True)
    assert response.status_code == 200
    return unescape(response.content.decode())


def test_a_paper_goes_the_way_of_all_others_and_its_half_is_printed(cast: Cast, play: Season, sign_in: SignIn) -> None:
    clerk, officer = sign_in(cast.ward_clerk), sign_in(cast.ward_officer)
    scan = SimpleUploadedFile("giay.pdf", b"%PDF-1.4 a sheet")
    page = said(clerk, url("paper_introduction", cast.ward.pk), **SAID, scan=scan)
    assert "Đã vào sổ giấy giới thiệu." in page
    row = Introduction.objects.get()
    member = Member.objects.get(full_name="Vũ Thử Giấy")
    assert row.document
    assert (row.state, row.member, row.workplace.kind, row.document.numbered, row.document.registered_no) == (
        "at_commune",
        member,
        "external",
        "12-GGT/ĐU",
        "33",
    )
    assert row.document.files.get().kind == "scan"
    assert not StagedRow.objects.filter(roster__in=RosterImport.objects.exclude(committed_at=None)).exists()

    said(officer, url("introductions_place", cast.ward.pk), **{f"cell-{row.pk}": cast.cell.pk})
    said(sign_in(cast.secretary), url("newcomers", cast.cell.pk), row=row.pk, on="2026-10-12")
    said(sign_in(cast.ward_signer), url("introductions_counterparts", cast.ward.pk), row=row.pk)
    play.rendered()

    letter = Letter.objects.get(kind="receipt")
    assert (letter.channel, letter.state, letter.recipient) == ("print", "rendered", row.workplace)
    page = unescape(clerk.get(url("introductions_in", cast.ward.pk)).content.decode())
    assert "Ghi việc gửi giấy" in page
    page = said(
        clerk, url("hand_over_letter", letter.pk), how="post", on="2026-10-13", given_by="Võ Thị Sổ", postal_no="RR1"
    )
    assert "Đã ghi nhận công văn giấy được gửi đi." in page


def test_the_same_paper_twice(cast: Cast, sign_in: SignIn) -> None:
    client, address = sign_in(cast.ward_clerk), url("paper_introduction", cast.ward.pk)
    said(client, address, **SAID)
    page = said(client, address, **SAID)
    assert "đã có giấy giới thiệu trong sổ" in page
    assert "Vũ Thử Giấy" in page
    assert Introduction.objects.count() == 1


def test_the_exemption_without_its_reason(cast: Cast, sign_in: SignIn) -> None:
    said(sign_in(cast.ward_clerk), url("paper_introduction", cast.ward.pk), **SAID, **{"person-is_exempt": "on"})
    placement = Placement.objects.get(member__full_name="Vũ Thử Giấy")
    assert (placement.standing, placement.exemption) == ("exempt_activity", "")


@pytest.mark.parametrize("field", ["person-position", "person-neighborhood", "person-full_name"])
def test_who_may_not_be_kept_is_not(cast: Cast, sign_in: SignIn, field: str) -> None:
    client, before = sign_in(cast.ward_clerk), Member.objects.count()
    page = said(client, url("paper_introduction", cast.ward.pk), **SAID | {field: "Miễn giới thiệu về nơi cư trú"})
    assert "không được ghi vào hệ thống" in page
    assert (Member.objects.count(), Introduction.objects.count(), RosterImport.objects.count()) == (before, 0, 0)
    assert not Organization.objects.filter(name=SAID["asker"]).exists()


def test_a_question_writes_nothing(cast: Cast, sign_in: SignIn) -> None:
    client, address = sign_in(cast.ward_clerk), url("paper_introduction", cast.ward.pk)
    said(client, address, **SAID)
    again = SAID | {"number": "13-GGT/ĐU", "person-birth_date": "1976", "person-joined_on": ""}
    page = said(client, address, **again)
    assert "Trong sổ đã có người trùng họ tên" in page
    assert (RosterImport.objects.count(), Introduction.objects.count()) == (1, 1)
    assert "Đã vào sổ" in said(client, address, **again, **{"person-is_other_person": "on"})
    assert Introduction.objects.count() == 2


def test_a_committee_on_the_system_sends_its_own(cast: Cast, sign_in: SignIn) -> None:
    page = said(
        sign_in(cast.ward_clerk), url("paper_introduction", cast.ward.pk), **SAID | {"asker": "Không Có", "is_new": ""}
    )
    assert "Chưa có đảng ủy tên này trong danh bạ." in page
    assert not Introduction.objects.exists()


def test_what_goes_to_a_commune_on_paper_is_printed_and_handed_over(cast: Cast, play: Season, sign_in: SignIn) -> None:
    introducing = Introducing(cast)
    row = introducing.issued(
        factories.member("Hồ Thử Xa", workplace=cast.office_cell, commune=cast.far_ward), commune=cast.far_ward
    )
    play.rendered()
    letter = Letter.objects.get(kind="introduce")
    client = sign_in(cast.officer)
    assert "Ghi việc gửi, nhận" in unescape(client.get(url("introduction_page", row.pk)).content.decode())
    said(client, url("hand_over_letter", letter.pk), how="post", on="2026-10-06", given_by="Văn thư", postal_no="RR1")
    letter.refresh_from_db()
    assert letter.state == "sent"

    outside = Client()
    outside.post(url("code_enter"), {"code": letter.code})
    page = unescape(outside.get(url("code_letter")).content.decode())
    assert "ghi phần tiếp nhận" in page
    assert Document.objects.get(introduction=row).state == "issued"
