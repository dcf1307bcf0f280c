"""Which certificate a server shows, and which CA its agents are told to trust."""

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from cryptography.hazmat.primitives.serialization import Encoding

from dialback.app.settings import Settings, public_address, split_address
from dialback.identity.authority import Authority
from dialback.identity.certificates import certificate_facts, check_pair, fingerprint, read_certificate


@dataclass(frozen=True, slots=True)
class Certificates:
    """The files a server's TLS uses, and the fingerprints by which agents know it."""

    certificate: Path
    key: Path
    leaf_sha256: str
    ca_pem: str
    ca_sha256: str


def server_certificates(folder: Path, settings: Settings) -> Certificates:
    """Return the administrator's certificate, or one of the server's own CA, made or renewed as needed.

    Raises:
        CertificateProblem: a file is missing, unreadable, expired, or does not fit the others.
    """
    server = settings.server
    if server.certificate:
        certificate, key = Path(server.certificate), Path(server.key)
        check_pair(certificate, key, datetime.now(UTC))
        ca = Path(server.ca)
    else:
        authority = Authority.open(folder)
        name, _ = split_address(public_address(settings))
        certificate, key = authority.ensure_server_certificate([name])
        ca = authority.certificate_path
    ca_pem = read_ca(ca)
    return Certificates(
        certificate, key, certificate_facts(certificate).sha256, ca_pem, fingerprint(ca_pem.encode())
    )


def authority_pem(folder: Path, settings: Settings) -> str:
    """Return the CA that the server's certificate is of, as PEM; the server's own is made if there is none.

    Raises:
        CertificateProblem: its file is missing or damaged.
    """
    server = settings.server
    return read_ca(Path(server.ca) if server.certificate else Authority.open(folder).certificate_path)


def read_ca(path: Path) -> str:
    """Return the first certificate of a file as PEM text, and nothing else: a key may stand beside it.

    Raises:
        CertificateProblem: the file holds no certificate.
    """
    return read_certificate(path).public_bytes(Encoding.PEM).decode("ascii")
