"""A user's sessions are found in the order in which they are paged."""

from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    """Make the index anew with host and id behind the name."""
    op.drop_index("sessions_by_account", "sessions")
    op.create_index("sessions_by_account", "sessions", ["tenant", "account", "host", "id"])
