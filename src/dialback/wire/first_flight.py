"""What an RDP server says first, read in passing: its connection confirm, then TLS up to its certificate.

`FirstFlight` takes the server's bytes as they come, in pieces of any size, and says once what they show. It
answers nothing, changes nothing and decrypts nothing. Up to TLS 1.2 the certificate goes over the wire in the
clear; TLS 1.3 encrypts it, and where a session is resumed none is sent: both are *hidden*.

What a client's TLS would not take is a `WireError` here, so that nobody is talked past this reader: messages
out of their order, records of another kind, more bytes than any server needs. A warning does not end the
reading, since a handshake may follow it.

Left out: the client's half, chains (the leaf comes first), and the signatures of a handshake.

Source: [MS-RDPBCGR] 5.4.2 Negotiation-Based Approach; RFC 5246 section 6.2.1 (fragmentation), 7.2 (alerts),
7.4.1.3 (server hello), 7.4.2 (server certificate); RFC 8446 section 4.2.1 (supported versions), 4.1.3 and
4.1.4, whose messages look like a server hello.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum, StrEnum

from dialback.wire.cursor import Cursor
from dialback.wire.errors import StateError, WireError
from dialback.wire.x224 import Protocol, confirm_size, parse_connection_confirm

MAX_FLIGHT_BYTES = 128 * 1024
"""More than any server sends before its certificate is whole; chains have a few thousand."""
MAX_MESSAGE_BYTES = 64 * 1024
MAX_RECORD_BYTES = 16 * 1024

_U8, _U16 = struct.Struct(">B"), struct.Struct(">H")
_RECORD_HEADER_BYTES, _MESSAGE_HEADER_BYTES = 5, 4
_RANDOM_BYTES = 32
_SUPPORTED_VERSIONS = 43
_TLS_1_3 = 0x0304
_FATAL = 2


class Shows(StrEnum):
    """What a first flight shows."""

    CERTIFICATE = "certificate"
    """The server's certificate."""
    HIDDEN = "hidden"
    """TLS hides it, or resumes a session that had one."""
    WITHOUT_TLS = "without-tls"
    """The server selected its old encryption, which has none."""
    REFUSED = "refused"
    """The server refused, in the negotiation or in TLS; the client will connect anew."""


@dataclass(frozen=True, slots=True)
class Sight:
    """What was seen; `certificate` is the leaf in DER, empty where none was."""

    shows: Shows
    certificate: bytes = b""


class _Record(IntEnum):
    """RFC 5246 6.2.1 ContentType."""

    CHANGE_CIPHER_SPEC = 20
    ALERT = 21
    HANDSHAKE = 22


_RECORDS = frozenset(_Record)


class _Message(IntEnum):
    """RFC 5246 7.4 HandshakeType."""

    HELLO_REQUEST = 0
    SERVER_HELLO = 2
    NEW_SESSION_TICKET = 4
    CERTIFICATE = 11


