"""Signing the folder with a key kept here, or handing in what a token signed elsewhere."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse

from evaluations import signatures
from evaluations.models import Document, DocumentFile, Signature, SigningKey
from evaluations.models.paper_codes import PaperKind, paper_code
from evaluations.signatures import from_pkcs12
from members.models import AuditEvent, User
from tests import factories
from tests.certificates import PASSPHRASE, authority, office
from tests.conftest import Cast
from tests.season import Season

SignIn = Callable[[User], Client]


@pytest.fixture(autouse=True)
def roots(settings: Any, tmp_path: Path) -> Iterator[None]:
    folder = tmp_path / "roots"
    folder.mkdir()
    (folder / "authority.pem").write_bytes(authority().pem)
    settings.SIGNING_ROOTS = str(folder)
    signatures._roots.cache_clear()
    yield
    signatures._roots.cache_clear()


def add_key(client: Client, cast: Cast, passphrase: str = PASSPHRASE) -> HttpResponse:
    archive = SimpleUploadedFile("khoa.p12", office().pkcs12(authority()))
    page = reverse("evaluations:signing_keys", args=[cast.ministry.pk])
    return client.post(page, {"archive": archive, "passphrase": passphrase})


@pytest.fixture
def letters(cast: Cast, play: Season) -> list[Document]:
    """Two stored letters of the ministry, to the ward and to one on paper."""
    factories.member("Hồ Thử Xa", workplace=cast.office_cell, commune=cast.far_ward)
    play.issued()
    play.rendered()
    return list(Document.objects.filter(issuer=cast.ministry).order_by("pk"))


def sign(client: Client, cast: Cast, papers: list[Document], secret: str = PASSPHRASE) -> HttpResponse:
    page = reverse("evaluations:sign_digitally", args=[cast.ministry.pk])
    key = SigningKey.objects.get(retired_at=None)
    return client.post(page, {"papers": [paper.pk for paper in papers], "key": key.pk, "secret": secret}, follow=True)


def test_the_folder_is_signed_and_readers_get_the_signed_copy(
    cast: Cast, letters: list[Document], sign_in: SignIn
) -> None:
    client = sign_in(cast.signer)
    add_key(client, cast)
    home = client.get("/").content.decode()
    assert "2 văn bản chờ ký số" in home

    page = sign(client, cast, letters).content.decode()

    assert "Đã ký số 2 văn bản" in page
    assert "Không có văn bản nào chờ ký số" in page
    for letter in letters:
        letter.refresh_from_db()
        issued, signed = letter.files.order_by("pk")
        assert (letter.mode, issued.kind, signed.kind) == ("digital", "issued", "signed")
        assert bytes(signed.content).startswith(bytes(issued.content))
        assert signed.signature.subject == "Đảng ủy Sở Thử Nghiệm"
        assert AuditEvent.objects.filter(verb="Document.sign", object_id=letter.pk).count() == 1
    read = sign_in(cast.ward_clerk).get(reverse("evaluations:document_file", args=[letters[0].pk]))
    assert DocumentFile.digest(read.content) == letters[0].files.get(kind="signed").sha256
    check = Client().get(reverse("evaluations:check_page", args=[paper_code(PaperKind.DOCUMENT, letters[0].pk)]))
    assert letters[0].files.get(kind="signed").sha256 in check.content.decode()


def test_a_wrong_passphrase_signs_nothing(cast: Cast, letters: list[Document], sign_in: SignIn) -> None:
    client = sign_in(cast.signer)
    assert "mật khẩu không đúng" in add_key(client, cast, "sai").content.decode()
    add_key(client, cast)

    page = sign(client, cast, letters, "sai").content.decode()

    assert "mật khẩu không đúng" in page
    assert not Signature.objects.exists()


def test_what_opens_the_key_is_kept_nowhere(cast: Cast, sign_in: SignIn) -> None:
    add_key(sign_in(cast.signer), cast)
    key = SigningKey.objects.get()
    assert PASSPHRASE not in str(vars(key))
    assert from_pkcs12(key.file(), PASSPHRASE).identity.serial == key.serial


def test_a_key_no_longer_used_is_forgotten(cast: Cast, sign_in: SignIn) -> None:
    client = sign_in(cast.signer)
    add_key(client, cast)
    key = SigningKey.objects.get()
    client.post(reverse("evaluations:signing_key_retire", args=[cast.ministry.pk, key.pk]))
    key.refresh_from_db()
    assert (key.content, key.retired_at is None) == ("", False)


def hand_in(client: Client, cast: Cast, *contents: bytes) -> str:
    files = [SimpleUploadedFile(f"{place}.pdf", content) for place, content in enumerate(contents)]
    page = reverse("evaluations:signed_elsewhere", args=[cast.ministry.pk])
    return client.post(page, {"papers": files}, follow=True).content.decode()


def test_signed_with_a_token_outside_and_handed_in(cast: Cast, letters: list[Document], sign_in: SignIn) -> None:
    key = from_pkcs12(office("Văn thư Sở Thử Nghiệm").pkcs12(authority()), PASSPHRASE)
    signed = [signatures.sign(bytes(letter.files.get().content), key).content for letter in letters]
    client = sign_in(cast.signer)

    page = hand_in(client, cast, signed[1], b"%PDF-1.7 something else", signed[0], signed[0])

    assert "Đã nhận 2 văn bản ký số" in page
    assert "Tệp thứ 2: không phải bản phát hành nào" in page
    assert "Tệp thứ 4: không phải bản phát hành nào" in page  # it was signed a moment ago
    assert set(Signature.objects.values_list("file__document", "key")) == {(letter.pk, None) for letter in letters}


def test_who_may_sign(cast: Cast, letters: list[Document], sign_in: SignIn) -> None:
    page = reverse("evaluations:sign_digitally", args=[cast.ministry.pk])
    assert sign_in(cast.signer).get(page).status_code == 200
    assert sign_in(cast.officer).get(page).status_code == 403
    assert sign_in(cast.neighbour).get(page).status_code == 404


def test_the_commune_signs_its_cells_forms_and_its_letter(cast: Cast, play: Season, sign_in: SignIn) -> None:
    play.answered()
    play.rendered()
    page = sign_in(cast.ward_signer).get(reverse("evaluations:sign_digitally", args=[cast.ward.pk])).content.decode()
    assert "Phiếu nhận xét" in page
    assert "Công văn trả lời" in page
    assert "Công văn đề nghị nhận xét" not in page
