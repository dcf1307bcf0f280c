"""Keeping the record of connections when the store is slow or away: sessions never wait for it.

Records are queued by id, the newest state of each winning, and written by one task in the order in which they
came. When the store does not answer they wait, bounded in number; the oldest is dropped, with a warning, only
when the queue is full. A record that fails for any other reason is a bug of ours: it is dropped with the
error logged, so that it does not block those behind it.
"""

import asyncio
from collections import OrderedDict

from dialback.domain.contracts import Store, StoreUnavailable
from dialback.domain.ids import ConnectionId
from dialback.domain.sessions import ConnectionRecord
from dialback.observe.log import get_logger

MOST_WAITING = 10_000
RETRY_S = 2.0
_log = get_logger(__name__)


class Records:
    """The queue of connection records in front of the store."""

    def __init__(self, store: Store, retry_s: float = RETRY_S, most_waiting: int = MOST_WAITING) -> None:
        self._store = store
        self._retry_s = retry_s
        self._most_waiting = most_waiting
        self._waiting: OrderedDict[ConnectionId, ConnectionRecord] = OrderedDict()
        self._something = asyncio.Event()
        self._nothing = asyncio.Event()
        self._nothing.set()

    def __len__(self) -> int:
        return len(self._waiting)

    def keep(self, record: ConnectionRecord) -> None:
        """Queue the record; never waits and never fails."""
        self._waiting[record.id] = record
        self._nothing.clear()
        self._something.set()
        if len(self._waiting) > self._most_waiting:
            dropped, _ = self._waiting.popitem(last=False)
            _log.warning("record dropped, the store is away for too long", connection_id=dropped)

    async def run(self) -> None:
        """Write what is queued, for ever."""
        while True:
            await self._something.wait()
            if not self._waiting:
                self._something.clear()
                self._nothing.set()
                continue
            connection_id, record = next(iter(self._waiting.items()))
            if not await self._write(record):
                await asyncio.sleep(self._retry_s)
            elif self._waiting.get(connection_id) is record:
                del self._waiting[connection_id]

    async def settled(self, timeout_s: float) -> bool:
        """Wait until everything is written, `timeout_s` at most; say whether it is."""
        try:
            async with asyncio.timeout(timeout_s):
                await self._nothing.wait()
        except TimeoutError:
            return False
        return True

    async def _write(self, record: ConnectionRecord) -> bool:
        try:
            await self._store.save_connection(record)
        except StoreUnavailable as error:
            _log.error("record waits for the store", waiting=len(self._waiting), why=str(error))
            return False
        except Exception:
            _log.exception("record dropped, it cannot be written", connection_id=record.id)
        return True
