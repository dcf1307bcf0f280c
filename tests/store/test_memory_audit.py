"""What is particular to the audit log in memory; the rest is in `tests/contracts/test_audit.py`."""

from dialback.domain.audit import Audit
from dialback.domain.tenancy import MAIN
from dialback.store.memory_audit import MemoryAudit
from tests.store.test_decisions_rows import ENTRY


async def test_two_of_them_share_nothing() -> None:
    left: Audit = MemoryAudit()
    right: Audit = MemoryAudit()
    await left.write(ENTRY)
    assert len(await left.entries(MAIN)) == 1
    assert await right.entries(MAIN) == []
