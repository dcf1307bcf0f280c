"""Both ends of connections on loopback: `Peer` is the far one, a `Leg` the near one.

A peer reads only when it is asked to and does its own TLS over memory, so that a test decides what is read
and when, and can send what no TLS library would.
"""

import asyncio
import contextlib
import socket
import ssl
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from dialback.identity.authority import Authority
from dialback.transport.leg import Leg
from dialback.transport.listen import listen_tls
from dialback.transport.tls import client_context, server_context
from tests.transport.ending import ending

NAME = "localhost"
READ_BYTES = 64 * 1024
DEADLINE_S = 5.0
_RESET = struct.pack("ii", 1, 0)


class Certificates:
    """A certificate authority and a server below it, good for `localhost` and 127.0.0.1."""

    def __init__(self, folder: Path) -> None:
        authority = Authority.open(folder)
        self.certificate, self.key = authority.ensure_server_certificate([NAME, "127.0.0.1"])
        self.ca_pem = authority.certificate_path.read_text()

    def server(self) -> ssl.SSLContext:
        """Return the context of the platform's listener."""
        return server_context(self.certificate, self.key)

    def client(self) -> ssl.SSLContext:
        """Return a context that trusts this server alone."""
        return client_context(self.ca_pem)


class Peer:
    """The far end of a connection: a socket, and TLS over memory if it has a context."""

    def __init__(self, sock: socket.socket, context: ssl.SSLContext | None = None) -> None:
        self.socket = sock
        self.loop = asyncio.get_running_loop()
        self.deadline_s = DEADLINE_S
        self.tls: ssl.SSLObject | None = None
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._sending = asyncio.Lock()
        if context is not None:
            self.tls = context.wrap_bio(self._incoming, self._outgoing, server_hostname=NAME)

    @classmethod
    async def connect(cls, port: int, context: ssl.SSLContext | None = None, kernel_bytes: int = 0) -> "Peer":
        """Connect, with TLS if there is a context; small kernel buffers make a reader slow."""
        sock = socket.socket()
        sock.setblocking(False)
        if kernel_bytes:
            _shrink(sock, kernel_bytes)
        peer = cls(sock, context)
        await peer.loop.sock_connect(sock, ("127.0.0.1", port))
        if peer.tls is not None:
            await peer._shake_hands(peer.tls)
        return peer

    async def send(self, data: bytes) -> None:
        """Send everything."""
        if self.tls is not None:
            for at in range(0, len(data), READ_BYTES):
                part = memoryview(data)[at : at + READ_BYTES]
                while part:
                    part = part[self.tls.write(part) :]
                await self._flush()
        else:
            async with self._sending:
                await self.loop.sock_sendall(self.socket, data)

    async def send_raw(self, data: bytes) -> None:
        """Send bytes below TLS."""
        async with self._sending:
            await self.loop.sock_sendall(self.socket, data)

    async def receive(self, limit_bytes: int = READ_BYTES) -> bytes:
        """Return what arrived, or b"" at the end; raise `ConnectionError` when it broke."""
        async with asyncio.timeout(self.deadline_s):
            return await self._receive(limit_bytes)

    async def _receive(self, limit_bytes: int) -> bytes:
        if self.tls is None:
            return await self.loop.sock_recv(self.socket, limit_bytes)
        while True:
            try:
                return self.tls.read(limit_bytes)
            except ssl.SSLZeroReturnError:
                return b""
            except ssl.SSLWantReadError:
                pass
            data = await self.loop.sock_recv(self.socket, READ_BYTES)
            if not data:
                raise ConnectionResetError("the connection ended without close_notify")
            self._incoming.write(data)

    async def receive_all(self) -> bytes:
        """Return everything up to the end, orderly or not."""
        whole = bytearray()
        with contextlib.suppress(ConnectionError):
            while data := await self.receive():
                whole += data
        return bytes(whole)

    async def receive_exactly(self, size: int) -> bytes:
        """Return this many bytes."""
        whole = bytearray()
        while len(whole) < size:
            data = await self.receive(min(READ_BYTES, size - len(whole)))
            if not data:
                raise EOFError(f"expected {size} bytes, got {len(whole)}")
            whole += data
        return bytes(whole)

    async def end(self) -> None:
        """End our side: with close_notify under TLS; the socket stays open for reading."""
        if self.tls is not None:
            with contextlib.suppress(ssl.SSLError):
                self.tls.unwrap()
            await self._flush()
        with contextlib.suppress(OSError):
            self.socket.shutdown(socket.SHUT_WR)

    def reset(self) -> None:
        """Break the connection with a reset."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        self.socket.close()

    @property
    def closed(self) -> bool:
        """Whether this end was closed or reset."""
        return self.socket.fileno() < 0

    def close(self) -> None:
        """Close the socket."""
        self.socket.close()

    async def _shake_hands(self, tls: ssl.SSLObject) -> None:
        while True:
            try:
                tls.do_handshake()
                break
            except ssl.SSLWantReadError:
                await self._flush()
                data = await self.loop.sock_recv(self.socket, READ_BYTES)
                if not data:
                    raise ConnectionResetError("the connection ended during the handshake") from None
                self._incoming.write(data)
        await self._flush()

    async def _flush(self) -> None:
        async with self._sending:
            if data := self._outgoing.read():
                await self.loop.sock_sendall(self.socket, data)


class Accepted(Leg):
    """A leg that says when it has arrived."""

    def __init__(self, arrived: "asyncio.Queue[Leg]") -> None:
        super().__init__()
        self._arrived = arrived

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self._arrived.put_nowait(self)


class Wires:
    """Makes connections with a `Peer` at the far end and an accepted `Leg` at the near one."""

    def __init__(self, certificates: Certificates, plain: asyncio.Server, secured: asyncio.Server) -> None:
        self._ports = {False: port_of(plain), True: port_of(secured)}
        self._context = certificates.client()
        self._arrived: dict[bool, asyncio.Queue[Leg]] = {}
        self._peers: list[Peer] = []
        self._legs: list[Leg] = []
        self._making = asyncio.Lock()

    async def pair(self, *, tls: bool = True, kernel_bytes: int = 0) -> tuple[Peer, Leg]:
        """Return the far and the near end of a new connection."""
        async with self._making:
            context = self._context if tls else None
            peer = await Peer.connect(self._ports[tls], context, kernel_bytes)
            leg = await self._arrived[tls].get()
        if kernel_bytes:
            near: socket.socket = leg.transport.get_extra_info("socket")
            _shrink(near, kernel_bytes)
        self._peers.append(peer)
        self._legs.append(leg)
        return peer, leg

    def port(self, *, tls: bool) -> int:
        """Return the port to connect to by other means than `pair`."""
        return self._ports[tls]

    async def accepted(self, *, tls: bool) -> Leg:
        """Return the near end of a connection made by other means than `pair`."""
        leg = await self._arrived[tls].get()
        self._legs.append(leg)
        return leg

    def close(self) -> None:
        """Let go of everything."""
        for peer in self._peers:
            peer.close()
        for leg in self._legs:
            if not leg.transport.is_closing():
                leg.transport.abort()


@asynccontextmanager
async def wired(certificates: Certificates) -> AsyncIterator[Wires]:
    """Open listeners on loopback, with and without TLS."""
    arrived: dict[bool, asyncio.Queue[Leg]] = {False: asyncio.Queue(), True: asyncio.Queue()}
    loop = asyncio.get_running_loop()
    plain = await loop.create_server(lambda: Accepted(arrived[False]), "127.0.0.1", 0)
    secured = await listen_tls("127.0.0.1", 0, certificates.server(), lambda: Accepted(arrived[True]))
    wires = Wires(certificates, plain, secured)
    wires._arrived = arrived
    try:
        yield wires
    finally:
        async with ending(plain), ending(secured):
            wires.close()


def _shrink(sock: socket.socket, size: int) -> None:
    for option in (socket.SO_RCVBUF, socket.SO_SNDBUF):
        sock.setsockopt(socket.SOL_SOCKET, option, size)


def port_of(server: asyncio.Server) -> int:
    """Return the port a server listens on."""
    port: int = server.sockets[0].getsockname()[1]
    return port
