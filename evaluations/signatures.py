"""Digital signatures (PAdES): made with an organisation's own key, or checked when a token made them elsewhere.

The only importer of pyHanko. Nothing here reads the database; nothing secret is kept after the call.
"""

import io
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

from asn1crypto.x509 import Certificate
from django.conf import settings
from django.utils import timezone
from pkcs11.exceptions import PKCS11Error
from pyhanko.config.pkcs11 import TokenCriteria
from pyhanko.pdf_utils import generic, layout
from pyhanko.pdf_utils.content import PdfContent
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.pdf_utils.misc import PdfError
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign import fields, signers, validation
from pyhanko.sign.general import SigningError, load_certs_from_pemder
from pyhanko.sign.pkcs11 import PKCS11Signer, open_pkcs11_session
from pyhanko.sign.timestamps import HTTPTimeStamper, TimestampRequestError
from pyhanko.stamp import StaticStampStyle
from pyhanko_certvalidator import ValidationContext

from evaluations import documents, revocation

Answer = TypeVar("Answer")

MM = 72 / 25.4
FIELD_MM = (70.0, 24.0)
# The room for a signature is an anchor of the document; the middle of its column, in mm from the left edge.
ROOMS = {"signature": 156.5, "confirmation": 71.0}
DIGEST = "sha256"
# Entries that a signature adds to the catalog, to a page, and to the description of the file ("" has no /Type).
FREE = {
    "/Catalog": frozenset({"/AcroForm", "/DSS", "/Extensions", "/Perms", "/Version"}),
    "/Page": frozenset({"/Annots"}),
    "": frozenset({"/Producer", "/ModDate"}),
}


class SignatureRefused(Exception):
    """No signature was made or accepted; the message is a Vietnamese sentence that says what to do."""


class SigningStopped(SignatureRefused):
    """No further paper can be signed now, whichever it is: the token or the server of time stamps does not answer."""


@dataclass(frozen=True)
class Identity:
    """Whom a certificate names."""

    name: str
    serial: str
    until: datetime


@dataclass(frozen=True)
class Key:
    signer: signers.Signer
    identity: Identity


@dataclass(frozen=True)
class Signed:
    content: bytes
    identity: Identity
    at: datetime
    is_stamped: bool  # a time-stamping authority vouches for `at`


# --- Keys ------------------------------------------------------------------------------------------------------------


def from_pkcs12(content: bytes, passphrase: str) -> Key:
    """The key in a .p12 or .pfx file. Raises SignatureRefused for a wrong passphrase or an unusable certificate."""
    try:
        signer = signers.SimpleSigner.load_pkcs12_data(content, [], passphrase=passphrase.encode())
    except (ValueError, TypeError, AttributeError) as problem:
        raise SignatureRefused(
            "Không mở được khóa ký: mật khẩu không đúng hoặc tệp không phải PKCS#12 (.p12, .pfx)."
        ) from problem
    return _usable(signer)


@contextmanager
def from_token(token: str, label: str, pin: str) -> Iterator[Key]:
    """The key `label` on a token or in a security module, through the library named by settings.PKCS11_MODULE."""
    if not settings.PKCS11_MODULE:
        raise SignatureRefused("Máy chủ chưa nối với thiết bị ký. Xin báo người quản trị hệ thống.")
    try:
        session = open_pkcs11_session(settings.PKCS11_MODULE, token_criteria=TokenCriteria(label=token), user_pin=pin)
    except (PKCS11Error, OSError, RuntimeError) as problem:
        raise SignatureRefused(
            "Không mở được thiết bị ký: mã PIN không đúng hoặc thiết bị chưa cắm vào máy chủ. Nhập sai PIN nhiều lần "
            "thiết bị sẽ tự khóa."
        ) from problem
    with session:
        signer = PKCS11Signer(session, cert_label=label, key_label=label)
        try:
            yield _usable(signer)
        except PKCS11Error as problem:
            raise SignatureRefused("Thiết bị ký không có khóa mang nhãn đã khai.") from problem


