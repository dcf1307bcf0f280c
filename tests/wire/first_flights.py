"""Flights of real TLS servers over memory, behind the confirm that selects TLS."""

import contextlib
import ssl
from pathlib import Path

from dialback.transport.tls import looking_context
from dialback.wire.x224 import ConnectionConfirm, Protocol, parse_connection_confirm

CONFIRM_TLS = bytes.fromhex("030000130ed000001234000201080001000000")
CONFIRM_RDP = bytes.fromhex("030000130ed000001234000200080000000000")
assert parse_connection_confirm(CONFIRM_TLS) == ConnectionConfirm(Protocol.TLS)


def server(certificate: Path, key: Path, version: ssl.TLSVersion) -> ssl.SSLContext:
    """Return the context of an RDP server that speaks one version."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = context.maximum_version = version
    context.load_cert_chain(certificate, key)
    return context


def flight(
    server: ssl.SSLContext, client: ssl.SSLContext | None = None, session: ssl.SSLSession | None = None
) -> tuple[bytes, ssl.SSLSession | None]:
    """Return what the server sends while hands are shaken, behind its confirm; and the session."""
    to_client, to_server = ssl.MemoryBIO(), ssl.MemoryBIO()
    far = server.wrap_bio(to_server, to_client, server_side=True)
    near_in = ssl.MemoryBIO()
    near = (client or looking_context()).wrap_bio(near_in, to_server, session=session)
    said = b""
    for _ in range(10):
        for end in (near, far):
            with contextlib.suppress(ssl.SSLError):
                end.do_handshake()
            new = to_client.read()
            said += new
            near_in.write(new)
    return CONFIRM_TLS + said, near.session
