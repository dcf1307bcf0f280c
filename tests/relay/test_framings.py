import pytest

from dialback.relay.framings import (
    PAYLOAD_BYTES,
    ROOM_BYTES,
    Framing,
    LegacyCarrier,
    PlainCarrier,
    StreamFraming,
    TsguFraming,
    WebSocketCarrier,
    plain,
)
from dialback.wire import websocket
from dialback.wire.errors import WireError
from dialback.wire.head import BodyReader
from dialback.wire.tsgu.packets import (
    CloseChannel,
    CloseChannelResponse,
    Data,
    Keepalive,
    PacketReader,
    TunnelAuth,
    Unknown,
    encode,
)
from dialback.wire.websocket import FrameReader, Opcode
from tests.relay.clients import IN_HEAD, MASK, chunk


def frame(payload: bytes, opcode: Opcode = Opcode.BINARY) -> bytes:
    return websocket.build_frame(opcode, payload, mask_key=MASK)


def on_websocket(leftover: bytes = b"") -> TsguFraming:
    reader = FrameReader(masked=True, max_message_bytes=128 * 1024)
    return TsguFraming(WebSocketCarrier(reader), PacketReader(leftover))


def on_legacy() -> TsguFraming:
    return TsguFraming(LegacyCarrier(BodyReader(IN_HEAD)), PacketReader())


def stream() -> StreamFraming:
    return StreamFraming(WebSocketCarrier(FrameReader(masked=True, max_message_bytes=128 * 1024)))


def opened(framing: Framing, data: bytes) -> bytes:
    return b"".join(framing.open(data))


@pytest.mark.parametrize("size", [1, 100, 115, 116, 125, 126, 1000, 65525, PAYLOAD_BYTES])
def test_sealed_payload_is_what_the_wire_code_builds(size: int) -> None:
    payload = bytes(size)
    for framing, expected in (
        (plain(), payload),
        (stream(), websocket.build_frame(Opcode.BINARY, payload)),
        (on_legacy(), encode(Data(payload))),
        (on_websocket(), websocket.build_frame(Opcode.BINARY, encode(Data(payload)))),
    ):
        buffer = bytearray(b"\xaa" * (ROOM_BYTES + size))
        buffer[ROOM_BYTES:] = payload
        start = framing.seal(buffer, ROOM_BYTES, size)
        assert buffer[start:] == expected
        assert start >= 0


def test_only_the_plain_framing_is_transparent() -> None:
    assert plain().transparent
    assert opened(plain(), b"x") == b"x"
    assert not stream().transparent
    assert not on_legacy().transparent
    assert (stream().name, on_legacy().name, on_websocket().name) == (
        "websocket",
        "tsgu-legacy",
        "tsgu-websocket",
    )


def test_bytes_held_at_the_hand_over_come_first() -> None:
    framing = on_websocket(encode(Data(b"early ")))
    assert opened(framing, b"") == b"early "
    assert opened(framing, frame(encode(Data(b"late")))) == b"late"


def test_keepalives_and_unknown_packets_are_swallowed() -> None:
    framing = on_websocket()
    sent = encode(Keepalive()) + encode(Data(b"x")) + encode(Unknown(0x99, b"y"))
    assert opened(framing, frame(sent)) == b"x"
    assert framing.take_replies() == b""
    assert not framing.ended


def test_close_of_the_channel_is_answered_once() -> None:
    for framing, sent, answer in (
        (
            on_websocket(),
            frame(encode(CloseChannel(0))),
            websocket.build_frame(Opcode.BINARY, encode(CloseChannelResponse(0))),
        ),
        (on_legacy(), chunk(encode(CloseChannel(0))), encode(CloseChannelResponse(0))),
    ):
        assert opened(framing, sent) == b""
        assert framing.ended
        assert framing.take_replies() == answer
        assert framing.take_replies() == b""


def test_answer_to_our_close_is_the_end() -> None:
    framing = on_legacy()
    opened(framing, chunk(encode(CloseChannelResponse(0))))
    assert framing.ended
    assert framing.take_replies() == b""


def test_farewell_says_whether_the_end_was_orderly() -> None:
    for framing in (on_legacy(), on_websocket()):
        assert framing.farewell(orderly=True).endswith(encode(CloseChannel(0)))
        assert framing.farewell(orderly=False).endswith(encode(CloseChannel(0x4D4)))
    assert stream().farewell(orderly=True) == websocket.build_close(1000)
    assert plain().farewell(orderly=True) == b""


def test_pings_are_answered_and_closes_end() -> None:
    framing = stream()
    assert opened(framing, frame(b"p", Opcode.PING) + frame(b"data")) == b"data"
    assert framing.take_replies() == websocket.build_frame(Opcode.PONG, b"p")
    opened(framing, frame(b"", Opcode.CLOSE))
    assert framing.ended


@pytest.mark.parametrize(
    ("framing", "sent"),
    [
        (stream(), frame(b"text", Opcode.TEXT)),
        (stream(), websocket.build_frame(Opcode.BINARY, b"unmasked")),
        (on_websocket(), frame(encode(TunnelAuth("PC")))),
        (on_websocket(), frame(b"\x0a\0\0\0\x0d\0\0\0\x04\0xyz")),
        (on_websocket(), frame(b"\x0a\0\0\0\x07\0\0\0")),
        (on_legacy(), b"zz\r\n"),
    ],
)
def test_breach_of_the_framing_is_a_wire_error(framing: Framing, sent: bytes) -> None:
    with pytest.raises(WireError):
        framing.open(sent)


def test_in_request_ends_with_its_last_chunk() -> None:
    framing = on_legacy()
    assert opened(framing, chunk(encode(Data(b"x"))) + b"0\r\n\r\n") == b"x"
    assert framing.ended
    assert opened(framing, b"more") == b""


def test_plain_carrier_changes_nothing() -> None:
    carrier = PlainCarrier()
    assert (carrier.wrap(b"x"), carrier.unwrap(b"x"), carrier.farewell()) == (b"x", (b"x",), b"")
