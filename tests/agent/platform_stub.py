"""A platform of a few lines, on loopback with real TLS: what the agent's tests dial.

It speaks the real wire code: enrolment, the server's side of the agent link, and host legs. What a test wants
otherwise it says by replacing an attribute.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from dialback.agent.identity_file import Enrolled, Identity
from dialback.domain.ids import HostId
from dialback.identity.authority import Authority
from dialback.identity.certificates import fingerprint
from dialback.identity.host_keys import HostKey, host_id_of, verify
from dialback.transport.tls import server_context
from dialback.wire.agent import joincode
from dialback.wire.agent.link import (
    LINK_PATH,
    REVERSE_PATH,
    REVERSE_UPGRADE,
    HeartbeatReceived,
    HelloReceived,
    ServerEvent,
    ServerLink,
)
from dialback.wire.agent.messages import (
    EnrolAnswer,
    EnrolRequest,
    decode_base64url,
    decode_enrol_request,
    encode,
)
from dialback.wire.head import BodyReader, HeadReader, RequestHead, build_response
from dialback.wire.websocket import FrameReader, Opcode, accept_key, build_frame
from tests.transport.ending import ending

HOST_ID = "host-0123456789a"
HEARTBEAT_S = 1


@dataclass
class Stream:
    """One accepted connection, its request head read."""

    head: RequestHead
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    leftover: bytes

    async def receive(self) -> bytes:
        if self.leftover:
            data, self.leftover = self.leftover, b""
            return data
        return await self.reader.read(65536)

    async def answer(self, status: int, body: bytes = b"") -> None:
        self.writer.write(build_response(status, [("Content-Length", str(len(body)))], body))
        await self.writer.drain()


class ServerSide:
    """The server's side of one agent link."""

    def __init__(self, stream: Stream, certificate_sha256: str, heartbeat_s: int = HEARTBEAT_S) -> None:
        self.stream = stream
        self.link = ServerLink(bytes(32), certificate_sha256, heartbeat_s)
        self.hello: HelloReceived | None = None
        self._frames = FrameReader(masked=True, max_message_bytes=65536)
        self._pending: list[bytes] = []

    def upgrade(self) -> None:
        key = self.stream.head.header("sec-websocket-key") or ""
        self.stream.writer.write(
            build_response(
                101,
                [
                    ("Connection", "Upgrade"),
                    ("Upgrade", "websocket"),
                    ("Sec-WebSocket-Accept", accept_key(key)),
                ],
            )
        )

    def send(self, text: str) -> None:
        self.stream.writer.write(build_frame(Opcode.TEXT, text.encode()))

    async def open(self) -> None:
        self.upgrade()
        self.send(self.link.start())
        event = await self.next_event()
        assert isinstance(event, HelloReceived)
        self.hello = event
        self.send(self.link.welcome(datetime.now(UTC)))

    async def leave(self, why: str) -> None:
        """Say goodbye, and hear the agent out: a connection closed on what it still says is reset."""
        self.send(self.link.goodbye(why))
        with contextlib.suppress(EOFError, ConnectionError):
            while True:
                await self.next_text()

    async def next_event(self) -> ServerEvent:
        return self.link.receive(await self.next_text())

    async def next_text(self) -> bytes:
        while not self._pending:
            data = await self.stream.receive()
            if not data:
                raise EOFError
            for frame in self._frames.feed(data):
                if frame.opcode is Opcode.CLOSE:
                    raise EOFError
                if frame.opcode is Opcode.TEXT:
                    self._pending.append(frame.payload)
        return self._pending.pop(0)

    async def wait_for(self, kind: type[ServerEvent]) -> ServerEvent:
        """Return the next event of this kind; heartbeats in between are echoed."""
        while True:
            event = await self.next_event()
            if isinstance(event, HeartbeatReceived):
                self.send(event.reply)
            if isinstance(event, kind):
                return event


LinkScript = Callable[[ServerSide], Awaitable[None]]
LegScript = Callable[[Stream], Awaitable[None]]


