"""The directory: tenants, users, groups, pools, what is published, assignments and sessions.

What was there moves along, into the tenant `main`: each host becomes a pool of its own; each resource a
desktop in an application group of its own, so that nobody may use more than before; each assigned name a
user. Names that differ in case alone become one user.
"""

import hashlib
import unicodedata
from collections.abc import Iterable, Iterator
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

MAIN = "main"


def upgrade() -> None:
    """Create the tables and fill them from what is there."""
    op.add_column("hosts", sa.Column("tenant", key(), nullable=False, server_default=MAIN))
    op.add_column("hosts", sa.Column("failed", sa.String(), nullable=False, server_default=""))
    op.create_index("hosts_by_tenant", "hosts", ["tenant", "id"], unique=True)
    op.add_column("join_codes", sa.Column("tenant", key(), nullable=False, server_default=MAIN))
    create_people()
    create_pools()
    create_publications()
    fill(op.get_bind())


def key() -> sa.types.TypeEngine[Any]:
    """Return the type of text that every database sorts by code points."""
    return sa.String().with_variant(sa.String(collation="C"), "postgresql")


def refers(columns: list[str], table: str, ondelete: str | None = None) -> sa.ForeignKeyConstraint:
    """Return a reference within the tenant."""
    target = [f"{table}.id"] if table == "tenants" else [f"{table}.tenant", f"{table}.id"]
    return sa.ForeignKeyConstraint(columns, target, ondelete=ondelete)


