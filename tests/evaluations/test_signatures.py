"""Digital signatures: made here or with a token outside, agreed to by Poppler, and refused after one changed byte."""

import io
import re
import shutil
import subprocess
import sys
from datetime import date
from pathlib import Path
from typing import Any

import pikepdf
import pytest
from pyhanko.pdf_utils import generic
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter

from evaluations import signatures
from evaluations.documents import render
from evaluations.models import Document
from evaluations.signatures import Key, SignatureRefused, accept, from_pkcs12, from_token, sign
from tests import document_samples as samples
from tests.certificates import PASSPHRASE, Pair, authority, office, pair, taken_back, time_stamps

SAMPLES = {"request_letter": samples.REQUEST_LETTER, "assessment_form": samples.ASSESSMENT_FORM}
TOKEN_LIBRARIES = ("/usr/lib/softhsm/libsofthsm2.so", "/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so")


@pytest.fixture(scope="module")
def issued() -> dict[str, bytes]:
    day = date(2026, 10, 5)
    return {name: render(name, facts, number="5", issued_on=day).content for name, facts in SAMPLES.items()}


@pytest.fixture(scope="module")
def key() -> Key:
    return from_pkcs12(office().pkcs12(authority()), PASSPHRASE)


@pytest.fixture(autouse=True)
def roots(settings: Any, tmp_path: Path) -> None:
    """Our own authority is trusted, for this test only."""
    folder = tmp_path / "roots"
    folder.mkdir()
    (folder / "authority.pem").write_bytes(authority().pem)
    settings.SIGNING_ROOTS = str(folder)
    signatures._roots.cache_clear()


def pdfsig(content: bytes, folder: Path) -> str:
    """What Poppler says of the signatures, a second implementation."""
    if not shutil.which("pdfsig"):
        pytest.skip("not run: needs Debian's poppler-utils (script/setup test says how)")
    path = folder / "signed.pdf"
    path.write_bytes(content)
    return subprocess.run(["pdfsig", path], capture_output=True, text=True, check=False).stdout


@pytest.mark.parametrize("name", list(SAMPLES))
def test_signed_here_is_accepted_and_poppler_agrees(
    issued: dict[str, bytes], key: Key, name: str, tmp_path: Path
) -> None:
    signed = sign(issued[name], key)

    assert signed.content.startswith(issued[name])  # what was issued stays as it was
    assert accept(signed.content, issued[name]).identity == signed.identity == key.identity
    said = pdfsig(signed.content, tmp_path)
    assert "Signature is Valid" in said
    assert "Total document signed" in said
    assert "ETSI.CAdES.detached" in said
    assert f"Signature Field Name: {'confirmation' if name == 'assessment_form' else 'signature'}" in said


@pytest.mark.parametrize("genre", Document.Genre.values)
def test_every_paper_that_is_issued_has_room_for_the_signature_of_its_office(genre: str, key: Key) -> None:
    paper = render(genre, samples.SAMPLES[genre], number="5", issued_on=date(2026, 10, 5)).content
    with pikepdf.open(io.BytesIO(sign(paper, key).content)) as pdf:
        (field,) = [note for page in pdf.pages for note in page.get("/Annots", [])]
        on_left = genre in ("assessment_form", "counterpart")
        assert (str(field.T), float(field.Rect[0]) / 72 * 25.4 < 105) == (
            "confirmation" if on_left else "signature",
            on_left,
        )


def test_the_field_stands_in_the_room_for_the_signature(issued: dict[str, bytes], key: Key) -> None:
    with pikepdf.open(io.BytesIO(sign(issued["request_letter"], key).content)) as pdf:
        (field,) = [note for page in pdf.pages for note in page.get("/Annots", [])]
        left, bottom, right, top = (float(edge) / 72 * 25.4 for edge in field.Rect)
        room = float(pdf.Root.Names.Dests.Names[1][3]) / 72 * 25.4

        assert (round(right - left), round(top - bottom)) == (70, 24)
        assert left > 105
        assert right < 195.5
        assert abs(top - room) < 1
        assert int(field.F) & 4  # printed


