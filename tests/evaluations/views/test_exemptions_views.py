"""The classes of HD 33: set, changed, looked at again by the workplace; hidden at residence; the third never stored."""

import io
from collections.abc import Callable
from datetime import date, timedelta
from html import unescape

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone
from openpyxl import load_workbook
from pypdf import PdfReader

from members.models import AuditDetail, AuditEvent, Placement, User
from members.models.conflicts import Kinship
from tests import factories
from tests.conftest import Cast
from tests.introducing import Introducing
from tests.season import Season

SignIn = Callable[[User], Client]
TODAY = timezone.localdate()
SAID = {
    "standing": "exempt_activity",
    "exemption": "EX_FULLTIME_STUDY",
    "proof": "Quyết định 55-QĐ/ĐU cử đi học",
    "since": "2026-09-01",
    "review_on": str(TODAY + timedelta(days=200)),
}


def standing_url(cast: Cast) -> str:
    return reverse("evaluations:standing", args=[cast.asked.pk])


def said(client: Client, url: str, **data: object) -> str:
    response = client.post(url, data, follow=True)
    assert response.status_code == 200
    return unescape(response.content.decode())


def placement(cast: Cast) -> Placement:
    return Placement.objects.get(member=cast.asked)


def test_the_class_is_set_with_its_reason_and_a_line_of_history(cast: Cast, sign_in: SignIn) -> None:
    page = said(sign_in(cast.officer), standing_url(cast), **SAID)

    row = placement(cast)
    assert (row.standing, row.exemption, row.exemption_proof, row.standing_on, row.review_on) == (
        "exempt_activity",
        "EX_FULLTIME_STUDY",
        "Quyết định 55-QĐ/ĐU cử đi học",
        date(2026, 9, 1),
        TODAY + timedelta(days=200),
    )
    assert "Đi học tập trung 12 tháng trong năm" in page
    event = AuditEvent.objects.get(verb="Placement.set_standing")
    assert (event.object_id, event.seat) == (row.pk, cast.officer.seats.get())
    assert AuditDetail.objects.get(event=event).changes["standing"] == ["active", "exempt_activity"]


def test_back_to_taking_part_forgets_the_reason(cast: Cast, sign_in: SignIn) -> None:
    client = sign_in(cast.officer)
    said(client, standing_url(cast), **SAID)
    said(client, standing_url(cast), **SAID | {"standing": "active"})

    row = placement(cast)
    assert (row.standing, row.exemption, row.exemption_proof, row.review_on) == ("active", "", "", None)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"exemption": ""}, "Chọn lý do miễn."),
        ({"proof": ""}, "Ghi căn cứ"),
        ({"review_on": ""}, "Ghi ngày rà soát lại."),
        ({"review_on": "2026-01-01"}, "phải sau hôm nay"),
        ({"since": str(TODAY + timedelta(days=1))}, "Ngày này chưa tới."),
        ({"standing": ""}, "Chọn diện."),
    ],
)
def test_half_a_reason_is_asked_again(cast: Cast, sign_in: SignIn, changes: dict[str, str], words: str) -> None:
    page = said(sign_in(cast.officer), standing_url(cast), **SAID | changes)
    assert words in page
    assert placement(cast).standing == "active"


@pytest.mark.parametrize(
    "changes",
    [
        {"standing": "exempt_introduction"},
        {"proof": "Được miễn giới thiệu về nơi cư trú"},
        {"proof": "Đơn vị sẵn sàng chiến đấu"},
        {"proof": "Nhiệm vụ đặc biệt, giữ bí mật nhân thân"},
    ],
)
def test_the_third_class_is_explained_and_nothing_is_stored(
    cast: Cast, sign_in: SignIn, changes: dict[str, str]
) -> None:
    client, before = sign_in(cast.officer), AuditEvent.objects.exclude(verb="read").count()
    page = said(client, standing_url(cast), **SAID | changes)

    assert "không được ghi vào hệ thống, kể cả tên và lý do" in page
    assert "data-guard" not in page
    assert (placement(cast).standing, placement(cast).exemption_proof) == ("active", "")
    assert AuditEvent.objects.exclude(verb="read").count() == before


def test_nobody_decides_about_himself_or_his_household(cast: Cast, sign_in: SignIn) -> None:
    Kinship.objects.declare(cast.asked, cast.officer, "spouse", by=cast.signer)
    page = said(sign_in(cast.officer), standing_url(cast), **SAID)
    assert "Đây là người thân của đồng chí (vợ, chồng)." in page
    assert placement(cast).standing == "active"


