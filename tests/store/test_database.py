"""What every user of a database has: failures become `StoreUnavailable`, and a row is put or replaced."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import bindparam, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import OperationalError, TimeoutError

from dialback.domain.contracts import StoreUnavailable
from dialback.store.database import Database, first, saving, translating
from dialback.store.directory_models import group_members, tenants
from dialback.store.open import open_store


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    """Return a database with the current schema."""
    store = await open_store(f"sqlite:///{tmp_path / 'store.db'}")
    yield store
    await store.close()


@pytest.mark.parametrize(
    "error", [OperationalError("", (), Exception("disk is full")), TimeoutError("pool"), OSError(111, "no")]
)
async def test_failure_of_the_database_is_translated(error: Exception) -> None:
    with pytest.raises(StoreUnavailable):
        async with translating():
            raise error


async def test_mistake_of_the_caller_is_not_translated() -> None:
    with pytest.raises(ValueError, match="ours"):
        async with translating():
            raise ValueError("ours")


async def test_row_is_added_then_replaced(database: Database) -> None:
    for name in ("Acme", "Acme & Co"):
        values = {"id": "acme", "name": name, "version": 1}
        await database._save(tenants, values)
    async with database._transaction() as connection:
        found = await first(connection, select(tenants).where(tenants.c.id == "acme"))
        nobody = await first(connection, select(tenants).where(tenants.c.id == "nobody"))
    assert found == values
    assert nobody is None


def test_row_of_nothing_but_its_key_stays_as_it_is() -> None:
    for name, dialect in (("sqlite", sqlite.dialect()), ("postgresql", postgresql.dialect())):  # type: ignore[no-untyped-call]
        said = str(saving(group_members, name).compile(dialect=dialect))
        assert said.endswith("DO NOTHING")


async def test_write_that_is_given_up_leaves_no_connection_behind(database: Database) -> None:
    rows = [{"id": f"t{number}", "name": "Acme", "version": 1} for number in range(40)]
    written = [asyncio.ensure_future(database._save(tenants, row)) for row in rows]
    await asyncio.sleep(0)
    for each in written[::2]:
        each.cancel()
    await asyncio.gather(*written, return_exceptions=True)
    kept = {row["id"] for row in await database._read(select(tenants))}
    assert {row["id"] for row in rows[1::2]} <= kept
    assert database._engine.pool.checkedout() == 0  # type: ignore[attr-defined]


async def test_questions_are_answered_in_one_transaction_in_their_order(database: Database) -> None:
    await database._save(tenants, {"id": "acme", "name": "Acme", "version": 1})
    named = select(tenants.c.name).where(tenants.c.id == bindparam("id"))
    known, unknown = await database._ask((named, {"id": "acme"}), (named, {"id": "other"}))
    assert ([row["name"] for row in known], unknown) == (["Acme"], [])
    assert await database._ask_raw(named, {"id": "acme"}) == [("Acme",)]


async def test_question_that_is_given_up_leaves_no_connection_behind(database: Database) -> None:
    every = select(tenants)
    asked = [asyncio.ensure_future(database._read(every)) for _ in range(40)]
    await asyncio.sleep(0)
    for each in asked[::2]:
        each.cancel()
    found = await asyncio.gather(*asked, return_exceptions=True)
    assert [type(each) for each in found[::2]] == [asyncio.CancelledError] * 20
    assert await database._read(every) == found[1]
    assert database._engine.pool.checkedout() == 0  # type: ignore[attr-defined]
