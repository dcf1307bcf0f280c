"""How the RDP stream is dressed on each kind of leg.

A framing opens what its leg sends and seals what its leg is sent. It is built of a *carrier* (WebSocket
frames, the chunked IN body of a legacy tunnel, or nothing) and, for MS-TSGU, the DATA packets inside. Reading
state lives in the carrier and in the packet reader, so both are handed from the setting up of a tunnel to its
relay with whatever bytes they hold.

Rules of the hot path: `seal` writes headers in front of a payload that already lies in the buffer; `open`
returns views where it can; neither allocates what it can avoid, and nothing here waits.
"""

import struct
from collections.abc import Sequence
from typing import Protocol

from dialback.wire import websocket
from dialback.wire.errors import WireError
from dialback.wire.head import BodyReader
from dialback.wire.tsgu import packets, server
from dialback.wire.tsgu.codes import PacketType
from dialback.wire.websocket import FrameReader, Opcode

Piece = bytes | memoryview
ROOM_BYTES = websocket.HEADER_ROOM + packets.DATA_ROOM
"""Room in front of a payload that every framing can do with."""

PAYLOAD_BYTES = 65522
"""The largest payload sealed at once: with both headers 65,536 bytes, four whole TLS records."""

PAIR = 2
_DATA = PacketType.DATA.to_bytes(PAIR, "little")
_CLOSE_CHANNEL = PacketType.CLOSE_CHANNEL.to_bytes(PAIR, "little")
_CLOSE_CHANNEL_RESPONSE = PacketType.CLOSE_CHANNEL_RESPONSE.to_bytes(PAIR, "little")
_SETUP = {
    kind.to_bytes(PAIR, "little")
    for kind in (
        PacketType.HANDSHAKE_REQUEST,
        PacketType.TUNNEL_CREATE,
        PacketType.TUNNEL_AUTH,
        PacketType.CHANNEL_CREATE,
    )
}

_BOTH_HEADERS = struct.Struct("<BBBBHHIH")
_BOTH_LEAST_BYTES = 126 - packets.DATA_ROOM
_BOTH_MOST_BYTES = 0xFFFF - packets.DATA_ROOM
_FINAL_BINARY, _MEDIUM = 0x82, 126
_DATA_TYPE = int(PacketType.DATA)

STATUS_OK = 0
STATUS_ABORTED = 0x4D4


class Carrier(Protocol):
    """What lies between a leg and a byte stream."""

    name: str
    replies: bytes
    ended: bool

    def unwrap(self, data: Piece) -> Sequence[Piece]:
        """Return the stream bytes inside `data`; control traffic shows in `replies` and `ended`."""

    def wrap(self, message: bytes) -> bytes:
        """Return the bytes that carry one message to the peer."""

    def write_header(self, buffer: bytearray, end: int, payload_bytes: int) -> int:
        """Write what goes in front of a payload so that it ends at `end`; return where it starts."""

    def farewell(self) -> bytes:
        """Return the bytes that end the stream in words, if the carrier has such."""


class PlainCarrier:
    """Nothing in between: host legs, local connections, the OUT side of a legacy tunnel."""

    name = "plain"

    def __init__(self) -> None:
        self.replies = b""
        self.ended = False

    def unwrap(self, data: Piece) -> Sequence[Piece]:
        return (data,)

    def wrap(self, message: bytes) -> bytes:
        return message

    def write_header(self, _buffer: bytearray, end: int, _payload_bytes: int) -> int:
        return end

    def farewell(self) -> bytes:
        return b""


class WebSocketCarrier:
    """Binary messages, read as a byte stream: clients and proxies merge and split them at will.

    Never pings: FreeRDP 3.10 and newer answers a ping wrongly or aborts. Pings of the peer are answered.
    """

    name = "websocket"

    def __init__(self, reader: FrameReader) -> None:
        self._reader = reader
        self.replies = b""
        self.ended = False

    def unwrap(self, data: Piece) -> Sequence[Piece]:
        pieces: list[Piece] = []
        for frame in self._reader.feed(data):
            if frame.opcode is Opcode.BINARY or frame.opcode is Opcode.CONTINUATION:
                pieces.append(frame.payload)
            elif frame.opcode is Opcode.PING:
                self.replies += websocket.build_frame(Opcode.PONG, frame.payload)
            elif frame.opcode is Opcode.CLOSE:
                self.ended = True
                break
            elif frame.opcode is Opcode.TEXT:
                raise WireError("expected a binary message, got text")
        return pieces

    def wrap(self, message: bytes) -> bytes:
        return websocket.build_frame(Opcode.BINARY, message)

    def write_header(self, buffer: bytearray, end: int, payload_bytes: int) -> int:
        return websocket.write_header(buffer, end, payload_bytes)

    def farewell(self) -> bytes:
        return websocket.build_close(websocket.NORMAL_CLOSURE)


class LegacyCarrier:
    """A legacy tunnel: packets come in the chunked body of the IN request and leave unframed on OUT."""

    name = "legacy"

    def __init__(self, reader: BodyReader) -> None:
        self._reader = reader
        self.replies = b""
        self.ended = False

    def unwrap(self, data: Piece) -> Sequence[Piece]:
        if self.ended:
            return ()
        pieces = self._reader.feed(data)
        self.ended = self._reader.ended
        return pieces

    def wrap(self, message: bytes) -> bytes:
        return message

    def write_header(self, _buffer: bytearray, end: int, _payload_bytes: int) -> int:
        return end

    def farewell(self) -> bytes:
        return b""


