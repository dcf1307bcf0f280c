"""A new SQLite database for a test: migrated once in a process and copied for each, since that takes a while.

Tests of opening and of migrations make theirs as a server does.
"""

import asyncio
import tempfile
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path

from dialback.store.open import open_store


def make_sqlite(path: Path) -> None:
    """Make the file of a database with today's schema and nothing in it, as private as a server makes it."""
    path.touch(0o600)
    path.write_bytes(_migrated())


@cache
def _migrated() -> bytes:
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(1) as thread:
        path = Path(folder) / "store.db"
        # In a thread of its own, since the caller's may have a loop that runs.
        thread.submit(asyncio.run, _migrate(path)).result()
        return path.read_bytes()


async def _migrate(path: Path) -> None:
    await (await open_store(f"sqlite:///{path}")).close()
