"""What the tests of the API share."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from dialback.store.sql import SqlStore
from tests.contracts.openers import OPENERS
from tests.postgresql import PostgresqlServer, running
from tests.web.api.stage import ApiStage, in_database


@pytest.fixture(scope="session")
def authority_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder, made once: its RSA key takes a while."""
    return tmp_path_factory.mktemp("authority")


@pytest.fixture
async def api(authority_folder: Path) -> ApiStage:
    stage = ApiStage(authority_folder)
    await stage.fill()
    return stage


@pytest.fixture(scope="session")
def postgresql() -> Iterator[PostgresqlServer]:
    """Return a running server; skip where none can run, fail in CI."""
    with running() as server:
        yield server


@pytest.fixture(params=list(OPENERS))
async def api_over(request: pytest.FixtureRequest, authority_folder: Path) -> AsyncIterator[ApiStage]:
    """The API over each kind of store."""
    store, _ = await OPENERS[request.param](request)
    if not isinstance(store, SqlStore):
        stage = ApiStage(authority_folder)
        await stage.fill()
        yield stage
        return
    try:
        stage = ApiStage(authority_folder, in_database(store))
        await stage.fill()
        yield stage
    finally:
        await store.close()
