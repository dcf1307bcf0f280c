"""The packets of MS-TSGU: one dataclass each, and one layout from which it is read, written and sized.

Every packet begins with a header of 8 bytes: type (2), reserved (2), total size with this header (4); all
integers are little-endian. A part that is None is absent, its bit in `fieldsPresent` clear. Optional parts
are found by testing bits, never by comparing the whole word. Bytes after the known fields are ignored, since
stock gateways and clients send longer forms of some packets; DATA alone must be exact, because clients
trust its inner length only and any other byte would desynchronise them.

This module judges form. Order is for the machines in `server` and `client`, meaning for their callers.
Bytes of unsolicited types become `Unknown`, to be skipped. Left out: what an SSPI token or a statement of
health says.

Source: [MS-TSGU], section 2.2.10, HTTP transport packets; the structure's title stands at each class.
"""

import struct
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from dialback.wire.cursor import (
    Layout,
    blob16,
    count8,
    fixed,
    flags16,
    reserved,
    string16,
    strings16,
    text_of_utf16,
    u8,
    u16,
    u32,
    u64,
    utf16_of_text,
)
from dialback.wire.errors import WireError
from dialback.wire.tsgu.codes import (
    ChannelResponseField,
    PacketType,
    TunnelAuthField,
    TunnelAuthResponseField,
    TunnelCreateField,
    TunnelResponseField,
)

Raw: TypeAlias = bytes | bytearray | memoryview

_HEADER = struct.Struct("<HHI")
_DATA_HEADER = struct.Struct("<HHIH")

HEADER_BYTES: Final = _HEADER.size
DATA_ROOM: Final = _DATA_HEADER.size
"""Bytes to keep free before a payload, so that `write_data_header` can complete the packet in place."""
MAX_DATA_BYTES: Final = 0xFFFF
"""The largest payload of one DATA packet."""
MAX_PACKET_BYTES: Final = 128 * 1024
"""The largest packet of any other type: twice a tunnel request with the longest cookie."""


@dataclass(frozen=True, slots=True)
class HandshakeRequest:
    """The client's first packet. `extended_auth` holds `ExtendedAuth` bits.

    Source: HTTP_HANDSHAKE_REQUEST_PACKET.
    """

    version_major: int = 1
    version_minor: int = 0
    client_version: int = 0
    extended_auth: int = 0


@dataclass(frozen=True, slots=True)
class HandshakeResponse:
    """The server's answer to a handshake. Source: HTTP_HANDSHAKE_RESPONSE_PACKET."""

    error_code: int = 0
    version_major: int = 1
    version_minor: int = 0
    server_version: int = 0
    extended_auth: int = 0


@dataclass(frozen=True, slots=True)
class ExtendedAuth:
    """One token of an SSPI exchange, either way. Source: HTTP_EXTENDED_AUTH_PACKET."""

    error_code: int = 0
    token: bytes = field(default=b"", repr=False)


@dataclass(frozen=True, slots=True)
class TunnelCreate:
    """The client's request for a tunnel, with its PAA cookie as raw bytes: see `text_of_cookie`.

    `capabilities` holds `Capability` bits. The reauthentication context comes before the cookie.

    Source: HTTP_TUNNEL_PACKET.
    """

    capabilities: int = 0
    reauth_context: int | None = None
    cookie: bytes | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class TunnelResponse:
    """The server's answer to a tunnel request.

    `nonce` (20 bytes) and `certificate` are there both or neither. The status code stands unaligned, after
    two bytes.

    Source: HTTP_TUNNEL_RESPONSE.
    """

    server_version: int = 0
    status_code: int = 0
    tunnel_id: int | None = None
    capabilities: int | None = None
    nonce: bytes | None = None
    certificate: str | None = None
    consent_message: str | None = None


@dataclass(frozen=True, slots=True)
class TunnelAuth:
    """The client's request to be authorised; its machine name is its own claim.

    Source: HTTP_TUNNEL_AUTH_PACKET.
    """

    client_name: str = ""
    statement_of_health: bytes | None = None


@dataclass(frozen=True, slots=True)
class TunnelAuthResponse:
    """The server's answer to an authorisation request.

    `redirection_flags` holds `Redirection` bits; `idle_timeout_minutes` 0 means none.

    Source: HTTP_TUNNEL_AUTH_RESPONSE.
    """

    error_code: int = 0
    redirection_flags: int | None = None
    idle_timeout_minutes: int | None = None
    statement_of_health: bytes | None = None


@dataclass(frozen=True, slots=True)
class ChannelCreate:
    """The client's request for a channel: 1 to 50 names of one target, 0 to 3 other names, one port.

    Source: HTTP_CHANNEL_PACKET.
    """

    names: tuple[str, ...]
    alternative_names: tuple[str, ...] = ()
    port: int = 3389
    protocol: int = 3


