"""A gateway node on loopback: its broker and agents are played by the test, scripted clients come to it."""

import asyncio
import contextlib
import ssl
import struct
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace

from dialback.domain.access import check_token_text
from dialback.domain.contracts import Admission, Attempt, DialOrder, Placement, Visit
from dialback.domain.errors import Reason, Refused
from dialback.domain.ids import HostId, PoolId, ResourceName, UserId, UserName
from dialback.domain.pools import Redirection
from dialback.domain.secret import Secret
from dialback.domain.sessions import Because, ConnectionRecord
from dialback.domain.sessions import Stage as Step
from dialback.domain.tenancy import MAIN
from dialback.edge.accept import Edge, Handler
from dialback.gateway.connection import Gateway
from dialback.gateway.raw_streams import RawStreams
from dialback.gateway.rendezvous import Rendezvous
from dialback.gateway.reverse import ReverseLegs
from dialback.gateway.settings import GatewaySettings
from dialback.gateway.tunnels import Tunnels
from dialback.gateway.websockets import WebSockets
from dialback.identity.host_keys import HostKey
from dialback.identity.tokens import hash_token
from dialback.observe.metrics import Metrics
from dialback.observe.tasks import Tasks
from dialback.relay.join import Relay
from dialback.transport.listen import listen_tls
from dialback.transport.tls import sha256_of
from dialback.wire import websocket
from dialback.wire.agent.link import (
    HOST_HEADER,
    REVERSE_UPGRADE,
    SIGNATURE_HEADER,
    TICKET_HEADER,
    signed_ticket,
)
from dialback.wire.agent.messages import encode_base64url
from dialback.wire.head import RequestHead, ResponseHead, ResponseReader, build_request
from dialback.wire.stream import STREAM_PATH, STREAM_UPGRADE
from dialback.wire.tsgu.client import ClientTunnel
from dialback.wire.websocket import FrameReader, Opcode
from tests.transport.ending import ending
from tests.transport.loopback import DEADLINE_S, Certificates, Peer, port_of

TOKEN, ALIAS, HOST = "good-token", "desk", HostId("host-1")
MASK = b"\x05\x06\x07\x08"
PATH = "/remoteDesktopGateway/"
REFUSED_TOKENS = {
    "unknown-token": Reason.TOKEN_UNKNOWN,
    "expired-token": Reason.TOKEN_EXPIRED,
    "revoked-token": Reason.TOKEN_REVOKED,
}


class StubBroker:
    """Admits one token to one resource; `agent` plays what follows an order to dial."""

    def __init__(self) -> None:
        self.key = HostKey.generate()
        self.redirections = frozenset(Redirection)
        self.attempts: list[Attempt] = []
        self.place_refusal: Reason | None = None
        self.notice = ""
        self.parked_s: dict[Step, float] = {}
        self.visit: Visit | None = None
        self.consents: list[Visit | Refused] = []
        self.place_waits = asyncio.Event()
        self.place_waits.set()
        self.place_cancelled = asyncio.Event()
        self.placing = asyncio.Event()
        self.agent: Callable[[DialOrder], Awaitable[None]] | None = None
        self.was_opened: list[ConnectionRecord] = []
        self.was_ended: list[ConnectionRecord] = []
        self._ended = asyncio.Condition()

    async def admit(self, token: Secret) -> Admission:
        text = token.reveal()
        check_token_text(text)
        if text in REFUSED_TOKENS:
            raise Refused(REFUSED_TOKENS[text])
        return Admission(
            MAIN, UserId("u-ann"), UserName("ann"), ResourceName(ALIAS), hash_token(token), self.redirections
        )

    async def place(self, admission: Admission, attempt: Attempt) -> Placement:
        self.attempts.append(attempt)
        self.placing.set()
        try:
            await self.place_waits.wait()
        except asyncio.CancelledError:
            self.place_cancelled.set()
            raise
        if attempt.alias != admission.resource:
            raise Refused(Reason.RESOURCE_NOT_GRANTED, attempt.alias)
        if self.place_refusal is not None:
            raise Refused(self.place_refusal)
        return Placement(
            HOST,
            "desk-1",
            self.key.public_bytes,
            "127.0.0.1:3389",
            Because.BREADTH_FIRST,
            PoolId("p1"),
            self.parked_s,
            self.notice,
            self.visit,
        )

    async def consent(self, placement: Placement, attempt: Attempt) -> Placement:
        answer = self.consents.pop(0)
        if isinstance(answer, Refused):
            raise answer
        return replace(placement, visit=answer)

    async def dial(self, order: DialOrder) -> None:
        assert self.agent is not None
        await self.agent(order)

    async def opened(self, record: ConnectionRecord) -> None:
        self.was_opened.append(record)

    async def ended(self, record: ConnectionRecord) -> None:
        async with self._ended:
            self.was_ended.append(record)
            self._ended.notify_all()

    async def record(self, count: int = 1) -> ConnectionRecord:
        """Wait for this many ended connections; return the newest."""
        async with asyncio.timeout(DEADLINE_S), self._ended:
            await self._ended.wait_for(lambda: len(self.was_ended) >= count)
            assert len(self.was_ended) == count
            return self.was_ended[-1]


