"""Ending connections from outside: parked, relaying, and with a peer that does not read."""

import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from dialback.domain.errors import Reason, Refused
from dialback.domain.ids import ConnectionId, HostId, ResourceName, TenantId, TokenHash, UserId, UserName
from dialback.domain.live import LiveConnection
from dialback.gateway.live import FLUSH_S, Live
from dialback.relay.framings import plain
from dialback.relay.join import End, Ended, Relay
from dialback.relay.meter import Meter
from dialback.transport.leg import Leg
from tests.transport.loopback import DEADLINE_S, Certificates, Wires, wired

FIRST = LiveConnection(
    ConnectionId("c1"),
    TenantId("acme"),
    UserId("u1"),
    UserName("anna"),
    ResourceName("office"),
    TokenHash("t1"),
    "192.0.2.1",
    HostId("h1"),
)
SECOND = replace(FIRST, id=ConnectionId("c2"))
CUT_WITHIN_S = 2.0


@pytest.fixture
async def wires(certificates: Certificates) -> AsyncIterator[Wires]:
    async with wired(certificates) as made:
        yield made


def parked(live: Live, connection: LiveConnection, *legs: Leg) -> "asyncio.Task[None]":
    """Start a connection that waits for ever."""

    async def wait() -> None:
        await asyncio.Event().wait()

    return asyncio.create_task(live.until_cut(connection, wait(), legs))


async def refusal(work: "asyncio.Task[object]") -> Refused:
    with pytest.raises(Refused) as caught:
        async with asyncio.timeout(DEADLINE_S):
            await work
    return caught.value


async def test_what_is_served_is_listed_until_it_is_over() -> None:
    live = Live()
    over = asyncio.Event()

    async def work() -> str:
        await over.wait()
        return "done"

    first = asyncio.create_task(live.until_cut(FIRST, work(), ()))
    second = asyncio.create_task(live.until_cut(SECOND, work(), ()))
    await asyncio.sleep(0)
    assert live.live() == [FIRST, SECOND]
    over.set()
    assert await asyncio.gather(first, second) == ["done", "done"]
    assert live.live() == []


async def test_what_the_work_raises_is_raised() -> None:
    live = Live()

    async def work() -> None:
        raise Refused(Reason.HOST_OFFLINE, "desk")

    with pytest.raises(Refused, match="host-offline: desk"):
        await live.until_cut(FIRST, work(), ())
    assert live.live() == []


async def test_a_parked_connection_is_refused_with_the_reason_of_the_cut() -> None:
    live = Live()
    first, second = parked(live, FIRST), parked(live, SECOND)
    await asyncio.sleep(0)
    assert await live.cut([FIRST.id], Reason.USER_DISABLED, "anna") == 1
    refused = await refusal(first)
    assert (refused.reason, refused.detail) == (Reason.USER_DISABLED, "anna")
    assert live.live() == [SECOND]
    second.cancel()


async def test_cutting_what_is_not_there_cuts_nothing() -> None:
    live = Live()
    first = parked(live, FIRST)
    await asyncio.sleep(0)
    assert await live.cut([SECOND.id], Reason.USER_DISABLED) == 0
    assert await live.cut([FIRST.id, FIRST.id], Reason.CUT_BY_ADMINISTRATOR) == 1
    assert await live.cut([FIRST.id], Reason.USER_DISABLED) == 0
    assert (await refusal(first)).reason is Reason.CUT_BY_ADMINISTRATOR


async def test_a_cancelled_connection_is_listed_no_more() -> None:
    live = Live()
    first = parked(live, FIRST)
    await asyncio.sleep(0)
    first.cancel()
    await asyncio.gather(first, return_exceptions=True)
    assert live.live() == []


async def relaying(live: Live, left: Leg, right: Leg) -> "asyncio.Task[Ended]":
    join = Relay().join(End(left, left, plain()), End(right, right, plain()), Meter(time.monotonic))
    work = asyncio.create_task(live.until_cut(FIRST, join, (left, right)))
    await asyncio.sleep(0)
    return work


async def test_a_relay_ends_and_both_peers_see_it(wires: Wires) -> None:
    live = Live()
    client, left = await wires.pair()
    host, right = await wires.pair()
    work = await relaying(live, left, right)
    await client.send(b"hello")
    assert await host.receive_exactly(5) == b"hello"
    begun = asyncio.get_running_loop().time()
    await live.cut([FIRST.id], Reason.TOKEN_REVOKED)
    assert await client.receive() == b""
    assert await host.receive() == b""
    assert (await refusal(work)).reason is Reason.TOKEN_REVOKED
    assert asyncio.get_running_loop().time() - begun < CUT_WITHIN_S


async def test_a_peer_that_does_not_read_is_cut_all_the_same(wires: Wires) -> None:
    live = Live()
    client, left = await wires.pair(kernel_bytes=4096)
    host, right = await wires.pair()
    work = await relaying(live, left, right)
    flood = asyncio.create_task(host.send(b"x" * 16_000_000))
    async with asyncio.timeout(DEADLINE_S):
        while left.transport.get_write_buffer_size() == 0:
            await asyncio.sleep(0.01)
    begun = asyncio.get_running_loop().time()
    await live.cut([FIRST.id], Reason.USER_DISABLED)
    assert (await refusal(work)).reason is Reason.USER_DISABLED
    assert FLUSH_S * 0.9 < asyncio.get_running_loop().time() - begun < CUT_WITHIN_S
    flood.cancel()
    await asyncio.gather(flood, return_exceptions=True)
    client.close()
