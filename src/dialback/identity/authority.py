"""The platform's own certificate authority, made at the first start in the data folder.

It exists so that a first installation has TLS without anybody's help: agents trust it by the fingerprint in
their join code, clients by importing `ca.pem`. Keys are P-256: every client accepts it, and a handshake costs
the server a small part of what RSA-2048 does. The authority is never replaced silently, since every agent
trusts this one; the server certificate below it is the platform's own to renew, so a damaged one is simply
made anew. What is left out: revocation lists (there is one leaf, and it is replaced) and certificates for
anybody else.

Source: RFC 5280, Internet X.509 Public Key Infrastructure Certificate and CRL Profile.
"""

import ipaddress
import re
from collections.abc import Sequence
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from dialback.identity.certificates import (
    CertificateFacts,
    CertificateProblem,
    certificate_facts,
    check_pair,
    fingerprint,
    fits,
    read_certificate,
    read_key,
)
from dialback.identity.files import PRIVATE, PUBLIC, locked, write_file

__all__ = [
    "Authority",
    "CertificateFacts",
    "CertificateProblem",
    "certificate_facts",
    "check_pair",
    "fingerprint",
]

AUTHORITY_LIFE = timedelta(days=3652)
SERVER_LIFE = timedelta(days=397)
"""Apple's clients refuse a server certificate that lives longer than 398 days."""
RENEW_BELOW = timedelta(days=30)
CLOCK_SKEW = timedelta(hours=1)
"""Certificates begin this much early, for peers whose clocks are behind."""

_DNS = re.compile(r"(?:\*\.)?(?!-)[A-Za-z0-9-]{1,63}(?<!-)(?:\.(?!-)[A-Za-z0-9-]{1,63}(?<!-))*")
_COMMON_NAME_CHARS = 64


class Authority:
    """The authority of one data folder: `ca.pem`, `ca.key`, and below it `server.pem`, `server.key`."""

    def __init__(self, folder: Path, certificate: x509.Certificate, key: ec.EllipticCurvePrivateKey) -> None:
        self._folder = folder
        self._certificate = certificate
        self._key = key

    @classmethod
    def open(cls, folder: Path, *, now: datetime | None = None) -> "Authority":
        """Load the authority of the folder; make it if neither of its files is there.

        Raises:
            CertificateProblem: the folder is missing or unwritable, one file is missing or unreadable, the
                key does not fit, or the authority has expired.
        """
        now = now or datetime.now(UTC)
        certificate_path, key_path = folder / "ca.pem", folder / "ca.key"
        with _lock(folder):
            if not certificate_path.exists() and not key_path.exists():
                _make_authority(certificate_path, key_path, now)
        check_pair(certificate_path, key_path, now)
        key = read_key(key_path)
        if not isinstance(key, ec.EllipticCurvePrivateKey):
            raise CertificateProblem(f"{key_path} holds no elliptic curve key; restore both CA files")
        return cls(folder, read_certificate(certificate_path), key)

    @property
    def certificate_path(self) -> Path:
        """Where the authority's certificate is, for clients to import."""
        return self._folder / "ca.pem"

    @property
    def fingerprint(self) -> str:
        """The SHA-256 of the authority's certificate, 64 hexadecimal characters: what a join code carries."""
        return fingerprint(self._certificate.public_bytes(serialization.Encoding.DER))

    def ensure_server_certificate(
        self, names: Sequence[str], *, now: datetime | None = None
    ) -> tuple[Path, Path]:
        """Return the paths of a server certificate (with the authority's behind it) and its key.

        They are made anew when they are missing or damaged, when less than 30 days are left, or when they are
        not for exactly these names.

        Args:
            names: DNS names and IP addresses by which clients and agents reach the server; the first one also
                becomes the common name, which FreeRDP 2 compares where the name is an IP address.

        Raises:
            CertificateProblem: a name is neither a DNS name nor an address, or the folder is unwritable.
        """
        now = now or datetime.now(UTC)
        entries = _entries(names)
        certificate_path, key_path = self._folder / "server.pem", self._folder / "server.key"
        with _lock(self._folder):
            if not self._is_current(certificate_path, key_path, entries, now):
                self._make_server(certificate_path, key_path, entries, names[0], now)
        return certificate_path, key_path

    def _is_current(
        self, certificate_path: Path, key_path: Path, entries: x509.SubjectAlternativeName, now: datetime
    ) -> bool:
        try:
            certificate = read_certificate(certificate_path)
            fitting = fits(certificate, read_key(key_path))
            certificate.verify_directly_issued_by(self._certificate)
            has = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        except (CertificateProblem, ValueError, TypeError, InvalidSignature, x509.ExtensionNotFound):
            return False
        lives = certificate.not_valid_before_utc <= now < certificate.not_valid_after_utc - RENEW_BELOW
        return fitting and lives and set(has) == set(entries)

    def _make_server(
        self,
        certificate_path: Path,
        key_path: Path,
        entries: x509.SubjectAlternativeName,
        first_name: str,
        now: datetime,
    ) -> None:
        key = ec.generate_private_key(ec.SECP256R1())
        begin = now - CLOCK_SKEW
        end = min(begin + SERVER_LIFE, self._certificate.not_valid_after_utc)
        subject = first_name if len(first_name) <= _COMMON_NAME_CHARS else "dialback server"
        builder = _builder(subject, self._certificate.subject, key, begin, end)
        builder = (
            builder.add_extension(entries, critical=False)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_key_usage(digital_signature=True), critical=True)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
            .add_extension(_authority_identifier(self._key), critical=False)
        )
        # Key first: after a crash in between the two do not fit, and the next start makes both anew.
        _write(key_path, _pem_of_key(key), PRIVATE)
        leaf = builder.sign(self._key, hashes.SHA256())
        _write(certificate_path, _pem(leaf) + _pem(self._certificate), PUBLIC)


