"""Whether the screen of a session is locked."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """Add the column, of which nobody has told yet."""
    op.add_column("sessions", sa.Column("locked", sa.Boolean(), nullable=True))