def create_named(name: str, *items: Any) -> None:
    """Create the table of a noun that has an id and a name in its tenant."""
    op.create_table(
        name,
        sa.Column("tenant", key(), primary_key=True),
        sa.Column("id", key(), primary_key=True),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("name_key", key(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.UniqueConstraint("tenant", "name_key", name=f"{name}_name_key"),
        refers(["tenant"], "tenants"),
        *items,
    )


def create_pair(name: str, left: tuple[str, str], right: tuple[str, str]) -> None:
    """Create the table of what two nouns, each a column and its table, have to do with each other."""
    op.create_table(
        name,
        sa.Column("tenant", key(), primary_key=True),
        sa.Column(left[0], key(), primary_key=True),
        sa.Column(right[0], key(), primary_key=True),
        refers(["tenant", left[0]], left[1], "CASCADE"),
        refers(["tenant", right[0]], right[1], "CASCADE"),
    )
    op.create_index(f"{name}_by_{right[0]}", name, ["tenant", right[0], left[0]])


def create_people() -> None:
    """Create what says who there is."""
    op.create_table(
        "tenants",
        sa.Column("id", key(), primary_key=True),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
    )
    create_named(
        "users",
        sa.Column("display_name", sa.String(), nullable=False),
        sa.Column("role", sa.String(), nullable=False),
        sa.Column("disabled_at", sa.DateTime(timezone=True)),
    )
    create_named("user_groups", sa.Column("role", sa.String(), nullable=False))
    create_pair("group_members", ("group", "user_groups"), ("user", "users"))


def create_pools() -> None:
    """Create host pools, their hosts, and the sessions on these."""
    create_named(
        "host_pools",
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("load_balancing", sa.String(), nullable=False),
        sa.Column("session_limit", sa.Integer()),
        sa.Column("assignment", sa.String(), nullable=False),
        sa.Column("start_on_connect", sa.JSON()),
        sa.Column("redirections", sa.JSON(), nullable=False),
        sa.Column("multi_monitor", sa.Boolean(), nullable=False),
        sa.Column("step_up", sa.JSON(), nullable=False),
    )
    op.create_table(
        "pool_hosts",
        sa.Column("tenant", key(), primary_key=True),
        sa.Column("host", key(), primary_key=True),
        sa.Column("pool", key(), nullable=False),
        sa.Column("weight", sa.Integer(), nullable=False),
        sa.Column("drained", sa.Boolean(), nullable=False),
        sa.Column("owner", key()),
        refers(["tenant", "host"], "hosts"),
        refers(["tenant", "pool"], "host_pools"),
        refers(["tenant", "owner"], "users"),
    )
    op.create_index("pool_hosts_by_pool", "pool_hosts", ["tenant", "pool", "host"])
    op.create_index("pool_hosts_by_owner", "pool_hosts", ["tenant", "owner"])
    op.create_table(
        "sessions",
        sa.Column("tenant", key(), primary_key=True),
        sa.Column("host", key(), primary_key=True),
        sa.Column("id", key(), primary_key=True),
        sa.Column("user", sa.String(), nullable=False),
        sa.Column("account", key(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        refers(["tenant", "host"], "hosts"),
    )
    op.create_index("sessions_by_account", "sessions", ["tenant", "account"])


def create_publications() -> None:
    """Create what is published, and who may use it."""
    create_named("workspaces", sa.Column("description", sa.String(), nullable=False))
    create_named(
        "application_groups",
        sa.Column("pool", key(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("workspace", key()),
        refers(["tenant", "pool"], "host_pools"),
        refers(["tenant", "workspace"], "workspaces"),
    )
    op.create_index("application_groups_by_pool", "application_groups", ["tenant", "pool"])
    op.create_index("application_groups_by_workspace", "application_groups", ["tenant", "workspace"])
    create_named(
        "published_resources",
        sa.Column("application_group", key(), nullable=False),
        sa.Column("title", sa.String(), nullable=False),
        sa.Column("target", sa.String(), nullable=False),
        sa.Column("remote_app", sa.JSON()),
        sa.Column("icon", sa.String(), nullable=False),
        sa.Column("folders", sa.JSON(), nullable=False),
        sa.Column("shown", sa.Boolean(), nullable=False),
        refers(["tenant", "application_group"], "application_groups", "CASCADE"),
    )
    op.create_index("published_resources_by_group", "published_resources", ["tenant", "application_group"])
    groups = ("application_group", "application_groups")
    create_pair("user_assignments", groups, ("user", "users"))
    create_pair("group_assignments", groups, ("group", "user_groups"))


def fill(connection: sa.Connection) -> None:
    """Make the directory say what the first tables say."""
    found = sa.MetaData()
    found.reflect(connection)
    tables = found.tables
    hosts = connection.execute(sa.select(tables["hosts"].c.id, tables["hosts"].c.name)).all()
    old = tables["resources"].c
    resources = connection.execute(sa.select(old.name, old.host_id, old.target)).all()
    old = tables["assignments"].c
    assignments = connection.execute(sa.select(old.user, old.resource)).all()
    connection.execute(sa.insert(tables["tenants"]).values(id=MAIN, name="Main", version=1))

    def insert(table: str, rows: Iterable[dict[str, Any]]) -> None:
        if each := [{"tenant": MAIN, **row} for row in rows]:
            connection.execute(sa.insert(tables[table]), each)

    pools = dict(hosts)
    kept = {name: (host, target) for name, host, target in resources if host in pools}
    users = {user_id(user): user for user, _ in assignments}
    allowed = {(resource, user_id(user)) for user, resource in assignments if resource in kept}
    insert("users", named(users, 104, display_name="", role="user"))
    insert("host_pools", named(pools, 64, **POOL))
    insert("pool_hosts", ({"host": host, "pool": host, "weight": 100, "drained": False} for host in pools))
    insert(
        "application_groups",
        (
            {**row, "pool": kept[row["id"]][0]}
            for row in named(dict(zip(kept, kept, strict=True)), 64, kind="desktop")
        ),
    )
    insert(
        "published_resources",
        (
            {**row, "application_group": row["id"], "title": row["name"], "target": kept[row["id"]][1]}
            for row in named(dict(zip(kept, kept, strict=True)), 64, icon="", folders=[], shown=True)
        ),
    )
    insert("user_assignments", ({"application_group": group, "user": user} for group, user in allowed))


POOL = {
    "kind": "pooled",
    "load_balancing": "breadth-first",
    "assignment": "automatic",
    "redirections": [
        "cameras",
        "clipboard",
        "drives",
        "location",
        "microphone",
        "plug-and-play",
        "printers",
        "security-keys",
        "serial-ports",
        "smart-cards",
        "sound",
        "usb",
    ],
    "multi_monitor": True,
    "step_up": {"wanted": False, "timeout_s": 60, "remembered_hours": 0},
}
"""What a pool allows that is to work as its host did before there were pools."""


def named(names: dict[str, str], max_chars: int, **values: Any) -> Iterator[dict[str, Any]]:
    """Return a row for each id and name; a name that another has already gets the id behind it."""
    taken: set[str] = set()
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
