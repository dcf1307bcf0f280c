"""All roles in one process on loopback: a real server, a real agent, a desktop that echoes, a client.

The server is `app.run.serve` with its own certificate authority and SQLite, the agent is
`agent.service.run`. What only an administrator would do goes through a second store on the same file, as the
command line does from another process.
"""

import asyncio
import contextlib
import os
import socket
import ssl
import struct
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import update

from dialback.agent import enrolment, service
from dialback.agent.consent import local_now
from dialback.app.certificates import server_certificates
from dialback.app.run import serve
from dialback.app.settings import DATABASE_NAME, ServerSettings, Settings, store_url
from dialback.broker.settings import BrokerSettings
from dialback.domain.access import ConnectionToken
from dialback.domain.catalog import ApplicationGroup, PublishedResource, UserAssignment
from dialback.domain.hosts import Host, HostReport, JoinCode
from dialback.domain.ids import ApplicationGroupId, HostId, PoolId, ResourceId, ResourceName, UserId, UserName
from dialback.domain.secret import Secret
from dialback.domain.sessions import ConnectionRecord
from dialback.domain.tenancy import MAIN, User
from dialback.gateway.settings import GatewaySettings
from dialback.identity.host_keys import HostKey
from dialback.identity.tokens import hash_token, make_token
from dialback.store.models import connection_tokens
from dialback.store.open import open_store
from dialback.store.sql import SqlStore
from dialback.transport.tls import client_context, sha256_of
from dialback.web.api.provider_settings import ProviderSettings
from dialback.wire.agent import joincode
from dialback.wire.agent.link import LINK_PATH, AgentLink, ChallengeReceived, DialReceived, GoodbyeReceived
from dialback.wire.agent.messages import Dial
from dialback.wire.head import ResponseHead, ResponseReader, build_request
from dialback.wire.tsgu.client import ClientTunnel
from dialback.wire.tsgu.packets import CloseChannel, CloseChannelResponse, Data, PacketReader, decode, encode
from dialback.wire.websocket import FrameReader, Opcode, build_frame
from tests.databases import make_sqlite

DEADLINE_S = 15
MASK = b"\x01\x02\x03\x04"
CONNECT = b"\x03\x00"
CONFIRM = bytes.fromhex("0300000b06d00000000000")
"""The first bytes of an X.224 connection request, and a confirmation that selects plain RDP security."""
USER = UserName("anne")
OFFICE = ResourceName("office")


async def until(met: Callable[[], Awaitable[bool]], deadline_s: float = DEADLINE_S) -> None:
    """Wait until the condition is met."""
    async with asyncio.timeout(deadline_s):
        while not await met():
            await asyncio.sleep(0.01)


