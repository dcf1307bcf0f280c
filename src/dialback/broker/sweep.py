"""What a broker tidies up: at its start what an earlier run left open, and later what is too old to keep."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from dialback.broker.settings import BrokerSettings
from dialback.domain.accounts import Accounts
from dialback.domain.approvals import Approvals, Decision
from dialback.domain.audit import Audit
from dialback.domain.contracts import Store, StoreUnavailable
from dialback.domain.provider import Provider
from dialback.observe.log import get_logger

SWEEP_EVERY_S = 3600
KEEP_TOKENS = timedelta(days=7)
"""How long a token that expired is told from one that never was."""
KEEP_APPROVALS = timedelta(days=365)
"""Longer than a sign-in is ever enough for a ticket, or an approval remembered."""
KEEP_SIGN_INS = timedelta(days=30)
"""How long a sign-in that is over is kept, beside the time for which a ticket may rest on it."""
_log = get_logger(__name__)


class Sweep:
    """Keeps the store true and small."""

    def __init__(
        self,
        store: Store,
        settings: BrokerSettings,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        *,
        approvals: Approvals | None = None,
        audit: Audit | None = None,
        accounts: Accounts | None = None,
        provider: Provider | None = None,
    ) -> None:
        self._store = store
        self._approvals = approvals
        self._audit = audit
        self._accounts = accounts
        self._provider = provider
        self._keep = timedelta(days=settings.keep_records_days)
        self._keep_audit = timedelta(days=settings.keep_audit_days)
        self._keep_sign_ins = KEEP_SIGN_INS + timedelta(hours=settings.ticket_sign_in_hours)
        self._now = now

    async def begin(self) -> None:
        """Say of an earlier run that its links are down, and its connections over, with those that waited.

        Raises:
            StoreUnavailable: the store does not answer, so the broker must not start.
        """
        now = self._now()
        await self._store.all_links_down(now)
        closed = await self._store.close_open_connections(now)
        if closed:
            _log.info("connections of an earlier run closed", count=closed)
        if self._approvals is not None:
            await self._end_waiting(self._approvals, now)

    async def _end_waiting(self, approvals: Approvals, now: datetime) -> None:
        """Say of approvals that still wait that their clients left; nobody is to approve for nothing."""
        for tenant in await self._store.directory.tenants():
            for approval in await approvals.waiting(tenant.id, now):
                await approvals.decide(tenant.id, approval.id, Decision.LEFT, "", now)

    async def run(self, every_s: float = SWEEP_EVERY_S) -> None:
        """Forget what is too old, for ever."""
        while True:
            await self.once()
            await asyncio.sleep(every_s)

    async def once(self) -> None:
        """Forget what is too old, once."""
        now = self._now()
        try:
            pruned = await self._store.prune_connections(now - self._keep)
            await self._store.prune_tokens(now - KEEP_TOKENS)
            if self._approvals is not None:
                await self._approvals.prune_approvals(now - KEEP_APPROVALS)
            if self._accounts is not None:
                await self._accounts.prune_accounts(now - self._keep_sign_ins)
            if self._audit is not None:
                await self._audit.prune_entries(now - self._keep_audit)
            if self._provider is not None:
                # What proves what was done is kept as long as the log that says so.
                await self._provider.prune_consent(now - self._keep_audit)
                await self._provider.prune_flights(now - self._keep_audit)
        except StoreUnavailable as error:
            _log.warning("old records not forgotten", why=str(error))
            return
        if pruned:
            _log.info("old records forgotten", count=pruned)
