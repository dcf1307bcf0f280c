"""Which users, tokens and hosts have lost their right, in one question per table."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from itertools import islice
from typing import TypeVar

from sqlalchemy import and_, or_, select

from dialback.domain.ids import HostId, TenantId, TokenHash, UserId
from dialback.domain.live import Lost
from dialback.store.database import Database
from dialback.store.directory_models import users as user_table
from dialback.store.models import connection_tokens
from dialback.store.models import hosts as host_table

CHUNK = 500
"""What one statement names at most: databases bound how many values it may have."""
T = TypeVar("T")


class SqlRights(Database):
    """Implements `Rights` over an engine whose database has the current schema."""

    async def lost(
        self,
        users: Collection[tuple[TenantId, UserId]],
        tokens: Collection[TokenHash],
        hosts: Collection[HostId],
    ) -> Lost:
        able = {user for chunk in _chunks(users) for user in await self._able(chunk)}
        revoked = {hash for chunk in _chunks(tokens) for hash in await self._revoked_tokens(chunk)}
        removed = {host for chunk in _chunks(hosts) for host in await self._removed_hosts(chunk)}
        return Lost(frozenset(users) - able, frozenset(revoked), frozenset(removed))

    async def _able(self, users: Sequence[tuple[TenantId, UserId]]) -> list[tuple[TenantId, UserId]]:
        by_tenant: dict[TenantId, list[UserId]] = {}
        for tenant, user in users:
            by_tenant.setdefault(tenant, []).append(user)
        table = user_table.c
        named = or_(*(and_(table.tenant == tenant, table.id.in_(ids)) for tenant, ids in by_tenant.items()))
        rows = await self._read(select(table.tenant, table.id).where(named, table.disabled_at.is_(None)))
        return [(TenantId(row["tenant"]), UserId(row["id"])) for row in rows]

    async def _revoked_tokens(self, tokens: Sequence[TokenHash]) -> list[TokenHash]:
        table = connection_tokens.c
        rows = await self._read(
            select(table.hash).where(table.hash.in_(tokens), table.revoked_at.is_not(None))
        )
        return [TokenHash(row["hash"]) for row in rows]

    async def _removed_hosts(self, hosts: Sequence[HostId]) -> list[HostId]:
        table = host_table.c
        rows = await self._read(select(table.id).where(table.id.in_(hosts), table.revoked_at.is_not(None)))
        return [HostId(row["id"]) for row in rows]


def _chunks(items: Iterable[T]) -> Iterator[list[T]]:
    rest = iter(items)
    while chunk := list(islice(rest, CHUNK)):
        yield chunk
