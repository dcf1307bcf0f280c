"""The tables of accounts: credentials, sign-ins, and what else opens something.

What belongs to a user refers to the user, the tenant first, and goes along. What is looked up by its hash has
that as its key; the tenant of a hash is what its row says.
"""

from sqlalchemy import BigInteger, Column, ForeignKeyConstraint, Index, Integer, Table

from dialback.store.models import Document, Flag, Instant, Key, Words, metadata


def _of_user() -> ForeignKeyConstraint:
    """Return the rule that the row is of a user of its tenant, and goes with them."""
    return ForeignKeyConstraint(["tenant", "user"], ["users.tenant", "users.id"], ondelete="CASCADE")


credentials = Table(
    "credentials",
    metadata,
    Column("tenant", Key, primary_key=True),
    Column("user", Key, primary_key=True),
    Column("password_hash", Words, nullable=False),
    Column("totp_secret", Words),
    Column("totp_step", BigInteger, nullable=False),
    Column("recovery_hashes", Document, nullable=False),
    Column("failures", Integer, nullable=False),
    Column("locked_until", Instant),
    Column("version", Integer, nullable=False),
    _of_user(),
)

invitations = Table(
    "invitations",
    metadata,
    Column("hash", Words, primary_key=True),
    Column("tenant", Key, nullable=False),
    Column("user", Key, nullable=False),
    Column("expires_at", Instant, nullable=False),
    Column("used_at", Instant),
    _of_user(),
    Index("invitations_by_user", "tenant", "user"),
)

sign_ins = Table(
    "sign_ins",
    metadata,
    Column("hash", Words, primary_key=True),
    Column("tenant", Key, nullable=False),
    Column("user", Key, nullable=False),
    Column("kind", Words, nullable=False),
    Column("method", Words, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("seen_at", Instant, nullable=False),
    Column("expires_at", Instant, nullable=False),
    Column("address", Words, nullable=False),
    Column("client", Words, nullable=False),
    Column("ended_at", Instant),
    _of_user(),
    Index("sign_ins_by_user", "tenant", "user", "seen_at"),
    # What is forgotten later.
    Index("sign_ins_by_expires_at", "expires_at"),
    Index("sign_ins_by_ended_at", "ended_at"),
)

workspace_passwords = Table(
    "workspace_passwords",
    metadata,
    Column("tenant", Key, primary_key=True),
    Column("id", Key, primary_key=True),
    Column("user", Key, nullable=False),
    Column("device", Words, nullable=False),
    Column("nt_hash", Words, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("used_at", Instant),
    Column("revoked_at", Instant),
    _of_user(),
    Index("workspace_passwords_by_user", "tenant", "user"),
)

device_codes = Table(
    "device_codes",
    metadata,
    Column("hash", Words, primary_key=True),
    Column("user_code", Words, nullable=False),
    Column("address", Words, nullable=False),
    Column("client", Words, nullable=False),
    Column("expires_at", Instant, nullable=False),
    Column("tenant", Key),
    Column("user", Key),
    Column("denied", Flag, nullable=False),
    Column("used_at", Instant),
    _of_user(),
    Index("device_codes_by_user_code", "user_code"),
    Index("device_codes_by_user", "tenant", "user"),
)

api_tokens = Table(
    "api_tokens",
    metadata,
    Column("tenant", Key, primary_key=True),
    Column("id", Key, primary_key=True),
    Column("hash", Words, nullable=False),
    Column("name", Words, nullable=False),
    Column("scopes", Document, nullable=False),
    Column("created_by", Words, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("expires_at", Instant),
    Column("used_at", Instant),
    Column("revoked_at", Instant),
    Column("user", Key),
    ForeignKeyConstraint(["tenant"], ["tenants.id"]),
    _of_user(),
    Index("api_tokens_by_hash", "hash", unique=True),
    Index("api_tokens_by_user", "tenant", "user"),
)

external_identities = Table(
    "external_identities",
    metadata,
    Column("tenant", Key, primary_key=True),
    Column("issuer", Key, primary_key=True),
    Column("subject", Key, primary_key=True),
    Column("user", Key, nullable=False),
    _of_user(),
    Index("external_identities_by_user", "tenant", "user"),
)
