"""The tables, and the column types that keep hostile or damaged values from becoming tracebacks.

A column type of ours never raises when it reads: what the database cannot turn into the declared type
arrives as `IMPOSSIBLE`, and `store/rows.py` says which row it was in. There are no foreign keys here: nothing
that another row names is ever deleted, and records of connections outlive what they name. The directory has
its own tables, and rules, in `store/directory_models.py`.
"""

import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Dialect,
    Index,
    LargeBinary,
    MetaData,
    String,
    Table,
)
from sqlalchemy.types import TypeDecorator


class Impossible:
    """Stands for a stored value that its column type cannot be read from."""


IMPOSSIBLE: Final = Impossible()

_UNSTORABLE = re.compile("[\0\ud800-\udfff]")


def storable(value: Any) -> Any:
    """Return a text, or a JSON value, with U+FFFD for what no database takes: NUL and lone surrogates."""
    if isinstance(value, str):
        return _UNSTORABLE.sub("\N{REPLACEMENT CHARACTER}", str(value))
    if isinstance(value, dict):
        return {storable(key): storable(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [storable(item) for item in value]
    return value


class _Tolerant(TypeDecorator[Any]):
    """Reads as its underlying type does, except that a failure or another type gives `IMPOSSIBLE`."""

    __abstract__ = True
    impl: Any = String
    cache_ok = True
    gives: type = object

    def result_processor(self, dialect: Dialect, coltype: object) -> Callable[[Any], Any]:
        inner = super().result_processor(dialect, coltype) or (lambda value: value)

        def process(value: Any) -> Any:
            if value is None:
                return None
            try:
                read = inner(value)
            except (ValueError, TypeError, RecursionError):
                return IMPOSSIBLE
            return read if isinstance(read, self.gives) else IMPOSSIBLE

        return process


class Words(_Tolerant):
    """Text."""

    cache_ok = True
    gives = str

    def process_bind_param(self, value: Any, dialect: Dialect) -> Any:
        return storable(value)


class Key(Words):
    """Text that databases sort alike: by code points."""

    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> Any:
        return dialect.type_descriptor(String(collation="C" if dialect.name == "postgresql" else None))


class Document(_Tolerant):
    """A JSON value; None is NULL."""

    impl = JSON(none_as_null=True)
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> Any:
        return storable(value)


class Instant(_Tolerant):
    """An aware datetime, kept and returned in UTC."""

    impl = DateTime(timezone=True)
    cache_ok = True
    gives = datetime

    def process_bind_param(self, value: Any, dialect: Dialect) -> Any:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"expected an aware datetime, got {value!r}")
        return value.astimezone(UTC)

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        if not isinstance(value, datetime):
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Octets(_Tolerant):
    """Bytes."""

    impl = LargeBinary
    cache_ok = True
    gives = bytes


class Flag(_Tolerant):
    """True or false."""

    impl = Boolean
    cache_ok = True

    def result_processor(self, dialect: Dialect, coltype: object) -> Callable[[Any], Any]:
        # SQLAlchemy's own takes any value for true.
        return read_flag


def read_flag(value: Any) -> Any:
    """Return what a stored value says, `IMPOSSIBLE` if it is neither true nor false."""
    return {None: None, 0: False, 1: True}.get(value, IMPOSSIBLE)


metadata = MetaData()

hosts = Table(
    "hosts",
    metadata,
    Column("id", Words, primary_key=True),
    Column("name", Words, nullable=False),
    Column("public_key", Octets, nullable=False),
    Column("enrolled_at", Instant, nullable=False),
    Column("revoked_at", Instant),
    Column("link_up", Flag, nullable=False),
    Column("link_changed_at", Instant),
    Column("report", Document),
    Column("reported_at", Instant),
    Column("tenant", Key, nullable=False, server_default="main"),
    Column("failed", Words, nullable=False, server_default=""),
    # What the directory refers to.
    Index("hosts_by_tenant", "tenant", "id", unique=True),
)

join_codes = Table(
    "join_codes",
    metadata,
    Column("hash", Words, primary_key=True),
    Column("host_name", Words, nullable=False),
    Column("expires_at", Instant, nullable=False),
    Column("used_at", Instant),
    Column("tenant", Key, nullable=False, server_default="main"),
    Column("pool", Key),
)

connection_tokens = Table(
    "connection_tokens",
    metadata,
    Column("hash", Words, primary_key=True),
    Column("tenant", Key, nullable=False),
    Column("user_id", Key, nullable=False),
    Column("user", Words, nullable=False),
    Column("resource", Words, nullable=False),
    Column("issued_at", Instant, nullable=False),
    Column("expires_at", Instant, nullable=False),
    Column("revoked_at", Instant),
    Column("kind", Words, nullable=False),
    Index("connection_tokens_by_user", "tenant", "user_id"),
    Index("connection_tokens_by_expires_at", "expires_at"),
)

connections = Table(
    "connections",
    metadata,
    Column("id", Words, primary_key=True),
    Column("opened_at", Instant, nullable=False),
    Column("transport", Words, nullable=False),
    Column("client_address", Words, nullable=False),
    Column("client_name", Words, nullable=False),
    Column("tenant", Key),
    Column("user", Words),
    Column("resource", Words),
    Column("host_id", Words),
    Column("because", Words),
    Column("token_hash", Words),
    Column("ended_at", Instant),
    Column("reason", Words),
    Column("detail", Words, nullable=False),
    Column("to_client_bytes", BigInteger, nullable=False),
    Column("to_host_bytes", BigInteger, nullable=False),
    Column("timeline", Document, nullable=False),
    Index("connections_by_tenant", "tenant", "opened_at", "id"),
    Index("connections_by_user", "tenant", "user", "opened_at", "id"),
    Index("connections_by_ended_at", "ended_at"),
    Index("connections_by_token_hash", "token_hash"),
)
