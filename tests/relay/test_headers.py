"""The headers of frame and DATA packet, written at once or one after the other: the same bytes."""

import pytest

from dialback.relay.framings import PAYLOAD_BYTES, ROOM_BYTES, TsguFraming, WebSocketCarrier
from dialback.wire import websocket
from dialback.wire.tsgu import packets
from dialback.wire.websocket import FrameReader

EDGES = (1, 115, 116, 117, 1200, 65_525, 65_526, 65_535)


def sealed(payload_bytes: int) -> bytes:
    reader = FrameReader(masked=True, max_message_bytes=1024)
    framing = TsguFraming(WebSocketCarrier(reader), packets.PacketReader())
    buffer = bytearray(ROOM_BYTES + payload_bytes)
    return bytes(buffer[framing.seal(buffer, ROOM_BYTES, payload_bytes) :])


@pytest.mark.parametrize("payload_bytes", EDGES)
def test_sealed_chunk_is_one_frame_with_one_data_packet(payload_bytes: int) -> None:
    packet = packets.encode(packets.Data(bytes(payload_bytes)))
    assert sealed(payload_bytes) == websocket.build_frame(websocket.Opcode.BINARY, packet)


def test_largest_sealed_chunk_fills_whole_tls_records() -> None:
    assert len(sealed(PAYLOAD_BYTES)) == 4 * 16384
