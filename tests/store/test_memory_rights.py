"""What is particular to rights in memory; the rest is in `tests/contracts/test_rights.py`."""

from dialback.domain.ids import UserId, UserName
from dialback.domain.live import Rights
from dialback.domain.tenancy import MAIN, User
from dialback.store.memory import MemoryStore
from dialback.store.memory_rights import MemoryRights

ANNA = (MAIN, UserId("u1"))


async def test_what_is_saved_later_counts_at_once() -> None:
    store = MemoryStore()
    rights: Rights = MemoryRights(store, store.directory)
    assert (await rights.lost([ANNA], [], [])).users == {ANNA}
    await store.directory.save(User(*ANNA, UserName("anna")))
    assert (await rights.lost([ANNA], [], [])).users == frozenset()
