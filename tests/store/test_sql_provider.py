"""What is particular to the provider's things in a database; the rest is in the contract suite."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from dialback.domain.contracts import StoreUnavailable
from dialback.domain.flight import build
from dialback.domain.tenancy import MAIN
from dialback.store.open import open_store
from tests.store.test_provider_rows import ENTRY, GRANT, REQUEST


async def test_everything_outlives_a_restart(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'store.db'}"
    store = await open_store(url)
    await store.provider.ask_consent(REQUEST)
    await store.provider.save_grant(GRANT)
    await store.provider.append_flight(MAIN, [build(ENTRY)])
    await store.close()
    store = await open_store(url)
    assert await store.provider.consent_request(MAIN, REQUEST.id) == REQUEST
    assert await store.provider.grant_for(MAIN, GRANT.request) == GRANT
    assert list(await store.provider.flight_lines(MAIN, ENTRY.connection_id)) == [build(ENTRY)]
    await store.close()


@pytest.mark.parametrize("table", ["grants", "flights"])
async def test_lost_table_is_one_sentence(tmp_path: Path, table: str) -> None:
    store = await open_store(f"sqlite:///{tmp_path / 'store.db'}")
    with closing(sqlite3.connect(tmp_path / "store.db")) as database, database:
        database.execute(f"DROP TABLE {table}")
    with pytest.raises(StoreUnavailable, match="lost a table"):
        await (
            store.provider.save_grant(GRANT)
            if table == "grants"
            else store.provider.append_flight(MAIN, [build(ENTRY)])
        )
    await store.close()
