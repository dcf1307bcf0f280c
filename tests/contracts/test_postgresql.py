"""What is particular to a real PostgreSQL: opening, starts at the same time, and failures in words."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import pytest

from dialback.domain.contracts import StoreUnavailable
from dialback.store.open import open_store
from dialback.store.sql import SqlStore
from tests.postgresql import PostgresqlServer

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


@asynccontextmanager
async def opened(url: str) -> AsyncIterator[SqlStore]:
    """Open a store and close it at the end of the block."""
    store = await open_store(url)
    try:
        yield store
    finally:
        await store.close()


async def refused(url: str) -> str:
    """Return the sentence with which opening is refused."""
    with pytest.raises(StoreUnavailable) as caught:
        await open_store(url)
    return str(caught.value)


async def test_wrong_password_is_said_and_not_repeated(postgresql: PostgresqlServer) -> None:
    url = postgresql.new_database().replace(postgresql.password, "Wrong-One")
    said = await refused(url)
    assert "refuses the user or the password" in said
    assert "Wrong-One" not in said


async def test_missing_database_is_said(postgresql: PostgresqlServer) -> None:
    assert "create it" in await refused(postgresql.new_database() + "_not")


async def test_database_of_a_newer_version_is_refused(postgresql: PostgresqlServer) -> None:
    url = postgresql.new_database()
    async with opened(url):
        pass
    postgresql.say(name_of(url), "UPDATE alembic_version SET version_num = '9999'")
    assert "newer version" in await refused(url)


async def test_stores_opened_at_once_on_a_new_database_all_work(postgresql: PostgresqlServer) -> None:
    url = postgresql.new_database()
    stores = await asyncio.gather(*(open_store(url) for _ in range(4)))
    assert len({await store.check() for store in stores}) == 1
    for store in stores:
        await store.close()


async def test_lost_table_and_lost_column_are_said(postgresql: PostgresqlServer) -> None:
    url = postgresql.new_database()
    async with opened(url) as store:
        postgresql.say(name_of(url), "ALTER TABLE connections DROP COLUMN detail")
        with pytest.raises(StoreUnavailable, match="another schema"):
            await store.connections(None)
        postgresql.say(name_of(url), "DROP TABLE hosts CASCADE")
        with pytest.raises(StoreUnavailable, match="lost a table"):
            await store.all_links_down(NOW)


async def test_connection_that_the_server_ended_is_made_anew(postgresql: PostgresqlServer) -> None:
    url = postgresql.new_database()
    async with opened(url) as store:
        assert await store.all_hosts() == []
        postgresql.say(
            "postgres",
            f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name_of(url)}'",
        )
        assert await store.all_hosts() == []


def name_of(url: str) -> str:
    """Return the database that the URL names."""
    return url.rsplit("/", 1)[1]
