"""What is particular to the directory in memory; the rest is in `tests/contracts/test_directory.py`."""

from dialback.domain.directory import Directory
from dialback.domain.tenancy import MAIN, Tenant, User
from dialback.store.memory import MemoryStore
from tests.store.nouns import ACME, USER


async def test_two_memory_directories_share_nothing() -> None:
    left: Directory = MemoryStore().directory
    right: Directory = MemoryStore().directory
    await left.save_tenant(Tenant(ACME, "Acme"))
    await left.save(USER)
    assert await left.get(User, ACME, USER.id) == USER
    assert await right.tenant(ACME) is None


async def test_main_tenant_is_there_from_the_beginning() -> None:
    assert [tenant.id for tenant in await MemoryStore().directory.tenants()] == [MAIN]
