"""What is particular to rights in a database; the rest is in `tests/contracts/test_rights.py`."""

from pathlib import Path
from typing import Any

from sqlalchemy import event

from dialback.domain.ids import HostId, TokenHash, UserId
from dialback.domain.tenancy import MAIN
from dialback.store.open import open_store
from dialback.store.sql_rights import CHUNK


async def test_hundreds_of_connections_cost_one_statement_for_each_kind(tmp_path: Path) -> None:
    store = await open_store(f"sqlite:///{tmp_path / 'store.db'}")
    said: list[str] = []

    def note(connection: Any, cursor: Any, statement: str, *rest: object) -> None:
        said.append(statement)

    event.listen(store._engine.sync_engine, "before_cursor_execute", note)
    many = [str(number) for number in range(CHUNK)]
    await store.rights.lost(
        [(MAIN, UserId(each)) for each in many], [TokenHash(each) for each in many], [HostId("h1")]
    )
    assert len(said) == 3
    await store.close()
