"""Rows of the directory: damaged ones are named when asked for and hide no other in a list."""

import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dialback.domain.catalog import PublishedResource, UserAssignment
from dialback.domain.contracts import StoreUnavailable
from dialback.domain.health import Check
from dialback.domain.pools import HostPool
from dialback.domain.tenancy import User
from dialback.store.directory_rows import checks_of, checks_text, row_of
from dialback.store.open import open_store
from dialback.store.sql import SqlStore
from tests.store.nouns import ACME, DESKTOP, DESKTOPS, POOL, USER, keep

DAMAGE: list[tuple[Any, str, object]] = [
    (User, "role", "emperor"),
    (User, "name", "an\nna"),
    (User, "name", b"\xff"),
    (User, "disabled_at", "soon"),
    (HostPool, "kind", "shared"),
    (HostPool, "redirections", '["brain"]'),
    (HostPool, "redirections", "{"),
    (HostPool, "step_up", "null"),
    (HostPool, "session_limit", 0),
    (HostPool, "multi_monitor", "perhaps"),
    (PublishedResource, "target", "nonsense"),
    (PublishedResource, "folders", '["a/b"]'),
    (PublishedResource, "remote_app", "[]"),
    (PublishedResource, "name", "Upper Case"),
]
TABLES: dict[type, str] = {User: "users", HostPool: "host_pools", PublishedResource: "published_resources"}


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[SqlStore]:
    """Return a store whose directory holds one of each, and a second one that a test damages."""
    store = await open_store(f"sqlite:///{tmp_path / 'store.db'}")
    await keep(store.directory)
    yield store
    await store.close()


@pytest.mark.parametrize(("kind", "column", "value"), DAMAGE)
async def test_damaged_row_is_named_and_hides_no_other(
    store: SqlStore, tmp_path: Path, caplog: pytest.LogCaptureFixture, kind: Any, column: str, value: object
) -> None:
    table = TABLES[kind]
    with closing(sqlite3.connect(tmp_path / "store.db")) as database, database:
        database.execute(f"UPDATE {table} SET {column} = ? WHERE id = 'bad'", (value,))
    with pytest.raises(StoreUnavailable, match=f"{table} 'bad'"):
        await store.directory.get(kind, ACME, "bad")
    assert [noun.id for noun in (await store.directory.page(kind, ACME)).items] == ["good"]
    assert f"{table} 'bad'" in caplog.text
    if kind is PublishedResource:
        await store.directory.assign(UserAssignment(ACME, DESKTOPS.id, USER.id))
        assert await store.directory.resources_of(ACME, USER.id) == [DESKTOP]


def test_row_has_a_key_and_leaves_the_version_to_the_store() -> None:
    row = row_of(POOL)
    assert row["name_key"] == "good pool"
    assert "version" not in row
    assert row["redirections"] == ["clipboard", "sound"]


@given(st.frozensets(st.sampled_from(Check)))
def test_checks_survive_being_kept(failed: frozenset[Check]) -> None:
    assert checks_of(checks_text(failed)) == failed


def test_check_of_a_newer_version_is_left_out() -> None:
    assert checks_of("disk,colour,,link") == {Check.DISK, Check.LINK}


async def test_resource_read_again_is_the_same_until_it_changes(store: SqlStore) -> None:
    await store.directory.assign(UserAssignment(ACME, DESKTOPS.id, USER.id))
    first, again = [(await store.directory.resources_of(ACME, USER.id))[0] for _ in range(2)]
    assert again is first
    saved = await store.directory.save(replace(first, title="Another", version=0))
    assert saved in await store.directory.resources_of(ACME, USER.id)