@dataclass(frozen=True, slots=True)
class ChannelResponse:
    """The server's answer to a channel request. Source: HTTP_CHANNEL_RESPONSE."""

    error_code: int = 0
    channel_id: int | None = None
    udp_port: int | None = None
    authn_cookie: bytes | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Data:
    """1 to 65,535 bytes of the RDP stream; the borders of RDP's own units are not kept.

    Source: HTTP_DATA_PACKET.
    """

    payload: bytes


@dataclass(frozen=True, slots=True)
class ServiceMessage:
    """A text that the client shows to the user. Source: HTTP_SERVICE_MESSAGE."""

    text: str


@dataclass(frozen=True, slots=True)
class ReauthMessage:
    """The server's request to authenticate again in a second tunnel. Source: HTTP_REAUTH_MESSAGE."""

    reauth_context: int


@dataclass(frozen=True, slots=True)
class Keepalive:
    """A sign of life, without content. Source: HTTP_KEEPALIVE_PACKET."""


@dataclass(frozen=True, slots=True)
class CloseChannel:
    """Either side ends the channel. Source: HTTP_CLOSE_PACKET."""

    status_code: int = 0


@dataclass(frozen=True, slots=True)
class CloseChannelResponse:
    """The answer to the end of a channel; a longer form exists and is read alike.

    Source: HTTP_CLOSE_PACKET.
    """

    status_code: int = 0


@dataclass(frozen=True, slots=True)
class Unknown:
    """A packet of a type that has no name here: to be skipped."""

    type: int
    body: bytes


Packet: TypeAlias = (
    HandshakeRequest
    | HandshakeResponse
    | ExtendedAuth
    | TunnelCreate
    | TunnelResponse
    | TunnelAuth
    | TunnelAuthResponse
    | ChannelCreate
    | ChannelResponse
    | Data
    | ServiceMessage
    | ReauthMessage
    | Keepalive
    | CloseChannel
    | CloseChannelResponse
    | Unknown
)

_FORMS: dict[int, tuple[Callable[..., Packet], Layout]] = {
    PacketType.HANDSHAKE_REQUEST: (
        HandshakeRequest,
        Layout(u8("version_major"), u8("version_minor"), u16("client_version"), u16("extended_auth")),
    ),
    PacketType.HANDSHAKE_RESPONSE: (
        HandshakeResponse,
        Layout(
            u32("error_code"),
            u8("version_major"),
            u8("version_minor"),
            u16("server_version"),
            u16("extended_auth"),
        ),
    ),
    PacketType.EXTENDED_AUTH: (ExtendedAuth, Layout(u32("error_code"), blob16("token"))),
    PacketType.TUNNEL_CREATE: (
        TunnelCreate,
        Layout(
            u32("capabilities"),
            flags16(),
            reserved(2),
            u64("reauth_context", when=TunnelCreateField.REAUTH_CONTEXT),
            blob16("cookie", when=TunnelCreateField.PAA_COOKIE),
        ),
    ),
    PacketType.TUNNEL_RESPONSE: (
        TunnelResponse,
        Layout(
            u16("server_version"),
            u32("status_code"),
            flags16(),
            reserved(2),
            u32("tunnel_id", when=TunnelResponseField.TUNNEL_ID),
            u32("capabilities", when=TunnelResponseField.CAPABILITIES),
            fixed("nonce", 20, when=TunnelResponseField.STATEMENT_OF_HEALTH),
            string16("certificate", when=TunnelResponseField.STATEMENT_OF_HEALTH),
            string16("consent_message", when=TunnelResponseField.CONSENT_MESSAGE),
        ),
    ),
    PacketType.TUNNEL_AUTH: (
        TunnelAuth,
        Layout(
            flags16(),
            string16("client_name"),
            blob16("statement_of_health", when=TunnelAuthField.STATEMENT_OF_HEALTH),
        ),
    ),
    PacketType.TUNNEL_AUTH_RESPONSE: (
        TunnelAuthResponse,
        Layout(
            u32("error_code"),
            flags16(),
            reserved(2),
            u32("redirection_flags", when=TunnelAuthResponseField.REDIRECTION_FLAGS),
            u32("idle_timeout_minutes", when=TunnelAuthResponseField.IDLE_TIMEOUT),
            blob16("statement_of_health", when=TunnelAuthResponseField.STATEMENT_OF_HEALTH),
        ),
    ),
    PacketType.CHANNEL_CREATE: (
        ChannelCreate,
        Layout(
            count8("names", 1, 50),
            count8("alternative_names", 0, 3),
            u16("port"),
            u16("protocol"),
            strings16("names"),
            strings16("alternative_names"),
        ),
    ),
    PacketType.CHANNEL_RESPONSE: (
        ChannelResponse,
        Layout(
            u32("error_code"),
            flags16(),
            reserved(2),
            u32("channel_id", when=ChannelResponseField.CHANNEL_ID),
            u16("udp_port", when=ChannelResponseField.UDP_PORT),
            blob16("authn_cookie", when=ChannelResponseField.AUTHN_COOKIE),
        ),
    ),
    PacketType.DATA: (Data, Layout(blob16("payload"))),
    PacketType.SERVICE_MESSAGE: (ServiceMessage, Layout(string16("text"))),
    PacketType.REAUTH_MESSAGE: (ReauthMessage, Layout(u64("reauth_context"))),
    PacketType.KEEPALIVE: (Keepalive, Layout()),
    PacketType.CLOSE_CHANNEL: (CloseChannel, Layout(u32("status_code"))),
    PacketType.CLOSE_CHANNEL_RESPONSE: (CloseChannelResponse, Layout(u32("status_code"))),
}
_TYPES = {make: number for number, (make, _) in _FORMS.items()}


