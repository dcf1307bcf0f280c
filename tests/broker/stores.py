"""Stores for the broker's tests: one filled, and one that fails on demand."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from dialback.domain.access import ConnectionToken
from dialback.domain.catalog import ApplicationGroup, PublishedResource, UserAssignment
from dialback.domain.contracts import StoreUnavailable
from dialback.domain.directory import Directory
from dialback.domain.hosts import Host, JoinCode
from dialback.domain.ids import (
    ApplicationGroupId,
    ConnectionId,
    HostId,
    PoolId,
    ResourceId,
    ResourceName,
    UserId,
    UserName,
)
from dialback.domain.sessions import ConnectionRecord
from dialback.domain.tenancy import MAIN, User
from dialback.identity.host_keys import HostKey
from dialback.identity.tokens import hash_token
from dialback.store.memory import MemoryStore
from dialback.store.memory_directory import MemoryDirectory

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)
KEY = HostKey.generate()
HOST = Host(HostId("h1"), "desk", KEY.public_bytes, NOW)
POOL = PoolId(HOST.id)
GROUP = ApplicationGroup(MAIN, ApplicationGroupId("office"), "Office", POOL)
RESOURCE = PublishedResource(MAIN, ResourceId("office"), GROUP.id, ResourceName("office"), "Office")
USER = UserName("anne")
ANNE = User(MAIN, UserId("u-anne"), USER)
SECRET = "x" * 43
TOKEN = ConnectionToken(
    hash_token(SECRET), MAIN, ANNE.id, USER, RESOURCE.name, NOW, NOW + timedelta(minutes=10)
)
CODE_SECRET = "c" * 43
CODE = JoinCode(hash_token(CODE_SECRET), "desk", NOW + timedelta(hours=1))
RECORD = ConnectionRecord(
    ConnectionId("c1"), NOW, "websocket", "192.0.2.7", tenant=MAIN, token_hash=TOKEN.hash
)


def record(number: int) -> ConnectionRecord:
    """Return the record of that number."""
    return replace(RECORD, id=ConnectionId(f"c{number}"))


class FailingStore(MemoryStore):
    """A store that raises while `away` is set: always the same, whatever it or its directory is asked."""

    def __init__(self) -> None:
        super().__init__()
        self.away: Exception | None = None

    @property
    def directory(self) -> Any:
        return FailingDirectory(self, self._directory)

    def __getattribute__(self, name: str) -> Any:
        found = super().__getattribute__(name)
        if name.startswith("_") or not callable(found):
            return found
        return self._checked(found)

    def _checked(self, method: Callable[..., Any]) -> Callable[..., Any]:
        async def call(*args: Any, **kwargs: Any) -> Any:
            if self.away is not None:
                raise self.away
            return await method(*args, **kwargs)

        return call


class FailingDirectory:
    """The directory of a store that fails."""

    def __init__(self, store: FailingStore, directory: MemoryDirectory) -> None:
        self._store, self._directory = store, directory

    def __getattr__(self, name: str) -> Any:
        return self._store._checked(getattr(self._directory, name))


async def filled() -> FailingStore:
    """Return a store with one host, its resource assigned to the user, and the user's token."""
    store = FailingStore()
    await store.save_join_code(CODE)
    await store.enrol_host(CODE.hash, HOST, NOW)
    await publish(store.directory)
    await store.save_token(TOKEN)
    return store


async def publish(directory: Directory) -> None:
    """Publish the resource on the host's own pool and assign it to the user."""
    for noun in (ANNE, GROUP, RESOURCE):
        await directory.save(noun)  # type: ignore[type-var]
    await directory.assign(UserAssignment(MAIN, GROUP.id, ANNE.id))


AWAY = StoreUnavailable("the disk is full; free some space")
