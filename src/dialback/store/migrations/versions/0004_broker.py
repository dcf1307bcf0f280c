"""The broker works on the directory alone.

What was published and assigned in the first tables since the directory was filled from them moves along, into
the tenant `main`, and the tables are dropped. Where both speak of a resource, the first tables are right,
since nothing else could be changed. Connection tokens, which live minutes, are kept if their user is there.

Connection files follow the policy of the host pool from here on. Pools that were made from single hosts
allowed everything, which their files never asked for: they allow now what the files asked for.
"""

import hashlib
import unicodedata
from collections.abc import Iterable, Iterator
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

MAIN = "main"
IN_FILES = ["clipboard", "sound"]
"""What connection files asked for."""
POOL = {
    "kind": "pooled",
    "load_balancing": "breadth-first",
    "assignment": "automatic",
    "redirections": IN_FILES,
    "multi_monitor": True,
    "step_up": {"wanted": False, "timeout_s": 60, "remembered_hours": 0},
}


def upgrade() -> None:
    """Move what is there, then change the tables."""
    op.add_column("join_codes", sa.Column("pool", key()))
    op.add_column("connections", sa.Column("tenant", key()))
    op.add_column("connections", sa.Column("because", sa.String()))
    connection = op.get_bind()
    tables = reflected(connection)
    records = tables["connections"]
    connection.execute(sa.update(records).where(records.c.user.is_not(None)).values(tenant=MAIN))
    op.drop_index("connections_by_opened_at", "connections")
    op.create_index("connections_by_tenant", "connections", ["tenant", "opened_at", "id"])
    op.create_index("connections_by_user", "connections", ["tenant", "user", "opened_at", "id"])
    narrow_pools(connection, tables)
    fill_pools(connection, tables)
    publish(connection, tables)
    users = fill_users(connection, tables)
    assign(connection, tables, users)
    replace_tokens(connection, users)
    op.drop_table("assignments")
    op.drop_table("resources")


def key() -> sa.types.TypeEngine[Any]:
    """Return the type of text that every database sorts by code points."""
    return sa.String().with_variant(sa.String(collation="C"), "postgresql")


def reflected(connection: sa.Connection) -> dict[str, sa.Table]:
    """Return the tables as they are now."""
    found = sa.MetaData()
    found.reflect(connection)
    return dict(found.tables)


def insert(connection: sa.Connection, table: sa.Table, rows: Iterable[dict[str, Any]]) -> None:
    """Add rows of the main tenant."""
    if each := [{"tenant": MAIN, **row} for row in rows]:
        connection.execute(sa.insert(table), each)


def column(connection: sa.Connection, found: sa.Column[Any]) -> set[str]:
    """Return what the column holds in the main tenant."""
    rows = connection.execute(sa.select(found).where(found.table.c.tenant == MAIN))
    return {str(value) for (value,) in rows}


def narrow_pools(connection: sa.Connection, tables: dict[str, sa.Table]) -> None:
    """Let pools of single hosts allow what files asked for."""
    pools, hosts = tables["host_pools"], tables["hosts"]
    of_one = pools.c.id.in_(sa.select(hosts.c.id))
    connection.execute(sa.update(pools).where(pools.c.tenant == MAIN, of_one).values(redirections=IN_FILES))


def fill_pools(connection: sa.Connection, tables: dict[str, sa.Table]) -> None:
    """Make a pool for each host that has none."""
    hosts, pools, members = tables["hosts"], tables["host_pools"], tables["pool_hosts"]
    inside = column(connection, members.c.host)
    found = connection.execute(sa.select(hosts.c.id, hosts.c.name).where(hosts.c.tenant == MAIN))
    new = {host: name for host, name in found if host not in inside}
    taken = column(connection, pools.c.name_key)
    insert(connection, pools, named(new, 64, taken, **POOL))
    insert(
        connection,
        members,
        ({"host": host, "pool": host, "weight": 100, "drained": False} for host in new),
    )


def publish(connection: sa.Connection, tables: dict[str, sa.Table]) -> None:
    """Publish each resource as the first tables say, in an application group of its own."""
    groups, published, members = (
        tables["application_groups"],
        tables["published_resources"],
        tables["pool_hosts"],
    )
    pools = dict(connection.execute(sa.select(members.c.host, members.c.pool)).all())
    old = tables["resources"].c
    found = connection.execute(sa.select(old.name, old.host_id, old.target)).all()
    known = column(connection, published.c.id)
    for name, host, target in found:
        if host not in pools:
            continue
        if name in known:
            mine = sa.and_(published.c.tenant == MAIN, published.c.id == name)
            connection.execute(sa.update(published).where(mine).values(target=target))
            group = sa.and_(groups.c.tenant == MAIN, groups.c.id == name)
            connection.execute(sa.update(groups).where(group).values(pool=pools[host]))
            continue
        common = {"id": name, "name": name, "name_key": name_key(name), "version": 1}
        insert(connection, groups, [{**common, "pool": pools[host], "kind": "desktop"}])
        about = {"application_group": name, "title": name, "target": target}
        insert(connection, published, [{**common, **about, "icon": "", "folders": [], "shown": True}])


