"""Rows that can be no noun: named when asked for, left out of lists, never a traceback."""

import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from dialback.domain.access import ConnectionToken, TokenUse
from dialback.domain.contracts import StoreUnavailable
from dialback.domain.errors import Reason
from dialback.domain.hosts import Host, HostReport, JoinCode
from dialback.domain.ids import ConnectionId, HostId, ResourceName, TokenHash, UserId, UserName
from dialback.domain.records import place_of
from dialback.domain.sessions import ConnectionRecord, Stage
from dialback.domain.tenancy import MAIN
from dialback.store.models import IMPOSSIBLE
from dialback.store.open import open_store
from dialback.store.rows import cursor_behind
from dialback.store.sql import SqlStore

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
GOOD, BAD = "good", "bad"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return where the database is."""
    return tmp_path / "store.db"


@pytest.fixture
async def store(path: Path) -> AsyncIterator[SqlStore]:
    """Return a store that holds two of everything: a good one, and one that a test damages."""
    store = await open_store(f"sqlite:///{path}")
    for name in (GOOD, BAD):
        code = JoinCode(TokenHash(f"code of {name}"), name, NOW.replace(year=2030))
        await store.save_join_code(code)
        await store.enrol_host(code.hash, Host(HostId(name), name, b"k" * 32, NOW), NOW)
        await store.save_report(HostId(name), HostReport(name, "Linux", "0.1.0"), NOW)
        token = ConnectionToken(
            TokenHash(name), MAIN, UserId("u1"), UserName("anna"), ResourceName(name), NOW, NOW
        )
        await store.save_token(token)
        record = ConnectionRecord(
            ConnectionId(name),
            NOW,
            "websocket",
            "192.0.2.7",
            tenant=MAIN,
            token_hash=TokenHash(name),
            ended_at=NOW,
            reason=Reason.CLIENT_LOST,
            timeline={Stage.TLS: 1.0},
        )
        await store.save_connection(record)
    yield store
    await store.close()


def damage(path: Path, table: str, column: str, value: object) -> None:
    """Put a value into one column of the bad row of a table, as another program might."""
    key = {"hosts": "id", "connections": "id"}.get(table, "hash")
    with closing(sqlite3.connect(path)) as database, database:
        changed = database.execute(
            f"UPDATE {table} SET {column} = ? WHERE {key} LIKE ?",  # names come from this file
            (value, f"%{BAD}"),
        )
    assert changed.rowcount == 1


HOST_DAMAGE = [
    ("public_key", b"short"),
    ("public_key", "text"),
    ("enrolled_at", "yesterday"),
    ("revoked_at", 7),
    ("report", "{"),
    ("report", "[]"),
    ("report", '{"host_name": 7}'),
    ("report", "[" * 100_000),
    ("link_up", "perhaps"),
    ("name", b"\xff"),
]

CONNECTION_DAMAGE = [
    ("reason", "invented"),
    ("reason", b"\xff"),
    ("because", "invented"),
    ("opened_at", "2026-02-30 00:00:00.000000"),
    ("ended_at", "soon"),
    ("timeline", "null"),
    ("timeline", '{"invented": 1}'),
    ("timeline", '{"tls": "long"}'),
    ("timeline", "\xff"),
    ("to_client_bytes", "many"),
    ("client_name", b"\xff"),
]


@pytest.mark.parametrize(("column", "value"), HOST_DAMAGE, ids=lambda value: str(value)[:20])
async def test_damaged_host_is_named_and_hides_no_other(
    store: SqlStore, path: Path, caplog: pytest.LogCaptureFixture, column: str, value: object
) -> None:
    damage(path, "hosts", column, value)
    with pytest.raises(StoreUnavailable, match=rf"hosts 'bad': {column}"):
        await store.any_host(HostId(BAD))
    assert [host.id for host in await store.all_hosts()] == [GOOD]
    assert "hosts 'bad'" in caplog.text


@pytest.mark.parametrize(("column", "value"), CONNECTION_DAMAGE, ids=lambda value: str(value)[:20])
async def test_damaged_connection_is_named_and_hides_no_other(
    store: SqlStore, path: Path, caplog: pytest.LogCaptureFixture, column: str, value: object
) -> None:
    damage(path, "connections", column, value)
    with pytest.raises(StoreUnavailable, match=r"connections 'bad': \w+"):
        await store.connection(MAIN, ConnectionId(BAD))
    assert [record.id for record in await store.connections(MAIN)] == [GOOD]
    assert "connections 'bad'" in caplog.text


@pytest.mark.parametrize(("column", "value"), [("expires_at", "never"), ("kind", "invented")])
async def test_damaged_token_is_named(store: SqlStore, path: Path, column: str, value: str) -> None:
    damage(path, "connection_tokens", column, value)
    with pytest.raises(StoreUnavailable, match=f"connection_tokens 'bad': {column}"):
        await store.token(TokenHash(BAD))
    assert [token.hash for token in await store.tokens_of(MAIN, UserId("u1"))] == [GOOD]


async def test_damaged_end_of_a_connection_is_named_when_its_token_is_used(
    store: SqlStore, path: Path
) -> None:
    damage(path, "connections", "ended_at", "soon")
    with pytest.raises(StoreUnavailable, match="connections 'bad': last_ended_at"):
        await store.token(TokenHash(BAD))


async def test_unknown_reason_of_a_newer_version_gives_no_grace(store: SqlStore, path: Path) -> None:
    damage(path, "connections", "reason", "invented")
    _, use = await store.token(TokenHash(BAD))
    assert use == TokenUse(live=False)


async def test_damaged_join_code_enrols_nobody(store: SqlStore, path: Path) -> None:
    damage(path, "join_codes", "used_at", "soon")
    host = Host(HostId("new"), "", b"k" * 32, NOW)
    with pytest.raises(StoreUnavailable, match="join_codes 'code of bad': used_at"):
        await store.enrol_host(TokenHash("code of bad"), host, NOW)
    assert await store.any_host(host.id) is None


async def test_message_is_bounded_and_shows_no_control_character(store: SqlStore, path: Path) -> None:
    damage(path, "hosts", "public_key", b"")
    key = "\x1b[2J" * 10_000 + BAD
    damage(path, "hosts", "id", key)
    with pytest.raises(StoreUnavailable) as caught:
        await store.any_host(HostId(key))
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 500


def test_page_goes_on_behind_the_last_row_that_has_its_instant() -> None:
    found = [{"id": "a", "at": NOW}, {"id": "b", "at": IMPOSSIBLE}]
    assert place_of(cursor_behind(found, "at")) == (NOW, "a")
    assert cursor_behind(found[1:], "at") == ""
