"""Quét phiếu: the upload, what was made of each page, and the tray."""

from collections.abc import Callable
from html import unescape

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from PIL import Image

from evaluations import scans, tasks
from evaluations.models import Assessment, ScanBatch, ScanPage
from evaluations.models.paper_codes import PaperKind, paper_code
from members.models import AuditEvent, User
from members.roles import Action
from tests import factories
from tests.conftest import Cast
from tests.scanner import blank, photo, scanned
from tests.season import Season, by

SignIn = Callable[[User], Client]
State = ScanPage.State


def shown(client: Client, address: str) -> str:
    response = client.get(address)
    assert response.status_code == 200
    return unescape(response.content.decode())


def upload(client: Client, cast: Cast, *contents: bytes, name: str = "Phieu cua dong chi Thu.pdf") -> ScanBatch:
    address = reverse("evaluations:scan_list", args=[cast.ward.pk])
    response = client.post(address, {"papers": [SimpleUploadedFile(name, content) for content in contents]})
    batch = ScanBatch.objects.order_by("-pk")[0]
    assert response["Location"] == reverse("evaluations:scan_batch", args=[batch.pk])
    return batch


def url(name: str, row: ScanPage | ScanBatch) -> str:
    return reverse(f"evaluations:{name}", args=[row.pk])


@pytest.fixture
def form_of(cast: Cast) -> Assessment:
    member = factories.member("Đỗ Thử Phiếu", workplace=cast.office_cell, commune=cast.ward, cell=cast.cell)
    return Assessment.objects.create(placement=member.placements.get(), year=Season.YEAR)


def test_the_clerk_uploads_reads_and_binds_by_hand(cast: Cast, sign_in: SignIn, form_of: Assessment) -> None:
    client = sign_in(cast.ward_clerk)
    assert reverse("evaluations:scan_list", args=[cast.ward.pk]) in shown(client, "/")
    batch = upload(client, cast, scanned([blank()]), photo(blank(100)))
    assert "Đang đọc" in shown(client, url("scan_batch", batch))
    assert client.get(url("scan_progress", batch)).status_code == 200

    tasks.read_scans(batch.pk)

    done = client.get(url("scan_progress", batch))
    assert (done.status_code, done["HX-Refresh"]) == (286, "true")
    text = shown(client, url("scan_batch", batch))
    assert text.count("Không thấy mã QR đọc được") == 2
    assert "2 trang quét cần đồng chí xem" in shown(client, "/")
    assert "dong chi" not in text
    first, second = batch.pages.order_by("number")
    code = paper_code(PaperKind.ASSESSMENT, form_of.pk)
    response = client.post(url("scan_page", first), {"code": code.lower(), "page_no": "1"})
    assert response["Location"] == url("scan_batch", batch)
    response = client.post(url("scan_set_aside", second), {"reason": "Trang trắng"}, follow=True)

    text = unescape(response.content.decode())
    assert "Không còn trang nào cần xem." in text
    assert "Đỗ Thử Phiếu" in text
    assert list(ScanPage.objects.of_assessment(form_of)) == [first]
    assert client.get(url("scan_picture", first))["Content-Type"] == "image/jpeg"
    assert client.get(url("scan_file", first))["Content-Type"] == "application/pdf"
    assert client.get(url("scan_file", second))["Content-Type"] == "image/jpeg"
    assert AuditEvent.objects.filter(verb="read", object_type="evaluations.ScanPage").count() == 3


def test_a_page_is_bound_to_a_person_of_the_list(cast: Cast, sign_in: SignIn, form_of: Assessment) -> None:
    client = sign_in(cast.ward_officer)
    batch = upload(client, cast, scanned([blank(), blank()]))
    tasks.read_scans(batch.pk)
    first, second = batch.pages.order_by("number")
    birth = form_of.placement.member.birth_year
    assert f"Đỗ Thử Phiếu · {birth} · Chi bộ Tổ dân phố 7 · năm 2026" in shown(client, url("scan_page", first))

    client.post(url("scan_page", first), {"assessment": form_of.pk, "page_no": "1"})
    taken = client.post(url("scan_page", second), {"assessment": form_of.pk, "page_no": "1"})

    assert f"đã gắn (lần quét {batch.pk}, trang 1)" in unescape(taken.content.decode())
    client.post(url("scan_page", second), {"assessment": form_of.pk, "page_no": "1", "next": "1"})
    assert [page.page_no for page in ScanPage.objects.of_assessment(form_of)] == [1, 2]
    client.post(url("scan_put_back", second))
    client.post(url("scan_page", second), {"assessment": form_of.pk, "page_no": "1", "replaces": "on"})
    assert dict(batch.pages.values_list("number", "state")) == {1: State.DUPLICATE, 2: State.BOUND}


