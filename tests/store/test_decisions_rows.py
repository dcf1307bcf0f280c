"""Rows of approvals and entries: damaged ones are named when asked for and hide no other in a list."""

import sqlite3
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from dialback.domain.approvals import Approval, Cause
from dialback.domain.audit import Actor, ActorKind, AuditEntry
from dialback.domain.contracts import StoreUnavailable
from dialback.domain.ids import ConnectionId, ResourceName, UserId
from dialback.domain.tenancy import MAIN
from dialback.store.decisions_rows import entry_row
from dialback.store.open import open_store

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
GOOD = Approval(
    ConnectionId("good"),
    MAIN,
    UserId("u1"),
    ResourceName("office"),
    Cause.POLICY,
    47,
    "::1",
    "",
    NOW,
    NOW + timedelta(1),
)
ENTRY = AuditEntry(MAIN, NOW, Actor(ActorKind.USER, "anna", "::1"), "pool.save", "pool:p1", "drained")


def damage(folder: Path, statement: str, value: object) -> None:
    with closing(sqlite3.connect(folder / "store.db")) as database, database:
        database.execute(statement, (value,))


@pytest.mark.parametrize(
    ("column", "value"),
    [("cause", "whim"), ("number", 7), ("asked_at", "soon"), ("decision", "perhaps"), ("user", b"\xff")],
)
async def test_damaged_approval_is_named_and_hides_no_other(
    tmp_path: Path, column: str, value: object
) -> None:
    store = await open_store(f"sqlite:///{tmp_path / 'store.db'}")
    await store.approvals.ask(GOOD)
    await store.approvals.ask(replace(GOOD, id=ConnectionId("bad")))
    damage(tmp_path, f"UPDATE approvals SET {column} = ? WHERE id = 'bad'", value)
    with pytest.raises(StoreUnavailable, match="approvals 'bad'"):
        await store.approvals.approval(MAIN, ConnectionId("bad"))
    assert [each.id for each in await store.approvals.waiting(MAIN, NOW)] == ["good"]
    await store.close()


@pytest.mark.parametrize(("column", "value"), [("actor_kind", "ghost"), ("at", "soon"), ("allowed", 7)])
async def test_damaged_entry_hides_no_other(tmp_path: Path, column: str, value: object) -> None:
    store = await open_store(f"sqlite:///{tmp_path / 'store.db'}")
    for detail in ("bad", "good"):
        await store.audit.write(replace(ENTRY, detail=detail))
    damage(tmp_path, f"UPDATE audit_entries SET {column} = ? WHERE detail = 'bad'", value)
    assert [entry.detail for entry in await store.audit.entries(MAIN)] == ["good"]
    await store.close()


def test_the_row_of_an_entry_has_the_actor_in_columns_and_no_number() -> None:
    row = entry_row(ENTRY)
    assert (row["actor_kind"], row["actor_name"], row["actor_address"]) == ("user", "anna", "::1")
    assert not {"actor", "number"} & set(row)
