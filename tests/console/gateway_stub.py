"""A gateway for the console's tests: it answers requests for raw streams over TLS, and is the desktop too."""

import asyncio
import json
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from dialback.console.legs import Gateway
from dialback.domain.errors import Reason
from dialback.identity.authority import Authority
from dialback.transport.rdp import OFFERED
from dialback.transport.tls import client_context, server_context, sha256_of
from dialback.wire.x224 import build_connection_request
from tests.transport.ending import ending

REQUEST = build_connection_request(OFFERED)
SWITCHING = b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: dialback-stream\r\n\r\n"
CONFIRM_TLS = bytes.fromhex("03000013 0e d0 0000 1234 00 02 00 0800 01000000")
CONFIRM_CLASSIC = bytes.fromhex("03000013 0e d0 0000 1234 00 02 00 0800 00000000")


class GatewayStub:
    """What gateway and desktop do. `refusal` is told instead of opening; `heads` are kept.

    `desktop` is the context of the desktop's own TLS.
    """

    def __init__(self, folder: Path) -> None:
        authority = Authority.open(folder)
        certificate, key = authority.ensure_server_certificate(["localhost"])
        self.context = server_context(certificate, key)
        self.desktop = server_context(certificate, key)
        self.client = client_context(authority.certificate_path.read_text())
        pem = certificate.read_text()
        self.certificate_sha256 = sha256_of(ssl.PEM_cert_to_DER_cert(pem[: pem.index("-----END") + 26]))
        self.refusal: Reason | None = None
        self.answer = b""
        self.confirm = CONFIRM_TLS
        self.heads: list[str] = []
        self.writers: list[asyncio.StreamWriter] = []
        self.port = 0

    @property
    def gateway(self) -> Gateway:
        return Gateway("localhost", self.port, self.client)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.writers.append(writer)
        try:
            self.heads.append((await reader.readuntil(b"\r\n\r\n")).decode())
            if self.refusal or self.answer:
                writer.write(self.answer or self._refused())
            else:
                writer.write(SWITCHING)
                await self._desktop(reader, writer)
            await writer.drain()
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    def _refused(self) -> bytes:
        body = json.dumps({"reason": self.refusal, "detail": "said the gateway"}).encode()
        return b"HTTP/1.1 403 Forbidden\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)

    async def _desktop(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer as an RDP server would, or say everything back."""
        first = await reader.readexactly(len(REQUEST))
        if first != REQUEST:
            writer.write(first)
            while data := await reader.read(100):
                writer.write(data)
            return
        writer.write(self.confirm)
        if self.confirm == CONFIRM_TLS:
            await _echo_in_tls(reader, writer, self.desktop)
        else:
            await reader.read()


async def _echo_in_tls(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, context: ssl.SSLContext
) -> None:
    """Shake hands inside the stream, then say everything back."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = context.wrap_bio(incoming, outgoing, server_side=True)
    shaken = False
    while True:
        try:
            if shaken:
                tls.write(tls.read(65536))
            else:
                tls.do_handshake()
                shaken = True
        except ssl.SSLWantReadError:
            writer.write(outgoing.read())
            data = await reader.read(65536)
            if not data:
                return
            incoming.write(data)
        except ssl.SSLError:
            return


@asynccontextmanager
async def running(folder: Path) -> AsyncIterator[GatewayStub]:
    """Run a gateway on loopback."""
    folder.mkdir(exist_ok=True)
    stub = GatewayStub(folder)
    server = await asyncio.start_server(stub.serve, "127.0.0.1", 0, ssl=stub.context)
    stub.port = server.sockets[0].getsockname()[1]
    try:
        yield stub
    finally:
        async with ending(server):
            for writer in stub.writers:
                writer.transport.abort()
