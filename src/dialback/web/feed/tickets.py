"""Resource tickets: what a connection file of the feed holds, renewed long before they end.

A ticket lives for two weeks and is renewed when half of that is over, so that a client that refreshes once a
week never holds a dead one. Its hash travels in the file's tag: a client that comes back with it is told to
keep the file as long as the ticket is good, whatever node it asks and however often that was restarted. For
clients that bring no tag, the tickets of this node are remembered, so that each look at a feed does not make
new ones.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from dialback.domain.access import ConnectionToken, TokenKind
from dialback.domain.audit import Actor, ActorKind, AuditEntry, Recorder
from dialback.domain.contracts import Store
from dialback.domain.ids import ResourceName, TenantId, TokenHash, UserId
from dialback.domain.secret import Secret
from dialback.domain.tenancy import User
from dialback.identity.tokens import hash_token, make_token
from dialback.web.feed.bounded import BoundedCache

LIFE: Final = timedelta(days=14)
MAX_REMEMBERED: Final = 50_000


@dataclass(frozen=True, slots=True)
class Ticket:
    """A ticket and its hash."""

    secret: Secret
    hash: TokenHash


class Tickets:
    """Issues the tickets of one node; each new one is in the audit log."""

    def __init__(self, store: Store, now: Callable[[], datetime], recorder: Recorder) -> None:
        self._store = store
        self._now = now
        self._recorder = recorder
        self._remembered = BoundedCache[tuple[TenantId, UserId, ResourceName], Ticket](
            MAX_REMEMBERED, lambda _: 1
        )

    async def issue(self, user: User, resource: ResourceName, address: str = "") -> Ticket:
        """Return a ticket of the user for the resource that is good for half a life at least."""
        key = (user.tenant, user.id, resource)
        kept = self._remembered.get(key)
        if kept is not None and await self.is_good(kept.hash, user, resource):
            return kept
        secret, now = make_token(), self._now()
        ticket = Ticket(secret, hash_token(secret))
        await self._store.save_token(
            ConnectionToken(
                hash=ticket.hash,
                tenant=user.tenant,
                user_id=user.id,
                user=user.name,
                resource=resource,
                issued_at=now,
                expires_at=now + LIFE,
                kind=TokenKind.TICKET,
            )
        )
        self._remembered.put(key, ticket)
        actor = Actor(ActorKind.USER, user.name, address)
        self._recorder.note(AuditEntry(user.tenant, now, actor, "ticket.make", f"resource:{resource}"))
        return ticket

    async def is_good(self, hash: TokenHash, user: User, resource: ResourceName) -> bool:
        """Say whether the hash is of such a ticket, which was not revoked and need not be renewed."""
        token, _ = await self._store.token(hash)
        return (
            token is not None
            and token.revoked_at is None
            and token.kind is TokenKind.TICKET
            and (token.tenant, token.user_id, token.resource) == (user.tenant, user.id, resource)
            and self._now() < token.issued_at + LIFE / 2
        )
