"""The peer behind a relay: a scripted agent with real links, and servers for HAProxy and for a real agent.

All are in one process and hand their streams to the same code, which reads one order and obeys. The agent's
links are real; an order to dial is carried out up to the ticket as a real agent does, without a desktop
behind it.
"""

import asyncio
import contextlib
import json
import ssl
import sys
import time
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, cast

import uvloop

from bench.metronome import Metronome
from bench.orders import Beat, Echo, Order, Push, parse
from dialback.agent.control import HostView, hold_link
from dialback.agent.exchange import ask_upgrade
from dialback.agent.identity_file import Identity, load_identity
from dialback.agent.outbound import dial_platform
from dialback.agent.platform.sessions import SessionProblem
from dialback.agent.reverse import Answer, Dialler
from dialback.agent.settings import AgentSettings
from dialback.observe.tasks import Tasks
from dialback.transport.tls import client_context, server_context
from dialback.wire.agent.link import (
    HOST_HEADER,
    REVERSE_PATH,
    REVERSE_UPGRADE,
    SIGNATURE_HEADER,
    TICKET_HEADER,
    signed_ticket,
)
from dialback.wire.agent.messages import Dial, HostSession, RdpServer, encode_base64url

ADDRESS = "127.0.0.1"
CHUNK = bytes(range(256)) * 256
TPKT = b"\x03\x00"
"""What every RDP client begins with, and no order does."""
GREETING = bytes.fromhex("030000130ed000001234000200080000000000")
LINKS_AT_ONCE = 16


class HostStream(asyncio.Protocol):
    """Reads one order and obeys it."""

    def __init__(self, metronome: Metronome) -> None:
        self._metronome = metronome
        self._received = b""
        self._left_bytes = 0
        self._paused = False
        self._echoes = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.WriteTransport, transport)

    def data_received(self, data: bytes) -> None:
        if self._echoes:
            self.transport.write(data)
            return
        if data.startswith(TPKT):
            # The agent looks whether an RDP server is there, and reports the host as failing without one.
            self.transport.write(GREETING)
            return
        self._received += data
        if b"\n" in self._received:
            line, _, self._received = self._received.partition(b"\n")
            self._obey(parse(line))

    def connection_lost(self, exc: Exception | None) -> None:
        self._paused = True

    def pause_writing(self) -> None:
        self._paused = True

    def resume_writing(self) -> None:
        self._paused = False
        self._push()

    def _obey(self, order: Order) -> None:
        match order:
            case Push(size_bytes):
                self._left_bytes = size_bytes
                self._push()
            case Beat():
                self._beat(order, time.monotonic() + order.delay_us / 1e6, order.count)
            case Echo():
                self._echoes = True
                self.transport.write(self._received)

    def _push(self) -> None:
        while self._left_bytes and not self._paused:
            chunk = CHUNK[: self._left_bytes]
            self._left_bytes -= len(chunk)
            self.transport.write(chunk)

    def _beat(self, order: Beat, at: float, left: int) -> None:
        if left:
            self._metronome.call_at(at, lambda: self._send_beat(order, at, left))

    def _send_beat(self, order: Beat, at: float, left: int) -> None:
        if not self.transport.is_closing():
            self.transport.write(CHUNK[: order.size_bytes])
            self._beat(order, at + order.interval_ms / 1000, left - 1)


