"""Opening the database: pragmas, places that cannot be used, and starts at the same time."""

import asyncio
import sqlite3
import stat
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import text

from dialback.domain.contracts import StoreUnavailable
from dialback.store.open import open_store


async def pragma(url: str, name: str) -> object:
    """Return a setting of a connection as the store has it."""
    store = await open_store(url)
    async with store._engine.connect() as connection:
        value = (await connection.execute(text(f"PRAGMA {name}"))).scalar()
    await store.close()
    return value


@pytest.mark.parametrize(
    ("name", "value"),
    [("journal_mode", "wal"), ("busy_timeout", 5000), ("foreign_keys", 1), ("synchronous", 1)],
)
async def test_connection_has_its_pragmas(tmp_path: Path, name: str, value: object) -> None:
    assert await pragma(f"sqlite:///{tmp_path / 'store.db'}", name) == value


async def test_new_database_is_for_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    await (await open_store(f"sqlite:///{path}")).close()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


async def test_database_in_memory_is_one_for_all_questions() -> None:
    store = await open_store("sqlite://")
    assert len({await store.check() for _ in range(3)}) == 1
    await store.close()


async def test_folder_may_have_a_percent_sign_and_a_space(tmp_path: Path) -> None:
    folder = tmp_path / "50% of it"
    folder.mkdir()
    store = await open_store(f"sqlite:///{folder / 'store.db'}")
    assert await store.check()
    await store.close()


async def refused(url: str) -> str:
    """Return the sentence with which opening is refused."""
    with pytest.raises(StoreUnavailable) as caught:
        await open_store(url)
    return str(caught.value)


async def test_missing_folder_is_named_and_not_made(tmp_path: Path) -> None:
    said = await refused(f"sqlite:///{tmp_path / 'no' / 'store.db'}")
    assert said.startswith(f"the folder {tmp_path / 'no'} does not exist; create it")
    assert not (tmp_path / "no").exists()


async def test_folder_in_place_of_the_file_is_refused(tmp_path: Path) -> None:
    assert "is a folder" in await refused(f"sqlite:///{tmp_path}")


async def test_folder_that_cannot_be_written_to_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Permissions do not bind the superuser, as whom tests may run: the answer of the system is put in.
    monkeypatch.setattr("dialback.store.open.os.access", lambda path, mode: False)
    assert "cannot be written to" in await refused(f"sqlite:///{tmp_path / 'store.db'}")


async def test_file_that_is_no_database_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "letter.txt"
    path.write_text("Dear Anna, " * 500)
    assert "not a database" in await refused(f"sqlite:///{path}")
    assert path.read_text() == "Dear Anna, " * 500


async def test_database_of_a_newer_version_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    await (await open_store(f"sqlite:///{path}")).close()
    with closing(sqlite3.connect(path)) as database, database:
        database.execute("UPDATE alembic_version SET version_num = '9999'")
    assert "newer version" in await refused(f"sqlite:///{path}")


async def test_database_of_another_program_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    with closing(sqlite3.connect(path)) as database, database:
        database.execute("CREATE TABLE resources (cake TEXT)")
    assert "the database failed: table resources already exists" in await refused(f"sqlite:///{path}")
    with closing(sqlite3.connect(path)) as database:
        tables = database.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
    assert tables == [("resources",)]


@pytest.mark.parametrize(
    "url", ["", "store.db", "mysql://anna:secret@db/x", "sqlite:/\0", "nonsense://secret@"]
)
async def test_url_of_no_use_is_refused_and_not_repeated(url: str) -> None:
    assert "secret" not in await refused(url)


async def test_postgresql_that_cannot_be_reached_is_refused_without_its_password() -> None:
    said = await refused("postgresql://anna:secret@127.0.0.1:1/dialback")
    assert "secret" not in said
    assert "; " in said


async def test_stores_opened_at_once_on_a_new_file_all_work(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'store.db'}"
    stores = await asyncio.gather(*(open_store(url) for _ in range(4)))
    assert len({await store.check() for store in stores}) == 1
    for store in stores:
        await store.close()


START = """
import asyncio, sys
from dialback.store.open import open_store

async def start():
    print("ready", flush=True)
    sys.stdin.readline()
    store = await open_store(sys.argv[1])
    print(await store.check())
    await store.close()

asyncio.run(start())
"""


def test_processes_that_start_at_once_on_a_new_file_all_work(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'store.db'}"
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", START, url], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        for _ in range(3)
    ]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    outputs = [process.communicate("go\n", timeout=30)[0] for process in processes]
    assert [process.returncode for process in processes] == [0, 0, 0]
    assert len(set(outputs)) == 1
