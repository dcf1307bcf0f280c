"""The id token: every rule has a token that breaks it alone, and the refusal names the rule."""

import base64
import hashlib
import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from joserfc.jwk import ECKey, OctKey, OKPKey, RSAKey

from dialback.domain.errors import Reason, Refused
from dialback.domain.secret import Secret
from dialback.identity.oidc.id_token import (
    MAX_TOKEN_CHARS,
    Expected,
    check_claims,
    invalid,
    read_token,
    verify,
)
from dialback.identity.oidc.keys import SigningKey, choose_key, parse_keys
from tests.identity.oidc.issuer import ACCESS_TOKEN, RSA, AnyKey, sign

ISSUER = "https://login.example.org"
NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
SECONDS = int(NOW.timestamp())
CLAIMS = {"iss": ISSUER, "sub": "alice", "aud": "dialback", "exp": SECONDS + 60, "iat": SECONDS, "nonce": "n"}
EXPECTED = Expected(ISSUER, "dialback", Secret("n"), Secret(ACCESS_TOKEN), NOW)
EC = ECKey.generate_key("P-256", {"kid": "ec"})
ED = OKPKey.generate_key("Ed25519", {"kid": "ed"})
OTHER = RSAKey.generate_key(2048, {"kid": "rsa"})
KEYS = parse_keys({"keys": [key.as_dict(private=False) for key in (RSA, EC, ED)]})


def key_for(text: str) -> SigningKey:
    token = read_token(text)
    key = choose_key(KEYS, token.key_id, token.algorithm)
    assert key is not None
    return key


def read(text: str) -> Any:
    return verify(read_token(text), key_for(text))


def encoded(values: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(values).encode()).decode().rstrip("=")


def rule_broken_by(text: str) -> str:
    with pytest.raises(Refused) as caught:
        check_claims(read(text), "RS256", EXPECTED)
    assert caught.value.reason is Reason.OIDC_TOKEN_INVALID
    return caught.value.detail.partition(":")[0]


@pytest.mark.parametrize(
    ("algorithm", "key"), [("RS256", RSA), ("PS256", RSA), ("ES256", EC), ("Ed25519", ED)]
)
def test_token_of_each_algorithm_is_read(algorithm: str, key: AnyKey) -> None:
    assert read(sign(CLAIMS, key, alg=algorithm)) == CLAIMS


def test_eddsa_is_read_under_its_older_name() -> None:
    signed = sign(CLAIMS, ED, alg="Ed25519")
    header = encoded({"alg": "EdDSA", "kid": "ed"})
    body = f"{header}.{signed.split('.')[1]}"
    signature = ED.private_key.sign(body.encode())  # type: ignore[union-attr]
    assert read(f"{body}.{base64.urlsafe_b64encode(signature).decode().rstrip('=')}") == CLAIMS


def test_header_may_hold_members_that_are_not_ours() -> None:
    assert read(sign(CLAIMS, RSA, typ="JWT", x5t="thumbprint", own="member")) == CLAIMS


def test_unsigned_token_is_refused() -> None:
    for name in ("none", "None", "NONE"):
        assert rule_broken_by(f"{encoded({'alg': name})}.{encoded(CLAIMS)}.") == "algorithm"


def test_token_signed_with_the_public_key_as_a_password_is_refused() -> None:
    password = OctKey.import_key(RSA.as_pem(private=False).replace(b"-----", b"")[:64], {"kid": "rsa"})
    assert rule_broken_by(sign(CLAIMS, password, alg="HS256")) == "algorithm"


@pytest.mark.parametrize("algorithm", ["RS512", "RS1", "", None, ["RS256"], 256, {"RS256": 1}])
def test_algorithm_that_is_not_on_the_list_is_refused(algorithm: Any) -> None:
    assert rule_broken_by(f"{encoded({'alg': algorithm})}.{encoded(CLAIMS)}.AAAA") == "algorithm"


def test_key_is_used_with_its_own_algorithms_alone() -> None:
    with pytest.raises(Refused, match="algorithm"):
        verify(read_token(sign(CLAIMS)), SigningKey("rsa", RSA, frozenset({"PS256"})))


def test_signature_of_another_key_of_that_name_is_refused() -> None:
    assert rule_broken_by(sign(CLAIMS, OTHER)) == "signature"


def test_key_inside_the_token_is_not_looked_at() -> None:
    assert rule_broken_by(sign(CLAIMS, OTHER, jwk=OTHER.as_dict(private=False))) == "signature"


@pytest.mark.parametrize("member", [{"crit": ["b64"], "b64": False}, {"crit": ["exp"]}])
def test_member_that_must_be_understood_and_is_not_is_refused(member: dict[str, Any]) -> None:
    head, payload, signature = sign(CLAIMS).split(".")
    header = encoded({"alg": "RS256", "kid": "rsa", **member})
    assert rule_broken_by(f"{header}.{payload}.{signature}") in {"form", "signature"}
    assert header != head


