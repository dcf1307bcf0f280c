"""Keys of this server: for its connection files (`web/connection_files.py`), and for flight records."""

import os
from pathlib import Path

from dialback.app.settings import Settings, public_address, split_address
from dialback.domain.errors import Problem
from dialback.identity.authority import Authority
from dialback.identity.certificates import CertificateProblem
from dialback.identity.host_keys import HostKey, HostKeyProblem
from dialback.identity.signing import FILE_NAME, SigningKey

PLATFORM_KEY_NAME = "platform.key"


class PlatformKeyProblem(Problem):
    """The key that signs flight records cannot be used; the message says what to do."""


def signing_key(folder: Path, settings: Settings) -> SigningKey:
    """Return the key that signs this server's connection files: the administrator's, or the server's own.

    Its own is made at the first call, and anew once its certificate has expired.

    Raises:
        CertificateProblem: a file is missing or damaged, the server's own does not belong to its CA, or the
            administrator's certificate may not sign such files.
    """
    server = settings.server
    if server.signing_certificate:
        return SigningKey.load(Path(server.signing_certificate), Path(server.signing_key))
    return SigningKey.open(Authority.open(folder), _publisher(settings))


def renew_signing_key(folder: Path, settings: Settings) -> SigningKey:
    """Make the server's own key anew and return it; a running server takes it from its file.

    Raises:
        CertificateProblem: the administrator's certificate signs, somebody else owns the file, or the
            folder is unwritable.
    """
    if certificate := settings.server.signing_certificate:
        raise CertificateProblem(
            f"this server signs with your own certificate {certificate}; put the renewed one and its key in "
            "place, and a running server takes them within a minute"
        )
    # A file of root's would be out of reach for the server at its next start.
    path = folder / FILE_NAME
    if path.exists() and path.stat().st_uid != os.geteuid():
        raise CertificateProblem(f"{path} is another user's; run this as the user the server runs as")
    return SigningKey.renew(Authority.open(folder), _publisher(settings))


def _publisher(settings: Settings) -> str:
    name, _ = split_address(public_address(settings))
    return name[:64]


def platform_public_key(folder: Path) -> bytes:
    """Return the public half of the platform's key; empty if there is none yet, and then none is made.

    Raises:
        PlatformKeyProblem: as `platform_key` does.
    """
    return platform_key(folder).public_bytes if (folder / PLATFORM_KEY_NAME).exists() else b""


def platform_key(folder: Path) -> HostKey:
    """Return the key that signs flight records for the platform; it is made at the first call.

    Raises:
        PlatformKeyProblem: the key file is damaged, or cannot be read or written.
    """
    path = folder / PLATFORM_KEY_NAME
    try:
        if not path.exists():
            HostKey.generate().save(path)
        return HostKey.load(path)
    except HostKeyProblem as error:
        raise PlatformKeyProblem(
            f"{path} cannot be used; restore it from a backup and let the server's user read it: hosts have "
            "pinned its public half"
        ) from error
