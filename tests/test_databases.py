"""A database that is copied is one that was opened as usual."""

import sqlite3
from contextlib import closing
from pathlib import Path

from dialback.store.open import open_store
from tests.databases import make_sqlite


def dump(path: Path) -> list[str]:
    """Return what makes and fills the database, as statements."""
    with closing(sqlite3.connect(path)) as database:
        return [*database.iterdump()]


async def test_copy_holds_what_a_new_database_holds(tmp_path: Path) -> None:
    make_sqlite(tmp_path / "copy.db")
    await (await open_store(f"sqlite:///{tmp_path / 'new.db'}")).close()
    assert dump(tmp_path / "copy.db") == dump(tmp_path / "new.db")


async def test_copies_are_apart(tmp_path: Path) -> None:
    one, other = tmp_path / "one.db", tmp_path / "other.db"
    make_sqlite(one)
    with closing(sqlite3.connect(one)) as database:
        database.execute("CREATE TABLE mine (id)")
    make_sqlite(other)
    assert "CREATE TABLE mine (id);" in dump(one)
    assert "CREATE TABLE mine (id);" not in dump(other)