class Framing(Protocol):
    """How the RDP stream is dressed on one end of a relay.

    `transparent` says that `open` returns its argument as it is. `keepalive` is what to send when nothing
    else was, or b"". `acknowledged` says that the peer answers a farewell.
    """

    name: str
    transparent: bool
    keepalive: bytes
    acknowledged: bool

    @property
    def ended(self) -> bool:
        """Whether the peer has ended the stream in words."""

    def open(self, data: Piece) -> Sequence[Piece]:
        """Return the RDP bytes inside `data`; `WireError` if the peer breaks the framing.

        `open(b"")` gives what the readers held when they were handed over.
        """

    def seal(self, buffer: bytearray, start: int, payload_bytes: int) -> int:
        """Write the headers of a payload that starts at `start` in front of it; return the new start."""

    def take_replies(self) -> bytes:
        """Return what is owed to the peer, once."""

    def farewell(self, *, orderly: bool) -> bytes:
        """Return the bytes that tell the peer of the end."""


class StreamFraming:
    """The raw RDP stream on a carrier: host legs, local connections, WebSocket clients without MS-TSGU."""

    keepalive = b""
    acknowledged = False

    def __init__(self, carrier: Carrier) -> None:
        self._carrier = carrier
        self.name = carrier.name
        self.transparent = isinstance(carrier, PlainCarrier)

    @property
    def ended(self) -> bool:
        return self._carrier.ended

    def open(self, data: Piece) -> Sequence[Piece]:
        return self._carrier.unwrap(data) if data else ()

    def seal(self, buffer: bytearray, start: int, payload_bytes: int) -> int:
        return self._carrier.write_header(buffer, start, payload_bytes)

    def take_replies(self) -> bytes:
        replies, self._carrier.replies = self._carrier.replies, b""
        return replies

    def farewell(self, *, orderly: bool) -> bytes:
        return self._carrier.farewell()


class TsguFraming:
    """The RDP stream inside MS-TSGU DATA packets, on a WebSocket or a legacy tunnel.

    Keepalives of the client are swallowed: FreeRDP answers each of ours with one, so an answer to an answer
    would go on for ever. CLOSE_CHANNEL is answered and ends the stream.

    Source: [MS-TSGU] 2.2.10 HTTP Transport Structures and 3.3.5.5 Data Transfer and Shutdown phase.
    """

    transparent = False
    acknowledged = True

    def __init__(self, carrier: Carrier, reader: packets.PacketReader) -> None:
        self._carrier = carrier
        self._in_frames = isinstance(carrier, WebSocketCarrier)
        self._reader = reader
        self._replies = b""
        self._closed = False
        self.name = f"tsgu-{carrier.name}"
        self.keepalive = carrier.wrap(server.KEEPALIVE)

    @property
    def ended(self) -> bool:
        return self._closed or self._carrier.ended

    def open(self, data: Piece) -> Sequence[Piece]:
        pieces: list[Piece] = []
        for chunk in self._carrier.unwrap(data) if data else (b"",):
            for packet in self._reader.feed(chunk):
                if packet[:PAIR] == _DATA:
                    pieces.append(packets.data_payload(packet))
                else:
                    self._control(packet)
        return pieces

    def seal(self, buffer: bytearray, start: int, payload_bytes: int) -> int:
        if self._in_frames and _BOTH_LEAST_BYTES <= payload_bytes <= _BOTH_MOST_BYTES:
            return _write_both_headers(buffer, start, payload_bytes)
        start = packets.write_data_header(buffer, start, payload_bytes)
        return self._carrier.write_header(buffer, start, payload_bytes + packets.DATA_ROOM)

    def take_replies(self) -> bytes:
        replies, self._replies = self._replies + self._carrier.replies, b""
        self._carrier.replies = b""
        return replies

    def farewell(self, *, orderly: bool) -> bytes:
        return self._carrier.wrap(server.close_channel(STATUS_OK if orderly else STATUS_ABORTED))

    def _control(self, packet: Piece) -> None:
        kind = bytes(packet[:PAIR])
        if kind == _CLOSE_CHANNEL:
            self._replies += self._carrier.wrap(server.close_channel_response())
            self._closed = True
        elif kind == _CLOSE_CHANNEL_RESPONSE:
            self._closed = True
        elif kind in _SETUP:
            raise WireError(f"expected data on an open channel, got packet type {kind[0]:#x}")


def _write_both_headers(buffer: bytearray, end: int, payload_bytes: int) -> int:
    """Write the headers of frame and DATA packet at once, for a frame that has a two-byte length.

    That is nearly every chunk, and one call in place of four is what a small message notices.
    """
    packet_bytes = payload_bytes + packets.DATA_ROOM
    high, low = packet_bytes >> 8, packet_bytes & 0xFF
    start = end - _BOTH_HEADERS.size
    _BOTH_HEADERS.pack_into(
        buffer, start, _FINAL_BINARY, _MEDIUM, high, low, _DATA_TYPE, 0, packet_bytes, payload_bytes
    )
    return start


def plain() -> StreamFraming:
    """Return the framing of a leg that carries the RDP stream as it is."""
    return StreamFraming(PlainCarrier())
