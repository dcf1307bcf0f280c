"""Step-up approval: a connection that waits until its user says that it is them.

Stock RDP clients know no second factor, so the gateway holds the channel request back while the user decides
elsewhere: in the portal or with the command line. Decisions over facts are here; waiting for them is not.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from dialback.domain.ids import ConnectionId, ResourceName, TenantId, UserId


class Decision(StrEnum):
    """What became of an approval that was asked for."""

    APPROVED = "approved"
    DENIED = "denied"
    EXPIRED = "expired"
    LEFT = "left"
    """The client left before anybody decided."""


class Cause(StrEnum):
    """Why the connection waits."""

    POLICY = "policy"
    """The host pool asks for it."""
    STALE_TICKET = "stale-ticket"
    """A feed's file was opened from an address its user has not signed in from lately."""


@dataclass(frozen=True, slots=True)
class Approval:
    """One connection that waits, or waited. `number` is 10 to 99: the one to pick among several."""

    id: ConnectionId
    tenant: TenantId
    user: UserId
    resource: ResourceName
    cause: Cause
    number: int
    client_address: str
    client_name: str
    asked_at: datetime
    expires_at: datetime
    decision: Decision | None = None
    decided_at: datetime | None = None
    decided_by: str = ""


class Approvals(Protocol):
    """Where approvals are kept, so that any node's portal can decide what another's gateway waits for."""

    async def ask(self, approval: Approval) -> None:
        """Keep a new approval that nobody has decided."""

    async def approval(self, tenant: TenantId, id: ConnectionId) -> Approval | None:
        """Return it, decided or not."""

    async def waiting(self, tenant: TenantId, user: UserId | None = None) -> Sequence[Approval]:
        """Return those nobody has decided, of the user or of all, oldest first."""

    async def decide(
        self, tenant: TenantId, id: ConnectionId, decision: Decision, by: str, now: datetime
    ) -> bool:
        """Decide it; False if there is none that waits: of several decisions the first holds."""

    async def last_approved(self, tenant: TenantId, user: UserId, client_address: str) -> datetime | None:
        """Return when a connection of the user from the address was last approved."""
