"""The key of a session host: Ed25519, made on the host, never leaving it.

The broker knows the raw public key, 32 bytes, and checks the agent's signature of its challenge with it. The
key file is PEM (PKCS #8), readable by its owner alone.

Source: RFC 8032, Edwards-Curve Digital Signature Algorithm; RFC 8410, Algorithm Identifiers for Ed25519.
"""

import base64
import hashlib
from pathlib import Path
from typing import Final

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from dialback.domain.errors import Problem
from dialback.domain.ids import HostId
from dialback.identity.files import PRIVATE, write_file

PUBLIC_KEY_BYTES = 32
SIGNATURE_BYTES = 64
ID_CHARS: Final = 20
_ID_PREFIX: Final = b"dialback-host\0"


def host_id_of(public_key: bytes) -> HostId:
    """Return the id of the host whose key this is: 100 bits of its hash, as 20 letters and digits.

    So an id names one key, and no platform can give a host the id that another platform knows another by.
    """
    digest = hashlib.sha256(_ID_PREFIX + public_key).digest()
    return HostId(base64.b32encode(digest).decode("ascii").lower()[:ID_CHARS])


class HostKeyProblem(Problem):
    """The host key cannot be read or written; the message is one sentence that says what to do."""


class HostKey:
    """A host's private key; it signs, and shows only its public half."""

    def __init__(self, key: Ed25519PrivateKey) -> None:
        self._key = key

    @classmethod
    def generate(cls) -> "HostKey":
        """Make a new key."""
        return cls(Ed25519PrivateKey.generate())

    @classmethod
    def load(cls, path: Path) -> "HostKey":
        """Read a key file.

        Raises:
            HostKeyProblem: the file is missing, unreadable, or holds no unencrypted Ed25519 key.
        """
        try:
            data = path.read_bytes()
        except FileNotFoundError:
            raise HostKeyProblem(f"no host key at {path}; enrol this host with a join code") from None
        except OSError as error:
            raise HostKeyProblem(
                f"cannot read the host key {path}: {error.strerror}; run the agent as the owner of the file"
            ) from error
        try:
            key = serialization.load_pem_private_key(data, password=None)
        except (ValueError, TypeError, UnsupportedAlgorithm):
            key = None
        if not isinstance(key, Ed25519PrivateKey):
            raise HostKeyProblem(
                f"{path} holds no Ed25519 private key; restore it, or remove it and enrol this host again"
            )
        return cls(key)

    def save(self, path: Path) -> None:
        """Write the key file, whole or not at all, readable by its owner alone; an existing file stays.

        Raises:
            HostKeyProblem: there is such a file already, or its folder is missing or unwritable.
        """
        pem = self._key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        try:
            write_file(path, pem, PRIVATE, replace=False)
        except FileExistsError:
            raise HostKeyProblem(
                f"there is a host key at {path} already; remove it first if this host is to get a new one"
            ) from None
        except OSError as error:
            raise HostKeyProblem(
                f"cannot write the host key {path}: {error.strerror}; check the folder and its permissions"
            ) from error

    @property
    def public_bytes(self) -> bytes:
        """The raw public key, 32 bytes."""
        return self._key.public_key().public_bytes_raw()

    def sign(self, data: bytes) -> bytes:
        """Return the signature of the data, 64 bytes."""
        return self._key.sign(data)


def verify(public_key: bytes, signature: bytes, data: bytes) -> bool:
    """Say whether the signature is the key's for these data; any bytes may be given for each."""
    if len(public_key) != PUBLIC_KEY_BYTES or len(signature) != SIGNATURE_BYTES:
        return False
    try:
        Ed25519PublicKey.from_public_bytes(public_key).verify(signature, data)
    except (InvalidSignature, ValueError):
        return False
    return True
