"""Approvals in a database. A decision is one conditional UPDATE, whose row count says who decided first."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, delete, func, insert, or_, select, update

from dialback.domain.approvals import ENDS_UNDECIDED, Approval, Decision
from dialback.domain.directory import MAX_PAGE, Page
from dialback.domain.ids import ConnectionId, TenantId, UserId
from dialback.domain.records import place_of
from dialback.store import decisions_rows as rows
from dialback.store.database import Database
from dialback.store.decisions_models import approvals
from dialback.store.rows import cursor_behind, each


class SqlApprovals(Database):
    """Implements `Approvals` over an engine whose database has the current schema."""

    async def ask(self, approval: Approval) -> None:
        await self._write(insert(approvals), asdict(approval))

    async def approval(self, tenant: TenantId, id: ConnectionId) -> Approval | None:
        row = await self._read_first(select(approvals).where(_same(tenant, id)))
        return None if row is None else rows.approval_of(row)

    async def waiting(
        self, tenant: TenantId, now: datetime, user: UserId | None = None
    ) -> Sequence[Approval]:
        return each(rows.approval_of, await self._read(_oldest(tenant, now, user)))

    async def waiting_page(
        self,
        tenant: TenantId,
        now: datetime,
        user: UserId | None = None,
        after: str = "",
        limit: int = 100,
    ) -> Page[Approval]:
        size, query = max(1, min(limit, MAX_PAGE)), _oldest(tenant, now, user)
        if after:
            asked_at, id = place_of(after)
            same = and_(approvals.c.asked_at == asked_at, approvals.c.id > id)
            query = query.where(or_(approvals.c.asked_at > asked_at, same))
        found = await self._read(query.limit(size + 1))
        following = cursor_behind(found[:size], "asked_at") if len(found) > size else ""
        return Page(tuple(each(rows.approval_of, found[:size])), following)

    async def count_waiting(self, tenant: TenantId, now: datetime, user: UserId | None = None) -> int:
        row = await self._read_first(select(func.count().label("count")).where(_waiting(tenant, now, user)))
        return int(row["count"]) if row else 0

    async def decide(
        self, tenant: TenantId, id: ConnectionId, decision: Decision, by: str, now: datetime
    ) -> bool:
        open_still = approvals.c.decision.is_(None) if decision in ENDS_UNDECIDED else _waits(now)
        decided = {"decision": decision, "decided_at": now, "decided_by": by}
        return await self._write(update(approvals).where(_same(tenant, id), open_still).values(decided)) > 0

    async def last_approved(self, tenant: TenantId, user: UserId, client_address: str) -> datetime | None:
        row = await self._read_first(
            select(func.max(approvals.c.decided_at).label("at")).where(
                approvals.c.tenant == tenant,
                approvals.c.user == user,
                approvals.c.client_address == client_address,
                approvals.c.decision == Decision.APPROVED,
            )
        )
        at: datetime | None = row["at"] if row is not None else None
        return at

    async def prune_approvals(self, before: datetime) -> int:
        return await self._write(delete(approvals).where(approvals.c.asked_at < before))


def _same(tenant: TenantId, id: ConnectionId) -> ColumnElement[bool]:
    return and_(approvals.c.tenant == tenant, approvals.c.id == id)


def _oldest(tenant: TenantId, now: datetime, user: UserId | None) -> Select[Any]:
    query = select(approvals).where(_waiting(tenant, now, user))
    return query.order_by(approvals.c.asked_at, approvals.c.id)


def _waiting(tenant: TenantId, now: datetime, user: UserId | None) -> ColumnElement[bool]:
    mine = and_(approvals.c.tenant == tenant, _waits(now))
    return mine if user is None else and_(mine, approvals.c.user == user)


def _waits(now: datetime) -> ColumnElement[bool]:
    return and_(approvals.c.decision.is_(None), approvals.c.expires_at > now)
