"""What was kept before there was a directory moves along, in SQLite and PostgreSQL alike."""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from sqlalchemy import Connection, make_url, text
from sqlalchemy.ext.asyncio import create_async_engine

from dialback.domain.accounts import Scope
from dialback.domain.catalog import PublishedResource
from dialback.domain.ids import HostId, PoolId, ResourceName, TokenHash
from dialback.domain.pools import USUAL_REDIRECTIONS, HostPool, PoolHost
from dialback.domain.tenancy import MAIN, User
from dialback.store.models import metadata
from dialback.store.open import open_store
from tests.postgresql import PostgresqlServer

DRIVERS = {"sqlite": "sqlite+aiosqlite", "postgresql": "postgresql+asyncpg"}
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
HOSTS = [("h1", "office"), ("h2", "office"), ("h3", "L\u202eab" + "x" * 100)]
RESOURCES = [("office-pc", "h1", "127.0.0.1:3389"), ("tool", "h1", "unix:/run/x"), ("lost", "gone", "a:1")]
ASSIGNMENTS = [
    ("anna", "office-pc"),
    ("ANNA", "tool"),
    ("ben", "tool"),
    ("ben", "lost"),
    ("eve\n", "nothing"),
]


@pytest.fixture(params=DRIVERS)
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Return the URL of an empty database of each kind in turn."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'store.db'}"
    server: PostgresqlServer = request.getfixturevalue("postgresql")
    return server.new_database()


async def within(url: str, act: Callable[[Connection], Any]) -> Any:
    """Do something in a transaction of the database."""
    parsed = make_url(url)
    engine = create_async_engine(parsed.set(drivername=DRIVERS[parsed.get_backend_name()]))
    async with engine.begin() as connection:
        answer = await connection.run_sync(act)
    await engine.dispose()
    return answer


def upgrade(connection: Connection, revision: str) -> None:
    """Bring the schema to the revision."""
    config = Config()
    config.set_main_option("script_location", "dialback.store:migrations")
    config.attributes["connection"] = connection
    command.upgrade(config, revision)


def insert(connection: Connection, table: str, columns: str, rows: Iterable[Sequence[object]]) -> None:
    """Add rows as a version of that time did."""
    names = [name.strip() for name in columns.split(",")]
    values = ", ".join(f":v{number}" for number in range(len(names)))
    statement = text(f"INSERT INTO {table} ({columns}) VALUES ({values})")
    for row in rows:
        connection.execute(statement, {f"v{number}": value for number, value in enumerate(row)})


def add_hosts(connection: Connection, hosts: Iterable[tuple[str, str]]) -> None:
    columns = "id, name, public_key, enrolled_at, link_up"
    insert(connection, "hosts", columns, [(id, name, b"k" * 32, NOON, False) for id, name in hosts])


def first_light(connection: Connection) -> None:
    """Make the first schema and fill it."""
    upgrade(connection, "0001")
    add_hosts(connection, HOSTS)
    insert(connection, "resources", "name, host_id, target", RESOURCES)
    insert(connection, "assignments", '"user", resource', ASSIGNMENTS)
    tokens = [("good", "Anna", "tool", NOON, NOON), ("bad", "mallory", "tool", NOON, NOON)]
    columns = 'hash, "user", resource, issued_at, expires_at'
    insert(connection, "connection_tokens", columns, tokens)
    records = [("c1", "anna", "host-ended"), ("c2", None, "token-unknown")]
    insert(
        connection,
        "connections",
        "id, opened_at, transport, client_address, client_name, detail, to_client_bytes, to_host_bytes, "
        'timeline, "user", reason',
        [(id, NOON, "websocket", "192.0.2.7", "", "", 0, 0, "{}", user, why) for id, user, why in records],
    )


def between(connection: Connection) -> None:
    """Fill the first tables again after the directory was filled from them, as a server of that time did."""
    first_light(connection)
    upgrade(connection, "0003")
    add_hosts(connection, [("h4", "new")])
    connection.execute(text("UPDATE resources SET host_id = 'h4', target = 'new:1' WHERE name = 'tool'"))
    late = [("late", "h1", "a:2"), ("never", "none", "a:3")]
    insert(connection, "resources", "name, host_id, target", late)
    assigned = [("BEN", "late"), ("Zoë", "late"), ("Zoë", "never")]
    insert(connection, "assignments", '"user", resource', assigned)


