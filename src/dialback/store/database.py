"""One database and its transactions, for whatever keeps its things there.

Each transaction that writes begins with its writing statement, so that SQLite takes the write lock at once
and waits for it, instead of failing when a reader turns writer. Every failure leaves as `StoreUnavailable`.
"""

import functools
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, cast

from sqlalchemy import Executable, Select, Table
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import DBAPIError
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

    async def _write(self, statement: Executable, values: Mapping[str, Any] | None = None) -> int:
        """Carry out one statement; return how many rows it changed.

        Args:
            values: what an INSERT adds, where the statement itself names none: that one is made faster.
        """
        async with translating():
            return await self._carry_out(statement, values)

    async def _save(self, table: Table, values: Mapping[str, Any]) -> None:
        """Put the row in place of the one with its primary key, or add it; failures are not translated."""
        await self._carry_out(saving(table, self._engine.dialect.name), values)

    async def _carry_out(self, statement: Executable, values: Mapping[str, Any] | None = None) -> int:
        def carry_out() -> int:
            with self._engine.sync_engine.begin() as connection:
                return int(connection.execute(statement, values).rowcount)

        return await greenlet_spawn(carry_out)


@asynccontextmanager
async def translating() -> AsyncIterator[None]:
    """Translate what the database reports into `StoreUnavailable`."""
    try:
        yield
    except (DBAPIError, PoolTimeout, OSError) as error:
        raise unavailable(error) from error


@functools.cache
def saving(table: Table, dialect: str) -> Executable:
    """Return the statement that puts a whole row in place of the one with the same primary key, or adds it.

    Made once for a table: making it takes longer than carrying it out. The databases agree on the words, and
    SQLAlchemy has them once for each.
    """
    insert = (postgresql.insert if dialect == "postgresql" else sqlite.insert)(table)
    given = {column.name: insert.excluded[column.name] for column in table.c if not column.primary_key}
    same = table.primary_key
    return insert.on_conflict_do_update(same, set_=given) if given else insert.on_conflict_do_nothing(same)


async def first(connection: AsyncConnection, query: Executable) -> Row | None:
    """Return the first row that the query finds."""
    row: Any = (await connection.execute(query)).mappings().first()
    return None if row is None else dict(row)
