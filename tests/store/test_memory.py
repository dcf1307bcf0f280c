"""What is particular to the store in memory; the rest is in `tests/contracts/test_store.py`."""

from datetime import UTC, datetime

from dialback.domain.contracts import Store
from dialback.domain.ids import ConnectionId
from dialback.domain.sessions import ConnectionRecord
from dialback.store.memory import MemoryStore


async def test_memory_store_is_a_store_and_says_what_it_is() -> None:
    store: Store = MemoryStore()
    assert await store.check() == "memory"


async def test_two_memory_stores_share_nothing() -> None:
    left, right = MemoryStore(), MemoryStore()
    await left.save_connection(ConnectionRecord(ConnectionId("c1"), datetime.now(UTC), "websocket", ""))
    assert len(await left.connections(None)) == 1
    assert await right.connections(None) == []