def test_one_changed_byte_anywhere_is_refused(issued: dict[str, bytes], key: Key, tmp_path: Path) -> None:
    original = issued["request_letter"]
    content = sign(original, key).content
    (covered,) = [match[1] for match in re.finditer(rb"/ByteRange ?\[([\d ]+)\]", content)]
    start, length, resumed, rest = map(int, covered.split())
    # The signature itself stands between the two ranges, in a box with room to spare.
    places = [*range(start, length, length // 50), *range(resumed, resumed + rest, max(rest // 20, 1))]
    for place in places:
        changed = content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :]
        with pytest.raises(SignatureRefused):
            accept(changed, original)
    middle = len(original) // 2
    broken = content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]
    assert "Signature is Valid" not in pdfsig(broken, tmp_path)


def rewritten(content: bytes, change: Any) -> bytes:
    """The same file after `change` has been appended as one more revision."""
    writer = IncrementalPdfFileWriter(io.BytesIO(content))
    change(writer)
    out = io.BytesIO()
    writer.write(out)
    return out.getvalue()


def other_words(writer: Any) -> None:
    """Draws over the first page."""
    page = writer.root["/Pages"]["/Kids"][0]
    page["/Contents"] = writer.add_object(generic.StreamObject(stream_data=b"0 0 200 200 re f"))
    writer.update_container(page)


def test_a_page_changed_before_it_was_signed_is_refused(issued: dict[str, bytes], key: Key) -> None:
    original = issued["request_letter"]
    content = sign(rewritten(original, other_words), key).content
    assert content.startswith(original)
    with pytest.raises(SignatureRefused, match="nội dung tệp đã bị thay đổi"):
        accept(content, original)


def test_a_page_changed_after_it_was_signed_is_refused(issued: dict[str, bytes], key: Key) -> None:
    original = issued["request_letter"]
    with pytest.raises(SignatureRefused):
        accept(rewritten(sign(original, key).content, other_words), original)


def test_another_paper_a_bare_one_and_a_stranger_are_refused(issued: dict[str, bytes], key: Key) -> None:
    letter, form = issued["request_letter"], issued["assessment_form"]
    stranger = _outside_the_authority()
    for content, words in [
        (sign(form, key).content, "không phải bản phát hành"),
        (letter, "không phải bản phát hành"),
        (letter + b"\n%nothing", "chưa có chữ ký số|Không đọc được"),
        (sign(letter, stranger).content, "không do nơi cấp chứng thư đã khai báo"),
    ]:
        with pytest.raises(SignatureRefused, match=words):
            accept(content, letter)


def _outside_the_authority() -> Key:
    return from_pkcs12(pair("Người lạ", pair("Nơi cấp khác", None, 30), 30).pkcs12(), PASSPHRASE)


def test_without_trusted_roots_nothing_is_accepted(issued: dict[str, bytes], key: Key, settings: Any) -> None:
    settings.SIGNING_ROOTS = ""
    signatures._roots.cache_clear()
    with pytest.raises(SignatureRefused, match="chưa khai chứng thư gốc"):
        accept(sign(issued["request_letter"], key).content, issued["request_letter"])


@pytest.fixture
def lists(settings: Any, tmp_path: Path) -> Path:
    """A folder for lists of certificates that were taken back."""
    folder = tmp_path / "lists"
    folder.mkdir()
    settings.SIGNING_CRLS = str(folder)
    return folder


def test_a_certificate_that_was_taken_back_neither_signs_nor_is_accepted(
    issued: dict[str, bytes], key: Key, lists: Path
) -> None:
    original, other = issued["request_letter"], office("Đảng ủy Khác")
    content = sign(original, key).content  # opened before the list came
    (lists / "authority.crl").write_bytes(taken_back(other))
    assert accept(content, original).identity == key.identity
    assert from_pkcs12(office().pkcs12(authority()), PASSPHRASE).identity == key.identity

    (lists / "authority.crl").write_bytes(taken_back(other, office()))
    with pytest.raises(SignatureRefused, match="đã bị nơi cấp thu hồi"):
        accept(content, original)
    with pytest.raises(SignatureRefused, match="đã bị nơi cấp thu hồi"):
        from_pkcs12(office().pkcs12(authority()), PASSPHRASE)


@pytest.mark.parametrize("given", ["none", "not a list", "too old", "by a stranger"])
def test_without_a_valid_list_of_the_authority_nothing_passes(
    issued: dict[str, bytes], key: Key, lists: Path, given: str
) -> None:
    # Whoever sits between us and the authority may hand out a list without a name, but cannot sign it.
    stranger = Pair(authority().certificate, office().key)
    contents = {"not a list": b"nothing", "too old": taken_back(days=-1), "by a stranger": taken_back(by=stranger)}
    if given in contents:
        (lists / "authority.crl").write_bytes(contents[given])
    words = "đã quá hạn" if given == "too old" else "chưa có danh sách thu hồi"
    with pytest.raises(SignatureRefused, match=words):
        accept(sign(issued["request_letter"], key).content, issued["request_letter"])


