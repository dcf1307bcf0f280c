"""Ending connections that have lost their right: a disabled user, a revoked token, a removed host.

Access is checked whenever a tunnel or a channel is opened; this is for those that are open already. Each
second one question about all of them is asked, and none while there are none. While the store is away they go
on: nobody knows better.
"""

import asyncio
from collections import defaultdict
from collections.abc import Callable
from datetime import UTC, datetime

from dialback.broker.settings import BrokerSettings
from dialback.domain.audit import Actor, ActorKind, AuditEntry, Recorder
from dialback.domain.contracts import StoreUnavailable
from dialback.domain.errors import Reason
from dialback.domain.live import LiveConnection, LiveConnections, Rights, reason_to_cut
from dialback.observe.log import get_logger

POLICE_EVERY_S = 1.0
_log = get_logger(__name__)


class Policing:
    """The loop that looks after live connections."""

    def __init__(
        self,
        connections: LiveConnections,
        rights: Rights,
        recorder: Recorder,
        settings: BrokerSettings | None = None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._connections = connections
        self._rights = rights
        self._recorder = recorder
        self._cut_disabled = (settings or BrokerSettings()).disabled_user == "cut"
        self._now = now

    async def run(self, every_s: float = POLICE_EVERY_S) -> None:
        """Look, for ever."""
        while True:
            await self.once()
            await asyncio.sleep(every_s)

    async def once(self) -> None:
        """Cut what has lost its right by now."""
        live = self._connections.live()
        if not live:
            return
        try:
            lost = await self._rights.lost(
                {(each.home, each.user_id) for each in live},
                {each.token_hash for each in live},
                {each.host_id for each in live if each.host_id is not None},
            )
        except StoreUnavailable as error:
            _log.warning("rights of open connections not looked up", why=str(error))
            return
        unlawful: defaultdict[Reason, list[LiveConnection]] = defaultdict(list)
        for connection in live:
            if reason := reason_to_cut(connection, lost, self._cut_disabled):
                unlawful[reason].append(connection)
        for reason, connections in unlawful.items():
            await self._cut(connections, reason)

    async def _cut(self, connections: list[LiveConnection], reason: Reason) -> None:
        await self._connections.cut([each.id for each in connections], reason)
        for each in connections:
            detail = f"{reason}: {each.resource} for {each.user}"
            entry = AuditEntry(
                each.tenant,
                self._now(),
                Actor(ActorKind.SYSTEM),
                "connection.cut",
                f"connection:{each.id}",
                detail,
            )
            self._recorder.note(entry)
