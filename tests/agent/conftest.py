"""What the agent's tests share: a platform to dial, and an environment without a proxy."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from lab.ports import free_port
from tests.agent.platform_stub import Platform, running
from tests.transport.ending import settled as settled


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("https_proxy", "HTTPS_PROXY", "no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
async def platform(tmp_path: Path) -> AsyncIterator[Platform]:
    """A platform on loopback."""
    folder = tmp_path / "platform"
    folder.mkdir()
    async with running(folder) as platform:
        yield platform


@pytest.fixture
def unused() -> int:
    """A port of loopback on which nobody listens."""
    return free_port()
