"""Packets and their bytes, computed by hand: one table for reading and writing."""

from dialback.wire.tsgu.packets import (
    ChannelCreate,
    ChannelResponse,
    CloseChannel,
    CloseChannelResponse,
    Data,
    ExtendedAuth,
    HandshakeRequest,
    HandshakeResponse,
    Keepalive,
    Packet,
    ReauthMessage,
    ServiceMessage,
    TunnelAuth,
    TunnelAuthResponse,
    TunnelCreate,
    TunnelResponse,
    Unknown,
    cookie_of_text,
)

_TABLE: dict[str, tuple[Packet, str]] = {
    "handshake-request-paa": (
        HandshakeRequest(extended_auth=2),
        "01 00 00 00 0e 00 00 00 01 00 00 00 02 00",
    ),
    "handshake-response-ok": (
        HandshakeResponse(extended_auth=2),
        "02 00 00 00 12 00 00 00 00 00 00 00 01 00 00 00 02 00",
    ),
    "extended-auth": (
        ExtendedAuth(0x8009030C, b"\x01\x02"),
        "03 00 00 00 10 00 00 00 0c 03 09 80 02 00 01 02",
    ),
    "tunnel-create-abc": (
        TunnelCreate(capabilities=0x0D, cookie=cookie_of_text("abc")),
        "04 00 00 00 1a 00 00 00 0d 00 00 00 01 00 00 00 08 00 61 00 62 00 63 00 00 00",
    ),
    "tunnel-create-bare": (
        TunnelCreate(capabilities=0x0D),
        "04 00 00 00 10 00 00 00 0d 00 00 00 00 00 00 00",
    ),
    "tunnel-create-reauth-before-cookie": (
        TunnelCreate(capabilities=0x10, reauth_context=0x0102, cookie=b"a\0"),
        "04 00 00 00 1c 00 00 00 10 00 00 00 03 00 00 00 02 01 00 00 00 00 00 00 02 00 61 00",
    ),
    "tunnel-response-ok": (
        TunnelResponse(tunnel_id=1, capabilities=2),
        "05 00 00 00 1a 00 00 00 00 00 00 00 00 00 03 00 00 00 01 00 00 00 02 00 00 00",
    ),
    "tunnel-response-bad-cookie": (
        TunnelResponse(status_code=0x800759F8),
        "05 00 00 00 12 00 00 00 00 00 f8 59 07 80 00 00 00 00",
    ),
    "tunnel-response-quarantine-and-consent": (
        TunnelResponse(nonce=bytes(range(20)), certificate="c", consent_message="y"),
        "05 00 00 00 32 00 00 00 00 00 00 00 00 00 14 00 00 00"
        "00 01 02 03 04 05 06 07 08 09 0a 0b 0c 0d 0e 0f 10 11 12 13"
        "04 00 63 00 00 00 04 00 79 00 00 00",
    ),
    "tunnel-auth-pc1": (
        TunnelAuth("PC1"),
        "06 00 00 00 14 00 00 00 00 00 08 00 50 00 43 00 31 00 00 00",
    ),
    "tunnel-auth-health": (
        TunnelAuth("P", b"\x09"),
        "06 00 00 00 13 00 00 00 01 00 04 00 50 00 00 00 01 00 09",
    ),
    "tunnel-auth-response-ok": (
        TunnelAuthResponse(redirection_flags=0x80000000, idle_timeout_minutes=0),
        "07 00 00 00 18 00 00 00 00 00 00 00 03 00 00 00 00 00 00 80 00 00 00 00",
    ),
    "tunnel-auth-response-health": (
        TunnelAuthResponse(error_code=0x800759ED, statement_of_health=b"\x09"),
        "07 00 00 00 13 00 00 00 ed 59 07 80 04 00 00 00 01 00 09",
    ),
    "channel-create-h1": (
        ChannelCreate(("h1",)),
        "08 00 00 00 16 00 00 00 01 00 3d 0d 03 00 06 00 68 00 31 00 00 00",
    ),
    "channel-create-alternatives": (
        ChannelCreate(("a", "b"), ("c",), port=1),
        "08 00 00 00 20 00 00 00 02 01 01 00 03 00 04 00 61 00 00 00 04 00 62 00 00 00 04 00 63 00 00 00",
    ),
    "channel-response-ok": (
        ChannelResponse(channel_id=1),
        "09 00 00 00 14 00 00 00 00 00 00 00 01 00 00 00 01 00 00 00",
    ),
    "channel-response-failed": (
        ChannelResponse(error_code=0x800759DD),
        "09 00 00 00 10 00 00 00 dd 59 07 80 00 00 00 00",
    ),
    "channel-response-port-before-cookie": (
        ChannelResponse(channel_id=1, udp_port=3391, authn_cookie=b"\x07"),
        "09 00 00 00 19 00 00 00 00 00 00 00 07 00 00 00 01 00 00 00 3f 0d 01 00 07",
    ),
    "data-xyz": (Data(b"xyz"), "0a 00 00 00 0d 00 00 00 03 00 78 79 7a"),
    "service-message-hi": (
        ServiceMessage("hi"),
        "0b 00 00 00 10 00 00 00 06 00 68 00 69 00 00 00",
    ),
    "reauth-message": (ReauthMessage(0x0102), "0c 00 00 00 10 00 00 00 02 01 00 00 00 00 00 00"),
    "keepalive": (Keepalive(), "0d 00 00 00 08 00 00 00"),
    "close-channel": (CloseChannel(0), "10 00 00 00 0c 00 00 00 00 00 00 00"),
    "close-channel-response": (CloseChannelResponse(0), "11 00 00 00 0c 00 00 00 00 00 00 00"),
    "unknown": (Unknown(0x1234, b"\xff"), "34 12 00 00 09 00 00 00 ff"),
}

VECTORS: dict[str, tuple[Packet, bytes]] = {
    name: (packet, bytes.fromhex(text)) for name, (packet, text) in _TABLE.items()
}
