"""The contract of `Provider`: one suite that every implementation passes."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import pytest

from dialback.domain.consent import ConsentRequest, ConsentScope, Denial
from dialback.domain.contracts import StoreUnavailable
from dialback.domain.directory import Directory, NotThere, VersionStale
from dialback.domain.flight import (
    MAX_ENTRIES,
    Flight,
    FlightEntry,
    FlightEvent,
    FlightProblem,
    Head,
    SignedHead,
    build,
    check_chain,
    extend,
    head_of,
    parse,
)
from dialback.domain.ids import ConnectionId, GrantId, HostId, TenantId, UserId, UserName
from dialback.domain.provider import (
    PROVIDER,
    ConsentKey,
    KeptGrant,
    Provider,
    Staff,
    StaffRole,
    Terms,
)
from dialback.domain.tenancy import MAIN, Tenant, User
from dialback.store.memory_provider import MemoryProvider
from dialback.store.sql import SqlStore
from tests.contracts.openers import OPENERS

NOW = datetime(2026, 3, 1, 12, 0, 0, 123456, tzinfo=UTC)
SECOND = timedelta(seconds=1)
ACME, OTHER = TenantId("acme"), TenantId("other")
TESS, TOM = UserId("tess"), UserId("tom")
ASKED = ConsentRequest(
    "00112233aabbccdd",
    ACME,
    HostId("h1"),
    "tess",
    "technician",
    ConsentScope.DESKTOP,
    "127.0.0.1:3389",
    "the printer is stuck \N{PILE OF POO} <b>",
    NOW,
    "T-1",
)
GRANT = KeptGrant(ACME, GrantId("g1"), ASKED.id, '{"grant":"…"}', NOW + SECOND)
FLIGHT = ConnectionId("c1")


@dataclass
class Kept:
    """What the tests ask, and the directory beside it."""

    provider: Provider
    directory: Directory


@pytest.fixture(params=OPENERS)
async def kept(request: pytest.FixtureRequest) -> AsyncIterator[Kept]:
    store, directory = await OPENERS[request.param](request)
    for tenant in (PROVIDER, ACME, OTHER):
        await directory.save_tenant(Tenant(tenant, tenant.title()))
    for user in (TESS, TOM):
        await directory.save(User(PROVIDER, user, UserName(user)))
    if not isinstance(store, SqlStore):
        yield Kept(MemoryProvider(directory), directory)
        return
    yield Kept(store.provider, directory)
    await store.close()


@pytest.fixture
def provider(kept: Kept) -> Provider:
    return kept.provider


def asked(id: str, **changes: object) -> ConsentRequest:
    return replace(ASKED, id=id, **changes)  # type: ignore[arg-type]


def granted(id: str, **changes: object) -> KeptGrant:
    return replace(GRANT, id=GrantId(id), **changes)  # type: ignore[arg-type]


def chain(count: int, id: ConnectionId = FLIGHT, at: datetime = NOW) -> list[FlightEntry]:
    made: list[FlightEntry] = []
    for number in range(count):
        made.append(extend(made, id, at + number * SECOND, FlightEvent.BYTES, to_host=number))
    return made


def lines(entries: list[FlightEntry]) -> list[str]:
    return [build(entry) for entry in entries]


# Staff and terms.


async def test_staff_come_back_as_they_are_and_are_replaced(provider: Provider) -> None:
    tom = Staff(TOM, StaffRole.AUDITOR)
    tess = Staff(TESS, StaffRole.TECHNICIAN, frozenset({ACME, OTHER}), frozenset({"gold"}))
    await provider.save_staff(tom)
    await provider.save_staff(replace(tess, tags=frozenset()))
    await provider.save_staff(tess)
    assert await provider.staff(TESS) == tess
    assert list(await provider.all_staff()) == [tess, tom]


async def test_nobody_is_staff_who_is_no_user_of_the_provider(kept: Kept) -> None:
    await kept.directory.save(User(ACME, UserId("anna"), UserName("anna")))
    with pytest.raises(NotThere):
        await kept.provider.save_staff(Staff(UserId("anna")))
    assert await kept.provider.staff(UserId("anna")) is None


async def test_removed_staff_are_gone_and_so_are_those_whose_user_is(kept: Kept) -> None:
    for user in (TESS, TOM):
        await kept.provider.save_staff(Staff(user))
    assert await kept.provider.remove_staff(TESS)
    assert not await kept.provider.remove_staff(TESS)
    await kept.directory.remove(User, PROVIDER, TOM)
    assert await kept.provider.staff(TOM) is None
    assert list(await kept.provider.all_staff()) == []


async def test_terms_come_back_as_they_are(provider: Provider) -> None:
    agreed = Terms(ACME, frozenset({"gold"}), NOW, NOW + SECOND, NOW, 3, 2**40, 2**50)
    saved = await provider.save_terms(agreed)
    assert (saved, saved.version) == (agreed, 1)
    found = await provider.terms(ACME)
    assert (found, found.version) == (agreed, 1)


async def test_tenant_without_terms_has_some_that_limit_nothing(provider: Provider) -> None:
    await provider.save_terms(Terms(ACME, most_connections=1))
    assert await provider.terms(OTHER) == Terms(OTHER)
    assert list(await provider.all_terms()) == [
        Terms(ACME, most_connections=1),
        Terms(MAIN),
        Terms(OTHER),
        Terms(PROVIDER),
    ]


async def test_terms_that_were_changed_meanwhile_are_not_overwritten(provider: Provider) -> None:
    first = await provider.save_terms(Terms(ACME))
    await provider.save_terms(replace(first, most_connections=1))
    with pytest.raises(VersionStale):
        await provider.save_terms(replace(first, most_connections=2))
    assert (await provider.save_terms(Terms(ACME, most_connections=3))).version == 3


async def test_there_are_no_terms_of_a_tenant_that_is_not_there(provider: Provider) -> None:
    with pytest.raises(NotThere):
        await provider.save_terms(Terms(TenantId("nobody")))


async def test_two_who_save_first_terms_at_once_are_both_heard(provider: Provider) -> None:
    saved = await asyncio.gather(*(provider.save_terms(Terms(ACME, most_connections=n)) for n in (1, 2)))
    assert sorted(each.version for each in saved) == [1, 2]


async def test_bytes_are_summed_by_tenant_and_month(provider: Provider) -> None:
    assert await provider.bytes_in(ACME, "2026-03") == 0
    assert await provider.add_bytes(ACME, "2026-03", 2**40) == 2**40
    await asyncio.gather(*(provider.add_bytes(ACME, "2026-03", 1) for _ in range(8)))
    await provider.add_bytes(ACME, "2026-04", 5)
    await provider.add_bytes(OTHER, "2026-03", 7)
    assert await provider.bytes_in(ACME, "2026-03") == 2**40 + 8
    assert await provider.bytes_in(OTHER, "2026-03") == 7


# Consent.


async def test_consent_keys_are_the_tenants_own(provider: Provider) -> None:
    anna, ben = ConsentKey(ACME, "anna", b"a" * 32), ConsentKey(ACME, "ben", b"b" * 32)
    for key in (ben, replace(anna, public_key=b"x" * 32), anna, replace(anna, tenant=OTHER)):
        await provider.save_consent_key(key)
    assert list(await provider.consent_keys(ACME)) == [anna, ben]
    assert await provider.remove_consent_key(ACME, "anna")
    assert not await provider.remove_consent_key(ACME, "anna")
    assert list(await provider.consent_keys(ACME)) == [ben]
    assert len(await provider.consent_keys(OTHER)) == 1


async def test_there_is_no_consent_key_of_a_tenant_that_is_not_there(provider: Provider) -> None:
    with pytest.raises(NotThere):
        await provider.save_consent_key(ConsentKey(TenantId("nobody"), "anna", b"a" * 32))


async def test_what_was_asked_comes_back_as_it_was_newest_first(provider: Provider) -> None:
    later = asked("2", asked_at=NOW + SECOND)
    for each in (ASKED, later, asked("1", tenant=OTHER, host=HostId("h2"))):
        await provider.ask_consent(each)
    assert await provider.consent_request(ACME, ASKED.id) == ASKED
    assert list(await provider.consent_requests(ACME)) == [later, ASKED]
    assert list(await provider.consent_requests(ACME, 1)) == [later]
    assert await provider.consent_request(OTHER, ASKED.id) is None


async def test_nothing_is_asked_twice_under_one_id(provider: Provider) -> None:
    await provider.ask_consent(ASKED)
    with pytest.raises(StoreUnavailable):
        await provider.ask_consent(replace(ASKED, purpose="another"))
    assert await provider.consent_request(ACME, ASKED.id) == ASKED


async def test_denial_is_kept_once_with_who_and_when(provider: Provider) -> None:
    await provider.ask_consent(ASKED)
    await provider.ask_consent(asked("2"))
    assert await provider.deny_consent(ACME, ASKED.id, "anna", NOW)
    assert not await provider.deny_consent(ACME, ASKED.id, "ben", NOW + SECOND)
    assert await provider.denials(ACME, [ASKED.id, "2", "3"]) == {ASKED.id: Denial("anna", NOW)}
    assert await provider.consent_request(ACME, ASKED.id) == ASKED


async def test_nobody_denies_in_another_tenant(provider: Provider) -> None:
    await provider.ask_consent(ASKED)
    assert not await provider.deny_consent(OTHER, ASKED.id, "eve", NOW)
    await provider.deny_consent(ACME, ASKED.id, "anna", NOW)
    assert await provider.denials(OTHER, [ASKED.id]) == {}
    assert await provider.denials(ACME, []) == {}


async def test_grants_come_newest_first_whatever_they_say_of_themselves(provider: Provider) -> None:
    long = granted("g2", until=NOW + 90 * SECOND)
    other = granted("g0", request="other")
    for each in (long, GRANT, other, replace(GRANT, tenant=OTHER, text="theirs")):
        assert await provider.save_grant(each)
    assert await provider.grant_for(ACME, ASKED.id) == GRANT
    assert await provider.grant_for(ACME, "nothing") is None
    assert list(await provider.grants(ACME)) == [other, GRANT, long]
    assert list(await provider.grants(ACME, 1)) == [other]
    assert [each.text for each in await provider.grants(OTHER)] == ["theirs"]


async def test_grant_is_replaced_by_one_with_more_signatures_alone(provider: Provider) -> None:
    await provider.save_grant(GRANT)
    assert not await provider.save_grant(replace(GRANT, text="other"))
    both = replace(GRANT, text="both", signatures=2)
    assert await provider.save_grant(both)
    assert not await provider.save_grant(GRANT)
    assert not await provider.save_grant(replace(both, request="other", signatures=3))
    assert await provider.grant_for(ACME, ASKED.id) == both


async def test_revoked_grant_stays_revoked(provider: Provider) -> None:
    await provider.save_grant(GRANT)
    assert await provider.revoke_grant(ACME, GRANT.id, NOW)
    assert await provider.revoke_grant(ACME, GRANT.id, NOW + SECOND)
    assert not await provider.save_grant(replace(GRANT, signatures=3))
    assert await provider.grant_for(ACME, ASKED.id) == replace(GRANT, revoked_at=NOW)


async def test_nobody_revokes_in_another_tenant(provider: Provider) -> None:
    await provider.save_grant(GRANT)
    assert not await provider.revoke_grant(OTHER, GRANT.id, NOW)
    assert await provider.grant_for(ACME, ASKED.id) == GRANT


async def test_of_two_second_signatures_at_once_one_is_kept(provider: Provider) -> None:
    await provider.save_grant(GRANT)
    won = await asyncio.gather(
        *(provider.save_grant(replace(GRANT, text=by, signatures=2)) for by in ("anna", "ben"))
    )
    assert sorted(won) == [False, True]


async def test_old_requests_and_grants_are_forgotten(provider: Provider) -> None:
    await provider.ask_consent(ASKED)
    await provider.ask_consent(asked("2", asked_at=NOW + SECOND))
    await provider.save_grant(granted("g1", until=NOW))
    await provider.save_grant(granted("g2", until=NOW + SECOND))
    assert await provider.prune_consent(NOW + SECOND) == 2
    assert [each.id for each in await provider.consent_requests(ACME)] == ["2"]
    assert [each.id for each in await provider.grants(ACME)] == ["g2"]


# Flight records.


async def test_chain_comes_back_whole(provider: Provider) -> None:
    entries = chain(5)
    await provider.append_flight(ACME, lines(entries[:2]))
    await provider.append_flight(ACME, lines(entries[2:]))
    found = [parse(line) for line in await provider.flight_lines(ACME, FLIGHT)]
    check_chain(found, head_of(entries))
    assert await provider.flight(ACME, FLIGHT) == Flight(ACME, NOW, head_of(entries))


async def test_nothing_to_add_adds_nothing(provider: Provider) -> None:
    await provider.append_flight(ACME, [])
    assert await provider.flight(ACME, FLIGHT) is None
    assert list(await provider.flight_lines(ACME, FLIGHT)) == []


async def test_entries_that_come_again_change_nothing(provider: Provider) -> None:
    entries = chain(4)
    await provider.append_flight(ACME, lines(entries[:3]))
    await provider.append_flight(ACME, lines(entries[1:]))
    await provider.append_flight(ACME, lines(entries))
    assert list(await provider.flight_lines(ACME, FLIGHT)) == lines(entries)


async def test_entries_that_do_not_follow_are_refused_and_nothing_is_kept_of_them(provider: Provider) -> None:
    entries = chain(4)
    await provider.append_flight(ACME, lines(entries[:2]))
    changed = replace(entries[1], at=NOW + 9 * SECOND)
    elsewhere = chain(3, ConnectionId("c2"))
    for wrong in (
        lines(entries[3:]),
        lines([changed, *entries[2:]]),
        [*lines(entries[2:3]), *lines(elsewhere[2:])],
        ["no entry"],
        [build(replace(entries[2], number=-1))],
    ):
        with pytest.raises(FlightProblem):
            await provider.append_flight(ACME, wrong)
    assert list(await provider.flight_lines(ACME, FLIGHT)) == lines(entries[:2])
    assert await provider.flight(ACME, ConnectionId("c2")) is None


async def test_chain_begins_with_its_first_entry(provider: Provider) -> None:
    with pytest.raises(FlightProblem):
        await provider.append_flight(ACME, lines(chain(2)[1:]))
    assert list(await provider.flights(ACME)) == []


async def test_chain_is_bounded(provider: Provider) -> None:
    entries = chain(MAX_ENTRIES + 1)
    await provider.append_flight(ACME, lines(entries[:-1]))
    with pytest.raises(FlightProblem, match="at most"):
        await provider.append_flight(ACME, lines(entries[-1:]))
    assert len(await provider.flight_lines(ACME, FLIGHT)) == MAX_ENTRIES


async def test_two_who_add_at_once_come_one_after_the_other(provider: Provider) -> None:
    entries = lines(chain(3))
    await asyncio.gather(*(provider.append_flight(ACME, entries[: n + 1]) for n in range(3)))
    assert list(await provider.flight_lines(ACME, FLIGHT)) == entries


async def test_tenants_see_their_own_chains_alone(provider: Provider) -> None:
    await provider.append_flight(ACME, lines(chain(2)))
    theirs = chain(1, at=NOW + SECOND)
    await provider.append_flight(OTHER, lines(theirs))
    assert list(await provider.flight_lines(OTHER, FLIGHT)) == lines(theirs)
    assert [each.end for each in await provider.flights(ACME)] == [head_of(chain(2))]
    assert await provider.flight(MAIN, FLIGHT) is None
    assert list(await provider.flight_lines(MAIN, FLIGHT)) == []


async def test_chains_are_listed_newest_first(provider: Provider) -> None:
    for number in range(3):
        begun = chain(1, ConnectionId(f"c{number}"), NOW + number * SECOND)
        await provider.append_flight(ACME, lines(begun))
    assert [each.end.connection_id for each in await provider.flights(ACME, 2)] == ["c2", "c1"]


async def test_head_is_kept_with_both_signatures(provider: Provider) -> None:
    entries = chain(3)
    await provider.append_flight(ACME, lines(entries))
    head = head_of(entries)
    await provider.sign_flight(ACME, SignedHead(head, b"a" * 64))
    await provider.sign_flight(ACME, SignedHead(head, b"", b"p" * 64))
    found = await provider.flight(ACME, FLIGHT)
    assert found is not None
    assert found.signed == SignedHead(head, b"a" * 64, b"p" * 64)
    assert [each.signed for each in await provider.flights(ACME)] == [found.signed]


async def test_longer_head_replaces_a_shorter_one_and_not_the_other_way(provider: Provider) -> None:
    entries = chain(3)
    await provider.append_flight(ACME, lines(entries))
    whole = SignedHead(head_of(entries), b"a" * 64)
    for signed in (SignedHead(head_of(entries[:2]), b"b" * 64), whole, SignedHead(head_of(entries[:1]))):
        await provider.sign_flight(ACME, signed)
    found = await provider.flight(ACME, FLIGHT)
    assert found is not None
    assert found.signed == whole


@pytest.mark.parametrize(
    "head",
    [
        Head(FLIGHT, 0, chain(1)[0].hash),
        Head(FLIGHT, 2, "0" * 64),
        Head(FLIGHT, 3, head_of(chain(3)).hash),
        Head(ConnectionId("c2"), 2, head_of(chain(2)).hash),
    ],
)
async def test_head_of_another_chain_is_refused(provider: Provider, head: Head) -> None:
    await provider.append_flight(ACME, lines(chain(2)))
    with pytest.raises(FlightProblem):
        await provider.sign_flight(ACME, SignedHead(head, b"a" * 64))
    with pytest.raises(FlightProblem):
        await provider.sign_flight(OTHER, SignedHead(head_of(chain(2)), b"a" * 64))


async def test_old_chains_are_forgotten_with_their_entries(provider: Provider) -> None:
    await provider.append_flight(ACME, lines(chain(2)))
    young = chain(1, ConnectionId("c2"), NOW + SECOND)
    await provider.append_flight(ACME, lines(young))
    assert await provider.prune_flights(NOW + SECOND) == 1
    assert list(await provider.flight_lines(ACME, FLIGHT)) == []
    assert [each.end.connection_id for each in await provider.flights(ACME)] == ["c2"]
