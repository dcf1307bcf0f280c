"""What is particular to the directory in a database: what it costs, and how it fails.

What every directory does is in `tests/contracts/test_directory.py`.
"""

import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event

from dialback.domain.catalog import UserAssignment
from dialback.domain.contracts import StoreUnavailable
from dialback.domain.directory import Directory, cursor_of, session_key
from dialback.domain.ids import GroupId, HostId
from dialback.domain.records import users_of
from dialback.domain.sessions import SessionFilter
from dialback.domain.tenancy import Tenant, User
from dialback.store.open import open_store
from dialback.store.sql import SqlStore
from tests.store.nouns import ACME, DESKTOP, DESKTOPS, POOL, USER, keep


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[SqlStore]:
    """Return a store whose directory holds a few nouns."""
    store = await open_store(f"sqlite:///{tmp_path / 'store.db'}")
    await keep(store.directory)
    yield store
    await store.close()


def statements(store: SqlStore) -> list[str]:
    """Return the list to which every statement is added from now on."""
    said: list[str] = []

    def note(connection: Any, cursor: Any, statement: str, *rest: object) -> None:
        said.append(statement)

    event.listen(store._engine.sync_engine, "before_cursor_execute", note)
    return said


async def test_what_a_user_may_use_is_one_statement(store: SqlStore) -> None:
    await store.directory.assign(UserAssignment(ACME, DESKTOPS.id, USER.id))
    said = statements(store)
    assert len(await store.directory.resources_of(ACME, USER.id)) == 2
    assert len(said) == 1
    assert await store.directory.published(ACME, USER.id, DESKTOP.name)
    assert len(said) == 2


async def test_questions_of_a_feed_and_a_placement_read_no_whole_tenant(
    store: SqlStore, tmp_path: Path
) -> None:
    said: list[tuple[str, Any]] = []

    def note(connection: Any, cursor: Any, statement: str, parameters: Any, *rest: object) -> None:
        said.append((statement, parameters))

    event.listen(store._engine.sync_engine, "before_cursor_execute", note)
    await store.directory.resources_of(ACME, USER.id)
    await store.directory.published(ACME, USER.id, DESKTOP.name)
    await store.directory.standings(ACME, POOL.id, USER.name)
    await store.directory.find(User, ACME, USER.name)
    mine = SessionFilter(users=users_of(USER.name))
    await store.directory.session_page(ACME, mine, cursor_of(session_key("h", "1")))
    with closing(sqlite3.connect(tmp_path / "store.db")) as database:
        for statement, parameters in said:
            plan = [row[3] for row in database.execute(f"EXPLAIN QUERY PLAN {statement}", parameters)]
            reads = [step for step in plan if step.startswith(("SCAN", "SEARCH"))]
            assert reads
            assert not [
                step for step in plan if "TEMP B-TREE FOR ORDER BY" in step and "sessions" in statement
            ]
            assert not [step for step in reads if "(tenant=? AND " not in step]


ASKED: list[Callable[[Directory], Awaitable[object]]] = [
    lambda directory: directory.save_tenant(Tenant(ACME, "Acme")),
    lambda directory: directory.tenants(),
    lambda directory: directory.save(USER),
    lambda directory: directory.get(User, ACME, USER.id),
    lambda directory: directory.page(User, ACME),
    lambda directory: directory.remove(User, ACME, USER.id),
    lambda directory: directory.join(ACME, GroupId("g"), USER.id),
    lambda directory: directory.assign(UserAssignment(ACME, DESKTOPS.id, USER.id)),
    lambda directory: directory.assignments(ACME, DESKTOPS.id),
    lambda directory: directory.claim_host(ACME, HostId("h"), USER.id),
    lambda directory: directory.save_sessions(ACME, HostId("h"), []),
    lambda directory: directory.resources_of(ACME, USER.id),
    lambda directory: directory.standings(ACME, POOL.id, USER.name),
]


async def test_every_method_says_that_tables_are_lost(store: SqlStore, tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "store.db")) as database:
        tables = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
        for (table,) in database.execute(tables).fetchall():
            database.execute(f"DROP TABLE {table}")
    for ask in ASKED:
        with pytest.raises(StoreUnavailable, match="lost a table"):
            await ask(store.directory)
