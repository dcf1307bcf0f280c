import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dialback.wire.errors import WireError
from dialback.wire.tsgu.codes import PacketType
from dialback.wire.tsgu.packets import (
    DATA_ROOM,
    HEADER_BYTES,
    MAX_DATA_BYTES,
    MAX_PACKET_BYTES,
    ChannelCreate,
    ChannelResponse,
    CloseChannel,
    CloseChannelResponse,
    Data,
    ExtendedAuth,
    HandshakeRequest,
    HandshakeResponse,
    Keepalive,
    PacketBuffer,
    PacketReader,
    ReauthMessage,
    ServiceMessage,
    TunnelAuth,
    TunnelAuthResponse,
    TunnelCreate,
    TunnelResponse,
    Unknown,
    cookie_of_text,
    data_payload,
    decode,
    encode,
    packet_size,
    text_of_cookie,
    write_data_header,
)
from tests.wire.tsgu.vectors import VECTORS

vectors = pytest.mark.parametrize(("packet", "raw"), VECTORS.values(), ids=VECTORS)
STREAM = b"".join(raw for _, raw in VECTORS.values())
PACKETS = [packet for packet, _ in VECTORS.values()]


def header(number, size_bytes):
    return struct.pack("<HHI", number, 0, size_bytes)


def packet_of(number, body):
    return header(number, HEADER_BYTES + len(body)) + body


# Single packets


@vectors
def test_packet_is_written_as_its_bytes(packet, raw):
    assert encode(packet) == raw


@vectors
@pytest.mark.parametrize("form", [bytes, bytearray, memoryview])
def test_packet_is_read_from_its_bytes(packet, raw, form):
    assert decode(form(raw)) == packet


@vectors
def test_reserved_bytes_of_the_header_are_ignored(packet, raw):
    assert decode(raw[:2] + b"\xff\xff" + raw[4:]) == packet


@vectors
def test_every_cut_of_a_packet_is_a_wire_error(packet, raw):
    for end in range(len(raw)):
        with pytest.raises(WireError):
            decode(raw[:end])
        if end >= HEADER_BYTES and not isinstance(packet, Unknown):
            with pytest.raises(WireError):
                decode(packet_of(raw[0], raw[HEADER_BYTES:end]))


@vectors
def test_bytes_behind_a_packet_are_not_part_of_it(packet, raw):
    with pytest.raises(WireError, match=f"expected a packet of {len(raw)} bytes, got {len(raw) + 1}"):
        decode(raw + b"\0")


@vectors
def test_longer_forms_are_read_like_the_known_ones_except_data(packet, raw):
    longer = packet_of(int.from_bytes(raw[:2], "little"), raw[HEADER_BYTES:] + b"tail")
    if isinstance(packet, Data):
        with pytest.raises(WireError, match="expected a payload of 3 bytes, got 7"):
            decode(longer)
    elif isinstance(packet, Unknown):
        assert decode(longer) == Unknown(packet.type, packet.body + b"tail")
    else:
        assert decode(longer) == packet


def test_vectors_hold_every_packet_type():
    assert {raw[0] for packet, raw in VECTORS.values() if not isinstance(packet, Unknown)} == set(PacketType)


@pytest.mark.parametrize(
    ("number", "body", "complaint"),
    [
        (0x04, "0d000000 0100 0000", "length of cookie"),
        (0x04, "0d000000 0100 0000 0800 6100", "8 bytes of cookie, got 2"),
        (0x04, "0d000000 0200 0000 0000", "8 bytes of reauth_context, got 2"),
        (0x05, "0000 00000000 0300 0000 01000000", "4 bytes of capabilities, got 0"),
        (0x06, "0000 0300 610000", "even number of bytes of client_name, got 3"),
        (0x06, "0000 0200 00d8", "utf-16 in client_name"),
        (0x06, "0100 0200 6100", "length of statement_of_health"),
        (0x08, "00 00 3d0d 0300", "1 to 50 names, got 0"),
        (0x08, "33 00 3d0d 0300", "1 to 50 names, got 51"),
        (0x08, "01 04 3d0d 0300", "0 to 3 alternative_names, got 4"),
        (0x08, "02 00 3d0d 0300 0200 6100", "length of names"),
        (0x0A, "0000 00", "payload of 0 bytes, got 1"),
        (0x0A, "0200 00", "payload of 2 bytes, got 1"),
        (0x10, "", "4 bytes of status_code, got 0"),
    ],
)
def test_broken_bodies_are_wire_errors(number, body, complaint):
    with pytest.raises(WireError, match=complaint):
        decode(packet_of(number, bytes.fromhex(body)))


