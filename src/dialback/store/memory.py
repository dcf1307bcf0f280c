"""The store in memory: for tests and trials, forgotten at the end of the process.

No method awaits anything between reading and writing, so each is atomic within its event loop.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from dialback.domain.access import RELAY_ENDS, ConnectionToken, TokenUse
from dialback.domain.catalog import Resource
from dialback.domain.contracts import StoreUnavailable
from dialback.domain.errors import Reason, Refused
from dialback.domain.hosts import Host, HostReport, JoinCode
from dialback.domain.ids import ConnectionId, HostId, ResourceName, TokenHash, UserName
from dialback.domain.sessions import ConnectionRecord


class MemoryStore:
    """Implements `Store`; see there for what each method promises."""

    def __init__(self) -> None:
        self._codes: dict[TokenHash, JoinCode] = {}
        self._hosts: dict[HostId, Host] = {}
        self._resources: dict[ResourceName, Resource] = {}
        self._assigned: set[tuple[UserName, ResourceName]] = set()
        self._tokens: dict[TokenHash, ConnectionToken] = {}
        self._connections: dict[ConnectionId, ConnectionRecord] = {}

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
        self._codes[code] = replace(known, used_at=now)
        self._hosts[host.id] = replace(host, name=known.host_name, tenant=known.tenant)
        return self._hosts[host.id]

    async def host(self, host_id: HostId) -> Host | None:
        return self._hosts.get(host_id)

    async def hosts(self) -> Sequence[Host]:
        return sorted(self._hosts.values(), key=lambda host: (host.name, host.id))

    async def revoke_host(self, host_id: HostId, now: datetime) -> bool:
        host = self._hosts.get(host_id)
        if host is not None and host.revoked_at is None:
            self._hosts[host_id] = replace(host, revoked_at=now)
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

    async def save_resource(self, resource: Resource) -> None:
        self._resources[resource.name] = resource

    async def resource(self, name: ResourceName) -> Resource | None:
        return self._resources.get(name)

    async def resources(self) -> Sequence[Resource]:
        return sorted(self._resources.values(), key=lambda resource: resource.name)

    async def assign(self, user: UserName, resource: ResourceName) -> None:
        self._assigned.add((user, resource))

    async def assigned(self, user: UserName, resource: ResourceName) -> bool:
        return (user, resource) in self._assigned

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

    async def save_connection(self, record: ConnectionRecord) -> None:
        # A copy of the timeline: what is kept does not change with the caller's.
        self._connections[record.id] = replace(record, timeline=dict(record.timeline))

    async def connection(self, connection_id: ConnectionId) -> ConnectionRecord | None:
        return self._connections.get(connection_id)

    async def connections(self, limit: int = 50) -> Sequence[ConnectionRecord]:
        newest = sorted(
            self._connections.values(), key=lambda record: (record.opened_at, record.id), reverse=True
        )
        return newest[: max(limit, 0)]

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
