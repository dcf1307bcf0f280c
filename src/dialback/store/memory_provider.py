"""What is kept for the provider, in memory: for tests and trials, forgotten at the end of the process.

It belongs to a directory, whose tenants and users it needs. No method lets another run between reading and
writing, but to ask that directory.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from dialback.domain import flight
from dialback.domain.consent import ConsentRequest, Denial
from dialback.domain.contracts import StoreUnavailable
from dialback.domain.directory import Directory, NotThere, VersionStale
from dialback.domain.flight import Flight, FlightProblem, Head, SignedHead
from dialback.domain.ids import ConnectionId, GrantId, TenantId, UserId
from dialback.domain.provider import PROVIDER, ConsentKey, KeptGrant, Staff, Terms
from dialback.domain.tenancy import User


@dataclass
class _Chain:
    """A flight record: its lines, and the newest head that was signed."""

    begun_at: datetime
    lines: list[str] = field(default_factory=list)
    signed: SignedHead | None = None


class MemoryProvider:
    """Implements `Provider`; see there for what each method promises."""

    def __init__(self, directory: Directory) -> None:
        self._directory = directory
        self._staff: dict[UserId, Staff] = {}
        self._terms: dict[TenantId, Terms] = {}
        self._bytes: dict[tuple[TenantId, str], int] = {}
        self._keys: dict[tuple[TenantId, str], ConsentKey] = {}
        self._requests: dict[tuple[TenantId, str], ConsentRequest] = {}
        self._denials: dict[tuple[TenantId, str], Denial] = {}
        self._grants: dict[tuple[TenantId, GrantId], KeptGrant] = {}
        self._chains: dict[tuple[TenantId, ConnectionId], _Chain] = {}

    async def save_staff(self, member: Staff) -> None:
        if not await self._is_user(member.user):
            raise NotThere("the user is not there")
        self._staff[member.user] = member

    async def staff(self, user: UserId) -> Staff | None:
        return self._staff.get(user) if await self._is_user(user) else None

    async def all_staff(self) -> Sequence[Staff]:
        return [self._staff[user] for user in sorted(self._staff) if await self._is_user(user)]

    async def remove_staff(self, user: UserId) -> bool:
        return self._staff.pop(user, None) is not None

    async def _is_user(self, user: UserId) -> bool:
        return await self._directory.get(User, PROVIDER, user) is not None

    async def save_terms(self, agreed: Terms) -> Terms:
        await self._need(agreed.tenant)
        known = self._terms.get(agreed.tenant)
        newest = known.version if known else 0
        if agreed.version not in (0, newest):
            raise VersionStale("the terms were changed in the meantime; read them again")
        self._terms[agreed.tenant] = replace(agreed, version=newest + 1)
        return self._terms[agreed.tenant]

    async def terms(self, tenant: TenantId) -> Terms:
        return self._terms.get(tenant, Terms(tenant))

    async def all_terms(self) -> Sequence[Terms]:
        return [await self.terms(tenant.id) for tenant in await self._directory.tenants()]

    async def add_bytes(self, tenant: TenantId, month: str, count: int) -> int:
        self._bytes[tenant, month] = self._bytes.get((tenant, month), 0) + count
        return self._bytes[tenant, month]

    async def bytes_in(self, tenant: TenantId, month: str) -> int:
        return self._bytes.get((tenant, month), 0)

    async def save_consent_key(self, key: ConsentKey) -> None:
        await self._need(key.tenant)
        self._keys[key.tenant, key.name] = key

    async def consent_keys(self, tenant: TenantId) -> Sequence[ConsentKey]:
        mine = [key for key in self._keys.values() if key.tenant == tenant]
        return sorted(mine, key=lambda key: key.name)

    async def remove_consent_key(self, tenant: TenantId, name: str) -> bool:
        return self._keys.pop((tenant, name), None) is not None

    async def _need(self, tenant: TenantId) -> None:
        if await self._directory.tenant(tenant) is None:
            raise NotThere("the tenant is not there")

    async def ask_consent(self, request: ConsentRequest) -> None:
        if (request.tenant, request.id) in self._requests:
            raise StoreUnavailable("the store has a row of this id already; try again with a new one")
        self._requests[request.tenant, request.id] = request

    async def consent_request(self, tenant: TenantId, id: str) -> ConsentRequest | None:
        return self._requests.get((tenant, id))

    async def consent_requests(self, tenant: TenantId, limit: int = 100) -> Sequence[ConsentRequest]:
        mine = [request for request in self._requests.values() if request.tenant == tenant]
        mine.sort(key=lambda request: (request.asked_at, request.id), reverse=True)
        return mine[: max(limit, 0)]

    async def deny_consent(self, tenant: TenantId, id: str, by: str, now: datetime) -> bool:
        if (tenant, id) not in self._requests or (tenant, id) in self._denials:
            return False
        self._denials[tenant, id] = Denial(by, now)
        return True

    async def denials(self, tenant: TenantId, requests: Collection[str]) -> Mapping[str, Denial]:
        return {id: self._denials[tenant, id] for id in requests if (tenant, id) in self._denials}

    async def save_grant(self, grant: KeptGrant) -> bool:
        known = self._grants.get((grant.tenant, grant.id))
        if known is not None and (
            known.request != grant.request
            or known.signatures >= grant.signatures
            or known.revoked_at is not None
        ):
            return False
        self._grants[grant.tenant, grant.id] = grant
        return True

    async def grant_for(self, tenant: TenantId, request: str) -> KeptGrant | None:
        return next((grant for grant in self._newest(tenant) if grant.request == request), None)

    async def grants(self, tenant: TenantId, limit: int = 100) -> Sequence[KeptGrant]:
        return self._newest(tenant)[: max(limit, 0)]

    def _newest(self, tenant: TenantId) -> list[KeptGrant]:
        return [grant for grant in reversed(self._grants.values()) if grant.tenant == tenant]

    async def revoke_grant(self, tenant: TenantId, id: GrantId, now: datetime) -> bool:
        known = self._grants.get((tenant, id))
        if known is not None and known.revoked_at is None:
            self._grants[tenant, id] = replace(known, revoked_at=now)
        return known is not None

    async def prune_consent(self, before: datetime) -> int:
        asked = [key for key, request in self._requests.items() if request.asked_at < before]
        over = [key for key, grant in self._grants.items() if grant.until < before]
        for key in asked:
            del self._requests[key]
            self._denials.pop(key, None)
        for grant_key in over:
            del self._grants[grant_key]
        return len(asked) + len(over)

    async def append_flight(self, tenant: TenantId, lines: Sequence[str]) -> None:
        if not lines:
            return
        begin = flight.parse(lines[0])
        chain = self._chains.get((tenant, begin.connection_id))
        end = None if chain is None else _end(begin.connection_id, chain)
        kept = chain.lines[max(begin.number, 0) :] if chain else []
        added = flight.follow(end, kept, lines)
        if added:
            chain = self._chains.setdefault((tenant, begin.connection_id), _Chain(begin.at))
            chain.lines += [flight.build(entry) for entry in added]

    async def sign_flight(self, tenant: TenantId, signed: SignedHead) -> None:
        chain = self._chains.get((tenant, signed.head.connection_id))
        place = max(signed.head.count - 1, 0)
        lines = chain.lines[place : place + 1] if chain else []
        if chain is None or not lines or not flight.is_head_at(signed.head, lines[0]):
            raise FlightProblem(f"expected a head of the chain that is kept, got {signed.head.hash[:16]}")
        chain.signed = flight.merge(chain.signed, signed)

    async def flight(self, tenant: TenantId, connection_id: ConnectionId) -> Flight | None:
        chain = self._chains.get((tenant, connection_id))
        if chain is None:
            return None
        return Flight(tenant, chain.begun_at, _end(connection_id, chain), chain.signed)

    async def flights(self, tenant: TenantId, limit: int = 100) -> Sequence[Flight]:
        mine = [
            Flight(tenant, chain.begun_at, _end(id, chain), chain.signed)
            for (whose, id), chain in self._chains.items()
            if whose == tenant
        ]
        mine.sort(key=lambda each: (each.begun_at, each.end.connection_id), reverse=True)
        return mine[: max(limit, 0)]

    async def flight_lines(self, tenant: TenantId, connection_id: ConnectionId) -> Sequence[str]:
        chain = self._chains.get((tenant, connection_id))
        return list(chain.lines) if chain else []

    async def prune_flights(self, before: datetime) -> int:
        old = [key for key, chain in self._chains.items() if chain.begun_at < before]
        for key in old:
            del self._chains[key]
        return len(old)


def _end(id: ConnectionId, chain: _Chain) -> Head:
    return Head(id, len(chain.lines), flight.parse(chain.lines[-1]).hash)
