"""Administration at size, over SQLite: what a page asks of the database does not grow with what is kept."""

from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import event, insert

from dialback.domain.hosts import Host
from dialback.domain.ids import ConnectionId, HostId, PoolId, SessionId, UserId, UserName
from dialback.domain.pools import HostPool, PoolHost
from dialback.domain.sessions import Session, SessionState
from dialback.domain.tenancy import MAIN, User
from dialback.identity.signing import SigningKey
from dialback.store import directory_rows, rows
from dialback.store.directory_models import host_pools, pool_hosts, sessions, users
from dialback.store.models import connections, hosts
from dialback.store.open import open_store
from dialback.store.sql import SqlStore
from tests.web.portal.stage import NOW, PortalStage

HOSTS, POOLS, SESSIONS, USERS, CONNECTIONS = 500, 60, 2000, 3000, 2000
MOST_QUERIES = 20
"""More than any page needs, and fewer than there are pools."""
MOST_BYTES = 1_000_000
PAGES = [
    "/admin",
    "/admin/sessions",
    "/admin/sessions?user=user1&host=h7",
    "/admin/published",
    "/admin/published?after=QQ",
    "/admin/published/desktops",
    "/admin/users",
    "/admin/users?q=user12",
    "/admin/connections",
    "/admin/connections?user=user7&state=open",
    "/admin/connections?by=provider",
]


class SizedStage(PortalStage):
    """The portal whose store and directory are a database."""

    def __init__(self, key: SigningKey, store: SqlStore) -> None:
        super().__init__(key, store=store)
        self.sql = store

    async def crowd(self) -> None:
        """Keep as much as is promised, or near it, in few statements."""
        template = await self.store.connection(MAIN, ConnectionId("c-live"))
        assert template is not None
        pools = [HostPool(MAIN, PoolId(f"p{n}"), f"Pool {n}") for n in range(POOLS)]
        known = [Host(HostId(f"h{n}"), f"host {n}", b"k" * 32, NOW) for n in range(HOSTS)]
        members = [PoolHost(MAIN, PoolId(f"p{n % POOLS}"), HostId(f"h{n}")) for n in range(HOSTS)]
        active, host = SessionState.ACTIVE, HOSTS
        live = [
            Session(MAIN, HostId(f"h{n % host}"), SessionId(f"{n}"), UserName(f"user{n}"), active, NOW)
            for n in range(SESSIONS)
        ]
        people = [User(MAIN, UserId(f"u{n}"), UserName(f"user{n}")) for n in range(USERS)]
        records = [
            replace(
                template,
                id=ConnectionId(f"n{n}"),
                user=UserName(f"user{n % 50}"),
                opened_at=NOW - timedelta(seconds=n),
            )
            for n in range(CONNECTIONS)
        ]
        async with self.sql._engine.begin() as connection:
            for table, values in (
                (host_pools, [directory_rows.row_of(each) | {"version": 1} for each in pools]),
                (hosts, [asdict(each) for each in known]),
                (pool_hosts, [asdict(each) for each in members]),
                (sessions, [directory_rows.session_row(each) for each in live]),
                (users, [directory_rows.row_of(each) | {"version": 1} for each in people]),
                (connections, [rows.connection_row(each) for each in records]),
            ):
                await connection.execute(insert(table), values)

    @contextmanager
    def counted(self) -> Iterator[list[str]]:
        """Give the statements that are run until the block ends."""
        found: list[str] = []

        def note(*given: object) -> None:
            found.append(str(given[2]))

        event.listen(self.sql._engine.sync_engine, "before_cursor_execute", note)
        try:
            yield found
        finally:
            event.remove(self.sql._engine.sync_engine, "before_cursor_execute", note)


@pytest.fixture
async def sized(publisher: SigningKey, tmp_path: Path) -> AsyncIterator[SizedStage]:
    store = await open_store(f"sqlite:///{tmp_path / 'store.db'}")
    stage = SizedStage(publisher, store)
    await stage.fill()
    await stage.crowd()
    yield stage
    await store.close()


async def test_pages_ask_few_questions_and_stay_small_however_much_is_kept(sized: SizedStage) -> None:
    adam = await sized.signed_in("adam")
    for path in PAGES:
        with sized.counted() as asked:
            answer = await adam.get(path)
        assert answer.status_code == 200, path
        assert len(asked) <= MOST_QUERIES, (path, asked)
        assert len(answer.content) < MOST_BYTES, path
    assert "501" in (await adam.get("/admin")).text
