"""The tables of the directory.

The tenant is the first column of every primary key and of every foreign key, so that the database itself
refuses a row that refers to another tenant's. What belongs to a noun alone (memberships, assignments, the
resources of an application group) goes with it; what others rely on keeps it there. `name_key` is what two
names have in common that people take for the same. An index holds whole keys: SQLite, which keeps no
statistics unless told to, else prefers the primary key and reads the whole tenant.
"""

from typing import Any

from sqlalchemy import Column, ForeignKeyConstraint, Index, Integer, Table, UniqueConstraint

from dialback.store.models import Document, Flag, Instant, Key, Words, metadata


def _refers(columns: list[str], table: str, *, goes_along: bool = False) -> ForeignKeyConstraint:
    """Return the rule that columns, the tenant first, name a row of the table; a row may go with that one."""
    target = [f"{table}.id"] if table == "tenants" else [f"{table}.tenant", f"{table}.id"]
    return ForeignKeyConstraint(columns, target, ondelete="CASCADE" if goes_along else None)


def _named(name: str, *items: Any) -> Table:
    """Return the table of a noun that has an id and a name in its tenant."""
    return Table(
        name,
        metadata,
        Column("tenant", Key, primary_key=True),
        Column("id", Key, primary_key=True),
        Column("name", Words, nullable=False),
        Column("name_key", Key, nullable=False),
        Column("version", Integer, nullable=False),
        UniqueConstraint("tenant", "name_key", name=f"{name}_name_key"),
        _refers(["tenant"], "tenants"),
        *items,
    )


tenants = Table(
    "tenants",
    metadata,
    Column("id", Key, primary_key=True),
    Column("name", Words, nullable=False),
    Column("version", Integer, nullable=False),
)

users = _named(
    "users",
    Column("display_name", Words, nullable=False),
    Column("role", Words, nullable=False),
    Column("disabled_at", Instant),
)

user_groups = _named("user_groups", Column("role", Words, nullable=False))

group_members = Table(
    "group_members",
    metadata,
    Column("tenant", Key, primary_key=True),
    Column("group", Key, primary_key=True),
    Column("user", Key, primary_key=True),
    _refers(["tenant", "group"], "user_groups", goes_along=True),
    _refers(["tenant", "user"], "users", goes_along=True),
    Index("group_members_by_user", "tenant", "user", "group"),
)

workspaces = _named("workspaces", Column("description", Words, nullable=False))

host_pools = _named(
    "host_pools",
    Column("kind", Words, nullable=False),
    Column("load_balancing", Words, nullable=False),
    Column("session_limit", Integer),
    Column("assignment", Words, nullable=False),
    Column("start_on_connect", Document),
    Column("redirections", Document, nullable=False),
    Column("multi_monitor", Flag, nullable=False),
    Column("step_up", Document, nullable=False),
)

pool_hosts = Table(
    "pool_hosts",
    metadata,
    Column("tenant", Key, primary_key=True),
    Column("host", Key, primary_key=True),
    Column("pool", Key, nullable=False),
    Column("weight", Integer, nullable=False),
    Column("drained", Flag, nullable=False),
    Column("owner", Key),
    _refers(["tenant", "host"], "hosts"),
    _refers(["tenant", "pool"], "host_pools"),
    # A user's own host is not set free by removing the user: the next one would find their files there.
    _refers(["tenant", "owner"], "users"),
    Index("pool_hosts_by_pool", "tenant", "pool", "host"),
    Index("pool_hosts_by_owner", "tenant", "owner"),
)

application_groups = _named(
    "application_groups",
    Column("pool", Key, nullable=False),
    Column("kind", Words, nullable=False),
    Column("workspace", Key),
    _refers(["tenant", "pool"], "host_pools"),
    _refers(["tenant", "workspace"], "workspaces"),
    Index("application_groups_by_pool", "tenant", "pool"),
    Index("application_groups_by_workspace", "tenant", "workspace"),
)

published_resources = _named(
    "published_resources",
    Column("application_group", Key, nullable=False),
    Column("title", Words, nullable=False),
    Column("target", Words, nullable=False),
    Column("remote_app", Document),
    Column("icon", Words, nullable=False),
    Column("folders", Document, nullable=False),
    Column("shown", Flag, nullable=False),
    _refers(["tenant", "application_group"], "application_groups", goes_along=True),
    Index("published_resources_by_group", "tenant", "application_group"),
)

user_assignments = Table(
    "user_assignments",
    metadata,
    Column("tenant", Key, primary_key=True),
    Column("application_group", Key, primary_key=True),
    Column("user", Key, primary_key=True),
    _refers(["tenant", "application_group"], "application_groups", goes_along=True),
    _refers(["tenant", "user"], "users", goes_along=True),
    Index("user_assignments_by_user", "tenant", "user", "application_group"),
)

group_assignments = Table(
    "group_assignments",
    metadata,
    Column("tenant", Key, primary_key=True),
    Column("application_group", Key, primary_key=True),
    Column("group", Key, primary_key=True),
    _refers(["tenant", "application_group"], "application_groups", goes_along=True),
    _refers(["tenant", "group"], "user_groups", goes_along=True),
    Index("group_assignments_by_group", "tenant", "group", "application_group"),
)

sessions = Table(
    "sessions",
    metadata,
    Column("tenant", Key, primary_key=True),
    Column("host", Key, primary_key=True),
    Column("id", Key, primary_key=True),
    Column("user", Words, nullable=False),
    Column("account", Key, nullable=False),
    Column("state", Words, nullable=False),
    Column("since", Instant, nullable=False),
    Column("locked", Flag),
    _refers(["tenant", "host"], "hosts"),
    Index("sessions_by_account", "tenant", "account", "host", "id"),
)
