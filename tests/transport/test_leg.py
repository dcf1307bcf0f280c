import asyncio
from collections.abc import AsyncIterator

import pytest

from dialback.transport.leg import BUFFER_BYTES, Leg, LegLost, peer_address
from tests.transport.loopback import DEADLINE_S, Certificates, Wires, wired

pytestmark = pytest.mark.parametrize("tls", [False, True])


@pytest.fixture
async def wires(certificates: Certificates) -> AsyncIterator[Wires]:
    async with wired(certificates) as made:
        yield made


class Taker(asyncio.Protocol):
    """Takes a surrendered transport over."""

    def __init__(self) -> None:
        self.taken = bytearray()
        self.lost = asyncio.Event()

    def data_received(self, data: bytes) -> None:
        self.taken += data

    def connection_lost(self, exc: Exception | None) -> None:
        self.lost.set()


async def receive_size(leg: Leg, size: int) -> bytes:
    whole = b""
    async with asyncio.timeout(DEADLINE_S):
        while len(whole) < size:
            whole += await leg.receive()
    return whole


async def test_leg_sends_and_receives(wires: Wires, tls: bool) -> None:
    peer, leg = await wires.pair(tls=tls)
    await peer.send(b"ping")
    assert await receive_size(leg, 4) == b"ping"
    leg.send(b"pong")
    await leg.drain()
    assert await peer.receive_exactly(4) == b"pong"
    assert leg.peer == "127.0.0.1"
    assert leg.secured is tls
    assert not leg.holds_bytes


async def test_cancelled_receive_loses_nothing(wires: Wires, tls: bool) -> None:
    peer, leg = await wires.pair(tls=tls)
    waiting = asyncio.get_running_loop().create_task(leg.receive())
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.wait([waiting])
    await peer.send(b"kept")
    assert await receive_size(leg, 4) == b"kept"


async def test_unread_bytes_come_first(wires: Wires, tls: bool) -> None:
    peer, leg = await wires.pair(tls=tls)
    leg.unread(b"first ")
    await peer.send(b"second")
    assert await receive_size(leg, 12) == b"first second"


async def test_end_of_the_peer_is_an_empty_receive(wires: Wires, tls: bool) -> None:
    peer, leg = await wires.pair(tls=tls)
    await peer.send(b"bye")
    await peer.end()
    assert await receive_size(leg, 3) == b"bye"
    assert await leg.receive() == b""
    async with asyncio.timeout(DEADLINE_S):
        await leg.wait_gone()
    assert leg.gone


async def test_reset_of_the_peer_is_a_lost_leg(wires: Wires, tls: bool) -> None:
    peer, leg = await wires.pair(tls=tls)
    peer.reset()
    async with asyncio.timeout(DEADLINE_S):
        with pytest.raises(LegLost):
            await leg.receive()
        await leg.drain()
    assert leg.gone
    assert leg.lost
    leg.send(b"dropped without an error")


async def test_what_is_not_asked_for_is_bounded(wires: Wires, tls: bool) -> None:
    peer, leg = await wires.pair(tls=tls, kernel_bytes=16384)
    flood = bytes(4 * 1024 * 1024)
    sending = asyncio.get_running_loop().create_task(peer.send(flood))
    async with asyncio.timeout(DEADLINE_S):
        while len(leg._received) < BUFFER_BYTES:
            await asyncio.sleep(0.01)
    await asyncio.sleep(0.3)
    assert not sending.done()
    assert len(leg._received) < 10 * BUFFER_BYTES
    assert len(await receive_size(leg, len(flood))) == len(flood)
    await sending


async def test_drain_waits_for_a_slow_peer(wires: Wires, tls: bool) -> None:
    peer, leg = await wires.pair(tls=tls, kernel_bytes=16384)
    for _ in range(64):
        leg.send(bytes(65536))
    draining = asyncio.get_running_loop().create_task(leg.drain())
    await asyncio.sleep(0.1)
    assert not draining.done()
    await peer.receive_exactly(4 * 1024 * 1024)
    async with asyncio.timeout(DEADLINE_S):
        await draining


async def test_surrender_gives_the_transport_and_the_leftover(wires: Wires, tls: bool) -> None:
    peer, leg = await wires.pair(tls=tls)
    await peer.send(b"early")
    leg.unread(await receive_size(leg, 5))
    taker = Taker()
    assert leg.surrender(taker) == b"early"
    await leg.close()
    leg.abort()
    await peer.send(b"late")
    await peer.end()
    async with asyncio.timeout(DEADLINE_S):
        while bytes(taker.taken) != b"late":
            await asyncio.sleep(0.01)


async def test_close_delivers_what_was_sent_and_ends(wires: Wires, tls: bool) -> None:
    peer, leg = await wires.pair(tls=tls)
    leg.send(b"last words")
    closing = asyncio.get_running_loop().create_task(leg.close(DEADLINE_S))
    assert await peer.receive_all() == b"last words"
    await peer.end()
    async with asyncio.timeout(DEADLINE_S):
        await closing
    assert leg.lost


async def test_close_lets_go_of_a_peer_that_never_ends(wires: Wires, tls: bool) -> None:
    _, leg = await wires.pair(tls=tls)
    async with asyncio.timeout(DEADLINE_S):
        await leg.close(0.05)
    assert leg.transport.is_closing()


async def test_leg_that_is_being_closed_is_let_go_all_the_same(wires: Wires, tls: bool) -> None:
    _, leg = await wires.pair(tls=tls)
    leg.transport.close()
    async with asyncio.timeout(DEADLINE_S):
        await leg.close(0.05)
        while not leg.lost:
            await asyncio.sleep(0.01)


async def test_adopted_leg_begins_with_the_leftover(wires: Wires, tls: bool) -> None:
    peer, leg = await wires.pair(tls=tls)
    adopted = Leg.adopt(leg.transport, b"head ")
    await peer.send(b"body")
    assert await receive_size(adopted, 9) == b"head body"
    assert peer_address(adopted.transport) == "127.0.0.1"


async def test_leg_without_connection_is_lost_and_closes(tls: bool) -> None:
    leg = Leg()
    with pytest.raises(LegLost):
        assert leg.transport
    leg.send(b"nowhere")
    await leg.close()
    leg.abort()
    assert leg.holds_bytes is False
