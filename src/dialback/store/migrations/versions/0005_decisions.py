"""Approvals of connections, and the audit log."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Create both tables, empty."""
    create_approvals()
    create_audit_entries()


def key() -> sa.types.TypeEngine[Any]:
    """Return the type of text that every database sorts by code points."""
    return sa.String().with_variant(sa.String(collation="C"), "postgresql")


def create_approvals() -> None:
    """Create what says which connections wait, or waited, for their user."""
    op.create_table(
        "approvals",
        sa.Column("tenant", key(), primary_key=True),
        sa.Column("id", key(), primary_key=True),
        sa.Column("user", key(), nullable=False),
        sa.Column("resource", sa.String(), nullable=False),
        sa.Column("cause", sa.String(), nullable=False),
        sa.Column("number", sa.Integer()),
        sa.Column("client_address", key(), nullable=False),
        sa.Column("client_name", sa.String(), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("decision", sa.String()),
        sa.Column("decided_at", sa.DateTime(timezone=True)),
        sa.Column("decided_by", sa.String(), nullable=False),
    )
    op.create_index("approvals_by_user", "approvals", ["tenant", "user", "client_address", "decided_at"])
    op.create_index("approvals_by_expires_at", "approvals", ["tenant", "expires_at"])
    op.create_index("approvals_by_asked_at", "approvals", ["asked_at"])


def create_audit_entries() -> None:
    """Create the audit log."""
    op.create_table(
        "audit_entries",
        sa.Column("number", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), primary_key=True),
        sa.Column("tenant", key(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("actor_kind", sa.String(), nullable=False),
        sa.Column("actor_name", sa.String(), nullable=False),
        sa.Column("actor_address", sa.String(), nullable=False),
        sa.Column("action", key(), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("detail", sa.String(), nullable=False),
        sa.Column("allowed", sa.Boolean(), nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_index("audit_entries_by_tenant", "audit_entries", ["tenant", "number"])
    op.create_index("audit_entries_by_at", "audit_entries", ["at"])
