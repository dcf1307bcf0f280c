"""The audit log in a database."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import delete, func, insert, select

from dialback.domain.audit import MAX_PAGE, AuditEntry, shortened
from dialback.domain.ids import TenantId
from dialback.store import decisions_rows as rows
from dialback.store.database import Database
from dialback.store.decisions_models import audit_entries
from dialback.store.rows import each


class SqlAudit(Database):
    """Implements `Audit` over an engine whose database has the current schema."""

    async def write(self, entry: AuditEntry) -> None:
        await self._write(insert(audit_entries), rows.entry_row(shortened(entry)))

    async def entries(
        self,
        tenant: TenantId,
        before: int | None = None,
        limit: int = 100,
        action: str = "",
        actor: str = "",
    ) -> Sequence[AuditEntry]:
        newest = select(audit_entries).where(audit_entries.c.tenant == tenant)
        if before is not None:
            newest = newest.where(audit_entries.c.number < before)
        if action:
            # Not LIKE, which SQLite takes without regard to case.
            newest = newest.where(func.substr(audit_entries.c.action, 1, len(action)) == action)
        if actor:
            newest = newest.where(audit_entries.c.actor_name == actor)
        newest = newest.order_by(audit_entries.c.number.desc()).limit(max(1, min(limit, MAX_PAGE)))
        return each(rows.entry_of, await self._read(newest))

    async def prune_entries(self, before: datetime) -> int:
        return await self._write(delete(audit_entries).where(audit_entries.c.at < before))
