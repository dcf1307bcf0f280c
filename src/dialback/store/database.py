"""One database and its transactions, for whatever keeps its things there.

Each transaction that writes begins with its writing statement, so that SQLite takes the write lock at once
and waits for it, instead of failing when a reader turns writer. Every failure leaves as `StoreUnavailable`.
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

from sqlalchemy import ColumnElement, Executable, Select, Table, insert, update
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from dialback.store.problems import unavailable
from dialback.store.rows import Row


class Database:
    """An engine, and the ways to ask it something."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def close(self) -> None:
        """Close every connection to the database."""
        await self._engine.dispose()

    @asynccontextmanager
    async def _transaction(self) -> AsyncIterator[AsyncConnection]:
        """Begin a transaction and commit it at the end."""
        async with translating(), self._engine.begin() as connection:
            yield connection

    async def _read(self, query: Select[Any]) -> Sequence[Row]:
        async with self._transaction() as connection:
            found: Sequence[Row] = (await connection.execute(query)).mappings().all()
            return found

    async def _read_first(self, query: Select[Any]) -> Row | None:
        async with self._transaction() as connection:
            return await first(connection, query)

    async def _write(self, statement: Any) -> int:
        """Carry out one statement; return how many rows it changed."""
        async with self._transaction() as connection:
            return int((await connection.execute(statement)).rowcount)

    async def _save(self, table: Table, same: ColumnElement[bool], values: dict[str, Any]) -> None:
        """Put the row in place of the one that is the same, or add it."""
        async with translating():
            await self._replace(table, same, values)

    async def _replace(self, table: Table, same: ColumnElement[bool], values: dict[str, Any]) -> None:
        """Do what `_save` does, and leave it to the caller to translate failures."""
        try:
            await self._put(table, same, values)
        except IntegrityError:
            # Another node added it in between; SQLite, which lets one write at a time, never comes here.
            await self._put(table, same, values)

    async def _put(self, table: Table, same: ColumnElement[bool], values: dict[str, Any]) -> None:
        async with self._engine.begin() as connection:
            if (await connection.execute(update(table).where(same).values(values))).rowcount == 0:
                await connection.execute(insert(table).values(values))


@asynccontextmanager
async def translating() -> AsyncIterator[None]:
    """Translate what the database reports into `StoreUnavailable`."""
    try:
        yield
    except (DBAPIError, PoolTimeout, OSError) as error:
        raise unavailable(error) from error


async def first(connection: AsyncConnection, query: Executable) -> Row | None:
    """Return the first row that the query finds."""
    row: Any = (await connection.execute(query)).mappings().first()
    return None if row is None else dict(row)
