"""The questions of the directory that are asked most: each statement is made once, its values come later.

Making a statement takes longer than SQLite takes to answer it. Every one names the tenant.

What a user may use is one statement, from the user over groups and assignments to the resources. Resources
are read as they are stored, so that `directory_rows.resource_of` can recognise one that it has read before.
"""

from typing import Any, Final

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    CompoundSelect,
    Integer,
    Select,
    String,
    Table,
    and_,
    bindparam,
    cast,
    func,
    select,
    true,
    type_coerce,
    union,
)

from dialback.store import directory_rows as rows
from dialback.store.directory_models import (
    application_groups,
    group_assignments,
    group_members,
    host_pools,
    pool_hosts,
    published_resources,
    sessions,
    user_assignments,
    user_groups,
    users,
)
from dialback.store.models import Document, Flag, Key, hosts


def refers(table: Table, column: str, to: Table) -> ColumnElement[bool]:
    """Return the condition that a column of one table names the row of another."""
    return and_(to.c.tenant == table.c.tenant, to.c.id == table.c[column])


def _given(name: str) -> BindParameter[Any]:
    return bindparam(name, type_=Key())


_TENANT, _USER = _given("tenant"), _given("user")


def _as_stored(column: ColumnElement[Any]) -> ColumnElement[Any]:
    if isinstance(column.type, Document):
        return cast(column, String())
    return type_coerce(column, Integer() if isinstance(column.type, Flag | Integer) else String())


def _groups() -> Select[Any]:
    mine = and_(group_members.c.tenant == _TENANT, group_members.c.user == _USER)
    return select(group_members.c.group).where(mine)


def _entitled() -> CompoundSelect[Any]:
    """Return the query for the application groups that the user is assigned, by name or by a group."""
    direct = select(user_assignments.c.application_group).where(
        user_assignments.c.tenant == _TENANT, user_assignments.c.user == _USER
    )
    through = select(group_assignments.c.application_group).where(
        group_assignments.c.tenant == _TENANT, group_assignments.c.group.in_(_groups())
    )
    return union(direct, through)


def _may_use() -> ColumnElement[bool]:
    """Return the condition on a row of `published_resources`."""
    enabled = select(users.c.id).where(
        users.c.tenant == _TENANT, users.c.id == _USER, users.c.disabled_at.is_(None)
    )
    return and_(
        published_resources.c.tenant == _TENANT,
        published_resources.c.application_group.in_(_entitled()),
        enabled.exists(),
    )


def _published() -> Select[Any]:
    tables = (published_resources, application_groups, host_pools)
    return (
        select(*(column for table in tables for column in rows.labelled(table)))
        .join_from(
            published_resources,
            application_groups,
            refers(published_resources, "application_group", application_groups),
        )
        .join(host_pools, refers(application_groups, "pool", host_pools))
        .where(_may_use(), published_resources.c.name_key == _given("name"))
    )


def going_on(query: Select[Any]) -> Select[Any]:
    """Return the query for sessions, of hosts whose link is up alone."""
    up = select(hosts.c.id).where(refers(sessions, "host", hosts), hosts.c.link_up == true())
    return query.where(up.correlate(sessions).exists())


def _standings(*more: ColumnElement[bool]) -> Select[Any]:
    count = (
        select(func.count())
        .select_from(sessions)
        .where(sessions.c.tenant == pool_hosts.c.tenant, sessions.c.host == pool_hosts.c.host)
        .scalar_subquery()
    )
    return (
        select(pool_hosts, hosts.c.name, hosts.c.public_key, hosts.c.link_up, hosts.c.failed)
        .add_columns(count.label("sessions"))
        .join(hosts, refers(pool_hosts, "host", hosts))
        .where(pool_hosts.c.tenant == _TENANT, hosts.c.revoked_at.is_(None), *more)
        .order_by(pool_hosts.c.host)
    )


GROUPS_OF: Final = (
    select(user_groups)
    .where(user_groups.c.tenant == _TENANT, user_groups.c.id.in_(_groups()))
    .order_by(user_groups.c.name_key)
)
"""The groups of `user`."""

RESOURCES_OF: Final = select(*(_as_stored(column) for column in published_resources.c)).where(_may_use())
"""What `user` may use, as it is stored, in the order of the table's columns."""

SHOWN_IN: Final = RESOURCES_OF.where(
    published_resources.c.application_group.in_(
        select(application_groups.c.id).where(
            application_groups.c.tenant == _TENANT, application_groups.c.workspace == _given("workspace")
        )
    )
)
"""What of that `workspace` shows."""

PUBLISHED: Final = _published()
"""The resource of the key `name` if `user` may use it, with its application group and pool."""

SESSIONS_OF: Final = select(sessions).where(
    sessions.c.tenant == _TENANT, sessions.c.account == _given("account")
)
"""Sessions whose user has this name in whatever domain, in any order.

To spare itself the sorting, SQLite would look at every session of the tenant.
"""

STANDINGS: Final = _standings(pool_hosts.c.pool == _given("pool"))
"""The hosts of `pool` that are not revoked, each with the number of its sessions."""

ALL_STANDINGS: Final = _standings()
"""The same of every pool."""

COUNT_SESSIONS: Final = going_on(select(func.count().label("count"))).where(sessions.c.tenant == _TENANT)
"""How many sessions there are on hosts whose link is up."""
