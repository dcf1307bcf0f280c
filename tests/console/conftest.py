"""What the tests of the console share."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.console.gateway_stub import GatewayStub, running
from tests.transport.ending import settle


@pytest.fixture
async def stub(tmp_path: Path) -> AsyncIterator[GatewayStub]:
    async with running(tmp_path / "gateway") as stub:
        yield stub


@pytest.fixture(autouse=True)
async def settled() -> AsyncIterator[None]:
    """Let what was aborted at a test's end be closed by its loop, and not by the garbage collector."""
    yield
    await settle()
