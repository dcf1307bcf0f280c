import asyncio

import pytest

from dialback.gateway.streams import ClientStream
from dialback.relay.framings import PlainCarrier, WebSocketCarrier, plain
from dialback.transport.leg import Leg, LegLost
from dialback.wire import websocket
from dialback.wire.websocket import FrameReader, Opcode
from tests.gateway.stage import MASK
from tests.transport.loopback import DEADLINE_S, Certificates, Peer, wired


def on_websocket(leg: Leg) -> ClientStream:
    return ClientStream(leg, leg, WebSocketCarrier(FrameReader(masked=True, max_message_bytes=65536)))


async def say(peer: Peer, opcode: Opcode, payload: bytes) -> None:
    await peer.send(websocket.build_frame(opcode, payload, mask_key=MASK))


async def test_stream_is_unwrapped_and_pings_are_answered(certificates: Certificates) -> None:
    async with wired(certificates) as wires:
        peer, leg = await wires.pair()
        stream = on_websocket(leg)
        await say(peer, Opcode.PING, b"?")
        await say(peer, Opcode.BINARY, b"one")
        assert await stream.receive() == b"one"
        stream.send(b"two")
        sent = websocket.build_frame(Opcode.PONG, b"?") + websocket.build_frame(Opcode.BINARY, b"two")
        assert await peer.receive_exactly(len(sent)) == sent


async def test_end_in_words_is_an_end_at_once(certificates: Certificates) -> None:
    async with wired(certificates) as wires:
        peer, leg = await wires.pair()
        await say(peer, Opcode.BINARY, b"last")
        await say(peer, Opcode.CLOSE, b"")
        stream = on_websocket(leg)
        assert await stream.receive() == b"last"
        async with asyncio.timeout(DEADLINE_S):
            with pytest.raises(LegLost):
                await stream.receive()


async def test_both_legs_of_a_stream_are_closed(certificates: Certificates) -> None:
    async with wired(certificates) as wires:
        far_in, near_in = await wires.pair()
        far_out, near_out = await wires.pair()
        stream = ClientStream(near_in, near_out, PlainCarrier())
        end = stream.end(plain())
        assert (end.source, end.sink) == (near_in, near_out)
        stream.send(b"bye")
        closing = asyncio.get_running_loop().create_task(stream.close())
        assert await far_out.receive_all() == b"bye"
        await far_out.end()
        assert await far_in.receive_all() == b""
        await far_in.end()
        async with asyncio.timeout(DEADLINE_S):
            await closing
