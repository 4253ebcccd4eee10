"""Signing day: some letters are signed, others go back with a word, and who signs stands on the paper."""

import io
from collections.abc import Callable

import pytest
from django.test import Client
from django.urls import reverse
from pypdf import PageObject, PdfReader

from evaluations import tasks
from evaluations.models import Bundle, Campaign, Document, EvaluationRequest
from members.models import Signatory, User
from members.roles import Role
from tests import factories
from tests.conftest import Cast
from tests.season import Season

pytestmark = pytest.mark.django_db
SignIn = Callable[[User], Client]


@pytest.fixture
def campaign(cast: Cast, play: Season) -> Campaign:
    """Three letters wait: to the ward, to the neighbours, and to a commune on paper."""
    factories.member("Lê Thử Hai", workplace=cast.office_cell, commune=cast.other_ward)
    factories.member("Mai Thử Ba", workplace=cast.office_cell, commune=cast.far_ward)
    return play.presented()


def letter_to(campaign: Campaign, locality: str) -> Document:
    return campaign.documents.get(recipient__locality=locality)


def post(client: Client, campaign: Campaign, **data: str) -> list[str]:
    response = client.post(reverse("evaluations:campaign_issue", args=[campaign.pk]), {"how": "next"} | data)
    if response.status_code == 302:
        return []
    folder = response.context["folder"]
    return [sentence for errors in folder.errors.values() for sentence in errors]


def states(campaign: Campaign) -> dict[str, tuple[str, str | None, set[str]]]:
    """{locality: (state of its letter, its number, states of its requests)}"""
    found = {}
    for letter in campaign.documents.select_related("recipient"):
        matters = campaign.requests.filter(residence_commune=letter.recipient)
        found[letter.recipient.locality] = (letter.state, letter.number, set(matters.values_list("state", flat=True)))
    return found


def test_two_are_signed_and_one_goes_back_with_a_word(cast: Cast, sign_in: SignIn, campaign: Campaign) -> None:
    ward, other, far = (letter_to(campaign, name) for name in ("An Hải", "Sơn Trà", "Hòa Vang"))
    word = {f"word-{other.pk}": "Thiếu đồng chí Lê Thử Tư"}

    assert post(sign_in(cast.signer), campaign, **{f"sign-{ward.pk}": "on", f"sign-{far.pk}": "on"}, **word) == []

    assert states(campaign) == {
        "An Hải": ("issued", "1", {"issued"}),
        "Hòa Vang": ("issued", "2", {"issued"}),
        "Sơn Trà": ("draft", None, {"cancelled"}),
    }
    page = sign_in(cast.officer).get(reverse("evaluations:campaign_page", args=[campaign.pk]))
    (returned,) = page.context["sent_back"]
    assert (returned.return_note, returned.returned_by.user) == ("Thiếu đồng chí Lê Thử Tư", cast.signer)
    assert "Thiếu đồng chí Lê Thử Tư" in page.content.decode()


def test_the_drafter_learns_at_home_that_letters_came_back(cast: Cast, sign_in: SignIn, campaign: Campaign) -> None:
    """Also in a campaign that is already open, and until they are presented again."""
    ward, other = letter_to(campaign, "An Hải"), letter_to(campaign, "Sơn Trà")
    said = "Người ký đã trả lại công văn kèm lời nhắn."
    assert said not in sign_in(cast.officer).get("/").content.decode()

    post(sign_in(cast.signer), campaign, **{f"sign-{ward.pk}": "on", f"word-{other.pk}": "Thiếu một đồng chí"})
    assert said in sign_in(cast.officer).get("/").content.decode()
    assert said not in sign_in(cast.signer).get("/").content.decode()

    sign_in(cast.officer).post(reverse("evaluations:campaign_present", args=[campaign.pk]))
    assert said not in sign_in(cast.officer).get("/").content.decode()


def test_a_closed_campaign_asks_nobody_to_present_again(cast: Cast, sign_in: SignIn, campaign: Campaign) -> None:
    ward, other = letter_to(campaign, "An Hải"), letter_to(campaign, "Sơn Trà")
    post(sign_in(cast.signer), campaign, **{f"sign-{ward.pk}": "on", f"word-{other.pk}": "Thiếu một đồng chí"})
    officer = sign_in(cast.officer)

    officer.post(reverse("evaluations:campaign_close", args=[campaign.pk]))

    assert "Thiếu một đồng chí" not in officer.get(f"/dot/{campaign.pk}/").content.decode()
    assert "Người ký đã trả lại" not in officer.get("/").content.decode()


