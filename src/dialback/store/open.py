"""Opening the database: check the place, connect, bring the schema up to date, all or nothing.

Processes that start at once take turns: SQLite by the write lock of a transaction begun at once,
PostgreSQL by an advisory lock; who comes second finds nothing left to do. What is left out: creating
folders, since a misspelt path must not become an empty database somewhere else.
"""

import asyncio
import os
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.util import CommandError
from sqlalchemy import URL, Connection, StaticPool, event, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, OperationalError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from dialback.domain.contracts import StoreUnavailable
from dialback.store.problems import unavailable
from dialback.store.quick_sqlite import connecting
from dialback.store.sql import SqlStore

BUSY_TIMEOUT_MS = 5000
"""How long SQLite waits for another process's write lock."""
CONNECTIONS = 12
"""How many connections, each with a thread, a process has to one file at most."""

_DRIVERS = {"sqlite": "sqlite+aiosqlite", "postgresql": "postgresql+asyncpg"}
_MIGRATION_LOCK = 0x6469616C6261636B
_WAL_ATTEMPTS = 50
_WAL_PAUSE_S = 0.1


async def open_store(url: str) -> SqlStore:
    """Open the store that the URL names, with the current schema; the caller closes it.

    Args:
        url: `sqlite:////absolute/path.db`, `sqlite://` (in memory), or `postgresql://user@name/database`.

    Raises:
        StoreUnavailable: the URL, the folder, the file or the server cannot be used, or the schema is newer
            than this version.
    """
    engine = _engine(_parse(url))
    try:
        await _prepare(engine)
    except (DBAPIError, OSError) as error:
        await engine.dispose()
        raise unavailable(error) from error
    except BaseException:
        await engine.dispose()
        raise
    return SqlStore(engine)


def migrate(connection: Connection) -> None:
    """Bring the schema up to date in one transaction; wait for a process that is at it already."""
    if connection.dialect.name == "sqlite":
        # Begun by hand: the driver begins no transaction for DDL.
        connection.exec_driver_sql("BEGIN IMMEDIATE")
    else:
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_MIGRATION_LOCK})")
    config = Config()
    config.set_main_option("script_location", "dialback.store:migrations")
    config.attributes["connection"] = connection
    try:
        command.upgrade(config, "head")
    except CommandError as error:
        raise StoreUnavailable(
            "the database was written by a newer version of dialback; install that one, or restore a backup"
        ) from error
    connection.commit()


def _parse(text: str) -> URL:
    try:
        url = make_url(text)
    except (ArgumentError, ValueError):
        # The text may hold a password: it is not repeated.
        raise StoreUnavailable(
            "the database setting is no URL; write sqlite:////path/to/file or postgresql://user@host/name"
        ) from None
    backend = url.get_backend_name()
    if backend not in _DRIVERS:
        raise StoreUnavailable(f"expected a sqlite or postgresql URL as database, got {backend[:40]!r}")
    return url.set(drivername=_DRIVERS[backend])


def _engine(url: URL) -> AsyncEngine:
    if url.get_backend_name() != "sqlite":
        try:
            return create_async_engine(url, pool_pre_ping=True)
        except ImportError:
            raise StoreUnavailable("no driver for PostgreSQL is installed; install asyncpg") from None
    if url.database in (None, "", ":memory:"):
        # One connection for all, or each would see a database of its own.
        engine = create_async_engine(url, poolclass=StaticPool, async_creator=connecting(":memory:"))
    else:
        _check_place(Path(str(url.database)))
        # All are kept once open: opening one takes as long as many statements.
        engine = create_async_engine(
            url, async_creator=connecting(str(url.database)), pool_size=CONNECTIONS, max_overflow=0
        )
    event.listen(engine.sync_engine, "connect", _set_pragmas)
    return engine


def _check_place(path: Path) -> None:
    if not path.parent.is_dir():
        raise StoreUnavailable(
            f"the folder {path.parent} does not exist; create it and give it to the user the server runs as"
        )
    if not os.access(path.parent, os.W_OK):
        raise StoreUnavailable(
            f"the folder {path.parent} cannot be written to; give it to the user the server runs as"
        )
    if path.is_dir():
        raise StoreUnavailable(f"expected a file as database, but {path} is a folder; name a file in it")
    try:
        path.touch(0o600)
    except OSError as error:
        raise StoreUnavailable(
            f"the database {path} cannot be written: {error.strerror}; correct the path or its permissions"
        ) from error


def _set_pragmas(connection: Any, record: object) -> None:
    cursor = connection.cursor()
    cursor.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT_MS}")
    cursor.execute("PRAGMA foreign_keys = ON")
    # Safe together with WAL: a power cut may cost the newest records, never the file.
    cursor.execute("PRAGMA synchronous = NORMAL")
    cursor.close()


async def _prepare(engine: AsyncEngine) -> None:
    async with engine.connect() as connection:
        if engine.dialect.name == "sqlite":
            await _set_wal(connection)
        await connection.run_sync(migrate)


async def _set_wal(connection: AsyncConnection) -> None:
    """Let readers and one writer work at the same time; the file remembers it."""
    for _ in range(_WAL_ATTEMPTS):
        try:
            await connection.exec_driver_sql("PRAGMA journal_mode = WAL")
        except OperationalError as error:
            # SQLite does not wait here when another process is opening the same new file.
            if "locked" not in str(error.orig):
                raise
            await connection.rollback()
            await asyncio.sleep(_WAL_PAUSE_S)
        else:
            await connection.rollback()
            return
    raise StoreUnavailable("another process holds the database; stop it, or wait and try again")
