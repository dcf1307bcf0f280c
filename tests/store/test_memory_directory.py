"""What is particular to the directory in memory; the rest is in `tests/contracts/test_directory.py`."""

from dialback.domain.directory import Directory
from dialback.domain.tenancy import Tenant, User
from dialback.store.memory import MemoryStore
from dialback.store.memory_directory import MemoryDirectory
from tests.store.nouns import ACME, USER


async def test_two_memory_directories_share_nothing() -> None:
    left: Directory = MemoryDirectory(MemoryStore())
    right: Directory = MemoryDirectory(MemoryStore())
    await left.save_tenant(Tenant(ACME, "Acme"))
    await left.save(USER)
    assert await left.get(User, ACME, USER.id) == USER
    assert await right.tenants() == []
