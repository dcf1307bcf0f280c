"""A connection to SQLite that goes to its thread once for a statement, and not at all for nothing.

`aiosqlite` runs each call in the connection's own thread. A statement takes four calls that way (cursor,
execute, fetch, close) and its transaction two more, each with a wake-up of either side; for a read of one row
that is most of the time it takes. Here a statement is one call that brings all its rows along, and a commit
or a rollback of a transaction that never began, as after reading, is none.

What is left out: reading rows while they are fetched. Who needs few rows asks for few.
"""

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Any, NamedTuple, Self

import aiosqlite

_ROWS_AT_ONCE = 64


class _Answer(NamedTuple):
    """What came of a statement: its rows, and what a cursor says besides."""

    rows: Sequence[Any] = ()
    description: Any = None
    rowcount: int = -1
    lastrowid: int | None = None


class QuickConnection(aiosqlite.Connection):
    """A connection whose cursors are `QuickCursor`."""

    def __init__(self, connector: Callable[[], sqlite3.Connection]) -> None:
        super().__init__(connector, _ROWS_AT_ONCE)
        # A process that forgot to close must still be able to end.
        self._thread.daemon = True
        self._abandoned = False

    def cursor(self) -> Any:
        """Return a cursor, which opens nothing yet."""
        return QuickCursor(self)

    async def commit(self) -> None:
        """Commit, if a transaction has begun."""
        if self._may_be_in_transaction():
            await super().commit()

    async def rollback(self) -> None:
        """Roll back, if a transaction has begun."""
        if self._may_be_in_transaction():
            await super().rollback()

    async def run(self, function: Callable[[], _Answer]) -> _Answer:
        """Run a statement in the connection's thread."""
        try:
            answer: _Answer = await self._execute(function)  # type: ignore[no-untyped-call]
        except asyncio.CancelledError:
            # The thread goes on: whether it will have begun a transaction is not known yet.
            self._abandoned = True
            raise
        return answer

    def _may_be_in_transaction(self) -> bool:
        return self._abandoned or bool(self.in_transaction)


class QuickCursor:
    """What SQLAlchemy asks of a cursor of `aiosqlite`, for one statement after the other."""

    def __init__(self, connection: QuickConnection) -> None:
        self._connection = connection
        self._answer = _Answer()
        self.arraysize = 1

    @property
    def description(self) -> Any:
        """The columns of the rows, None after a statement that has none."""
        return self._answer.description

    @property
    def rowcount(self) -> int:
        """How many rows the statement changed, -1 if it changes none."""
        return self._answer.rowcount

    @property
    def lastrowid(self) -> int | None:
        """The row that was inserted last."""
        return self._answer.lastrowid

    async def __aenter__(self) -> Self:
        return self

    async def execute(self, sql: str, parameters: Any = ()) -> Self:
        """Carry out a statement and keep its rows."""

        def carry_out() -> _Answer:
            return _all_of(self._connection._conn.execute(sql, parameters))

        self._answer = await self._connection.run(carry_out)
        return self

    async def executemany(self, sql: str, parameters: Iterable[Any]) -> Self:
        """Carry out a statement for each set of parameters."""

        def carry_out() -> _Answer:
            return _all_of(self._connection._conn.executemany(sql, parameters))

        self._answer = await self._connection.run(carry_out)
        return self

    async def fetchall(self) -> Sequence[Any]:
        """Return the rows."""
        return self._answer.rows

    async def close(self) -> None:
        """Forget the rows; in the database nothing is open any more."""
        self._answer = self._answer._replace(rows=())


def connecting(database: str) -> Callable[[], Awaitable[QuickConnection]]:
    """Return what opens a connection to the file, or to a new database if it is `:memory:`."""

    async def connect() -> QuickConnection:
        return await QuickConnection(lambda: sqlite3.connect(database))  # type: ignore[return-value]

    return connect


def _all_of(cursor: sqlite3.Cursor) -> _Answer:
    answer = _Answer(cursor.fetchall(), cursor.description, cursor.rowcount, cursor.lastrowid)
    cursor.close()
    return answer
