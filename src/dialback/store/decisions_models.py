"""The tables of approvals and of the audit log.

Neither refers to other tables: what was decided outlives the users and resources it names.
"""

from sqlalchemy import BigInteger, Column, Index, Integer, Table

from dialback.store.models import Flag, Instant, Key, Words, metadata

approvals = Table(
    "approvals",
    metadata,
    Column("tenant", Key, primary_key=True),
    Column("id", Key, primary_key=True),
    Column("user", Key, nullable=False),
    Column("resource", Words, nullable=False),
    Column("cause", Words, nullable=False),
    Column("number", Integer),
    Column("client_address", Key, nullable=False),
    Column("client_name", Words, nullable=False),
    Column("asked_at", Instant, nullable=False),
    Column("expires_at", Instant, nullable=False),
    Column("decision", Words),
    Column("decided_at", Instant),
    Column("decided_by", Words, nullable=False),
    Index("approvals_by_user", "tenant", "user", "client_address", "decided_at"),
    Index("approvals_by_expires_at", "tenant", "expires_at"),
    Index("approvals_by_asked_at", "asked_at"),
)

audit_entries = Table(
    "audit_entries",
    metadata,
    Column("number", BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
    Column("tenant", Key, nullable=False),
    Column("at", Instant, nullable=False),
    Column("actor_kind", Words, nullable=False),
    Column("actor_name", Words, nullable=False),
    Column("actor_address", Words, nullable=False),
    Column("action", Key, nullable=False),
    Column("subject", Words, nullable=False),
    Column("detail", Words, nullable=False),
    Column("allowed", Flag, nullable=False),
    Index("audit_entries_by_tenant", "tenant", "number"),
    Index("audit_entries_by_at", "at"),
    # No number is given twice, even when the newest entry was forgotten.
    sqlite_autoincrement=True,
)
