"""The numbers of MS-TSGU: packet types, flag words, error codes.

Flag words are read as plain integers, since peers set bits that no document names; these enumerations give
names to the known ones. Sources are titles in [MS-TSGU] unless said otherwise.
"""

from enum import IntEnum, IntFlag
from typing import Final

SEED_BYTES: Final = 10
"""Bytes a server sends before the first packet of the legacy OUT request; clients drop exactly as many."""

_FAILURE_BIT: Final = 0x8000_0000
_FACILITY_WIN32: Final = 0x8007_0000


class PacketType(IntEnum):
    """What a packet is. Source: HTTP_PACKET_TYPE."""

    HANDSHAKE_REQUEST = 0x01
    HANDSHAKE_RESPONSE = 0x02
    EXTENDED_AUTH = 0x03
    TUNNEL_CREATE = 0x04
    TUNNEL_RESPONSE = 0x05
    TUNNEL_AUTH = 0x06
    TUNNEL_AUTH_RESPONSE = 0x07
    CHANNEL_CREATE = 0x08
    CHANNEL_RESPONSE = 0x09
    DATA = 0x0A
    SERVICE_MESSAGE = 0x0B
    REAUTH_MESSAGE = 0x0C
    KEEPALIVE = 0x0D
    CLOSE_CHANNEL = 0x10
    CLOSE_CHANNEL_RESPONSE = 0x11


class ExtendedAuth(IntFlag):
    """How a client can prove who it is. Source: HTTP_EXTENDED_AUTH."""

    NONE = 0x0
    SMART_CARD = 0x1
    PAA = 0x2
    SSPI_NTLM = 0x4
    BEARER = 0x8
    """FreeRDP's own, for its `bearer:` option without a token."""


class Capability(IntFlag):
    """What client and server can do in a tunnel. Source: HTTP_CAPABILITY_TYPE."""

    QUARANTINE = 0x01
    IDLE_TIMEOUT = 0x02
    CONSENT_MESSAGE = 0x04
    SERVICE_MESSAGE = 0x08
    REAUTH = 0x10
    UDP_TRANSPORT = 0x20


class TunnelCreateField(IntFlag):
    """Optional parts of a tunnel request. Source: HTTP_TUNNEL_PACKET_FIELDS_PRESENT_FLAGS."""

    PAA_COOKIE = 0x1
    REAUTH_CONTEXT = 0x2


class TunnelResponseField(IntFlag):
    """Optional parts of a tunnel response. Source: HTTP_TUNNEL_RESPONSE_FIELDS_PRESENT_FLAGS."""

    TUNNEL_ID = 0x01
    CAPABILITIES = 0x02
    STATEMENT_OF_HEALTH = 0x04
    CONSENT_MESSAGE = 0x10


class TunnelAuthField(IntFlag):
    """Optional parts of an authorisation request. Source: HTTP_TUNNEL_AUTH_FIELDS_PRESENT_FLAGS."""

    STATEMENT_OF_HEALTH = 0x1


class TunnelAuthResponseField(IntFlag):
    """Optional parts of an authorisation response. Source: HTTP_TUNNEL_AUTH_RESPONSE_FIELDS_PRESENT_FLAGS."""

    REDIRECTION_FLAGS = 0x1
    IDLE_TIMEOUT = 0x2
    STATEMENT_OF_HEALTH = 0x4


class ChannelResponseField(IntFlag):
    """Optional parts of a channel response; on the wire the port comes before the cookie.

    Source: HTTP_CHANNEL_RESPONSE_FIELDS_PRESENT_FLAGS.
    """

    CHANNEL_ID = 0x1
    AUTHN_COOKIE = 0x2
    UDP_PORT = 0x4


class Redirection(IntFlag):
    """Which devices a client may redirect: all, none, or all but some. Advice that the client enforces.

    Source: HTTP_TUNNEL_REDIR_FLAGS.
    """

    DISABLE_DRIVE = 0x01
    DISABLE_PRINTER = 0x02
    DISABLE_PORT = 0x04
    DISABLE_CLIPBOARD = 0x08
    DISABLE_PNP = 0x10
    DISABLE_ALL = 0x4000_0000
    ENABLE_ALL = 0x8000_0000


class ErrorCode(IntEnum):
    """What a gateway tells a client of a failure. Source: Return Codes.

    The short codes lack the failure bit: in a close packet they go as they are, in a response they must go
    through `hresult`.
    """

    SUCCESS = 0x0
    ACCESS_DENIED = 0x5
    BAD_ARGUMENTS = 0xA0
    GRACEFUL_DISCONNECT = 0x4CA
    CONNECTION_ABORTED = 0x4D4
    MAX_CONNECTIONS_REACHED = 0x59E6
    NOT_SUPPORTED = 0x59E8
    SESSION_TIMEOUT = 0x59F6
    REAUTH_AUTHN_FAILED = 0x59FA
    REAUTH_CAP_FAILED = 0x59FB
    REAUTH_RAP_FAILED = 0x59FC
    SDR_NOT_SUPPORTED_BY_TS = 0x59FD
    REAUTH_NAP_FAILED = 0x5A00
    INTERNAL_ERROR = 0x800759D8
    RAP_ACCESS_DENIED = 0x800759DA
    NAP_ACCESS_DENIED = 0x800759DB
    TS_CONNECT_FAILED = 0x800759DD
    ALREADY_DISCONNECTED = 0x800759DF
    CAPABILITY_MISMATCH = 0x800759E9
    QUARANTINE_ACCESS_DENIED = 0x800759ED
    NO_CERTIFICATE_AVAILABLE = 0x800759EE
    COOKIE_BAD_PACKET = 0x800759F7
    COOKIE_ACCESS_DENIED = 0x800759F8
    UNSUPPORTED_AUTHENTICATION_METHOD = 0x800759F9
    LOGON_DENIED = 0x8009030C


def hresult(code: int) -> int:
    """Return the code as an HRESULT: a short (Win32) code gains the failure bit, 0 and others stay.

    Source: [MS-ERREF] 2.1.2 HRESULT From WIN32 Error Code Macro.
    """
    return code | _FACILITY_WIN32 if 0 < code <= 0xFFFF else code


def is_failure(code: int) -> bool:
    """Say whether clients take the code for a failure where they test the failure bit only."""
    return bool(code & _FAILURE_BIT)
