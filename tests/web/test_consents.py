"""What waits for a tenant, and what its answers leave; every refusal of a grant is tested with the API."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from dialback.domain.consent import MAX_WAIT, ConsentRequest, ConsentScope, ConsentState, Grant
from dialback.domain.errors import Reason, Refused
from dialback.domain.ids import GrantId, HostId
from dialback.domain.provider import ConsentKey, KeptGrant
from dialback.domain.tenancy import MAIN
from dialback.identity.grants import build, fingerprint, parse, read, sign
from dialback.identity.host_keys import HostKey
from dialback.store.memory import MemoryStore
from dialback.store.memory_provider import MemoryProvider
from dialback.web.consents import Consents, grant_state, signers_of

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
ADAM, BEN = HostKey.generate(), HostKey.generate()
REQUEST = ConsentRequest(
    "r1", MAIN, HostId("h1"), "tess", "technician", ConsentScope.FACTS, "", "printer", NOW
)
GRANT = Grant(
    GrantId("g1"),
    MAIN,
    HostId("h1"),
    "tess",
    frozenset({ConsentScope.FACTS}),
    frozenset(),
    "printer",
    NOW,
    NOW + timedelta(hours=1),
    "adam",
    uses=1,
)


def text_of(grant: Grant, key: HostKey = ADAM) -> str:
    return build(sign(grant, key.public_bytes, key.sign))


@pytest.fixture
async def consents() -> Consents:
    found = Consents(MemoryProvider(MemoryStore().directory), lambda: NOW)
    await found.provider.ask_consent(REQUEST)
    return found


async def test_request_waits_until_it_is_denied(consents: Consents) -> None:
    (known,) = await consents.waiting(MAIN)
    assert known.request == REQUEST
    assert await consents.deny(known, "adam")
    assert await consents.waiting(MAIN) == []
    assert not await consents.deny(known, "ben")


async def test_request_waits_until_it_is_granted(consents: Consents) -> None:
    assert await consents.keep(REQUEST, text_of(GRANT)) is not None
    assert await consents.waiting(MAIN) == []
    known = await consents.request(MAIN, "r1")
    assert known is not None
    assert known.state is ConsentState.GRANTED
    assert not await consents.deny(known, "adam")


async def test_request_that_nobody_answers_waits_no_longer_than_a_day(consents: Consents) -> None:
    later = replace(consents, now=lambda: NOW + MAX_WAIT)
    assert await later.waiting(MAIN) == []
    known = await later.request(MAIN, "r1")
    assert known is not None
    assert known.state is ConsentState.LAPSED


async def test_second_signature_goes_beside_the_first_and_the_same_adds_nothing(consents: Consents) -> None:
    await consents.keep(REQUEST, text_of(GRANT))
    kept = await consents.keep(REQUEST, text_of(GRANT, BEN))
    assert kept is not None
    assert set(parse(kept.text).signatures) == {fingerprint(key.public_bytes) for key in (ADAM, BEN)}
    assert await consents.keep(REQUEST, text_of(GRANT, BEN)) is None


async def test_grant_that_is_over_is_not_kept(consents: Consents) -> None:
    late = replace(consents, now=lambda: GRANT.until)
    with pytest.raises(Refused) as refused:
        await late.keep(REQUEST, text_of(GRANT))
    assert refused.value.reason is Reason.GRANT_EXPIRED


async def test_request_that_is_not_there_is_none(consents: Consents) -> None:
    assert await consents.request(MAIN, "none") is None


async def test_nobody_needs_to_be_told(consents: Consents) -> None:
    await consents.events.granted(MAIN, "r1")
    await consents.events.denied(MAIN, "r1")
    await consents.events.revoked(MAIN, GrantId("g1"))
    assert len(await consents.waiting(MAIN)) == 1


def test_grant_stands_until_it_is_over_or_revoked() -> None:
    kept = KeptGrant(MAIN, GRANT.id, "r1", text_of(GRANT), GRANT.until)
    assert grant_state(kept, NOW) is ConsentState.GRANTED
    assert grant_state(kept, GRANT.until) is ConsentState.EXPIRED
    assert grant_state(replace(kept, revoked_at=NOW), GRANT.until) is ConsentState.REVOKED


def test_only_keys_whose_signature_holds_have_signed() -> None:
    keys = [ConsentKey(MAIN, "adam", ADAM.public_bytes), ConsentKey(MAIN, "ben", BEN.public_bytes)]
    kept = KeptGrant(MAIN, GRANT.id, "r1", text_of(GRANT), GRANT.until)
    assert signers_of(read(kept), keys) == ["adam"]
    assert signers_of(read(replace(kept, text="damaged")), keys) == []