def encode(packet: Packet) -> bytes:
    """Return the whole packet, header included.

    Raises:
        ValueError: a value does not fit its field, or the packet is larger than `MAX_PACKET_BYTES`.
    """
    if isinstance(packet, Unknown):
        return _with_header(packet.type, packet.body)
    number = _TYPES[type(packet)]
    layout = _FORMS[number][1]
    if isinstance(packet, Data) and not packet.payload:
        raise ValueError("expected at least 1 byte of payload, got 0")
    return _with_header(number, layout.write({name: getattr(packet, name) for name in layout.names}))


def decode(raw: Raw) -> Packet:
    """Read one whole packet, header included.

    Raises:
        WireError: the size in the header is not the size of `raw` or out of bounds; a field is cut short, out
            of its range, or no text.
    """
    if len(raw) < HEADER_BYTES:
        raise WireError(f"expected a header of {HEADER_BYTES} bytes, got {len(raw)}")
    size_bytes = packet_size(raw)
    if size_bytes != len(raw):
        raise WireError(f"expected a packet of {size_bytes} bytes, got {len(raw)}")
    number = packet_type(raw)
    form = _FORMS.get(number)
    body = memoryview(raw)[HEADER_BYTES:]
    if form is None:
        return Unknown(number, bytes(body))
    if number == PacketType.DATA:
        return Data(bytes(data_payload(memoryview(raw))))
    make, layout = form
    return make(**layout.read(body))


def packet_type(raw: Raw) -> int:
    """Return the type of a packet: a `PacketType`, or the number of an unknown one."""
    return raw[0] | raw[1] << 8


def packet_size(raw: Raw, at: int = 0) -> int:
    """Return the size in bytes of the packet whose header begins at index `at`, header included.

    Raises:
        WireError: the size is below the header's, or above the limit of the type.
    """
    number, _, size_bytes = _HEADER.unpack_from(raw, at)
    if number == PacketType.DATA:
        least, most = DATA_ROOM + 1, DATA_ROOM + MAX_DATA_BYTES
    else:
        least, most = HEADER_BYTES, MAX_PACKET_BYTES
    if not least <= size_bytes <= most:
        raise WireError(f"expected a size of {least} to {most} in packet type {number:#x}, got {size_bytes}")
    assert isinstance(size_bytes, int)
    return size_bytes


def data_payload(packet: memoryview) -> memoryview:
    """Return the payload of a whole DATA packet, without copying it.

    Raises:
        WireError: the inner length is not the rest of the packet.
    """
    payload = packet[DATA_ROOM:]
    inner_bytes = packet[HEADER_BYTES] | packet[HEADER_BYTES + 1] << 8
    if inner_bytes != len(payload):
        raise WireError(f"expected a payload of {inner_bytes} bytes, got {len(payload)}")
    return payload


def write_data_header(buffer: bytearray | memoryview, end: int, payload_bytes: int) -> int:
    """Write the header of a DATA packet in front of its payload.

    Args:
        buffer: holds the payload from index `end`.
        end: where the header ends; at least `DATA_ROOM`.
        payload_bytes: 1 to `MAX_DATA_BYTES`.

    Returns:
        The index at which the packet begins.
    """
    start = end - DATA_ROOM
    if start < 0 or not 0 < payload_bytes <= MAX_DATA_BYTES:
        raise ValueError(f"expected 1 to {MAX_DATA_BYTES} bytes after a header, got {payload_bytes} at {end}")
    _DATA_HEADER.pack_into(buffer, start, PacketType.DATA, 0, DATA_ROOM + payload_bytes, payload_bytes)
    return start


def cookie_of_text(text: str) -> bytes:
    """Return a PAA cookie as clients put it into a tunnel request: UTF-16LE with a final NUL."""
    return utf16_of_text(text)


