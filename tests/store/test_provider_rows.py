"""Rows of the provider: damaged ones are named when asked for and hide no other in a list."""

import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from dialback.domain.consent import ConsentRequest, ConsentScope
from dialback.domain.contracts import StoreUnavailable
from dialback.domain.flight import FlightEntry, FlightEvent, Head, SignedHead, build, extend
from dialback.domain.ids import ConnectionId, GrantId, HostId, TenantId, UserId, UserName
from dialback.domain.provider import PROVIDER, ConsentKey, KeptGrant, Staff, Terms
from dialback.domain.tenancy import MAIN, Tenant, User
from dialback.store.open import open_store
from dialback.store.provider_rows import entry_row, signed_row, staff_row, terms_row
from dialback.store.sql import SqlStore

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
REQUEST = ConsentRequest(
    "good", MAIN, HostId("h1"), "tess", "technician", ConsentScope.DESKTOP, "", "why", NOW
)
GRANT = KeptGrant(MAIN, GrantId("good"), "r1", "text", NOW + timedelta(hours=1))
ENTRY: FlightEntry = extend((), ConnectionId("good"), NOW, FlightEvent.ASKED, staff="tess")


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[SqlStore]:
    opened = await open_store(f"sqlite:///{tmp_path / 'store.db'}")
    await opened.directory.save_tenant(Tenant(PROVIDER, "Provider"))
    for id in ("good", "bad"):
        await opened.directory.save_tenant(Tenant(TenantId(id), id))
        await opened.directory.save(User(PROVIDER, UserId(id), UserName(id)))
    yield opened
    await opened.close()


def damage(folder: Path, table: str, column: str, value: object, key: str = "id") -> None:
    with closing(sqlite3.connect(folder / "store.db")) as database, database:
        database.execute("PRAGMA foreign_keys = OFF")
        database.execute(f'UPDATE {table} SET "{column}" = ? WHERE "{key}" = ?', (value, "bad"))


@pytest.mark.parametrize(
    ("column", "value"), [("role", "ghost"), ("tenants", "no json"), ("tags", '["a b"]'), ("tags", "7")]
)
async def test_damaged_staff_are_nobody(store: SqlStore, tmp_path: Path, column: str, value: object) -> None:
    for id in ("good", "bad"):
        await store.provider.save_staff(Staff(UserId(id), tags=frozenset({"gold"})))
    damage(tmp_path, "staff", column, value, "user")
    with pytest.raises(StoreUnavailable, match="staff 'bad'"):
        await store.provider.staff(UserId("bad"))
    assert [each.user for each in await store.provider.all_staff()] == ["good"]


@pytest.mark.parametrize(
    ("column", "value"), [("ends_at", "soon"), ("most_connections", "many"), ("most_connections", 0)]
)
async def test_nobody_is_served_on_terms_that_cannot_be_read(
    store: SqlStore, tmp_path: Path, column: str, value: object
) -> None:
    await store.provider.save_terms(Terms(TenantId("bad")))
    damage(tmp_path, "terms", column, value, "tenant")
    with pytest.raises(StoreUnavailable, match="terms 'bad'"):
        await store.provider.terms(TenantId("bad"))
    assert [each.tenant for each in await store.provider.all_terms()] == ["good", MAIN, PROVIDER]


async def test_damaged_consent_key_hides_no_other(store: SqlStore, tmp_path: Path) -> None:
    for name in ("good", "bad"):
        await store.provider.save_consent_key(ConsentKey(MAIN, name, b"k" * 32))
    damage(tmp_path, "consent_keys", "public_key", b"short", "name")
    assert [key.name for key in await store.provider.consent_keys(MAIN)] == ["good"]


@pytest.mark.parametrize(
    ("column", "value"), [("scope", "all"), ("purpose", "a\nb"), ("asked_at", "soon"), ("staff", "")]
)
async def test_damaged_request_is_named_and_hides_no_other(
    store: SqlStore, tmp_path: Path, column: str, value: object
) -> None:
    for id in ("good", "bad"):
        await store.provider.ask_consent(replace(REQUEST, id=id))
    damage(tmp_path, "consent_requests", column, value)
    with pytest.raises(StoreUnavailable, match="consent_requests 'bad'"):
        await store.provider.consent_request(MAIN, "bad")
    assert [each.id for each in await store.provider.consent_requests(MAIN)] == ["good"]


async def test_damaged_denial_hides_no_other(store: SqlStore, tmp_path: Path) -> None:
    for id in ("good", "bad"):
        await store.provider.ask_consent(replace(REQUEST, id=id))
        await store.provider.deny_consent(MAIN, id, "anna", NOW)
    damage(tmp_path, "consent_requests", "denied_at", "soon")
    assert set(await store.provider.denials(MAIN, ["good", "bad"])) == {"good"}


@pytest.mark.parametrize(("column", "value"), [("until", "soon"), ("signatures", "two"), ("text", b"\xff")])
async def test_damaged_grant_hides_no_other(
    store: SqlStore, tmp_path: Path, column: str, value: object
) -> None:
    for id in ("good", "bad"):
        await store.provider.save_grant(replace(GRANT, id=GrantId(id), request=id))
    damage(tmp_path, "grants", column, value)
    assert [each.id for each in await store.provider.grants(MAIN)] == ["good"]
    with pytest.raises(StoreUnavailable, match="grants 'bad'"):
        await store.provider.grant_for(MAIN, "bad")


async def test_damaged_chain_hides_no_other(store: SqlStore, tmp_path: Path) -> None:
    for id in ("good", "bad"):
        begun = replace(ENTRY, connection_id=ConnectionId(id))
        await store.provider.append_flight(MAIN, [build(begun)])
    damage(tmp_path, "flights", "begun_at", "soon", "connection_id")
    assert [each.end.connection_id for each in await store.provider.flights(MAIN)] == ["good"]


async def test_line_that_was_changed_by_hand_is_shown_as_it_is(store: SqlStore, tmp_path: Path) -> None:
    begun = replace(ENTRY, connection_id=ConnectionId("bad"))
    await store.provider.append_flight(MAIN, [build(begun)])
    damage(tmp_path, "flight_entries", "line", "forged", "connection_id")
    assert list(await store.provider.flight_lines(MAIN, ConnectionId("bad"))) == ["forged"]
    damage(tmp_path, "flight_entries", "line", b"\xff", "connection_id")
    assert list(await store.provider.flight_lines(MAIN, ConnectionId("bad"))) == [""]


def test_rows_are_flat_and_in_one_order() -> None:
    staff = staff_row(Staff(UserId("u"), tenants=frozenset({TenantId("b"), TenantId("a")})))
    assert (staff["tenant"], staff["tenants"]) == (PROVIDER, ["a", "b"])
    assert "version" not in terms_row(Terms(MAIN))
    signed = signed_row(SignedHead(Head(ConnectionId("c"), 3, "h"), b"a" * 64))
    assert list(signed.values()) == [3, "h", b"a" * 64, b""]
    assert entry_row(MAIN, ENTRY)["line"] == build(ENTRY)
