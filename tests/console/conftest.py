"""What the tests of the console share."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.console.gateway_stub import GatewayStub, running
from tests.transport.ending import settled as settled


@pytest.fixture
async def stub(tmp_path: Path) -> AsyncIterator[GatewayStub]:
    async with running(tmp_path / "gateway") as stub:
        yield stub
