"""Accounts: credentials, sign-ins, invitations, workspace passwords and API tokens."""

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Change nothing yet."""
