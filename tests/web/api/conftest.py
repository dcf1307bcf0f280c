"""What the tests of the API share."""

from pathlib import Path

import pytest

from tests.web.api.stage import ApiStage


@pytest.fixture(scope="session")
def authority_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder, made once: its RSA key takes a while."""
    return tmp_path_factory.mktemp("authority")


@pytest.fixture
async def api(authority_folder: Path) -> ApiStage:
    stage = ApiStage(authority_folder)
    await stage.fill()
    return stage