class Stage:
    """The node, its broker, and the peers of the host legs that were dialled."""

    def __init__(self, certificates: Certificates, settings: GatewaySettings) -> None:
        self.certificates = certificates
        self.broker = StubBroker()
        self.metrics, self.tasks = Metrics(), Tasks()
        der = _der(certificates)
        self.leaf_sha256 = sha256_of(der)
        self.gateway = Gateway(
            "localhost:443",
            self.broker,
            Rendezvous(self.leaf_sha256),
            Relay(settings.keepalive_s),
            self.metrics,
            self.tasks,
            settings,
        )
        self.port = 0
        self.hosts: asyncio.Queue[Peer] = asyncio.Queue()
        self.orders: list[DialOrder] = []
        self.peers: list[Peer] = []
        self.broker.agent = self.good_agent

    def edge(self) -> Edge:
        """Return the edge of the node; no web application stands behind it."""
        served, reverse = Tunnels(self.gateway), ReverseLegs(self.gateway.rendezvous, self.metrics)
        raw, streams = WebSockets(self.gateway), RawStreams(self.gateway)
        handlers: dict[str, Handler] = {"RDG_OUT_DATA": served.serve_out, "RDG_IN_DATA": served.serve_in}

        def route(head: RequestHead) -> Handler | None:
            if head.path.startswith("/rdp/"):
                return raw.serve
            if head.path.startswith(STREAM_PATH) and head.wants_upgrade(STREAM_UPGRADE):
                return streams.serve
            return handlers.get(head.method, reverse.serve)

        return Edge(route, asyncio.Protocol, self.tasks)

    async def connect(self) -> Peer:
        """Connect to the node over TLS."""
        peer = await Peer.connect(self.port, self.certificates.client())
        self.peers.append(peer)
        return peer

    async def good_agent(self, order: DialOrder) -> None:
        """Dial back as ordered, to the end: whoever gave the order waits no longer than for the leg."""
        self.orders.append(order)
        await asyncio.shield(self.tasks.start("agent", self._dial_back(order)))

    async def _dial_back(self, order: DialOrder) -> None:
        answer, peer = await self.present(order.ticket.reveal())
        assert answer.status == 101
        self.hosts.put_nowait(peer)

    async def present(
        self, ticket: str, *, host: str = HOST, key: HostKey | None = None, sha256: str = ""
    ) -> tuple[ResponseHead, Peer]:
        """Present a reverse ticket; return the answer and the leg's peer."""
        signed = signed_ticket(ticket, host, sha256 or self.leaf_sha256)
        headers = [
            ("Host", "localhost"),
            ("Connection", "Upgrade"),
            ("Upgrade", REVERSE_UPGRADE),
            (HOST_HEADER, host),
            (TICKET_HEADER, ticket),
            (SIGNATURE_HEADER, encode_base64url((key or self.broker.key).sign(signed))),
        ]
        peer = await self.connect()
        await peer.send(build_request("GET", "/agent/reverse", headers))
        answer, leftover = await response(peer)
        assert leftover == b""
        return answer, peer

    async def host(self) -> Peer:
        """Return the peer of the next host leg."""
        async with asyncio.timeout(DEADLINE_S):
            return await self.hosts.get()


