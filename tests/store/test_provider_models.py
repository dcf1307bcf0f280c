"""The tables of the provider: scoped by tenant, and nothing goes that proves what was done."""

import pytest
from sqlalchemy import Table

from dialback.store import provider_models
from dialback.store.models import metadata

TABLES = [table for table in vars(provider_models).values() if isinstance(table, Table)]
PROOFS = ("consent_requests", "grants", "flights")


def test_tables_are_in_the_metadata_that_migrations_are_compared_with() -> None:
    assert len(TABLES) == 8
    assert {table.name for table in TABLES} < set(metadata.tables)


@pytest.mark.parametrize("table", TABLES, ids=str)
def test_tenant_is_the_first_column_of_a_key(table: Table) -> None:
    begins = [next(iter(index.columns)).name for index in table.indexes if index.unique]
    begins.append(next(iter(table.primary_key.columns)).name)
    assert "tenant" in begins


@pytest.mark.parametrize("name", PROOFS)
def test_what_proves_something_goes_with_nobody(name: str) -> None:
    assert not metadata.tables[name].foreign_key_constraints
