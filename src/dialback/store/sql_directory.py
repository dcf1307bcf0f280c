"""The directory in a database, in SQL that SQLite and PostgreSQL share.

Every statement names the tenant. What a noun may refer to, and what may be removed, is decided by the foreign
keys of `store/directory_models.py`; this file says in words which rule a statement broke. What is asked most
is in `store/directory_queries.py`.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict, replace
from functools import partial
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
    null,
    or_,
    select,
    update,
)
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from dialback.domain.catalog import (
    ApplicationGroup,
    ApplicationGroupKind,
    GroupAssignment,
    PublishedResource,
    UserAssignment,
)
from dialback.domain.directory import (
    MAX_PAGE,
    E,
    HostStanding,
    KindDiffers,
    NameTaken,
    NotThere,
    Page,
    Published,
    StillUsed,
    VersionStale,
    check_reporter,
    cursor_of,
    key_at,
    session_key,
)
from dialback.domain.errors import Problem
from dialback.domain.health import Check
from dialback.domain.ids import (
    ApplicationGroupId,
    GroupId,
    HostId,
    PoolId,
    ResourceName,
    TenantId,
    UserId,
    UserName,
    WorkspaceId,
)
from dialback.domain.names import key_of
from dialback.domain.pools import HostPool, PoolHost
from dialback.domain.sessions import EVERY_SESSION, Session, SessionFilter, account_of, is_session_of
from dialback.domain.tenancy import Group, Tenant, User
from dialback.store import directory_queries as queries
from dialback.store import directory_rows as rows
from dialback.store.database import Database, first, translating
from dialback.store.directory_models import (
    application_groups,
    group_assignments,
    group_members,
    host_pools,
    pool_hosts,
    published_resources,
    sessions,
    tenants,
    user_assignments,
    users,
)
from dialback.store.models import hosts
from dialback.store.rows import Row, each


class SqlDirectory(Database):
    """Implements `Directory` over an engine whose database has the current schema; see `store/open.py`."""

    async def save_tenant(self, tenant: Tenant) -> Tenant:
        same = tenants.c.id == tenant.id
        values = {"id": tenant.id, "name": tenant.name}
        return replace(tenant, version=await self._keep(tenants, same, tenant.version, values, _no_check))

    async def tenant(self, tenant: TenantId) -> Tenant | None:
        row = await self._read_first(select(tenants).where(tenants.c.id == tenant))
        return None if row is None else rows.tenant_of(row)

    async def tenants(self) -> Sequence[Tenant]:
        return each(rows.tenant_of, await self._read(select(tenants).order_by(tenants.c.id)))

    async def save(self, noun: E) -> E:
        table = rows.TABLES[type(noun)]
        same = _is(table, noun.tenant, noun.id)
        check = partial(_check_kind, noun=noun)
        version = await self._keep(table, same, noun.version, rows.row_of(noun), check)
        return replace(noun, version=version)

    async def get(self, kind: type[E], tenant: TenantId, id: str) -> E | None:
        table = rows.TABLES[kind]
        row = await self._read_first(select(table).where(_is(table, tenant, id)))
        return None if row is None else rows.noun_of(kind, row)

    async def some(self, kind: type[E], tenant: TenantId, ids: Collection[str]) -> dict[str, E]:
        columns = rows.TABLES[kind].c
        query = select(rows.TABLES[kind]).where(columns.tenant == tenant, columns.id.in_(ids))
        found = each(lambda row: rows.noun_of(kind, row), await self._read(query))
        return {noun.id: noun for noun in found}

    async def find(self, kind: type[E], tenant: TenantId, name: str) -> E | None:
        table = rows.TABLES[kind]
        named = and_(table.c.tenant == tenant, table.c.name_key == key_of(name))
        row = await self._read_first(select(table).where(named))
        return None if row is None else rows.noun_of(kind, row)

    async def page(
        self, kind: type[E], tenant: TenantId, after: str = "", limit: int = 100, prefix: str = ""
    ) -> Page[E]:
        table = rows.TABLES[kind]
        query = select(table).where(table.c.tenant == tenant)
        return await self._page(kind, _beginning(query, table.c.name_key, key_of(prefix)), after, limit)

    async def count(self, kind: type[E], tenant: TenantId) -> int:
        mine = rows.TABLES[kind].c.tenant == tenant
        row = await self._read_first(select(func.count().label("count")).where(mine))
        return int(row["count"]) if row else 0

    async def remove(self, kind: type[E], tenant: TenantId, id: str) -> bool:
        table = rows.TABLES[kind]
        async with self._ruled("", removing=True) as connection:
            return (await connection.execute(delete(table).where(_is(table, tenant, id)))).rowcount > 0

    async def join(self, tenant: TenantId, group: GroupId, user: UserId) -> None:
        await self._add(group_members, {"tenant": tenant, "group": group, "user": user})

    async def leave(self, tenant: TenantId, group: GroupId, user: UserId) -> None:
        await self._drop(group_members, {"tenant": tenant, "group": group, "user": user})

    async def groups_of(self, tenant: TenantId, user: UserId) -> Sequence[Group]:
        [found] = await self._ask((queries.GROUPS_OF, {"tenant": tenant, "user": user}))
        return each(lambda row: rows.noun_of(Group, row), found)

    async def members(
        self, tenant: TenantId, group: GroupId, after: str = "", limit: int = 100
    ) -> Page[User]:
        inside = select(group_members.c.user).where(
            group_members.c.tenant == tenant, group_members.c.group == group
        )
        query = select(users).where(users.c.tenant == tenant, users.c.id.in_(inside))
        return await self._page(User, query, after, limit)

    async def assign(self, assignment: UserAssignment | GroupAssignment) -> None:
        await self._add(_assignments(assignment), asdict(assignment))

    async def unassign(self, assignment: UserAssignment | GroupAssignment) -> bool:
        return await self._drop(_assignments(assignment), asdict(assignment))

    async def assignments(
        self, tenant: TenantId, application_group: ApplicationGroupId
    ) -> Sequence[UserAssignment | GroupAssignment]:
        async with self._transaction() as connection:
            to_users = await _assigned(connection, user_assignments, tenant, application_group)
            to_groups = await _assigned(connection, group_assignments, tenant, application_group)
        return [
            *(UserAssignment(tenant, application_group, row["user"]) for row in to_users),
            *(GroupAssignment(tenant, application_group, row["group"]) for row in to_groups),
        ]

    async def resources_in(
        self, tenant: TenantId, application_group: ApplicationGroupId, after: str = "", limit: int = 100
    ) -> Page[PublishedResource]:
        columns = published_resources.c
        inside = select(published_resources).where(
            columns.tenant == tenant, columns.application_group == application_group
        )
        return await self._page(PublishedResource, inside, after, limit)

    async def save_pool_host(self, member: PoolHost) -> None:
        async with translating(), _refusing("host, pool or owner is not in the tenant"):
            await self._save(pool_hosts, asdict(member))

    async def remove_pool_host(self, tenant: TenantId, host: HostId) -> bool:
        return await self._drop(pool_hosts, {"tenant": tenant, "host": host})

    async def pool_host(self, tenant: TenantId, host: HostId) -> PoolHost | None:
        query = select(pool_hosts).where(pool_hosts.c.tenant == tenant, pool_hosts.c.host == host)
        row = await self._read_first(query)
        return None if row is None else rows.pool_host_of(row)

    async def pool_hosts(self, tenant: TenantId, pool: PoolId) -> Sequence[PoolHost]:
        query = select(pool_hosts).where(pool_hosts.c.tenant == tenant, pool_hosts.c.pool == pool)
        return each(rows.pool_host_of, await self._read(query.order_by(pool_hosts.c.host)))

    async def claim_host(self, tenant: TenantId, host: HostId, user: UserId) -> bool:
        member = and_(pool_hosts.c.tenant == tenant, pool_hosts.c.host == host)
        free = and_(pool_hosts.c.owner.is_(None), ~_owns_in_pool(user).exists())
        claim = update(pool_hosts).where(member, or_(free, pool_hosts.c.owner == user)).values(owner=user)
        its_pool = select(pool_hosts.c.pool).where(member).scalar_subquery()
        # Locked: of two claims in a pool, the later sees what the earlier has made of it.
        lock = _locking(host_pools, and_(host_pools.c.tenant == tenant, host_pools.c.id == its_pool))
        async with self._ruled("the user is not in the tenant") as connection:
            await connection.execute(lock)
            return (await connection.execute(claim)).rowcount > 0

    async def save_health(self, tenant: TenantId, host: HostId, failed: Iterable[Check]) -> None:
        said = update(hosts).where(_is(hosts, tenant, host)).values(failed=rows.checks_text(failed))
        await self._write(said)

    async def save_sessions(self, tenant: TenantId, host: HostId, found: Iterable[Session]) -> None:
        listed = {session.id: session for session in found}
        check_reporter(tenant, host, listed.values())
        old = delete(sessions).where(sessions.c.tenant == tenant, sessions.c.host == host)
        # Locked: who revokes the host meanwhile waits until these are there, and then removes them.
        lock = _locking(hosts, and_(_is(hosts, tenant, host), hosts.c.revoked_at.is_(None)))
        async with self._ruled("the host is not in the tenant") as connection:
            stands = (await connection.execute(lock)).rowcount > 0
            if listed and not stands:
                raise NotThere("the host is not in the tenant, or is revoked")
            await connection.execute(old)
            if listed:
                await connection.execute(
                    insert(sessions), [rows.session_row(each) for each in listed.values()]
                )

    async def sessions(self, tenant: TenantId, host: HostId | None = None) -> Sequence[Session]:
        query = select(sessions).where(sessions.c.tenant == tenant)
        query = query if host is None else query.where(sessions.c.host == host)
        return each(rows.session_of, await self._read(query.order_by(sessions.c.host, sessions.c.id)))

    async def session_page(
        self, tenant: TenantId, wanted: SessionFilter = EVERY_SESSION, after: str = "", limit: int = 100
    ) -> Page[Session]:
        size, place = max(1, min(limit, MAX_PAGE)), key_at(after) if after else ""
        # Whose user has the name in another domain is found out here, so a page may take several readings.
        at_once = MAX_PAGE if wanted.users else size + 1
        found, more = list[Session](), True
        while more and len(found) <= size:
            read = await self._read(_sessions_after(place, tenant, wanted).limit(at_once))
            found += [session for session in each(rows.session_of, read) if wanted.wants(session)]
            more = len(read) == at_once
            place = session_key(read[-1]["host"], read[-1]["id"]) if read else place
        page, more = tuple(found[:size]), len(found) > size
        return Page(page, cursor_of(session_key(page[-1].host, page[-1].id)) if more else "")

    async def count_sessions(self, tenant: TenantId) -> int:
        [[found]] = await self._ask((queries.COUNT_SESSIONS, {"tenant": tenant}))
        return int(found["count"])

    async def sessions_of(self, tenant: TenantId, user: UserName) -> Sequence[Session]:
        [theirs] = await self._ask((queries.SESSIONS_OF, {"tenant": tenant, "account": account_of(user)}))
        found = sorted(each(rows.session_of, theirs), key=lambda session: (session.host, session.id))
        return [session for session in found if is_session_of(session, user)]

    async def resources_of(
        self, tenant: TenantId, user: UserId, workspace: WorkspaceId | None = None
    ) -> Sequence[PublishedResource]:
        if workspace is None:
            question = (queries.RESOURCES_OF, {"tenant": tenant, "user": user})
        else:
            question = (queries.SHOWN_IN, {"tenant": tenant, "user": user, "workspace": workspace})
        found = rows.resources(await self._ask_raw(*question))
        # Sorted here, as sessions are; see `directory_queries.SESSIONS_OF`.
        return sorted(found, key=lambda resource: resource.name)

    async def published(self, tenant: TenantId, user: UserId, name: ResourceName) -> Published | None:
        named = {"tenant": tenant, "user": user, "name": key_of(name)}
        [found] = await self._ask((queries.PUBLISHED, named))
        if not found:
            return None
        return Published(
            rows.noun_of(PublishedResource, rows.part_of(found[0], published_resources)),
            rows.noun_of(ApplicationGroup, rows.part_of(found[0], application_groups)),
            rows.noun_of(HostPool, rows.part_of(found[0], host_pools)),
        )

    async def standings(self, tenant: TenantId, pool: PoolId, user: UserName) -> Sequence[HostStanding]:
        found, theirs = await self._ask(
            (queries.STANDINGS, {"tenant": tenant, "pool": pool}),
            (queries.SESSIONS_OF, {"tenant": tenant, "account": account_of(user)}),
        )
        mine = [session for session in each(rows.session_of, theirs) if is_session_of(session, user)]
        return each(lambda row: _standing(row, mine), found)

    async def all_standings(self, tenant: TenantId) -> Sequence[HostStanding]:
        [found] = await self._ask((queries.ALL_STANDINGS, {"tenant": tenant}))
        return each(lambda row: _standing(row, ()), found)

    @asynccontextmanager
    async def _ruled(self, lack: str, *, removing: bool = False) -> AsyncIterator[AsyncConnection]:
        """Begin a transaction whose statements may break a rule of the tables; see `_refusing`."""
        async with translating(), _refusing(lack, removing=removing), self._engine.begin() as connection:
            yield connection

    async def _keep(
        self,
        table: Table,
        same: ColumnElement[bool],
        version: int,
        values: dict[str, Any],
        check: Callable[[AsyncConnection], Awaitable[None]],
    ) -> int:
        """Put the row in place of the one that is the same, or add it; return its new version.

        `check` is asked in the same transaction whether the row may stay.
        """
        async with translating(), _refusing("what it refers to is not in the tenant"):
            for attempt in range(2):
                try:
                    async with self._engine.begin() as connection:
                        kept = await _put_version(connection, table, same, version, values)
                        await check(connection)
                    return kept
                except IntegrityError as error:
                    # Unless a rule was broken, another node added it in between; SQLite never comes here.
                    if attempt or _broken_rule(error) is not None:
                        raise
        raise AssertionError("the second attempt returns or raises")

    async def _page(self, kind: type[E], query: Select[Any], after: str, limit: int) -> Page[E]:
        table = rows.TABLES[kind]
        size = max(1, min(limit, MAX_PAGE))
        if after:
            query = query.where(table.c.name_key > key_at(after))
        found = await self._read(query.order_by(table.c.name_key).limit(size + 1))
        nouns = each(lambda row: rows.noun_of(kind, row), found[:size])
        return Page(tuple(nouns), cursor_of(found[size - 1]["name_key"]) if len(found) > size else "")

    async def _add(self, table: Table, values: dict[str, Any]) -> None:
        """Add a row that is nothing but its key, unless it is there."""
        async with translating(), _refusing("one of the two is not in the tenant"):
            await self._save(table, values)

    async def _drop(self, table: Table, values: dict[str, Any]) -> bool:
        return await self._write(delete(table).where(_equals(table, values))) > 0


async def _put_version(
    connection: AsyncConnection,
    table: Table,
    same: ColumnElement[bool],
    version: int,
    values: dict[str, Any],
) -> int:
    expected = [table.c.version == version] if version else []
    change = update(table).where(same, *expected).values(**values, version=table.c.version + 1)
    row = await first(connection, change.returning(table.c.version))
    if row is not None:
        return int(row["version"])
    if version:
        raise VersionStale("it was changed or removed in the meantime; read it again, then change it")
    await connection.execute(insert(table).values(**values, version=1))
    return 1


async def _no_check(connection: AsyncConnection) -> None:
    pass


async def _check_kind(connection: AsyncConnection, noun: object) -> None:
    """Raise `KindDiffers` unless resources are of the kind of their group."""
    if isinstance(noun, PublishedResource):
        group = _is(application_groups, noun.tenant, noun.application_group)
        # Locked: who changes the group's kind meanwhile waits until this resource is there, and then sees it.
        kind = select(application_groups.c.kind).where(group).with_for_update(read=True)
        row = await first(connection, kind)
        differ = row is not None and row["kind"] != noun.kind
    elif isinstance(noun, ApplicationGroup):
        desktop = published_resources.c.remote_app.is_(null())
        wrong = desktop if noun.kind is ApplicationGroupKind.REMOTE_APP else ~desktop
        inside = and_(
            published_resources.c.tenant == noun.tenant,
            published_resources.c.application_group == noun.id,
        )
        differ = await first(connection, select(published_resources.c.id).where(inside, wrong)) is not None
    else:
        differ = False
    if differ:
        raise KindDiffers("a desktop and a RemoteApp cannot be in one application group; make another")


def _owns_in_pool(user: UserId) -> Select[Any]:
    """Return the query for hosts of the user in the pool of the row of `pool_hosts` around it."""
    theirs = pool_hosts.alias("theirs")
    mine = and_(theirs.c.tenant == pool_hosts.c.tenant, theirs.c.pool == pool_hosts.c.pool)
    its_host = and_(hosts.c.tenant == theirs.c.tenant, hosts.c.id == theirs.c.host)
    standing = and_(theirs.c.owner == user, hosts.c.revoked_at.is_(None))
    return select(theirs.c.host).join(hosts, its_host).where(mine, standing)


def _locking(table: Table, same: ColumnElement[bool]) -> Update:
    """Return the statement that locks rows until its transaction ends.

    It writes what is there, since the first statement of a transaction that writes must write: see
    `store/database.py`.
    """
    return update(table).where(same).values(name=table.c.name)


@asynccontextmanager
async def _refusing(lack: str, *, removing: bool = False) -> AsyncIterator[None]:
    """Say which rule of the tables was broken: `lack` is the sentence about what is not there."""
    try:
        yield
    except IntegrityError as error:
        rule = _broken_rule(error)
        if rule is NameTaken:
            raise NameTaken("another one has this name; choose a different one") from error
        if rule is NotThere and removing:
            raise StillUsed(
                "something still refers to it; remove that, or change what it refers to"
            ) from error
        if rule is NotThere:
            raise NotThere(lack) from error
        raise


def _broken_rule(error: IntegrityError) -> type[Problem] | None:
    """Return the kind of problem; None for a row whose key is there, which another node has just added."""
    # The lines after the first hold values, which may say anything.
    text = str(error.orig).partition("\n")[0].lower()
    if "foreign key" in text:
        return NotThere
    return NameTaken if "name_key" in text else None


def _beginning(query: Select[Any], column: ColumnElement[str], prefix: str) -> Select[Any]:
    return query.where(column.startswith(prefix, autoescape=True)) if prefix else query


def _sessions_after(place: str, tenant: TenantId, wanted: SessionFilter) -> Select[Any]:
    """Return the query for sessions that may be wanted and stand behind the place, a `session_key`."""
    columns = sessions.c
    query = queries.going_on(select(sessions)).where(
        columns.tenant == tenant, *(columns.account == account_of(user) for user in sorted(wanted.users))
    )
    query = _beginning(query, columns.account, account_of(UserName(wanted.prefix)))
    query = query if wanted.host is None else query.where(columns.host == wanted.host)
    if place:
        host, _, id = place.partition("\n")
        query = query.where(or_(columns.host > host, and_(columns.host == host, columns.id > id)))
    return query.order_by(columns.host, columns.id)


def _is(table: Table, tenant: TenantId, id: str) -> ColumnElement[bool]:
    return and_(table.c.tenant == tenant, table.c.id == id)


def _equals(table: Table, values: dict[str, Any]) -> ColumnElement[bool]:
    return and_(*(table.c[name] == value for name, value in values.items()))


def _assignments(assignment: UserAssignment | GroupAssignment) -> Table:
    return user_assignments if isinstance(assignment, UserAssignment) else group_assignments


async def _assigned(
    connection: AsyncConnection, table: Table, tenant: TenantId, application_group: ApplicationGroupId
) -> Sequence[Row]:
    query = select(table).where(table.c.tenant == tenant, table.c.application_group == application_group)
    assignee = table.c.user if "user" in table.c else table.c.group
    return [dict(row) for row in (await connection.execute(query.order_by(assignee))).mappings()]


def _standing(row: Row, sessions_of_user: Sequence[Session]) -> HostStanding:
    return HostStanding(
        rows.known_pool_host_of(row),
        row["name"],
        row["public_key"],
        row["link_up"],
        rows.checks_of(row["failed"]),
        row["sessions"],
        tuple(session for session in sessions_of_user if session.host == row["host"]),
    )
