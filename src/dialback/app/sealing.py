"""The key that seals what browsers carry while they sign in: made once, kept in the data folder."""

import secrets
from pathlib import Path

from dialback.domain.errors import Problem
from dialback.domain.secret import Secret
from dialback.identity.files import PRIVATE, write_file

FILE_NAME = "sealing.key"
KEY_BYTES = 32


class SealingKeyDamaged(Problem):
    """The key file holds no key; the message says what to do."""


def sealing_key(folder: Path) -> Secret:
    """Return the key, 64 hexadecimal characters; it is made at the first call.

    Raises:
        SealingKeyDamaged: the file holds something else.
    """
    path = folder / FILE_NAME
    if not path.exists():
        write_file(path, secrets.token_hex(KEY_BYTES).encode(), PRIVATE, replace=False)
    text = path.read_text(errors="replace").strip()
    try:
        whole = len(bytes.fromhex(text)) == KEY_BYTES
    except ValueError:
        whole = False
    if not whole:
        raise SealingKeyDamaged(f"{path} holds no key; remove it; sign-ins that are under way start anew")
    return Secret(text)
