"""Failures of a database become one sentence that says what to do and repeats no stored value."""

import sqlite3

import pytest
from sqlalchemy.exc import OperationalError, SQLAlchemyError, TimeoutError

from dialback.store.problems import unavailable

TEXTS = [
    ("database is locked", "another process holds the database"),
    ("database or disk is full", "the disk is full"),
    ("attempt to write a readonly database", "read-only"),
    ("database disk image is malformed", "restore it from a backup"),
    ("file is not a database", "not a database"),
    ("disk I/O error", "check it"),
    ("unable to open database file", "check its folder"),
    ("no such table: hosts", "lost a table"),
    ("no such column: hosts.name", "another schema"),
    ("UNIQUE constraint failed: hosts.id", "already"),
    ('<class UndefinedTableError>: relation "hosts" does not exist', "lost a table"),
    ("<class UndefinedColumnError>: column hosts.name does not exist", "another schema"),
    ('password authentication failed for user "anna"', "refuses the user or the password"),
    ('database "nothing" does not exist', "create it"),
    ("permission denied for schema public", "make the user the owner"),
    ("sorry, too many clients already", "max_connections"),
    ('duplicate key value violates unique constraint "hosts_pkey"', "already"),
    ("something new", "the database failed: something new"),
]


@pytest.mark.parametrize(("text", "sentence"), TEXTS)
def test_known_failure_has_its_remedy(text: str, sentence: str) -> None:
    error = OperationalError("INSERT INTO t VALUES (?)", ("a value",), sqlite3.OperationalError(text))
    said = str(unavailable(error))
    assert sentence in said
    assert "; " in said
    assert "a value" not in said
    assert "INSERT" not in said


@pytest.mark.parametrize("error", [TimeoutError("pool"), OSError(111, "Connection refused"), OSError()])
def test_way_to_the_database_may_fail_too(error: SQLAlchemyError | OSError) -> None:
    assert str(unavailable(error)).startswith("the database ")


def test_long_text_of_a_driver_is_cut() -> None:
    error = OperationalError("", (), sqlite3.OperationalError("x" * 10_000))
    assert len(str(unavailable(error))) < 300
