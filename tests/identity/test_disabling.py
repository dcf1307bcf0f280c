"""What ends with a user who is disabled."""

from dataclasses import replace
from datetime import timedelta

import pytest

from dialback.domain.accounts import SignInKind
from dialback.domain.errors import Reason, Refused
from dialback.domain.ids import UserId, UserName
from dialback.domain.provider import PROVIDER
from dialback.domain.tenancy import MAIN, Tenant, User
from dialback.identity.disabling import disable
from dialback.store.memory import MemoryStore
from tests.identity.held import hand_out, holds_nothing
from tests.identity.people import ANNA, HERE, World, make_world

BEN = User(MAIN, UserId("u2"), UserName("ben"))


@pytest.fixture
async def world() -> World:
    return await make_world()


async def disabled(world: World, store: MemoryStore, user: User = ANNA) -> User:
    return await disable(user, world.directory, world.accounts, store, world.now)


@pytest.mark.parametrize("kind", [SignInKind.BROWSER, SignInKind.FEED, SignInKind.CLI])
async def test_sign_ins_files_and_tickets_end_and_do_not_come_back(world: World, kind: SignInKind) -> None:
    store = MemoryStore()
    await hand_out(store, ANNA, world.now)
    opened = await world.authenticator.open(ANNA, kind, "test", HERE)
    kept = await disabled(world, store)
    assert kept.disabled_at == world.now
    assert await holds_nothing(store, world.accounts, ANNA)
    await world.directory.save(replace(kept, disabled_at=None))
    assert await holds_nothing(store, world.accounts, ANNA)
    assert await world.who(opened, kind) is None


async def test_invitation_is_not_good_again_when_the_user_is_enabled(world: World) -> None:
    invitation = await world.authenticator.invite(ANNA)
    kept = await disabled(world, MemoryStore())
    await world.directory.save(replace(kept, disabled_at=None))
    with pytest.raises(Refused) as refused:
        await world.authenticator.invited(invitation)
    assert refused.value.reason is Reason.INVITATION_UNKNOWN
    assert await world.authenticator.invited(await world.authenticator.invite(ANNA))


async def test_nobody_elses_are_touched(world: World) -> None:
    store = MemoryStore()
    await hand_out(store, BEN, world.now)
    await disabled(world, store)
    assert [token.revoked_at for token in await store.tokens_of(MAIN, BEN.id)] == [None, None]


async def test_who_is_disabled_already_keeps_the_time_and_loses_what_was_left(world: World) -> None:
    store = MemoryStore()
    first = await disabled(world, store)
    await hand_out(store, ANNA, world.now)
    world.now += timedelta(hours=1)
    assert (await disabled(world, store, first)).disabled_at == first.disabled_at
    assert await holds_nothing(store, world.accounts, ANNA)


async def test_staff_of_the_provider_lose_what_they_hold_in_tenants(world: World) -> None:
    store, tess = MemoryStore(), User(PROVIDER, UserId("tess"), UserName("tess"))
    await world.directory.save_tenant(Tenant(PROVIDER, "Provider"))
    await world.directory.save(tess)
    await hand_out(store, replace(tess, tenant=MAIN), world.now)
    await disabled(world, store, tess)
    assert await holds_nothing(store, world.accounts, replace(tess, tenant=MAIN))
