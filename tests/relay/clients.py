"""Clients of a relay in each framing: what the far end says and hears, checked as stock clients need it."""

import struct

from dialback.relay.framings import (
    Framing,
    LegacyCarrier,
    StreamFraming,
    TsguFraming,
    WebSocketCarrier,
    plain,
)
from dialback.relay.join import End
from dialback.transport.leg import Leg
from dialback.wire import websocket
from dialback.wire.head import BodyReader, RequestHead
from dialback.wire.tsgu.codes import PacketType
from dialback.wire.tsgu.packets import CloseChannel, Data, PacketReader, encode
from dialback.wire.websocket import FrameReader, Opcode
from tests.transport.loopback import Peer, Wires

MASK = b"\x01\x02\x03\x04"
IN_HEAD = RequestHead("RDG_IN_DATA", "/", (("transfer-encoding", "chunked"),))
KINDS = ("plain", "websocket", "tsgu-websocket", "tsgu-legacy")


class Client:
    """The far end of a left end that carries the stream as it is; subclasses dress it.

    `heard` is the stream received so far, `controls` the packet types besides DATA, `closed` says that the
    relay told of the end in words.
    """

    kind = "plain"

    def __init__(self, said: Peer, hears: Peer, source: Leg, sink: Leg) -> None:
        self.said = said
        self.hears = hears
        self.source = source
        self.sink = sink
        self.heard = bytearray()
        self.controls: list[PacketType] = []
        self.close_status: int | None = None
        self.closed = False
        self.ended = False

    def framing(self) -> Framing:
        """Return the relay's framing for this client."""
        return plain()

    def end(self) -> End:
        """Return the relay's end for this client."""
        return End(self.source, self.sink, self.framing())

    def dress(self, data: bytes) -> bytes:
        """Return the bytes by which this client sends some of its stream."""
        return data

    async def say(self, data: bytes) -> None:
        """Send some of the stream."""
        await self.said.send(self.dress(data))

    async def hear(self) -> bool:
        """Read once; False at the end."""
        assert not self.ended, "the stream ended before what was waited for"
        data = await self.hears.receive()
        self.ended = not data
        self.take(data)
        return not self.ended

    async def hear_all(self) -> bytes:
        """Read to the end; return the whole stream."""
        while await self.hear():
            pass
        return bytes(self.heard)

    def take(self, data: bytes) -> None:
        """Undress what was received."""
        self.heard += data

    async def say_end(self) -> None:
        """End our side in the most orderly way there is."""
        await self.said.end()

    def reset(self) -> None:
        """Break every connection."""
        self.said.reset()
        if self.hears is not self.said:
            self.hears.reset()


class WebSocketClient(Client):
    """The raw stream in binary messages."""

    kind = "websocket"

    def __init__(self, said: Peer, hears: Peer, source: Leg, sink: Leg) -> None:
        super().__init__(said, hears, source, sink)
        self._reader = FrameReader(masked=False, max_message_bytes=1 << 20)
        self.opcodes: list[Opcode] = []

    def framing(self) -> Framing:
        return StreamFraming(WebSocketCarrier(FrameReader(masked=True, max_message_bytes=1 << 20)))

    def dress(self, data: bytes) -> bytes:
        parts = (data[at : at + 60000] for at in range(0, len(data), 60000))
        return b"".join(websocket.build_frame(Opcode.BINARY, part, mask_key=MASK) for part in parts)

    def take(self, data: bytes) -> None:
        for frame in self._reader.feed(data):
            assert frame.final
            assert frame.opcode is not Opcode.PING
            self.opcodes.append(frame.opcode)
            if frame.opcode is Opcode.BINARY:
                assert frame.payload
                self.take_message(frame.payload)
            elif frame.opcode is Opcode.CLOSE:
                self.closed = True

    def take_message(self, message: bytes) -> None:
        """Take one binary message."""
        self.heard += message

    async def say_end(self) -> None:
        await self.said.send(websocket.build_close(1000, mask_key=MASK))
        await super().say_end()


class Packets:
    """What the two MS-TSGU clients share: whole packets, checked one by one."""

    heard: bytearray
    controls: list[PacketType]
    close_status: int | None
    closed: bool

    def take_packet(self, packet: bytes) -> None:
        """Take one whole packet, header included."""
        kind, reserved, size = struct.unpack_from("<HHI", packet)
        assert (reserved, size) == (0, len(packet))
        if kind == PacketType.DATA:
            (inner,) = struct.unpack_from("<H", packet, 8)
            assert inner > 0
            assert size == 10 + inner
            assert not self.closed
            self.heard += packet[10:]
            return
        self.controls.append(PacketType(kind))
        if kind == PacketType.CLOSE_CHANNEL:
            (self.close_status,) = struct.unpack_from("<I", packet, 8)
            self.closed = True


class TsguWebSocketClient(Packets, WebSocketClient):
    """MS-TSGU over WebSocket; like IronRDP it wants exactly one packet in each message."""

    kind = "tsgu-websocket"

    def framing(self) -> Framing:
        reader = FrameReader(masked=True, max_message_bytes=128 * 1024)
        return TsguFraming(WebSocketCarrier(reader), PacketReader())

    def dress(self, data: bytes) -> bytes:
        packets = packets_of(data)
        return b"".join(websocket.build_frame(Opcode.BINARY, each, mask_key=MASK) for each in packets)

    def take_message(self, message: bytes) -> None:
        self.take_packet(message)

    async def say_end(self) -> None:
        await self.said.send(websocket.build_frame(Opcode.BINARY, encode(CloseChannel(0)), mask_key=MASK))


class LegacyClient(Packets, Client):
    """MS-TSGU in two requests: chunks are said on IN, packets are heard on OUT."""

    kind = "tsgu-legacy"

    def __init__(self, said: Peer, hears: Peer, source: Leg, sink: Leg) -> None:
        super().__init__(said, hears, source, sink)
        self._waiting = bytearray()

    def framing(self) -> Framing:
        return TsguFraming(LegacyCarrier(BodyReader(IN_HEAD)), PacketReader())

    def dress(self, data: bytes) -> bytes:
        return b"".join(chunk(packet) for packet in packets_of(data))

    def take(self, data: bytes) -> None:
        self._waiting += data
        while len(self._waiting) >= 8:
            (size,) = struct.unpack_from("<I", self._waiting, 4)
            if len(self._waiting) < size:
                return
            packet = bytes(self._waiting[:size])
            del self._waiting[:size]
            self.take_packet(packet)

    async def say_end(self) -> None:
        await self.said.send(chunk(encode(CloseChannel(0))))


def chunk(data: bytes) -> bytes:
    """Return one chunk of an IN body."""
    return b"%x\r\n%s\r\n" % (len(data), data)


def packets_of(data: bytes) -> list[bytes]:
    """Return DATA packets that carry the bytes."""
    return [encode(Data(data[at : at + 60000])) for at in range(0, len(data), 60000)]


_CLASSES = {each.kind: each for each in (Client, WebSocketClient, TsguWebSocketClient, LegacyClient)}


async def make_client(wires: Wires, kind: str, *, tls: bool = True, kernel_bytes: int = 0) -> Client:
    """Connect a client of this kind."""
    hears, sink = await wires.pair(tls=tls, kernel_bytes=kernel_bytes)
    said, source = hears, sink
    if kind == "tsgu-legacy":
        said, source = await wires.pair(tls=tls)
    return _CLASSES[kind](said, hears, source, sink)