def _make_authority(certificate_path: Path, key_path: Path, now: datetime) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    begin = now - CLOCK_SKEW
    # The name carries the key, so that two authorities in one trust store are told apart.
    digest = x509.SubjectKeyIdentifier.from_public_key(key.public_key()).digest
    name = f"Dialback CA {digest.hex()[:8]}"
    builder = _builder(name, _name(name), key, begin, begin + AUTHORITY_LIFE)
    builder = (
        builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_key_usage(key_cert_sign=True, crl_sign=True), critical=True)
        .add_extension(_authority_identifier(key), critical=False)
    )
    _write(key_path, _pem_of_key(key), PRIVATE)
    _write(certificate_path, _pem(builder.sign(key, hashes.SHA256())), PUBLIC)


def _builder(
    subject: str, issuer: x509.Name, key: ec.EllipticCurvePrivateKey, begin: datetime, end: datetime
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(_name(subject))
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begin)
        .not_valid_after(end)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )


def _entries(names: Sequence[str]) -> x509.SubjectAlternativeName:
    if not names:
        raise CertificateProblem("expected at least one name for the server certificate, got none")
    return x509.SubjectAlternativeName([_entry(name) for name in dict.fromkeys(names)])


def _entry(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        pass
    if len(name) > 253 or not _DNS.fullmatch(name):
        raise CertificateProblem(f"expected a DNS name or an IP address for the server, got {name[:80]!r}")
    return x509.DNSName(name)


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _authority_identifier(key: ec.EllipticCurvePrivateKey) -> x509.AuthorityKeyIdentifier:
    return x509.AuthorityKeyIdentifier.from_issuer_public_key(key.public_key())


def _key_usage(
    *, digital_signature: bool = False, key_cert_sign: bool = False, crl_sign: bool = False
) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=digital_signature,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=key_cert_sign,
        crl_sign=crl_sign,
        encipher_only=False,
        decipher_only=False,
    )


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)


def _pem_of_key(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _write(path: Path, data: bytes, mode: int) -> None:
    try:
        write_file(path, data, mode, replace=True)
    except OSError as error:
        raise _unwritable(path.parent, error) from error


def _lock(folder: Path) -> AbstractContextManager[None]:
    try:
        (folder / "ca.lock").touch(PRIVATE)
    except OSError as error:
        raise _unwritable(folder, error) from error
    return locked(folder / "ca.lock")


def _unwritable(folder: Path, error: OSError) -> CertificateProblem:
    return CertificateProblem(
        f"cannot write certificates to {folder}: {error.strerror}; "
        "create the folder and give it to the user the server runs as"
    )
