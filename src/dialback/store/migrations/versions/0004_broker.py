"""The broker works on the directory alone."""

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Change nothing yet."""
