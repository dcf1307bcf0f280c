"""Visits: how the provider's staff reach a tenant's host, as far as the platform has a say.

A token of the provider's is for one consent request. Whether its holder may try is decided here: staff,
terms, use. Whether they may come in is decided by the host alone, to which the request and the tenant's
grant are shown with the order to dial. Rules of this file:

- What is refused here opens nothing; what is let through here opens nothing either.
- A token is good from where a console may be used, and nowhere else: whoever has it may have carried it off.
- While the host wants consent the client is parked. An answer that falls in this process is heard at once,
  one of another within `LOOK_EVERY_S`; and the host is asked again every `ASK_HOST_EVERY_S`, since somebody
  may have approved there.
- A host that sleeps is woken as for its users, once nobody has denied what was asked; what it says of consent
  is heard when it is up.
- Which grant was shown for a connection is remembered until it ends, so that revoking finds it.
"""

import asyncio
import contextlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Protocol

from dialback.broker.settings import BrokerSettings
from dialback.domain.access import ConnectionToken
from dialback.domain.contracts import (
    Admission,
    Attempt,
    ConsentEvents,
    Placement,
    Store,
    StoreUnavailable,
    Visit,
    Waker,
)
from dialback.domain.directory import HostStanding
from dialback.domain.errors import Reason, Refused
from dialback.domain.hosts import Host
from dialback.domain.ids import ConnectionId, GrantId, HostId, PoolId, ResourceName, TenantId
from dialback.domain.live import LiveConnections
from dialback.domain.placement import check_alias
from dialback.domain.pools import HostPool
from dialback.domain.provider import (
    KeptGrant,
    Provider,
    TenantUse,
    Terms,
    check_reach,
    check_terms,
    check_use,
    month_of,
    visitor_name,
)
from dialback.domain.sessions import Because, Stage
from dialback.identity.grants import ReadGrant, answering, read
from dialback.observe.log import get_logger
from dialback.observe.tasks import set_within
from dialback.wire.management.session import MANAGEMENT_TARGET

LOOK_EVERY_S = 1.0
ASK_HOST_EVERY_S = 3.0
MOST_GRANTS = 500
_log = get_logger(__name__)


class ConsentHosts(Protocol):
    """What visits need of the agent links."""

    def up(self, host_id: HostId) -> bool:
        """Whether the host's agent link stands."""

    def too_old(self, host_id: HostId) -> str:
        """Return, in words, how old the host's agent is if it cannot judge consent; else an empty text."""

    def tell_revoked(self, host_id: HostId, grant_id: GrantId) -> None:
        """Tell the host's agent, if its link stands, that the grant is revoked."""


@dataclass(frozen=True, slots=True)
class OpenVisit:
    """What is known of a visit while its connection lasts: until when its token holds, and by which grant."""

    tenant: TenantId
    host: HostId
    request: str
    expires_at: datetime
    grant: GrantId | None = None


