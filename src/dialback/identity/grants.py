"""Grants as they travel: a canonical text, signed by one or more keys that the tenant holds.

The text is JSON with sorted keys and no spaces, so that each grant has one spelling; the signature covers a
fixed prefix and the text's exact bytes, and whoever verifies it decodes those bytes and no others. A signed
grant names the keys that signed by their fingerprints; a signature that does not hold counts for nothing.

Source: RFC 8032, Edwards-Curve Digital Signature Algorithm.
"""

import hashlib
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from pydantic import TypeAdapter, ValidationError

from dialback.domain.consent import MAX_APPROVERS, ConsentRequest, Grant, check_fit
from dialback.domain.errors import Reason, Refused
from dialback.domain.names import MAX_USER_CHARS, check_name
from dialback.domain.provider import KeptGrant
from dialback.identity.host_keys import PUBLIC_KEY_BYTES, verify

MAX_SIGNED_CHARS = 16_000
_PREFIX = b"dialback grant 1\n"
_GRANT: Final[TypeAdapter[Grant]] = TypeAdapter(Grant)


@dataclass(frozen=True, slots=True)
class SignedGrant:
    """A grant's exact bytes, and the signatures by the fingerprint of their key."""

    body: bytes
    signatures: Mapping[str, bytes]


def fingerprint(public_key: bytes) -> str:
    """Return by what a public key is named: SHA-256, 64 hexadecimal characters."""
    return hashlib.sha256(public_key).hexdigest()


def encode(grant: Grant) -> bytes:
    """Return the one spelling of the grant."""
    plain = _GRANT.dump_python(grant, mode="json")
    plain |= {name: sorted(plain[name]) for name in ("scopes", "targets")}
    return json.dumps(plain, sort_keys=True, separators=(",", ":")).encode("ascii")


def sign(
    grant: Grant,
    public_key: bytes,
    make_signature: Callable[[bytes], bytes],
    before: SignedGrant | None = None,
) -> SignedGrant:
    """Sign the grant, beside those who did `before`.

    Raises:
        ValueError: `before` is of another grant.
    """
    body = encode(grant)
    if before is not None and before.body != body:
        raise ValueError("expected signatures of this grant, got another's")
    signature = make_signature(_PREFIX + body)
    return SignedGrant(body, {**(before.signatures if before else {}), fingerprint(public_key): signature})


def open_grant(signed: SignedGrant, trusted: Mapping[str, bytes]) -> tuple[Grant, frozenset[str]]:
    """Return the grant, and which of the trusted public keys have signed it.

    Args:
        trusted: raw public keys by fingerprint.

    Raises:
        Refused: `GRANT_INVALID` if the bytes are no grant.
    """
    held = frozenset(
        name
        for name, signature in signed.signatures.items()
        if name in trusted and verify(trusted[name], signature, _PREFIX + signed.body)
    )
    return _decode(signed.body), held


def merge(left: SignedGrant, right: SignedGrant) -> SignedGrant:
    """Return the grant with the signatures of both; of two by one key, the first.

    Raises:
        Refused: `GRANT_OTHER` if they are different grants, `GRANT_INVALID` if they are too many.
    """
    if left.body != right.body:
        raise Refused(Reason.GRANT_OTHER, "another grant of the same id")
    both = {**right.signatures, **left.signatures}
    if len(both) > MAX_APPROVERS:
        raise Refused(Reason.GRANT_INVALID, f"expected {MAX_APPROVERS} signatures at most")
    return SignedGrant(left.body, both)


@dataclass(frozen=True, slots=True)
class ReadGrant:
    """A grant that is kept, and what its text says: None if it can be none."""

    kept: KeptGrant
    signed: SignedGrant | None = None
    grant: Grant | None = None


def read(kept: KeptGrant) -> ReadGrant:
    """Read the text of a grant that is kept; never raises."""
    try:
        signed = parse(kept.text)
        return ReadGrant(kept, signed, _decode(signed.body))
    except Refused:
        return ReadGrant(kept)


