"""Signing the folder with a key kept here, or handing in what a token signed elsewhere."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse

from evaluations import signatures
from evaluations.documents import render
from evaluations.gallery import sample_facts
from evaluations.models import Document, DocumentFile, Signature, SigningKey, signing_keys
from evaluations.models.paper_codes import PaperKind, paper_code
from evaluations.signatures import from_pkcs12
from evaluations.views import digital
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


def hidden(page: str) -> dict[str, str]:
    """What the page of a run sends back."""
    return dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)">', page))


def test_a_long_folder_is_signed_slice_by_slice_with_the_signer_looking_on(
    cast: Cast, letters: list[Document], sign_in: SignIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(digital, "SECONDS", 0.0)
    client = sign_in(cast.signer)
    add_key(client, cast)

    page = sign(client, cast, letters).content.decode()

    assert 'aria-label="Văn bản đã xử lý: 1 trên 2"' in page
    assert "Ký tiếp 1 văn bản" in page
    assert PASSPHRASE not in page
    assert Signature.objects.count() == 1
    address, sent = reverse("evaluations:sign_on", args=[cast.ministry.pk]), hidden(page)
    last = client.post(address, sent, headers={"HX-Request": "true"}).content.decode()
    assert last.startswith('<div id="signing"')
    assert "Đã ký số 2 văn bản." in last
    assert "opener" not in last
    assert Signature.objects.count() == 2
    # Pressed twice, or from two windows: nothing is signed again.
    again = client.post(address, sent).content.decode()
    assert "1 văn bản chưa ký được" in again
    assert Signature.objects.count() == 2


@pytest.mark.parametrize("way", ["another person", "too late", "another key", "made up"])
def test_what_opens_the_key_serves_this_signer_only_and_not_for_long(
    cast: Cast, letters: list[Document], sign_in: SignIn, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    monkeypatch.setattr(digital, "SECONDS", 0.0)
    client = sign_in(cast.signer)
    add_key(client, cast)
    key = SigningKey.objects.get()
    sent = hidden(sign(client, cast, letters).content.decode())
    if way == "another person":
        sent["opener"] = key.seal(PASSPHRASE, cast.officer)
    elif way == "too late":
        monkeypatch.setattr(signing_keys, "SEALED", -1)
    elif way == "another key":
        sent["opener"] = SigningKey(pk=key.pk + 1).seal(PASSPHRASE, cast.signer)
    else:
        sent["opener"] = "gAAAAA-made-up"

    page = client.post(reverse("evaluations:sign_on", args=[cast.ministry.pk]), sent).content.decode()

    assert "Mật khẩu nhập đã quá 15 phút" in page
    assert Signature.objects.count() == 1


def test_everything_that_waits_is_signed_when_it_is_more_than_a_page(
    cast: Cast, letters: list[Document], sign_in: SignIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(digital, "AT_ONCE", 1)
    client = sign_in(cast.signer)
    add_key(client, cast)
    address = reverse("evaluations:sign_digitally", args=[cast.ministry.pk])
    assert "Ký tất cả văn bản đang chờ" in client.get(address).content.decode()
    first = Document.objects.filter(issuer=cast.ministry).order_by("issued_on", "pk")[0]
    given = {"papers": [first.pk], "key": SigningKey.objects.get().pk, "secret": PASSPHRASE, "everything": "on"}

    assert "Đã ký số 2 văn bản" in client.post(address, given, follow=True).content.decode()


def test_a_paper_without_room_for_a_signature_is_passed_over(cast: Cast, play: Season, sign_in: SignIn) -> None:
    factories.member("Hồ Thử Xa", workplace=cast.office_cell, commune=cast.far_ward)
    play.issued()
    bare, whole = Document.objects.filter(issuer=cast.ministry).order_by("pk")
    bare.store("issued", render("labels", sample_facts("labels")).content, 1)
    play.rendered()
    client = sign_in(cast.signer)
    add_key(client, cast)

    page = sign(client, cast, [bare, whole]).content.decode()

    assert "1 văn bản chưa ký được, vẫn nằm trong danh sách chờ." in page
    assert "Văn bản này không có chỗ ký." in page
    assert "Đã ký số 1 văn bản." in page
    assert Signature.objects.get().file.document == whole


def test_a_secret_sent_after_the_session_has_ended_is_not_shown(cast: Cast, letters: list[Document]) -> None:
    address = reverse("evaluations:sign_digitally", args=[cast.ministry.pk])
    for name in ("secret", "passphrase", "pin", "opener"):
        answer = Client().post(address, {name: PASSPHRASE, "papers": letters[0].pk})
        assert PASSPHRASE not in answer.content.decode()


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