@asynccontextmanager
async def staged(certificates: Certificates, settings: GatewaySettings | None = None) -> AsyncIterator[Stage]:
    """Run a node; at the end everything is closed, and no connection was left without its record."""
    stage = Stage(certificates, settings or GatewaySettings(handshake_deadline_s=5, host_deadline_s=5))
    server = await listen_tls("127.0.0.1", 0, certificates.server(), stage.edge().protocol)
    stage.port = port_of(server)
    try:
        yield stage
    finally:
        for peer in stage.peers:
            if not peer.closed:
                peer.close()
        async with ending(server):
            await stage.tasks.close()
    ids = [record.id for record in stage.broker.was_ended]
    assert len(ids) == len(set(ids))


async def response(peer: Peer) -> tuple[ResponseHead, bytes]:
    """Read a response head; return it and what followed."""
    reader = ResponseReader()
    while True:
        data = await peer.receive()
        assert data, "the connection ended without an answer"
        if (head := reader.feed(data)) is not None:
            return head, reader.leftover


Headers = Sequence[tuple[str, str]]
WEBSOCKET: Headers = (
    ("Host", "localhost"),
    ("Connection", "Upgrade"),
    ("Upgrade", "websocket"),
    ("Sec-WebSocket-Version", "13"),
    ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="),
)


class WebSocketTunnel:
    """A client's tunnel on a WebSocket: sends messages, reads whole packets, one per message."""

    def __init__(self, peer: Peer, leftover: bytes) -> None:
        self.peer = peer
        self._reader = FrameReader(masked=False, max_message_bytes=1 << 20)
        self._packets: list[bytes] = []
        self.closed = False
        self._take(leftover)

    @classmethod
    async def upgrade(cls, stage: Stage, headers: Headers = WEBSOCKET) -> "WebSocketTunnel":
        """Ask for the upgrade and get it."""
        peer = await stage.connect()
        await peer.send(build_request("RDG_OUT_DATA", PATH, headers))
        answer, leftover = await response(peer)
        assert answer.status == 101
        return cls(peer, leftover)

    async def send(self, packet: bytes) -> None:
        """Send one message."""
        await self.peer.send(websocket.build_frame(Opcode.BINARY, packet, mask_key=MASK))

    async def packet(self) -> bytes:
        """Return the next packet; b"" at the end."""
        while not self._packets and not self.closed:
            try:
                data = await self.peer.receive()
            except ConnectionError:
                data = b""
            self.closed = not data
            self._take(data)
        if not self._packets:
            await self.end()
            return b""
        return self._packets.pop(0)

    async def end(self) -> None:
        """Leave."""
        with contextlib.suppress(OSError):
            await self.peer.end()

    def _take(self, data: bytes) -> None:
        for frame in self._reader.feed(data):
            assert frame.opcode is not Opcode.PING
            if frame.opcode is Opcode.BINARY:
                assert struct.unpack_from("<I", frame.payload, 4) == (len(frame.payload),)
                self._packets.append(frame.payload)
            elif frame.opcode is Opcode.CLOSE:
                self.closed = True