@dataclass
class Platform:
    """A running stub. `on_link` and `on_leg` say what it does with links and host legs.

    `host_id` is what it gives out in place of the id of the host's key.
    """

    authority: Authority
    certificate_sha256: str
    key: HostKey
    port: int = 0
    ca_body: bytes = b""
    enrol_status: int = 200
    enrol_body: bytes = b""
    host_id: str = ""
    requests: list[str] = field(default_factory=list)
    enrolled: list[EnrolRequest] = field(default_factory=list)
    on_link: LinkScript | None = None
    on_leg: LegScript | None = None

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def identity(self) -> Identity:
        enrolled = Enrolled(self.address, HostId(HOST_ID), "desk")
        return Identity(enrolled, self.key, self.authority.certificate_path.read_text())

    def code(self, *, ca_sha256: str = "") -> str:
        return joincode.build(
            joincode.JoinCode(self.address, ca_sha256 or self.authority.fingerprint, "s3cret")
        )

    def knows(self, signature: bytes, signed: bytes) -> bool:
        return verify(self.key.public_bytes, signature, signed)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            stream = await _read_head(reader, writer)
            self.requests.append(f"{stream.head.method} {stream.head.path}")
            await self._route(stream)
        except (EOFError, ConnectionError):
            pass
        finally:
            writer.close()

    async def _route(self, stream: Stream) -> None:
        match stream.head.path:
            case "/ca.pem":
                await stream.answer(200, self.ca_body)
            case "/agent/enrol":
                await self._enrol(stream)
            case path if path == LINK_PATH and self.on_link:
                await self.on_link(ServerSide(stream, self.certificate_sha256))
            case path if path == REVERSE_PATH and self.on_leg:
                await self.on_leg(stream)
            case _:
                await stream.answer(404)

    async def _enrol(self, stream: Stream) -> None:
        body, reader = b"", BodyReader(stream.head)
        while not reader.ended:
            body += b"".join(reader.feed(await stream.receive()))
        self.enrolled.append(decode_enrol_request(body))
        own = host_id_of(decode_base64url(self.enrolled[-1].public_key))
        good = encode(EnrolAnswer(host_id=self.host_id or own, host_name="desk")).encode()
        await stream.answer(self.enrol_status, self.enrol_body or good)


async def take_leg(stream: Stream) -> None:
    """Take a host leg as a gateway does."""
    stream.writer.write(build_response(101, [("Connection", "Upgrade"), ("Upgrade", REVERSE_UPGRADE)]))
    await stream.writer.drain()


async def _read_head(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> Stream:
    heads = HeadReader()
    while True:
        data = await reader.read(65536)
        if not data:
            raise EOFError
        if (head := heads.feed(data)) is not None:
            return Stream(head, reader, writer, heads.leftover)


@contextlib.asynccontextmanager
async def running(folder: Path) -> AsyncIterator[Platform]:
    """Run a platform whose authority and certificates are in `folder`."""
    authority = Authority.open(folder)
    certificate, key = authority.ensure_server_certificate(["127.0.0.1"])
    ca_body = authority.certificate_path.read_bytes()
    platform = Platform(authority, fingerprint(certificate.read_bytes()), HostKey.generate(), ca_body=ca_body)
    async with serving(platform.serve, certificate, key) as port:
        platform.port = port
        yield platform


Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@contextlib.asynccontextmanager
async def serving(
    serve: Serve, certificate: Path | None = None, key: Path | None = None, path: Path | None = None
) -> AsyncIterator[int]:
    """Serve connections on a free port of loopback, or on a Unix socket; end all of them at the end."""
    tasks: set[asyncio.Task[None]] = set()
    writers: list[asyncio.StreamWriter] = []

    async def owned(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        writers.append(writer)
        try:
            await serve(reader, writer)
        except asyncio.CancelledError:
            pass
        finally:
            tasks.discard(task)
            writer.close()

    context = server_context(certificate, key) if certificate and key else None
    if path is not None:
        server = await asyncio.start_unix_server(owned, path)
    else:
        server = await asyncio.start_server(owned, "127.0.0.1", 0, ssl=context)
    try:
        yield 0 if path else server.sockets[0].getsockname()[1]
    finally:
        async with ending(server):
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            for writer in writers:
                writer.transport.abort()
