"""The key that signs connection files, so that Windows names a publisher instead of an unknown one.

It is RSA, unlike every other key of the platform: no verifier of these signatures is known to take anything
else. The platform's own authority issues its certificate at the first start, and key and chain lie in one
file, so that no crash leaves two that do not fit; or the administrator brings both.

Administrators spread the thumbprint to their machines, hence a certificate of ours lives long and is not
replaced before it expires, save by `renew`; a damaged file is reported and never made anew by itself.

What is left out: time stamps by a third party, since files are signed when they are downloaded; and what of a
file is signed (`dialback.wire.rdpsign`).

Source: `docs/protocols/rdp-signature.md`; RFC 5652, Cryptographic Message Syntax, section 5.
"""

import contextlib
import itertools
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import pkcs7
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from dialback.identity.authority import CLOCK_SKEW, Authority
from dialback.identity.certificates import (
    CertificateFacts,
    CertificateProblem,
    check_pair,
    facts_of,
    read_certificate,
    read_key,
)
from dialback.identity.files import PRIVATE, locked, write_file

FILE_NAME = "signing.pem"
KEY_BITS = 2048
SIGNING_LIFE = timedelta(days=1826)
RDP_SIGNING = x509.ObjectIdentifier("1.3.6.1.4.1.311.54.1.1")
"""Microsoft's extended key usage for signing connection files."""
USAGES = frozenset({ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CODE_SIGNING, RDP_SIGNING})
"""A certificate that restricts its usage must allow one of these."""

_NAME_CHARS = 64
_OPTIONS = (
    pkcs7.PKCS7Options.DetachedSignature,
    pkcs7.PKCS7Options.Binary,
    pkcs7.PKCS7Options.NoAttributes,
)


class SigningKey:
    """An RSA key with its certificate and the certificates above it, nearest first."""

    def __init__(self, path: Path, key: rsa.RSAPrivateKey, chain: Sequence[x509.Certificate]) -> None:
        self._path = path
        self._key = key
        self._chain = tuple(chain)
        self._facts = facts_of(self._chain[0], path)

    @classmethod
    def open(cls, authority: Authority, publisher: str, *, now: datetime | None = None) -> "SigningKey":
        """Load the key beside the authority's files; make it if there is none or its certificate has expired.

        Args:
            authority: who issues the certificate.
            publisher: the name Windows shows, 1 to 64 characters; it is used when a certificate is made.
            now: the present instant.

        Raises:
            CertificateProblem: the file is damaged, holds another authority's certificate, or the folder is
                unwritable.
        """
        now = now or datetime.now(UTC)
        path = authority.certificate_path.with_name(FILE_NAME)
        with _locked(path):
            if not path.exists() or now >= read_certificate(path).not_valid_after_utc:
                _make(authority, path, publisher, now)
            key = cls.load(path, path, now=now)
        if key._chain[1:] != (read_certificate(authority.certificate_path),):
            raise CertificateProblem(
                f"{path} holds a certificate of another authority; restore the CA files it belongs to, or "
                "delete it to have a new one made"
            )
        return key

    @classmethod
    def renew(cls, authority: Authority, publisher: str, *, now: datetime | None = None) -> "SigningKey":
        """Make a new key and certificate and return them; policies that list the old thumbprint must follow.

        Raises:
            CertificateProblem: the folder is unwritable.
        """
        now = now or datetime.now(UTC)
        path = authority.certificate_path.with_name(FILE_NAME)
        with _locked(path):
            _make(authority, path, publisher, now)
            return cls.load(path, path, now=now)

    @classmethod
    def load(cls, certificate_path: Path, key_path: Path, *, now: datetime | None = None) -> "SigningKey":
        """Load the administrator's key; a certificate that has expired is taken, and `facts` says so.

        Args:
            certificate_path: PEM, the certificate first, then those above it; the root may be left out.
            key_path: PEM without password; it may be the same file.
            now: the present instant.

        Raises:
            CertificateProblem: a file is unreadable, the key is not RSA or under 2048 bits, the certificate
                does not fit, is not valid yet, may not sign such files, or the chain has a gap.
        """
        check_pair(certificate_path, key_path, now or datetime.now(UTC), expired=True)
        key = read_key(key_path)
        if not isinstance(key, rsa.RSAPrivateKey) or key.key_size < KEY_BITS:
            raise CertificateProblem(
                f"{key_path} holds no RSA key of at least {KEY_BITS} bits, and Windows verifies no other; "
                "ask for an RSA certificate"
            )
        chain = _read_chain(certificate_path)
        _check_usage(chain[0], certificate_path)
        return cls(certificate_path, key, chain)

    def become(self, other: "SigningKey") -> None:
        """Be the other key from now on, wherever this object is held."""
        self._path, self._key, self._chain, self._facts = other._path, other._key, other._chain, other._facts

    @property
    def path(self) -> Path:
        """The file that the certificate was read from."""
        return self._path

    @property
    def facts(self) -> CertificateFacts:
        """What the certificate says; `facts.days_left(now)` tells when to renew it."""
        return self._facts

    @property
    def chain(self) -> tuple[x509.Certificate, ...]:
        """The certificate, and those above it."""
        return self._chain

    @property
    def root(self) -> x509.Certificate | None:
        """The root that machines have to trust; None if the administrator's chain leaves it out."""
        last = self._chain[-1]
        return last if last.issuer == last.subject else None

    @property
    def sha1(self) -> str:
        """The thumbprint that Windows' policy of trusted publishers lists: upper-case hexadecimal."""
        return self._chain[0].fingerprint(hashes.SHA1()).hex().upper()

    @property
    def sha256(self) -> str:
        """The thumbprint that newer tools ask for: upper-case hexadecimal."""
        return self._chain[0].fingerprint(hashes.SHA256()).hex().upper()

    def sign(self, message: bytes) -> bytes:
        """Return a detached PKCS#7 SignedData (DER) over the message, with the whole chain inside.

        It has SHA-256, PKCS #1 v1.5 and no attributes, which is what Windows' own signer writes.
        """
        builder = pkcs7.PKCS7SignatureBuilder().set_data(message)
        builder = builder.add_signer(self._chain[0], self._key, hashes.SHA256())
        for certificate in self._chain[1:]:
            builder = builder.add_certificate(certificate)
        return builder.sign(serialization.Encoding.DER, _OPTIONS)


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    try:
        lock = path.with_suffix(".lock")
        lock.touch(PRIVATE)
    except OSError as error:
        raise _unwritable(path, error) from error
    with locked(lock):
        yield


