"""What the contract of `Icons` does not say of the ones in memory."""

from dialback.domain.icons import icon_of
from dialback.domain.tenancy import MAIN, Tenant
from dialback.store.memory import MemoryStore
from dialback.store.memory_icons import MemoryIcons


async def test_icons_of_two_stores_are_apart() -> None:
    directory = MemoryStore().directory
    await directory.save_tenant(Tenant(MAIN, "Main"))
    first, second = MemoryIcons(directory), MemoryIcons(directory)
    await first.save_icon(icon_of(MAIN, b"x"))
    assert list(await first.icons(MAIN)) != list(await second.icons(MAIN)) == []