def test_what_went_back_is_presented_again_and_takes_the_next_number(
    cast: Cast, sign_in: SignIn, campaign: Campaign
) -> None:
    ward, other, far = (letter_to(campaign, name) for name in ("An Hải", "Sơn Trà", "Hòa Vang"))
    signed = {f"sign-{ward.pk}": "on", f"sign-{far.pk}": "on"}
    post(sign_in(cast.signer), campaign, **signed, **{f"word-{other.pk}": "Thiếu một đồng chí"})
    factories.member("Lê Thử Tư", workplace=cast.office_cell, commune=cast.other_ward)

    sign_in(cast.officer).post(reverse("evaluations:campaign_present", args=[campaign.pk]))
    again = letter_to(campaign, "Sơn Trà")
    assert (again.pk, again.state, again.return_note, len(again.facts["rows"])) == (other.pk, "for_signature", "", 2)
    post(sign_in(cast.signer), campaign, **{f"sign-{other.pk}": "on"})

    assert states(campaign)["Sơn Trà"] == ("issued", "3", {"issued", "cancelled"})
    assert EvaluationRequest.objects.live().filter(letter=other, state="issued").count() == 2


def test_a_letter_with_neither_tick_nor_word_waits_on(cast: Cast, sign_in: SignIn, campaign: Campaign) -> None:
    ward = letter_to(campaign, "An Hải")

    post(sign_in(cast.signer), campaign, **{f"sign-{ward.pk}": "on"})

    assert {name: row[0] for name, row in states(campaign).items()} == {
        "An Hải": "issued",
        "Sơn Trà": "for_signature",
        "Hòa Vang": "for_signature",
    }
    campaign.refresh_from_db()
    assert (campaign.state, campaign.can_issue()) == ("open", True)
    home = sign_in(cast.signer).get("/").content.decode()
    assert reverse("evaluations:campaign_issue", args=[campaign.pk]) in home


def test_pressing_twice_signs_and_returns_nothing_twice(cast: Cast, sign_in: SignIn, campaign: Campaign) -> None:
    ward, other = letter_to(campaign, "An Hải"), letter_to(campaign, "Sơn Trà")
    client, data = sign_in(cast.signer), {f"sign-{ward.pk}": "on", f"word-{other.pk}": "Sửa lại"}
    post(client, campaign, **data)
    before = states(campaign)

    post(client, campaign, **data)

    assert states(campaign) == before


def test_a_colleague_who_presents_again_does_not_free_the_drafter(
    cast: Cast, sign_in: SignIn, campaign: Campaign
) -> None:
    factories.seat(cast.officer, cast.ministry, Role.SIGNER)
    factories.seat(cast.signer, cast.ministry, Role.OFFICER)
    sign_in(cast.signer).post(reverse("evaluations:campaign_present", args=[campaign.pk]))
    ward = letter_to(campaign, "An Hải")

    page = sign_in(cast.officer).post(
        reverse("evaluations:campaign_issue", args=[campaign.pk]), {"how": "next", f"sign-{ward.pk}": "on"}
    )

    assert "Người soạn không tự ký phát hành." in page.content.decode()
    assert {row[0] for row in states(campaign).values()} == {"for_signature"}


@pytest.mark.parametrize(
    ("ticked", "word", "sentence"),
    [
        (True, "Sửa lại", "vừa chọn ký vừa có lời nhắn"),
        (False, "", "Chưa chọn công văn nào để ký"),
        (False, "x" * 301, "dài nhất 300"),
    ],
)
def test_what_cannot_be_meant_is_said_beside_it(
    cast: Cast, sign_in: SignIn, campaign: Campaign, ticked: bool, word: str, sentence: str
) -> None:
    ward = letter_to(campaign, "An Hải")
    data = {f"word-{ward.pk}": word} | ({f"sign-{ward.pk}": "on"} if ticked else {})

    (said,) = post(sign_in(cast.signer), campaign, **data)

    assert sentence in said
    assert {row[0] for row in states(campaign).values()} == {"for_signature"}


