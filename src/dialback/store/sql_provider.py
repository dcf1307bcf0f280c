"""What is kept for the provider, in a database: see `store/database.py` for its transactions.

What happens once (a denial, a revocation, one more signature) is one conditional UPDATE, whose row count says
who won. A flight record is added to under the lock of its row of `flights`, so that two who add at once come
one after the other.
"""

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict, replace
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Table, and_, delete, func, insert, literal, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from dialback.domain import flight
from dialback.domain.consent import ConsentRequest, Denial
from dialback.domain.directory import NotThere, VersionStale
from dialback.domain.flight import Flight, FlightProblem, Head, SignedHead
from dialback.domain.ids import ConnectionId, GrantId, TenantId, UserId
from dialback.domain.provider import PROVIDER, ConsentKey, KeptGrant, Staff, Terms
from dialback.store import provider_rows as rows
from dialback.store import queries
from dialback.store.database import Database, first, translating
from dialback.store.directory_models import tenants
from dialback.store.models import Instant
from dialback.store.provider_models import (
    consent_keys,
    consent_requests,
    flight_entries,
    flights,
    grants,
    moved_bytes,
    staff,
    terms,
)
from dialback.store.rows import Row, each


class SqlProvider(Database):
    """Implements `Provider` over an engine whose database has the current schema."""

    async def save_staff(self, member: Staff) -> None:
        async with translating(), _refusing("the user is not there"):
            await self._save(staff, rows.staff_row(member))

    async def staff(self, user: UserId) -> Staff | None:
        row = await self._read_first(select(staff).where(_staff(user)))
        return None if row is None else rows.staff_of(row)

    async def all_staff(self) -> Sequence[Staff]:
        everybody = select(staff).where(staff.c.tenant == PROVIDER).order_by(staff.c.user)
        return each(rows.staff_of, await self._read(everybody))

    async def remove_staff(self, user: UserId) -> bool:
        return await self._write(delete(staff).where(_staff(user))) > 0

    async def save_terms(self, agreed: Terms) -> Terms:
        async with translating(), _refusing("the tenant is not there"):
            try:
                version = await self._put_terms(agreed)
            except IntegrityError as error:
                if _breaks_reference(error):
                    raise
                # Another node added them in between; SQLite never comes here.
                version = await self._put_terms(agreed)
        return replace(agreed, version=version)

    async def _put_terms(self, agreed: Terms) -> int:
        same, values = terms.c.tenant == agreed.tenant, rows.terms_row(agreed)
        expected = [terms.c.version == agreed.version] if agreed.version else []
        change = update(terms).where(same, *expected).values(**values, version=terms.c.version + 1)
        async with self._engine.begin() as connection:
            row = await first(connection, change.returning(terms.c.version))
            if row is not None:
                return int(row["version"])
            if agreed.version:
                raise VersionStale("the terms were changed in the meantime; read them again")
            await connection.execute(insert(terms).values(**values, version=1))
        return 1

    async def terms(self, tenant: TenantId) -> Terms:
        [found] = await self._ask((queries.TERMS_OF, {"tenant": tenant}))
        return rows.terms_of(dict(found[0])) if found else Terms(tenant)

    async def all_terms(self) -> Sequence[Terms]:
        agreed = select(tenants.c.id, *terms.c).outerjoin_from(tenants, terms, terms.c.tenant == tenants.c.id)
        return each(_terms_of, await self._read(agreed.order_by(tenants.c.id)))

    async def add_bytes(self, tenant: TenantId, month: str, count: int) -> int:
        async with translating():
            try:
                return await self._count(tenant, month, count)
            except IntegrityError:
                return await self._count(tenant, month, count)

    async def _count(self, tenant: TenantId, month: str, count: int) -> int:
        same = and_(moved_bytes.c.tenant == tenant, moved_bytes.c.month == month)
        add = update(moved_bytes).where(same).values(count=moved_bytes.c.count + count)
        async with self._engine.begin() as connection:
            row = await first(connection, add.returning(moved_bytes.c.count))
            if row is not None:
                return int(row["count"])
            await connection.execute(insert(moved_bytes).values(tenant=tenant, month=month, count=count))
        return count

    async def bytes_in(self, tenant: TenantId, month: str) -> int:
        row = await self._read_first(
            select(moved_bytes.c.count).where(moved_bytes.c.tenant == tenant, moved_bytes.c.month == month)
        )
        return 0 if row is None else int(row["count"])

    async def save_consent_key(self, key: ConsentKey) -> None:
        async with translating(), _refusing("the tenant is not there"):
            await self._save(consent_keys, asdict(key))

    async def consent_keys(self, tenant: TenantId) -> Sequence[ConsentKey]:
        mine = select(consent_keys).where(consent_keys.c.tenant == tenant).order_by(consent_keys.c.name)
        return each(rows.key_of, await self._read(mine))

    async def remove_consent_key(self, tenant: TenantId, name: str) -> bool:
        return await self._write(delete(consent_keys).where(_key(tenant, name))) > 0

    async def ask_consent(self, request: ConsentRequest) -> None:
        await self._write(insert(consent_requests), asdict(request))

    async def consent_request(self, tenant: TenantId, id: str) -> ConsentRequest | None:
        row = await self._read_first(select(consent_requests).where(_is(consent_requests, tenant, id)))
        return None if row is None else rows.request_of(row)

    async def consent_requests(self, tenant: TenantId, limit: int = 100) -> Sequence[ConsentRequest]:
        table = consent_requests.c
        mine = select(consent_requests).where(table.tenant == tenant)
        newest = mine.order_by(table.asked_at.desc(), table.id.desc()).limit(max(limit, 0))
        return each(rows.request_of, await self._read(newest))

    async def deny_consent(self, tenant: TenantId, id: str, by: str, now: datetime) -> bool:
        waits = and_(_is(consent_requests, tenant, id), consent_requests.c.denied_at.is_(None))
        deny = update(consent_requests).where(waits).values(denied_by=by, denied_at=now)
        return await self._write(deny) > 0

    async def denials(self, tenant: TenantId, requests: Collection[str]) -> Mapping[str, Denial]:
        table = consent_requests.c
        denied = select(consent_requests).where(
            table.tenant == tenant, table.id.in_(requests), table.denied_at.is_not(None)
        )
        return dict(each(rows.denial_of, await self._read(denied)))

    async def save_grant(self, grant: KeptGrant) -> bool:
        table, values = grants.c, asdict(grant)
        fewer = and_(
            _is(grants, grant.tenant, grant.id),
            table.request == grant.request,
            table.signatures < grant.signatures,
            table.revoked_at.is_(None),
        )
        async with translating():
            try:
                async with self._engine.begin() as connection:
                    changed = await connection.execute(update(grants).where(fewer).values(values))
                    if changed.rowcount == 0:
                        await connection.execute(insert(grants).values(values))
            except IntegrityError:
                return False
        return True

    async def grant_for(self, tenant: TenantId, request: str) -> KeptGrant | None:
        mine = select(grants).where(grants.c.tenant == tenant, grants.c.request == request)
        row = await self._read_first(mine.order_by(grants.c.number.desc()).limit(1))
        return None if row is None else rows.grant_of(row)

    async def grants(self, tenant: TenantId, limit: int = 100) -> Sequence[KeptGrant]:
        mine = select(grants).where(grants.c.tenant == tenant)
        return each(
            rows.grant_of, await self._read(mine.order_by(grants.c.number.desc()).limit(max(limit, 0)))
        )

    async def revoke_grant(self, tenant: TenantId, id: GrantId, now: datetime) -> bool:
        # The first revocation stays.
        at = func.coalesce(grants.c.revoked_at, literal(now, Instant()))
        return await self._write(update(grants).where(_is(grants, tenant, id)).values(revoked_at=at)) > 0

    async def prune_consent(self, before: datetime) -> int:
        asked = await self._write(delete(consent_requests).where(consent_requests.c.asked_at < before))
        return asked + await self._write(delete(grants).where(grants.c.until < before))

    async def append_flight(self, tenant: TenantId, lines: Sequence[str]) -> None:
        if not lines:
            return
        begin = flight.parse(lines[0])
        async with translating():
            try:
                await self._append(tenant, begin, lines)
            except IntegrityError:
                # Another node began the same chain in between.
                await self._append(tenant, begin, lines)

    async def _append(self, tenant: TenantId, begin: flight.FlightEntry, lines: Sequence[str]) -> None:
        same = _flight(flights, tenant, begin.connection_id)
        async with self._engine.begin() as connection:
            # Changes nothing, and holds whoever else adds to this chain.
            await connection.execute(update(flights).where(same).values(count=flights.c.count))
            row = await first(connection, select(flights).where(same))
            end = None if row is None else rows.flight_of(row).end
            kept = await _lines(connection, tenant, begin.connection_id, begin.number, len(lines))
            added = flight.follow(end, kept, lines)
            if not added:
                return
            values = rows.end_row(Head(begin.connection_id, added[-1].number + 1, added[-1].hash))
            if end is None:
                key = {"tenant": tenant, "connection_id": begin.connection_id, "begun_at": begin.at}
                await connection.execute(insert(flights).values(**key, **values))
            else:
                await connection.execute(update(flights).where(same).values(values))
            await connection.execute(
                insert(flight_entries), [rows.entry_row(tenant, entry) for entry in added]
            )

    async def sign_flight(self, tenant: TenantId, signed: SignedHead) -> None:
        same = _flight(flights, tenant, signed.head.connection_id)
        async with self._transaction() as connection:
            await connection.execute(update(flights).where(same).values(count=flights.c.count))
            row = await first(connection, select(flights).where(same))
            last = signed.head.count - 1
            lines = await _lines(connection, tenant, signed.head.connection_id, last, 1)
            if row is None or not lines or not flight.is_head_at(signed.head, lines[0]):
                raise FlightProblem(f"expected a head of the chain that is kept, got {signed.head.hash[:16]}")
            merged = flight.merge(rows.flight_of(row).signed, signed)
            await connection.execute(update(flights).where(same).values(rows.signed_row(merged)))

    async def flight(self, tenant: TenantId, connection_id: ConnectionId) -> Flight | None:
        row = await self._read_first(select(flights).where(_flight(flights, tenant, connection_id)))
        return None if row is None else rows.flight_of(row)

    async def flights(self, tenant: TenantId, limit: int = 100) -> Sequence[Flight]:
        mine = select(flights).where(flights.c.tenant == tenant)
        newest = mine.order_by(flights.c.begun_at.desc(), flights.c.connection_id.desc())
        return each(rows.flight_of, await self._read(newest.limit(max(limit, 0))))

    async def flight_lines(self, tenant: TenantId, connection_id: ConnectionId) -> Sequence[str]:
        async with self._transaction() as connection:
            return await _lines(connection, tenant, connection_id, 0, flight.MAX_ENTRIES)

    async def prune_flights(self, before: datetime) -> int:
        return await self._write(delete(flights).where(flights.c.begun_at < before))


