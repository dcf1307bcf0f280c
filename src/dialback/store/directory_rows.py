"""Rows of the directory to nouns and back; see `store/rows.py` for what happens to damaged ones."""

import json
from collections.abc import Iterable
from dataclasses import asdict
from functools import lru_cache
from typing import Any, Final

from pydantic import TypeAdapter
from sqlalchemy import Column, Integer, Table

from dialback.domain.catalog import ApplicationGroup, PublishedResource, Workspace
from dialback.domain.directory import E
from dialback.domain.health import Check
from dialback.domain.names import key_of
from dialback.domain.pools import HostPool, PoolHost
from dialback.domain.sessions import Session, account_of
from dialback.domain.tenancy import Group, Tenant, User
from dialback.store import directory_models as models
from dialback.store.models import IMPOSSIBLE, Document, Flag, read_flag
from dialback.store.rows import Row, each, validate

TABLES: Final[dict[type, Table]] = {
    User: models.users,
    Group: models.user_groups,
    Workspace: models.workspaces,
    HostPool: models.host_pools,
    ApplicationGroup: models.application_groups,
    PublishedResource: models.published_resources,
}

_ADAPTERS: Final[dict[type, TypeAdapter[Any]]] = {kind: TypeAdapter(kind) for kind in TABLES}
KNOWN: Final = 8192
"""How many rows of a kind are remembered, with what they are: looking at one takes longer than reading it."""
_POOL_HOST_COLUMNS: Final = tuple(column.name for column in models.pool_hosts.c)
_CHECKS: Final = {check.value: check for check in Check}
_TENANT = TypeAdapter(Tenant)
_POOL_HOST = TypeAdapter(PoolHost)
_SESSION = TypeAdapter(Session)


def noun_of(kind: type[E], row: Row) -> E:
    """Return the noun of a row of its table; raise `StoreUnavailable` if it can be none."""
    noun: E = validate(_ADAPTERS[kind], row, TABLES[kind], row["id"])
    return noun


def row_of(noun: E) -> dict[str, Any]:
    """Return the row that keeps the noun, its version left out."""
    values = {name: _plain(value) for name, value in asdict(noun).items()}
    del values["version"]
    return {**values, "name_key": key_of(noun.name)}


def tenant_of(row: Row) -> Tenant:
    """Return the tenant of a row of `tenants`; raise `StoreUnavailable` if it can be none."""
    return validate(_TENANT, row, models.tenants, row["id"])


def pool_host_of(row: Row) -> PoolHost:
    """Return the membership of a row of `pool_hosts`; raise `StoreUnavailable` if it can be none."""
    return validate(_POOL_HOST, row, models.pool_hosts, row["host"])


def known_pool_host_of(row: Row) -> PoolHost:
    """Do what `pool_host_of` does, without looking again at what was found good before."""
    return _known_pool_host(tuple(row[name] for name in _POOL_HOST_COLUMNS))


@lru_cache(KNOWN)
def _known_pool_host(values: tuple[Any, ...]) -> PoolHost:
    return pool_host_of(dict(zip(_POOL_HOST_COLUMNS, values, strict=True)))


def resources(stored: Iterable[tuple[Any, ...]]) -> list[PublishedResource]:
    """Return the resource of each row of `published_resources`, read as it is stored.

    The same content gives the same object, as long as it is remembered. A row that can be none is left out
    and logged.
    """
    return each(_known_resource, stored)


@lru_cache(KNOWN)
def _known_resource(stored: tuple[Any, ...]) -> PublishedResource:
    columns = zip(models.published_resources.c, stored, strict=True)
    return noun_of(PublishedResource, {column.name: _read(column, value) for column, value in columns})


def _read(column: Column[Any], stored: Any) -> Any:
    """Return what the column's type reads from a stored value, `IMPOSSIBLE` if it cannot."""
    kind = column.type
    if stored is None or isinstance(kind, Integer):
        return stored
    if isinstance(kind, Flag):
        return read_flag(stored)
    if not isinstance(stored, str):
        return IMPOSSIBLE
    if not isinstance(kind, Document):
        return stored
    try:
        return json.loads(stored)
    except (ValueError, RecursionError):
        return IMPOSSIBLE


def session_of(row: Row) -> Session:
    """Return the session of a row of `sessions`; raise `StoreUnavailable` if it can be none."""
    return validate(_SESSION, row, models.sessions, row["id"])


def session_row(session: Session) -> dict[str, Any]:
    """Return the row of `sessions` that keeps the session."""
    return {**asdict(session), "account": account_of(session.user)}


def checks_text(failed: Iterable[Check]) -> str:
    """Return the text that keeps which checks fail."""
    return ",".join(sorted(check.value for check in failed))


def checks_of(text: str) -> frozenset[Check]:
    """Return the checks that a kept text names; those of a newer version are left out."""
    return frozenset(_CHECKS[name] for name in text.split(",") if name in _CHECKS)


def labelled(table: Table) -> list[Column[Any]]:
    """Return the columns of the table under names that no other table has."""
    return [column.label(f"{table.name} {column.name}") for column in table.c]  # type: ignore[misc]


def part_of(row: Row, table: Table) -> Row:
    """Return the row of one table from a row of labelled columns."""
    return {column.name: row[f"{table.name} {column.name}"] for column in table.c}


def _plain(value: Any) -> Any:
    return sorted(value) if isinstance(value, frozenset) else value
