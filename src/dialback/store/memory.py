"""The store in memory: for tests and trials, forgotten at the end of the process.

No method awaits anything between reading and writing, so each is atomic within its event loop.
"""

from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import datetime

from dialback.domain.access import RELAY_ENDS, ConnectionToken, TokenUse
from dialback.domain.contracts import StoreUnavailable
from dialback.domain.directory import Page
from dialback.domain.errors import Reason, Refused
from dialback.domain.hosts import Host, HostReport, JoinCode
from dialback.domain.ids import ConnectionId, HostId, TenantId, TokenHash, UserId, UserName
from dialback.domain.records import EVERY_RECORD, RecordFilter, cursor_after, place_of, users_of
from dialback.domain.sessions import ConnectionRecord
from dialback.store.memory_directory import MemoryDirectory


class MemoryStore:
    """Implements `Store`; see there for what each method promises."""

    def __init__(self) -> None:
        self._codes: dict[TokenHash, JoinCode] = {}
        self._hosts: dict[HostId, Host] = {}
        self._tokens: dict[TokenHash, ConnectionToken] = {}
        self._connections: dict[ConnectionId, ConnectionRecord] = {}
        self._directory = MemoryDirectory(self._hosts)

    @property
    def directory(self) -> MemoryDirectory:
        """Return the directory of these hosts."""
        return self._directory

    async def save_join_code(self, code: JoinCode) -> None:
        _must_be_new(code.hash in self._codes)
        self._codes[code.hash] = code

    async def enrol_host(self, code: TokenHash, host: Host, now: datetime) -> Host:
        known = self._codes.get(code)
        if known is None:
            raise Refused(Reason.JOIN_CODE_UNKNOWN)
        if known.used_at is not None:
            raise Refused(Reason.JOIN_CODE_USED)
        if now >= known.expires_at:
            raise Refused(Reason.JOIN_CODE_EXPIRED)
        _must_be_new(host.id in self._hosts)
        named = replace(host, name=known.host_name, tenant=known.tenant)
        self._directory.take_in(named, known.pool)
        self._codes[code] = replace(known, used_at=now)
        self._hosts[host.id] = named
        return named

    async def host(self, tenant: TenantId, host_id: HostId) -> Host | None:
        host = self._hosts.get(host_id)
        return host if host is not None and host.tenant == tenant else None

    async def hosts(self, tenant: TenantId) -> Sequence[Host]:
        return await self.hosts_of([tenant])

    async def hosts_of(self, tenants: Collection[TenantId]) -> Sequence[Host]:
        return [host for host in await self.all_hosts() if host.tenant in tenants]

    async def host_names(self, tenant: TenantId, ids: Collection[HostId]) -> dict[HostId, str]:
        return {host.id: host.name for host in await self.hosts(tenant) if host.id in ids}

    async def any_host(self, host_id: HostId) -> Host | None:
        return self._hosts.get(host_id)

    async def all_hosts(self) -> Sequence[Host]:
        return sorted(self._hosts.values(), key=lambda host: (host.name, host.id))

    async def revoke_host(self, host_id: HostId, now: datetime) -> bool:
        host = self._hosts.get(host_id)
        if host is not None and host.revoked_at is None:
            self._hosts[host_id] = replace(host, revoked_at=now)
            await self._directory.save_sessions(host.tenant, host_id, ())
        return host is not None

    async def set_link(self, host_id: HostId, up: bool, at: datetime) -> None:
        if host := self._hosts.get(host_id):
            self._hosts[host_id] = replace(host, link_up=up, link_changed_at=at)

    async def all_links_down(self, at: datetime) -> None:
        for host in [host for host in self._hosts.values() if host.link_up]:
            await self.set_link(host.id, False, at)

    async def save_report(self, host_id: HostId, report: HostReport, at: datetime) -> None:
        if host := self._hosts.get(host_id):
            self._hosts[host_id] = replace(host, report=report, reported_at=at)

    async def save_token(self, token: ConnectionToken) -> None:
        _must_be_new(token.hash in self._tokens)
        self._tokens[token.hash] = token

    async def token(self, token_hash: TokenHash) -> tuple[ConnectionToken | None, TokenUse]:
        opened = [record for record in self._connections.values() if record.token_hash == token_hash]
        live = any(record.ended_at is None for record in opened)
        ends = [
            record.ended_at
            for record in opened
            if record.ended_at is not None and record.reason in RELAY_ENDS
        ]
        return self._tokens.get(token_hash), TokenUse(live, max(ends, default=None))

    async def revoke_token(self, token_hash: TokenHash, now: datetime) -> bool:
        token = self._tokens.get(token_hash)
        if token is not None and token.revoked_at is None:
            self._tokens[token_hash] = replace(token, revoked_at=now)
        return token is not None

    async def tokens_of(self, tenant: TenantId, user_id: UserId) -> Sequence[ConnectionToken]:
        mine = [
            token for token in self._tokens.values() if (token.tenant, token.user_id) == (tenant, user_id)
        ]
        by_hash = sorted(mine, key=lambda token: token.hash)
        return sorted(by_hash, key=lambda token: token.issued_at, reverse=True)

    async def revoke_tokens_of(self, tenant: TenantId, user_id: UserId, now: datetime) -> int:
        standing = [token for token in await self.tokens_of(tenant, user_id) if token.revoked_at is None]
        for token in standing:
            self._tokens[token.hash] = replace(token, revoked_at=now)
        return len(standing)

    async def prune_tokens(self, before: datetime) -> int:
        opened = {record.token_hash for record in self._connections.values() if record.ended_at is None}
        old = [
            token.hash
            for token in self._tokens.values()
            if token.expires_at < before and token.hash not in opened
        ]
        for token_hash in old:
            del self._tokens[token_hash]
        return len(old)

    async def save_connection(self, record: ConnectionRecord) -> None:
        # A copy of the timeline: what is kept does not change with the caller's.
        self._connections[record.id] = replace(record, timeline=dict(record.timeline))

    async def connection(
        self, tenant: TenantId | None, connection_id: ConnectionId
    ) -> ConnectionRecord | None:
        record = self._connections.get(connection_id)
        return record if record is not None and record.tenant == tenant else None

    async def connections(
        self, tenant: TenantId | None, limit: int = 50, user: UserName | None = None
    ) -> Sequence[ConnectionRecord]:
        wanted = RecordFilter(users_of(user))
        return list((await self.connection_page(tenant, wanted, limit=limit)).items) if limit > 0 else []

    async def connection_page(
        self, tenant: TenantId | None, wanted: RecordFilter = EVERY_RECORD, after: str = "", limit: int = 100
    ) -> Page[ConnectionRecord]:
        mine = [each for each in self._connections.values() if each.tenant == tenant and wanted.wants(each)]
        if after:
            place = place_of(after)
            mine = [record for record in mine if (record.opened_at, record.id) < place]
        newest = sorted(mine, key=lambda record: (record.opened_at, record.id), reverse=True)
        page = tuple(newest[: max(limit, 1)])
        more = len(newest) > len(page)
        return Page(page, cursor_after(page[-1].opened_at, page[-1].id) if more else "")

    async def cursor_before(
        self, tenant: TenantId | None, wanted: RecordFilter, after: str, limit: int = 100
    ) -> str:
        place, mine = place_of(after), (each for each in self._connections.values() if each.tenant == tenant)
        newer = sorted((each.opened_at, each.id) for each in mine if wanted.wants(each))
        newer = [key for key in newer if key > place]
        return cursor_after(*newer[limit - 1]) if len(newer) >= limit else ""

    async def close_open_connections(self, at: datetime) -> int:
        still_open = [record for record in self._connections.values() if record.ended_at is None]
        for record in still_open:
            self._connections[record.id] = replace(record, ended_at=at, reason=Reason.SERVER_STOPPED)
        return len(still_open)

    async def prune_connections(self, before: datetime) -> int:
        old = [
            record.id
            for record in self._connections.values()
            if record.ended_at is not None and record.ended_at < before
        ]
        for connection_id in old:
            del self._connections[connection_id]
        return len(old)

    async def check(self) -> str:
        return "memory"


def _must_be_new(known: bool) -> None:
    if known:
        raise StoreUnavailable("the store has a row of this id already; try again with a new one")
