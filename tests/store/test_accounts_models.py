"""The tables of accounts: what belongs to a user names the tenant first, and goes with the user."""

import pytest
from sqlalchemy import Table

from dialback.store import accounts_models
from dialback.store.models import metadata

TABLES = [table for table in vars(accounts_models).values() if isinstance(table, Table)]
OF_USERS = [table for table in TABLES if "user" in table.c]


def test_tables_are_in_the_metadata_that_migrations_are_compared_with() -> None:
    assert len(TABLES) == 7
    assert {table.name for table in TABLES} < set(metadata.tables)


@pytest.mark.parametrize("table", OF_USERS, ids=str)
def test_what_is_of_a_user_goes_with_them(table: Table) -> None:
    references = {tuple(each.column_keys): each for each in table.foreign_key_constraints}
    reference = references["tenant", "user"]
    assert [element.target_fullname for element in reference.elements] == ["users.tenant", "users.id"]
    assert reference.ondelete == "CASCADE"


@pytest.mark.parametrize("table", OF_USERS, ids=str)
def test_removing_a_user_reads_no_whole_table(table: Table) -> None:
    begins = [tuple(column.name for column in index.columns)[:2] for index in table.indexes]
    begins.append(tuple(column.name for column in table.primary_key.columns)[:2])
    assert ("tenant", "user") in begins


def test_token_of_a_program_is_of_a_tenant_and_found_by_its_hash() -> None:
    references = accounts_models.api_tokens.foreign_key_constraints
    assert {each.referred_table.name for each in references} == {"tenants", "users"}
    assert any(index.unique and "hash" in index.columns for index in accounts_models.api_tokens.indexes)