@pytest.mark.parametrize(
    ("number", "size_bytes"),
    [
        (0x0D, 0),
        (0x0D, 7),
        (0x04, MAX_PACKET_BYTES + 1),
        (0x99, 0xFFFFFFFF),
        (0x0A, DATA_ROOM),
        (0x0A, DATA_ROOM + MAX_DATA_BYTES + 1),
    ],
)
def test_sizes_out_of_bounds_are_wire_errors_at_once(number, size_bytes):
    raw = header(number, size_bytes)
    with pytest.raises(WireError, match=f"got {size_bytes}$"):
        decode(raw)
    with pytest.raises(WireError, match=f"got {size_bytes}$"):
        PacketReader().feed(raw)


@pytest.mark.parametrize(("number", "size_bytes"), [(0x04, MAX_PACKET_BYTES), (0x0A, 65545), (0x0D, 8)])
def test_sizes_at_the_bounds_are_taken(number, size_bytes):
    assert packet_size(header(number, size_bytes)) == size_bytes


@pytest.mark.parametrize(
    "packet",
    [
        Data(b""),
        Data(bytes(MAX_DATA_BYTES + 1)),
        Unknown(0x99, bytes(MAX_PACKET_BYTES - HEADER_BYTES + 1)),
        ChannelCreate(()),
        HandshakeRequest(extended_auth=0x10000),
    ],
)
def test_packets_that_cannot_be_read_again_are_not_written(packet):
    with pytest.raises(ValueError, match="expected"):
        encode(packet)


def test_cookie_does_not_show_itself():
    assert "secret" not in repr(TunnelCreate(cookie=cookie_of_text("secret")))
    assert str(cookie_of_text("secret")) not in repr(TunnelCreate(cookie=cookie_of_text("secret")))


@pytest.mark.parametrize("raw", [b"a\0b\0", b"a\0b\0\0\0"])
def test_cookie_is_read_with_or_without_its_final_nul(raw):
    assert text_of_cookie(raw) == "ab"


@pytest.mark.parametrize("raw", [b"a", b"\x00\xd8", b"a\0\0\0b\0", b"a\0\0\0\0\0", b"\n\0"])
def test_cookie_that_is_no_printable_text_is_a_wire_error(raw):
    with pytest.raises(WireError, match="cookie"):
        text_of_cookie(raw)


def test_data_header_is_written_in_front_of_its_payload():
    buffer = bytearray(b"-----" + bytes(DATA_ROOM) + b"xyz")
    start = write_data_header(buffer, 5 + DATA_ROOM, 3)
    assert start == 5
    assert buffer[start:] == encode(Data(b"xyz"))


@pytest.mark.parametrize(("end", "payload_bytes"), [(DATA_ROOM - 1, 1), (20, 0), (20, MAX_DATA_BYTES + 1)])
def test_data_header_needs_its_room_and_a_payload_that_fits(end, payload_bytes):
    with pytest.raises(ValueError, match=f"got {payload_bytes} at {end}"):
        write_data_header(bytearray(40), end, payload_bytes)


def test_data_payload_is_a_view_of_the_packet():
    buffer = bytearray(encode(Data(b"xyz")))
    payload = data_payload(memoryview(buffer))
    buffer[-1:] = b"!"
    assert payload == b"xy!"


# Streams


def read_all(reader, pieces):
    return [bytes(packet) for piece in pieces for packet in reader.feed(piece)]


@pytest.mark.parametrize("size", [1, 2, 3, 7, 8, 9, 13, 64, len(STREAM)])
def test_reader_finds_the_packets_however_the_stream_is_cut(size):
    reader = PacketReader()
    pieces = [STREAM[at : at + size] for at in range(0, len(STREAM), size)]
    assert [decode(raw) for raw in read_all(reader, pieces)] == PACKETS
    assert reader.leftover == b""


def test_reader_keeps_what_trails():
    reader = PacketReader()
    assert len(reader.feed(STREAM + STREAM[:10])) == len(PACKETS)
    assert reader.leftover == STREAM[:10]


def test_reader_starts_with_the_bytes_it_was_handed():
    reader = PacketReader(STREAM + STREAM[:3])
    assert reader.leftover == STREAM + STREAM[:3]
    assert len(reader.feed(b"")) == len(PACKETS)
    assert reader.leftover == STREAM[:3]
    assert [decode(raw) for raw in reader.feed(STREAM[3:])] == PACKETS


def test_reader_does_not_copy_packets_that_lie_whole_in_the_bytes_fed():
    data = bytearray(encode(Data(b"abc")) * 2 + b"\x0a")
    packets = PacketReader().feed(memoryview(data))
    assert [packet.obj is data for packet in packets] == [True, True]


