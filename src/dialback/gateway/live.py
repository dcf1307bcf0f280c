"""The connections of this node that are open or parked, each of which can be ended from outside.

Whoever serves a connection runs its waiting and its relay through `until_cut`. A cut ends that work, which
tells both ends and flushes; a peer that does not read has `FLUSH_S` for it, then its legs are let go of.
"""

import asyncio
from collections.abc import Collection, Coroutine, Iterable, Sequence
from typing import Any, TypeVar

from dialback.domain.errors import Reason, Refused
from dialback.domain.ids import ConnectionId
from dialback.domain.live import LiveConnection, LiveConnections
from dialback.observe.log import get_logger
from dialback.observe.tasks import first_of
from dialback.transport.leg import Leg

FLUSH_S = 1.0
T = TypeVar("T")
_log = get_logger(__name__)


class _Entry:
    """A connection, and the future that ends it."""

    def __init__(self, connection: LiveConnection, legs: Iterable[Leg]) -> None:
        self.connection = connection
        self.legs = tuple(legs)
        self.cut: asyncio.Future[Refused] = asyncio.get_running_loop().create_future()

    async def refused(self) -> Any:
        """Wait for the cut and raise it."""
        raise await asyncio.shield(self.cut)

    def let_go(self) -> None:
        """Drop every leg at once. The transports, since a relay has taken them over from their legs."""
        for leg in self.legs:
            if not leg.lost:
                leg.transport.abort()


class Live(LiveConnections):
    """The registry of one gateway node."""

    def __init__(self) -> None:
        self._entries: dict[ConnectionId, _Entry] = {}

    def live(self) -> Sequence[LiveConnection]:
        return [entry.connection for entry in self._entries.values()]

    async def until_cut(
        self, connection: LiveConnection, work: Coroutine[Any, Any, T], legs: Iterable[Leg]
    ) -> T:
        """Run the work; return or raise what it does, or raise `Refused` with the reason of a cut.

        Args:
            legs: dropped when the work does not end by itself in time after a cut.
        """
        entry = _Entry(connection, legs)
        self._entries[connection.id] = entry
        try:
            return await first_of(f"live {connection.id}", work, entry.refused())
        finally:
            if self._entries.get(connection.id) is entry:
                del self._entries[connection.id]

    async def cut(self, ids: Collection[ConnectionId], reason: Reason, detail: str = "") -> int:
        entries = [self._entries[id] for id in dict.fromkeys(ids) if id in self._entries]
        entries = [entry for entry in entries if not entry.cut.done()]
        for entry in entries:
            _log.info("connection cut", connection_id=entry.connection.id, reason=reason.value, detail=detail)
            entry.cut.set_result(Refused(reason, detail))
            asyncio.get_running_loop().call_later(FLUSH_S, entry.let_go)
        return len(entries)
