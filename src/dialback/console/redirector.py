"""A redirector: the listener on loopback through which one RDP client reaches one host.

It opens a leg to the gateway for each connection of the client, since clients connect more than once: after a
question about a certificate, after a lost network. The first leg is opened before the client is started, so
that whoever waits (for consent, for a host that wakes) waits in front of the console and not of a client that
gives up. What that leg is good for besides is proof: the host's certificate is looked at through it, on the
very way the client will go. Where one was announced, each leg of the client is watched besides until the
host's certificate was seen on it.

The client ends, or the redirector is closed: then the listener, the client and every relay end together.
"""

import asyncio
import contextlib
import socket
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from dialback.console.addresses import accept
from dialback.console.guard import Guard
from dialback.console.owners import IsOurs, places_of
from dialback.domain.errors import Refused
from dialback.observe.log import get_logger
from dialback.observe.tasks import Tasks
from dialback.relay.framings import plain
from dialback.relay.join import End, Relay
from dialback.relay.meter import Meter
from dialback.transport.leg import Leg

MOST_CONNECTIONS = 16
STOP_S = 5
_log = get_logger(__name__)

OpenLeg = Callable[[], Awaitable[Leg]]
"""Opens a leg through the gateway to the host's target; raises `Refused`, or `OSError` if it broke."""


@dataclass(slots=True)
class Traffic:
    """What went through a redirector: connections now and ever, and bytes each way."""

    open: int = 0
    connections: int = 0
    to_host_bytes: int = 0
    to_client_bytes: int = 0
    refused: Refused | None = None
    strangers: int = 0
    """Connections of processes that are not the client's."""


class Redirector:
    """Serves one client until it ends.

    Args:
        name: of the host, for logs.
        listener: a listening socket on loopback; it is closed with the redirector.
        is_ours: says whether a connection is of the client's process.
        guard: watches how each leg begins; None for nothing to hold it to.
    """

    def __init__(
        self,
        name: str,
        listener: socket.socket,
        open_leg: OpenLeg,
        is_ours: IsOurs,
        relay: Relay,
        guard: Guard | None = None,
    ) -> None:
        self._name = name
        self._listener = listener
        self._open_leg = open_leg
        self._is_ours = is_ours
        self._relay = relay
        self._guard = guard
        self._tasks = Tasks()
        self._relays: set[asyncio.Task[None]] = set()
        self._meters: set[Meter] = set()
        self.traffic = Traffic()
        """What has ended counts here, what is open counts in `counted` as well."""

    @property
    def place(self) -> tuple[str, int]:
        """Return address and port of the listener."""
        address, port = self._listener.getsockname()
        return address, port

    @property
    def counted(self) -> tuple[int, int]:
        """Return the bytes up to now, of open connections too: to the host, to the client."""
        return (
            self.traffic.to_host_bytes + sum(meter.to_left_bytes for meter in self._meters),
            self.traffic.to_client_bytes + sum(meter.to_right_bytes for meter in self._meters),
        )

    async def serve(self, client: asyncio.subprocess.Process) -> int:
        """Serve the client until it ends; return its exit status. When cancelled, the client is ended too."""
        accepting = self._tasks.start(f"redirector {self._name}", self._accept(client.pid))
        try:
            return await client.wait()
        finally:
            accepting.cancel()
            await asyncio.shield(self._end(client))

    async def _accept(self, process: int) -> None:
        while True:
            connected = await accept(self._listener)
            try:
                ours = await asyncio.to_thread(self._is_ours, *places_of(connected), process)
            except BaseException:
                connected.close()
                raise
            if not ours:
                self.traffic.strangers += 1
                _log.warning("connection refused, it is not the client's", host=self._name)
                connected.close()
            elif self.traffic.open >= MOST_CONNECTIONS:
                _log.warning("connection refused, too many are open", host=self._name)
                connected.close()
            else:
                self.traffic.open += 1
                relay = self._tasks.start(f"relay {self._name}", self._carry(connected))
                self._relays.add(relay)
                relay.add_done_callback(self._relays.discard)

    async def _carry(self, connected: socket.socket) -> None:
        self.traffic.connections += 1
        try:
            _, local = await asyncio.get_running_loop().connect_accepted_socket(Leg, connected)
            try:
                host = await self._open_leg()
            except (Refused, OSError) as error:
                self._note(error)
                await local.close()
                return
            except BaseException:
                local.abort()
                raise
            await self._join(local, host)
        finally:
            self.traffic.open -= 1

    async def _join(self, local: Leg, host: Leg) -> None:
        meter = Meter(asyncio.get_running_loop().time)
        self._meters.add(meter)
        try:
            if self._guard is not None:
                await self._guard.watch(local, host, meter)
            await self._relay.join(End(host, host, plain()), End(local, local, plain()), meter)
        except Refused as refused:
            self._note(refused)
        finally:
            # Both are the relay's by now, or are cut.
            local.abort()
            host.abort()
            self._meters.discard(meter)
            self.traffic.to_host_bytes += meter.to_left_bytes
            self.traffic.to_client_bytes += meter.to_right_bytes

    def _note(self, error: Refused | OSError) -> None:
        if isinstance(error, Refused):
            self.traffic.refused = error
        _log.warning("connection refused", host=self._name, why=str(error))

    async def _end(self, client: asyncio.subprocess.Process) -> None:
        self._listener.close()
        await end_client(client)
        if self._relays:
            # They end with the client's connections; cut short, they would leave their legs open.
            await asyncio.wait(set(self._relays), timeout=STOP_S)
        await self._tasks.close()


async def end_client(client: asyncio.subprocess.Process) -> None:
    """End a client that still runs: ask first, insist after five seconds."""
    if client.returncode is not None:
        return
    with contextlib.suppress(ProcessLookupError):
        client.terminate()
        try:
            async with asyncio.timeout(STOP_S):
                await client.wait()
        except TimeoutError:
            client.kill()
            await client.wait()
