"""Reading one letter with the code printed on it."""

from html import unescape

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from evaluations import documents, scans, tasks
from evaluations.models import (
    Campaign,
    Document,
    EvaluationRequest,
    Letter,
    ScanBatch,
    ScanPage,
    sheet_facts,
)
from evaluations.views import codes
from members.models import AuditEvent
from members.roles import Action
from tests import factories
from tests.conftest import Cast
from tests.scanner import blank, photograph, scanned, sheets
from tests.season import Season, by

ENTER, LETTER, FILE = (reverse(f"evaluations:{name}") for name in ("code_enter", "code_letter", "code_file"))


@pytest.fixture
def printed(cast: Cast, play: Season) -> Letter:
    """The letter that goes on paper to the commune that is not on the system, stored by the workers."""
    factories.member("Bùi Văn Núi", workplace=cast.office_cell, commune=cast.far_ward)
    play.issued()
    play.rendered()
    return Letter.objects.get(recipient=cast.far_ward)


def text(response: object) -> str:
    return unescape(response.content.decode())  # type: ignore[attr-defined]


def typed(letter: Letter, how: str) -> str:
    return {
        "as printed": letter.code,
        "lower case": letter.code.lower(),
        "spaces": f"  {letter.code.replace('-', ' ')} ",
        "run together": letter.code.replace("-", ""),
    }[how]


@pytest.mark.parametrize("how", ["as printed", "lower case", "spaces", "run together"])
def test_code_opens_its_letter_and_no_address_holds_it(how: str, printed: Letter) -> None:
    client = Client()
    assert client.get(ENTER).status_code == 200
    response = client.post(ENTER, {"code": typed(printed, how)})
    assert (response.status_code, response["Location"]) == (302, LETTER)
    page = text(client.get(LETTER))
    for words in ("Đảng ủy Sở Thử Nghiệm", "Đảng ủy xã Hòa Vang", "15/11/2026", printed.document.label):
        assert words in page
    assert "Bùi Văn Núi" not in page
    assert printed.code not in page
    stored = client.get(FILE)
    assert stored["Content-Type"] == "application/pdf"
    assert stored.content == bytes(printed.document.issued_file().content)


def test_reading_by_code_is_recorded(printed: Letter) -> None:
    client = Client()
    client.post(ENTER, {"code": printed.code})
    client.get(LETTER)
    client.get(FILE)
    events = AuditEvent.objects.filter(verb="read_by_code").order_by("pk")
    found = [(event.object_type, event.object_id, event.user, event.fields) for event in events]
    assert found == [("evaluations.Letter", printed.pk, None, []), ("evaluations.Letter", printed.pk, None, ["file"])]


def test_session_gets_a_new_key(printed: Letter) -> None:
    client = Client()
    client.session.save()
    client.post(ENTER, {"code": "AAAA"})
    session = client.session
    session["something"] = 1
    session.save()
    client.cookies["sessionid"] = before = session.session_key
    client.post(ENTER, {"code": printed.code})
    assert client.session["letter_id"] == printed.pk
    assert client.session.session_key != before


@pytest.mark.parametrize("code", ["AAAA-BBBB-CCCC", "----", "ÀÁẢ", "' OR 1=1", "0"])
def test_unknown_code_is_told_in_constant_words(code: str, printed: Letter) -> None:
    client = Client()
    response = client.post(ENTER, {"code": code})
    assert response.status_code == 200
    assert "Không có công văn nào mang mã này." in text(response)
    assert "letter_id" not in client.session


def test_empty_and_overlong_input_stays_on_the_page(printed: Letter) -> None:
    for code in ("", "A" * 61):
        response = Client().post(ENTER, {"code": code})
        assert response.status_code == 200
        assert "invalid-feedback" in text(response)


def test_letter_of_an_office_on_the_system_has_no_code(printed: Letter, cast: Cast) -> None:
    online = Letter.objects.get(recipient=cast.ward)
    assert online.code_hash == ""
    assert "Không có công văn nào mang mã này." in text(Client().post(ENTER, {"code": online.code}))


def test_ten_wrong_codes_then_a_pause_for_that_address_only(printed: Letter) -> None:
    client = Client()
    assert {client.post(ENTER, {"code": f"WRONG-{number}"}).status_code for number in range(10)} == {200}
    stopped = client.post(ENTER, {"code": printed.code})
    assert stopped.status_code == 429
    assert "Đã nhập sai nhiều lần liên tiếp." in text(stopped)
    assert client.get(LETTER)["Location"] == ENTER
    elsewhere = Client(REMOTE_ADDR="10.0.0.9")
    assert elsewhere.post(ENTER, {"code": printed.code})["Location"] == LETTER


def test_right_codes_do_not_count(printed: Letter) -> None:
    client = Client()
    assert {client.post(ENTER, {"code": printed.code}).status_code for _ in range(12)} == {302}


@pytest.mark.parametrize("url", [LETTER, FILE])
def test_without_a_code_nothing_opens(url: str, printed: Letter) -> None:
    response = Client().get(url)
    assert (response.status_code, response["Location"]) == (302, ENTER)
    assert Client().post(url).status_code == 405


