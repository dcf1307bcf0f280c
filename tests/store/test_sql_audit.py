"""What is particular to the audit log in a database; the rest is in `tests/contracts/test_audit.py`."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from dialback.domain.contracts import StoreUnavailable
from dialback.domain.tenancy import MAIN
from dialback.store.open import open_store
from tests.store.test_decisions_rows import ENTRY


async def test_entries_outlive_a_restart(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'store.db'}"
    store = await open_store(url)
    await store.audit.write(ENTRY)
    await store.close()
    store = await open_store(url)
    assert [entry.action for entry in await store.audit.entries(MAIN)] == [ENTRY.action]
    await store.close()


async def test_lost_table_is_one_sentence(tmp_path: Path) -> None:
    store = await open_store(f"sqlite:///{tmp_path / 'store.db'}")
    with closing(sqlite3.connect(tmp_path / "store.db")) as database, database:
        database.execute("DROP TABLE audit_entries")
    with pytest.raises(StoreUnavailable, match="lost a table"):
        await store.audit.write(ENTRY)
    await store.close()
