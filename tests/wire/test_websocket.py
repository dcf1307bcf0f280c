"""Frames: one table both ways, each read whole, byte by byte and with bytes trailing."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dialback.wire.errors import WireError
from dialback.wire.websocket import (
    HEADER_ROOM,
    Frame,
    FrameReader,
    Opcode,
    accept_key,
    build_close,
    build_frame,
    write_header,
)

KEY = bytes.fromhex("37fa213d")

FRAMES = [
    # RFC 6455 section 5.7, Examples.
    (Frame(Opcode.TEXT, b"Hello"), None, bytes.fromhex("810548656c6c6f")),
    (Frame(Opcode.TEXT, b"Hello"), KEY, bytes.fromhex("818537fa213d7f9f4d5158")),
    (Frame(Opcode.TEXT, b"Hel", False), None, bytes.fromhex("010348656c")),
    (Frame(Opcode.PING, b"Hello"), None, bytes.fromhex("890548656c6c6f")),
    (Frame(Opcode.PONG, b"Hello"), KEY, bytes.fromhex("8a8537fa213d7f9f4d5158")),
    (Frame(Opcode.BINARY, bytes(256)), None, bytes.fromhex("827e0100") + bytes(256)),
    (Frame(Opcode.BINARY, bytes(65536)), None, bytes.fromhex("827f0000000000010000") + bytes(65536)),
    # Borders of the three length forms.
    (Frame(Opcode.BINARY, b""), None, bytes.fromhex("8200")),
    (Frame(Opcode.BINARY, b""), KEY, bytes.fromhex("828037fa213d")),
    (Frame(Opcode.BINARY, bytes(125)), None, bytes.fromhex("827d") + bytes(125)),
    (Frame(Opcode.BINARY, bytes(126)), None, bytes.fromhex("827e007e") + bytes(126)),
    (Frame(Opcode.BINARY, bytes(65535)), None, bytes.fromhex("827effff") + bytes(65535)),
    # FreeRDP's pong.
    (Frame(Opcode.PONG, bytes(1024)), bytes(4), bytes.fromhex("8afe040000000000") + bytes(1024)),
]

BROKEN = [
    (b"\xc2\x80", "reserved bits"),
    (b"\x92\x80", "reserved bits"),
    (b"\x83\x80", "known opcode"),
    (b"\x8b\x80", "known opcode"),
    (b"\x82\x05", "a masked frame, got an unmasked"),
    (b"\x09\x80", "in one piece"),
    (b"\x80\x80", "start of a message"),
    (b"\x89\xfe\x10\x01" + KEY, "at most 4096"),
    (b"\x82\xfe\x10\x01" + KEY, "at most 4096"),
    (b"\x82\xff" + b"\xff" * 8 + KEY, "at most 4096"),
    (b"\x02\x80" + KEY + b"\x81\x80" + KEY, "next fragment"),
    (b"\x02\xfe\x10\x00" + KEY + bytes(4096) + b"\x80\x81" + KEY, "at most 0 more"),
]


def reader_for(key, limit=1 << 17):
    return FrameReader(masked=key is not None, max_message_bytes=limit)


def server_reader():
    return FrameReader(masked=True, max_message_bytes=4096)


def read_by_byte(reader, data):
    return [frame for i in range(len(data)) for frame in reader.feed(data[i : i + 1])]


def ids(case):
    return f"{case.opcode.name}-{len(case.payload)}" if isinstance(case, Frame) else ""


@pytest.mark.parametrize(("frame", "key", "data"), FRAMES, ids=ids)
def test_frame_is_built_as_it_is_read(frame, key, data):
    assert build_frame(frame.opcode, frame.payload, mask_key=key, final=frame.final) == data
    assert reader_for(key).feed(data) == [frame]


@pytest.mark.parametrize(("frame", "key", "data"), FRAMES, ids=ids)
def test_frame_is_read_by_byte_and_with_bytes_trailing(frame, key, data):
    reader = reader_for(key)
    assert read_by_byte(reader, data) == [frame]
    assert reader.leftover == b""
    reader = reader_for(key)
    assert reader.feed(memoryview(data + data[:1])) == [frame]
    assert reader.leftover == data[:1]


@pytest.mark.parametrize(("data", "rule"), BROKEN)
def test_broken_frame_is_refused_at_its_header(data, rule):
    with pytest.raises(WireError, match=rule):
        server_reader().feed(data)


@pytest.mark.parametrize(("data", "rule"), BROKEN)
def test_broken_frame_is_refused_when_it_comes_by_byte(data, rule):
    reader = server_reader()
    with pytest.raises(WireError, match=rule):
        read_by_byte(reader, data)


def test_client_refuses_a_masked_frame():
    with pytest.raises(WireError, match="an unmasked frame, got a masked"):
        FrameReader(masked=False, max_message_bytes=10).feed(b"\x82\x80")


def test_control_frames_pass_between_fragments():
    reader = server_reader()
    data = (
        build_frame(Opcode.BINARY, b"ab", mask_key=KEY, final=False)
        + build_frame(Opcode.PING, b"?", mask_key=KEY)
        + build_frame(Opcode.CONTINUATION, b"cd", mask_key=KEY)
        + build_frame(Opcode.BINARY, b"e", mask_key=KEY)
    )
    assert reader.feed(data) == [
        Frame(Opcode.BINARY, b"ab", False),
        Frame(Opcode.PING, b"?"),
        Frame(Opcode.CONTINUATION, b"cd"),
        Frame(Opcode.BINARY, b"e"),
    ]


def test_limit_counts_each_message_anew():
    reader = server_reader()
    frame = build_frame(Opcode.BINARY, bytes(4096), mask_key=KEY)
    assert len(reader.feed(frame + frame)) == 2


def test_length_in_a_longer_form_than_needed_is_read():
    assert reader_for(None).feed(b"\x82\x7e\x00\x01a") == [Frame(Opcode.BINARY, b"a")]


def test_payload_is_a_copy_of_the_input():
    data = bytearray(b"\x82\x02ab")
    frames = reader_for(None).feed(data)
    data[2:] = b"xx"
    assert frames == [Frame(Opcode.BINARY, b"ab")]


@pytest.mark.parametrize("size", [0, 1, 125, 126, 65535, 65536, 1 << 20])
def test_header_is_written_in_front_of_the_payload(size):
    buffer = bytearray(HEADER_ROOM + 3)
    start = write_header(buffer, HEADER_ROOM, size)
    assert bytes(buffer[start:HEADER_ROOM]) == build_frame(Opcode.BINARY, bytes(size))[: HEADER_ROOM - start]
    assert bytes(buffer[:start]) == bytes(start)
    assert bytes(buffer[HEADER_ROOM:]) == bytes(3)


@pytest.mark.parametrize(
    ("key", "accept"),
    [
        ("dGhlIHNhbXBsZSBub25jZQ==", "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="),
        ("ABCDEFGHIJKLMNO", "E5g2ad2v3Z8tg2Zo0jIV0ea3oRI="),
    ],
)
def test_accept_hashes_whatever_key_was_sent(key, accept):
    assert accept_key(key) == accept


def test_close_carries_code_and_text():
    assert build_close(1000) == bytes.fromhex("880203e8")
    assert build_close(1001, "bye") == bytes.fromhex("880503e9") + b"bye"
    masked = build_close(1002, "no", mask_key=KEY)
    assert server_reader().feed(masked) == [Frame(Opcode.CLOSE, b"\x03\xeano")]


def test_close_text_is_bounded():
    with pytest.raises(ValueError, match="at most 123"):
        build_close(1000, "a" * 124)


@given(st.binary(max_size=300), st.booleans())
def test_any_bytes_give_frames_more_or_a_wire_error(data, masked):
    reader = FrameReader(masked=masked, max_message_bytes=100)
    try:
        frames = reader.feed(data)
    except WireError:
        return
    assert sum(len(f.payload) + 2 for f in frames) + len(reader.leftover) <= len(data)


@given(st.lists(st.binary(max_size=200)), st.binary(min_size=4, max_size=4), st.integers(1, 64))
def test_messages_come_out_however_they_are_cut(payloads, key, piece):
    data = b"".join(build_frame(Opcode.BINARY, p, mask_key=key) for p in payloads)
    reader = server_reader()
    frames = [f for at in range(0, len(data), piece) for f in reader.feed(data[at : at + piece])]
    assert frames == [Frame(Opcode.BINARY, p) for p in payloads]
