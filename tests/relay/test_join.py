import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest

from dialback.relay.directions import Truncated
from dialback.relay.framings import PAYLOAD_BYTES, plain
from dialback.relay.join import End, Ended, Relay, Side
from dialback.relay.meter import Meter
from dialback.transport.leg import Leg
from dialback.wire import websocket
from dialback.wire.errors import WireError
from dialback.wire.tsgu.codes import PacketType
from dialback.wire.tsgu.packets import CloseChannelResponse, HandshakeRequest, Keepalive, encode
from dialback.wire.websocket import Opcode
from tests.relay.clients import (
    KINDS,
    MASK,
    Client,
    TsguWebSocketClient,
    WebSocketClient,
    chunk,
    make_client,
    packets_of,
)
from tests.transport.loopback import DEADLINE_S, Certificates, Peer, Wires, wired

TSGU = ("tsgu-websocket", "tsgu-legacy")
SLOW_BYTES = 16 * 1024


@pytest.fixture
async def wires(certificates: Certificates) -> AsyncIterator[Wires]:
    async with wired(certificates) as made:
        yield made


@pytest.fixture
def short_farewell(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait only briefly for the client's answer to the end, which most clients here do not give."""
    monkeypatch.setattr("dialback.relay.join.FAREWELL_S", 0.05)


class Joined:
    """A relay that runs between a client and a host's peer."""

    def __init__(
        self,
        client: Client,
        host: Peer,
        leg: Leg,
        relay: Relay,
        *,
        leftovers: tuple[bytes, bytes] = (b"", b""),
    ) -> None:
        self.client = client
        self.host = host
        self.leg = leg
        self.meter = Meter(asyncio.get_running_loop().time)
        client.source.unread(leftovers[0])
        leg.unread(leftovers[1])
        self.task = asyncio.get_running_loop().create_task(
            relay.join(client.end(), End(leg, leg, plain()), self.meter)
        )

    async def ended(self) -> Ended:
        """Let both peers end as they should once they are told, and return how the relay ended."""
        peers = {self.client.said, self.client.hears, self.host}
        async with asyncio.timeout(DEADLINE_S):
            ended, *_ = await asyncio.gather(self.task, *(see_off(peer) for peer in peers))
            return ended


async def see_off(peer: Peer) -> None:
    """Read to the end, then end too."""
    if peer.closed:
        return
    with contextlib.suppress(OSError):
        await peer.receive_all()
        await peer.end()


async def joined(
    wires: Wires,
    kind: str,
    *,
    tls: tuple[bool, bool] = (True, True),
    slow: tuple[int, int] = (0, 0),
    relay: Relay | None = None,
    leftovers: tuple[bytes, bytes] = (b"", b""),
) -> Joined:
    client = await make_client(wires, kind, tls=tls[0], kernel_bytes=slow[0])
    host, leg = await wires.pair(tls=tls[1], kernel_bytes=slow[1])
    return Joined(client, host, leg, relay or Relay(), leftovers=leftovers)


def same(got: bytes | bytearray, sent: bytes) -> bool:
    """Compare long bytes, without a long explanation."""
    return got == sent


def pattern(size: int, seed: int = 1) -> bytes:
    """Return bytes in which every position shows."""
    return b"".join(
        (at * 2654435761 + seed & 0xFFFFFFFF).to_bytes(4, "little") for at in range(size // 4 + 1)
    )[:size]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("tls", [(True, True), (True, False), (False, True)])
async def test_bytes_pass_both_ways_and_are_counted(wires: Wires, kind: str, tls: tuple[bool, bool]) -> None:
    joint = await joined(wires, kind, tls=tls)
    up, down = pattern(150_000), pattern(200_000, 7)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(joint.client.say(up))
        tasks.create_task(joint.host.send(down))
        got = tasks.create_task(joint.host.receive_exactly(len(up)))
    assert same(got.result(), up)
    while len(joint.client.heard) < len(down):
        assert await joint.client.hear()
    assert same(bytes(joint.client.heard), down)
    await joint.client.say_end()
    assert (await joint.ended()).side is Side.LEFT
    assert (joint.meter.to_right_bytes, joint.meter.to_left_bytes) == (len(up), len(down))


@pytest.mark.usefixtures("short_farewell")
@pytest.mark.parametrize("kind", KINDS)
async def test_leftovers_come_before_what_follows(wires: Wires, kind: str) -> None:
    client = await make_client(wires, kind)
    host, leg = await wires.pair()
    early = pattern(3 * PAYLOAD_BYTES)
    joint = Joined(client, host, leg, Relay(), leftovers=(client.dress(b"early "), early))
    await client.say(b"late")
    await host.send(b"late")
    assert await host.receive_exactly(10) == b"early late"
    while len(client.heard) < len(early) + 4:
        assert await client.hear()
    assert same(client.heard, early + b"late")
    await host.end()
    assert (await joint.ended()).side is Side.RIGHT


@pytest.mark.usefixtures("short_farewell")
async def test_what_a_carrier_cuts_is_put_together(wires: Wires) -> None:
    joint = await joined(wires, "tsgu-websocket")
    packets = b"".join(packets_of(b"one") + packets_of(b"two") + packets_of(b"three"))
    cuts = (packets[:5], packets[5:17], packets[17:])
    frames = b"".join(websocket.build_frame(Opcode.BINARY, cut, mask_key=MASK) for cut in cuts)
    for at in range(len(frames)):
        await joint.client.said.send(frames[at : at + 1])
    assert await joint.host.receive_exactly(11) == b"onetwothree"
    await joint.host.end()
    await joint.ended()


@pytest.mark.parametrize("kind", TSGU)
async def test_client_is_told_when_the_host_ends(wires: Wires, kind: str) -> None:
    joint = await joined(wires, kind)
    await joint.host.send(b"bye")
    await joint.host.end()
    while not joint.client.closed:
        assert await joint.client.hear()
    assert (bytes(joint.client.heard), joint.client.close_status) == (b"bye", 0)
    response = encode(CloseChannelResponse(0))
    if isinstance(joint.client, TsguWebSocketClient):
        response = websocket.build_frame(Opcode.BINARY, response, mask_key=MASK)
    else:
        response = chunk(response)
    await joint.client.said.send(response)
    assert not await joint.client.hear()
    await joint.client.said.end()
    assert await joint.ended() == Ended(Side.RIGHT)


async def test_websocket_client_is_told_when_the_host_ends(wires: Wires) -> None:
    joint = await joined(wires, "websocket")
    await joint.host.send(b"bye")
    await joint.host.end()
    assert await joint.client.hear_all() == b"bye"
    assert joint.client.closed
    await joint.client.said.end()
    assert await joint.ended() == Ended(Side.RIGHT)


@pytest.mark.parametrize("kind", TSGU)
async def test_close_of_the_client_is_answered_and_ends_the_host(wires: Wires, kind: str) -> None:
    joint = await joined(wires, kind)
    await joint.client.say(b"last words")
    await joint.client.say_end()
    assert await joint.host.receive_all() == b"last words"
    await joint.host.end()
    await joint.client.hear_all()
    assert joint.client.controls == [PacketType.CLOSE_CHANNEL_RESPONSE]
    await joint.client.said.end()
    assert await joint.ended() == Ended(Side.LEFT)


@pytest.mark.parametrize("kind", KINDS)
async def test_reset_of_the_client_ends_the_host_leg(wires: Wires, kind: str) -> None:
    joint = await joined(wires, kind)
    await joint.client.say(b"x")
    assert await joint.host.receive_exactly(1) == b"x"
    joint.client.reset()
    assert await joint.host.receive_all() == b""
    await joint.host.end()
    ended = await joint.ended()
    assert ended.side is Side.LEFT
    assert ended.error is not None


@pytest.mark.parametrize("kind", TSGU)
async def test_client_hears_of_an_abort_when_the_host_leg_breaks(wires: Wires, kind: str) -> None:
    joint = await joined(wires, kind)
    await joint.host.send(b"x")
    while not joint.client.heard:
        await joint.client.hear()
    joint.host.reset()
    while not joint.client.closed:
        assert await joint.client.hear()
    assert joint.client.close_status == 0x4D4
    joint.client.reset()
    ended = await joint.ended()
    assert ended.side is Side.RIGHT
    assert ended.error is not None


async def test_host_leg_that_is_cut_off_is_told_from_one_that_ends(wires: Wires) -> None:
    joint = await joined(wires, "tsgu-websocket")
    await joint.host.send(b"x")
    while not joint.client.heard:
        await joint.client.hear()
    joint.host.close()
    while not joint.client.closed:
        assert await joint.client.hear()
    assert joint.client.close_status == 0x4D4
    joint.client.reset()
    ended = await joint.ended()
    assert (ended.side, type(ended.error)) == (Side.RIGHT, Truncated)


async def test_client_that_never_closes_does_not_hold_the_end_back(
    wires: Wires, short_farewell: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dialback.relay.join.LINGER_S", 0.05)
    joint = await joined(wires, "tsgu-websocket")
    await joint.host.send(b"x")
    while not joint.client.heard:
        await joint.client.hear()
    await joint.host.end()
    async with asyncio.timeout(DEADLINE_S):
        assert await joint.task == Ended(Side.RIGHT)
    assert not joint.client.said.closed
    joint.client.reset()


@pytest.mark.parametrize("tls", [False, True])
async def test_a_leg_that_was_lost_before_the_join_ends_it_at_once(wires: Wires, tls: bool) -> None:
    client = await make_client(wires, "tsgu-websocket", tls=tls)
    host, leg = await wires.pair(tls=tls)
    client.reset()
    async with asyncio.timeout(DEADLINE_S):
        while not client.source.transport.is_closing():
            await asyncio.sleep(0.01)
            client.source.send(b"x")
    await asyncio.sleep(0.05)
    joint = Joined(client, host, leg, Relay())
    assert await host.receive_all() == b""
    await host.end()
    assert (await joint.ended()).side is Side.LEFT


async def test_half_close_lets_the_other_way_finish_on_plain_legs(wires: Wires) -> None:
    joint = await joined(wires, "plain", tls=(False, False))
    await joint.client.say(b"question")
    await joint.client.said.end()
    assert await joint.host.receive_all() == b"question"
    await joint.host.send(b"a long ")
    await asyncio.sleep(0)
    await joint.host.send(b"answer")
    await joint.host.end()
    assert await joint.client.hear_all() == b"a long answer"
    assert await joint.ended() == Ended(Side.LEFT)


@pytest.mark.usefixtures("short_farewell")
@pytest.mark.parametrize("kind", TSGU)
async def test_keepalives_are_sent_when_silent_and_swallowed_when_received(wires: Wires, kind: str) -> None:
    joint = await joined(wires, kind, relay=Relay(keepalive_s=0.02))
    while joint.client.controls.count(PacketType.KEEPALIVE) < 2:
        assert await joint.client.hear()
    joint.host.close()
    await joint.client.hear_all()


@pytest.mark.usefixtures("short_farewell")
@pytest.mark.parametrize("kind", TSGU)
async def test_no_keepalive_answers_a_keepalive(wires: Wires, kind: str) -> None:
    joint = await joined(wires, kind)
    packet = encode(Keepalive())
    frame = websocket.build_frame(Opcode.BINARY, packet, mask_key=MASK)
    await joint.client.said.send((frame if kind == "tsgu-websocket" else chunk(packet)) * 5)
    await joint.client.say(b"x")
    assert await joint.host.receive_exactly(1) == b"x"
    await joint.host.end()
    while not joint.client.closed:
        await joint.client.hear()
    assert joint.client.controls == [PacketType.CLOSE_CHANNEL]


async def test_raw_websocket_gets_no_keepalive_and_its_ping_is_answered(wires: Wires) -> None:
    joint = await joined(wires, "websocket", relay=Relay(keepalive_s=0.01))
    await joint.client.said.send(websocket.build_frame(Opcode.PING, b"hi", mask_key=MASK))
    assert isinstance(joint.client, WebSocketClient)
    while not joint.client.opcodes:
        await joint.client.hear()
    await asyncio.sleep(0.05)
    await joint.host.end()
    await joint.client.hear_all()
    assert joint.client.opcodes == [Opcode.PONG, Opcode.CLOSE]


async def test_setup_packet_on_an_open_channel_is_a_violation(wires: Wires) -> None:
    joint = await joined(wires, "tsgu-websocket")
    request = encode(HandshakeRequest(extended_auth=2))
    await joint.client.said.send(websocket.build_frame(Opcode.BINARY, request, mask_key=MASK))
    while not joint.client.closed:
        assert await joint.client.hear()
    assert joint.client.close_status == 0x4D4
    joint.client.reset()
    assert await joint.host.receive_all() == b""
    await joint.host.end()
    ended = await joint.ended()
    assert ended.side is Side.LEFT
    assert isinstance(ended.error, WireError)


async def test_bytes_after_the_end_of_an_in_request_are_dropped(wires: Wires) -> None:
    joint = await joined(wires, "tsgu-legacy")
    await joint.client.say(b"x")
    await joint.client.said.send(b"0\r\n\r\n")
    assert await joint.host.receive_exactly(1) == b"x"
    await joint.client.said.send(b"POST / HTTP/1.1\r\n\r\n")
    assert await joint.host.receive_all() == b""
    await joint.host.end()
    await joint.client.hear_all()
    await joint.client.said.end()
    assert await joint.ended() == Ended(Side.LEFT)


@pytest.mark.parametrize("kind", TSGU)
async def test_cancel_tells_and_closes_both_ends(wires: Wires, kind: str) -> None:
    joint = await joined(wires, kind)
    await joint.host.send(b"x")
    while not joint.client.heard:
        await joint.client.hear()
    joint.task.cancel()
    while not joint.client.closed:
        assert await joint.client.hear()
    assert joint.client.close_status == 0x4D4
    await joint.client.said.end()
    assert await joint.host.receive_all() == b""
    await joint.host.end()
    with pytest.raises(asyncio.CancelledError):
        await joint.ended()


@pytest.mark.parametrize("kind", KINDS)
async def test_cancel_while_it_closes_drops_every_leg(wires: Wires, kind: str) -> None:
    joint = await joined(wires, kind, slow=(SLOW_BYTES, 0))
    size = 12 * SLOW_BYTES
    await joint.host.send(b"x" * size)
    await joint.host.end()
    # The host has ended, and what is queued for a client that reads nothing cannot be flushed.
    async with asyncio.timeout(DEADLINE_S):
        while joint.meter.to_left_bytes < size:
            await asyncio.sleep(0.01)
    _, waiting = await asyncio.wait({joint.task}, timeout=0.1)
    assert waiting

    joint.task.cancel()
    with pytest.raises(asyncio.CancelledError):
        async with asyncio.timeout(DEADLINE_S):
            await joint.task

    legs = {joint.client.source, joint.client.sink, joint.leg}
    assert all(leg.transport.is_closing() for leg in legs)
    joint.client.reset()


async def test_a_framing_on_the_right_is_refused(wires: Wires) -> None:
    left = await make_client(wires, "plain")
    right = await make_client(wires, "websocket")
    with pytest.raises(ValueError, match="expected a transparent framing"):
        await Relay().join(left.end(), right.end(), Meter(asyncio.get_running_loop().time))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("tls", [True, False])
async def test_slow_client_pauses_the_host(wires: Wires, kind: str, tls: bool) -> None:
    joint = await joined(wires, kind, tls=(tls, tls), slow=(SLOW_BYTES, SLOW_BYTES))
    flood = bytes(8 * 1024 * 1024)
    sending = asyncio.get_running_loop().create_task(joint.host.send(flood))
    await _until_still(joint.meter)
    assert not sending.done()
    assert joint.meter.to_left_bytes < 2 * 1024 * 1024
    while len(joint.client.heard) < len(flood):
        assert await joint.client.hear()
    await sending
    assert same(joint.client.heard, flood)
    joint.host.close()
    joint.client.reset()
    await joint.ended()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("tls", [True, False])
async def test_slow_host_pauses_the_client(wires: Wires, kind: str, tls: bool) -> None:
    joint = await joined(wires, kind, tls=(tls, tls), slow=(SLOW_BYTES, SLOW_BYTES))
    flood = bytes(8 * 1024 * 1024)
    sending = asyncio.get_running_loop().create_task(joint.client.say(flood))
    await _until_still(joint.meter)
    assert not sending.done()
    assert joint.meter.to_right_bytes < 2 * 1024 * 1024
    assert same(await joint.host.receive_exactly(len(flood)), flood)
    await sending
    joint.host.close()
    joint.client.reset()
    await joint.ended()


async def _until_still(meter: Meter) -> None:
    seen = -1
    async with asyncio.timeout(DEADLINE_S):
        while seen != (seen := meter.to_left_bytes + meter.to_right_bytes) or not seen:
            await asyncio.sleep(0.1)


@pytest.mark.usefixtures("short_farewell")
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("tls", [(True, True), (False, True), (False, False)])
@pytest.mark.parametrize("size", [700_003])
async def test_end_of_the_host_delivers_everything_to_a_slow_client(
    wires: Wires, kind: str, tls: tuple[bool, bool], size: int
) -> None:
    joint = await joined(wires, kind, tls=tls, slow=(SLOW_BYTES, 0))
    sent = pattern(size)

    async def send_and_end() -> None:
        await joint.host.send(sent)
        await joint.host.end()

    sending = asyncio.get_running_loop().create_task(send_and_end())
    await _until_still(joint.meter)
    assert same(await joint.client.hear_all(), sent)
    await sending
    joint.client.reset()
    assert (await joint.ended()).side is Side.RIGHT


@pytest.mark.usefixtures("short_farewell")
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("tls", [(True, True), (False, True), (False, False)])
@pytest.mark.parametrize("size", [700_003])
async def test_end_of_the_client_delivers_everything_to_a_slow_host(
    wires: Wires, kind: str, tls: tuple[bool, bool], size: int
) -> None:
    joint = await joined(wires, kind, tls=tls, slow=(0, SLOW_BYTES))
    sent = pattern(size)

    async def send_and_end() -> None:
        await joint.client.say(sent)
        await joint.client.say_end()

    sending = asyncio.get_running_loop().create_task(send_and_end())
    await _until_still(joint.meter)
    assert same(await joint.host.receive_all(), sent)
    await sending
    with contextlib.suppress(ConnectionError):
        await joint.host.end()
    joint.client.reset()
    assert (await joint.ended()).side is Side.LEFT


@pytest.mark.parametrize("kind", KINDS)
async def test_relays_that_share_the_buffer_never_mix(wires: Wires, kind: str) -> None:
    relay = Relay()
    joints = [
        await joined(wires, kind, tls=(True, index % 3 != 0), slow=(SLOW_BYTES * (index % 2), 0), relay=relay)
        for index in range(8)
    ]

    async def run(joint: Joined, index: int) -> None:
        up, down = bytes([index]) * 400_000, bytes([0x80 + index]) * 700_000
        sending = asyncio.get_running_loop().create_task(joint.host.send(down))
        saying = asyncio.get_running_loop().create_task(joint.client.say(up))
        await asyncio.sleep(0.05 * (index % 3))
        assert same(await joint.host.receive_exactly(len(up)), up)
        if index % 4 == 3:
            joint.client.reset()
            sending.cancel()
            await asyncio.wait([sending, saying])
            return
        while len(joint.client.heard) < len(down):
            assert await joint.client.hear()
        assert same(joint.client.heard, down)
        await asyncio.gather(sending, saying)
        joint.client.reset()

    async with asyncio.timeout(DEADLINE_S):
        await asyncio.gather(*(run(joint, index) for index, joint in enumerate(joints)))
    for joint in joints:
        joint.host.close()
        await joint.ended()
