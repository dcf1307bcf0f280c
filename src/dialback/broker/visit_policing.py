"""Keeping open connections to the provider's terms: a tenant suspended, staff removed, a grant revoked.

The host ends a visit by its own policy; this is the platform's half, for what it knows and the host does not,
and for connections of users, whose tenant may be suspended too. A bandwidth that was changed holds for what
is open already. Each second a few questions per tenant and staff member are asked, and none while nothing is
open. While the store is away connections go on.
"""

import asyncio
from collections.abc import Callable, Collection, Mapping
from datetime import UTC, datetime

from dialback.broker.metering import Metering
from dialback.broker.visits import MOST_GRANTS, Visits
from dialback.domain.access import TokenKind
from dialback.domain.audit import Actor, ActorKind, AuditEntry, Recorder
from dialback.domain.contracts import StoreUnavailable
from dialback.domain.errors import Reason, Refused
from dialback.domain.ids import ConnectionId, TenantId, UserId
from dialback.domain.live import Bandwidth, LiveConnection, LiveConnections
from dialback.domain.provider import (
    Provider,
    Staff,
    TenantUse,
    Terms,
    check_reach,
    check_terms,
    check_use,
    month_of,
)
from dialback.observe.log import get_logger

POLICE_EVERY_S = 1.0
_log = get_logger(__name__)


class VisitPolicing:
    """The loop that looks after visits, and after tenants that are not served any more."""

    def __init__(
        self,
        connections: LiveConnections,
        provider: Provider,
        visits: Visits,
        metering: Metering,
        recorder: Recorder,
        bandwidth: Bandwidth,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._connections = connections
        self._provider = provider
        self._visits = visits
        self._metering = metering
        self._recorder = recorder
        self._bandwidth = bandwidth
        self._now = now

    async def run(self, every_s: float = POLICE_EVERY_S) -> None:
        """Look, for ever."""
        while True:
            await self.once()
            await asyncio.sleep(every_s)

    async def once(self) -> None:
        """Write what was moved, then cut what has lost its right by now."""
        await self._metering.flush()
        live = self._connections.live()
        if not live:
            return
        try:
            await self._revoke({each.tenant for each in live if each.kind is TokenKind.PROVIDER})
            unlawful = await self._unlawful(live)
        except StoreUnavailable as error:
            _log.warning("terms of open connections not looked up", why=str(error))
            return
        for connection, refused in unlawful:
            await self._connections.cut([connection.id], refused.reason, refused.detail)
            self._note(connection, refused)

    async def _revoke(self, tenants: Collection[TenantId]) -> None:
        """Find grants that were revoked in another process."""
        shown = {visit.grant for visit in self._visits.open_visits().values() if visit.grant}
        for tenant in tenants if shown else ():
            kept = await self._provider.grants(tenant, MOST_GRANTS)
            revoked = {grant.id for grant in kept if grant.revoked_at is not None and grant.id in shown}
            for grant in revoked:
                await self._visits.revoked(tenant, grant)

    async def _unlawful(self, live: Collection[LiveConnection]) -> list[tuple[LiveConnection, Refused]]:
        month = month_of(self._now())
        terms = {tenant: await self._provider.terms(tenant) for tenant in {each.tenant for each in live}}
        for tenant, agreed in terms.items():
            self._bandwidth.limit(tenant, agreed.most_bytes_s)
        await self._count(terms)
        moved = {
            tenant: await self._provider.bytes_in(tenant, month) if each.most_bytes_month else 0
            for tenant, each in terms.items()
        }
        visitors = {each.user_id for each in live if each.kind is TokenKind.PROVIDER}
        staff = {user: await self._provider.staff(user) for user in visitors}
        found = []
        for each in live:
            try:
                self._check(each, terms[each.tenant], moved[each.tenant], staff)
            except Refused as refused:
                found.append((each, refused))
        return found

    async def _count(self, terms: Mapping[TenantId, Terms]) -> None:
        """Write what relays have moved by now for tenants with a limit for the month."""
        # What is live now: of what has ended meanwhile the record was taken, which counts all of it.
        for each in self._connections.live():
            if each.tenant in terms and terms[each.tenant].most_bytes_month is not None:
                self._metering.count(each.tenant, each.id, each.moved())
        await self._metering.flush()

    def _check(
        self, connection: LiveConnection, terms: Terms, moved: int, staff: dict[UserId, Staff | None]
    ) -> None:
        now = self._now()
        # Those that are open are not counted again: a limit that was lowered holds for new ones.
        use = TenantUse(0, moved)
        if connection.kind is not TokenKind.PROVIDER:
            check_terms(terms, now)
            check_use(terms, use)
            return
        check_reach(staff[connection.user_id], terms, use, now)
        visit = self._visits.open_visits().get(ConnectionId(connection.id))
        if visit is not None and now >= visit.expires_at:
            raise Refused(Reason.TOKEN_EXPIRED)

    def _note(self, connection: LiveConnection, refused: Refused) -> None:
        self._recorder.note(
            AuditEntry(
                connection.tenant,
                self._now(),
                Actor(ActorKind.SYSTEM),
                "connection.cut",
                f"connection:{connection.id}",
                f"{refused}: {connection.resource} for {connection.user}",
            )
        )
