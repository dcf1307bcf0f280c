"""Who is told of a change, and who is not."""

from datetime import UTC, datetime, timedelta

from dialback.broker.decisions import HeardApprovals
from dialback.domain.approvals import Approval, Cause, Decision
from dialback.domain.ids import ConnectionId, ResourceName, TenantId, UserId
from dialback.store.memory_approvals import MemoryApprovals

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
ACME, OTHER, ANNA = TenantId("acme"), TenantId("other"), UserId("u1")
ASKED = Approval(
    ConnectionId("c1"),
    ACME,
    ANNA,
    ResourceName("office"),
    Cause.POLICY,
    47,
    "::1",
    "",
    NOW,
    NOW + timedelta(1),
)


async def test_asking_and_deciding_are_heard() -> None:
    approvals = HeardApprovals(MemoryApprovals())
    with approvals.heard(ACME) as changed:
        await approvals.ask(ASKED)
        assert changed.is_set()
        changed.clear()
        await approvals.decide(ACME, ASKED.id, Decision.APPROVED, "anna", NOW)
        assert changed.is_set()


async def test_another_tenant_hears_nothing() -> None:
    approvals = HeardApprovals(MemoryApprovals())
    with approvals.heard(OTHER) as changed:
        await approvals.ask(ASKED)
        assert not changed.is_set()


async def test_everybody_who_listens_hears_it_and_nobody_afterwards() -> None:
    approvals = HeardApprovals(MemoryApprovals())
    with approvals.heard(ACME) as first:
        with approvals.heard(ACME) as second:
            await approvals.ask(ASKED)
        second.clear()
        await approvals.decide(ACME, ASKED.id, Decision.DENIED, "anna", NOW)
    assert first.is_set()
    assert not second.is_set()


async def test_everything_else_is_asked_of_what_is_kept() -> None:
    kept = MemoryApprovals()
    approvals = HeardApprovals(kept)
    await kept.ask(ASKED)
    assert await approvals.approval(ACME, ASKED.id) == ASKED
    assert await approvals.waiting(ACME, NOW, ANNA) == [ASKED]
    assert (await approvals.waiting_page(ACME, NOW, ANNA, limit=1)).items == (ASKED,)
    assert await approvals.count_waiting(ACME, NOW, ANNA) == 1
    await kept.decide(ACME, ASKED.id, Decision.APPROVED, "anna", NOW)
    assert await approvals.last_approved(ACME, ANNA, "::1") == NOW
    assert await approvals.prune_approvals(NOW + timedelta(1)) == 1