class Visits(ConsentEvents):
    """The broker's part in visits.

    Args:
        connections: what is open or parked now.
        check_console: given a client's address; raises `Refused` unless a console may be used there.
        waker: wakes hosts by the hook of their pool.
        now: the time, in UTC.
    """

    def __init__(
        self,
        store: Store,
        provider: Provider,
        hosts: ConsentHosts,
        connections: LiveConnections,
        check_console: Callable[[str], None],
        waker: Waker,
        settings: BrokerSettings | None = None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        *,
        look_every_s: float = LOOK_EVERY_S,
        ask_host_every_s: float = ASK_HOST_EVERY_S,
    ) -> None:
        self._store = store
        self._provider = provider
        self._hosts = hosts
        self._connections = connections
        self._check_console = check_console
        self._waker = waker
        self._settings = settings or BrokerSettings()
        self._now = now
        self._look_every_s = look_every_s
        self._ask_host_every_s = ask_host_every_s
        self._open: dict[ConnectionId, OpenVisit] = {}
        self._parked_at: dict[ConnectionId, datetime] = {}
        self._waiting: dict[str, set[asyncio.Event]] = {}

    async def admit(self, token: ConnectionToken) -> Admission:
        """Return whom a token of the provider's admits; it admits nobody once it has expired.

        Raises:
            Refused: `TOKEN_EXPIRED`.
        """
        if self._now() >= token.expires_at:
            raise Refused(Reason.TOKEN_EXPIRED)
        return Admission(
            tenant=token.tenant,
            user_id=token.user_id,
            user=visitor_name(token.user),
            resource=ResourceName(token.resource),
            token_hash=token.hash,
            redirections=frozenset(),
            kind=token.kind,
        )

    async def place(self, admission: Admission, attempt: Attempt) -> Placement:
        """Return the host that was asked for, and what it is to judge.

        Raises:
            Refused: as `check_console` and `check_reach` do; `RESOURCE_NOT_GRANTED`, `HOST_REVOKED`,
                `HOST_OFFLINE`, `WAKE_FAILED`, `WAKE_TIMED_OUT`, `AGENT_TOO_OLD`, `TOKEN_EXPIRED`,
                `CONSENT_DENIED` or `GRANT_REVOKED`.
        """
        name = check_alias(admission, attempt.alias)
        request = await self._provider.consent_request(admission.tenant, name)
        token, _ = await self._store.token(admission.token_hash)
        if request is None or token is None:
            raise Refused(Reason.RESOURCE_NOT_GRANTED, "what was asked for is forgotten")
        if request.staff != token.user:
            raise Refused(Reason.RESOURCE_NOT_GRANTED, "somebody else has asked for it")
        terms = await self._check_reach(admission, attempt)
        host = await self._host(request.host, admission.tenant)
        visit = await self._visit(Visit(request))
        parked_s: dict[Stage, float] = {}
        if not self._hosts.up(host.id):
            parked_s = await self._woken_s(host)
            visit = await self._visit(Visit(request))
        if old := self._hosts.too_old(host.id):
            raise Refused(Reason.AGENT_TOO_OLD, old)
        self._open[attempt.connection_id] = OpenVisit(
            admission.tenant, host.id, request.id, token.expires_at, _shown(visit)
        )
        return Placement(
            host.id,
            host.name,
            host.public_key,
            request.target or MANAGEMENT_TARGET,
            Because.ASKED_FOR,
            PoolId(""),
            parked_s,
            visit=visit,
            most_bytes_s=terms.most_bytes_s,
        )

    async def consent(self, placement: Placement, attempt: Attempt) -> Placement:
        """Wait for the tenant's answer, or until it is time to ask the host again. Cancel-safe.

        Raises:
            Refused: `CONSENT_DENIED`, `CONSENT_TIMED_OUT`, `GRANT_REVOKED` or `TOKEN_EXPIRED`.
        """
        assert placement.visit is not None
        known = self._open[attempt.connection_id]
        since = self._parked_at.setdefault(attempt.connection_id, self._now())
        loop = asyncio.get_running_loop()
        ask_again_at = loop.time() + self._ask_host_every_s
        with self._heard(placement.visit.request.id) as answered:
            while True:
                self._check_patience(since, known)
                visit = await self._look(placement.visit)
                if visit != placement.visit or loop.time() >= ask_again_at:
                    self._open[attempt.connection_id] = replace(known, grant=_shown(visit))
                    return replace(placement, visit=visit)
                await set_within(answered, min(self._look_every_s, ask_again_at - loop.time()))
                answered.clear()

    async def check_served(self, tenant: TenantId, connection_id: ConnectionId) -> Terms:
        """Return the tenant's terms if it is served now and may have this connection; for its own users.

        Raises:
            Refused: as `check_terms` and `check_use` do.
        """
        terms = await self._provider.terms(tenant)
        check_terms(terms, self._now())
        check_use(terms, await self._use(terms, connection_id))
        return terms

    def open_visits(self) -> dict[ConnectionId, OpenVisit]:
        """Return what is known of visits that are open or parked."""
        return dict(self._open)

    def ended(self, connection_id: ConnectionId) -> None:
        """Forget the connection."""
        self._open.pop(connection_id, None)
        self._parked_at.pop(connection_id, None)

    async def granted(self, tenant: TenantId, request_id: str) -> None:
        self._answer(request_id)

    async def denied(self, tenant: TenantId, request_id: str) -> None:
        self._answer(request_id)

    async def revoked(self, tenant: TenantId, grant_id: GrantId) -> None:
        for connection_id, visit in self.open_visits().items():
            if (visit.tenant, visit.grant) == (tenant, grant_id):
                await self._connections.cut([connection_id], Reason.GRANT_REVOKED, grant_id)
                self._answer(visit.request)
        try:
            hosts = await self._hosts_of(tenant, grant_id)
        except StoreUnavailable as error:
            _log.warning("hosts not told of a revoked grant", grant=grant_id, why=str(error))
            return
        for host in hosts:
            self._hosts.tell_revoked(host, grant_id)

    async def revoked_for(self, tenant: TenantId, host_id: HostId) -> Sequence[GrantId]:
        """Return the host's grants that were revoked and would still hold: said when its link comes up."""
        found = [read(kept) for kept in await self._provider.grants(tenant, MOST_GRANTS)]
        return [
            each.kept.id
            for each in found
            if each.kept.revoked_at and each.grant and each.grant.host == host_id and self._holds(each.kept)
        ]

    async def broken_off(self, host_id: HostId, connection_id: ConnectionId, refused: Refused) -> None:
        """Cut a visit of which its host says that it ends."""
        visit = self._open.get(connection_id)
        if visit is not None and visit.host == host_id:
            await self._connections.cut([connection_id], refused.reason, refused.detail)

    async def _check_reach(self, admission: Admission, attempt: Attempt) -> Terms:
        self._check_console(attempt.client_address)
        staff = await self._provider.staff(admission.user_id)
        terms = await self._provider.terms(admission.tenant)
        use = await self._use(terms, attempt.connection_id)
        check_reach(staff, terms, use, self._now())
        return terms

    async def _use(self, terms: Terms, but: ConnectionId) -> TenantUse:
        live = sum(each.tenant == terms.tenant and each.id != but for each in self._connections.live())
        if terms.most_bytes_month is None:
            # Most tenants have no limit, and every connection would wait for a sum that decides nothing.
            return TenantUse(live)
        return TenantUse(live, await self._provider.bytes_in(terms.tenant, month_of(self._now())))

    async def _host(self, host_id: HostId, tenant: TenantId) -> Host:
        host = await self._store.host(tenant, host_id)
        if host is None:
            raise Refused(Reason.RESOURCE_NOT_GRANTED, "the host is gone")
        if host.revoked_at is not None:
            raise Refused(Reason.HOST_REVOKED, host.name)
        return host

    async def _woken_s(self, host: Host) -> dict[Stage, float]:
        """Wake the host; return how long it took. Cancel-safe."""
        directory = self._store.directory
        member = await directory.pool_host(host.tenant, host.id)
        pool = await directory.get(HostPool, host.tenant, member.pool) if member is not None else None
        if member is None or pool is None or pool.start_on_connect is None:
            raise Refused(Reason.HOST_OFFLINE, _last_seen(host))
        clock = asyncio.get_running_loop().time
        begun_at = clock()
        await self._waker.wake(pool, HostStanding(member, host.name, host.public_key))
        return {Stage.WAKE: clock() - begun_at}

    async def _visit(self, visit: Visit) -> Visit:
        """Return the visit with the newest grant that answers it; raise `Refused` if the tenant said no."""
        request = visit.request
        if denial := (await self._provider.denials(request.tenant, [request.id])).get(request.id):
            raise Refused(Reason.CONSENT_DENIED, denial.by)
        found = [read(kept) for kept in await self._provider.grants(request.tenant, MOST_GRANTS)]
        answer: ReadGrant | None = answering(request, found, self._now())
        if answer is None:
            return visit
        if answer.kept.revoked_at is not None:
            raise Refused(Reason.GRANT_REVOKED, answer.kept.id)
        return replace(visit, grant=answer.kept.text)

    async def _look(self, visit: Visit) -> Visit:
        """Return the visit as it is answered by now; while the store is away nothing is."""
        try:
            return await self._visit(replace(visit, grant=""))
        except StoreUnavailable as error:
            _log.warning("consent not looked up", request=visit.request.id, why=str(error))
            return visit

    def _check_patience(self, since: datetime, visit: OpenVisit) -> None:
        waited_s = (self._now() - since).total_seconds()
        if waited_s >= self._settings.consent_timeout_s:
            raise Refused(
                Reason.CONSENT_TIMED_OUT, f"no answer within {self._settings.consent_timeout_s:g} s"
            )
        if self._now() >= visit.expires_at:
            raise Refused(Reason.TOKEN_EXPIRED)

    async def _hosts_of(self, tenant: TenantId, grant_id: GrantId) -> set[HostId]:
        found = [
            read(kept) for kept in await self._provider.grants(tenant, MOST_GRANTS) if kept.id == grant_id
        ]
        return {each.grant.host for each in found if each.grant is not None}

    def _holds(self, kept: KeptGrant) -> bool:
        return self._now() < kept.until

    def _answer(self, request_id: str) -> None:
        for answered in self._waiting.get(request_id, ()):
            answered.set()

    @contextlib.contextmanager
    def _heard(self, request_id: str) -> Iterator[asyncio.Event]:
        answered = asyncio.Event()
        self._waiting.setdefault(request_id, set()).add(answered)
        try:
            yield answered
        finally:
            self._waiting[request_id].discard(answered)
            if not self._waiting[request_id]:
                del self._waiting[request_id]


def _last_seen(host: Host) -> str:
    if host.link_changed_at is None:
        return f"{host.name}, never seen"
    return f"{host.name}, last seen {host.link_changed_at:%Y-%m-%d %H:%M:%S %Z}"


def _shown(visit: Visit) -> GrantId | None:
    """Return the id of the grant that is shown, if it is one."""
    if not visit.grant:
        return None
    request = visit.request
    kept = KeptGrant(request.tenant, GrantId(""), request.id, visit.grant, request.asked_at)
    grant = read(kept).grant
    return grant.id if grant else None
