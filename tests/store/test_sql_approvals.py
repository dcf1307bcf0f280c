"""What is particular to approvals in a database: they outlive a restart, and a damaged database is said.

What all approvals do is in `tests/contracts/test_approvals.py`.
"""

import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from dialback.domain.approvals import Decision
from dialback.domain.contracts import StoreUnavailable
from dialback.domain.tenancy import MAIN
from dialback.store.open import open_store
from tests.store.test_decisions_rows import GOOD

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


async def test_what_one_process_asks_another_decides(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'store.db'}"
    gateway, command_line = await open_store(url), await open_store(url)
    await gateway.approvals.ask(GOOD)
    assert await command_line.approvals.decide(MAIN, GOOD.id, Decision.APPROVED, "anna", NOW)
    approval = await gateway.approvals.approval(MAIN, GOOD.id)
    assert approval is not None
    assert approval.decision is Decision.APPROVED
    await gateway.close()
    await command_line.close()


async def test_lost_table_is_one_sentence(tmp_path: Path) -> None:
    store = await open_store(f"sqlite:///{tmp_path / 'store.db'}")
    with closing(sqlite3.connect(tmp_path / "store.db")) as database, database:
        database.execute("DROP TABLE approvals")
    with pytest.raises(StoreUnavailable, match="lost a table"):
        await store.approvals.waiting(MAIN, NOW)
    await store.close()
