"""A provider's keys: which are of use, which one a token names, and when they are fetched anew."""

from datetime import timedelta
from typing import Any

import httpx
import pytest
from joserfc.jwk import ECKey, OctKey, OKPKey

from dialback.domain.errors import Reason, Refused
from dialback.identity.oidc.keys import ALGORITHMS, REFETCH_PAUSE, ProviderKeys, choose_key, parse_keys
from tests.identity.oidc.issuer import RSA, Clock, Issuer

EC = ECKey.generate_key("P-256", {"kid": "ec"})
ED = OKPKey.generate_key("Ed25519", {"kid": "ed"})


def public(key: Any, **changed: Any) -> dict[str, Any]:
    return {**key.as_dict(private=False), **changed}


def ids_of(*listed: Any) -> list[str]:
    return [key.id for key in parse_keys({"keys": [public(RSA), *listed]})][1:]


def test_no_symmetric_algorithm_and_no_unsigned_one_is_taken() -> None:
    assert sorted(ALGORITHMS) == ["ES256", "EdDSA", "PS256", "RS256"]


def test_key_is_for_the_algorithms_of_its_type_or_the_one_it_names() -> None:
    keys = parse_keys(
        {"keys": [public(RSA), public(RSA, alg="PS256"), public(EC), public(ED, alg="Ed25519")]}
    )
    assert [key.algorithms for key in keys] == [{"RS256", "PS256"}, {"PS256"}, {"ES256"}, {"EdDSA"}]


@pytest.mark.parametrize(
    "passed_over",
    [
        public(EC, use="enc"),
        public(EC, key_ops=["encrypt"]),
        public(EC, key_ops="verify"),
        public(EC, alg="ES512"),
        public(EC, x="AAAA"),
        public(EC, x=1),
        public(EC, y=None),
        public(EC, crv=["P-256"]),
        public(ECKey.generate_key("P-384", {"kid": "ec"})),
        public(OKPKey.generate_key("X25519", {"kid": "ed"})),
        public(OKPKey.generate_key("Ed448", {"kid": "ed"})),
        OctKey.generate_key(256, {"kid": "oct"}).as_dict(private=True),
        public(RSA, n="AQAB"),
        public(RSA, kty=["RSA"]),
        {},
        "text",
        None,
    ],
)
def test_key_of_no_use_is_passed_over(passed_over: Any) -> None:
    assert ids_of(passed_over) == []


def test_private_members_of_a_key_are_not_looked_at() -> None:
    (key,) = parse_keys({"keys": [RSA.as_dict(private=True)]})
    assert not key.key.is_private


@pytest.mark.parametrize("values", [{}, {"keys": {}}, {"keys": []}, {"keys": [public(EC)] * 101}])
def test_set_of_no_use_is_refused(values: dict[str, Any]) -> None:
    with pytest.raises(Refused) as caught:
        parse_keys(values)
    assert caught.value.reason is Reason.OIDC_PROVIDER_UNAVAILABLE


def test_token_without_a_key_id_needs_a_single_key_that_fits() -> None:
    keys = parse_keys({"keys": [public(RSA), public(EC), public(ED), public(ED, kid=7)]})
    assert choose_key(keys, None, "ES256") is keys[1]
    assert choose_key(keys, None, "EdDSA") is None


def test_named_key_must_fit_the_algorithm() -> None:
    keys = parse_keys({"keys": [public(RSA), public(EC)]})
    assert choose_key(keys, "ec", "ES256") is keys[1]
    assert choose_key(keys, "ec", "RS256") is None
    assert choose_key(keys, "other", "ES256") is None


async def test_unknown_key_id_makes_us_ask_again_once_a_minute(
    issuer: Issuer, http: httpx.AsyncClient, clock: Clock
) -> None:
    keys, address = ProviderKeys(http, clock), f"{issuer.address}/keys"
    assert (await keys.find(address, "rsa", "RS256")).id == "rsa"
    issuer.publish(EC)
    assert (await keys.find(address, "ec", "ES256")).id == "ec"
    for _ in range(3):
        with pytest.raises(Refused, match="oidc-token-invalid: signature: no key of key id 'lost' for ES256"):
            await keys.find(address, "lost", "ES256")
    assert len(issuer.seen) == 2
    clock.advance(REFETCH_PAUSE)
    with pytest.raises(Refused, match="without a key id"):
        await keys.find(address, None, "RS256")
    assert len(issuer.seen) == 3


async def test_keys_that_moved_are_fetched_where_they_are_now(
    issuer: Issuer, http: httpx.AsyncClient, clock: Clock
) -> None:
    keys = ProviderKeys(http, clock)
    await keys.find(f"{issuer.address}/keys", "rsa", "RS256")
    issuer.replies["/moved"] = issuer.replies["/keys"]
    await keys.find(f"{issuer.address}/moved", "rsa", "RS256")
    assert issuer.paths() == ["/keys", "/moved"]


async def test_key_that_was_withdrawn_is_believed_for_an_hour_at_most(
    issuer: Issuer, http: httpx.AsyncClient, clock: Clock
) -> None:
    keys, address = ProviderKeys(http, clock), f"{issuer.address}/keys"
    await keys.find(address, "rsa", "RS256")
    issuer.publish(EC)
    clock.advance(timedelta(hours=1))
    with pytest.raises(Refused):
        await keys.find(address, "rsa", "RS256")
