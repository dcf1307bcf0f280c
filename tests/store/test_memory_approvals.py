"""What is particular to approvals in memory; the rest is in `tests/contracts/test_approvals.py`."""

from dialback.domain.approvals import Approvals
from dialback.domain.tenancy import MAIN
from dialback.store.memory_approvals import MemoryApprovals
from tests.store.test_decisions_rows import GOOD


async def test_two_of_them_share_nothing() -> None:
    left: Approvals = MemoryApprovals()
    right: Approvals = MemoryApprovals()
    await left.ask(GOOD)
    assert await left.approval(MAIN, GOOD.id) == GOOD
    assert await right.approval(MAIN, GOOD.id) is None