@pytest.mark.parametrize(
    ("archive", "passphrase", "words"),
    [
        (office().pkcs12(), "sai", "mật khẩu không đúng"),
        (b"not a key", PASSPHRASE, "không phải PKCS#12"),
        (office("Hết hạn", -1).pkcs12(), PASSPHRASE, "đã hết hạn"),
        (office("Chỉ đăng nhập", 30, False).pkcs12(), PASSPHRASE, "không dùng để ký văn bản"),
    ],
)
def test_a_key_that_cannot_sign_is_refused(archive: bytes, passphrase: str, words: str) -> None:
    with pytest.raises(SignatureRefused, match=words):
        from_pkcs12(archive, passphrase)


def test_a_time_stamp_is_taken_where_there_is_a_server(
    issued: dict[str, bytes], key: Key, settings: Any, tmp_path: Path
) -> None:
    original = issued["request_letter"]
    with time_stamps(tmp_path) as address:
        settings.TIMESTAMP_URL = address
        signed = sign(original, key)
    assert signed.is_stamped
    accepted = accept(signed.content, original)
    assert accepted.is_stamped
    assert abs((accepted.at - signed.at).total_seconds()) < 60
    with pytest.raises(SignatureRefused, match="dấu thời gian không trả lời"):
        sign(original, key)  # the server is gone: nothing half signed


@pytest.fixture
def token(settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Pair:
    """A token of SoftHSM with an office's key and certificate in it."""
    library = next((path for path in TOKEN_LIBRARIES if Path(path).exists()), "")
    if not library:
        pytest.skip("not run: needs Debian's softhsm2 (script/setup test says how)")
    held = office()
    (tmp_path / "tokens").mkdir()
    (tmp_path / "softhsm.conf").write_text(f"directories.tokendir = {tmp_path}/tokens\nlog.level = ERROR\n")
    (tmp_path / "key.pem").write_bytes(held.key_pem)
    monkeypatch.setenv("SOFTHSM2_CONF", str(tmp_path / "softhsm.conf"))
    _store(library, tmp_path, held)
    settings.PKCS11_MODULE = library
    return held


def _store(library: str, folder: Path, held: Pair) -> None:
    start = ["softhsm2-util", "--init-token", "--free", "--label", "con-dau", "--so-pin", "12345678", "--pin", "654321"]
    subprocess.run(start, check=True, capture_output=True)
    put = ["softhsm2-util", "--import", folder / "key.pem", "--token", "con-dau", "--label", "dang-uy", "--id", "a1"]
    subprocess.run([*put, "--pin", "654321"], check=True, capture_output=True)
    # In a process of its own: the library reads its configuration once.
    program = (
        "import sys, pkcs11\n"
        "from pkcs11.util.x509 import decode_x509_certificate\n"
        "session = pkcs11.lib(sys.argv[1]).get_token(token_label='con-dau').open(rw=True, user_pin='654321')\n"
        "found = decode_x509_certificate(sys.stdin.buffer.read())\n"
        "found |= {pkcs11.Attribute.TOKEN: True, pkcs11.Attribute.LABEL: 'dang-uy', pkcs11.Attribute.ID: b'\\xa1'}\n"
        "session.create_object(found)\n"
    )
    subprocess.run([sys.executable, "-c", program, library], input=held.der, check=True, capture_output=True)


def test_a_key_on_a_token_signs(issued: dict[str, bytes], token: Pair, tmp_path: Path) -> None:
    original = issued["request_letter"]
    with from_token("con-dau", "dang-uy", "654321") as key:
        signed = sign(original, key)
    assert accept(signed.content, original).identity.name == "Đảng ủy Sở Thử Nghiệm"
    assert "Signature is Valid" in pdfsig(signed.content, tmp_path)
    with pytest.raises(SignatureRefused, match="mã PIN không đúng"), from_token("con-dau", "dang-uy", "000000"):
        pass
    with pytest.raises(SignatureRefused, match="mã PIN không đúng|không có khóa"), from_token("khac", "x", "654321"):
        pass
