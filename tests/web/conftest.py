"""What the tests of the web application share."""

import pytest

from dialback.identity.signing import SigningKey
from tests.web.portal.stage import PortalStage, signing_key
from tests.web.stage import Web


@pytest.fixture
def web() -> Web:
    return Web()


@pytest.fixture(scope="session")
def publisher(tmp_path_factory: pytest.TempPathFactory) -> SigningKey:
    """The key that signs connection files, made once: it takes a while."""
    return signing_key(tmp_path_factory.mktemp("authority"))


@pytest.fixture
async def portal(publisher: SigningKey) -> PortalStage:
    stage = PortalStage(publisher)
    await stage.fill()
    return stage
