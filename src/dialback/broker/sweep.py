"""What a broker tidies up: at its start what an earlier run left open, and later what is too old to keep."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from dialback.broker.settings import BrokerSettings
from dialback.domain.contracts import Store, StoreUnavailable
from dialback.observe.log import get_logger

SWEEP_EVERY_S = 3600
_log = get_logger(__name__)


class Sweep:
    """Keeps the store true and small."""

    def __init__(
        self, store: Store, settings: BrokerSettings, now: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._store = store
        self._keep = timedelta(days=settings.keep_records_days)
        self._now = now

    async def begin(self) -> None:
        """Say of an earlier run that its links are down and its connections over.

        Raises:
            StoreUnavailable: the store does not answer, so the broker must not start.
        """
        now = self._now()
        await self._store.all_links_down(now)
        closed = await self._store.close_open_connections(now)
        if closed:
            _log.info("connections of an earlier run closed", count=closed)

    async def run(self, every_s: float = SWEEP_EVERY_S) -> None:
        """Forget what is too old, for ever."""
        while True:
            await self.once()
            await asyncio.sleep(every_s)

    async def once(self) -> None:
        """Forget what is too old, once."""
        try:
            pruned = await self._store.prune_connections(self._now() - self._keep)
        except StoreUnavailable as error:
            _log.warning("old records not forgotten", why=str(error))
            return
        if pruned:
            _log.info("old records forgotten", count=pruned)