async def _lines(
    connection: AsyncConnection, tenant: TenantId, id: ConnectionId, begin: int, most: int
) -> list[str]:
    """Return the lines of a chain from a number on; one that cannot be read is an empty one."""
    mine = select(flight_entries.c.line).where(
        _flight(flight_entries, tenant, id), flight_entries.c.number >= begin
    )
    found = await connection.execute(mine.order_by(flight_entries.c.number).limit(most))
    return [line if isinstance(line, str) else "" for line in found.scalars()]


def _terms_of(row: Row) -> Terms:
    """Return the terms of a tenant's row, which has none where nothing was agreed."""
    if row["tenant"] is None:
        return Terms(TenantId(row["id"]))
    return rows.terms_of({name: value for name, value in row.items() if name != "id"})


def _staff(user: UserId) -> ColumnElement[bool]:
    return and_(staff.c.tenant == PROVIDER, staff.c.user == user)


def _key(tenant: TenantId, name: str) -> ColumnElement[bool]:
    return and_(consent_keys.c.tenant == tenant, consent_keys.c.name == name)


def _is(table: Table, tenant: TenantId, id: str) -> ColumnElement[bool]:
    return and_(table.c.tenant == tenant, table.c.id == id)


def _flight(table: Table, tenant: TenantId, id: ConnectionId) -> ColumnElement[bool]:
    return and_(table.c.tenant == tenant, table.c.connection_id == id)


@asynccontextmanager
async def _refusing(lack: str) -> AsyncIterator[None]:
    """Say what is not there, if the rule of a table was broken that needs it."""
    try:
        yield
    except IntegrityError as error:
        if _breaks_reference(error):
            raise NotThere(lack) from error
        raise


def _breaks_reference(error: IntegrityError) -> bool:
    # The lines after the first hold values, which may say anything.
    text: Any = str(error.orig).partition("\n")[0]
    return "foreign key" in text.lower()