def legacy_headers(connection_id: str = "{1}", user: str = "") -> list[tuple[str, str]]:
    """Return what both requests of a legacy tunnel carry."""
    named = [("RDG-User-Id", user)] if user else []
    return [("Host", "localhost"), ("Connection", "Keep-Alive"), ("RDG-Connection-Id", connection_id), *named]


class LegacyTunnel:
    """A client's tunnel in two requests."""

    def __init__(self, hears: Peer, says: Peer, waiting: bytes) -> None:
        self.peer = says
        self.hears = hears
        self._waiting = bytearray(waiting)
        self._cut = False

    @classmethod
    async def out(cls, stage: Stage, headers: Headers) -> tuple[Peer, bytes]:
        """Make the OUT request; return its peer and what followed the seed."""
        hears = await stage.connect()
        await hears.send(build_request("RDG_OUT_DATA", PATH, [*headers, ("Content-Length", "0")]))
        head = b""
        while b"\r\n\r\n" not in head:
            head += await hears.receive()
        lines, _, rest = head.partition(b"\r\n\r\n")
        assert lines.startswith(b"HTTP/1.1 200 OK\r\n")
        assert b"content-length" not in lines.lower()
        assert b"transfer-encoding" not in lines.lower()
        while len(rest) < 10:
            rest += await hears.receive()
        return hears, rest[10:]

    @classmethod
    async def make(cls, stage: Stage, headers: Headers | None = None) -> "LegacyTunnel":
        """Make both requests as a client does."""
        headers = headers or legacy_headers()
        hears, waiting = await cls.out(stage, headers)
        says = await stage.connect()
        await says.send(build_request("RDG_IN_DATA", PATH, [*headers, ("Content-Length", "0")]))
        answer, leftover = await response(says)
        assert (answer.status, answer.header("content-length"), leftover) == (200, "0", b"")
        await says.send(build_request("RDG_IN_DATA", PATH, [*headers, ("Transfer-Encoding", "chunked")]))
        return cls(hears, says, waiting)

    async def send(self, packet: bytes) -> None:
        """Send one chunk."""
        await self.peer.send(b"%x\r\n%s\r\n" % (len(packet), packet))

    async def packet(self) -> bytes:
        """Return the next packet; b"" at the end."""
        while len(self._waiting) < 8 or len(self._waiting) < struct.unpack_from("<I", self._waiting, 4)[0]:
            try:
                data = await self.hears.receive()
            except ConnectionError:
                data = b""
            if not data:
                await self.end()
                return b""
            self._waiting += data
        size = struct.unpack_from("<I", self._waiting, 4)[0]
        packet = bytes(self._waiting[:size])
        del self._waiting[:size]
        return packet

    async def end(self) -> None:
        """Leave."""
        with contextlib.suppress(OSError):
            await self.peer.end()
            await self.hears.end()


Tunnel = WebSocketTunnel | LegacyTunnel


async def open_channel(tunnel: Tunnel, token: str = TOKEN, alias: str = ALIAS) -> ClientTunnel:
    """Walk through the tunnel's set-up; raise `TunnelRefused` if the server refuses."""
    client = ClientTunnel(token, "PC1", alias, 3389)
    await tunnel.send(client.start())
    while not client.open:
        packet = await tunnel.packet()
        assert packet, f"the tunnel ended in state {client.state}"
        if asked := client.receive(packet):
            await tunnel.send(asked)
    return client


def with_header(headers: Headers, name: str, value: str) -> list[tuple[str, str]]:
    """Return the headers with one of them changed."""
    return [(key, value if key == name else old) for key, old in headers]


def short(**deadlines: float) -> GatewaySettings:
    """Return settings with these deadlines."""
    return replace(GatewaySettings(handshake_deadline_s=5, host_deadline_s=5), **deadlines)  # type: ignore[arg-type]


def _der(certificates: Certificates) -> bytes:
    pem = certificates.certificate.read_text().partition("-----END CERTIFICATE-----\n")
    return ssl.PEM_cert_to_DER_cert(pem[0] + pem[1])
