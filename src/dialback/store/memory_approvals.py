"""Approvals in memory: for tests and trials, forgotten at the end of the process."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from dialback.domain.approvals import Approval, Decision, may_decide
from dialback.domain.directory import MAX_PAGE, Page
from dialback.domain.ids import ConnectionId, TenantId, UserId
from dialback.domain.records import cursor_after, place_of


class MemoryApprovals:
    """Implements `Approvals`; see there for what each method promises."""

    def __init__(self) -> None:
        self._approvals: dict[tuple[TenantId, ConnectionId], Approval] = {}

    async def ask(self, approval: Approval) -> None:
        self._approvals[approval.tenant, approval.id] = approval

    async def approval(self, tenant: TenantId, id: ConnectionId) -> Approval | None:
        return self._approvals.get((tenant, id))

    async def waiting(
        self, tenant: TenantId, now: datetime, user: UserId | None = None
    ) -> Sequence[Approval]:
        mine = [
            one
            for one in self._approvals.values()
            if one.tenant == tenant and user in (None, one.user) and one.waits(now)
        ]
        return sorted(mine, key=lambda one: (one.asked_at, one.id))

    async def waiting_page(
        self,
        tenant: TenantId,
        now: datetime,
        user: UserId | None = None,
        after: str = "",
        limit: int = 100,
    ) -> Page[Approval]:
        mine, size = await self.waiting(tenant, now, user), max(1, min(limit, MAX_PAGE))
        if after:
            place = place_of(after)
            mine = [one for one in mine if (one.asked_at, one.id) > place]
        page = tuple(mine[:size])
        return Page(page, cursor_after(page[-1].asked_at, page[-1].id) if len(mine) > size else "")

    async def count_waiting(self, tenant: TenantId, now: datetime, user: UserId | None = None) -> int:
        return len(await self.waiting(tenant, now, user))

    async def decide(
        self, tenant: TenantId, id: ConnectionId, decision: Decision, by: str, now: datetime
    ) -> bool:
        known = self._approvals.get((tenant, id))
        if known is None or not may_decide(known, decision, now):
            return False
        self._approvals[tenant, id] = replace(known, decision=decision, decided_at=now, decided_by=by)
        return True

    async def last_approved(self, tenant: TenantId, user: UserId, client_address: str) -> datetime | None:
        moments = [
            one.decided_at
            for one in self._approvals.values()
            if (one.tenant, one.user, one.client_address) == (tenant, user, client_address)
            and one.decision is Decision.APPROVED
            and one.decided_at is not None
        ]
        return max(moments, default=None)

    async def prune_approvals(self, before: datetime) -> int:
        old = [key for key, one in self._approvals.items() if one.asked_at < before]
        for key in old:
            del self._approvals[key]
        return len(old)
