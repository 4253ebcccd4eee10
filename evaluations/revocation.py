"""Certificates that were taken back before their time, by the lists that stand in a folder (settings.SIGNING_CRLS).

Nothing is asked over the network: somebody fetches the lists of the authorities every day. Without a folder nothing is
looked at, and the pages say so; with one, a certificate passes only when a valid list of its issuer does not name it.
"""

from collections.abc import Iterable
from datetime import UTC
from functools import cache
from pathlib import Path

from asn1crypto.x509 import Certificate
from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from django.conf import settings
from django.utils import timezone


def is_configured() -> bool:
    return bool(settings.SIGNING_CRLS)


def problem(certificates: Iterable[Certificate], known: Iterable[Certificate]) -> str:
    """Why one of these must not be relied on, "" when nothing speaks against it; `known`: whose lists are believed."""
    if not is_configured():
        return ""
    issuers = [x509.load_der_x509_certificate(row.dump()) for row in known]
    for row in certificates:
        if words := _problem(x509.load_der_x509_certificate(row.dump()), issuers):
            return words
    return ""


def _problem(certificate: x509.Certificate, issuers: list[x509.Certificate]) -> str:
    if certificate.issuer == certificate.subject:
        return ""  # an authority at the top: it is trusted or not, and no list of its own could say otherwise
    above = [row for row in issuers if row.subject == certificate.issuer]
    lists = [row for row in _lists() if row.issuer == certificate.issuer and any(_signed(row, it) for it in above)]
    newest = max(lists, key=lambda row: row.last_update_utc, default=None)
    name = certificate.issuer.rfc4514_string()
    if newest is None:
        return f"Máy chủ chưa có danh sách thu hồi chứng thư của {name}. Xin báo người quản trị hệ thống."
    if newest.next_update_utc is None or newest.next_update_utc < timezone.now():
        return f"Danh sách thu hồi chứng thư của {name} đã quá hạn. Xin báo người quản trị hệ thống tải bản mới."
    found = newest.get_revoked_certificate_by_serial_number(certificate.serial_number)
    if found is None:
        return ""
    day = timezone.localtime(found.revocation_date_utc.astimezone(UTC))
    return f"Chứng thư này đã bị nơi cấp thu hồi ngày {day:%d/%m/%Y}."


def _signed(found: x509.CertificateRevocationList, by: x509.Certificate) -> bool:
    try:
        return found.is_signature_valid(by.public_key())  # type: ignore[arg-type]
    except (TypeError, UnsupportedAlgorithm):
        return False


def _lists() -> tuple[x509.CertificateRevocationList, ...]:
    files = sorted(path for path in Path(settings.SIGNING_CRLS).iterdir() if path.is_file())
    return _read(tuple((path, path.stat().st_mtime_ns) for path in files))


@cache
def _read(files: tuple[tuple[Path, int], ...]) -> tuple[x509.CertificateRevocationList, ...]:
    """Read anew when a file has changed; one that is no list is left out, and its issuer's certificates do not pass."""
    found = []
    for path, _ in files:
        content = path.read_bytes()
        load = x509.load_pem_x509_crl if content.startswith(b"-----BEGIN") else x509.load_der_x509_crl
        try:
            found.append(load(content))
        except ValueError:
            continue
    return tuple(found)
