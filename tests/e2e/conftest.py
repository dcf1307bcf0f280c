"""What the end-to-end tests share: a stage, and an environment without a proxy."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from lab.ports import free_port
from tests.e2e.stage import Stage
from tests.e2e.visitor import Visitor
from tests.transport.ending import settled as settled


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("https_proxy", "HTTPS_PROXY", "no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    """Return a stage on which nothing runs yet."""
    stage = Stage(tmp_path, free_port())
    try:
        yield stage
    finally:
        await stage.end()


@pytest.fixture
def visitor(stage: Stage) -> Visitor:
    """Return a technician of the provider for that stage."""
    return Visitor(stage)
