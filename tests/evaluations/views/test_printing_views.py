"""What wards and workplaces print: packs, replies by workplace, answers, labels and envelopes."""

import io
from collections.abc import Callable
from html import unescape

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from pypdf import PdfReader

from evaluations import tasks
from evaluations.models import Assessment, Bundle, EvaluationRequest, Letter
from evaluations.models.paper_codes import PaperKind, paper_code
from members.models import Organization, User
from tests import factories
from tests.conftest import Cast
from tests.season import Season

SignIn = Callable[[User], Client]
YEAR = Season.YEAR
pytestmark = pytest.mark.filterwarnings("ignore:unclosed file.*sRGB2014:ResourceWarning")


def url(name: str, *args: int) -> str:
    return reverse(f"evaluations:{name}", args=args)


def shown(client: Client, address: str) -> str:
    response = client.get(address, follow=True)
    assert response.status_code == 200
    return unescape(response.content.decode())


def printed(client: Client, address: str, **data: object) -> list[str]:
    """The texts of the pages that one press ends in."""
    response = client.post(address, data)
    assert response.status_code == 302
    bundle = Bundle.objects.latest("pk")
    tasks.bundle(bundle.pk)
    content = b"".join(client.get(url("bundle_file", bundle.pk)))
    return [" ".join(page.extract_text().split()) for page in PdfReader(io.BytesIO(content)).pages]


def test_the_ward_prints_letters_and_every_cells_pack(cast: Cast, play: Season, sign_in: SignIn) -> None:
    play.assigned()
    factories.member("Lý Thử Tám", workplace=cast.office_cell, commune=cast.ward, cell=cast.other_cell)
    client, page = sign_in(cast.ward_clerk), url("commune_print", cast.ward.pk, YEAR)
    assert page in shown(client, "/")
    assert "Tất cả 2 phiếu" in shown(client, page)

    texts = printed(client, page)

    assert "Kính gửi: Đảng ủy phường An Hải" in texts[0]
    kinds = [
        next((kind for kind in ("PHIẾU GIAO", "PHIẾU NHẬN XÉT", "BẢNG NHẬN XÉT") if kind in text), "")
        for text in texts[2:]
    ]
    assert kinds == ["PHIẾU GIAO", "PHIẾU NHẬN XÉT", "BẢNG NHẬN XÉT"] * 2
    assert "Trần Thị Thử" in texts[3]
    assert "Lý Thử Tám" in texts[6]


def test_the_wards_page_asks_as_much_for_three_cells_as_for_one(cast: Cast, sign_in: SignIn) -> None:
    client, counts = sign_in(cast.ward_clerk), []
    for number in range(3):
        cell = factories.residence_cell(cast.ward, f"Thôn {number}")
        factories.member(workplace=cast.office_cell, commune=cast.ward, cell=cell)
        with CaptureQueriesContext(connection) as queries:
            shown(client, url("commune_print", cast.ward.pk, YEAR))
        counts.append(len(queries))
    assert len(set(counts)) == 1


def test_replies_go_back_in_one_pile_for_each_workplace(cast: Cast, play: Season, sign_in: SignIn) -> None:
    play.answered()
    client, page = sign_in(cast.ward_signer), url("returns_print", cast.ward.pk, YEAR)
    assert page in shown(client, "/")
    assert "Đảng ủy Sở Thử Nghiệm" in shown(client, page)
    assert client.post(page, {"workplace": cast.other_ministry.pk}).status_code == 404

    texts = printed(client, page, workplace=cast.ministry.pk)

    assert "Phúc đáp Công văn" in texts[0]
    assert "Trần Thị Thử" in texts[-1]
    assert EvaluationRequest.objects.get().state == "answered"


def test_taking_the_answers_home_is_their_reception(cast: Cast, play: Season, sign_in: SignIn) -> None:
    matter = play.answered()
    client, page = sign_in(cast.officer), url("campaign_print", matter.campaign_id or 0)
    assert "1 phiếu nhận xét đã trả lời" in shown(client, page)

    texts = printed(client, page, kind="campaign_answers", reason="Họp kiểm điểm")

    assert "PHIẾU NHẬN XÉT" in texts[0]
    assert Bundle.objects.get().reason == "Họp kiểm điểm"
    assert EvaluationRequest.objects.get().state == "received"


def test_a_commune_on_paper_gets_letter_list_and_forms(cast: Cast, play: Season, sign_in: SignIn) -> None:
    factories.member("Mai Thử Xa", workplace=cast.office_cell, commune=cast.far_ward)
    campaign = play.issued()
    play.rendered()
    client = sign_in(cast.officer)
    assert "Công văn và phiếu" in shown(client, url("campaign_print", campaign.pk))

    letter, listed, form = printed(
        client, url("campaign_print", campaign.pk), kind="letter_pack", commune=cast.far_ward.pk
    )

    assert Letter.objects.get(channel="print").code in letter.replace("- ", "-")
    assert "Mai Thử Xa" in listed
    assert "CHI BỘ ……" in form
    assert "ĐẢNG BỘ XÃ HÒA VANG" in form
    assert paper_code(PaperKind.ASSESSMENT, Assessment.objects.get().pk) in form


@pytest.mark.parametrize(("paper", "pages"), [("A4", 1), ("DL", 2), ("C5", 2)])
def test_labels_and_envelopes_of_the_ticked(cast: Cast, sign_in: SignIn, paper: str, pages: int) -> None:
    Organization.objects.filter(pk=cast.far_ward.pk).update(address="Số 1 <b>đường</b> Mẫu, xã Hòa Vang")
    client = sign_in(cast.officer)

    texts = printed(client, url("address_print"), to=[cast.far_ward.pk, cast.ward.pk], paper=paper)

    assert len(texts) == pages
    everything = " ".join(texts)
    assert "Đảng ủy xã Hòa Vang Số 1 <b>đường</b> Mẫu, xã Hòa Vang" in everything
    assert everything.count("Kính gửi:") == 2
    assert ("Đảng ủy Sở Thử Nghiệm" in everything) == (paper != "A4")


def test_nothing_ticked_is_said(cast: Cast, sign_in: SignIn) -> None:
    page = sign_in(cast.officer).post(url("address_print"), {"paper": "A4"}, follow=True)
    assert "Xin đánh dấu ít nhất một đơn vị" in unescape(page.content.decode())
