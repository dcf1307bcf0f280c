"""Bytes moved for each tenant, summed by month.

Connections report their totals now and then, and at their end; of tenants with a limit for the month they are
looked at in between. What is new is added up here, for the month in which it is seen, and written by `flush`;
what a store that is away does not take waits, in memory, for the next time.
"""

from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime

from dialback.domain.contracts import StoreUnavailable
from dialback.domain.ids import ConnectionId, TenantId
from dialback.domain.provider import Provider, month_of
from dialback.domain.sessions import ConnectionRecord
from dialback.observe.log import get_logger

_log = get_logger(__name__)


class Metering:
    """The sums of one broker; `now` is the time, in UTC."""

    def __init__(self, provider: Provider, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._provider = provider
        self._now = now
        self._told: dict[ConnectionId, int] = {}
        self._new: Counter[tuple[TenantId, str]] = Counter()

    def take(self, record: ConnectionRecord) -> None:
        """Count what is new in the record; one that has ended is forgotten."""
        if record.tenant is None:
            return
        self.count(record.tenant, record.id, record.totals.to_client_bytes + record.totals.to_host_bytes)
        if record.ended_at is not None:
            self._told.pop(record.id, None)

    def count(self, tenant: TenantId, id: ConnectionId, total_bytes: int) -> None:
        """Count what is new of the bytes that a connection, which has not ended, has moved in all."""
        moved = total_bytes - self._told.get(id, 0)
        if moved > 0:
            self._told[id] = total_bytes
            self._new[tenant, month_of(self._now())] += moved

    async def flush(self) -> None:
        """Write what is new."""
        for (tenant, month), count in list(self._new.items()):
            try:
                await self._provider.add_bytes(tenant, month, count)
            except StoreUnavailable as error:
                _log.warning("bytes of tenants not kept yet", why=str(error))
                return
            self._new[tenant, month] -= count
            if not self._new[tenant, month]:
                del self._new[tenant, month]