@pytest.mark.parametrize("url", [LETTER, FILE])
def test_code_ends_with_the_campaign(url: str, printed: Letter) -> None:
    client = Client()
    client.post(ENTER, {"code": printed.code})
    Campaign.objects.update(state="closed")
    response = client.get(url, follow=True)
    assert response.redirect_chain == [(ENTER, 302)]
    assert "Công văn này đã hết hạn xem bằng mã" in text(response)


def test_withdrawn_letter_does_not_open(printed: Letter) -> None:
    Document.objects.filter(pk=printed.document_id).update(state="withdrawn")
    response = Client().post(ENTER, {"code": printed.code}, follow=True)
    assert response.redirect_chain == [(LETTER, 302), (ENTER, 302)]


def test_code_opens_no_page_behind_the_sign_in(printed: Letter) -> None:
    client = Client()
    client.post(ENTER, {"code": printed.code})
    for name, args in (
        ("letters_in", []),
        ("letter_in", [printed.document_id]),
        ("document_file", [printed.document_id]),
    ):
        response = client.get(reverse(f"evaluations:{name}", args=args))
        assert response.status_code == 302
        assert response["Location"].startswith(reverse("account_login"))


def test_letter_that_is_still_being_made_says_so(cast: Cast, play: Season) -> None:
    factories.member(workplace=cast.office_cell, commune=cast.far_ward)
    play.issued()
    client = Client()
    client.post(ENTER, {"code": Letter.objects.get(recipient=cast.far_ward).code})
    assert "Bản in đang được lập." in text(client.get(LETTER))
    assert "Bản in của công văn đang được lập." in text(client.get(FILE, follow=True))


STAMPED, SEND = (reverse(f"evaluations:{name}") for name in ("code_stamped", "code_scans"))


@pytest.fixture
def holder(printed: Letter) -> Client:
    client = Client()
    client.post(ENTER, {"code": printed.code})
    return client


def test_whoever_holds_the_letter_sends_the_signed_forms_back(cast: Cast, printed: Letter, holder: Client) -> None:
    assert SEND in text(holder.get(LETTER))
    matter = EvaluationRequest.objects.get(letter=printed.document)
    assert matter.assessment
    facts = sheet_facts.blank_forms([matter.assessment.pk])
    form = photograph(sheets(documents.render("blank_forms", facts).content)[0])
    upload = SimpleUploadedFile("Phieu cua dong chi Nui.pdf", scanned([form, blank()]))

    assert holder.post(SEND, {"papers": upload})["Location"] == SEND

    batch = ScanBatch.objects.get()
    assert (batch.organization, batch.letter, batch.made_by, batch.total) == (cast.ministry, printed, None, 2)
    tasks.read_scans(batch.pk)
    assert "2 trang, 1 trang đã về đúng phiếu, 1 trang nơi nhận sẽ xem" in text(holder.get(SEND))
    assert list(ScanPage.objects.of_assessment(matter.assessment).values_list("number", flat=True)) == [1]
    officer = Client()
    officer.force_login(cast.officer)
    listed = text(officer.get(reverse("evaluations:scan_list", args=[cast.ministry.pk])))
    assert "gửi bằng mã công văn" in listed
    assert officer.get(reverse("evaluations:scan_batch", args=[batch.pk])).status_code == 200


def test_what_is_no_scan_is_refused_to_strangers_too(printed: Letter, holder: Client) -> None:
    response = holder.post(SEND, {"papers": SimpleUploadedFile("a.pdf", b"<html>")})

    assert scans.FOREIGN in text(response)
    assert not ScanBatch.objects.exists()


def test_one_letter_brings_so_many_scans_a_day(printed: Letter, holder: Client) -> None:
    for number in range(codes.BATCHES):
        ScanBatch.objects.take(printed.document.issuer, [(b"%d" % number, 1)], by=None, letter=printed)

    response = holder.post(SEND, {"papers": SimpleUploadedFile("a.pdf", scanned([blank(50)]))})

    assert codes.ENOUGH in text(response)
    assert ScanBatch.objects.count() == codes.BATCHES


def test_the_stamped_copy_is_read_next_to_the_issued_letter(
    cast: Cast, play: Season, printed: Letter, holder: Client
) -> None:
    assert holder.get(STAMPED)["Location"] == LETTER
    letter = printed.document
    pages = [photograph(page) for page in sheets(bytes(letter.issued_file().content))]
    seat = by(cast.officer, Action.SCAN, cast.ministry)
    batch = ScanBatch.objects.take(cast.ministry, [(scanned(pages), len(pages))], by=seat)
    tasks.read_scans(batch.pk)
    tasks.file_scans(letter.pk)

    assert STAMPED in text(holder.get(LETTER))
    assert holder.get(STAMPED).content == bytes(letter.files.get(kind="stamped").content)
    officer, clerk = Client(), Client()
    officer.force_login(cast.officer)
    clerk.force_login(cast.ward_clerk)
    address = reverse("evaluations:document_stamped", args=[letter.pk])
    commune = reverse("evaluations:campaign_commune", args=[letter.campaign_id, cast.far_ward.pk])
    assert address in text(officer.get(commune))
    assert officer.get(address).content == holder.get(STAMPED).content
    assert clerk.get(address).status_code == 404