class Greeter(asyncio.Protocol):
    """An RDP-like server that speaks first, at once."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        cast(asyncio.WriteTransport, transport).write(GREETING)


class ScriptedDialler(Dialler):
    """Dials the gateway as ordered and obeys whoever is at the other end."""

    def __init__(
        self, identity: Identity, context: ssl.SSLContext, tasks: Tasks, metronome: Metronome
    ) -> None:
        self._metronome = metronome
        self._settings = AgentSettings(dial_timeout_s=30)
        super().__init__(identity, self._settings, context, tasks)

    def start(self, order: Dial, answer: Answer) -> None:
        self._tasks.start(f"connection {order.connection_id}", self._serve(order, answer))

    async def _serve(self, order: Dial, answer: Answer) -> None:
        leg = await dial_platform(order.gateway, self._context, self._settings, order.certificate_sha256)
        host_id = self._identity.enrolled.host_id
        signature = self._identity.key.sign(signed_ticket(order.ticket, host_id, order.certificate_sha256))
        headers = [
            ("Upgrade", REVERSE_UPGRADE),
            (HOST_HEADER, host_id),
            (TICKET_HEADER, order.ticket),
            (SIGNATURE_HEADER, encode_base64url(signature)),
        ]
        head = await ask_upgrade(leg, REVERSE_PATH, order.gateway, headers)
        if head.status != 101:
            raise ConnectionError(f"expected 101 for a host leg, got {head.status}")
        stream = HostStream(self._metronome)
        stream.connection_made(leg.transport)
        leftover = leg.surrender(stream)
        answer(order.connection_id, None)
        if leftover:
            stream.data_received(leftover)


async def main() -> None:
    """Do what the configuration says until standard input ends."""
    config = json.loads(sys.stdin.buffer.readline())
    loop = asyncio.get_running_loop()
    tasks = Tasks()
    metronome = Metronome(loop)
    ports: dict[str, int] = {}
    if certificate := config.get("certificate"):
        context = server_context(Path(certificate), Path(config["key"]))
        ports["tls"] = await _listen(lambda: HostStream(metronome), context)
    if config.get("greet"):
        ports["greet"] = await _listen(Greeter)
    if config.get("plain"):
        ports["plain"] = await _listen(lambda: HostStream(metronome))
    await _hold_links([Path(folder) for folder in config.get("hosts", [])], tasks, metronome)
    print(json.dumps(ports), flush=True)
    while line := await loop.run_in_executor(None, sys.stdin.buffer.readline):
        await _hold_links([Path(folder) for folder in json.loads(line)], tasks, metronome)
        print(json.dumps(ports), flush=True)
    await tasks.close()


async def _listen(protocol: Callable[[], asyncio.Protocol], context: ssl.SSLContext | None = None) -> int:
    server = await asyncio.get_running_loop().create_server(protocol, ADDRESS, 0, ssl=context)
    port: int = server.sockets[0].getsockname()[1]
    return port


async def _hold_links(folders: list[Path], tasks: Tasks, metronome: Metronome) -> None:
    """Open a link for each host and keep it."""
    contexts: dict[str, ssl.SSLContext] = {}
    limit = asyncio.Semaphore(LINKS_AT_ONCE)

    async def hold(folder: Path) -> None:
        identity = load_identity(folder)
        if identity.ca_pem not in contexts:
            contexts[identity.ca_pem] = client_context(identity.ca_pem)
        context = contexts[identity.ca_pem]
        up = asyncio.Event()
        async with limit:
            tasks.start(
                f"link {folder.name}",
                _hold(identity, ScriptedDialler(identity, context, tasks, metronome), context, up),
            )
            async with asyncio.timeout(30):
                await up.wait()

    await asyncio.gather(*map(hold, folders))


def _hold(
    identity: Identity, dialler: Dialler, context: ssl.SSLContext, up: asyncio.Event
) -> Coroutine[Any, Any, None]:
    view = HostView(_probe, lambda _settings: (), NoSessions())
    return hold_link(identity, AgentSettings(dial_timeout_s=30), context, dialler, view, up.set)


async def _probe(_settings: AgentSettings) -> tuple[RdpServer, ...]:
    """Say that there is an RDP server, without looking: this process plays it."""
    return (RdpServer(target=ADDRESS, answers=True, security="rdp"),)


class NoSessions:
    """A host on which nobody ever logs on."""

    def list(self) -> tuple[HostSession, ...]:
        return ()

    def message(self, id: str, text: str, user: str | None = None) -> None:
        raise SessionProblem("there is no session")

    def disconnect(self, id: str, user: str | None = None) -> None:
        raise SessionProblem("there is no session")

    def log_off(self, id: str, user: str | None = None) -> None:
        raise SessionProblem("there is no session")


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        uvloop.run(main())