class Desktop:
    """An RDP server of a few lines: it takes a connection, says everything else back, and ends on `bye`."""

    def __init__(self) -> None:
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()
        self.port = 0

    async def start(self) -> None:
        if self._server is None:
            self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
            self.port = self._server.sockets[0].getsockname()[1]

    def stop(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None
        for writer in self._writers:
            writer.transport.abort()

    @property
    def target(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def sessions(self) -> int:
        return len(self._writers)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        try:
            while (data := await reader.read(65536)) and data != b"bye":
                writer.write(CONFIRM if data.startswith(CONNECT) else data)
                await writer.drain()
        except (OSError, asyncio.CancelledError):
            pass
        finally:
            self._writers.discard(writer)
            writer.close()


class Wire:
    """A client's TLS connection to the server, with WebSocket frames inside once it is upgraded."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer
        self.frames = FrameReader(masked=False, max_message_bytes=1 << 20)
        self.closed_with: int | None = None
        self._leftover = b""
        self._messages: list[bytes] = []

    @classmethod
    async def open(cls, port: int, context: ssl.SSLContext) -> "Wire":
        return cls(*await asyncio.open_connection("127.0.0.1", port, ssl=context))

    @property
    def certificate_sha256(self) -> str:
        return sha256_of(self.writer.get_extra_info("ssl_object").getpeercert(binary_form=True))

    async def ask(
        self, method: str, path: str, headers: list[tuple[str, str]], body: bytes = b""
    ) -> ResponseHead:
        """Send a request; return the head of the answer."""
        if body:
            headers = [*headers, ("Content-Length", str(len(body)))]
        self.writer.write(build_request(method, path, [("Host", "127.0.0.1"), *headers]) + body)
        reader = ResponseReader()
        async with asyncio.timeout(DEADLINE_S):
            while (head := reader.feed(await self._read())) is None:
                pass
        self._leftover = reader.leftover
        return head

    async def upgrade(self, method: str, path: str, headers: list[tuple[str, str]] | None = None) -> None:
        head = await self.ask(
            method,
            path,
            [
                ("Connection", "Upgrade"),
                ("Upgrade", "websocket"),
                ("Sec-WebSocket-Key", "AAAAAAAAAAAAAAAAAAAAAA=="),
                ("Sec-WebSocket-Version", "13"),
                *(headers or []),
            ],
        )
        assert head.status == 101, head

    def say(self, opcode: Opcode, message: bytes) -> None:
        self.writer.write(build_frame(opcode, message, mask_key=MASK))

    async def hear(self) -> bytes:
        """Return the next message; b"" when the server has closed."""
        async with asyncio.timeout(DEADLINE_S):
            while not self._messages:
                data = await self._read()
                if not data:
                    return b""
                for frame in self.frames.feed(data):
                    if frame.opcode is Opcode.CLOSE:
                        self.closed_with = int.from_bytes(frame.payload[:2], "big")
                    else:
                        self._messages.append(frame.payload)
        return self._messages.pop(0)

    async def rest(self) -> bytes:
        """Return everything up to the end."""
        whole = bytearray()
        async with asyncio.timeout(DEADLINE_S):
            while data := await self._read():
                whole += data
        return bytes(whole)

    async def _read(self) -> bytes:
        if self._leftover:
            data, self._leftover = self._leftover, b""
            return data
        try:
            return await self.reader.read(65536)
        except OSError:
            return b""

    async def close(self) -> None:
        self.writer.close()
        with contextlib.suppress(OSError, TimeoutError):
            async with asyncio.timeout(DEADLINE_S):
                await self.writer.wait_closed()


class Client:
    """A stock client behind its tunnel: what it said so far, and how it was told of the end."""

    def __init__(self, wire: Wire, packets: PacketReader) -> None:
        self._wire = wire
        self._packets = packets
        self._heard = bytearray()
        self.close_status: int | None = None

    @classmethod
    async def connect(cls, wire: Wire, token: str, alias: str) -> "Client":
        """Open tunnel and channel; raise `TunnelRefused` if the gateway says no."""
        await wire.upgrade("RDG_OUT_DATA", "/remoteDesktopGateway/")
        tunnel = ClientTunnel(token, "ANNE-PC", alias, 3389)
        wire.say(Opcode.BINARY, tunnel.start())
        while not tunnel.open:
            message = await wire.hear()
            if not message:
                raise EOFError("the gateway closed the tunnel")
            if answer := tunnel.receive(message):
                wire.say(Opcode.BINARY, answer)
        return cls(wire, tunnel.surrender())

    def say(self, data: bytes) -> None:
        self._wire.say(Opcode.BINARY, encode(Data(data)))

    async def hear(self, size: int) -> bytes:
        """Return this many bytes of the stream, or what there is at its end."""
        while len(self._heard) < size and (message := await self._wire.hear()):
            for raw in self._packets.feed(message):
                packet = decode(raw)
                if isinstance(packet, Data):
                    self._heard += packet.payload
                elif isinstance(packet, CloseChannel):
                    self.close_status = packet.status_code
                    self._wire.say(Opcode.BINARY, encode(CloseChannelResponse()))
        heard, self._heard = bytes(self._heard[:size]), self._heard[size:]
        return heard

    async def echoes(self, text: bytes) -> bool:
        """Say whether the desktop says this back."""
        self.say(text)
        return await self.hear(len(text)) == text

    async def hear_end(self) -> None:
        """Wait for the end, behind which nothing comes."""
        assert await self.hear(1) == b""

    async def end(self) -> None:
        """Close the channel as clients do, and the connection."""
        self._wire.say(Opcode.BINARY, encode(CloseChannel()))
        await self._wire.close()

    def reset(self) -> None:
        """Break the connection, as a network does."""
        sock = self._wire.writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._wire.writer.transport.abort()


class ScriptedAgent:
    """An agent that does only what a test says."""

    def __init__(self, wire: Wire, key: HostKey, host_id: HostId) -> None:
        self.wire = wire
        self.key = key
        self.host_id = host_id
        self.machine = AgentLink(
            host_id, key.sign, wire.certificate_sha256, agent_version="1", host_name="desk", system="test"
        )

    async def open(self) -> str:
        """Answer the challenge; return what the server says to it: "" for welcome, else its goodbye."""
        await self.wire.upgrade("GET", LINK_PATH)
        challenge = self.machine.receive(await self.wire.hear())
        assert isinstance(challenge, ChallengeReceived)
        self.say(challenge.reply)
        answer = self.machine.receive(await self.wire.hear())
        return answer.reason if isinstance(answer, GoodbyeReceived) else ""

    def say(self, text: str) -> None:
        self.wire.say(Opcode.TEXT, text.encode())

    async def next_dial(self) -> Dial:
        while True:
            event = self.machine.receive(await self.wire.hear())
            if isinstance(event, DialReceived):
                return event.order

    async def goodbye(self) -> str:
        """Return the server's goodbye, behind which it closes."""
        while True:
            event = self.machine.receive(await self.wire.hear())
            if isinstance(event, GoodbyeReceived):
                assert await self.wire.hear() == b""
                return event.reason


@dataclass
class Running:
    """Something that runs until its event is set."""

    task: "asyncio.Task[None]"
    stop: asyncio.Event

    async def end(self) -> None:
        self.stop.set()
        async with asyncio.timeout(DEADLINE_S):
            await self.task


@dataclass
class Stage:
    """The whole of it. Nothing runs at first but the desktop. Without a `database` there is SQLite."""

    folder: Path
    port: int
    gateway: GatewaySettings = field(default_factory=GatewaySettings)
    broker: BrokerSettings = field(default_factory=BrokerSettings)
    provider: ProviderSettings = field(default_factory=ProviderSettings)
    desktop: Desktop = field(default_factory=Desktop)
    database: str = ""
    _server: Running | None = None
    _agent: Running | None = None
    _store: SqlStore | None = None
    _wires: list[Wire] = field(default_factory=list)

    @property
    def data(self) -> Path:
        return self.folder / "data"

    @property
    def agent_folder(self) -> Path:
        return self.folder / "agent"

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def settings(self) -> Settings:
        server = ServerSettings(self.address, self.address, store=self.database)
        return Settings(server, self.gateway, self.broker, provider=self.provider)

    @property
    def store(self) -> SqlStore:
        assert self._store is not None
        return self._store

    async def start_server(self) -> None:
        self.data.mkdir(exist_ok=True)
        if not self.database and not (self.data / DATABASE_NAME).exists():
            make_sqlite(self.data / DATABASE_NAME)
        ready, stop = asyncio.Event(), asyncio.Event()
        serving = asyncio.create_task(serve(self.data, self.settings, ready.set, stop))
        starting = asyncio.create_task(ready.wait())
        await asyncio.wait((serving, starting), return_when=asyncio.FIRST_COMPLETED)
        if serving.done():
            starting.cancel()
            serving.result()
        self._server = Running(serving, stop)
        if self._store is None:
            self._store = await open_store(store_url(self.data, self.settings))

    async def stop_server(self) -> None:
        if self._server is not None:
            running, self._server = self._server, None
            await running.end()

    async def start_agent(self, now: Callable[[], datetime] = local_now) -> None:
        """Run the agent, with this clock for consent, and wait for its link."""
        stop = asyncio.Event()
        work = service.run(self.agent_folder, stop=stop, draw=lambda: 0.0, now=now)
        self._agent = Running(asyncio.create_task(work), stop)
        await until(self.link_is_up)

    async def stop_agent(self) -> None:
        if self._agent is not None:
            running, self._agent = self._agent, None
            await running.end()

    async def link_is_up(self) -> bool:
        return any(host.link_up for host in await self.store.all_hosts())

    async def link_is_down(self) -> bool:
        return not await self.link_is_up()

    async def make_code(self, life: timedelta = timedelta(hours=1)) -> str:
        secret = make_token()
        certificates = server_certificates(self.data, self.settings)
        await self.store.save_join_code(JoinCode(hash_token(secret), "desk", datetime.now(UTC) + life))
        return joincode.build(joincode.JoinCode(self.address, certificates.ca_sha256, secret.reveal()))

    async def enrol(self) -> None:
        """Enrol the agent for the desktop."""
        await enrolment.join(await self.make_code(), self.agent_folder, targets=[self.desktop.target])

    async def publish(self, target: str = "") -> None:
        """Publish the desktop of the one host to the one user."""
        directory, target = self.store.directory, target or self.desktop.target
        group = ApplicationGroup(MAIN, ApplicationGroupId(OFFICE), OFFICE, await self.pool())
        await directory.save(group)
        await directory.save(PublishedResource(MAIN, ResourceId(OFFICE), group.id, OFFICE, OFFICE, target))
        await self.assign(group.id)

    async def pool(self) -> PoolId:
        """Return the pool of the one host."""
        host = (await self.store.all_hosts())[0]
        member = await self.store.directory.pool_host(MAIN, host.id)
        assert member is not None
        return member.pool

    async def assign(self, group: ApplicationGroupId) -> None:
        """Let the one user, who is made if need be, use what the application group publishes."""
        directory = self.store.directory
        user = await directory.find(User, MAIN, USER)
        user = user or await directory.save(User(MAIN, UserId("u1"), USER))
        await directory.assign(UserAssignment(MAIN, group, user.id))

    async def begin(self) -> None:
        """Do what an administrator does on the first day."""
        await self.desktop.start()
        await self.start_server()
        await self.enrol()
        await self.publish()
        await self.start_agent()

    async def script_agent(self, key: HostKey | None = None, host_id: HostId | None = None) -> ScriptedAgent:
        """Return an agent whose link is not open yet; of a new host, if none is given."""
        key = key or HostKey.generate()
        return ScriptedAgent(await self.wire(), key, host_id or await self._enrol_key(key))

    async def _enrol_key(self, key: HostKey) -> HostId:
        now = datetime.now(UTC)
        code = JoinCode(hash_token(make_token()), "desk", now + timedelta(hours=1))
        await self.store.save_join_code(code)
        host = Host(HostId("scripted"), "", key.public_bytes, now, report=HostReport("desk", "test", "1"))
        return (await self.store.enrol_host(code.hash, host, now)).id

    async def token(self, life: timedelta = timedelta(minutes=10)) -> str:
        token, now = make_token(), datetime.now(UTC)
        user = await self.store.directory.find(User, MAIN, USER)
        user_id = user.id if user else UserId("nobody")
        begin = now - timedelta(hours=1)
        await self.store.save_token(
            ConnectionToken(hash_token(token), MAIN, user_id, USER, OFFICE, begin, now + life)
        )
        return token.reveal()

    async def expire(self, token: str) -> None:
        """Let the token's life be over, as if much time had passed."""
        async with self.store._transaction() as connection:
            await connection.execute(
                update(connection_tokens)
                .where(connection_tokens.c.hash == hash_token(token))
                .values(expires_at=datetime.now(UTC) - timedelta(minutes=5))
            )

    async def revoke(self, token: str) -> None:
        await self.store.revoke_token(hash_token(Secret(token)), datetime.now(UTC))

    async def wire(self) -> Wire:
        context = client_context(server_certificates(self.data, self.settings).ca_pem)
        wire = await Wire.open(self.port, context)
        self._wires.append(wire)
        return wire

    async def connect(self, token: str, alias: str = OFFICE) -> Client:
        return await Client.connect(await self.wire(), token, alias)

    async def records(self, count: int = 1) -> list[ConnectionRecord]:
        """Return the records, newest first, once there are so many and all have ended."""

        async def ended() -> bool:
            found = await self.all_records()
            return len(found) >= count and all(record.reason for record in found)

        await until(ended)
        return await self.all_records()

    async def all_records(self) -> list[ConnectionRecord]:
        """Return the records of the tenant and of nobody, newest first."""
        found = [record for tenant in (MAIN, None) for record in await self.store.connections(tenant)]
        return sorted(found, key=lambda record: record.opened_at, reverse=True)

    async def open_record(self) -> ConnectionRecord:
        """Return the record of the one connection that is open."""

        async def is_open() -> bool:
            return any(record.reason is None for record in await self.all_records())

        await until(is_open)
        return next(record for record in await self.all_records() if record.reason is None)

    async def end(self) -> None:
        await asyncio.gather(*(wire.close() for wire in self._wires))
        await self.stop_agent()
        await self.stop_server()
        self.desktop.stop()
        if self._store is not None:
            await self._store.close()
        await asyncio.sleep(0)


def without_proxies() -> dict[str, str]:
    """Return the environment without proxies, for processes that dial loopback."""
    names = ("https_proxy", "HTTPS_PROXY", "http_proxy", "HTTP_PROXY")
    return {key: value for key, value in os.environ.items() if key not in names}
