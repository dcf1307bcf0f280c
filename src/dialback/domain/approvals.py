"""Step-up approval: a connection that waits until its user says that it is them.

Stock RDP clients know no second factor, so the gateway holds the channel request back while the user decides
elsewhere: in the portal or with the command line. Decisions over facts are here; waiting for them is not.

An RDP client can show nothing while it waits: FreeRDP takes any packet before the answer to its channel
request for a violation. So a number to match exists where something else shows it: a connection token's
number follows from the token, and whoever makes the connection file tells it. A feed's file is opened days
later with nothing beside it, so its approval has no number, and resource, device, address and time must do.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final, Protocol

from dialback.domain.directory import Page
from dialback.domain.ids import ConnectionId, ResourceName, TenantId, TokenHash, UserId
from dialback.domain.pools import StepUp

NUMBERS: Final = range(10, 100)
"""What an approval's number is drawn from."""

CHOICES: Final = 3
"""How many numbers a prompt shows, of which one is right."""


class Decision(StrEnum):
    """What became of an approval that was asked for."""

    APPROVED = "approved"
    DENIED = "denied"
    EXPIRED = "expired"
    LEFT = "left"
    """The client left before anybody decided."""


ENDS_UNDECIDED: Final = frozenset({Decision.EXPIRED, Decision.LEFT})
"""How an approval ends that nobody decided."""


class Cause(StrEnum):
    """Why the connection waits."""

    POLICY = "policy"
    """The host pool asks for it."""
    STALE_TICKET = "stale-ticket"
    """A feed's file was opened from an address its user has not signed in from lately."""


@dataclass(frozen=True, slots=True)
class Approval:
    """One connection that waits, or waited.

    `number`, 10 to 99, is the one to pick among several; None where nothing could have shown it.
    """

    id: ConnectionId
    tenant: TenantId
    user: UserId
    resource: ResourceName
    cause: Cause
    number: int | None
    client_address: str
    client_name: str
    asked_at: datetime
    expires_at: datetime
    decision: Decision | None = None
    decided_at: datetime | None = None
    decided_by: str = ""

    def __post_init__(self) -> None:
        if self.number is not None and self.number not in NUMBERS:
            raise ValueError(f"expected a number of two digits, got {self.number}")

    def waits(self, now: datetime) -> bool:
        """Say whether it can still be decided."""
        return self.decision is None and now < self.expires_at


def may_decide(approval: Approval, decision: Decision, now: datetime) -> bool:
    """Say whether the decision comes in time and nobody decided before."""
    if decision in ENDS_UNDECIDED:
        return approval.decision is None
    return approval.waits(now)


def number_of(token: TokenHash) -> int:
    """Return the number that is shown with the connection file of the token."""
    return NUMBERS[int.from_bytes(hashlib.sha256(f"number {token}".encode()).digest()) % len(NUMBERS)]


def choices(approval: Approval) -> tuple[int, ...]:
    """Return the numbers to show, in the order to show them: `CHOICES` different ones, one of them right.

    Empty if the approval has no number. The same approval always gives the same, so that a page may be loaded
    again without giving anything away.
    """
    if approval.number is None:
        return ()
    drawn = sorted(NUMBERS, key=lambda number: _lot(approval, f"draw {number}"))
    wrong = [number for number in drawn if number != approval.number][: CHOICES - 1]
    return tuple(sorted([approval.number, *wrong], key=lambda number: _lot(approval, f"place {number}")))


def decision_by(approval: Approval, number: int | None) -> Decision:
    """Return what approving with the number means: a wrong one denies, so that guessing is of no use."""
    return Decision.APPROVED if number == approval.number else Decision.DENIED


def cause_of(
    step_up: StepUp,
    ticket: bool,
    signed_in_at: datetime | None,
    approved_at: datetime | None,
    ticket_sign_in_hours: float,
    now: datetime,
) -> Cause | None:
    """Say why a connection has to wait for its user; None if it has not.

    Args:
        ticket: it was opened by a resource ticket, which is never enough alone.
        signed_in_at: when the user was last seen signed in from the client's address.
        approved_at: when a connection of the user from the client's address was last approved.
        ticket_sign_in_hours: how long a sign-in, or an approval in its place, is enough for a ticket.
    """
    if step_up.wanted and not _lately(approved_at, step_up.remembered_hours, now):
        return Cause.POLICY
    if not ticket:
        return None
    known = any(_lately(at, ticket_sign_in_hours, now) for at in (signed_in_at, approved_at))
    return None if known else Cause.STALE_TICKET


def _lately(at: datetime | None, hours: float, now: datetime) -> bool:
    return at is not None and now < at + timedelta(hours=hours)


def _lot(approval: Approval, what: str) -> bytes:
    return hashlib.sha256(f"{approval.id} {what}".encode()).digest()


class Approvals(Protocol):
    """Where approvals are kept, so that any node's portal can decide what another's gateway waits for."""

    async def ask(self, approval: Approval) -> None:
        """Keep a new approval that nobody has decided."""

    async def approval(self, tenant: TenantId, id: ConnectionId) -> Approval | None:
        """Return it, decided or not."""

    async def waiting(
        self, tenant: TenantId, now: datetime, user: UserId | None = None
    ) -> Sequence[Approval]:
        """Return those that can still be decided, of the user or of all, oldest first."""

    async def waiting_page(
        self,
        tenant: TenantId,
        now: datetime,
        user: UserId | None = None,
        after: str = "",
        limit: int = 100,
    ) -> Page[Approval]:
        """Return of those `limit` at most and never more than `MAX_PAGE`, from the cursor on.

        Raises:
            CursorInvalid: `after` is neither empty nor what a page said.
        """

    async def count_waiting(self, tenant: TenantId, now: datetime, user: UserId | None = None) -> int:
        """Return how many there are of those."""

    async def decide(
        self, tenant: TenantId, id: ConnectionId, decision: Decision, by: str, now: datetime
    ) -> bool:
        """Decide it; False if there is none that waits: of several decisions the first holds.

        When its time has passed it is neither approved nor denied any more.
        """

    async def last_approved(self, tenant: TenantId, user: UserId, client_address: str) -> datetime | None:
        """Return when a connection of the user from the address was last approved."""

    async def prune_approvals(self, before: datetime) -> int:
        """Forget those of every tenant that were asked for before the instant; return how many."""