def answering(request: ConsentRequest, known: Iterable[ReadGrant], now: datetime) -> ReadGrant | None:
    """Return the grant to show to the host with the request: that of the request, else another that fits.

    Args:
        known: newest first.

    A grant with limited uses is for its own request alone, since only the host knows whether it is used up.
    """
    known = list(known)
    for each in known:
        if each.kept.request == request.id:
            return each
    return next((each for each in known if _still_fits(request, each, now)), None)


def _still_fits(request: ConsentRequest, each: ReadGrant, now: datetime) -> bool:
    if each.grant is None or each.grant.uses or each.kept.revoked_at is not None or now >= each.grant.until:
        return False
    try:
        check_fit(request, each.grant)
    except Refused:
        return False
    return True


def build(signed: SignedGrant) -> str:
    """Return the signed grant as one line of text."""
    return json.dumps(
        {
            "grant": _base64url(signed.body),
            "signatures": {name: _base64url(each) for name, each in sorted(signed.signatures.items())},
        },
        separators=(",", ":"),
    )


def parse(text: str) -> SignedGrant:
    """Parse what `build` made; nothing is verified.

    Raises:
        Refused: `GRANT_INVALID`.
    """
    if len(text) > MAX_SIGNED_CHARS:
        raise Refused(
            Reason.GRANT_INVALID, f"expected {MAX_SIGNED_CHARS} characters at most, got {len(text)}"
        )
    try:
        plain: Any = json.loads(text)
        signatures = {str(name): _bytes(each) for name, each in dict(plain["signatures"]).items()}
        signed = SignedGrant(_bytes(plain["grant"]), signatures)
    except (ValueError, TypeError, KeyError, RecursionError):
        raise Refused(Reason.GRANT_INVALID, "expected a grant and its signatures") from None
    if len(signed.signatures) > MAX_APPROVERS:
        raise Refused(Reason.GRANT_INVALID, f"expected {MAX_APPROVERS} signatures at most")
    return signed


@dataclass(frozen=True, slots=True)
class OwnedKey:
    """A public key that a host trusts, and whose it is; one without a name is its own owner."""

    key: bytes
    owner: str


def parse_owned_key(text: str) -> OwnedKey:
    """Parse a public key as hosts' settings have it: `anna: 1f0c…`, or the key alone.

    Names that differ in case alone are of one owner.

    Raises:
        ValueError: it is none.
    """
    name, _, hexadecimal = text.rpartition(":")
    key = parse_public_key(hexadecimal)
    if not name:
        return OwnedKey(key, fingerprint(key))
    check_name(name.strip(), "owner of a consent key", MAX_USER_CHARS)
    return OwnedKey(key, name.strip().casefold())


def open_owned(signed: SignedGrant, trusted: Mapping[str, OwnedKey]) -> tuple[Grant, frozenset[str]]:
    """Return the grant, and the owners of the trusted keys that have signed it; raise as `open_grant`."""
    grant, keys = open_grant(signed, {name: each.key for name, each in trusted.items()})
    return grant, frozenset(trusted[name].owner for name in keys)


def parse_public_key(text: str) -> bytes:
    """Parse a public key as people copy it: 64 hexadecimal characters.

    Raises:
        ValueError: it is none.
    """
    try:
        key = bytes.fromhex(text.strip())
    except ValueError:
        key = b""
    if len(key) != PUBLIC_KEY_BYTES:
        raise ValueError(f"expected a consent key, 64 hexadecimal characters, got {text[:80]!r}")
    return key


def _decode(body: bytes) -> Grant:
    try:
        grant = _GRANT.validate_json(body)
    except ValidationError as error:
        raise Refused(Reason.GRANT_INVALID, f"{error.error_count()} fields are none of a grant's") from None
    if encode(grant) != body:
        raise Refused(Reason.GRANT_INVALID, "expected the one spelling of the grant")
    return grant


def _base64url(data: bytes) -> str:
    return urlsafe_b64encode(data).decode().rstrip("=")


def _bytes(text: Any) -> bytes:
    if not isinstance(text, str):
        raise TypeError("expected text")
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))
