"""The store in a database: one short transaction per method, in SQL that SQLite and PostgreSQL share.

Each transaction that writes begins with its writing statement; see `store/database.py`. What must happen
once (using up a join code) is one conditional UPDATE, whose row count says who won. Every failure leaves as
`StoreUnavailable`.
"""

from collections.abc import Collection, Sequence
from dataclasses import asdict, replace
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Select,
    Table,
    Update,
    and_,
    delete,
    func,
    insert,
    literal,
    or_,
    select,
    text,
    update,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from dialback.domain.access import ConnectionToken, TokenUse
from dialback.domain.contracts import StoreUnavailable
from dialback.domain.directory import Page
from dialback.domain.errors import Reason, Refused
from dialback.domain.hosts import Host, HostReport, JoinCode
from dialback.domain.ids import (
    ConnectionId,
    HostId,
    PoolId,
    TenantId,
    TokenHash,
    UserId,
    UserName,
)
from dialback.domain.names import key_of
from dialback.domain.pools import PoolHost, pool_of_its_own, with_its_id
from dialback.domain.records import EVERY_RECORD, RecordFilter, place_of, users_of
from dialback.domain.sessions import ConnectionRecord
from dialback.store import directory_rows, queries, rows
from dialback.store.database import Database, first, translating
from dialback.store.directory_models import host_pools, pool_hosts, sessions
from dialback.store.models import Instant, connection_tokens, connections, hosts, join_codes
from dialback.store.sql_accounts import SqlAccounts
from dialback.store.sql_approvals import SqlApprovals
from dialback.store.sql_audit import SqlAudit
from dialback.store.sql_directory import SqlDirectory
from dialback.store.sql_icons import SqlIcons
from dialback.store.sql_provider import SqlProvider
from dialback.store.sql_rights import SqlRights


