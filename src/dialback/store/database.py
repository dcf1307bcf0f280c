"""One database and its transactions, for whatever keeps its things there.

Each transaction that writes begins with its writing statement, so that SQLite takes the write lock at once
and waits for it, instead of failing when a reader turns writer. Every failure leaves as `StoreUnavailable`.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, cast

from sqlalchemy import ColumnElement, Executable, Select, Table, insert, update
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine
from sqlalchemy.util import greenlet_spawn

from dialback.store.problems import unavailable
from dialback.store.rows import Row

Question = tuple[Select[Any], Mapping[str, Any]]
"""A statement and the values it is asked with."""


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
        [found] = await self._ask((query, {}))
        return found

    async def _read_first(self, query: Select[Any]) -> Row | None:
        found = await self._read(query)
        return dict(found[0]) if found else None

    async def _ask(self, *questions: Question) -> list[Sequence[Row]]:
        """Return the rows that each statement finds, all in one transaction."""

        def ask() -> list[Sequence[Row]]:
            with self._engine.sync_engine.begin() as connection:
                found = [connection.execute(*question).mappings().all() for question in questions]
                return cast(list[Sequence[Row]], found)

        # From pool to answer in one go: as separate steps they take longer than the database.
        async with translating():
            return await greenlet_spawn(ask)

    async def _ask_raw(self, statement: Select[Any], values: Mapping[str, Any]) -> Sequence[tuple[Any, ...]]:
        """Return the rows that a statement finds as plain tuples."""

        def ask() -> Sequence[tuple[Any, ...]]:
            with self._engine.sync_engine.begin() as connection:
                return [tuple(row) for row in connection.execute(statement, values)]

        async with translating():
            return await greenlet_spawn(ask)

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
