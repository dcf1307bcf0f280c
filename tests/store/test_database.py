"""What every user of a database has: failures become `StoreUnavailable`, and a row is put or replaced."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import bindparam, select
from sqlalchemy.exc import OperationalError, TimeoutError

from dialback.domain.contracts import StoreUnavailable
from dialback.store.database import Database, first, translating
from dialback.store.directory_models import tenants
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
        await database._save(tenants, tenants.c.id == "acme", values)
    async with database._transaction() as connection:
        found = await first(connection, select(tenants).where(tenants.c.id == "acme"))
        nobody = await first(connection, select(tenants).where(tenants.c.id == "nobody"))
    assert found == values
    assert nobody is None


async def test_questions_are_answered_in_one_transaction_in_their_order(database: Database) -> None:
    await database._save(tenants, tenants.c.id == "acme", {"id": "acme", "name": "Acme", "version": 1})
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