class SqlStore(Database):
    """Implements `Store` over an engine whose database has the current schema; see `store/open.py`."""

    @property
    def directory(self) -> SqlDirectory:
        """Return the directory in the same database; it is closed with the store."""
        return SqlDirectory(self._engine)

    @property
    def accounts(self) -> SqlAccounts:
        """Return the accounts in the same database; they are closed with the store."""
        return SqlAccounts(self._engine)

    @property
    def approvals(self) -> SqlApprovals:
        """Return the approvals in the same database; they are closed with the store."""
        return SqlApprovals(self._engine)

    @property
    def audit(self) -> SqlAudit:
        """Return the audit log in the same database; it is closed with the store."""
        return SqlAudit(self._engine)

    @property
    def rights(self) -> SqlRights:
        """Return what is asked about open connections of the same database; it is closed with the store."""
        return SqlRights(self._engine)

    @property
    def icons(self) -> SqlIcons:
        """Return the icons in the same database; they are closed with the store."""
        return SqlIcons(self._engine)

    @property
    def provider(self) -> SqlProvider:
        """Return what is kept for the provider in the same database; it is closed with the store."""
        return SqlProvider(self._engine)

    async def save_join_code(self, code: JoinCode) -> None:
        await self._write(insert(join_codes), asdict(code))

    async def enrol_host(self, code: TokenHash, host: Host, now: datetime) -> Host:
        usable = and_(join_codes.c.used_at.is_(None), join_codes.c.expires_at > now)
        async with self._transaction() as connection:
            used = await connection.execute(
                update(join_codes).where(join_codes.c.hash == code, usable).values(used_at=now)
            )
            found = await first(connection, select(join_codes).where(join_codes.c.hash == code))
            if found is None:
                raise Refused(Reason.JOIN_CODE_UNKNOWN)
            known = rows.join_code_of(found)
            if used.rowcount == 0:
                raise Refused(Reason.JOIN_CODE_USED if known.used_at else Reason.JOIN_CODE_EXPIRED)
            named = replace(host, name=known.host_name, tenant=known.tenant)
            await connection.execute(insert(hosts).values(asdict(named)))
            pool = known.pool or await _own_pool(connection, named)
            await _join(connection, named, pool)
        return named

    async def host(self, tenant: TenantId, host_id: HostId) -> Host | None:
        return await self._host(and_(hosts.c.tenant == tenant, hosts.c.id == host_id))

    async def hosts(self, tenant: TenantId) -> Sequence[Host]:
        return await self.hosts_of([tenant])

    async def hosts_of(self, tenants: Collection[TenantId]) -> Sequence[Host]:
        return await self._hosts(select(hosts).where(hosts.c.tenant.in_(tenants)))

    async def host_names(self, tenant: TenantId, ids: Collection[HostId]) -> dict[HostId, str]:
        mine = and_(hosts.c.tenant == tenant, hosts.c.id.in_(ids))
        found = await self._read(select(hosts.c.id, hosts.c.name).where(mine))
        return {row["id"]: row["name"] for row in found if isinstance(row["name"], str)}

    async def any_host(self, host_id: HostId) -> Host | None:
        return await self._host(hosts.c.id == host_id)

    async def all_hosts(self) -> Sequence[Host]:
        return await self._hosts(select(hosts))

    async def revoke_host(self, host_id: HostId, now: datetime) -> bool:
        async with self._transaction() as connection:
            revoke = _revoking(hosts, hosts.c.id == host_id, now).returning(hosts.c.tenant)
            revoked = await first(connection, revoke)
            if revoked is not None:
                mine = and_(sessions.c.tenant == revoked["tenant"], sessions.c.host == host_id)
                await connection.execute(delete(sessions).where(mine))
        return revoked is not None

    async def set_link(self, host_id: HostId, up: bool, at: datetime) -> None:
        await self._write(update(hosts).where(hosts.c.id == host_id).values(link_up=up, link_changed_at=at))

    async def all_links_down(self, at: datetime) -> None:
        await self._write(update(hosts).where(hosts.c.link_up).values(link_up=False, link_changed_at=at))

    async def save_report(self, host_id: HostId, report: HostReport, at: datetime) -> None:
        await self._write(
            update(hosts).where(hosts.c.id == host_id).values(report=asdict(report), reported_at=at)
        )

    async def save_token(self, token: ConnectionToken) -> None:
        await self._write(insert(connection_tokens), asdict(token))

    async def token(self, token_hash: TokenHash) -> tuple[ConnectionToken | None, TokenUse]:
        asked = {"token_hash": token_hash}
        known, live, ended = await self._ask(
            (queries.TOKEN, asked), (queries.OPENED_BY, asked), (queries.LAST_RELAYED_BY, asked)
        )
        use = rows.token_use_of(bool(live), dict(ended[0]) if ended else None)
        return rows.token_of(dict(known[0])) if known else None, use

    async def revoke_token(self, token_hash: TokenHash, now: datetime) -> bool:
        return await self._revoke(connection_tokens, connection_tokens.c.hash == token_hash, now)

    async def tokens_of(self, tenant: TenantId, user_id: UserId) -> Sequence[ConnectionToken]:
        mine = select(connection_tokens).where(_of(tenant, user_id))
        newest = mine.order_by(connection_tokens.c.issued_at.desc(), connection_tokens.c.hash)
        return rows.each(rows.token_of, await self._read(newest))

    async def revoke_tokens_of(self, tenant: TenantId, user_id: UserId, now: datetime) -> int:
        standing = connection_tokens.c.revoked_at.is_(None)
        return await self._write(
            update(connection_tokens).where(_of(tenant, user_id), standing).values(revoked_at=now)
        )

    async def prune_tokens(self, before: datetime) -> int:
        opened = select(connections.c.id).where(
            connections.c.token_hash == connection_tokens.c.hash, connections.c.ended_at.is_(None)
        )
        old = connection_tokens.c.expires_at < before
        return await self._write(delete(connection_tokens).where(old, ~opened.exists()))

    async def save_connection(self, record: ConnectionRecord) -> None:
        async with translating():
            await self._save(connections, rows.connection_row(record))

    async def connection(
        self, tenant: TenantId | None, connection_id: ConnectionId
    ) -> ConnectionRecord | None:
        mine = and_(_belongs(tenant), connections.c.id == connection_id)
        row = await self._read_first(select(connections).where(mine))
        return None if row is None else rows.connection_of(row)

    async def connections(
        self, tenant: TenantId | None, limit: int = 50, user: UserName | None = None
    ) -> Sequence[ConnectionRecord]:
        wanted = RecordFilter(users_of(user))
        return list((await self.connection_page(tenant, wanted, limit=limit)).items) if limit > 0 else []

    async def connection_page(
        self, tenant: TenantId | None, wanted: RecordFilter = EVERY_RECORD, after: str = "", limit: int = 100
    ) -> Page[ConnectionRecord]:
        size, at = max(limit, 1), (connections.c.opened_at, connections.c.id)
        query = select(connections).where(_belongs(tenant), *_wanted(wanted))
        if after:
            opened_at, id = place_of(after)
            same = and_(at[0] == opened_at, at[1] < id)
            query = query.where(or_(at[0] < opened_at, same))
        newest = query.order_by(*(column.desc() for column in at))
        found = await self._read(newest.limit(size + 1))
        records = tuple(rows.each(rows.connection_of, found[:size]))
        return Page(records, rows.cursor_behind(found[:size], "opened_at") if len(found) > size else "")

    async def cursor_before(
        self, tenant: TenantId | None, wanted: RecordFilter, after: str, limit: int = 100
    ) -> str:
        at, (opened_at, id) = (connections.c.opened_at, connections.c.id), place_of(after)
        newer = or_(at[0] > opened_at, and_(at[0] == opened_at, at[1] > id))
        query = select(*at).where(_belongs(tenant), *_wanted(wanted), newer)
        row = await self._read_first(query.order_by(*at).offset(limit - 1).limit(1))
        return rows.cursor_behind([row], "opened_at") if row else ""

    async def close_open_connections(self, at: datetime) -> int:
        still_open = connections.c.ended_at.is_(None)
        stopped = update(connections).where(still_open).values(ended_at=at, reason=Reason.SERVER_STOPPED)
        return await self._write(stopped)

    async def prune_connections(self, before: datetime) -> int:
        return await self._write(delete(connections).where(connections.c.ended_at < before))

    async def check(self) -> str:
        row = await self._read_first(select(text("version_num")).select_from(text("alembic_version")))
        if row is None:
            raise StoreUnavailable("the database has no schema revision; restore it from a backup")
        return str(row["version_num"])

    async def _host(self, same: ColumnElement[bool]) -> Host | None:
        row = await self._read_first(select(hosts).where(same))
        return None if row is None else rows.host_of(row)

    async def _hosts(self, query: Select[Any]) -> Sequence[Host]:
        found = rows.each(rows.host_of, await self._read(query))
        # Sorted here, since databases differ in how they collate.
        return sorted(found, key=lambda host: (host.name, host.id))

    async def _revoke(self, table: Table, same: ColumnElement[bool], now: datetime) -> bool:
        """Revoke the row unless it was revoked before; False if there is none."""
        return await self._write(_revoking(table, same, now)) > 0


