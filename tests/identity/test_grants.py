import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dialback.domain.consent import MAX_APPROVERS
from dialback.domain.errors import Reason, Refused
from dialback.domain.ids import HostId
from dialback.domain.provider import KeptGrant
from dialback.identity.grants import (
    OwnedKey,
    ReadGrant,
    SignedGrant,
    answering,
    build,
    encode,
    fingerprint,
    merge,
    open_grant,
    parse,
    parse_owned_key,
    parse_public_key,
    read,
    sign,
)
from dialback.identity.host_keys import HostKey
from tests.domain.test_consent import GRANT, REQUEST

ANNA, BEN, EVE = HostKey.generate(), HostKey.generate(), HostKey.generate()
TRUSTED = {fingerprint(key.public_bytes): key.public_bytes for key in (ANNA, BEN)}
SIGNED = sign(GRANT, ANNA.public_bytes, ANNA.sign)


def test_grant_comes_back_with_the_keys_that_signed_it() -> None:
    both = sign(GRANT, BEN.public_bytes, BEN.sign, SIGNED)

    assert open_grant(parse(build(SIGNED)), TRUSTED) == (GRANT, {fingerprint(ANNA.public_bytes)})
    assert open_grant(parse(build(both)), TRUSTED) == (GRANT, frozenset(TRUSTED))


def test_key_that_is_not_trusted_counts_for_nothing() -> None:
    signed = sign(GRANT, EVE.public_bytes, EVE.sign)

    assert open_grant(signed, TRUSTED) == (GRANT, frozenset())


def test_signature_under_another_keys_name_counts_for_nothing() -> None:
    forged = SignedGrant(SIGNED.body, {fingerprint(ANNA.public_bytes): EVE.sign(SIGNED.body)})

    assert open_grant(forged, TRUSTED)[1] == frozenset()


def test_grant_that_was_edited_has_lost_its_signature() -> None:
    edited = SignedGrant(encode(replace(GRANT, host=HostId("h2"))), SIGNED.signatures)

    assert open_grant(edited, TRUSTED)[1] == frozenset()


def test_signatures_of_another_grant_are_not_taken_over() -> None:
    with pytest.raises(ValueError, match="another's"):
        sign(replace(GRANT, uses=1), BEN.public_bytes, BEN.sign, SIGNED)


def test_grant_has_one_spelling() -> None:
    plain = json.loads(SIGNED.body)
    spaced = SignedGrant(json.dumps(plain).encode(), {})

    with pytest.raises(Refused, match="one spelling"):
        open_grant(spaced, TRUSTED)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        '{"grant": 1, "signatures": {}}',
        '{"grant": "AA", "signatures": []}',
        '{"grant": "AA", "signatures": {"a": null}}',
        "[" * 20_000,
        json.dumps({"grant": "AA", "signatures": {str(each): "AA" for each in range(6)}}),
    ],
)
def test_text_that_is_no_signed_grant_is_refused(text: str) -> None:
    with pytest.raises(Refused) as refused:
        open_grant(parse(text), TRUSTED)
    assert refused.value.reason is Reason.GRANT_INVALID


@given(st.binary(max_size=300))
def test_any_body_is_a_grant_or_refused(body: bytes) -> None:
    with pytest.raises(Refused):
        open_grant(SignedGrant(body, {}), TRUSTED)


@given(st.text(max_size=300))
def test_any_text_is_a_signed_grant_or_refused(text: str) -> None:
    with pytest.raises(Refused):
        open_grant(parse(text), TRUSTED)


def test_public_key_is_read_from_hexadecimal_text() -> None:
    assert parse_public_key(f" {ANNA.public_bytes.hex()}\n") == ANNA.public_bytes
    for text in ("", "zz" * 32, "aa" * 31):
        with pytest.raises(ValueError, match="consent key"):
            parse_public_key(text)


def test_key_of_a_host_has_an_owner_or_is_its_own() -> None:
    public = ANNA.public_bytes.hex()
    assert parse_owned_key(public) == OwnedKey(ANNA.public_bytes, fingerprint(ANNA.public_bytes))
    assert parse_owned_key(f"Anna B: {public}") == OwnedKey(ANNA.public_bytes, "anna b")
    assert parse_owned_key(f"ACME:anna:{public}").owner == "acme:anna"
    for text in ("anna:", "anna", f" : {public}", f"an\na: {public}", f"{'x' * 300}: {public}"):
        with pytest.raises(ValueError, match="expected"):
            parse_owned_key(text)


KEPT = KeptGrant(GRANT.tenant, GRANT.id, REQUEST.id, build(SIGNED), GRANT.until)


def test_signatures_of_one_grant_are_merged_and_the_first_of_a_key_stays() -> None:
    ben = sign(GRANT, BEN.public_bytes, BEN.sign)
    forged = SignedGrant(SIGNED.body, {fingerprint(ANNA.public_bytes): b"\0" * 64})

    assert open_grant(merge(merge(SIGNED, ben), forged), TRUSTED) == (GRANT, frozenset(TRUSTED))


def test_signatures_of_different_grants_and_too_many_are_not_merged() -> None:
    other = sign(replace(GRANT, host=HostId("h2")), BEN.public_bytes, BEN.sign)
    many = SignedGrant(SIGNED.body, {str(number): b"\0" * 64 for number in range(MAX_APPROVERS)})

    for wrong, reason in ((other, Reason.GRANT_OTHER), (many, Reason.GRANT_INVALID)):
        with pytest.raises(Refused) as refused:
            merge(SIGNED, wrong)
        assert refused.value.reason is reason


def test_grant_that_is_kept_is_read_whatever_became_of_its_text() -> None:
    assert read(KEPT).grant == GRANT
    for text in ("", "{}", build(SignedGrant(b"{}", {}))):
        damaged = replace(KEPT, text=text)
        assert read(damaged) == ReadGrant(damaged)


def test_own_grant_answers_a_request_before_one_that_fits_as_well() -> None:
    standing = read(replace(KEPT, request="other"))

    assert answering(REQUEST, [standing, read(KEPT)], GRANT.begins_at) == read(KEPT)
    assert answering(REQUEST, [standing], GRANT.begins_at) == standing
    assert answering(REQUEST, [], GRANT.begins_at) is None


def test_grant_of_another_request_answers_only_while_it_fits_and_is_not_counted() -> None:
    counted = replace(GRANT, uses=1)
    text = build(sign(counted, ANNA.public_bytes, ANNA.sign))
    standing = replace(KEPT, request="other")

    for kept in (
        replace(standing, text=text),
        replace(standing, text="damaged"),
        replace(standing, revoked_at=GRANT.begins_at),
    ):
        assert answering(REQUEST, [read(kept)], GRANT.begins_at) is None
    assert answering(REQUEST, [read(standing)], GRANT.until) is None
    assert answering(replace(REQUEST, staff="tom"), [read(standing)], GRANT.begins_at) is None
