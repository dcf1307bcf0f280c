"""Any client gives the server's tunnel events in lock step, or one `WireError` with a reply that fits.

The first byte holds one bit per phase (1: refuse), the second the size of the pieces in which the stream
arrives (0: whole), and the rest is the stream.
"""

from dialback.wire.errors import WireError
from dialback.wire.tsgu.codes import ErrorCode
from dialback.wire.tsgu.packets import (
    MAX_PACKET_BYTES,
    ChannelResponse,
    CloseChannel,
    HandshakeResponse,
    TunnelAuthResponse,
    TunnelResponse,
    decode,
)
from dialback.wire.tsgu.server import (
    AuthorisationRequested,
    ChannelRequested,
    CloseRequested,
    Event,
    HandshakeRequested,
    KeepaliveReceived,
    ServerState,
    ServerTunnel,
    TunnelRequested,
)

_PHASES = [HandshakeRequested, TunnelRequested, AuthorisationRequested, ChannelRequested]
_REPLIES = [
    HandshakeResponse(error_code=ErrorCode.INTERNAL_ERROR),
    TunnelResponse(status_code=ErrorCode.INTERNAL_ERROR),
    TunnelAuthResponse(error_code=ErrorCode.INTERNAL_ERROR),
    ChannelResponse(error_code=ErrorCode.INTERNAL_ERROR),
    CloseChannel(ErrorCode.INTERNAL_ERROR),
]


def fuzz(data: bytes) -> None:
    """Answer the client as the first byte says, until it is done, refused, or breaks the protocol."""
    if len(data) < 2:
        return
    refusals, size_bytes, stream = data[0], data[1] or len(data), data[2:]
    tunnel, asked = ServerTunnel(), 0
    for at in range(0, len(stream), size_bytes):
        tunnel.receive(stream[at : at + size_bytes])
        try:
            while (event := tunnel.next_event()) is not None:
                asked = _check_event(tunnel, event, asked, refusals)
        except WireError:
            _check_violation(tunnel, asked)
            return
    assert tunnel.violation_reply() == b""
    if tunnel.state is ServerState.OPEN:
        _check_surrender(tunnel)


def _check_event(tunnel: ServerTunnel, event: Event, asked: int, refusals: int) -> int:
    if isinstance(event, CloseRequested):
        assert tunnel.state is ServerState.CLOSED
        return asked
    if isinstance(event, KeepaliveReceived):
        assert asked > 0
        return asked
    assert type(event) is _PHASES[asked]
    refuse = bool(refusals >> asked & 1)
    decode(_refuse(tunnel, event) if refuse else _accept(tunnel, event))
    assert (tunnel.state is ServerState.CLOSED) == refuse
    return asked + 1


def _accept(tunnel: ServerTunnel, event: Event) -> bytes:
    match event:
        case HandshakeRequested():
            return tunnel.accept_handshake(event.ext_auth)
        case TunnelRequested():
            assert event.cookie is None or event.cookie.isprintable()
            return tunnel.accept_tunnel(1)
        case AuthorisationRequested():
            return tunnel.accept_authorisation(0, 0)
    return tunnel.accept_channel()


def _refuse(tunnel: ServerTunnel, event: Event) -> bytes:
    match event:
        case HandshakeRequested():
            return tunnel.refuse_handshake(ErrorCode.CAPABILITY_MISMATCH)
        case TunnelRequested():
            return tunnel.refuse_tunnel(ErrorCode.COOKIE_ACCESS_DENIED)
        case AuthorisationRequested():
            return tunnel.refuse_authorisation(ErrorCode.NAP_ACCESS_DENIED)
    return tunnel.refuse_channel(ErrorCode.RAP_ACCESS_DENIED)


def _check_violation(tunnel: ServerTunnel, asked: int) -> None:
    assert tunnel.state is ServerState.CLOSED
    assert tunnel.next_event() is None
    assert decode(tunnel.violation_reply()) == _REPLIES[asked]


def _check_surrender(tunnel: ServerTunnel) -> None:
    reader = tunnel.surrender()
    try:
        reader.feed(b"")
    except WireError:
        return
    assert len(reader.leftover) < MAX_PACKET_BYTES
