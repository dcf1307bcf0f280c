"""The audit log: every change and every decision, who made it, and from where.

An entry is written once and never changed. What it says of people and things is what they were called then.
What is left out: the bytes and the timeline of connections, which have records of their own.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Final, Protocol

from dialback.domain.ids import TenantId

MAX_PAGE: Final = 500
"""How many entries one answer has at most."""

MAX_NAME_CHARS: Final = 300
MAX_DETAIL_CHARS: Final = 2000


class ActorKind(StrEnum):
    """Who acted."""

    USER = "user"
    TOKEN = "token"
    HOST = "host"
    LOCAL = "local"
    """Somebody with access to the server's data folder."""
    SYSTEM = "system"


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acted, under the name they had then, and from which address; empty for the platform itself."""

    kind: ActorKind
    name: str = ""
    address: str = ""


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """One change or decision.

    `action` is a dotted verb (`pool.save`, `sign-in.refused`, `connection.approve`); `subject` is what it was
    done to, as `kind:id`; `detail` is a sentence or the changed fields; `allowed` says whether it was done.
    `number` orders entries of a tenant and is given by the store.
    """

    tenant: TenantId
    at: datetime
    actor: Actor
    action: str
    subject: str = ""
    detail: str = ""
    allowed: bool = True
    number: int = 0


def shortened(entry: AuditEntry) -> AuditEntry:
    """Return the entry with every text cut to what is kept of it."""
    actor = replace(entry.actor, name=entry.actor.name[:MAX_NAME_CHARS], address=entry.actor.address[:100])
    return replace(
        entry,
        actor=actor,
        action=entry.action[:100],
        subject=entry.subject[:MAX_NAME_CHARS],
        detail=entry.detail[:MAX_DETAIL_CHARS],
    )


class Audit(Protocol):
    """Where entries are kept. Every question names its tenant."""

    async def write(self, entry: AuditEntry) -> None:
        """Keep a new entry; texts that are too long are cut."""

    async def entries(
        self,
        tenant: TenantId,
        before: int | None = None,
        limit: int = 100,
        action: str = "",
        actor: str = "",
    ) -> Sequence[AuditEntry]:
        """Return the newest first: those numbered below `before`, `limit` at most, never above `MAX_PAGE`.

        `action` and `actor` narrow it: an action begins with the one, an actor is named by the other.
        """

    async def prune_entries(self, before: datetime) -> int:
        """Forget those of every tenant that were written before the instant; return how many."""


class Recorder(Protocol):
    """The way to the audit log for whoever acts: an action never waits for the log, and never fails by it."""

    def note(self, entry: AuditEntry) -> None:
        """Write the entry soon; never raises. Refusals that repeat within a minute are counted instead."""
