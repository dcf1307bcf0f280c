"""Looking at an RDP server over a leg: which security it selects, and which certificate it shows.

It goes as far as the first two messages and, where TLS was selected, its handshake; nobody logs in. The
certificate is told, not judged: an RDP server's is self-signed by nature.
"""

import ssl
from dataclasses import dataclass
from typing import cast

from dialback.transport.dial import secure
from dialback.transport.leg import Leg, LegLost
from dialback.transport.tls import looking_context, sha256_of
from dialback.wire.x224 import (
    ConnectionConfirm,
    Protocol,
    build_connection_request,
    confirm_size,
    parse_connection_confirm,
)

OFFERED = Protocol.TLS | Protocol.HYBRID | Protocol.HYBRID_EX
_OVER_TLS = {Protocol.TLS, Protocol.HYBRID, Protocol.HYBRID_EX}


@dataclass(frozen=True, slots=True)
class Seen:
    """What an RDP server shows.

    `security` is what it selects when offered everything; `tls_version` and `certificate_sha256` (64
    hexadecimal characters) are empty where TLS was not reached. `problem` says why not.
    """

    security: str
    tls_version: str = ""
    certificate_sha256: str = ""
    problem: str = ""


async def look(leg: Leg, name: str = "") -> Seen:
    """Look at the server behind the leg, which can be used for nothing else then.

    Args:
        name: what the server is called in SNI; empty for none.

    Raises:
        LegLost: the server closed the connection or it broke before it had answered.
        WireError: it is no RDP server.
    """
    leg.send(build_connection_request(OFFERED))
    confirm = await _read_confirm(leg)
    if confirm.selected not in _OVER_TLS:
        return Seen(confirm.security, problem=confirm.problem)
    try:
        await secure(leg, looking_context(), name)
    except OSError as error:
        return Seen(confirm.security, problem=f"TLS with {name or 'the server'} failed: {error}")
    tls = cast(ssl.SSLObject, leg.transport.get_extra_info("ssl_object"))
    return Seen(confirm.security, tls.version() or "", sha256_of(leg.peer_certificate()))


async def _read_confirm(leg: Leg) -> ConnectionConfirm:
    received = b""
    while (confirm := parse_connection_confirm(received)) is None:
        data = await leg.receive()
        if not data:
            raise LegLost("it closed the connection")
        received += data
    # What follows is not dropped: a server that speaks before the handshake is one that TLS refuses.
    leg.unread(received[confirm_size(received) :])
    return confirm