def fill_users(connection: sa.Connection, tables: dict[str, sa.Table]) -> dict[str, str]:
    """Make the users that are assigned something; return every user's id by the key of its name."""
    users, old = tables["users"], tables["assignments"].c
    rows = connection.execute(sa.select(users.c.name_key, users.c.id).where(users.c.tenant == MAIN))
    known = {str(found): str(id) for found, id in rows}
    names = sorted({name for (name,) in connection.execute(sa.select(old.user))})
    ids = set(known.values())
    # A name that no user can have was cleaned when its user was made: that one has the id of the name.
    new = {user_id(name): name for name in names if name_key(name) not in known and user_id(name) not in ids}
    insert(connection, users, named(new, 104, set(known), display_name="", role="user"))
    for name in names:
        known.setdefault(name_key(name), user_id(name))
    return known


def assign(connection: sa.Connection, tables: dict[str, sa.Table], users: dict[str, str]) -> None:
    """Assign what the first tables assign."""
    old, assignments = tables["assignments"].c, tables["user_assignments"]
    rows = connection.execute(
        sa.select(assignments.c.application_group, assignments.c.user).where(assignments.c.tenant == MAIN)
    )
    there = {(str(group), str(user)) for group, user in rows}
    groups = column(connection, tables["application_groups"].c.id)
    found = connection.execute(sa.select(old.user, old.resource)).all()
    wanted = {(resource, users[name_key(user)]) for user, resource in found if resource in groups}
    new = sorted(wanted - there)
    insert(connection, assignments, ({"application_group": group, "user": user} for group, user in new))


def replace_tokens(connection: sa.Connection, users: dict[str, str]) -> None:
    """Make the table of connection tokens anew, with those whose user is there."""
    op.rename_table("connection_tokens", "old_connection_tokens")
    table = op.create_table(
        "connection_tokens",
        sa.Column("hash", sa.String(), primary_key=True),
        sa.Column("tenant", key(), nullable=False),
        sa.Column("user_id", key(), nullable=False),
        sa.Column("user", sa.String(), nullable=False),
        sa.Column("resource", sa.String(), nullable=False),
        sa.Column("issued_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("revoked_at", sa.DateTime(timezone=True)),
        sa.Column("kind", sa.String(), nullable=False),
    )
    op.create_index("connection_tokens_by_user", "connection_tokens", ["tenant", "user_id"])
    op.create_index("connection_tokens_by_expires_at", "connection_tokens", ["expires_at"])
    names = ["hash", "user", "resource", "issued_at", "expires_at", "revoked_at"]
    old = sa.table("old_connection_tokens", *map(sa.column, names))
    for hash, user in connection.execute(sa.select(old.c.hash, old.c.user)).all():
        if (id := users.get(name_key(user))) is None:
            continue
        # Copied by the database, which need not understand what it copies.
        kept = [sa.literal(MAIN), sa.literal(id), sa.literal("connection")]
        copied = sa.select(*(old.c[name] for name in names), *kept).where(old.c.hash == hash)
        connection.execute(sa.insert(table).from_select([*names, "tenant", "user_id", "kind"], copied))
    op.drop_table("old_connection_tokens")


def named(names: dict[str, str], max_chars: int, taken: set[str], **values: Any) -> Iterator[dict[str, Any]]:
    """Return a row for each id and name; a name that another has already gets the id behind it."""
    for id, name in sorted(names.items()):
        clean = cleaned(name)[:max_chars].strip() or id
        if name_key(clean) in taken:
            clean = f"{clean[: max_chars - len(id) - 1]} {id}"
        taken.add(name_key(clean))
        yield {"id": id, "name": clean, "name_key": name_key(clean), "version": 1, **values}


def user_id(name: str) -> str:
    """Return the id of the user who was known by the name alone."""
    return hashlib.sha256(name_key(name).encode(errors="replace")).hexdigest()[:16]


def name_key(name: str) -> str:
    """Return what names that differ in case alone have in common."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFD", name).casefold())


def cleaned(name: str) -> str:
    """Return the name with U+FFFD for what no name may hold."""
    bad = {"Cc", "Cs", "Zl", "Zp"}
    marks = "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\ufffe\uffff"
    return "".join(
        "\N{REPLACEMENT CHARACTER}" if char in marks or unicodedata.category(char) in bad else char
        for char in name
    )
