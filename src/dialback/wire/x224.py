"""The first two messages of an RDP connection: X.224 connection request and confirm, inside TPKT.

The agent's probe sends the request and reads the confirm, to learn that an RDP server answers and which
security protocol it selects. Of confirms only the refusal is written: for a client of the raw stream, in
place of a host that it will not reach. Nobody here is an RDP server.

Left out: routing tokens, correlation ids, and everything after the confirm.

Source: [MS-RDPBCGR] 2.2.1.1 Client X.224 Connection Request PDU, 2.2.1.2 Server X.224 Connection Confirm PDU;
RFC 1006 section 6 (packet format).
"""

import re
import struct
from dataclasses import dataclass
from enum import IntEnum, IntFlag

from dialback.wire.errors import WireError

MAX_CONFIRM_BYTES = 512
"""More than any server sends: a confirm has 11 or 19 bytes."""

_TPKT = struct.Struct(">BBH")
_X224 = struct.Struct(">BBHHB")
_NEGOTIATION = struct.Struct("<BBHI")
_TPKT_VERSION = 3
_CONNECTION_REQUEST, _CONNECTION_CONFIRM = 0xE0, 0xD0
_NEG_REQUEST, _NEG_RESPONSE, _NEG_FAILURE = 1, 2, 3
_COOKIE = re.compile(r"[\x20-\x7e]{0,64}")


class Protocol(IntFlag):
    """Security protocols. Source: [MS-RDPBCGR] 2.2.1.1.1 RDP Negotiation Request, `requestedProtocols`."""

    RDP = 0
    TLS = 1
    HYBRID = 2
    RDSTLS = 4
    HYBRID_EX = 8
    RDS_AAD = 16


PROTOCOL_NAMES = {
    Protocol.RDP: "rdp",
    Protocol.TLS: "tls",
    Protocol.HYBRID: "hybrid",
    Protocol.RDSTLS: "rdstls",
    Protocol.HYBRID_EX: "hybrid-ex",
    Protocol.RDS_AAD: "rds-aad",
}


class FailureCode(IntEnum):
    """Why a server selects nothing. Source: [MS-RDPBCGR] 2.2.1.2.2 RDP Negotiation Failure."""

    SSL_REQUIRED_BY_SERVER = 1
    SSL_NOT_ALLOWED_BY_SERVER = 2
    SSL_CERT_NOT_ON_SERVER = 3
    INCONSISTENT_FLAGS = 4
    HYBRID_REQUIRED_BY_SERVER = 5
    SSL_WITH_USER_AUTH_REQUIRED_BY_SERVER = 6


@dataclass(frozen=True, slots=True)
class ConnectionConfirm:
    """The server's answer: the protocol it selected, or the code of its refusal; the other one is None.

    A server too old to negotiate sends neither, which selects plain RDP.
    """

    selected: Protocol | None = None
    failure: int | None = None

    @property
    def security(self) -> str:
        """The name of the selected protocol, or empty after a refusal."""
        return "" if self.selected is None else PROTOCOL_NAMES[self.selected]

    @property
    def problem(self) -> str:
        """The refusal in the specification's words, or empty."""
        if self.failure is None:
            return ""
        known = {int(code): code.name.lower().replace("_", " ") for code in FailureCode}
        return known.get(self.failure, f"failure code {self.failure}")


def build_connection_request(protocols: int, cookie: str = "") -> bytes:
    """Build a connection request that offers `protocols`; `cookie` is the user name a balancer may read.

    Raises:
        ValueError: the cookie is over 64 characters or not printable ASCII.
    """
    if not _COOKIE.fullmatch(cookie):
        raise ValueError("expected at most 64 printable ASCII characters as cookie, got others")
    line = f"Cookie: mstshash={cookie}\r\n".encode("ascii") if cookie else b""
    variable = line + _NEGOTIATION.pack(_NEG_REQUEST, 0, _NEGOTIATION.size, protocols)
    # The length indicator counts the X.224 header without itself.
    header = _X224.pack(_X224.size - 1 + len(variable), _CONNECTION_REQUEST, 0, 0, 0)
    size = _TPKT.size + len(header) + len(variable)
    return _TPKT.pack(_TPKT_VERSION, 0, size) + header + variable


def build_refusal(failure: FailureCode) -> bytes:
    """Build a connection confirm that selects nothing.

    Source: [MS-RDPBCGR] 2.2.1.2.2 RDP Negotiation Failure (RDP_NEG_FAILURE).
    """
    variable = _NEGOTIATION.pack(_NEG_FAILURE, 0, _NEGOTIATION.size, failure)
    header = _X224.pack(_X224.size - 1 + len(variable), _CONNECTION_CONFIRM, 0, 0, 0)
    return _TPKT.pack(_TPKT_VERSION, 0, _TPKT.size + len(header) + len(variable)) + header + variable


def confirm_size(data: bytes) -> int | None:
    """Return the size in bytes of the packet that begins `data`, or None if its TPKT header is not whole.

    Raises:
        WireError: `data` begins no TPKT packet, or one too small or too large for a connection confirm.
    """
    if data and data[0] != _TPKT_VERSION:
        raise WireError(f"expected TPKT version 3, got {data[0]}")
    if len(data) < _TPKT.size:
        return None
    size = int.from_bytes(data[2:4], "big")
    if not _TPKT.size + _X224.size <= size <= MAX_CONFIRM_BYTES:
        raise WireError(f"expected 11 to {MAX_CONFIRM_BYTES} bytes of connection confirm, got {size}")
    return size


def parse_connection_confirm(data: bytes) -> ConnectionConfirm | None:
    """Read the connection confirm that begins `data`, or return None if it is not whole; leave later bytes.

    **Wire** TPKT: version, 1, is 3; reserved, 1; length, 2, of the whole packet. X.224, big-endian: length
    indicator, 1; code, 1, is 0xD0; destination, 2; source, 2; class, 1. Then, if the server negotiates,
    little-endian: type, 1, is 2 (response) or 3 (failure); flags, 1; length, 2, is 8; protocol or code, 4.

    Raises:
        WireError: the packet is no connection confirm.
    """
    size = confirm_size(data)
    if size is None or len(data) < size:
        return None
    indicator, code, _, _, _ = _X224.unpack_from(data, _TPKT.size)
    if code & 0xF0 != _CONNECTION_CONFIRM:
        raise WireError(f"expected X.224 code 0xd0, got 0x{code:02x}")
    if indicator != size - _TPKT.size - 1:
        raise WireError(f"expected X.224 length {size - _TPKT.size - 1}, got {indicator}")
    return _read_negotiation(data[_TPKT.size + _X224.size : size])


def _read_negotiation(data: bytes) -> ConnectionConfirm:
    if not data:
        return ConnectionConfirm(selected=Protocol.RDP)
    if len(data) != _NEGOTIATION.size:
        raise WireError(f"expected 8 bytes of negotiation, got {len(data)}")
    kind, _, length, value = _NEGOTIATION.unpack(data)
    if length != _NEGOTIATION.size:
        raise WireError(f"expected negotiation length 8, got {length}")
    if kind == _NEG_FAILURE:
        return ConnectionConfirm(failure=value)
    if kind != _NEG_RESPONSE:
        raise WireError(f"expected negotiation type 2 or 3, got {kind}")
    if value not in PROTOCOL_NAMES:
        raise WireError(f"expected one known protocol, got 0x{value:x}")
    return ConnectionConfirm(selected=Protocol(value))
