"""Rows of the directory to nouns and back; see `store/rows.py` for what happens to damaged ones."""

from collections.abc import Iterable
from dataclasses import asdict
from typing import Any, Final

from pydantic import TypeAdapter
from sqlalchemy import Column, Table

from dialback.domain.catalog import ApplicationGroup, PublishedResource, Workspace
from dialback.domain.directory import E
from dialback.domain.health import Check
from dialback.domain.names import key_of
from dialback.domain.pools import HostPool, PoolHost
from dialback.domain.sessions import Session, account_of
from dialback.domain.tenancy import Group, Tenant, User
from dialback.store import directory_models as models
from dialback.store.rows import Row, validate

TABLES: Final[dict[type, Table]] = {
    User: models.users,
    Group: models.user_groups,
    Workspace: models.workspaces,
    HostPool: models.host_pools,
    ApplicationGroup: models.application_groups,
    PublishedResource: models.published_resources,
}

_ADAPTERS: Final[dict[type, TypeAdapter[Any]]] = {kind: TypeAdapter(kind) for kind in TABLES}
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
