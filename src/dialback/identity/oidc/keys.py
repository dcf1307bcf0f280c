"""A provider's public keys: what it signs id tokens with, found by key id, fetched anew when it rotates them.

A key id that is not known makes us ask again, but once a minute at most: it may be made up. Kept are keys
that one of our algorithms can use and that are meant for signatures; whatever else is in the document is
passed over, as RFC 7517 section 5 JWK Set Format wants. Only the public members of a key are looked at.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import httpx
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, OKPKey, RSAKey

from dialback.domain.errors import Reason, Refused
from dialback.identity.oidc.cached import Cached, Now
from dialback.identity.oidc.fetch import fetch, unavailable

WHAT = "keys"
MAX_KEYS = 100
REFETCH_PAUSE = timedelta(minutes=1)
RSA_BITS = range(2048, 8193)

AnyKey = RSAKey | ECKey | OKPKey
FAMILIES: dict[str, frozenset[str]] = {
    "RSA": frozenset({"RS256", "PS256"}),
    "EC": frozenset({"ES256"}),
    "OKP": frozenset({"EdDSA"}),
}
"""Algorithms by key type, RFC 7518 section 3.1 and RFC 8037 section 3.1; there is no symmetric one."""
ALGORITHMS = frozenset().union(*FAMILIES.values())


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A public key and the algorithms it may be used with. `id` is empty if the provider gave none."""

    id: str
    key: AnyKey
    algorithms: frozenset[str]


def parse_keys(values: Mapping[str, Any]) -> tuple[SigningKey, ...]:
    """Read a JWK set.

    Raises:
        Refused: `OIDC_PROVIDER_UNAVAILABLE`: it is none, or holds no key of use.
    """
    listed = values.get("keys")
    if not isinstance(listed, list) or len(listed) > MAX_KEYS:
        raise unavailable(WHAT, f"expected a list of {MAX_KEYS} keys at most")
    found = tuple(_usable(listed))
    if not found:
        raise unavailable(WHAT, "expected a key for RS256, PS256, ES256 or EdDSA, got none")
    return found


def choose_key(keys: Sequence[SigningKey], id: str | None, algorithm: str) -> SigningKey | None:
    """Return the key that an id token names; without a name, the only one that fits its algorithm.

    Source: OIDC Core 1.0, 10.1 Signing.
    """
    fit = [key for key in keys if algorithm in key.algorithms and (id is None or key.id == id)]
    return fit[0] if len(fit) == 1 else None


class ProviderKeys:
    """The keys of one provider."""

    def __init__(self, http: httpx.AsyncClient, now: Now) -> None:
        self._http = http
        self._now = now
        self._address = ""
        self._cached = Cached(self._load, now)
        self._refetched_at: datetime | None = None

    async def find(self, address: str, id: str | None, algorithm: str) -> SigningKey:
        """Return the key.

        Args:
            address: where the provider publishes its keys now.

        Raises:
            Refused: `OIDC_TOKEN_INVALID` if there is none, `OIDC_PROVIDER_UNAVAILABLE`.
        """
        if address != self._address:
            self._address = address
            self._cached.forget()
        key = choose_key(await self._cached.get(), id, algorithm)
        if key is None:
            if self._may_refetch():
                self._cached.forget()
            key = choose_key(await self._cached.get(), id, algorithm)
        if key is None:
            named = "without a key id" if id is None else f"of key id {id[:80]!r}"
            raise Refused(Reason.OIDC_TOKEN_INVALID, f"signature: no key {named} for {algorithm}")
        return key

    def _may_refetch(self) -> bool:
        now = self._now()
        if self._refetched_at is not None and now < self._refetched_at + REFETCH_PAUSE:
            return False
        self._refetched_at = now
        return True

    async def _load(self) -> tuple[SigningKey, ...]:
        return parse_keys(await fetch(self._http, WHAT, self._address))


def _usable(listed: Iterable[Any]) -> Iterable[SigningKey]:
    for values in listed:
        if isinstance(values, dict) and (algorithms := _algorithms(values)) and (key := _import(values)):
            id = values.get("kid", "")
            yield SigningKey(id if isinstance(id, str) else "", key, algorithms)


def _algorithms(values: Mapping[str, Any]) -> frozenset[str]:
    """Return what the key is for: nothing, if it is no key for signatures."""
    operations = values.get("key_ops", ["verify"])
    if values.get("use", "sig") != "sig" or not isinstance(operations, list) or "verify" not in operations:
        return frozenset()
    kind, said = values.get("kty"), values.get("alg")
    family = FAMILIES.get(kind, frozenset()) if isinstance(kind, str) else frozenset()
    # RFC 9864 names the algorithm by its curve; it is the same.
    said = "EdDSA" if said == "Ed25519" else said
    return family if said is None else family & {said}


def _import(values: Mapping[str, Any]) -> AnyKey | None:
    try:
        match values["kty"], values.get("crv"):
            case "RSA", _:
                key = RSAKey.import_key({"kty": "RSA", "n": values["n"], "e": values["e"]})
                return key if key.raw_value.key_size in RSA_BITS else None
            case "EC", "P-256":
                return ECKey.import_key({"kty": "EC", "crv": "P-256", "x": values["x"], "y": values["y"]})
            case "OKP", "Ed25519":
                return OKPKey.import_key({"kty": "OKP", "crv": "Ed25519", "x": values["x"]})
    except (JoseError, KeyError, ValueError, TypeError):
        return None
    return None
