"""The provider's staff, tenants' terms, consent, and flight records."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Create the tables, empty."""
    create_staff()
    create_terms()
    create_consent()
    create_grants()
    create_flights()


def key() -> sa.types.TypeEngine[Any]:
    """Return the type of text that every database sorts by code points."""
    return sa.String().with_variant(sa.String(collation="C"), "postgresql")


def instant(name: str, nullable: bool = True) -> sa.Column[Any]:
    """Return a column of instants."""
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


def create_staff() -> None:
    """Create what says who is on the provider's staff."""
    op.create_table(
        "staff",
        sa.Column("tenant", key(), primary_key=True),
        sa.Column("user", key(), primary_key=True),
        sa.Column("role", sa.String(), nullable=False),
        sa.Column("tenants", sa.JSON(), nullable=False),
        sa.Column("tags", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["tenant", "user"], ["users.tenant", "users.id"], ondelete="CASCADE"),
    )


def create_terms() -> None:
    """Create the terms of tenants, and what was moved for them."""
    op.create_table(
        "terms",
        sa.Column("tenant", key(), primary_key=True),
        sa.Column("tags", sa.JSON(), nullable=False),
        instant("begins_at"),
        instant("ends_at"),
        instant("suspended_at"),
        sa.Column("most_connections", sa.BigInteger()),
        sa.Column("most_bytes_s", sa.BigInteger()),
        sa.Column("most_bytes_month", sa.BigInteger()),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["tenant"], ["tenants.id"], ondelete="CASCADE"),
    )
    op.create_table(
        "moved_bytes",
        sa.Column("tenant", key(), primary_key=True),
        sa.Column("month", key(), primary_key=True),
        sa.Column("count", sa.BigInteger(), nullable=False),
    )


def create_consent() -> None:
    """Create tenants' consent keys, and what they were asked."""
    op.create_table(
        "consent_keys",
        sa.Column("tenant", key(), primary_key=True),
        sa.Column("name", key(), primary_key=True),
        sa.Column("public_key", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["tenant"], ["tenants.id"], ondelete="CASCADE"),
    )
    op.create_table(
        "consent_requests",
        sa.Column("tenant", key(), primary_key=True),
        sa.Column("id", key(), primary_key=True),
        sa.Column("host", key(), nullable=False),
        sa.Column("staff", sa.String(), nullable=False),
        sa.Column("role", sa.String(), nullable=False),
        sa.Column("scope", sa.String(), nullable=False),
        sa.Column("target", sa.String(), nullable=False),
        sa.Column("purpose", sa.String(), nullable=False),
        sa.Column("ticket_number", sa.String(), nullable=False),
        instant("asked_at", nullable=False),
        sa.Column("denied_by", sa.String()),
        instant("denied_at"),
    )
    op.create_index("consent_requests_by_asked_at", "consent_requests", ["tenant", "asked_at", "id"])


def create_grants() -> None:
    """Create what tenants granted."""
    op.create_table(
        "grants",
        sa.Column("number", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), primary_key=True),
        sa.Column("tenant", key(), nullable=False),
        sa.Column("id", key(), nullable=False),
        sa.Column("request", key(), nullable=False),
        sa.Column("text", sa.String(), nullable=False),
        instant("until", nullable=False),
        instant("revoked_at"),
        sa.Column("signatures", sa.Integer(), nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_index("grants_by_id", "grants", ["tenant", "id"], unique=True)
    op.create_index("grants_by_request", "grants", ["tenant", "request", "number"])
    op.create_index("grants_by_number", "grants", ["tenant", "number"])


def create_flights() -> None:
    """Create flight records and their entries."""
    op.create_table(
        "flights",
        sa.Column("tenant", key(), primary_key=True),
        sa.Column("connection_id", key(), primary_key=True),
        instant("begun_at", nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("hash", sa.String(), nullable=False),
        sa.Column("signed_count", sa.Integer()),
        sa.Column("signed_hash", sa.String()),
        sa.Column("agent_signature", sa.LargeBinary()),
        sa.Column("platform_signature", sa.LargeBinary()),
    )
    op.create_index("flights_by_begun_at", "flights", ["tenant", "begun_at", "connection_id"])
    op.create_index("flights_to_forget", "flights", ["begun_at"])
    op.create_table(
        "flight_entries",
        sa.Column("tenant", key(), primary_key=True),
        sa.Column("connection_id", key(), primary_key=True),
        sa.Column("number", sa.Integer(), primary_key=True),
        sa.Column("line", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant", "connection_id"], ["flights.tenant", "flights.connection_id"], ondelete="CASCADE"
        ),
    )
