"""What is particular to the provider's things in memory; the rest is in the contract suite."""

from dialback.domain.provider import Provider
from dialback.domain.tenancy import MAIN
from dialback.store.memory import MemoryStore
from dialback.store.memory_provider import MemoryProvider
from tests.store.test_provider_rows import GRANT


async def test_two_of_them_share_nothing() -> None:
    directory = MemoryStore().directory
    left: Provider = MemoryProvider(directory)
    right: Provider = MemoryProvider(directory)
    await left.save_grant(GRANT)
    assert len(await left.grants(MAIN)) == 1
    assert list(await right.grants(MAIN)) == []
