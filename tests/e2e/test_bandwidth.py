"""Tenants are held to their bandwidth, users and visits alike. How slow they are is asked, never how fast."""

import asyncio

import pytest

from dialback.domain.provider import Terms
from dialback.domain.tenancy import MAIN
from tests.e2e.stage import Client, Stage, until
from tests.e2e.visitor import Visitor, table

pytestmark = pytest.mark.e2e
RATE = 500_000
PIECE = bytes(50_000)
SAVED_UP_BYTES = RATE // 4 + 200_000
"""What may pass at once: a quarter of a second, and what was lent and lies in buffers."""
LEAST_S = (2 * RATE - SAVED_UP_BYTES) / RATE
"""How long so many bytes take at the least that go there and back: both ways count."""


async def echoed_s(client: Client) -> float:
    """Return how long it took until the desktop had said everything back."""
    clock = asyncio.get_running_loop().time
    began_at = clock()
    for _ in range(RATE // len(PIECE)):
        assert await client.echoes(PIECE)
    return clock() - began_at


async def test_a_user_s_connection_is_held_to_the_tenant_s_bandwidth(stage: Stage) -> None:
    await stage.begin()
    await stage.store.provider.save_terms(Terms(MAIN, most_bytes_s=RATE))
    client = await stage.connect(await stage.token())
    assert await echoed_s(client) > LEAST_S


async def test_a_bandwidth_agreed_on_later_holds_for_open_connections(stage: Stage) -> None:
    await stage.begin()
    client = await stage.connect(await stage.token())
    assert await client.echoes(PIECE)
    await stage.store.provider.save_terms(Terms(MAIN, most_bytes_s=RATE))

    async def held() -> bool:
        return await echoed_s(client) > LEAST_S

    await until(held)


async def test_a_visit_is_held_to_the_bandwidth_of_the_tenant_visited(visitor: Visitor) -> None:
    await visitor.begin(table())
    await visitor.provider.save_terms(Terms(MAIN, most_bytes_s=RATE))
    way, _ = await visitor.open()
    clock = asyncio.get_running_loop().time
    began_at = clock()
    for _ in range(RATE // len(PIECE)):
        assert await way.echoes(PIECE)
    assert clock() - began_at > LEAST_S
