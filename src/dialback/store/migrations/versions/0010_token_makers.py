"""An API token is of the user who made it, and goes with them.

Of those that are there, the name of who made them is known, and from the audit log which were made on the
server: these are of nobody. Of the others, those whose maker is not found are dropped: what nobody answers
for opens nothing.
"""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    """Add the column with its reference, and fill it."""
    with op.batch_alter_table("api_tokens") as table:
        table.add_column(sa.Column("user", key()))
        table.create_foreign_key(
            "api_tokens_of_user", "users", ["tenant", "user"], ["tenant", "id"], ondelete="CASCADE"
        )
    op.create_index("api_tokens_by_user", "api_tokens", ["tenant", "user"])
    fill(op.get_bind())


def key() -> sa.types.TypeEngine[Any]:
    """Return the type of text that every database sorts by code points."""
    return sa.String().with_variant(sa.String(collation="C"), "postgresql")


def fill(connection: sa.Connection) -> None:
    """Say of each token that no server made who its maker is; drop it if that is nobody."""
    found = sa.MetaData()
    tables = ("api_tokens", "users", "audit_entries")
    found.reflect(connection, only=tables)
    tokens, users, entries = (found.tables[name] for name in tables)
    made_on_server = sa.exists().where(
        entries.c.tenant == tokens.c.tenant,
        entries.c.subject == sa.literal("api-token:") + tokens.c.id,
        entries.c.action == "api-token.make",
        entries.c.actor_kind == "local",
    )
    maker = (
        sa.select(users.c.id)
        .where(users.c.tenant == tokens.c.tenant, users.c.name == tokens.c.created_by)
        .scalar_subquery()
    )
    connection.execute(sa.update(tokens).where(~made_on_server).values(user=maker))
    connection.execute(sa.delete(tokens).where(~made_on_server, tokens.c.user.is_(None)))
