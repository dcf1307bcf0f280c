"""Rows to nouns and back: the rim at which everything that was stored is validated.

A row that cannot be a noun (an unknown reason, broken JSON, a key of the wrong size) was written by a
newer version or by damage. Asked for by its id, it is `StoreUnavailable` with table and id; in a list it
is left out and logged, so that one bad row does not hide the others.
"""

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError
from sqlalchemy import Table

from dialback.domain.access import ConnectionToken, TokenUse
from dialback.domain.contracts import StoreUnavailable
from dialback.domain.hosts import Host, JoinCode
from dialback.domain.records import cursor_after
from dialback.domain.sessions import ConnectionRecord
from dialback.store import models

PUBLIC_KEY_BYTES = 32

Row = Mapping[str, Any]
R = TypeVar("R")
T = TypeVar("T")

_log = logging.getLogger(__name__)
_HOST = TypeAdapter(Host)
_JOIN_CODE = TypeAdapter(JoinCode)
_TOKEN = TypeAdapter(ConnectionToken)
_TOKEN_USE = TypeAdapter(TokenUse)
_CONNECTION = TypeAdapter(ConnectionRecord)


def host_of(row: Row) -> Host:
    """Return the host of a row of `hosts`; raise `StoreUnavailable` if it can be none."""
    host = validate(_HOST, row, models.hosts, row["id"])
    if len(host.public_key) != PUBLIC_KEY_BYTES:
        raise _unreadable(models.hosts, row["id"], "public_key")
    return host


def join_code_of(row: Row) -> JoinCode:
    """Return the join code of a row of `join_codes`; raise `StoreUnavailable` if it can be none."""
    return validate(_JOIN_CODE, row, models.join_codes, row["hash"])


def token_of(row: Row) -> ConnectionToken:
    """Return the token of a row of `connection_tokens`; raise `StoreUnavailable` if it can be none."""
    return validate(_TOKEN, row, models.connection_tokens, row["hash"])


def token_use_of(live: bool, newest: Row | None) -> TokenUse:
    """Return the use of a token whose newest ended connection has this `id` and `ended_at`."""
    if newest is None:
        return TokenUse(live)
    values = {"live": live, "last_ended_at": newest["ended_at"]}
    return validate(_TOKEN_USE, values, models.connections, newest["id"])


def connection_of(row: Row) -> ConnectionRecord:
    """Return the record of a row of `connections`; raise `StoreUnavailable` if it can be none."""
    values = dict(row)
    values["totals"] = {name: values.pop(name) for name in ("to_client_bytes", "to_host_bytes")}
    return validate(_CONNECTION, values, models.connections, row["id"])


def connection_row(record: ConnectionRecord) -> dict[str, Any]:
    """Return the row of `connections` that keeps the record."""
    values = asdict(record)
    totals = values.pop("totals")
    return {**values, **totals}


def cursor_behind(found: Sequence[Row], instant: str) -> str:
    """Return the cursor after the last row, whose place is the instant in that column, and the id.

    It is made of rows, since one that cannot be read is left out of a page.
    """
    placed = [row for row in found if isinstance(row[instant], datetime)]
    return cursor_after(placed[-1][instant], placed[-1]["id"]) if placed else ""


def each(read: Callable[[R], T], rows: Iterable[R]) -> list[T]:
    """Return the noun of each row; a row that can be none is left out and logged."""
    nouns = []
    for row in rows:
        try:
            nouns.append(read(row))
        except StoreUnavailable as problem:
            _log.warning("row left out: %s", problem)
    return nouns


def validate(adapter: TypeAdapter[T], values: Row, table: Table, key: object) -> T:
    """Return the noun that the values of a row make; raise `StoreUnavailable` with table and key if none."""
    try:
        return adapter.validate_python(dict(values))
    except ValidationError as error:
        columns = ", ".join(sorted({str(problem["loc"][0]) for problem in error.errors() if problem["loc"]}))
        raise _unreadable(table, key, columns) from None


def _unreadable(table: Table, key: object, columns: str) -> StoreUnavailable:
    return StoreUnavailable(
        f"the database has a row that cannot be read ({table.name} {str(key)[:80]!r}: {columns}); "
        "install the version that wrote it, or restore a backup"
    )
