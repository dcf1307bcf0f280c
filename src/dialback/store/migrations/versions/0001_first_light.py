"""Hosts, join codes, resources, assignments, connection tokens and connections."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Create the first schema."""
    op.create_table(
        "hosts",
        sa.Column("id", sa.String(), primary_key=True),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("public_key", sa.LargeBinary(), nullable=False),
        sa.Column("enrolled_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("revoked_at", sa.DateTime(timezone=True)),
        sa.Column("link_up", sa.Boolean(), nullable=False),
        sa.Column("link_changed_at", sa.DateTime(timezone=True)),
        sa.Column("report", sa.JSON()),
        sa.Column("reported_at", sa.DateTime(timezone=True)),
    )
    op.create_table(
        "join_codes",
        sa.Column("hash", sa.String(), primary_key=True),
        sa.Column("host_name", sa.String(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True)),
    )
    op.create_table(
        "resources",
        sa.Column("name", sa.String(), primary_key=True),
        sa.Column("host_id", sa.String(), nullable=False),
        sa.Column("target", sa.String(), nullable=False),
    )
    op.create_table(
        "assignments",
        sa.Column("user", sa.String(), primary_key=True),
        sa.Column("resource", sa.String(), primary_key=True),
    )
    op.create_table(
        "connection_tokens",
        sa.Column("hash", sa.String(), primary_key=True),
        sa.Column("user", sa.String(), nullable=False),
        sa.Column("resource", sa.String(), nullable=False),
        sa.Column("issued_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("revoked_at", sa.DateTime(timezone=True)),
    )
    op.create_table(
        "connections",
        sa.Column("id", sa.String(), primary_key=True),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("transport", sa.String(), nullable=False),
        sa.Column("client_address", sa.String(), nullable=False),
        sa.Column("client_name", sa.String(), nullable=False),
        sa.Column("user", sa.String()),
        sa.Column("resource", sa.String()),
        sa.Column("host_id", sa.String()),
        sa.Column("token_hash", sa.String()),
        sa.Column("ended_at", sa.DateTime(timezone=True)),
        sa.Column("reason", sa.String()),
        sa.Column("detail", sa.String(), nullable=False),
        sa.Column("to_client_bytes", sa.BigInteger(), nullable=False),
        sa.Column("to_host_bytes", sa.BigInteger(), nullable=False),
        sa.Column("timeline", sa.JSON(), nullable=False),
    )
    op.create_index("connections_by_opened_at", "connections", ["opened_at"])
    op.create_index("connections_by_ended_at", "connections", ["ended_at"])
    op.create_index("connections_by_token_hash", "connections", ["token_hash"])
