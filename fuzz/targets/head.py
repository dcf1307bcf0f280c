"""Any bytes give the same head and leftover however they are cut, or `WireError`; bodies likewise.

The first byte says what is read (its value modulo 3: request, response, chunked body) and, divided by 3, into
pieces of which size the stream is cut; the rest is the stream.
"""

from dialback.wire.errors import WireError
from dialback.wire.head import (
    BodyReader,
    HeadReader,
    RequestHead,
    ResponseHead,
    ResponseReader,
    build_request,
)

CHUNKED = RequestHead("RDG_IN_DATA", "/", (("host", "h"), ("transfer-encoding", "chunked")))

Outcome = RequestHead | ResponseHead | str | None


def fuzz(data: bytes) -> None:
    """Read the stream whole and in pieces, and compare."""
    if not data:
        return
    kind, size_bytes, stream = data[0] % 3, data[0] // 3 or 1, data[1:]
    if kind == 2:
        _fuzz_body(stream, size_bytes)
    else:
        _fuzz_head(HeadReader if kind == 0 else ResponseReader, stream, size_bytes)


def _fuzz_head(make: type[HeadReader] | type[ResponseReader], stream: bytes, size_bytes: int) -> None:
    whole, whole_leftover = _read_head(make(), stream, len(stream) or 1)
    pieces, pieces_leftover = _read_head(make(), stream, size_bytes)
    assert whole == pieces
    assert whole_leftover == pieces_leftover
    if isinstance(whole, RequestHead) and _may_be_rebuilt(whole):
        again = HeadReader().feed(build_request(whole.method, whole.target, whole.headers))
        assert again == whole


def _read_head(reader: HeadReader | ResponseReader, stream: bytes, size_bytes: int) -> tuple[Outcome, bytes]:
    for at in range(0, len(stream), size_bytes):
        try:
            head = reader.feed(stream[at : at + size_bytes])
        except WireError:
            return "broken", b""
        if head is not None:
            return head, reader.leftover + stream[at + size_bytes :]
    return None, b""


def _may_be_rebuilt(head: RequestHead) -> bool:
    """Say whether the builder takes it: HTTP/1.0 needs no Host, and h11 lets controls into values."""
    controls = (ord(c) < 0x20 or ord(c) == 0x7F for _, value in head.headers for c in value)
    return head.header("host") is not None and not any(controls)


def _fuzz_body(stream: bytes, size_bytes: int) -> None:
    whole, whole_broken = _read_body(stream, len(stream) or 1)
    pieces, pieces_broken = _read_body(stream, size_bytes)
    assert whole_broken == pieces_broken
    assert whole_broken or whole == pieces


def _read_body(stream: bytes, size_bytes: int) -> tuple[tuple[bytes, bool, bytes], bool]:
    reader, payload, at = BodyReader(CHUNKED), b"", 0
    try:
        while at < len(stream) and not reader.ended:
            payload += b"".join(reader.feed(stream[at : at + size_bytes]))
            at += size_bytes
    except WireError:
        return (b"", False, b""), True
    return (payload, reader.ended, reader.leftover + stream[at:] if reader.ended else b""), False