def text_of_cookie(cookie: bytes) -> str:
    """Return the text of a PAA cookie.

    Raises:
        WireError: the cookie is no UTF-16LE text, or holds a NUL or another unprintable character.
    """
    text = text_of_utf16(cookie, "cookie")
    if not text.isprintable():
        raise WireError("expected printable characters in the cookie, got others")
    return text


def _with_header(number: int, body: bytes) -> bytes:
    if len(body) > MAX_PACKET_BYTES - HEADER_BYTES:
        raise ValueError(f"expected a packet of at most {MAX_PACKET_BYTES} bytes, got a body of {len(body)}")
    return _HEADER.pack(number, 0, HEADER_BYTES + len(body)) + body


class PacketBuffer:
    """Cuts a stream into packets one at a time, for the machines: what is not asked for waits.

    Invariant: the bytes given out and `leftover` together are the bytes added.
    """

    __slots__ = ("_waiting",)

    def __init__(self) -> None:
        self._waiting = bytearray()

    def __len__(self) -> int:
        return len(self._waiting)

    def add(self, data: Raw) -> None:
        """Append bytes of the stream."""
        self._waiting += data

    def next_type(self) -> int | None:
        """Return the type of the packet that `next_packet` would give; None while it is not whole.

        Raises:
            WireError: the header's size is out of bounds; the bytes stay.
        """
        if len(self._waiting) < HEADER_BYTES or len(self._waiting) < packet_size(self._waiting):
            return None
        return packet_type(self._waiting)

    def next_packet(self) -> bytes | None:
        """Take out the next whole packet, header included; None if there is none.

        Raises:
            WireError: the header's size is out of bounds; the bytes stay.
        """
        if self.next_type() is None:
            return None
        size_bytes = packet_size(self._waiting)
        packet = bytes(self._waiting[:size_bytes])
        del self._waiting[:size_bytes]
        return packet

    def clear(self) -> None:
        """Forget all bytes."""
        self._waiting.clear()

    @property
    def leftover(self) -> bytes:
        """The bytes that were not given out."""
        return bytes(self._waiting)


class PacketReader:
    """Cuts a stream into whole packets, all at once: the relay's reader.

    A packet that lies whole inside the bytes fed is given as a view of them and not copied; it is valid until
    the caller lets the buffer change. Only the cut packet at the end is kept, so memory is bounded by the
    largest packet, and each byte is copied once at most.

    Args:
        leftover: bytes that came before; whole packets in them are given by the first `feed`, which may be
            `feed(b"")`.
    """

    __slots__ = ("_handed_over", "_kept", "_size_bytes")

    def __init__(self, leftover: bytes = b"") -> None:
        self._handed_over = leftover
        self._kept = bytearray()
        self._size_bytes = 0  # of the packet in `_kept`; 0 while its header is cut

    @property
    def leftover(self) -> bytes:
        """The bytes that were not given out."""
        return self._handed_over + self._kept

    def feed(self, data: bytes | memoryview) -> list[memoryview]:
        """Return the whole packets, header included, that these bytes complete.

        Raises:
            WireError: a header's size is out of bounds: as soon as the header is there, and again at every
                later call; the packets before it are lost.
        """
        packets: list[memoryview] = []
        if self._handed_over:
            first, self._handed_over = memoryview(self._handed_over), b""
            self._cut(first, packets)
        rest = memoryview(data)
        if self._kept:
            rest = self._complete(rest, packets)
        self._cut(rest, packets)
        return packets

    def _cut(self, data: memoryview, packets: list[memoryview]) -> None:
        at, end = 0, len(data)
        while end - at >= HEADER_BYTES:
            try:
                size_bytes = packet_size(data, at)
            except WireError:
                self._kept += data[at : at + HEADER_BYTES]
                raise
            if end - at < size_bytes:
                self._size_bytes = size_bytes
                break
            packets.append(data[at : at + size_bytes])
            at += size_bytes
        if at < end:
            self._kept += data[at:]

    def _complete(self, data: memoryview, packets: list[memoryview]) -> memoryview:
        if not self._size_bytes:
            data = self._keep(data, HEADER_BYTES)
            if len(self._kept) < HEADER_BYTES:
                return data
            self._size_bytes = packet_size(self._kept)
        data = self._keep(data, self._size_bytes)
        if len(self._kept) == self._size_bytes:
            packets.append(memoryview(self._kept))
            self._kept, self._size_bytes = bytearray(), 0
        return data

    def _keep(self, data: memoryview, wanted_bytes: int) -> memoryview:
        missing_bytes = wanted_bytes - len(self._kept)
        self._kept += data[:missing_bytes]
        return data[missing_bytes:]
