"""What is particular to the store in a database: failures, processes, and SQL for two databases.

What every store does is in `tests/contracts/test_store.py`.
"""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import event

from dialback.domain.contracts import StoreUnavailable
from dialback.domain.errors import Refused
from dialback.domain.hosts import Host, JoinCode
from dialback.domain.ids import ConnectionId, HostId, TokenHash, UserId
from dialback.domain.sessions import ConnectionRecord
from dialback.domain.tenancy import MAIN
from dialback.store.open import open_store
from dialback.store.sql import SqlStore

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
CODE = JoinCode(TokenHash("c0" * 32), "office", NOW + timedelta(hours=1))
HOST = Host(HostId("h1"), "", b"k" * 32, NOW)
RECORD = ConnectionRecord(ConnectionId("c1"), NOW, "websocket", "192.0.2.7")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return where the database is."""
    return tmp_path / "store.db"


@pytest.fixture
async def store(path: Path) -> AsyncIterator[SqlStore]:
    """Return a store on SQLite."""
    store = await open_store(f"sqlite:///{path}")
    yield store
    await store.close()


def impatient(store: SqlStore) -> None:
    """Let the store's connections give up on a lock at once, so that a test need not wait."""

    def hurry(connection: sqlite3.Connection, record: object, proxy: object) -> None:
        connection.execute("PRAGMA busy_timeout = 1").close()

    event.listen(store._engine.sync_engine, "checkout", hurry)


async def test_what_is_kept_is_there_after_opening_again(store: SqlStore, path: Path) -> None:
    await store.save_connection(RECORD)
    again = await open_store(f"sqlite:///{path}")
    assert await again.connections(None) == [RECORD]
    await again.close()


async def test_of_two_stores_on_one_file_exactly_one_uses_a_code(store: SqlStore, path: Path) -> None:
    other = await open_store(f"sqlite:///{path}")
    await store.save_join_code(CODE)
    attempts = [
        (store, other)[number % 2].enrol_host(CODE.hash, replace(HOST, id=HostId(f"h{number}")), NOW)
        for number in range(10)
    ]
    results = await asyncio.gather(*attempts, return_exceptions=True)
    assert sum(isinstance(result, Host) for result in results) == 1
    assert sum(isinstance(result, Refused) for result in results) == 9
    assert len(await other.all_hosts()) == 1
    await other.close()


async def test_lock_of_another_process_is_said_and_passes(store: SqlStore, path: Path) -> None:
    impatient(store)
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreUnavailable, match="another process holds the database"):
            await store.save_connection(RECORD)
        assert await store.connections(None) == []
        other.execute("ROLLBACK")
    await store.save_connection(RECORD)
    assert await store.connections(None) == [RECORD]


async def test_full_disk_is_said_and_nothing_is_half_kept(store: SqlStore) -> None:
    await store.save_connection(RECORD)
    limit = "PRAGMA max_page_count = 1"
    event.listen(store._engine.sync_engine, "checkout", lambda c, r, p: c.execute(limit).close())
    large = replace(RECORD, id=ConnectionId("c2"), detail="x" * 100_000)
    with pytest.raises(StoreUnavailable, match="the disk is full"):
        await store.save_connection(large)
    assert await store.connections(None) == [RECORD]


async def test_read_only_database_is_said(store: SqlStore) -> None:
    only = "PRAGMA query_only = ON"
    event.listen(store._engine.sync_engine, "checkout", lambda c, r, p: c.execute(only).close())
    with pytest.raises(StoreUnavailable, match="read-only"):
        await store.save_connection(RECORD)


ASKED: list[Callable[[SqlStore], Awaitable[object]]] = [
    lambda store: store.save_join_code(CODE),
    lambda store: store.enrol_host(CODE.hash, HOST, NOW),
    lambda store: store.any_host(HOST.id),
    lambda store: store.all_hosts(),
    lambda store: store.set_link(HOST.id, True, NOW),
    lambda store: store.all_links_down(NOW),
    lambda store: store.tokens_of(MAIN, UserId("u1")),
    lambda store: store.revoke_tokens_of(MAIN, UserId("u1"), NOW),
    lambda store: store.prune_tokens(NOW),
    lambda store: store.token(CODE.hash),
    lambda store: store.save_connection(RECORD),
    lambda store: store.connections(None),
    lambda store: store.close_open_connections(NOW),
    lambda store: store.prune_connections(NOW),
    lambda store: store.check(),
]


async def test_every_method_says_that_tables_are_lost(store: SqlStore, path: Path) -> None:
    with closing(sqlite3.connect(path)) as database:
        tables = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
        for (table,) in database.execute(tables).fetchall():
            database.execute(f"DROP TABLE {table}")
    for ask in ASKED:
        with pytest.raises(StoreUnavailable, match="lost a table"):
            await ask(store)


async def test_every_method_says_that_the_file_is_damaged(store: SqlStore, path: Path) -> None:
    await store.close()
    data = path.read_bytes()
    path.write_bytes(data[:100] + b"\xff" * (len(data) - 100))
    for ask in ASKED:
        with pytest.raises(StoreUnavailable, match="restore it from a backup"):
            await ask(store)


async def test_database_without_revision_is_said(store: SqlStore, path: Path) -> None:
    with closing(sqlite3.connect(path)) as database, database:
        database.execute("DELETE FROM alembic_version")
    with pytest.raises(StoreUnavailable, match="no schema revision"):
        await store.check()


async def test_cancelled_question_leaves_the_store_usable(store: SqlStore) -> None:
    for _ in range(10):
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0):
                await store.save_connection(RECORD)
    await store.save_connection(RECORD)
    assert await store.connections(None) == [RECORD]
