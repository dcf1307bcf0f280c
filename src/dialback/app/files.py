"""Keys of this server: for its connection files (`web/connection_files.py`), and for flight records."""

from pathlib import Path

from dialback.app.settings import Settings, public_address, split_address
from dialback.domain.errors import Problem
from dialback.identity.authority import Authority
from dialback.identity.host_keys import HostKey, HostKeyProblem
from dialback.identity.signing import SigningKey

PLATFORM_KEY_NAME = "platform.key"


class PlatformKeyProblem(Problem):
    """The key that signs flight records cannot be used; the message says what to do."""


def signing_key(folder: Path, settings: Settings) -> SigningKey:
    """Return the key that signs this server's connection files: the administrator's, or the server's own.

    Its own is made at the first call, and anew once its certificate has expired.

    Raises:
        CertificateProblem: a file is missing or damaged, the server's own does not belong to its CA, or the
            administrator's certificate has expired or may not sign such files.
    """
    server = settings.server
    if server.signing_certificate:
        return SigningKey.load(Path(server.signing_certificate), Path(server.signing_key))
    name, _ = split_address(public_address(settings))
    return SigningKey.open(Authority.open(folder), name[:64])


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
