"""Which users, tokens and hosts of a store in memory have lost their right."""

from collections.abc import Collection

from dialback.domain.contracts import Store
from dialback.domain.directory import Directory
from dialback.domain.ids import HostId, TenantId, TokenHash, UserId
from dialback.domain.live import Lost
from dialback.domain.tenancy import User


class MemoryRights:
    """Implements `Rights` by asking for each."""

    def __init__(self, store: Store, directory: Directory) -> None:
        self._store = store
        self._directory = directory

    async def lost(
        self,
        users: Collection[tuple[TenantId, UserId]],
        tokens: Collection[TokenHash],
        hosts: Collection[HostId],
    ) -> Lost:
        return Lost(
            frozenset([user for user in users if not await self._able(*user)]),
            frozenset([token for token in tokens if await self._revoked(token)]),
            frozenset([host for host in hosts if await self._removed(host)]),
        )

    async def _able(self, tenant: TenantId, user: UserId) -> bool:
        known = await self._directory.get(User, tenant, user)
        return known is not None and known.disabled_at is None

    async def _revoked(self, token: TokenHash) -> bool:
        known, _ = await self._store.token(token)
        return known is not None and known.revoked_at is not None

    async def _removed(self, host: HostId) -> bool:
        known = await self._store.any_host(host)
        return known is not None and known.revoked_at is not None
