"""Connections that are open or parked now, and what ends them from outside.

A gateway knows its connections and ends those it is told to; whether one has lost its right is a question
about the store, which is asked for many at once.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from dialback.domain.access import TokenKind
from dialback.domain.errors import Reason
from dialback.domain.ids import ConnectionId, HostId, ResourceName, TenantId, TokenHash, UserId, UserName
from dialback.domain.provider import PROVIDER


@dataclass(frozen=True, slots=True)
class LiveConnection:
    """A connection that somebody was admitted to; `host_id` is None while it is parked.

    `tenant` is the one that is reached; whoever has a token of the provider's is a user of another. `moved`
    says how many bytes its relay has moved up to now, both ways together.
    """

    id: ConnectionId
    tenant: TenantId
    user_id: UserId
    user: UserName
    resource: ResourceName
    token_hash: TokenHash
    client_address: str
    host_id: HostId | None = None
    kind: TokenKind = TokenKind.CONNECTION
    moved: Callable[[], int] = field(default=int, repr=False, compare=False)

    @property
    def home(self) -> TenantId:
        """The tenant whose user it is."""
        return PROVIDER if self.kind is TokenKind.PROVIDER else self.tenant


class LiveConnections(Protocol):
    """The connections of a gateway."""

    def live(self) -> Sequence[LiveConnection]:
        """Return them, oldest first."""

    async def cut(self, ids: Collection[ConnectionId], reason: Reason, detail: str = "") -> int:
        """End those of these ids that are there, for the reason; return how many.

        Each is over within two seconds, however slowly its ends read.
        """


class Bandwidth(Protocol):
    """What the relays of a gateway may move."""

    def limit(self, tenant: TenantId, most_bytes_s: int | None) -> None:
        """Hold the tenant's relays, open ones too, to so many bytes a second; None is no limit."""


@dataclass(frozen=True, slots=True)
class Lost:
    """What has lost its right: users disabled or removed, tokens revoked, hosts removed."""

    users: frozenset[tuple[TenantId, UserId]] = frozenset()
    tokens: frozenset[TokenHash] = frozenset()
    hosts: frozenset[HostId] = frozenset()


class Rights(Protocol):
    """Asked about connections that go on."""

    async def lost(
        self,
        users: Collection[tuple[TenantId, UserId]],
        tokens: Collection[TokenHash],
        hosts: Collection[HostId],
    ) -> Lost:
        """Return those of them that have lost their right; raise `StoreUnavailable` if nobody knows."""


def reason_to_cut(connection: LiveConnection, lost: Lost, cut_disabled: bool) -> Reason | None:
    """Return why the connection must end; None if it may go on.

    Args:
        cut_disabled: whether it ends with its user.
    """
    if cut_disabled and (connection.home, connection.user_id) in lost.users:
        return Reason.USER_DISABLED
    if connection.token_hash in lost.tokens:
        return Reason.TOKEN_REVOKED
    if connection.host_id is not None and connection.host_id in lost.hosts:
        return Reason.HOST_REVOKED
    return None
