"""Any bytes give frames that survive rebuilding, the same however they are cut, or `WireError`.

The first byte says whether the peer masks (lowest bit) and into pieces of which size the stream is cut (the
other bits); the rest is the stream.
"""

from dialback.wire.errors import WireError
from dialback.wire.websocket import Frame, FrameReader, build_frame

LIMIT_BYTES = 4096


def fuzz(data: bytes) -> None:
    """Read the stream whole and in pieces, compare, and read what was rebuilt."""
    if not data:
        return
    masked, size_bytes, stream = bool(data[0] & 1), data[0] >> 1 or 1, data[1:]
    whole, broken = _read(stream, len(stream) or 1, masked)
    pieces, pieces_broken = _read(stream, size_bytes, masked)
    assert broken == pieces_broken
    assert broken or whole == pieces
    key = b"\x12\x34\x56\x78" if masked else None
    rebuilt = b"".join(
        build_frame(frame.opcode, frame.payload, mask_key=key, final=frame.final) for frame in pieces
    )
    assert _read(rebuilt, len(rebuilt) or 1, masked) == (pieces, False)


def _read(stream: bytes, size_bytes: int, masked: bool) -> tuple[list[Frame], bool]:
    reader = FrameReader(masked=masked, max_message_bytes=LIMIT_BYTES)
    frames: list[Frame] = []
    try:
        for at in range(0, len(stream), size_bytes):
            frames += reader.feed(stream[at : at + size_bytes])
    except WireError:
        return frames, True
    assert stream.endswith(reader.leftover)
    assert len(reader.leftover) < LIMIT_BYTES + 14
    return frames, False
