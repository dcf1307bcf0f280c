"""What Alembic runs: all steps on the connection, and in the transaction, that `store/open.py` made."""

from alembic import context

from dialback.store.models import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
with context.begin_transaction():
    context.run_migrations()