async def test_what_was_there_is_in_the_directory_and_gives_nobody_more(url: str) -> None:
    await within(url, first_light)
    store = await open_store(url)
    directory = store.directory
    pools = (await directory.page(HostPool, MAIN)).items
    assert [pool.id for pool in pools] == ["h3", "h1", "h2"]
    assert [pool.name for pool in pools][1:] == ["office", "office h2"]
    assert pools[0].name == "L\ufffdab" + "x" * 60
    assert all(pool.redirections == USUAL_REDIRECTIONS for pool in pools)
    assert await directory.pool_hosts(MAIN, PoolId("h1")) == [PoolHost(MAIN, PoolId("h1"), HostId("h1"))]
    assert [one.name for one in (await directory.page(PublishedResource, MAIN)).items] == [
        "office-pc",
        "tool",
    ]
    found = {}
    for user in (await directory.page(User, MAIN)).items:
        found[user.name] = {one.name for one in await directory.resources_of(MAIN, user.id)}
    # Names that differ in case alone are one user; a name with a line break became one without.
    anna = found.pop("anna", None) or found.pop("ANNA")
    assert anna == {"office-pc", "tool"}
    assert found == {"ben": {"tool"}, "eve\ufffd": set()}
    ben = await directory.find(User, MAIN, "Ben")
    assert ben is not None
    published = await directory.published(MAIN, ben.id, ResourceName("tool"))
    assert published is not None
    assert (published.resource.target, published.pool.id) == ("unix:/run/x", "h1")
    await store.close()


async def test_tokens_and_records_belong_to_the_tenant_and_their_user(url: str) -> None:
    await within(url, first_light)
    store = await open_store(url)
    assert {host.tenant for host in await store.all_hosts()} == {MAIN}
    anna = await store.directory.find(User, MAIN, "anna")
    assert anna is not None
    token, _ = await store.token(TokenHash("good"))
    assert token is not None
    assert (token.tenant, token.user_id, token.user, token.kind) == (MAIN, anna.id, "Anna", "connection")
    assert await store.tokens_of(MAIN, anna.id) == [token]
    assert (await store.token(TokenHash("bad")))[0] is None
    assert [record.id for record in await store.connections(MAIN)] == ["c1"]
    assert [record.id for record in await store.connections(None)] == ["c2"]
    await store.close()


async def test_what_the_first_tables_got_since_moves_along_too(url: str) -> None:
    await within(url, between)
    store = await open_store(url)
    directory = store.directory
    found = {one.name: one for one in (await directory.page(PublishedResource, MAIN)).items}
    assert set(found) == {"late", "office-pc", "tool"}
    assert (found["tool"].target, found["late"].target) == ("new:1", "a:2")
    assert await directory.pool_host(MAIN, HostId("h4")) == PoolHost(MAIN, PoolId("h4"), HostId("h4"))
    users = {user.name: user for user in (await directory.page(User, MAIN)).items}
    assert set(users) - {"anna", "ANNA"} == {"ben", "Zoë", "eve\ufffd"}
    uses = {name: await directory.resources_of(MAIN, users[name].id) for name in ("ben", "Zoë")}
    assert {name: [one.name for one in mine] for name, mine in uses.items()} == {
        "ben": ["late", "tool"],
        "Zoë": ["late"],
    }
    published = await directory.published(MAIN, users["ben"].id, ResourceName("tool"))
    assert published is not None
    assert published.pool.id == "h4"
    await store.close()


def with_tokens(connection: Connection) -> None:
    """Fill what there was before tokens were of who made them."""
    upgrade(connection, "0009")
    user = ("main", "u1", "Anna", "anna", "", "owner", 1)
    insert(connection, "users", "tenant, id, name, name_key, display_name, role, version", [user])
    columns = "tenant, id, hash, name, scopes, created_by, created_at"
    made = {"annas": "Anna", "gone": "Ben", "servers": "root"}
    tokens = [("main", id, id, id, '["audit:read"]', by, NOON) for id, by in made.items()]
    insert(connection, "api_tokens", columns, tokens)
    columns = "tenant, at, actor_kind, actor_name, actor_address, action, subject, detail, allowed"
    kinds = {"annas": "user", "gone": "user", "servers": "local"}
    entries = [
        ("main", NOON, kind, made[id], "", "api-token.make", f"api-token:{id}", "", True)
        for id, kind in kinds.items()
    ]
    insert(connection, "audit_entries", columns, entries)


async def test_token_is_of_the_user_who_made_it_or_was_made_on_the_server(url: str) -> None:
    await within(url, with_tokens)
    store = await open_store(url)
    tokens = {token.id: token for token in await store.accounts.api_tokens(MAIN)}
    assert {id: token.user for id, token in tokens.items()} == {"annas": "u1", "servers": None}
    assert tokens["annas"].scopes == {Scope.AUDIT_READ}
    await store.directory.remove(User, MAIN, "u1")
    assert [token.id for token in await store.accounts.api_tokens(MAIN)] == ["servers"]
    await store.close()


async def test_migrated_database_has_the_schema_of_the_models(url: str) -> None:
    await (await open_store(url)).close()

    def differences(connection: Connection) -> list[object]:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        return list(compare_metadata(context, metadata))

    assert await within(url, differences) == []


async def test_new_database_has_the_main_tenant_and_nothing_in_it(url: str) -> None:
    stores = await asyncio.gather(*(open_store(url) for _ in range(2)))
    assert [tenant.id for tenant in await stores[0].directory.tenants()] == [MAIN]
    assert (await stores[1].directory.page(HostPool, MAIN)).items == ()
    for store in stores:
        await store.close()
