"""What is particular to accounts in a database: what they cost, and how they fail.

What all accounts do is in `tests/contracts/test_accounts.py`.
"""

import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event

from dialback.domain.accounts import Accounts
from dialback.domain.contracts import StoreUnavailable
from dialback.store.open import open_store
from dialback.store.sql import SqlStore
from tests.contracts.test_accounts import (
    CODE,
    CREDENTIAL,
    IDENTITY,
    INVITATION,
    NOW,
    PASSWORD,
    SIGN_IN,
    TOKEN,
)
from tests.store.nouns import ACME, USER, keep


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[SqlStore]:
    """Return a store whose directory holds a few nouns."""
    store = await open_store(f"sqlite:///{tmp_path / 'store.db'}")
    await keep(store.directory)
    yield store
    await store.close()


ASKED: list[Callable[[Accounts], Awaitable[object]]] = [
    lambda accounts: accounts.credential(ACME, USER.id),
    lambda accounts: accounts.save_credential(replace(CREDENTIAL, user=USER.id)),
    lambda accounts: accounts.save_invitation(replace(INVITATION, user=USER.id)),
    lambda accounts: accounts.use_invitation(INVITATION.hash, NOW),
    lambda accounts: accounts.save_sign_in(replace(SIGN_IN, user=USER.id)),
    lambda accounts: accounts.sign_in(SIGN_IN.hash),
    lambda accounts: accounts.sign_ins_of(ACME, USER.id),
    lambda accounts: accounts.last_sign_in(ACME, USER.id, "192.0.2.1"),
    lambda accounts: accounts.see_sign_in(ACME, SIGN_IN.hash, NOW),
    lambda accounts: accounts.end_sign_in(ACME, SIGN_IN.hash, NOW),
    lambda accounts: accounts.end_sign_ins_of(ACME, USER.id),
    lambda accounts: accounts.forget_sign_in(ACME, SIGN_IN.hash),
    lambda accounts: accounts.save_workspace_password(replace(PASSWORD, user=USER.id)),
    lambda accounts: accounts.workspace_passwords(ACME, USER.id),
    lambda accounts: accounts.use_workspace_password(ACME, PASSWORD.id, NOW),
    lambda accounts: accounts.save_device_code(CODE),
    lambda accounts: accounts.device_code_for(CODE.user_code, NOW),
    lambda accounts: accounts.approve_device_code(CODE.hash, ACME, USER.id, NOW),
    lambda accounts: accounts.use_device_code(CODE.hash, NOW),
    lambda accounts: accounts.save_api_token(TOKEN),
    lambda accounts: accounts.api_token(TOKEN.hash),
    lambda accounts: accounts.api_tokens(ACME),
    lambda accounts: accounts.save_identity(replace(IDENTITY, user=USER.id)),
    lambda accounts: accounts.save_first_identity(replace(IDENTITY, user=USER.id)),
    lambda accounts: accounts.identity(ACME, IDENTITY.issuer, IDENTITY.subject),
    lambda accounts: accounts.prune_accounts(NOW),
]


async def test_every_method_says_that_tables_are_lost(store: SqlStore, tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "store.db")) as database:
        mine = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%'"
        for (table,) in database.execute(mine).fetchall():
            database.execute(f"DROP TABLE {table}")
    for ask in ASKED:
        with pytest.raises(StoreUnavailable, match="lost a table"):
            await ask(store.accounts)


async def test_no_question_of_a_request_reads_a_whole_table(store: SqlStore, tmp_path: Path) -> None:
    said: list[tuple[str, Any]] = []

    def note(connection: Any, cursor: Any, statement: str, parameters: Any, *rest: object) -> None:
        said.append((statement, parameters))

    event.listen(store._engine.sync_engine, "before_cursor_execute", note)
    for ask in ASKED:
        await ask(store.accounts)
    with closing(sqlite3.connect(tmp_path / "store.db")) as database:
        for statement, parameters in said:
            plan = [row[3] for row in database.execute(f"EXPLAIN QUERY PLAN {statement}", parameters)]
            forgets = statement.startswith("DELETE") and "expires_at" in statement
            assert forgets or not [step for step in plan if step.startswith("SCAN")], statement


async def test_hash_that_is_there_is_not_kept_again(store: SqlStore) -> None:
    sign_in = replace(SIGN_IN, user=USER.id)
    await store.accounts.save_sign_in(sign_in)
    with pytest.raises(StoreUnavailable, match="a row of this id already"):
        await store.accounts.save_sign_in(sign_in)
