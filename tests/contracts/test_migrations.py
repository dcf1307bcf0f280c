"""What was kept before there was a directory moves along, in SQLite and PostgreSQL alike."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from sqlalchemy import Connection, make_url, text
from sqlalchemy.ext.asyncio import create_async_engine

from dialback.domain.catalog import PublishedResource
from dialback.domain.ids import HostId, PoolId, ResourceName, UserName
from dialback.domain.pools import HostPool, PoolHost, Redirection
from dialback.domain.tenancy import MAIN, User
from dialback.store.models import metadata
from dialback.store.open import open_store
from tests.postgresql import PostgresqlServer

DRIVERS = {"sqlite": "sqlite+aiosqlite", "postgresql": "postgresql+asyncpg"}
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


def first_light(connection: Connection) -> None:
    """Make the first schema and fill it."""
    config = Config()
    config.set_main_option("script_location", "dialback.store:migrations")
    config.attributes["connection"] = connection
    command.upgrade(config, "0001")
    for id, name in HOSTS:
        connection.execute(
            text(
                "INSERT INTO hosts (id, name, public_key, enrolled_at, link_up) "
                "VALUES (:id, :name, :key, '2026-03-01 12:00:00', false)"
            ),
            {"id": id, "name": name, "key": b"k" * 32},
        )
    for row in RESOURCES:
        values = dict(zip("nht", row, strict=True))
        connection.execute(text("INSERT INTO resources (name, host_id, target) VALUES (:n, :h, :t)"), values)
    for row in ASSIGNMENTS:
        values = dict(zip("ur", row, strict=True))
        connection.execute(text('INSERT INTO assignments ("user", resource) VALUES (:u, :r)'), values)


async def test_what_was_there_is_in_the_directory_and_gives_nobody_more(url: str) -> None:
    await within(url, first_light)
    store = await open_store(url)
    directory = store.directory
    pools = (await directory.page(HostPool, MAIN)).items
    assert [pool.id for pool in pools] == ["h3", "h1", "h2"]
    assert [pool.name for pool in pools][1:] == ["office", "office h2"]
    assert pools[0].name == "L\ufffdab" + "x" * 60
    assert all(pool.redirections == frozenset(Redirection) for pool in pools)
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


async def test_old_way_reads_on_what_it_kept(url: str) -> None:
    await within(url, first_light)
    store = await open_store(url)
    assert {host.tenant for host in await store.hosts()} == {MAIN}
    assert await store.assigned(UserName("anna"), ResourceName("office-pc"))
    assert len(await store.resources()) == len(RESOURCES)
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