def test_a_refused_number_returns_nothing_either(cast: Cast, sign_in: SignIn, campaign: Campaign) -> None:
    ward, other = letter_to(campaign, "An Hải"), letter_to(campaign, "Sơn Trà")
    data = {f"sign-{ward.pk}": "on", f"word-{other.pk}": "Sửa lại", "how": "typed", "first": ""}
    url = reverse("evaluations:campaign_issue", args=[campaign.pk])

    page = sign_in(cast.signer).post(url, data)

    assert "Ghi số của công văn đầu tiên." in page.content.decode()
    assert 'value="Sửa lại"' in page.content.decode()
    assert {row[0] for row in states(campaign).values()} == {"for_signature"}


def test_the_chosen_signer_stands_on_the_paper(cast: Cast, sign_in: SignIn, campaign: Campaign) -> None:
    deputy = Signatory.objects.create(
        organization=cast.ministry, authority="T/M ĐẢNG ỦY", position="PHÓ BÍ THƯ", name="Lâm Thử Phó"
    )
    ward, other = letter_to(campaign, "An Hải"), letter_to(campaign, "Sơn Trà")

    post(sign_in(cast.signer), campaign, **{f"sign-{ward.pk}": "on", "signer": str(deputy.pk)})
    post(sign_in(cast.signer), campaign, **{f"sign-{other.pk}": "on"})

    ward.refresh_from_db()
    other.refresh_from_db()
    assert ward.facts["signature"] == {"authority": "T/M ĐẢNG ỦY", "position": "PHÓ BÍ THƯ", "name": "Lâm Thử Phó"}
    assert other.facts["signature"] == cast.ministry.signature()


def test_another_offices_signer_cannot_be_chosen(cast: Cast, sign_in: SignIn, campaign: Campaign) -> None:
    stranger = Signatory.objects.create(
        organization=cast.other_ministry, authority="T/M ĐẢNG ỦY", position="BÍ THƯ", name="Người Khác"
    )
    ward = letter_to(campaign, "An Hải")

    (said,) = post(sign_in(cast.signer), campaign, **{f"sign-{ward.pk}": "on", "signer": str(stranger.pk)})

    assert said == "Thể thức ký này vừa thôi dùng. Xin chọn lại."
    assert {row[0] for row in states(campaign).values()} == {"for_signature"}


def test_the_ward_chooses_who_signs_its_reply(cast: Cast, play: Season, sign_in: SignIn) -> None:
    play.confirmed()
    deputy = Signatory.objects.create(
        organization=cast.ward, authority="T/M BAN THƯỜNG VỤ", position="PHÓ BÍ THƯ", name="Lâm Thử Phó"
    )
    url = reverse("evaluations:reply_issue", args=[play.letter().pk])

    sign_in(cast.ward_signer).post(url, {"how": "next", "signer": str(deputy.pk)})

    reply = Document.objects.get(genre=Document.Genre.REPLY_LETTER)
    assert reply.facts["signature"] == deputy.signature()


def test_the_folder_is_one_pdf_in_signing_order(cast: Cast, sign_in: SignIn, campaign: Campaign) -> None:
    client = sign_in(cast.signer)

    client.post(reverse("evaluations:signing_folder", args=[campaign.pk]))
    bundle = Bundle.objects.get()
    tasks.bundle(bundle.pk)

    bundle.refresh_from_db()
    order = ["An Hải", "Hòa Vang", "Sơn Trà"]
    assert [ids for _, ids in bundle.plan] == [[letter_to(campaign, name).pk] for name in order]
    download = client.get(reverse("evaluations:bundle_file", args=[bundle.pk]))
    pages = [" ".join(page.extract_text().split()) for page in _pages(b"".join(download.streaming_content))]
    assert [page for page in pages if "DỰ THẢO" not in page] == []
    text = " ".join(pages)
    places = [text.index(f"Đảng ủy {letter_to(campaign, name).recipient.area}") for name in order]
    assert places == sorted(places)


def _pages(content: bytes) -> list[PageObject]:
    return list(PdfReader(io.BytesIO(content)).pages)
