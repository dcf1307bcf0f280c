"""One port: read the request head of each accepted connection, then decide who keeps it.

The head is read here, by our own wire code, because MS-TSGU's methods and FreeRDP's odd WebSocket key are
refused by general web servers. A route either keeps the connection (its coroutine gets the leg and the bytes
behind the head) or leaves it to the web application, whose protocol then gets every byte from the first on.
A status line is always written before a connection is closed, since FreeRDP takes silence for an invitation
to try RPC over HTTP.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import cast

from dialback.observe.log import get_logger
from dialback.observe.tasks import Tasks
from dialback.transport.leg import Leg, peer_address
from dialback.wire.errors import WireError
from dialback.wire.head import HeadReader, RequestHead, build_closing_response

HEAD_DEADLINE_S = 15
_log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Arrival:
    """When a connection was accepted, secured by TLS, and had its head read: monotonic seconds."""

    accepted_at: float
    secured_at: float
    head_at: float


Handler = Callable[[RequestHead, Leg, Arrival], Awaitable[None]]
Route = Callable[[RequestHead], Handler | None]


class Edge:
    """Accepts for every role of a node.

    Args:
        route: the handler that keeps a connection with this head; None leaves it to the web application.
        web: makes the web application's protocol for one connection.
        tasks: owns the handlers' tasks.
    """

    def __init__(
        self,
        route: Route,
        web: Callable[[], asyncio.Protocol],
        tasks: Tasks,
        head_deadline_s: float = HEAD_DEADLINE_S,
    ) -> None:
        self.route = route
        self.web = web
        self.tasks = tasks
        self.head_deadline_s = head_deadline_s

    def protocol(self) -> asyncio.Protocol:
        """Make the protocol of a connection that was just accepted."""
        return _Accepted(self)


class _Accepted(asyncio.Protocol):
    """A connection whose head is being read."""

    def __init__(self, edge: Edge) -> None:
        self._edge = edge
        self._loop = asyncio.get_running_loop()
        self._accepted_at = time.monotonic()
        self._secured_at = self._accepted_at
        self._reader = HeadReader()
        self._transport: asyncio.Transport | None = None
        self._deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._secured_at = time.monotonic()
        self._transport = cast(asyncio.Transport, transport)
        self._deadline = self._loop.call_later(self._edge.head_deadline_s, self._refuse, 408, "head deadline")

    def data_received(self, data: bytes) -> None:
        if self._transport is None or self._transport.is_closing():
            return
        try:
            head = self._reader.feed(data)
        except WireError as error:
            self._refuse(400, str(error))
            return
        if head is not None:
            self._give_away(head, self._transport)

    def connection_lost(self, exc: Exception | None) -> None:
        self._cancel_deadline()

    def _give_away(self, head: RequestHead, transport: asyncio.Transport) -> None:
        self._cancel_deadline()
        handler = self._edge.route(head)
        if handler is None:
            web = self._edge.web()
            transport.set_protocol(web)
            web.connection_made(transport)
            web.data_received(self._reader.raw)
            return
        leg = Leg.adopt(transport, self._reader.leftover)
        arrival = Arrival(self._accepted_at, self._secured_at, time.monotonic())
        name = f"{head.method} {head.path} {leg.peer}"
        self._edge.tasks.start(name, _handle(handler, head, leg, arrival))

    def _refuse(self, status: int, why: str) -> None:
        self._cancel_deadline()
        if self._transport is not None:
            _log.debug("request refused", status=status, why=why, peer=peer_address(self._transport))
            self._transport.write(build_closing_response(status))
            self._transport.close()

    def _cancel_deadline(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()


async def _handle(handler: Handler, head: RequestHead, leg: Leg, arrival: Arrival) -> None:
    """Run the handler; the leg is let go when it fails."""
    try:
        await handler(head, leg, arrival)
    except BaseException:
        leg.abort()
        raise
