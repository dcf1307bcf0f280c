"""The id token: a signed statement of who signed in, checked rule by rule.

Strategy: nothing in it is believed before its signature holds, but the two members of its header that choose
the key. The algorithm comes from a short list, never from the token alone. A rule that does not hold is
`OIDC_TOKEN_INVALID`, whose detail begins with the rule's word. Source: OpenID Connect Core 1.0, 3.1.3.7 ID
Token Validation and 3.1.3.6 ID Token (at_hash).
"""

import base64
import hashlib
import hmac
import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from joserfc import jws
from joserfc.errors import JoseError

from dialback.domain.errors import Reason, Refused
from dialback.domain.secret import Secret
from dialback.identity.oidc.fetch import read_object
from dialback.identity.oidc.keys import ALGORITHMS, SigningKey

LEEWAY = timedelta(minutes=2)
MAX_TOKEN_CHARS = 128 * 1024
_HASHES: Final = {"EdDSA": hashlib.sha512}
"""For `at_hash`: SHA-256 for all others. Ed25519 is defined over SHA-512 [RFC 8032]."""


class _Registry(jws.JWSRegistry):
    max_header_length = 4096
    max_payload_length = MAX_TOKEN_CHARS

    def get_alg(self, name: str) -> Any:
        # "EdDSA" leaves the curve open; we take one curve.
        return super().get_alg("Ed25519" if name == "EdDSA" else name)


_REGISTRY: Final = _Registry(algorithms=[*(ALGORITHMS - {"EdDSA"}), "Ed25519"], strict_check_header=False)


@dataclass(frozen=True, slots=True)
class UnverifiedToken:
    """A token as it came: what chooses the key, and the rest, which is not yet believed."""

    algorithm: str
    key_id: str | None
    compact: jws.CompactSignature


@dataclass(frozen=True, slots=True)
class Expected:
    """What an id token must say. `access_token` is what came with it."""

    issuer: str
    client_id: str
    nonce: Secret
    access_token: Secret
    now: datetime


def invalid(rule: str, detail: str = "") -> Refused:
    """Return the refusal for a rule that does not hold."""
    return Refused(Reason.OIDC_TOKEN_INVALID, f"{rule}: {detail}" if detail else rule)


def read_token(text: str) -> UnverifiedToken:
    """Read a token in compact form.

    Raises:
        Refused: `OIDC_TOKEN_INVALID`: it is none, or its algorithm is not one of ours.
    """
    if len(text) > MAX_TOKEN_CHARS:
        raise invalid("form", f"expected {MAX_TOKEN_CHARS} characters at most, got {len(text)}")
    try:
        compact = jws.extract_compact(text.encode(), registry=_REGISTRY)
    except (JoseError, ValueError, TypeError, RecursionError):
        raise invalid("form", "expected a signed token in compact form") from None
    header: Any = compact.headers()
    if not isinstance(header, dict):
        raise invalid("form", "expected an object as header")
    algorithm, key_id = header.get("alg"), header.get("kid")
    if not isinstance(algorithm, str) or algorithm not in {*ALGORITHMS, "Ed25519"}:
        raise invalid(
            "algorithm", f"expected one of {', '.join(sorted(ALGORITHMS))}, got {str(algorithm)[:40]!r}"
        )
    if key_id is not None and not isinstance(key_id, str):
        raise invalid("form", "expected text as key id")
    return UnverifiedToken("EdDSA" if algorithm == "Ed25519" else algorithm, key_id, compact)


def verify(token: UnverifiedToken, key: SigningKey) -> Mapping[str, Any]:
    """Return the claims of a token that the key signed.

    Raises:
        Refused: `OIDC_TOKEN_INVALID`.
    """
    if token.algorithm not in key.algorithms:
        raise invalid("algorithm", f"expected one that the key is for, got {token.algorithm}")
    try:
        holds = jws.validate_compact(token.compact, key.key, registry=_REGISTRY)
    except (JoseError, ValueError, TypeError) as error:
        raise invalid("signature", type(error).__name__) from None
    if not holds:
        raise invalid("signature")
    claims = read_object(token.compact.payload)
    if claims is None:
        raise invalid("form", "expected an object as payload")
    return claims


def check_claims(claims: Mapping[str, Any], algorithm: str, expected: Expected) -> None:
    """Check what the token says of itself.

    Raises:
        Refused: `OIDC_TOKEN_INVALID`.
    """
    if claims.get("iss") != expected.issuer:
        raise invalid("issuer", f"expected {expected.issuer!r}, got {str(claims.get('iss'))[:200]!r}")
    _check_audience(claims, expected.client_id)
    _check_times(claims, expected.now)
    nonce = claims.get("nonce")
    if not isinstance(nonce, str) or Secret(nonce) != expected.nonce:
        raise invalid("nonce", "the token is of another sign-in")
    if "at_hash" in claims:
        _check_access_token(claims["at_hash"], algorithm, expected.access_token)


def _check_audience(claims: Mapping[str, Any], client_id: str) -> None:
    audience = claims.get("aud")
    audiences = audience if isinstance(audience, list) else [audience]
    if client_id not in audiences:
        raise invalid("audience", f"expected {client_id!r}, got {str(audience)[:200]!r}")
    party = claims.get("azp")
    # A token for several is ours only if it was issued to us.
    if (party is not None or len(audiences) > 1) and party != client_id:
        raise invalid("audience", f"expected {client_id!r} as azp, got {str(party)[:200]!r}")


def _check_times(claims: Mapping[str, Any], now: datetime) -> None:
    instant, leeway = now.timestamp(), LEEWAY.total_seconds()
    if _seconds(claims, "exp") <= instant - leeway:
        raise invalid("expired", "the token's life is over; compare the clocks")
    if _seconds(claims, "iat") > instant + leeway:
        raise invalid("issued in the future", "compare the clocks")
    if "nbf" in claims and _seconds(claims, "nbf") > instant + leeway:
        raise invalid("not yet valid", "compare the clocks")


def _seconds(claims: Mapping[str, Any], name: str) -> float:
    value = claims.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise invalid("form", f"expected a number as {name}")
    if isinstance(value, float) and not math.isfinite(value):
        raise invalid("form", f"expected a number as {name}")
    return value


def _check_access_token(said: Any, algorithm: str, access_token: Secret) -> None:
    hashed = _HASHES.get(algorithm, hashlib.sha256)(access_token.reveal().encode()).digest()
    half = base64.urlsafe_b64encode(hashed[: len(hashed) // 2]).rstrip(b"=")
    if not isinstance(said, str) or not hmac.compare_digest(said.encode(errors="replace"), half):
        raise invalid("at_hash", "the access token is of another sign-in")
