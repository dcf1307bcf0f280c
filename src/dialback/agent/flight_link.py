"""Flight records on the agent's link: entries and heads that come in, and the answers to them.

They are kept one after the other, in a thread, since files may block; more than `MOST_WAITING` that wait are
refused, and the platform tells them again.
"""

import asyncio
from collections.abc import Callable

from dialback.agent.flights import Flights, NotTaken
from dialback.domain.flight import Head, SignedHead
from dialback.domain.ids import ConnectionId
from dialback.wire.agent.link import AgentLink, FlightHeadReceived, FlightReceived, LinkState

MOST_WAITING = 64


class FlightLink:
    """What one link does with flight records.

    Args:
        flights: the host's copies; None if it keeps none.
        send: sends a text over the link.
    """

    def __init__(self, flights: Flights | None, machine: AgentLink, send: Callable[[str], None]) -> None:
        self._flights = flights
        self._machine = machine
        self._send = send
        self._waiting: asyncio.Queue[FlightReceived | FlightHeadReceived] = asyncio.Queue(MOST_WAITING)

    def put(self, event: FlightReceived | FlightHeadReceived) -> None:
        """Have it kept in its turn."""
        try:
            self._waiting.put_nowait(event)
        except asyncio.QueueFull:
            if isinstance(event, FlightReceived):
                self._refuse(event.connection_id, 0, f"{MOST_WAITING} messages wait already")

    async def run(self) -> None:
        """Keep what comes in, for ever."""
        while True:
            event = await self._waiting.get()
            if isinstance(event, FlightReceived):
                await self._take(event)
            elif self._flights is not None:
                await asyncio.to_thread(self._flights.seal, *_signed(event))

    async def _take(self, event: FlightReceived) -> None:
        if self._flights is None:
            self._refuse(event.connection_id, 0, "this agent keeps no flight records")
            return
        answer = await asyncio.to_thread(self._flights.take, event.connection_id, event.entries)
        if isinstance(answer, NotTaken):
            self._refuse(event.connection_id, answer.count, answer.problem)
        elif self._machine.state is LinkState.OPEN:
            head = answer.head
            self._send(
                self._machine.flight_signed(head.connection_id, head.count, head.hash, answer.signature)
            )

    def _refuse(self, connection_id: str, count: int, problem: str) -> None:
        if self._machine.state is LinkState.OPEN:
            self._send(self._machine.flight_refused(connection_id, count, problem))


def _signed(event: FlightHeadReceived) -> tuple[SignedHead, bytes]:
    head = Head(ConnectionId(event.connection_id), event.count, event.hash)
    return SignedHead(head, event.agent_signature, event.platform_signature), event.platform_key
