"""The tables of the provider: staff, terms, consent, and flight records.

The tenant is the first column of every key. Staff go with their users, terms and consent keys with their
tenant. What was asked, granted and flown names no other row: it outlives the hosts and people it is about.
"""

from sqlalchemy import BigInteger, Column, ForeignKeyConstraint, Index, Integer, Table

from dialback.store.models import Document, Instant, Key, Octets, Words, metadata

staff = Table(
    "staff",
    metadata,
    Column("tenant", Key, primary_key=True),
    Column("user", Key, primary_key=True),
    Column("role", Words, nullable=False),
    Column("tenants", Document, nullable=False),
    Column("tags", Document, nullable=False),
    ForeignKeyConstraint(["tenant", "user"], ["users.tenant", "users.id"], ondelete="CASCADE"),
)

terms = Table(
    "terms",
    metadata,
    Column("tenant", Key, primary_key=True),
    Column("tags", Document, nullable=False),
    Column("begins_at", Instant),
    Column("ends_at", Instant),
    Column("suspended_at", Instant),
    Column("most_connections", BigInteger),
    Column("most_bytes_s", BigInteger),
    Column("most_bytes_month", BigInteger),
    Column("version", Integer, nullable=False),
    ForeignKeyConstraint(["tenant"], ["tenants.id"], ondelete="CASCADE"),
)

moved_bytes = Table(
    "moved_bytes",
    metadata,
    Column("tenant", Key, primary_key=True),
    Column("month", Key, primary_key=True),
    Column("count", BigInteger, nullable=False),
)

consent_keys = Table(
    "consent_keys",
    metadata,
    Column("tenant", Key, primary_key=True),
    Column("name", Key, primary_key=True),
    Column("public_key", Octets, nullable=False),
    ForeignKeyConstraint(["tenant"], ["tenants.id"], ondelete="CASCADE"),
)

consent_requests = Table(
    "consent_requests",
    metadata,
    Column("tenant", Key, primary_key=True),
    Column("id", Key, primary_key=True),
    Column("host", Key, nullable=False),
    Column("staff", Words, nullable=False),
    Column("role", Words, nullable=False),
    Column("scope", Words, nullable=False),
    Column("target", Words, nullable=False),
    Column("purpose", Words, nullable=False),
    Column("ticket_number", Words, nullable=False),
    Column("asked_at", Instant, nullable=False),
    Column("denied_by", Words),
    Column("denied_at", Instant),
    Index("consent_requests_by_asked_at", "tenant", "asked_at", "id"),
)

grants = Table(
    "grants",
    metadata,
    # Given by the database, so that the newest is known whatever the grants say of themselves.
    Column("number", BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
    Column("tenant", Key, nullable=False),
    Column("id", Key, nullable=False),
    Column("request", Key, nullable=False),
    Column("text", Words, nullable=False),
    Column("until", Instant, nullable=False),
    Column("revoked_at", Instant),
    Column("signatures", Integer, nullable=False),
    Index("grants_by_id", "tenant", "id", unique=True),
    Index("grants_by_request", "tenant", "request", "number"),
    Index("grants_by_number", "tenant", "number"),
    sqlite_autoincrement=True,
)

flights = Table(
    "flights",
    metadata,
    Column("tenant", Key, primary_key=True),
    Column("connection_id", Key, primary_key=True),
    Column("begun_at", Instant, nullable=False),
    Column("count", Integer, nullable=False),
    Column("hash", Words, nullable=False),
    Column("signed_count", Integer),
    Column("signed_hash", Words),
    Column("agent_signature", Octets),
    Column("platform_signature", Octets),
    Index("flights_by_begun_at", "tenant", "begun_at", "connection_id"),
    Index("flights_to_forget", "begun_at"),
)

flight_entries = Table(
    "flight_entries",
    metadata,
    Column("tenant", Key, primary_key=True),
    Column("connection_id", Key, primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("line", Words, nullable=False),
    ForeignKeyConstraint(
        ["tenant", "connection_id"], ["flights.tenant", "flights.connection_id"], ondelete="CASCADE"
    ),
)