def _unwritable(path: Path, error: OSError) -> CertificateProblem:
    return CertificateProblem(
        f"cannot write {path}: {error.strerror}; create its folder and give it to the user the server runs as"
    )


def _read_chain(path: Path) -> list[x509.Certificate]:
    try:
        chain = x509.load_pem_x509_certificates(path.read_bytes())
        for lower, upper in itertools.pairwise(chain):
            lower.verify_directly_issued_by(upper)
    except (OSError, ValueError, TypeError, InvalidSignature) as error:
        raise CertificateProblem(
            f"{path} holds no chain in PEM form where each certificate was issued by the next; put the "
            "certificate first, then the one that issued it, and so on"
        ) from error
    return chain


def _check_usage(certificate: x509.Certificate, path: Path) -> None:
    try:
        usages = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    except x509.ExtensionNotFound:
        return
    if USAGES.isdisjoint(usages):
        raise CertificateProblem(
            f"the certificate {path} may not sign connection files; ask for one with server authentication, "
            "code signing, or Microsoft's 1.3.6.1.4.1.311.54.1.1"
        )


def _make(authority: Authority, path: Path, publisher: str, now: datetime) -> None:
    if not 1 <= len(publisher) <= _NAME_CHARS or not publisher.isprintable():
        raise CertificateProblem(
            f"expected 1 to {_NAME_CHARS} printable characters as publisher, got {publisher[:80]!r}"
        )
    issuer = read_certificate(authority.certificate_path)
    issuer_key = read_key(authority.certificate_path.with_name("ca.key"))
    if not isinstance(issuer_key, ec.EllipticCurvePrivateKey):
        raise CertificateProblem(f"the key of {authority.certificate_path} is no elliptic curve key")
    key = rsa.generate_private_key(public_exponent=65537, key_size=KEY_BITS)
    leaf = _certificate(issuer, publisher, key.public_key(), now).sign(issuer_key, hashes.SHA256())
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    pem += leaf.public_bytes(serialization.Encoding.PEM) + issuer.public_bytes(serialization.Encoding.PEM)
    try:
        write_file(path, pem, PRIVATE, replace=True)
    except OSError as error:
        raise _unwritable(path, error) from error


def _certificate(
    issuer: x509.Certificate, publisher: str, public_key: rsa.RSAPublicKey, now: datetime
) -> x509.CertificateBuilder:
    begin = now - CLOCK_SKEW
    usage = x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=False,
        crl_sign=False,
        encipher_only=False,
        decipher_only=False,
    )
    identifier = issuer.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    return (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, publisher)]))
        .issuer_name(issuer.subject)
        .public_key(public_key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(begin)
        .not_valid_after(min(begin + SIGNING_LIFE, issuer.not_valid_after_utc))
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(usage, critical=True)
        # Code signing for every verifier, Microsoft's own for those that look for it.
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CODE_SIGNING, RDP_SIGNING]), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public_key), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(identifier), critical=False
        )
    )
