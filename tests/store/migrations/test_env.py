"""Migrations lead to exactly the schema that the models declare, and are taken once."""

from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Dialect, Table, create_engine
from sqlalchemy.dialects import postgresql
from sqlalchemy.schema import CreateTable

from dialback.store import models
from dialback.store.open import migrate, open_store

POSTGRESQL: Dialect = postgresql.dialect()  # type: ignore[no-untyped-call]


def script() -> ScriptDirectory:
    """Return the migrations as they are found in the installed package."""
    config = Config()
    config.set_main_option("script_location", "dialback.store:migrations")
    return ScriptDirectory.from_config(config)


def differences(connection: Connection) -> list[object]:
    """Return what separates the database from the models."""
    migrate(connection)
    context = MigrationContext.configure(connection, opts={"compare_type": True})
    return list(compare_metadata(context, models.metadata))


def test_migrated_database_has_the_schema_of_the_models(tmp_path: Path) -> None:
    engine = create_engine(f"sqlite:///{tmp_path / 'store.db'}")
    try:
        with engine.connect() as connection:
            assert differences(connection) == []
    finally:
        engine.dispose()


def test_comparison_sees_a_missing_column(tmp_path: Path) -> None:
    engine = create_engine(f"sqlite:///{tmp_path / 'store.db'}")
    try:
        with engine.connect() as connection:
            migrate(connection)
            connection.exec_driver_sql("ALTER TABLE published_resources DROP COLUMN target")
            assert len(differences(connection)) == 1
    finally:
        engine.dispose()


def test_revisions_form_one_line() -> None:
    assert len(script().get_heads()) == 1
    assert len(script().get_bases()) == 1


async def test_newest_revision_is_the_one_a_store_reports(tmp_path: Path) -> None:
    store = await open_store(f"sqlite:///{tmp_path / 'store.db'}")
    assert [await store.check()] == script().get_heads()
    await store.close()


@pytest.mark.parametrize("table", models.metadata.tables.values(), ids=str)
def test_schema_can_be_said_to_postgresql(table: Table) -> None:
    said = str(CreateTable(table).compile(dialect=POSTGRESQL))
    assert "TIMESTAMP WITHOUT TIME ZONE" not in said
    assert "DATETIME" not in said
