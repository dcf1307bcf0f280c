"""Every test of this folder runs on uvloop, as in production, and on asyncio, as on Windows agents."""

import asyncio
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
import uvloop

from tests.transport.loopback import Certificates


def pytest_asyncio_loop_factories() -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    """Name the event loops."""
    return {"uvloop": uvloop.new_event_loop, "asyncio": asyncio.new_event_loop}


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    """Return the certificates of a server on loopback."""
    folder: Path = tmp_path_factory.mktemp("certificates")
    return Certificates(folder)
