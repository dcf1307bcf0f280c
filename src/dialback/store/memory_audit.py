"""The audit log in memory: for tests and trials, forgotten at the end of the process."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from dialback.domain.audit import MAX_PAGE, AuditEntry, shortened
from dialback.domain.ids import TenantId


class MemoryAudit:
    """Implements `Audit`; see there for what each method promises."""

    def __init__(self) -> None:
        self._entries: list[AuditEntry] = []
        self._written = 0

    async def write(self, entry: AuditEntry) -> None:
        self._written += 1
        self._entries.append(replace(shortened(entry), number=self._written))

    async def entries(
        self,
        tenant: TenantId,
        before: int | None = None,
        limit: int = 100,
        action: str = "",
        actor: str = "",
    ) -> Sequence[AuditEntry]:
        found = [
            entry
            for entry in reversed(self._entries)
            if entry.tenant == tenant
            and (before is None or entry.number < before)
            and entry.action.startswith(action)
            and actor in ("", entry.actor.name)
        ]
        return found[: max(1, min(limit, MAX_PAGE))]

    async def prune_entries(self, before: datetime) -> int:
        kept = [entry for entry in self._entries if entry.at >= before]
        pruned = len(self._entries) - len(kept)
        self._entries = kept
        return pruned
