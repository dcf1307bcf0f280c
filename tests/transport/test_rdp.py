import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import load_pem_x509_certificate

from dialback.domain.hosts import Target
from dialback.transport.dial import dial_target
from dialback.transport.leg import LegLost
from dialback.transport.rdp import OFFERED, Seen, look
from dialback.transport.tls import sha256_of
from dialback.wire.errors import WireError
from dialback.wire.x224 import build_connection_request
from tests.transport.ending import ending
from tests.transport.loopback import Certificates

REQUEST = build_connection_request(OFFERED)
TLS, CLASSIC = 1, 0


def confirm(selected: int) -> bytes:
    return bytes.fromhex("03000013 0e d0 0000 1234 00 02 00 0800") + selected.to_bytes(4, "little")


@asynccontextmanager
async def server(answer: bytes, context: ssl.SSLContext | None = None) -> AsyncIterator[int]:
    """Run a server that answers the first message, and goes on in TLS if it is told to; yield its port."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        assert await reader.readexactly(len(REQUEST)) == REQUEST
        writer.write(answer)
        if context is not None:
            await writer.start_tls(context)
            await reader.read()
        writer.close()

    listening = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield listening.sockets[0].getsockname()[1]
    finally:
        async with ending(listening):
            pass


async def seen(answer: bytes, context: ssl.SSLContext | None = None) -> Seen:
    async with server(answer, context) as port:
        leg = await dial_target(Target(name="127.0.0.1", port=port), 3)
        try:
            async with asyncio.timeout(5):
                return await look(leg, "127.0.0.1")
        finally:
            leg.abort()


@pytest.mark.parametrize(
    ("version", "name"), [(ssl.TLSVersion.TLSv1_2, "TLSv1.2"), (ssl.TLSVersion.TLSv1_3, "TLSv1.3")]
)
async def test_certificate_of_a_server_over_tls_is_seen(
    certificates: Certificates, version: ssl.TLSVersion, name: str
) -> None:
    context = certificates.server()
    context.minimum_version = context.maximum_version = version
    found = await seen(confirm(TLS), context)

    der = load_pem_x509_certificate(certificates.certificate.read_bytes()).public_bytes(Encoding.DER)
    assert found == Seen("tls", name, sha256_of(der))


async def test_server_with_its_old_encryption_shows_no_certificate() -> None:
    assert await seen(confirm(CLASSIC)) == Seen("rdp")


async def test_server_that_closes_has_not_answered() -> None:
    with pytest.raises(LegLost, match="closed"):
        await seen(b"\x03")


async def test_server_of_something_else_is_no_rdp_server() -> None:
    with pytest.raises(WireError):
        await seen(b"SSH-2.0-OpenSSH_9.2p1\r\n")


async def test_server_that_speaks_before_its_handshake_shows_no_certificate() -> None:
    found = await seen(confirm(TLS) + b"\x16\x03\x03")

    assert found.problem == "TLS with 127.0.0.1 failed: 127.0.0.1 spoke before the TLS handshake"
    assert not found.certificate_sha256
