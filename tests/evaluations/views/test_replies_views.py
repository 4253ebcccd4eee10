"""What the commune owes to which letter, and its replies."""

from collections.abc import Callable
from html import unescape

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from evaluations.models import Document, EvaluationRequest, Letter, NumberSeries
from members.models import AuditEvent, User
from members.roles import Action
from tests import factories
from tests.conftest import Cast
from tests.season import Season, by

SignIn = Callable[[User], Client]


def shown(client: Client, url: str) -> str:
    response = client.get(url, follow=True)
    assert response.status_code == 200
    return unescape(response.content.decode())


def list_url(cast: Cast) -> str:
    return reverse("evaluations:replies", args=[cast.ward.pk])


def issue_url(letter: Document) -> str:
    return reverse("evaluations:reply_issue", args=[letter.pk])


def replies() -> list[Document]:
    return list(Document.objects.filter(genre=Document.Genre.REPLY_LETTER).order_by("pk"))


def test_list_counts_what_is_confirmed_and_names_nobody(cast: Cast, play: Season, sign_in: SignIn) -> None:
    factories.member(workplace=cast.office_cell, commune=cast.ward)
    play.confirmed()
    page = shown(sign_in(cast.ward_signer), list_url(cast))
    assert "1/2 đã xác nhận" in page
    assert "Lập công văn trả lời (1)" in page
    assert "Trần Thị Thử" not in page
    for person in (cast.ward_clerk, cast.ward_officer):
        seen = shown(sign_in(person), list_url(cast))
        assert "1/2 đã xác nhận" in seen
        assert "Lập công văn trả lời (" not in seen


def test_issuing_answers_the_letter_once(cast: Cast, play: Season, sign_in: SignIn) -> None:
    play.confirmed()
    letter = play.letter()
    client = sign_in(cast.ward_signer)
    assert "1 phiếu nhận xét" in shown(client, issue_url(letter))

    response = client.post(issue_url(letter), {"how": "next"})

    assert (response.status_code, response["Location"]) == (302, list_url(cast))
    (reply,) = replies()
    assert (reply.number, reply.issuer, reply.recipient, reply.state) == ("1", cast.ward, cast.ministry, "issued")
    matter = EvaluationRequest.objects.get(member=cast.asked)
    assert (matter.state, matter.reply, matter.answered_by.user) == ("answered", reply, cast.ward_signer)
    assert Letter.objects.filter(kind=Letter.Kind.REPLY, document=reply, recipient=cast.ministry).count() == 1
    assert "Đã phát hành công văn trả lời số 01-CV/ĐU." in shown(client, list_url(cast))
    again = client.post(issue_url(letter), {"how": "next"})
    assert "Chưa có nhận xét nào để trả lời" in unescape(again.content.decode())
    assert replies() == [reply]


def test_issued_reply_lists_its_forms_for_those_who_may_read_them(cast: Cast, play: Season, sign_in: SignIn) -> None:
    matter = play.answered()
    form = matter.answering_version().form
    page = shown(sign_in(cast.ward_officer), list_url(cast))
    for document in (matter.reply, form):
        assert reverse("evaluations:document_file", args=[document.pk]) in page
    assert "Trần Thị Thử" in page
    assert AuditEvent.objects.get(verb="read").object_id == matter.pk
    clerk = shown(sign_in(cast.ward_clerk), list_url(cast))
    assert reverse("evaluations:document_file", args=[matter.reply.pk]) in clerk
    assert "Trần Thị Thử" not in clerk


def test_typed_number_is_taken(cast: Cast, play: Season, sign_in: SignIn) -> None:
    play.confirmed()
    sign_in(cast.ward_signer).post(issue_url(play.letter()), {"how": "typed", "first": "41"})
    assert [reply.number for reply in replies()] == ["41"]


def book_of(cast: Cast) -> NumberSeries:
    return NumberSeries.locked(cast.ward, "CV", timezone.localdate())


def test_used_number_is_refused_beside_the_form(cast: Cast, play: Season, sign_in: SignIn) -> None:
    play.confirmed()
    seat = by(cast.ward_signer, Action.REPLY, cast.ward)
    book_of(cast).ranges.create(first=5, last=5, kind="outside", reason="Sổ giấy", recorded_by=seat)
    response = sign_in(cast.ward_signer).post(issue_url(play.letter()), {"how": "typed", "first": "5"})
    page = unescape(response.content.decode())
    assert "Số 05 đã được dùng trong sổ." in page
    assert 'value="5"' in page
    assert replies() == []


def test_reserved_block_gives_its_first_number(cast: Cast, play: Season, sign_in: SignIn) -> None:
    play.confirmed()
    block = book_of(cast).reserve(3, "Giữ cho trả lời", by=by(cast.ward_signer, Action.REPLY, cast.ward))
    sign_in(cast.ward_signer).post(issue_url(play.letter()), {"how": f"reserved-{block.pk}"})
    assert [reply.number for reply in replies()] == ["1"]
    block.refresh_from_db()
    assert (block.first, block.last) == (2, 3)


