"""Accounts: credentials, sign-ins, invitations, workspace passwords and API tokens."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Create the tables."""
    create_credentials()
    create_sign_ins()
    create_devices()
    create_api_tokens()
    create_identities()


def key() -> sa.types.TypeEngine[Any]:
    """Return the type of text that every database sorts by code points."""
    return sa.String().with_variant(sa.String(collation="C"), "postgresql")


def instant(name: str, nullable: bool = False) -> sa.Column[Any]:
    """Return a column of instants."""
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


def text(name: str) -> sa.Column[Any]:
    """Return a column of text that is always there."""
    return sa.Column(name, sa.String(), nullable=False)


def of_user() -> sa.ForeignKeyConstraint:
    """Return a reference to the user, with whom the row goes."""
    return sa.ForeignKeyConstraint(["tenant", "user"], ["users.tenant", "users.id"], ondelete="CASCADE")


def create_credentials() -> None:
    """Create what users prove themselves with, and the links by which they choose it."""
    op.create_table(
        "credentials",
        sa.Column("tenant", key(), primary_key=True),
        sa.Column("user", key(), primary_key=True),
        text("password_hash"),
        sa.Column("totp_secret", sa.String()),
        sa.Column("totp_step", sa.BigInteger(), nullable=False),
        sa.Column("recovery_hashes", sa.JSON(), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        instant("locked_until", nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        of_user(),
    )
    op.create_table(
        "invitations",
        sa.Column("hash", sa.String(), primary_key=True),
        sa.Column("tenant", key(), nullable=False),
        sa.Column("user", key(), nullable=False),
        instant("expires_at"),
        instant("used_at", nullable=True),
        of_user(),
    )
    op.create_index("invitations_by_user", "invitations", ["tenant", "user"])


def create_sign_ins() -> None:
    """Create who is signed in."""
    op.create_table(
        "sign_ins",
        sa.Column("hash", sa.String(), primary_key=True),
        sa.Column("tenant", key(), nullable=False),
        sa.Column("user", key(), nullable=False),
        text("kind"),
        text("method"),
        instant("created_at"),
        instant("seen_at"),
        instant("expires_at"),
        text("address"),
        text("client"),
        instant("ended_at", nullable=True),
        of_user(),
    )
    op.create_index("sign_ins_by_user", "sign_ins", ["tenant", "user", "seen_at"])
    op.create_index("sign_ins_by_expires_at", "sign_ins", ["expires_at"])
    op.create_index("sign_ins_by_ended_at", "sign_ins", ["ended_at"])


def create_devices() -> None:
    """Create the passwords of devices, and the codes of command lines."""
    op.create_table(
        "workspace_passwords",
        sa.Column("tenant", key(), primary_key=True),
        sa.Column("id", key(), primary_key=True),
        sa.Column("user", key(), nullable=False),
        text("device"),
        text("nt_hash"),
        instant("created_at"),
        instant("used_at", nullable=True),
        instant("revoked_at", nullable=True),
        of_user(),
    )
    op.create_index("workspace_passwords_by_user", "workspace_passwords", ["tenant", "user"])
    op.create_table(
        "device_codes",
        sa.Column("hash", sa.String(), primary_key=True),
        text("user_code"),
        text("address"),
        text("client"),
        instant("expires_at"),
        sa.Column("tenant", key()),
        sa.Column("user", key()),
        sa.Column("denied", sa.Boolean(), nullable=False),
        instant("used_at", nullable=True),
        of_user(),
    )
    op.create_index("device_codes_by_user_code", "device_codes", ["user_code"])
    op.create_index("device_codes_by_user", "device_codes", ["tenant", "user"])


def create_api_tokens() -> None:
    """Create the tokens of programs."""
    op.create_table(
        "api_tokens",
        sa.Column("tenant", key(), primary_key=True),
        sa.Column("id", key(), primary_key=True),
        text("hash"),
        text("name"),
        sa.Column("scopes", sa.JSON(), nullable=False),
        text("created_by"),
        instant("created_at"),
        instant("expires_at", nullable=True),
        instant("used_at", nullable=True),
        instant("revoked_at", nullable=True),
        sa.ForeignKeyConstraint(["tenant"], ["tenants.id"]),
    )
    op.create_index("api_tokens_by_hash", "api_tokens", ["hash"], unique=True)


def create_identities() -> None:
    """Create whom providers know."""
    op.create_table(
        "external_identities",
        sa.Column("tenant", key(), primary_key=True),
        sa.Column("issuer", key(), primary_key=True),
        sa.Column("subject", key(), primary_key=True),
        sa.Column("user", key(), nullable=False),
        of_user(),
    )
    op.create_index("external_identities_by_user", "external_identities", ["tenant", "user"])
