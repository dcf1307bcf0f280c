"""The tables of the directory: no row without its tenant, and no reference across one."""

import pytest
from sqlalchemy import Table

from dialback.store import directory_models
from dialback.store.models import metadata

TABLES = [table for table in vars(directory_models).values() if isinstance(table, Table)]
SCOPED = [table for table in TABLES if table.name != "tenants"]


def test_tables_are_in_the_metadata_that_migrations_are_compared_with() -> None:
    assert len(SCOPED) == 11
    assert {table.name for table in TABLES} < set(metadata.tables)


@pytest.mark.parametrize("table", SCOPED, ids=str)
def test_tenant_is_the_first_column_of_the_primary_key(table: Table) -> None:
    assert next(iter(table.primary_key.columns)).name == "tenant"


@pytest.mark.parametrize("table", SCOPED, ids=str)
def test_every_reference_begins_with_the_tenant(table: Table) -> None:
    assert table.foreign_key_constraints
    for reference in table.foreign_key_constraints:
        (own, theirs) = next((key.parent.name, key.column.name) for key in reference.elements)
        assert own == "tenant"
        assert theirs == ("id" if reference.referred_table.name == "tenants" else "tenant")


@pytest.mark.parametrize("table", SCOPED, ids=str)
def test_every_reference_that_is_asked_for_has_an_index(table: Table) -> None:
    begins = [tuple(column.name for column in index.columns) for index in table.indexes]
    begins.append(tuple(column.name for column in table.primary_key.columns))
    for reference in table.foreign_key_constraints:
        names = tuple(reference.column_keys)
        assert any(begin[: len(names)] == names for begin in begins)
