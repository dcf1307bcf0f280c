"""Heads and bodies: one table per reader, read whole, byte by byte and with bytes trailing."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dialback.wire.errors import StateError, WireError
from dialback.wire.head import (
    BodyReader,
    HeadReader,
    RequestHead,
    ResponseHead,
    ResponseReader,
    build_closing_response,
    build_request,
    build_response,
)

REQUESTS = [
    (RequestHead("GET", "/", (("host", "gw"),)), b"GET / HTTP/1.1\r\nhost: gw\r\n\r\n"),
    (
        RequestHead(
            "RDG_OUT_DATA",
            "/remoteDesktopGateway/?a=b",
            (
                ("host", "gw.example.org"),
                ("connection", "Upgrade"),
                ("upgrade", "websocket"),
                ("sec-websocket-key", "AB\\^_[]@CDEFGHI"),
                ("rdg-auth-scheme", "PAA"),
                ("content-length", "0"),
            ),
        ),
        b"RDG_OUT_DATA /remoteDesktopGateway/?a=b HTTP/1.1\r\nhost: gw.example.org\r\nconnection: Upgrade\r\n"
        b"upgrade: websocket\r\nsec-websocket-key: AB\\^_[]@CDEFGHI\r\nrdg-auth-scheme: PAA\r\n"
        b"content-length: 0\r\n\r\n",
    ),
    (
        RequestHead("RDG_IN_DATA", "/x", (("host", "h"), ("transfer-encoding", "chunked"), ("n", "\xe4"))),
        b"RDG_IN_DATA /x HTTP/1.1\r\nhost: h\r\ntransfer-encoding: chunked\r\nn: \xe4\r\n\r\n",
    ),
]

RESPONSES = [
    (ResponseHead(200, "OK", ()), b"HTTP/1.1 200 OK\r\n\r\n"),
    (
        ResponseHead(404, "Not Found", (("content-length", "3"),)),
        b"HTTP/1.1 404 Not Found\r\ncontent-length: 3\r\n\r\n",
    ),
    (
        ResponseHead(
            101, "Switching Protocols", (("upgrade", "dialback-reverse/1"), ("connection", "Upgrade"))
        ),
        b"HTTP/1.1 101 Switching Protocols\r\nupgrade: dialback-reverse/1\r\nconnection: Upgrade\r\n\r\n",
    ),
]

BROKEN_REQUESTS = [
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    b"\r\n\r\n",
    b"GET /\r\n\r\n",
    b"GET / HTTP/1.1\r\n\r\n",
    b"GET / HTTP/1.1\r\nhost: a\r\nhost: b\r\n\r\n",
    b"GET / HTTP/1.1\r\nhost: a\r\ncontent-length: x\r\n\r\n",
    b"GET / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: gzip\r\n\r\n",
    b"GET / HTTP/1.1\r\nhost : a\r\n\r\n",
    b"GET / HTTP/1.1\r\nhost: a\r\nx: a\x00b\r\n\r\n",
    b"GET / HTTP/2.0\r\nhost: a\r\n\r\n",
]

CHUNKED = RequestHead("RDG_IN_DATA", "/", (("host", "h"), ("transfer-encoding", "Chunked")))


def read_by_piece(reader, data, piece):
    return [reader.feed(data[at : at + piece]) for at in range(0, len(data), piece)]


def read_by_byte(reader, data):
    results = read_by_piece(reader, data, 1)
    assert results[:-1] == [None] * (len(data) - 1)
    return results[-1]


@pytest.mark.parametrize(("head", "data"), REQUESTS)
def test_request_is_read_whole_by_byte_and_with_bytes_trailing(head, data):
    assert HeadReader().feed(data) == head
    assert read_by_byte(HeadReader(), data) == head
    reader = HeadReader()
    assert reader.feed(memoryview(data + b"after")) == head
    assert (reader.leftover, reader.raw) == (b"after", data + b"after")


@pytest.mark.parametrize(("head", "data"), REQUESTS)
def test_request_is_built_as_it_is_read(head, data):
    assert build_request(head.method, head.target, head.headers) == data


@pytest.mark.parametrize(("head", "data"), RESPONSES)
def test_response_is_read_whole_by_byte_and_with_bytes_trailing(head, data):
    assert ResponseReader().feed(data) == head
    assert read_by_byte(ResponseReader(), data) == head
    reader = ResponseReader()
    assert reader.feed(data + b"after") == head
    assert reader.leftover == b"after"


@pytest.mark.parametrize(("head", "data"), RESPONSES)
def test_response_is_built_as_it_is_read(head, data):
    assert build_response(head.status, head.headers) == data


def test_response_builder_adds_no_header_to_a_body():
    assert build_response(200, [], b"0123456789") == b"HTTP/1.1 200 OK\r\n\r\n0123456789"


def test_interim_responses_are_skipped():
    reader = ResponseReader()
    assert reader.feed(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\n\r\n") is None
    assert reader.feed(b"HTTP/1.1 204 No Content\r\n\r\n") == ResponseHead(204, "No Content", ())


def test_endless_interim_responses_are_refused():
    reader = ResponseReader(limit_bytes=1000)
    with pytest.raises(WireError, match="at most 1000 bytes"):
        read_by_byte(reader, b"HTTP/1.1 100 Continue\r\n\r\n" * 100)


@pytest.mark.parametrize("data", BROKEN_REQUESTS)
def test_broken_request_is_refused(data):
    with pytest.raises(WireError, match=r"expected HTTP/1\.1"):
        HeadReader().feed(data)


def test_broken_response_is_refused():
    with pytest.raises(WireError):
        ResponseReader().feed(b"SSH-2.0-OpenSSH_9.2\r\n\r\n")


def test_error_does_not_repeat_what_the_peer_sent():
    with pytest.raises(WireError) as caught:
        HeadReader().feed(b"GET / HTTP/1.1\r\nhost: a\r\nhunter2 hunter2\r\n\r\n")
    assert "hunter2" not in str(caught.value)
    assert caught.value.__cause__ is None


@pytest.mark.parametrize("piece", [1, 100, 4096])
def test_head_over_the_limit_is_refused_however_it_is_cut(piece):
    data = b"GET / HTTP/1.1\r\nhost: a\r\nx: " + b"a" * 1000 + b"\r\n\r\n"
    reader = HeadReader(limit_bytes=512)
    with pytest.raises(WireError):
        read_by_piece(reader, data, piece)


def test_head_is_not_charged_for_what_follows_it():
    reader = HeadReader(limit_bytes=64)
    assert reader.feed(REQUESTS[0][1] + bytes(1000)) == REQUESTS[0][0]


def test_reader_takes_no_bytes_after_the_head():
    reader = HeadReader()
    reader.feed(REQUESTS[0][1])
    with pytest.raises(StateError):
        reader.feed(b"x")


def test_header_names_and_tokens_ignore_case_and_repeat():
    head = HeadReader().feed(
        b"GET /p/?q HTTP/1.1\r\nHOST: h\r\nConnection: keep-alive ,\r\n"
        b"connection: UPGRADE\r\nUpgrade: WebSocket\r\n\r\n"
    )
    assert head.path == "/p/"
    assert head.header("Host") == "h"
    assert head.header("absent") is None
    assert head.tokens("CONNECTION") == {"keep-alive", "upgrade"}
    assert head.wants_websocket
    assert not head.wants_upgrade("dialback-reverse/1")


def test_upgrade_without_connection_token_is_no_upgrade():
    head = HeadReader().feed(
        b"GET / HTTP/1.1\r\nhost: h\r\nconnection: keep-alive\r\nupgrade: websocket\r\n\r\n"
    )
    assert not head.wants_websocket


@pytest.mark.parametrize("text", ["a\rb", "a\nb", "a\0b", "\u20ac", "a\x7f"])
def test_builders_refuse_what_must_not_stand_in_a_head(text):
    for build in (
        lambda: build_request("GET", "/", [("x", text)]),
        lambda: build_request("GET", "/", [(text, "x")]),
        lambda: build_request("GET", text, []),
        lambda: build_request(text, "/", []),
        lambda: build_response(200, [("x", text)]),
    ):
        with pytest.raises(ValueError, match="expected"):
            build()


def test_chunked_body_comes_out_however_it_is_cut():
    data = b"3\r\nabc\r\n00A;ext=1\r\n0123456789\r\n0\r\ntrailer: x\r\n\r\n"
    whole = BodyReader(CHUNKED)
    assert whole.feed(data + b"after") == [b"abc", b"0123456789"]
    assert (whole.ended, whole.leftover) == (True, b"after")
    by_byte = BodyReader(CHUNKED)
    pieces = [piece for i in range(len(data)) for piece in by_byte.feed(data[i : i + 1])]
    assert b"".join(pieces) == b"abc0123456789"
    assert by_byte.ended


def test_open_chunk_is_handed_on_before_it_ends():
    reader = BodyReader(CHUNKED)
    assert reader.feed(b"ffff\r\nab") == [b"ab"]
    assert not reader.ended
    assert reader.leftover == b""


def test_counted_body_ends_by_count():
    reader = BodyReader(RequestHead("POST", "/", (("host", "h"), ("content-length", "3"))))
    assert reader.feed(b"ab") == [b"ab"]
    assert reader.feed(b"cd") == [b"c"]
    assert (reader.ended, reader.leftover) == (True, b"d")


@pytest.mark.parametrize("headers", [(), (("content-length", "0"),)])
def test_absent_body_has_ended_at_once(headers):
    reader = BodyReader(RequestHead("RDG_IN_DATA", "/", headers))
    assert reader.ended
    with pytest.raises(StateError):
        reader.feed(b"x")


@pytest.mark.parametrize(
    "data",
    [
        b"x\r\n",
        b"-1\r\nab",
        b"3\r\nabcd\r\n",
        b"1" * 30 + b"\r\n",
        b"a;" + b"x" * 5000,
        b"0\r\n" + b"a" * 5000,
    ],
)
def test_broken_chunking_is_refused(data):
    with pytest.raises(WireError):
        BodyReader(CHUNKED).feed(data)


def test_two_requests_of_the_in_connection_follow_each_other():
    first = b"RDG_IN_DATA / HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n"
    second = b"RDG_IN_DATA / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
    one = HeadReader()
    assert BodyReader(one.feed(first + second + b"2\r\nhi\r\n")).ended
    two = HeadReader()
    body = BodyReader(two.feed(one.leftover))
    assert body.feed(two.leftover) == [b"hi"]


@given(st.binary(max_size=400), st.booleans())
def test_any_bytes_give_a_head_more_or_a_wire_error(data, prefix):
    reader = HeadReader(limit_bytes=256)
    try:
        head = reader.feed((b"GET / HTTP/1.1\r\nhost: a\r\n" if prefix else b"") + data)
    except WireError:
        return
    assert head is None or reader.raw.endswith(reader.leftover)


@given(st.lists(st.binary(min_size=1, max_size=50)), st.integers(1, 20))
def test_chunks_cut_anew_carry_the_same_bytes(payloads, piece):
    data = b"".join(b"%x\r\n%s\r\n" % (len(p), p) for p in payloads) + b"0\r\n\r\n"
    reader = BodyReader(CHUNKED)
    out = b"".join(p for at in range(0, len(data), piece) for p in reader.feed(data[at : at + piece]))
    assert out == b"".join(payloads)
    assert reader.ended


def test_closing_response_has_no_body_and_says_that_it_is_the_last():
    head = b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
    assert build_closing_response(403) == head
