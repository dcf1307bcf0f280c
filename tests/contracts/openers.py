"""Every implementation of `Store` and `Directory`, by name: a new one is added here, and nowhere else."""

from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from dialback.domain.contracts import Store
from dialback.domain.directory import Directory
from dialback.store.memory import MemoryStore
from dialback.store.open import open_store
from tests.databases import make_sqlite
from tests.postgresql import PostgresqlServer

Opener = Callable[[pytest.FixtureRequest], Awaitable[tuple[Store, Directory]]]


async def open_memory(request: pytest.FixtureRequest) -> tuple[Store, Directory]:
    store = MemoryStore()
    return store, store.directory


async def open_sqlite(request: pytest.FixtureRequest) -> tuple[Store, Directory]:
    folder: Path = request.getfixturevalue("tmp_path")
    make_sqlite(folder / "store.db")
    store = await open_store(f"sqlite:///{folder / 'store.db'}")
    return store, store.directory


async def open_postgresql(request: pytest.FixtureRequest) -> tuple[Store, Directory]:
    server: PostgresqlServer = request.getfixturevalue("postgresql")
    if not server.template:
        # Migrated once and copied for each test, which saves most of the time.
        url = server.new_database()
        await (await open_store(url)).close()
        server.template = url.rpartition("/")[2]
    url = server.new_database(server.template)
    # Hundreds of databases that go with the server take minutes, which would be the last test's.
    request.addfinalizer(lambda: server.drop(url))
    store = await open_store(url)
    return store, store.directory


OPENERS: dict[str, Opener] = {"memory": open_memory, "sqlite": open_sqlite, "postgresql": open_postgresql}
