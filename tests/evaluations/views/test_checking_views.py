"""The public check page: in force, replaced or withdrawn, and whether a file is the stored one; nobody's name."""

import re
from collections.abc import Callable

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse

from evaluations.models import Document, DocumentFile
from evaluations.models.paper_codes import PaperKind, paper_code
from members.models import User
from members.states import move
from tests.conftest import Cast
from tests.season import Season

CSRF = re.compile(r'name="csrfmiddlewaretoken" value="\w+"')
SignIn = Callable[[User], Client]


@pytest.fixture
def form(play: Season) -> Document:
    """The issued Phiếu nhận xét of an answered matter, stored."""
    version = play.answered().answering_version()
    assert version is not None
    return version.form


def code_of(document: Document) -> str:
    return paper_code(PaperKind.DOCUMENT, document.pk)


def look(code: str, client: Client | None = None) -> HttpResponse:
    return (client or Client()).get(reverse("evaluations:check_page", args=[code]))


def compare(document: Document, content: bytes) -> str:
    paper = SimpleUploadedFile("van-ban.pdf", content, content_type="application/pdf")
    page = Client().post(reverse("evaluations:check_page", args=[code_of(document)]), {"paper": paper})
    return page.content.decode()


def test_what_is_in_force_says_so_and_names_nobody(cast: Cast, form: Document) -> None:
    stored = form.store(DocumentFile.Kind.ISSUED, b"%PDF-1.7 the stored bytes", 1)

    page = look(code_of(form)).content.decode()

    assert "Đang có hiệu lực" in page
    assert stored.sha256 in page
    assert form.facts["head"]["issuer"] in page
    for personal in (cast.asked.full_name, cast.secretary.full_name, "Ngô Văn Bí Thư"):
        assert personal not in page


def test_one_changed_bit_is_told(form: Document) -> None:
    content = b"%PDF-1.7 the stored bytes"
    form.store(DocumentFile.Kind.ISSUED, content, 1)

    assert "Đúng từng bit với bản phát hành" in compare(form, content)
    for place in range(len(content)):
        changed = content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :]
        assert "không giống bản nào" in compare(form, changed)
    assert form.files.count() == 1  # what was sent in is not kept


def test_replaced_and_withdrawn_are_told_from_valid(cast: Cast, form: Document) -> None:
    move(form, Document.State.REPLACED, by=None)
    assert "Đã được thay thế" in look(code_of(form)).content.decode()

    letter = Document.objects.filter(genre=Document.Genre.REQUEST_LETTER).exclude(issued_at=None)[:1].get()
    assert "Đang có hiệu lực" in look(code_of(letter)).content.decode()
    move(letter, Document.State.WITHDRAWN, by=None)
    assert "Đã thu hồi" in look(code_of(letter)).content.decode()


def test_a_draft_a_form_and_a_made_up_code_are_all_unknown(cast: Cast, play: Season) -> None:
    assessment = play.assessment()
    play.presented()
    draft = Document.objects.get(state=Document.State.FOR_SIGNATURE)
    answers = [
        look(code).content.decode().replace(code, "CODE")
        for code in (code_of(draft), paper_code(PaperKind.ASSESSMENT, assessment.pk), "D-1F7-0000000000")
    ]

    assert "Không có văn bản nào mang mã này" in answers[0]
    assert len({CSRF.sub("", page) for page in answers}) == 1


def test_guessing_is_slowed_down_and_a_right_code_then_tells_nothing(form: Document) -> None:
    statuses = [look(f"D-1F7-{guess:010}").status_code for guess in range(21)]

    assert statuses == [404] * 20 + [429]
    assert look(code_of(form)).status_code == 429


def test_the_code_of_a_paper_leads_strangers_to_its_check_page(cast: Cast, form: Document, sign_in: SignIn) -> None:
    check = reverse("evaluations:check_page", args=[code_of(form)])
    followed = reverse("evaluations:paper_code", args=[code_of(form)])

    for client in (Client(), sign_in(cast.neighbour), sign_in(cast.nobody)):
        assert client.get(followed)["Location"] == check
    assert sign_in(cast.officer).get(followed)["Location"] != check
    typed = Client().post(reverse("evaluations:check_enter"), {"code": code_of(form).lower().replace("-", " ")})
    assert typed["Location"] == check


def test_a_file_without_end_is_refused(form: Document) -> None:
    assert "lớn hơn 20 MB" in compare(form, b"%PDF" + bytes(20 * 1024 * 1024))
