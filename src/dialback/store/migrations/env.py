"""What Alembic runs: all steps on the connection, and in the transaction, that `store/open.py` made."""

from alembic import context

from dialback.store import directory_models  # noqa: F401 - it adds its tables to the same metadata
from dialback.store.models import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
with context.begin_transaction():
    context.run_migrations()
