"""Opaque tokens: made from randomness, kept as a hash.

A token says nothing and proves nothing by itself; the broker looks its hash up. 256 random bits need no salt
and no slow hash: there is nothing to guess.
"""

import hashlib
import secrets

from dialback.domain.ids import ConnectionId, TokenHash
from dialback.domain.secret import Secret

TOKEN_BYTES = 32


def make_token() -> Secret:
    """Return a new token: 32 random bytes as 43 base64url characters without padding."""
    return Secret(secrets.token_urlsafe(TOKEN_BYTES))


def hash_token(token: Secret | str) -> TokenHash:
    """Return the SHA-256 of the token's text, 64 hexadecimal characters; any text has one."""
    text = token.reveal() if isinstance(token, Secret) else token
    return TokenHash(hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest())


def make_connection_id() -> ConnectionId:
    """Return a new connection id: 16 random bytes as 22 base64url characters."""
    return ConnectionId(_typed(16))


def make_id() -> str:
    """Return a new id for what a tenant keeps: 12 random bytes as 16 base64url characters."""
    return _typed(12)


def _typed(count: int) -> str:
    """Return random bytes as base64url that is typed behind a command: there a dash in front is an option."""
    while (text := secrets.token_urlsafe(count)).startswith("-"):
        pass
    return text
