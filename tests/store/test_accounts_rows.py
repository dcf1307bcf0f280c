"""Rows of accounts: damaged ones are named when asked for, and never with the secret they hold."""

import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from dialback.domain.accounts import Accounts
from dialback.domain.contracts import StoreUnavailable
from dialback.store.open import open_store
from dialback.store.sql import SqlStore
from tests.contracts.test_accounts import (
    CODE,
    FULL_CREDENTIAL,
    IDENTITY,
    INVITATION,
    NOW,
    PASSWORD,
    SIGN_IN,
    TOKEN,
)
from tests.store.nouns import ACME, USER, keep

DAMAGE: list[tuple[str, str, object]] = [
    ("credentials", "recovery_hashes", "{broken"),
    ("credentials", "failures", "many"),
    ("credentials", "totp_secret", b"\xff"),
    ("credentials", "locked_until", "soon"),
    ("invitations", "expires_at", "soon"),
    ("sign_ins", "kind", "telepathy"),
    ("sign_ins", "address", b"\xff"),
    ("device_codes", "denied", "perhaps"),
    ("api_tokens", "scopes", '["everything"]'),
    ("api_tokens", "name", "a\nb"),
    ("external_identities", "subject", "a\nb"),
]


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[SqlStore]:
    """Return a store that keeps one of each kind."""
    store = await open_store(f"sqlite:///{tmp_path / 'store.db'}")
    await keep(store.directory)
    accounts = store.accounts
    await accounts.save_credential(replace(FULL_CREDENTIAL, user=USER.id))
    await accounts.save_invitation(replace(INVITATION, user=USER.id))
    await accounts.save_sign_in(replace(SIGN_IN, user=USER.id))
    await accounts.save_workspace_password(replace(PASSWORD, user=USER.id))
    await accounts.save_device_code(CODE)
    await accounts.save_api_token(TOKEN)
    await accounts.save_identity(replace(IDENTITY, user=USER.id))
    yield store
    await store.close()


def damage(folder: Path, table: str, column: str, value: object) -> None:
    """Write what no version of this program writes."""
    with closing(sqlite3.connect(folder / "store.db")) as database:
        database.execute(f"UPDATE {table} SET {column} = ?", (value,))
        database.commit()


async def ask(accounts: Accounts, table: str) -> object:
    """Ask for the one row of the table."""
    if table == "credentials":
        return await accounts.credential(ACME, USER.id)
    if table == "invitations":
        return await accounts.invitation(INVITATION.hash)
    if table == "sign_ins":
        return await accounts.sign_in(SIGN_IN.hash)
    if table == "device_codes":
        return await accounts.device_code(CODE.hash)
    if table == "api_tokens":
        return await accounts.api_token(TOKEN.hash)
    return await accounts.identity(ACME, IDENTITY.issuer, "a\nb")


@pytest.mark.parametrize(("table", "column", "value"), DAMAGE)
async def test_damaged_row_is_named(
    store: SqlStore, tmp_path: Path, table: str, column: str, value: object
) -> None:
    damage(tmp_path, table, column, value)
    with pytest.raises(StoreUnavailable, match=table) as caught:
        await ask(store.accounts, table)
    assert FULL_CREDENTIAL.password_hash not in str(caught.value)


@pytest.mark.parametrize(("column", "value"), [("nt_hash", b"\xff"), ("device", "a\nb")])
async def test_damaged_workspace_password_is_left_out(
    store: SqlStore, tmp_path: Path, column: str, value: object
) -> None:
    other = replace(PASSWORD, id="other", user=USER.id, created_at=NOW)
    damage(tmp_path, "workspace_passwords", column, value)
    await store.accounts.save_workspace_password(other)
    assert await store.accounts.workspace_passwords(ACME, USER.id) == [other]