class FirstFlight:
    """Reads one server's first bytes."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._messages = bytearray()
        self._fed_bytes = 0
        self._confirmed = False
        self._greeted = False
        self._sight: Sight | None = None

    def feed(self, data: bytes) -> Sight | None:
        """Take what came next; return what it shows, or None as long as more is needed.

        Raises:
            WireError: no RDP server's client would take these bytes.
            StateError: what the flight shows was told already.
        """
        if self._sight is not None:
            raise StateError("the first flight was read to its end already")
        left_bytes = MAX_FLIGHT_BYTES - self._fed_bytes
        self._fed_bytes += len(data)
        self._buffer += data[:left_bytes]
        self._sight = self._read()
        if self._sight is None and len(data) > left_bytes:
            raise WireError(f"expected a certificate within {MAX_FLIGHT_BYTES} bytes, got none")
        return self._sight

    def _read(self) -> Sight | None:
        if not self._confirmed and (sight := self._read_confirm()):
            return sight
        if self._confirmed:
            for kind, body in self._records():
                if sight := self._take_record(kind, body):
                    return sight
        return None

    def _read_confirm(self) -> Sight | None:
        size = confirm_size(bytes(self._buffer[:4]))
        if size is None or len(self._buffer) < size:
            return None
        confirm = parse_connection_confirm(bytes(self._buffer[:size]))
        del self._buffer[:size]
        self._confirmed = True
        if confirm is None or confirm.selected is None:
            return Sight(Shows.REFUSED)
        return Sight(Shows.WITHOUT_TLS) if confirm.selected is Protocol.RDP else None

    def _records(self) -> Iterator[tuple[_Record, bytes]]:
        """Take whole records off the buffer.

        **Wire** type, 1; version, 2, whose first byte is 3; length, 2, of what follows. Big-endian.
        """
        while len(self._buffer) >= _RECORD_HEADER_BYTES:
            size = int.from_bytes(self._buffer[3:5], "big")
            kind = self._buffer[0]
            if kind not in _RECORDS or self._buffer[1] != 3 or not 1 <= size <= MAX_RECORD_BYTES:
                raise WireError("expected the header of a TLS record before the certificate, got other bytes")
            end = _RECORD_HEADER_BYTES + size
            if len(self._buffer) < end:
                return
            body = bytes(self._buffer[_RECORD_HEADER_BYTES:end])
            del self._buffer[:end]
            yield _Record(kind), body

    def _take_record(self, kind: _Record, body: bytes) -> Sight | None:
        if kind is _Record.HANDSHAKE:
            self._messages += body
            return self._take_messages()
        if kind is _Record.CHANGE_CIPHER_SPEC:
            if not self._greeted:
                raise WireError("expected a server hello, got a change of ciphers")
            return Sight(Shows.HIDDEN)
        if len(body) != 2:
            raise WireError(f"expected an alert of 2 bytes, got {len(body)}")
        return Sight(Shows.REFUSED) if body[0] == _FATAL else None

    def _take_messages(self) -> Sight | None:
        """Take whole handshake messages: type, 1; length, 3, of what follows."""
        while len(self._messages) >= _MESSAGE_HEADER_BYTES:
            size = int.from_bytes(self._messages[1:_MESSAGE_HEADER_BYTES], "big")
            if size > MAX_MESSAGE_BYTES:
                raise WireError(
                    f"expected at most {MAX_MESSAGE_BYTES} bytes of handshake message, got {size}"
                )
            end = _MESSAGE_HEADER_BYTES + size
            if len(self._messages) < end:
                return None
            kind, body = self._messages[0], bytes(self._messages[_MESSAGE_HEADER_BYTES:end])
            del self._messages[:end]
            if sight := self._take_message(kind, body):
                return sight
        return None

    def _take_message(self, kind: int, body: bytes) -> Sight | None:
        if kind == _Message.HELLO_REQUEST and not body:
            return None
        if not self._greeted:
            if kind != _Message.SERVER_HELLO:
                raise WireError(f"expected a server hello, got handshake message {kind}")
            self._greeted = True
            return Sight(Shows.HIDDEN) if _is_tls_1_3(body) else None
        if kind == _Message.NEW_SESSION_TICKET:
            return Sight(Shows.HIDDEN)
        if kind != _Message.CERTIFICATE:
            raise WireError(f"expected a certificate, got handshake message {kind}")
        return Sight(Shows.CERTIFICATE, _leaf(body))


def _is_tls_1_3(hello: bytes) -> bool:
    """Read a server hello, or what TLS 1.3 sends in its form.

    **Wire** version, 2; random, 32; session id behind its length, 1; cipher suite, 2; compression, 1; then,
    if anything follows, extensions behind their length, 2: each type, 2, and body behind its length, 2.
    """
    cursor = Cursor(hello)
    cursor.take(_U16.size + _RANDOM_BYTES, "version and random")
    cursor.take(cursor.number(_U8, "length of session id"), "session id")
    cursor.take(_U16.size + _U8.size, "cipher suite and compression")
    if not cursor.left_bytes:
        return False
    extensions = Cursor(cursor.take(cursor.number(_U16, "length of extensions"), "extensions"))
    _expect_end(cursor, "the extensions")
    while extensions.left_bytes:
        kind = extensions.number(_U16, "type of an extension")
        body = extensions.take(extensions.number(_U16, "length of an extension"), "extension")
        if kind == _SUPPORTED_VERSIONS:
            return Cursor(body).number(_U16, "selected version") >= _TLS_1_3
    return False


def _leaf(message: bytes) -> bytes:
    """Return the first certificate of a message: list behind its length, 3; each behind its length, 3."""
    cursor = Cursor(message)
    listed = Cursor(cursor.take(_number24(cursor), "certificates"))
    _expect_end(cursor, "the certificates")
    leaf = bytes(listed.take(_number24(listed), "certificate"))
    if not leaf:
        raise WireError("expected a certificate, got an empty one")
    return leaf


def _number24(cursor: Cursor) -> int:
    return int.from_bytes(cursor.take(3, "length"), "big")


def _expect_end(cursor: Cursor, name: str) -> None:
    if cursor.left_bytes:
        raise WireError(f"expected nothing behind {name}, got {cursor.left_bytes} bytes")
