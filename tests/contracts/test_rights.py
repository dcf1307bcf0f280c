"""The contract of `Rights`: one suite that every implementation passes."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import pytest

from dialback.domain.access import ConnectionToken
from dialback.domain.contracts import Store
from dialback.domain.hosts import Host, JoinCode
from dialback.domain.ids import HostId, ResourceName, TenantId, TokenHash, UserId, UserName
from dialback.domain.live import Lost, Rights
from dialback.domain.tenancy import Tenant, User
from dialback.store.memory_rights import MemoryRights
from dialback.store.sql import SqlStore
from dialback.store.sql_rights import CHUNK
from tests.contracts.openers import OPENERS

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)
ACME, OTHER = TenantId("acme"), TenantId("other")
ANNA, BEN = UserId("u1"), UserId("u2")


@dataclass
class World:
    store: Store
    rights: Rights

    async def enrol(self, host_id: str) -> HostId:
        code = JoinCode(TokenHash(f"code {host_id}"), f"name of {host_id}", NOW + SECOND, tenant=ACME)
        await self.store.save_join_code(code)
        host = Host(HostId(host_id), "", b"k" * 32, NOW)
        return (await self.store.enrol_host(code.hash, host, NOW)).id

    async def issue(self, token: str) -> TokenHash:
        name, resource = UserName("anna"), ResourceName("office")
        made = ConnectionToken(TokenHash(token), ACME, ANNA, name, resource, NOW, NOW + SECOND)
        await self.store.save_token(made)
        return made.hash


@pytest.fixture(params=OPENERS)
async def world(request: pytest.FixtureRequest) -> AsyncIterator[World]:
    store, directory = await OPENERS[request.param](request)
    rights = store.rights if isinstance(store, SqlStore) else MemoryRights(store, directory)
    for tenant in (ACME, OTHER):
        await directory.save_tenant(Tenant(tenant, tenant))
        await directory.save(User(tenant, ANNA, UserName("anna")))
    yield World(store, rights)
    if isinstance(store, SqlStore):
        await store.close()


async def test_nothing_is_lost_of_nothing(world: World) -> None:
    assert await world.rights.lost([], [], []) == Lost()


async def test_who_is_disabled_has_lost_it_in_their_tenant_alone(world: World) -> None:
    directory = world.store.directory
    await directory.save(User(ACME, ANNA, UserName("anna"), disabled_at=NOW))
    lost = await world.rights.lost([(ACME, ANNA), (OTHER, ANNA)], [], [])
    assert lost == Lost(users=frozenset({(ACME, ANNA)}))


async def test_who_is_gone_has_lost_it(world: World) -> None:
    lost = await world.rights.lost([(ACME, BEN), (ACME, ANNA)], [], [])
    assert lost == Lost(users=frozenset({(ACME, BEN)}))


async def test_a_revoked_token_has_lost_it_and_an_expired_one_has_not(world: World) -> None:
    good, bad = await world.issue("good"), await world.issue("bad")
    await world.store.revoke_token(bad, NOW)
    assert await world.rights.lost([], [good, bad], []) == Lost(tokens=frozenset({bad}))


async def test_a_token_that_was_forgotten_has_not_lost_it(world: World) -> None:
    assert await world.rights.lost([], [TokenHash("forgotten")], []) == Lost()


async def test_a_removed_host_has_lost_it(world: World) -> None:
    good, bad = await world.enrol("h1"), await world.enrol("h2")
    await world.store.revoke_host(bad, NOW)
    assert await world.rights.lost([], [], [good, bad]) == Lost(hosts=frozenset({bad}))


async def test_many_are_asked_about_at_once(world: World) -> None:
    many = [(ACME, UserId(f"gone{number}")) for number in range(CHUNK * 2)]
    lost = await world.rights.lost([*many, (ACME, ANNA)], [TokenHash(id) for _, id in many], [])
    assert lost.users == set(many)
    assert lost == replace(Lost(), users=lost.users)
