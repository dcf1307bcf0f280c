"""The key that signs this server's connection files (`web/connection_files.py`)."""

from pathlib import Path

from dialback.app.settings import Settings, public_address, split_address
from dialback.identity.authority import Authority
from dialback.identity.signing import SigningKey


def signing_key(folder: Path, settings: Settings) -> SigningKey:
    """Return the key that signs this server's connection files; it is made at the first call.

    Raises:
        CertificateProblem: the key file is damaged, or does not belong to the server's CA.
    """
    name, _ = split_address(public_address(settings))
    return SigningKey.open(Authority.open(folder), name[:64])