@pytest.mark.parametrize("data", [{}, {"how": "nonsense"}, {"how": "typed", "first": "0"}, {"how": "reserved-1"}])
def test_bad_numbers_issue_nothing(data: dict[str, str], cast: Cast, play: Season, sign_in: SignIn) -> None:
    play.confirmed()
    response = sign_in(cast.ward_signer).post(issue_url(play.letter()), data)
    assert response.status_code == 200
    assert "invalid-feedback" in response.content.decode()
    assert replies() == []


def test_nothing_confirmed_nothing_to_send(cast: Cast, play: Season, sign_in: SignIn) -> None:
    play.submitted()
    client = sign_in(cast.ward_signer)
    assert "Chưa có nhận xét nào để trả lời" in shown(client, issue_url(play.letter()))
    assert client.post(issue_url(play.letter()), {"how": "next"}).status_code == 200
    assert replies() == []


def test_who_may_see_and_who_may_issue(cast: Cast, play: Season, sign_in: SignIn) -> None:
    play.confirmed()
    ward = {"ward_clerk", "ward_officer", "ward_signer"}
    letter = play.letter()
    seen = {name: sign_in(person).get(list_url(cast)).status_code for name, person in cast.people().items()}
    assert {name for name, code in seen.items() if code == 200} == ward
    assert {code for name, code in seen.items() if name not in ward} == {404}
    issued = {
        name: sign_in(person).post(issue_url(letter), {"how": "next"}).status_code
        for name, person in cast.people().items()
    }
    assert {name: code for name, code in issued.items() if code != 404} == {
        "ward_clerk": 403,
        "ward_officer": 403,
        "ward_signer": 302,
    }
    assert sign_in(cast.ward_signer).post(list_url(cast)).status_code == 405


def test_a_part_is_named_on_the_pages_of_both_sides(cast: Cast, play: Season, sign_in: SignIn) -> None:
    factories.member("Lê Văn Muộn", workplace=cast.office_cell, commune=cast.ward)
    play.confirmed()
    client = sign_in(cast.ward_signer)
    assert "(1/2)" in shown(client, issue_url(play.letter()))
    client.post(issue_url(play.letter()), {"how": "next", "copies": "3"})
    page = shown(client, list_url(cast))
    assert "Đợt 1: 1/2 đồng chí; in 3 bản" in " ".join(page.split())
    assert "đã trả lời 1/2" in page
    campaign = play.campaign()
    own = shown(sign_in(cast.officer), reverse("evaluations:campaign_commune", args=[campaign.pk, cast.ward.pk]))
    assert "Số 01-CV/ĐU" in own
    assert "Đợt 1: 1/2 đồng chí" in own


@pytest.mark.parametrize("copies", ["0", "21", "hai"])
def test_a_number_of_copies_that_cannot_be(copies: str, cast: Cast, play: Season, sign_in: SignIn) -> None:
    play.confirmed()
    response = sign_in(cast.ward_signer).post(issue_url(play.letter()), {"how": "next", "copies": copies})
    assert (response.status_code, replies()) == (200, [])
    assert f'value="{copies}"' in response.content.decode()


def test_an_answer_is_opened_again_from_its_page(cast: Cast, play: Season, sign_in: SignIn) -> None:
    version = play.answered().answering_version()
    client, url = sign_in(cast.ward_officer), reverse("evaluations:confirm_page", args=[version.pk])
    assert url in shown(client, list_url(cast))
    assert "mở lại để đính chính" in shown(client, url)
    send = reverse("evaluations:send_back", args=[version.pk])
    assert "Chọn lý do" in unescape(client.post(send, {}).content.decode())
    assert client.post(send, {"code": "mismatch", "note": "Mục 3 ghi nhầm"}).status_code == 302
    assert [v.state for v in version.assessment.versions.order_by("no")] == ["confirmed", "draft"]
    assert "Đang đính chính: Mục 3 ghi nhầm" in shown(client, url)
    grid = shown(sign_in(cast.secretary), reverse("evaluations:cell_grid", args=[cast.cell.pk, Season.YEAR]))
    assert "Mục 3 ghi nhầm" in grid


def test_queries_do_not_grow_with_rows(cast: Cast, play: Season, sign_in: SignIn) -> None:
    matter = play.answered()
    client = sign_in(cast.ward_officer)
    client.get(list_url(cast))
    with CaptureQueriesContext(connection) as one:
        client.get(list_url(cast))
    for number in (2, 3):
        reply = Document.objects.get(pk=matter.reply_id)
        reply.pk, reply.key, reply.number = None, f"copy:{number}", str(number + 100)
        reply.save()
        person = factories.member(workplace=cast.office_cell, commune=cast.ward)
        copy = EvaluationRequest.objects.get(pk=matter.pk)
        copy.pk, copy.member, copy.placement, copy.reply = None, person, person.placements.get(), reply
        copy.save()
    with CaptureQueriesContext(connection) as three:
        page = shown(client, list_url(cast))
    assert page.count("Mở công văn trả lời (PDF)") == 3
    assert len(three) == len(one)
