"""Approvals whose changes are heard in this process at once.

Whoever asks or decides here, wakes whoever listens here: the gateway's parked client, a portal page that is
open. What another process decides (another node, the command line) is heard by looking now and then, so
listeners do both. An event says only that something changed in the tenant; what, is asked of the approvals.
"""

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime

from dialback.domain.approvals import Approval, Approvals, Decision
from dialback.domain.directory import Page
from dialback.domain.ids import ConnectionId, TenantId, UserId


class HeardApprovals(Approvals):
    """Other approvals, and the listeners to changes that are made through this object."""

    def __init__(self, kept: Approvals) -> None:
        self._kept = kept
        self._listeners: dict[TenantId, set[asyncio.Event]] = {}

    @contextmanager
    def heard(self, tenant: TenantId) -> Iterator[asyncio.Event]:
        """Give an event that every change in the tenant sets; clear it before looking at what changed."""
        changed = asyncio.Event()
        self._listeners.setdefault(tenant, set()).add(changed)
        try:
            yield changed
        finally:
            self._listeners[tenant].discard(changed)
            if not self._listeners[tenant]:
                del self._listeners[tenant]

    async def ask(self, approval: Approval) -> None:
        await self._kept.ask(approval)
        self._tell(approval.tenant)

    async def approval(self, tenant: TenantId, id: ConnectionId) -> Approval | None:
        return await self._kept.approval(tenant, id)

    async def waiting(
        self, tenant: TenantId, now: datetime, user: UserId | None = None
    ) -> Sequence[Approval]:
        return await self._kept.waiting(tenant, now, user)

    async def waiting_page(
        self,
        tenant: TenantId,
        now: datetime,
        user: UserId | None = None,
        after: str = "",
        limit: int = 100,
    ) -> Page[Approval]:
        return await self._kept.waiting_page(tenant, now, user, after, limit)

    async def count_waiting(self, tenant: TenantId, now: datetime, user: UserId | None = None) -> int:
        return await self._kept.count_waiting(tenant, now, user)

    async def decide(
        self, tenant: TenantId, id: ConnectionId, decision: Decision, by: str, now: datetime
    ) -> bool:
        decided = await self._kept.decide(tenant, id, decision, by, now)
        self._tell(tenant)
        return decided

    async def last_approved(self, tenant: TenantId, user: UserId, client_address: str) -> datetime | None:
        return await self._kept.last_approved(tenant, user, client_address)

    async def prune_approvals(self, before: datetime) -> int:
        return await self._kept.prune_approvals(before)

    def _tell(self, tenant: TenantId) -> None:
        for changed in self._listeners.get(tenant, ()):
            changed.set()
