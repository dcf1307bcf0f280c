"""Passwords: hashed by argon2id, in threads and few at a time.

A check takes tens of milliseconds and 64 MiB by design. It therefore never runs on the loop, and what
arrives at once waits its turn, so that no flood of attempts takes the machine's memory. The parameters are
argon2-cffi's own; a hash made with older ones is good, and `is_outdated` says that it is to be made anew.
"""

import asyncio
import secrets
import unicodedata
from base64 import b64encode

from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error
from argon2.low_level import ARGON2_VERSION

from dialback.domain.passwords import MAX_PASSWORD_CHARS
from dialback.domain.secret import Secret


class Passwords:
    """Hashes passwords and checks them, `at_once` at the same time."""

    def __init__(self, at_once: int = 2, hasher: PasswordHasher | None = None) -> None:
        self._hasher = hasher or PasswordHasher()
        self._turn = asyncio.Semaphore(at_once)
        # What a name that nobody has is checked against, so that its answer takes as long.
        self._nobodys = _of_nobody(self._hasher)

    async def hash(self, password: Secret) -> str:
        """Return the PHC string to keep."""
        async with self._turn:
            return await asyncio.to_thread(self._hasher.hash, _octets(password))

    async def verify(self, password: Secret, hash: str) -> bool:
        """Say whether the hash is the password's; an empty one takes as long and is nobody's."""
        async with self._turn:
            return await asyncio.to_thread(self._verify, _octets(password), hash)

    def is_outdated(self, hash: str) -> bool:
        """Say whether the hash was made with other parameters than are used now."""
        return self._hasher.check_needs_rehash(hash)

    def _verify(self, octets: bytes, hash: str) -> bool:
        try:
            return self._hasher.verify(hash or self._nobodys, octets) and bool(hash)
        except (Argon2Error, ValueError):
            return False


def _of_nobody(hasher: PasswordHasher) -> str:
    """Return a PHC string with the hasher's parameters, and random numbers instead of a password's hash.

    A check of it takes as long as any; to hash a password for it would take as long again, at each start of
    a server or a command.
    """
    salt, hash = (b64encode(secrets.token_bytes(size)) for size in (hasher.salt_len, hasher.hash_len))
    cost = f"m={hasher.memory_cost},t={hasher.time_cost},p={hasher.parallelism}"
    parts = ["$argon2id", f"v={ARGON2_VERSION}", cost, *(each.decode().rstrip("=") for each in (salt, hash))]
    return "$".join(parts)


def _octets(password: Secret) -> bytes:
    """Return the bytes that are hashed: the same for a letter typed as one character or as two.

    What is longer than any password here is cut behind that length, and so is nobody's.
    """
    text = password.reveal()[: MAX_PASSWORD_CHARS + 1]
    return unicodedata.normalize("NFC", text).encode(errors="surrogatepass")
