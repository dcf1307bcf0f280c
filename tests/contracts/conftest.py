"""What contract suites need: one PostgreSQL server for all of them, started when the first asks."""

from collections.abc import Iterator

import pytest

from tests.postgresql import PostgresqlServer, running


@pytest.fixture(scope="session")
def postgresql() -> Iterator[PostgresqlServer]:
    """Return a running server; skip where none can run, fail in CI."""
    with running() as server:
        yield server