@given(st.integers(min_value=0), st.sampled_from("Ab9_"))
def test_any_change_breaks_a_token(at: int, letter: str) -> None:
    text = sign(CLAIMS, EC, alg="ES256")
    at %= len(text) - 1  # the last letter holds bits that say nothing
    changed = text[:at] + letter + text[at + 1 :]
    if changed != text:
        with pytest.raises(Refused, match="oidc-token-invalid"):
            verify(read_token(changed), KEYS[1])


@given(st.text(max_size=200) | st.binary(max_size=200).map(lambda raw: raw.decode("latin-1")))
def test_any_text_is_read_or_refused(text: str) -> None:
    with pytest.raises(Refused, match="oidc-token-invalid"):
        verify(read_token(text), KEYS[0])


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a.b",
        "a.b.c.d.e",
        f"{encoded([1])}.e30.AAAA",
        f"{encoded('alg')}.e30.AAAA",
        f"{encoded({'alg': 'RS256', 'kid': 1})}.e30.AAAA",
        base64.urlsafe_b64encode(b"[" * 3000).decode() + ".e30.AAAA",
        "a" * (MAX_TOKEN_CHARS + 1),
        "\ud800.e30.AAAA",
    ],
)
def test_text_that_is_no_token_is_refused(text: str) -> None:
    with pytest.raises(Refused, match="oidc-token-invalid: form"):
        read_token(text)


@pytest.mark.parametrize("payload", [b"[]", b"", b"\xff", b"[" * 50_000])
def test_signed_payload_that_is_no_object_is_refused(payload: bytes) -> None:
    assert rule_broken_by(sign(payload)) == "form"


def test_honest_claims_pass() -> None:
    check_claims(CLAIMS, "RS256", EXPECTED)
    check_claims({**CLAIMS, "aud": ["dialback"], "azp": "dialback", "nbf": SECONDS}, "RS256", EXPECTED)
    check_claims({**CLAIMS, "aud": ["other", "dialback"], "azp": "dialback"}, "RS256", EXPECTED)


def test_two_minutes_of_difference_between_clocks_are_forgiven() -> None:
    check_claims({**CLAIMS, "exp": SECONDS - 119, "iat": SECONDS + 120}, "RS256", EXPECTED)


@pytest.mark.parametrize(
    ("changed", "rule"),
    [
        ({"iss": "https://evil.test"}, "issuer"),
        ({"iss": ISSUER + "/"}, "issuer"),
        ({"iss": None}, "issuer"),
        ({"aud": "another"}, "audience"),
        ({"aud": "dialback2"}, "audience"),
        ({"aud": []}, "audience"),
        ({"aud": None}, "audience"),
        ({"aud": {"dialback": 1}}, "audience"),
        ({"aud": ["dialback", "another"]}, "audience"),
        ({"aud": ["dialback", "another"], "azp": "another"}, "audience"),
        ({"azp": "another"}, "audience"),
        ({"exp": SECONDS - 120}, "expired"),
        ({"exp": None}, "form"),
        ({"exp": str(SECONDS + 60)}, "form"),
        ({"exp": True}, "form"),
        ({"exp": float("inf")}, "form"),
        ({"exp": float("nan")}, "form"),
        ({"iat": SECONDS + 121}, "issued in the future"),
        ({"iat": None}, "form"),
        ({"nbf": SECONDS + 121}, "not yet valid"),
        ({"nonce": "another"}, "nonce"),
        ({"nonce": None}, "nonce"),
        ({"nonce": ["n"]}, "nonce"),
        ({"at_hash": "AAAA"}, "at_hash"),
        ({"at_hash": None}, "at_hash"),
        ({"at_hash": "\ud800"}, "at_hash"),
    ],
)
def test_claim_that_breaks_a_rule_is_refused_by_its_name(changed: dict[str, Any], rule: str) -> None:
    assert rule_broken_by(sign({**CLAIMS, **changed})) == rule


@pytest.mark.parametrize(
    ("algorithm", "digest"),
    [("RS256", hashlib.sha256), ("ES256", hashlib.sha256), ("EdDSA", hashlib.sha512)],
)
def test_access_token_is_tied_to_the_id_token_by_its_hash(algorithm: str, digest: Any) -> None:
    whole = digest(ACCESS_TOKEN.encode()).digest()
    half = base64.urlsafe_b64encode(whole[: len(whole) // 2]).decode().rstrip("=")
    check_claims({**CLAIMS, "at_hash": half}, algorithm, EXPECTED)


def test_refusal_names_the_rule_first() -> None:
    assert (invalid("nonce").detail, invalid("nonce", "why").detail) == ("nonce", "nonce: why")