def _revoking(table: Table, same: ColumnElement[bool], now: datetime) -> Update:
    """Return the statement that revokes the row, which keeps the first instant."""
    at = func.coalesce(table.c.revoked_at, literal(now, Instant()))
    return update(table).where(same).values(revoked_at=at)


def _of(tenant: TenantId, user_id: UserId) -> ColumnElement[bool]:
    return and_(connection_tokens.c.tenant == tenant, connection_tokens.c.user_id == user_id)


def _belongs(tenant: TenantId | None) -> ColumnElement[bool]:
    return connections.c.tenant.is_(None) if tenant is None else connections.c.tenant == tenant


def _wanted(wanted: RecordFilter) -> list[ColumnElement[bool]]:
    """Return the conditions that a filter puts on rows of `connections`."""
    columns = connections.c
    conditions: list[ColumnElement[bool]] = [columns.user.in_(sorted(wanted.users))] if wanted.users else []
    conditions += [columns.resource == wanted.resource] if wanted.resource is not None else []
    conditions += [columns.host_id == wanted.host] if wanted.host is not None else []
    conditions += [columns.reason == wanted.reason.value] if wanted.reason is not None else []
    return [*conditions, columns.ended_at.is_(None)] if wanted.is_open else conditions


async def _own_pool(connection: AsyncConnection, host: Host) -> PoolId:
    """Make the host's own pool and return its id."""
    pool = pool_of_its_own(host.tenant, host.id, host.name)
    taken = select(host_pools.c.id).where(
        host_pools.c.tenant == host.tenant, host_pools.c.name_key == key_of(pool.name)
    )
    if await first(connection, taken) is not None:
        pool = with_its_id(pool)
    await connection.execute(insert(host_pools).values(**directory_rows.row_of(pool), version=1))
    return pool.id


async def _join(connection: AsyncConnection, host: Host, pool: PoolId) -> None:
    """Put the host into the pool; raise `Refused` if it is gone."""
    # Locked against its removal, where the database lets others write meanwhile.
    known = select(host_pools.c.id).where(host_pools.c.tenant == host.tenant, host_pools.c.id == pool)
    if await first(connection, known.with_for_update(read=True)) is None:
        raise Refused(Reason.JOIN_CODE_POOL_GONE, pool)
    await connection.execute(insert(pool_hosts).values(asdict(PoolHost(host.tenant, pool, host.id))))