def _usable(signer: signers.Signer) -> Key:
    certificate = signer.signing_cert
    if certificate is None:
        raise SignatureRefused("Tệp khóa không có chứng thư. Xin lấy tệp có cả khóa và chứng thư.")
    identity = _identity(certificate)
    if identity.until < timezone.now():
        raise SignatureRefused(f"Chứng thư của {identity.name} đã hết hạn ngày {identity.until:%d/%m/%Y}.")
    usage = certificate.key_usage_value
    if usage is not None and "non_repudiation" not in usage.native:
        raise SignatureRefused("Chứng thư này không dùng để ký văn bản (thiếu quyền chống chối bỏ).")
    if problem := revocation.problem([certificate], [*signer.cert_registry, *_roots()]):
        raise SignatureRefused(problem)
    return Key(signer, identity)


def _identity(certificate: Certificate) -> Identity:
    subject = certificate.subject.native
    name = subject.get("common_name") or subject.get("organization_name") or certificate.subject.human_friendly
    return Identity(str(name), f"{certificate.serial_number:x}", certificate.not_valid_after)


# --- Signing ---------------------------------------------------------------------------------------------------------


def sign(content: bytes, key: Key) -> Signed:
    """The stored bytes with a signature appended, in the room the document leaves for it. Raises SignatureRefused."""
    moment = timezone.localtime()
    try:
        writer = IncrementalPdfFileWriter(io.BytesIO(content))
        name, page, box = _room(PdfFileReader(io.BytesIO(content)))
        pdf_signer = signers.PdfSigner(
            signers.PdfSignatureMetadata(field_name=name, md_algorithm=DIGEST, subfilter=fields.SigSeedSubFilter.PADES),
            signer=key.signer,
            timestamper=HTTPTimeStamper(settings.TIMESTAMP_URL) if settings.TIMESTAMP_URL else None,
            stamp_style=StaticStampStyle(border_width=0, background=_Words(key.identity, moment)),
            new_field_spec=fields.SigFieldSpec(name, on_page=page, box=box),
        )
        signed = _apart(pdf_signer.sign_pdf, writer).getvalue()
    except TimestampRequestError as problem:
        raise SigningStopped("Máy chủ cấp dấu thời gian không trả lời. Xin ký lại sau ít phút.") from problem
    except PKCS11Error as problem:
        raise SigningStopped("Thiết bị ký ngừng trả lời. Xin kiểm tra thiết bị rồi ký lại.") from problem
    except (PdfError, SigningError) as problem:
        raise SignatureRefused(f"Không ký được văn bản này ({type(problem).__name__}).") from problem
    return Signed(signed, key.identity, moment, bool(settings.TIMESTAMP_URL))


def _apart(work: Callable[..., Answer], *given: Any) -> Answer:
    """In a thread of its own: pyHanko runs an event loop, and the caller's thread may have one already."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(work, *given).result()


class _Words(PdfContent):
    """What stands in the visible field: who signed, and when; set by the engine and in the font of the document."""

    def __init__(self, identity: Identity, moment: datetime) -> None:
        facts = {"name": identity.name, "time": f"{moment:%H:%M:%S}", "on": f"{moment:%d/%m/%Y}"}
        self.drawn = documents.render("signature_field", facts).content
        super().__init__()

    def render(self) -> bytes:
        writer: Any = self.writer
        picture = writer.import_page_as_xobject(PdfFileReader(io.BytesIO(self.drawn)), page_ix=0)
        self.resources.xobject["/Words"] = picture
        width, height = (side * MM for side in FIELD_MM)
        self.box = layout.BoxConstraints(width=width, height=height)
        return b"/Words Do"


def _room(reader: PdfFileReader) -> tuple[str, int, tuple[int, int, int, int]]:
    """(field name, page index, box in points) of the room that waits for this signature: on a form, the committee's."""
    try:
        names = reader.root["/Names"]["/Dests"]["/Names"]
    except KeyError:
        names = []
    places = {str(names[at]): names[at + 1] for at in range(0, len(names), 2)}
    name = next((room for room in ("confirmation", "signature") if room in places), None)
    if name is None:
        raise SignatureRefused("Văn bản này không có chỗ ký.")
    place = places[name].get_object()
    page = place.raw_get(0)
    pages = [reader.find_page_for_modification(number)[0] for number in range(int(reader.root["/Pages"]["/Count"]))]
    number = next(at for at, found in enumerate(pages) if found.reference == page.reference)
    width, height = (side * MM for side in FIELD_MM)
    left, top = ROOMS[name] * MM - width / 2, float(place[3])
    return name, number, (round(left), round(top - height), round(left + width), round(top))


# --- Checking what was signed elsewhere ------------------------------------------------------------------------------


