"""Icons of published resources."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Create the table, empty."""
    op.create_table(
        "icons",
        sa.Column("tenant", key(), primary_key=True),
        sa.Column("id", key(), primary_key=True),
        sa.Column("png", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["tenant"], ["tenants.id"]),
    )


def key() -> sa.types.TypeEngine[Any]:
    """Return the type of text that every database sorts by code points."""
    return sa.String().with_variant(sa.String(collation="C"), "postgresql")
