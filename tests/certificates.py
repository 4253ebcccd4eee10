"""Certificates for tests: an authority of our own, keys of organisations below it, and a server of time stamps."""

import http.server
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    pkcs12,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from django.utils import timezone

PASSPHRASE = "mat khau cua khoa"


@dataclass(frozen=True)
class Pair:
    certificate: x509.Certificate
    key: RSAPrivateKey

    @property
    def pem(self) -> bytes:
        return self.certificate.public_bytes(Encoding.PEM)

    @property
    def der(self) -> bytes:
        return self.certificate.public_bytes(Encoding.DER)

    @property
    def key_pem(self) -> bytes:
        return self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())

    def pkcs12(self, above: "Pair | None" = None) -> bytes:
        chain = [above.certificate] if above else None
        return pkcs12.serialize_key_and_certificates(
            b"key", self.key, self.certificate, chain, BestAvailableEncryption(PASSPHRASE.encode())
        )


@cache
def authority(name: str = "Nơi cấp chứng thư thử nghiệm") -> Pair:
    return pair(name, None, 3650)


@cache
def office(name: str = "Đảng ủy Sở Thử Nghiệm", days: int = 30, for_signing: bool = True) -> Pair:
    """A certificate below the authority; already over when `days` is negative."""
    return pair(name, authority(), days, for_signing)


@cache
def clock() -> Pair:
    return pair("Máy chủ dấu thời gian", authority(), 30, is_clock=True)


def pair(name: str, above: Pair | None, days: int, for_signing: bool = True, *, is_clock: bool = False) -> Pair:
    key = generate_private_key(65537, 2048)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(above.certificate.subject if above else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(timezone.now() - timedelta(days=60))
        .not_valid_after(timezone.now() + timedelta(days=days))
        .add_extension(x509.BasicConstraints(ca=above is None, path_length=None), critical=True)
        .add_extension(_usage(is_authority=above is None, for_signing=for_signing), critical=True)
    )
    if is_clock:
        builder = builder.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.TIME_STAMPING]), critical=True)
    return Pair(builder.sign(above.key if above else key, hashes.SHA256()), key)


def _usage(*, is_authority: bool, for_signing: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not is_authority,
        content_commitment=not is_authority and for_signing,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=is_authority,
        crl_sign=is_authority,
        encipher_only=False,
        decipher_only=False,
    )


def taken_back(*rows: Pair, by: Pair | None = None, days: int = 7) -> bytes:
    """The authority's list of certificates it took back, as a file; no longer in force when `days` is negative."""
    above, now = by or authority(), timezone.now()
    builder = x509.CertificateRevocationListBuilder().issuer_name(above.certificate.subject)
    builder = builder.last_update(now - timedelta(days=30)).next_update(now + timedelta(days=days))
    for row in rows:
        gone = x509.RevokedCertificateBuilder().serial_number(row.certificate.serial_number)
        builder = builder.add_revoked_certificate(gone.revocation_date(now - timedelta(days=1)).build())
    return builder.sign(above.key, hashes.SHA256()).public_bytes(Encoding.DER)


@contextmanager
def time_stamps(folder: Path) -> Iterator[str]:
    """OpenSSL's time-stamping authority behind a local HTTP server; its address."""
    (folder / "clock.pem").write_bytes(clock().pem)
    (folder / "clock.key").write_bytes(clock().key_pem)
    (folder / "root.pem").write_bytes(authority().pem)
    (folder / "serial").write_text("01")
    lines = ["[tsa]", "default_tsa=it", "[it]", f"serial={folder}/serial", f"signer_cert={folder}/clock.pem"]
    lines += [f"certs={folder}/root.pem", f"signer_key={folder}/clock.key", "signer_digest=sha256"]
    lines += ["default_policy=1.2.3.4.1", "digests=sha256", "accuracy=secs:1", "ess_cert_id_chain=no"]
    (folder / "tsa.cnf").write_text("\n".join(lines))

    class Clock(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            query, reply = folder / "query", folder / "reply"
            query.write_bytes(self.rfile.read(int(self.headers["Content-Length"])))
            command = ["openssl", "ts", "-reply", "-config", folder / "tsa.cnf", "-queryfile", query, "-out", reply]
            subprocess.run(command, check=True, capture_output=True)
            self.send_response(200)
            self.send_header("Content-Type", "application/timestamp-reply")
            self.end_headers()
            self.wfile.write(reply.read_bytes())

        def log_message(self, *_: object) -> None:
            pass

    with http.server.HTTPServer(("127.0.0.1", 0), Clock) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()
        thread.join()