def accept(content: bytes, issued: bytes) -> Signed:
    """A file signed outside: the issued bytes, then nothing but valid signatures of trusted people. Else refused."""
    if not _roots():
        raise SignatureRefused(
            "Hệ thống chưa khai chứng thư gốc nên chưa kiểm tra được chữ ký. Xin báo người quản trị hệ thống."
        )
    if not content.startswith(issued) or len(content) == len(issued):
        raise SignatureRefused("Tệp này không phải bản phát hành đang lưu cộng thêm chữ ký số.")
    try:
        return _apart(_checked, content)
    except SignatureRefused:
        raise
    except Exception as problem:  # a file made to break the parser may fail anywhere in it
        raise SignatureRefused("Không đọc được chữ ký trong tệp. Xin ký lại bản tải từ hệ thống.") from problem


def _checked(content: bytes) -> Signed:
    reader = PdfFileReader(io.BytesIO(content))
    found = reader.embedded_regular_signatures
    if not found:
        raise SignatureRefused("Tệp chưa có chữ ký số.")
    # A signer could append a changed page together with his signature, which then covers it: so the whole way from the
    # issued bytes is looked at, not only what came after the signature.
    if not _is_only_signed(reader):
        raise SignatureRefused("Ngoài chữ ký số, nội dung tệp đã bị thay đổi. Xin ký lại bản tải từ hệ thống.")
    context = ValidationContext(trust_roots=_roots(), allow_fetching=False)
    for signature in found:
        status = validation.validate_pdf_signature(signature, context)
        if not (status.intact and status.valid):
            raise SignatureRefused("Chữ ký số không khớp với nội dung tệp: tệp đã bị sửa sau khi ký.")
        if not status.trusted:
            raise SignatureRefused(
                "Chứng thư của người ký không do nơi cấp chứng thư đã khai báo cấp, hoặc đã hết hạn."
            )
        path = list(status.validation_path.iter_certs(include_root=False)) if status.validation_path else []
        if problem := revocation.problem(path, [*path, *_roots()]):
            raise SignatureRefused(problem)
    if status.coverage != validation.SignatureCoverageLevel.ENTIRE_FILE:
        raise SignatureRefused("Sau chữ ký số còn có nội dung khác. Xin ký lại bản tải từ hệ thống.")
    stamp = status.timestamp_validity
    moment = stamp.timestamp if stamp else status.signer_reported_dt
    certificate = _identity(status.signing_cert)
    return Signed(content, certificate, moment or timezone.now(), stamp is not None)


def _is_only_signed(reader: PdfFileReader) -> bool:
    """Whether everything of the first revision still says the same, but for the entries a signature needs.

    pyHanko's own policy compares forms, and the issued bytes have none to compare with.
    """
    before = reader.get_historical_resolver(0)
    first = reader.xrefs.explicit_refs_in_revision(0)
    later = range(1, reader.xrefs.total_revisions)
    changed = {ref for number in later for ref in reader.xrefs.explicit_refs_in_revision(number)} & first
    freed = {ref for number in later for ref in reader.xrefs.refs_freed_in_revision(number)}
    is_same_root = reader.root_ref == before.root_ref
    return (
        is_same_root
        and not freed & first
        and all(_allows(before.get_object(ref), reader.get_object(ref)) for ref in changed)
    )


def _allows(old: Any, new: Any) -> bool:
    if isinstance(old, generic.StreamObject) and old.get("/Type") == "/Metadata":
        return isinstance(new, generic.StreamObject) and new.get("/Type") == "/Metadata"
    if type(old) is not generic.DictionaryObject or type(new) is not generic.DictionaryObject:
        return bool(old == new)
    kept = FREE.get(str(old.get("/Type", "")), frozenset[str]())
    if any(old.raw_get(key) != new.raw_get(key) if key in old and key in new else True for key in {*old, *new} - kept):
        return False
    return all(note["/Subtype"] == "/Widget" and note.get("/FT") == "/Sig" for note in _notes(new))


def _notes(page: Any) -> list[Any]:
    notes = page.get("/Annots", ())
    return [notes[at] for at in range(len(notes))]


@cache
def _roots() -> tuple[Certificate, ...]:
    """The certificates of those who issue signing certificates: PEM or DER files in settings.SIGNING_ROOTS."""
    files = sorted(Path(settings.SIGNING_ROOTS).iterdir()) if settings.SIGNING_ROOTS else []
    return tuple(load_certs_from_pemder([str(path) for path in files]))
