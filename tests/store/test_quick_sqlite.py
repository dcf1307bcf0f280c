import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from dialback.store.quick_sqlite import QuickConnection, connecting


@pytest.fixture
async def connection(tmp_path: Path) -> AsyncIterator[QuickConnection]:
    opened = await connecting(str(tmp_path / "some.db"))()
    cursor = opened.cursor()
    await cursor.execute("CREATE TABLE numbers (number INTEGER PRIMARY KEY)")
    yield opened
    await opened.close()


@pytest.fixture
def calls(connection: QuickConnection, monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """Return what the connection's thread is asked to do from now on."""
    asked: list[object] = []
    put = connection._tx

    class Queue:
        def put_nowait(self, item: tuple[object, Callable[[], object]]) -> None:
            asked.append(item[1])
            put.put_nowait(item)

    monkeypatch.setattr(connection, "_tx", Queue())
    return asked


async def test_statement_is_one_call_that_brings_its_rows(
    connection: QuickConnection, calls: list[object]
) -> None:
    cursor = connection.cursor()
    await cursor.execute("SELECT 7 AS seven UNION SELECT ?", (8,))
    assert await cursor.fetchall() == [(7,), (8,)]
    assert [column[0] for column in cursor.description] == ["seven"]
    await cursor.close()
    assert await cursor.fetchall() == ()
    assert len(calls) == 1


async def test_reading_needs_no_commit_and_no_rollback(
    connection: QuickConnection, calls: list[object]
) -> None:
    await connection.cursor().execute("SELECT 1")
    await connection.commit()
    await connection.rollback()
    assert len(calls) == 1


async def test_what_is_written_is_committed_or_rolled_back(connection: QuickConnection) -> None:
    cursor = connection.cursor()
    await cursor.executemany("INSERT INTO numbers VALUES (?)", [(1,), (2,)])
    assert (cursor.rowcount, cursor.description) == (2, None)
    await connection.rollback()
    await cursor.execute("INSERT INTO numbers VALUES (3) RETURNING number")
    assert await cursor.fetchall() == [(3,)]
    assert cursor.lastrowid == 3
    await connection.commit()
    await connection.rollback()
    await cursor.execute("SELECT number FROM numbers")
    assert await cursor.fetchall() == [(3,)]


async def test_failure_is_raised_and_leaves_the_connection_usable(connection: QuickConnection) -> None:
    cursor = connection.cursor()
    with pytest.raises(sqlite3.OperationalError):
        await cursor.execute("SELECT nothing")
    await cursor.execute("SELECT 1")
    assert await cursor.fetchall() == [(1,)]


async def test_write_that_was_given_up_is_rolled_back(connection: QuickConnection) -> None:
    waiting = asyncio.ensure_future(connection.cursor().execute("INSERT INTO numbers VALUES (1)"))
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    await connection.rollback()
    cursor = connection.cursor()
    await cursor.execute("SELECT count(*) FROM numbers")
    assert await cursor.fetchall() == [(0,)]
    assert not connection.in_transaction