def test_the_scanned_pages_lie_beside_the_fields_they_are_keyed_into(
    cast: Cast, sign_in: SignIn, form_of: Assessment
) -> None:
    client = sign_in(cast.ward_officer)
    batch = upload(client, cast, photo(blank(100)))
    tasks.read_scans(batch.pk)
    (page,) = batch.pages.all()
    key_form = reverse("evaluations:key_form", args=[form_of.pk])
    assert url("scan_picture", page) not in shown(client, key_form)

    client.post(url("scan_page", page), {"assessment": form_of.pk, "page_no": "1"})

    assert key_form in shown(client, url("scan_batch", batch))
    assert url("scan_picture", page) in shown(client, key_form)
    assert key_form not in shown(sign_in(cast.ward_clerk), url("scan_batch", batch))


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        ({"page_no": "1"}, "Nhập mã in trên giấy hoặc chọn đồng chí"),
        ({"page_no": "1", "code": "A-1-ABCDE"}, "Không có phiếu, văn bản nào của đơn vị mang mã này"),
        ({"page_no": "x", "code": ""}, "Ghi số trang bằng chữ số"),
    ],
)
def test_what_was_typed_wrongly_is_said_beside_it(
    cast: Cast, sign_in: SignIn, data: dict[str, str], sentence: str
) -> None:
    client = sign_in(cast.ward_officer)
    batch = upload(client, cast, scanned([blank()]))
    tasks.read_scans(batch.pk)

    response = client.post(url("scan_page", batch.pages.get()), data)

    assert sentence in unescape(response.content.decode())
    assert batch.pages.get().state == State.TRAY


def test_a_page_lying_on_its_side_is_turned(cast: Cast, sign_in: SignIn) -> None:
    client = sign_in(cast.ward_officer)
    batch = upload(client, cast, photo(blank(100).rotate(90, expand=True)))
    tasks.read_scans(batch.pk)
    page = batch.pages.get()

    client.post(url("scan_turn", page))

    page.refresh_from_db()
    assert page.rotation == 90
    read = scans.read_pages(bytes(page.content), 1, 1)
    assert len(read) == 1


@pytest.mark.parametrize(
    ("contents", "sentence"),
    [
        ([], "Chọn tệp quét hoặc ảnh chụp."),
        ([b"%PDF-1.7 damaged"], scans.DAMAGED),
        ([b"GIF89a"], scans.FOREIGN),
        ([photo(blank(50)), b"GIF89a"], f"Tệp thứ 2: {scans.FOREIGN}"),
        ([photo(blank(20))] * 21, "nhiều nhất 20 tệp"),
    ],
)
def test_a_file_that_is_none_is_refused_on_the_form(
    cast: Cast, sign_in: SignIn, contents: list[bytes], sentence: str
) -> None:
    files = [SimpleUploadedFile("quet.pdf", content) for content in contents]

    response = sign_in(cast.ward_officer).post(reverse("evaluations:scan_list", args=[cast.ward.pk]), {"papers": files})

    assert response.status_code in (200, 400)
    assert response.status_code == 400 or sentence in unescape(response.content.decode())
    assert not ScanBatch.objects.exists()


def test_a_large_scan_comes_through_where_other_pages_take_less(cast: Cast, sign_in: SignIn) -> None:
    """More than the 6 MB that any other form takes: grey noise cannot be packed."""
    picture = Image.effect_noise((1654, 2339), 90)
    content = scanned([picture] * 4)
    assert len(content) > 6 * 1024 * 1024

    batch = upload(sign_in(cast.ward_officer), cast, content)

    assert batch.total == 4


def test_lists_ask_the_same_number_of_questions_for_more_rows(cast: Cast, sign_in: SignIn, form_of: Assessment) -> None:
    seat = by(cast.ward_officer, Action.SCAN, cast.ward)
    client, counts = sign_in(cast.ward_officer), []
    for pages in (1, 3):
        batch = ScanBatch.objects.take(cast.ward, [(b"%d" % pages, pages)], by=seat)
        read = [scans.PageRead(number, b"x", True, b"y") for number in range(1, pages + 1)]
        batch.keep(batch.uploads.get(), read)
        for number, page in enumerate(batch.pages.all(), 1):
            target = ScanPage(assessment=form_of, page_no=10 * pages + number).sheet
            page.bind(target, by=seat)
        addresses = [url("scan_batch", batch), reverse("evaluations:scan_list", args=[cast.ward.pk])]
        for address in addresses:
            with CaptureQueriesContext(
                connection,
            ) as queries:
                shown(client, address)
            counts.append(len(queries))
    assert counts[:2] == counts[2:]