def test_reader_keeps_no_view_of_the_bytes_fed():
    data = bytearray(encode(Data(b"abc")))
    reader = PacketReader()
    reader.feed(memoryview(data)[:-1])
    data[:] = b"\xff" * len(data)
    assert [decode(packet) for packet in reader.feed(b"c")] == [Data(b"abc")]


def test_reader_stays_failed_after_a_bad_header():
    reader = PacketReader()
    for data in (STREAM + header(0x0D, 7) + STREAM, STREAM, b""):
        with pytest.raises(WireError):
            reader.feed(data)
    assert len(reader.leftover) == HEADER_BYTES


def test_reader_takes_a_large_packet_byte_by_byte():
    raw = encode(Data(bytes(MAX_DATA_BYTES)))
    reader = PacketReader()
    packets = [packet for at in range(len(raw)) for packet in reader.feed(raw[at : at + 1])]
    assert packets == [raw]


def test_buffer_gives_one_packet_at_a_time_and_keeps_the_rest():
    buffer = PacketBuffer()
    buffer.add(STREAM)
    assert buffer.next_type() == PacketType.HANDSHAKE_REQUEST
    assert decode(buffer.next_packet()) == PACKETS[0]
    assert buffer.leftover == STREAM[len(encode(PACKETS[0])) :]
    assert len(buffer) == len(buffer.leftover)
    buffer.clear()
    assert (len(buffer), buffer.next_type(), buffer.next_packet()) == (0, None, None)


def test_buffer_raises_on_a_bad_header_only_when_it_is_next():
    buffer = PacketBuffer()
    buffer.add(encode(Keepalive()) + header(0x0D, 7))
    assert decode(buffer.next_packet()) == Keepalive()
    with pytest.raises(WireError):
        buffer.next_packet()


# Properties

u8s, u16s, u32s, u64s = (st.integers(0, 2**bits - 1) for bits in (8, 16, 32, 64))
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
blobs = st.binary(max_size=80)


def maybe(strategy):
    return st.none() | strategy


quarantines = st.just((None, None)) | st.tuples(st.binary(min_size=20, max_size=20), texts)
packets = st.one_of(
    st.builds(HandshakeRequest, u8s, u8s, u16s, u16s),
    st.builds(HandshakeResponse, u32s, u8s, u8s, u16s, u16s),
    st.builds(ExtendedAuth, u32s, blobs),
    st.builds(TunnelCreate, u32s, maybe(u64s), maybe(blobs)),
    st.builds(
        lambda first, pair, consent: TunnelResponse(*first, *pair, consent),
        st.tuples(u16s, u32s, maybe(u32s), maybe(u32s)),
        quarantines,
        maybe(texts),
    ),
    st.builds(TunnelAuth, texts, maybe(blobs)),
    st.builds(TunnelAuthResponse, u32s, maybe(u32s), maybe(u32s), maybe(blobs)),
    st.builds(
        ChannelCreate,
        st.lists(texts, min_size=1, max_size=50).map(tuple),
        st.lists(texts, max_size=3).map(tuple),
        u16s,
        u16s,
    ),
    st.builds(ChannelResponse, u32s, maybe(u32s), maybe(u16s), maybe(blobs)),
    st.builds(Data, st.binary(min_size=1, max_size=300)),
    st.builds(ServiceMessage, texts),
    st.builds(ReauthMessage, u64s),
    st.just(Keepalive()),
    st.builds(CloseChannel, u32s),
    st.builds(CloseChannelResponse, u32s),
    st.builds(Unknown, u16s.filter(lambda number: number not in set(PacketType)), blobs),
)


@given(packets)
def test_what_is_written_is_read_back(packet):
    raw = encode(packet)
    assert packet_size(raw) == len(raw)
    assert decode(raw) == packet


@given(st.sampled_from([*PacketType, 0x99]), st.binary(max_size=120))
def test_any_body_gives_a_packet_or_a_wire_error(number, body):
    try:
        packet = decode(packet_of(number, body))
    except WireError:
        return
    assert decode(encode(packet)) == packet


@given(st.lists(packets, max_size=8), st.lists(st.integers(1, 50), min_size=1))
def test_reader_gives_every_packet_and_keeps_nothing(sent, sizes):
    stream, reader, received = b"".join(map(encode, sent)), PacketReader(), []
    while stream:
        size = sizes[len(stream) % len(sizes)]
        received += [decode(raw) for raw in reader.feed(stream[:size])]
        stream = stream[size:]
    assert received == sent
    assert reader.leftover == b""