def test_the_list_begins_with_what_is_to_be_looked_at(cast: Cast, sign_in: SignIn) -> None:
    names = {"An Thử Gần": 10, "Ba Thử Xa": 200, "Ca Thử Quá": -3}
    for name, days in names.items():
        factories.member(name, workplace=cast.office_cell, commune=cast.ward, standing="exempt_activity")
        Placement.objects.filter(member__full_name=name).update(review_on=TODAY + timedelta(days=days))
    client = sign_in(cast.officer)
    page = unescape(client.get(reverse("evaluations:exemptions", args=[cast.ministry.pk])).content.decode())

    assert page.index("Cần rà soát (2)") < page.index("Ca Thử Quá") < page.index("An Thử Gần")
    assert page.index("An Thử Gần") < page.index("Chưa đến hạn rà soát (1)") < page.index("Ba Thử Xa")
    assert "2 đồng chí được miễn sinh hoạt cần rà soát" in unescape(client.get("/").content.decode())


def test_as_many_queries_for_three_as_for_one(cast: Cast, sign_in: SignIn) -> None:
    def count() -> int:
        client = sign_in(cast.officer)
        with CaptureQueriesContext(connection) as queries:
            client.get(reverse("evaluations:exemptions", args=[cast.ministry.pk]))
        return len(queries)

    factories.member(workplace=cast.office_cell, commune=cast.ward, standing="exempt_activity")
    one = count()
    for _ in range(2):
        factories.member(workplace=cast.office_cell, commune=cast.ward, standing="exempt_activity")
    assert count() == one


def test_a_running_request_is_shown(cast: Cast, play: Season, sign_in: SignIn) -> None:
    play.issued()
    page = unescape(sign_in(cast.officer).get(standing_url(cast)).content.decode())
    assert "Đang có đề nghị nhận xét năm 2026" in page


SECRETS = ("học tập trung", "EX_FULLTIME", "55-QĐ", "cử đi học")


def readable(content: bytes) -> str:
    """The words of a page, of a PDF, of a workbook."""
    if content.startswith(b"%PDF"):
        return " ".join(page.extract_text() for page in PdfReader(io.BytesIO(content)).pages)
    if content.startswith(b"PK"):
        book = load_workbook(io.BytesIO(content))
        return " ".join(str(cell) for sheet in book for row in sheet.iter_rows(values_only=True) for cell in row)
    return unescape(content.decode())


def test_the_reason_leaves_the_workplace_on_no_page_paper_or_workbook(
    cast: Cast, play: Season, sign_in: SignIn
) -> None:
    matter = play.answered()
    introducing = Introducing(cast)
    said(sign_in(cast.officer), standing_url(cast), **SAID)
    row = introducing.returned()
    play.rendered()
    ward, cell, year = cast.ward.pk, cast.cell.pk, play.YEAR
    pages = [
        ("evaluations:home", []),
        ("evaluations:introductions_in", [ward]),
        ("evaluations:introduction_back", [row.pk]),
        ("evaluations:newcomers", [cell]),
        ("evaluations:letters_in", []),
        ("evaluations:letter_in", [matter.letter_id]),
        ("evaluations:assign", [ward]),
        ("evaluations:ward_steps", [ward]),
        ("evaluations:confirm_list", [ward]),
        ("evaluations:replies", [ward]),
        ("evaluations:commune_print", [ward, year]),
        ("evaluations:cell_grid", [cell, year]),
        ("evaluations:cell_summary", [cell, year]),
        ("evaluations:cell_person", [cell, year, matter.placement_id]),
        ("members:attendance", [cell, year]),
        ("members:member_list", []),
        ("members:member_page", [cast.asked.pk]),
        ("evaluations:standing", [cast.asked.pk]),
        ("evaluations:exemptions", [cast.ministry.pk]),
        ("evaluations:document_file", [row.document_id]),
        ("evaluations:document_file", [row.counterpart_id]),
        ("evaluations:document_file", [matter.letter_id]),
    ]
    found, opened = [], set()
    for person in (cast.ward_officer, cast.secretary, cast.ward_signer, cast.ward_clerk):
        client = sign_in(person)
        for name, args in pages:
            response = client.get(reverse(name, args=args) + "?tim=Trần Thị Thử")
            text = readable(response.content)
            opened |= {name} if response.status_code == 200 else set()
            found += [(person.username, name, word) for word in SECRETS if word in text]
    export = sign_in(cast.ward_officer).post(
        reverse("evaluations:commune_export", args=[ward, year]), {"reason": "Báo cáo ban thường vụ"}
    )
    content = b"".join(export.streaming_content) if export.streaming else export.content  # type: ignore[attr-defined]
    found += [("export", "", word) for word in SECRETS if word in readable(content)]
    assert found == []
    assert {"evaluations:standing", "evaluations:exemptions", "members:member_page"} & opened == set()
    assert {"evaluations:introductions_in", "evaluations:newcomers", "evaluations:document_file"} <= opened
