"""Join codes: one line of text that enrols an agent.

A code carries where the server is, by which certificate authority it is known, and the secret that is used up
by enrolling. It is pasted from a screen, so white space is ignored and a checksum tells a mistyped code from
one the server does not know.

**Wire** `dialback1.` followed by base64url, without padding, of: fingerprint, 32 bytes, SHA-256 of the CA
certificate; server length, 1; server, ASCII; secret length, 1; secret, ASCII; checksum, 4 bytes, the first of
SHA-256 over all that precedes, prefix included.
"""

import hashlib
import re
from dataclasses import dataclass, field

from dialback.wire.agent.messages import decode_base64url, encode_base64url
from dialback.wire.errors import WireError

PREFIX = "dialback1."
MAX_CODE_CHARS = 512

_SERVER = re.compile(
    r"(?:\[[0-9A-Fa-f:.]{2,45}\]|[A-Za-z0-9](?:[A-Za-z0-9.-]{0,251}[A-Za-z0-9])?):(?P<port>[0-9]{1,5})"
)
_FINGERPRINT = re.compile(r"[0-9a-f]{64}")
_SECRET = re.compile(r"[A-Za-z0-9_-]{1,64}")
_FINGERPRINT_BYTES = 32
_CHECKSUM_BYTES = 4


@dataclass(frozen=True, slots=True)
class JoinCode:
    """What a join code says: `server` is `name:port`, `ca_sha256` 64 hexadecimal characters in lower case.

    Raises:
        ValueError: a part is none; the message does not show the secret.
    """

    server: str
    ca_sha256: str
    secret: str = field(repr=False)

    def __post_init__(self) -> None:
        match = _SERVER.fullmatch(self.server)
        if not match or len(self.server) > 255 or not 1 <= int(match["port"]) <= 65535:
            raise ValueError(f"expected NAME:PORT as server of a join code, got {self.server[:80]!r}")
        if not _FINGERPRINT.fullmatch(self.ca_sha256):
            raise ValueError("expected 64 lower-case hexadecimal characters as fingerprint, got others")
        if not _SECRET.fullmatch(self.secret):
            raise ValueError("expected 1 to 64 base64url characters as secret, got others")


def build(code: JoinCode) -> str:
    """Build the text of a join code: one line of at most 512 characters."""
    server, secret = code.server.encode("ascii"), code.secret.encode("ascii")
    body = bytes.fromhex(code.ca_sha256) + _short(server) + _short(secret)
    return PREFIX + encode_base64url(body + _checksum(body))


def parse(text: str) -> JoinCode:
    """Parse the text of a join code; white space in and around it is ignored.

    Raises:
        WireError: the text is no join code, or a damaged one; the message is fit to be shown.
    """
    if len(text) > 2 * MAX_CODE_CHARS:
        raise WireError(f"expected a join code of at most {MAX_CODE_CHARS} characters, got {len(text)}")
    compact = "".join(text.split())
    if not compact.startswith(PREFIX):
        raise WireError(f"expected a join code that starts with {PREFIX}, got other text")
    if len(compact) > MAX_CODE_CHARS:
        raise WireError(f"expected a join code of at most {MAX_CODE_CHARS} characters, got {len(compact)}")
    try:
        raw = decode_base64url(compact.removeprefix(PREFIX))
    except WireError:
        raise WireError("expected a whole join code, got one with letters missing or changed") from None
    body, checksum = raw[:-_CHECKSUM_BYTES], raw[-_CHECKSUM_BYTES:]
    if checksum != _checksum(body):
        raise WireError("expected a whole join code, got one with letters missing or changed")
    return _read_body(body)


def _read_body(body: bytes) -> JoinCode:
    fingerprint, rest = body[:_FINGERPRINT_BYTES], body[_FINGERPRINT_BYTES:]
    server, rest = _take_short(rest)
    secret, rest = _take_short(rest)
    if rest:
        raise WireError(f"expected the end of the join code, got {len(rest)} more bytes")
    try:
        return JoinCode(server.decode("ascii"), fingerprint.hex(), secret.decode("ascii"))
    except ValueError:
        raise WireError(
            "expected server, fingerprint and secret in the join code, got something else"
        ) from None


def _checksum(body: bytes) -> bytes:
    return hashlib.sha256(PREFIX.encode("ascii") + body).digest()[:_CHECKSUM_BYTES]


def _short(data: bytes) -> bytes:
    return bytes([len(data)]) + data


def _take_short(data: bytes) -> tuple[bytes, bytes]:
    if not data or len(data) < 1 + data[0]:
        raise WireError("expected a longer join code, got its end")
    return data[1 : 1 + data[0]], data[1 + data[0] :]
