"""Any bytes give packets that survive rewriting, or `WireError`, and the same ones however they are cut.

The first byte says into pieces of which size the stream is cut (0: not at all); the rest is the stream.
"""

from dialback.wire.errors import WireError
from dialback.wire.tsgu.packets import MAX_PACKET_BYTES, PacketBuffer, PacketReader, decode, encode


def fuzz(data: bytes) -> None:
    """Read the stream whole, in pieces and packet by packet; read and rewrite each packet."""
    if not data:
        return
    stream = data[1:]
    one_by_one, broken = _read_one_by_one(stream)
    assert broken or _read_in_pieces(stream, len(stream)) == one_by_one
    assert broken or _read_in_pieces(stream, data[0] or 1) == one_by_one
    for raw in one_by_one:
        _check_packet(raw)


def _read_one_by_one(stream: bytes) -> tuple[list[bytes], bool]:
    buffer, packets = PacketBuffer(), []
    buffer.add(stream)
    try:
        while (raw := buffer.next_packet()) is not None:
            packets.append(raw)
    except WireError:
        _check_failure(stream, packets)
        return packets, True
    assert b"".join(packets) + buffer.leftover == stream
    return packets, False


def _read_in_pieces(stream: bytes, size_bytes: int) -> list[bytes]:
    reader, packets = PacketReader(), []
    for at in range(0, len(stream), size_bytes or 1):
        packets += [bytes(packet) for packet in reader.feed(stream[at : at + size_bytes])]
        assert len(reader.leftover) < MAX_PACKET_BYTES
    assert b"".join(packets) + reader.leftover == stream
    return packets


def _check_failure(stream: bytes, packets: list[bytes]) -> None:
    reader, received = PacketReader(), []
    try:
        for at in range(len(stream)):
            received += [bytes(packet) for packet in reader.feed(stream[at : at + 1])]
    except WireError:
        assert received == packets
        return
    raise AssertionError("expected the reader to fail where the buffer did")


def _check_packet(raw: bytes) -> None:
    try:
        packet = decode(raw)
    except WireError:
        return
    assert decode(encode(packet)) == packet
