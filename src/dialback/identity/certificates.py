"""Reading certificates: facts for a person, fingerprints for a machine, and whether key and certificate fit.

What is left out: judging trust. Who dials verifies the chain; here is only what a file says and whether a
server can present it.
"""

import hashlib
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes

from dialback.domain.errors import Problem

WARN_DAYS = 30
"""From how many days before its end on people are told of a certificate."""

_BROKEN = (ValueError, TypeError, UnsupportedAlgorithm, x509.InvalidVersion, x509.DuplicateExtension)


class CertificateProblem(Problem):
    """A certificate or its key cannot be used; the message is one sentence that says why and what to do."""


@dataclass(frozen=True, slots=True)
class CertificateFacts:
    """What a certificate says: subject as in RFC 4514, DNS names and addresses, and its SHA-256 in hex."""

    subject: str
    names: tuple[str, ...]
    not_before: datetime
    not_after: datetime
    sha256: str

    def days_left(self, now: datetime) -> int:
        """Return the whole days until the certificate expires, negative once it has."""
        return (self.not_after - now).days


def fingerprint(pem_or_der: bytes) -> str:
    """Return the SHA-256 of the (first) certificate in DER form, 64 hexadecimal characters.

    Raises:
        CertificateProblem: the bytes hold no certificate.
    """
    return _sha256(parse_certificate(pem_or_der, "the certificate"))


def certificate_facts(path: Path) -> CertificateFacts:
    """Return what the first certificate of a PEM or DER file says.

    Raises:
        CertificateProblem: the file is missing, unreadable, or holds no certificate.
    """
    return facts_of(read_certificate(path), path)


def facts_of(certificate: x509.Certificate, path: Path) -> CertificateFacts:
    """Return what the certificate says; `path` is named if that cannot be read."""
    try:
        return CertificateFacts(
            subject=certificate.subject.rfc4514_string(),
            names=_names(certificate),
            not_before=certificate.not_valid_before_utc,
            not_after=certificate.not_valid_after_utc,
            sha256=_sha256(certificate),
        )
    except _BROKEN as error:
        raise CertificateProblem(f"{path} holds a damaged certificate; replace the file") from error


def check_pair(
    certificate_path: Path, key_path: Path, now: datetime, *, expired: bool = False
) -> CertificateFacts:
    """Return the facts of a certificate that a server can present now with that key.

    Args:
        expired: whether one that has expired will do.

    Raises:
        CertificateProblem: a file is unreadable, the key does not fit, or the certificate is not valid now.
    """
    certificate = read_certificate(certificate_path)
    if not fits(certificate, read_key(key_path)):
        raise CertificateProblem(
            f"the key {key_path} does not fit the certificate {certificate_path}; use files of one pair"
        )
    facts = facts_of(certificate, certificate_path)
    if now >= facts.not_after and not expired:
        raise CertificateProblem(
            f"the certificate {certificate_path} expired on {facts.not_after:%Y-%m-%d}; renew it"
        )
    if now < facts.not_before:
        raise CertificateProblem(
            f"the certificate {certificate_path} is not valid before {facts.not_before:%Y-%m-%d}; "
            "check this machine's clock"
        )
    return facts


def read_certificate(path: Path) -> x509.Certificate:
    """Return the first certificate of a file; raise `CertificateProblem` if there is none."""
    return parse_certificate(_read(path, "certificate"), str(path))


def parse_certificate(pem_or_der: bytes, what: str) -> x509.Certificate:
    """Return the first certificate in the bytes; raise `CertificateProblem` naming `what` if none."""
    try:
        if b"-----BEGIN" in pem_or_der:
            return x509.load_pem_x509_certificate(pem_or_der)
        return x509.load_der_x509_certificate(pem_or_der)
    except _BROKEN as error:
        raise CertificateProblem(f"{what} holds no certificate in PEM or DER form; replace it") from error


def read_key(path: Path) -> PrivateKeyTypes:
    """Return the private key of a PEM file; raise `CertificateProblem` if there is none without password."""
    data = _read(path, "key")
    try:
        return serialization.load_pem_private_key(data, password=None)
    except _BROKEN as error:
        raise CertificateProblem(
            f"{path} holds no private key in PEM form without password; replace the file"
        ) from error


def fits(certificate: x509.Certificate, key: PrivateKeyTypes) -> bool:
    """Say whether the private key belongs to the certificate."""
    try:
        return certificate.public_key() == key.public_key()
    except _BROKEN:
        return False


def _read(path: Path, what: str) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise CertificateProblem(
            f"cannot read the {what} {path}: {error.strerror}; check that it is there and its permissions"
        ) from error


def _names(certificate: x509.Certificate) -> tuple[str, ...]:
    try:
        entries = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return ()
    addresses = (str(address) for address in entries.get_values_for_type(x509.IPAddress))
    return (*entries.get_values_for_type(x509.DNSName), *addresses)


def _sha256(certificate: x509.Certificate) -> str:
    return hashlib.sha256(certificate.public_bytes(serialization.Encoding.DER)).hexdigest()
