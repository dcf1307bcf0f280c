"""HTTP/1.1 heads and bodies, read by h11 and written by hand.

The edge reads the request head itself, because llhttp refuses the `RDG_*` methods and `websockets` insists on
GET. h11 is used as a parser and nothing more: each reader owns one `h11.Connection` and gives up at the
first event that ends its job. Rules of this file:

- A reader is bounded: a head or a chunk line over the limit is refused, however it is cut into pieces.
- Bytes after the head stay at hand in `leftover`, so that the connection can be given away.
- The text of an error names the rule and repeats nothing of what the peer sent: a head carries tokens.
- A builder writes what it is given and adds nothing. The 200 that opens a legacy OUT stream must have neither
  `Content-Length` nor `Transfer-Encoding`, so a caller who wants them says so.

Left out: trailers and chunk extensions are read and dropped.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from http import HTTPStatus

import h11

from dialback.wire.errors import StateError, WireError

HEAD_LIMIT_BYTES = 32768
CHUNK_LINE_LIMIT_BYTES = 4096

_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_TARGET = re.compile(r"[\x21-\x7e]+")
_VALUE = re.compile(r"[\t\x20-\x7e\x80-\xff]*")
_QUOTED_PART = re.compile(r"[^A-Za-z ,/-]| b'| b\"| bytearray")


class _Headers:
    __slots__ = ()
    headers: tuple[tuple[str, str], ...]

    def header(self, name: str) -> str | None:
        """Return the first value of the header, or None; `name` in any case."""
        folded = name.casefold()
        return next((value for key, value in self.headers if key == folded), None)

    def tokens(self, name: str) -> frozenset[str]:
        """Return the case-folded items of a comma-separated header, over all its lines."""
        folded = name.casefold()
        items = (item.strip() for key, value in self.headers if key == folded for item in value.split(","))
        return frozenset(item.casefold() for item in items if item)

    def wants_upgrade(self, protocol: str) -> bool:
        """Say whether `Connection` and `Upgrade` together name this protocol."""
        return "upgrade" in self.tokens("connection") and protocol.casefold() in self.tokens("upgrade")


@dataclass(frozen=True, slots=True)
class RequestHead(_Headers):
    """A request line and its headers: names in lower case, values decoded as Latin-1, lines in order."""

    method: str
    target: str
    headers: tuple[tuple[str, str], ...]

    @property
    def path(self) -> str:
        """The target without its query."""
        return self.target.partition("?")[0]

    @property
    def wants_websocket(self) -> bool:
        """Whether the client asks to go on as WebSocket, whatever the method."""
        return self.wants_upgrade("websocket")


@dataclass(frozen=True, slots=True)
class ResponseHead(_Headers):
    """A status line and its headers: names in lower case, values decoded as Latin-1, lines in order."""

    status: int
    reason: str
    headers: tuple[tuple[str, str], ...]


class HeadReader:
    """Reads one request head off the front of a connection.

    `raw` is every byte fed so far, so that another parser can start over; `leftover` is what followed the
    head, empty before there is one.
    """

    def __init__(self, limit_bytes: int = HEAD_LIMIT_BYTES) -> None:
        self._parser = h11.Connection(h11.SERVER, max_incomplete_event_size=limit_bytes)
        self._limit_bytes = limit_bytes
        self._raw = bytearray()
        self._done = False

    @property
    def raw(self) -> bytes:
        """Every byte fed so far, head and leftover alike."""
        return bytes(self._raw)

    @property
    def leftover(self) -> bytes:
        """The bytes after the head."""
        return self._parser.trailing_data[0] if self._done else b""

    def feed(self, data: bytes | bytearray | memoryview) -> RequestHead | None:
        """Take the next bytes; return the head once it is whole, else None.

        Raises:
            WireError: the bytes are no HTTP/1.1 request head, or the head is over the limit.
            StateError: the head was returned before, or refused.
        """
        _check_open(self._done)
        self._raw += data
        event = _next_event(self._parser, data)
        if event is h11.NEED_DATA:
            return None
        self._done = True
        _check_size(len(self._raw) - len(self.leftover), self._limit_bytes)
        assert isinstance(event, h11.Request)
        _check_version(event.http_version)
        return RequestHead(event.method.decode("ascii"), event.target.decode("ascii"), _text(event.headers))


class ResponseReader:
    """Reads one response head, as the side that sent a request; 1xx heads other than 101 are skipped."""

    def __init__(self, limit_bytes: int = HEAD_LIMIT_BYTES) -> None:
        self._parser = h11.Connection(h11.CLIENT, max_incomplete_event_size=limit_bytes)
        # h11 wants to have seen our request: one that offers an upgrade lets it accept every answer.
        self._parser.send(h11.Request(method="GET", target="/", headers=[("Host", "-"), ("Upgrade", "-")]))
        self._limit_bytes = limit_bytes
        self._fed_bytes = 0
        self._done = False

    @property
    def leftover(self) -> bytes:
        """The bytes after the head, whatever framing it announces; empty before there is one."""
        return self._parser.trailing_data[0] if self._done else b""

    def feed(self, data: bytes | bytearray | memoryview) -> ResponseHead | None:
        """Take the next bytes; return the head once it is whole, else None.

        Raises:
            WireError: the bytes are no HTTP/1.1 response head, or the heads together are over the limit.
            StateError: the head was returned before, or refused.
        """
        _check_open(self._done)
        self._fed_bytes += len(data)
        event = _next_event(self._parser, data)
        while isinstance(event, h11.InformationalResponse) and event.status_code != 101:
            event = _next_event(self._parser, b"")
        if event is h11.NEED_DATA:
            _check_size(self._fed_bytes, self._limit_bytes)
            return None
        self._done = True
        _check_size(self._fed_bytes - len(self.leftover), self._limit_bytes)
        assert isinstance(event, h11.Response | h11.InformationalResponse)
        _check_version(event.http_version)
        return ResponseHead(event.status_code, event.reason.decode("latin-1"), _text(event.headers))


class BodyReader:
    """Reads the body of a request whose head was read before; it is chunked, counted or absent.

    The IN request of the legacy transport has a chunked body that lasts as long as the tunnel. Chunk borders
    carry no meaning there (proxies cut anew), so pieces come out as they came in, in order.

    Source: [MS-TSGU] 3.3.5.1 (setting up the HTTP transport); RFC 9112 section 7.1 (chunked transfer coding).
    """

    def __init__(self, head: RequestHead) -> None:
        self._parser = h11.Connection(h11.SERVER, max_incomplete_event_size=CHUNK_LINE_LIMIT_BYTES)
        framing = [(k, v) for k, v in head.headers if k in ("transfer-encoding", "content-length")]
        _next_event(self._parser, build_request("POST", "/", [("Host", "-"), *framing]))
        self.ended = False
        self._take_pieces(b"")

    @property
    def leftover(self) -> bytes:
        """The bytes after the body; empty before its end."""
        return self._parser.trailing_data[0] if self.ended else b""

    def feed(self, data: bytes | bytearray | memoryview) -> list[bytes]:
        """Take the next bytes; return the pieces of payload among them, none of them empty.

        Raises:
            WireError: the chunking is broken, or a chunk's line is over the limit.
            StateError: the body ended before, or was refused.
        """
        _check_open(self.ended)
        return self._take_pieces(data)

    def _take_pieces(self, data: bytes | bytearray | memoryview) -> list[bytes]:
        pieces = []
        event = _next_event(self._parser, data)
        while isinstance(event, h11.Data):
            pieces.append(bytes(event.data))
            event = _next_event(self._parser, b"")
        self.ended = isinstance(event, h11.EndOfMessage)
        return pieces


def build_response(status: int, headers: Iterable[tuple[str, str]], body: bytes = b"") -> bytes:
    """Build a response with exactly these headers; `body` follows as it is.

    Raises:
        ValueError: the status is unknown, or a header holds what must not stand in a head.
    """
    return _build(f"HTTP/1.1 {int(status)} {HTTPStatus(status).phrase}", headers) + body


def build_closing_response(status: int) -> bytes:
    """Build a response that says nothing but its status, after which the connection is closed."""
    return build_response(status, [("Content-Length", "0"), ("Connection", "close")])


def build_request(method: str, target: str, headers: Iterable[tuple[str, str]]) -> bytes:
    """Build a request head with exactly these headers.

    Raises:
        ValueError: a part holds what must not stand in a head, such as CR, LF or NUL.
    """
    if not _TOKEN.fullmatch(method):
        raise ValueError("expected a token as method, got other characters")
    if not _TARGET.fullmatch(target):
        raise ValueError("expected printable ASCII without spaces as target, got other characters")
    return _build(f"{method} {target} HTTP/1.1", headers)


def _build(first_line: str, headers: Iterable[tuple[str, str]]) -> bytes:
    lines = [first_line]
    for name, value in headers:
        if not _TOKEN.fullmatch(name):
            raise ValueError("expected a token as header name, got other characters")
        if not _VALUE.fullmatch(value):
            raise ValueError(
                f"expected Latin-1 text without controls as value of {name}, got other characters"
            )
        lines.append(f"{name}: {value}")
    return "\r\n".join([*lines, "", ""]).encode("latin-1")


def _next_event(parser: h11.Connection, data: bytes | bytearray | memoryview) -> object:
    try:
        if data:  # no bytes would mean the end of the stream to h11
            parser.receive_data(bytes(data))
        return parser.next_event()
    except h11.RemoteProtocolError as error:
        raise WireError(f"expected HTTP/1.1, got a breach of it: {_rule(error)}") from None


def _rule(error: h11.RemoteProtocolError) -> str:
    """Return h11's words for the broken rule, up to where it would quote the peer."""
    return _QUOTED_PART.split(str(error), maxsplit=1)[0].strip().lower()


def _text(headers: Iterable[tuple[bytes, bytes]]) -> tuple[tuple[str, str], ...]:
    return tuple((name.decode("ascii"), value.decode("latin-1")) for name, value in headers)


def _check_version(version: bytes) -> None:
    if version not in (b"1.0", b"1.1"):  # h11 takes any two digits
        raise WireError("expected HTTP/1.1, got another version")


def _check_open(done: bool) -> None:
    if done:
        raise StateError("expected no more bytes, got some after the end was reported")


def _check_size(size_bytes: int, limit_bytes: int) -> None:
    if size_bytes > limit_bytes:
        raise WireError(f"expected a head of at most {limit_bytes} bytes, got {size_bytes}")
