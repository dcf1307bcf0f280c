"""Remmina behind a redirector, beside a Remmina that the technician has open already."""

import asyncio
import contextlib
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from dialback.console.clients import Client, find_client
from dialback.console.connecting import Connecting
from dialback.console.redirector import Redirector
from lab.display import Display
from lab.process import Process, run, wait_for
from tests.console.gateway_stub import running
from tests.console.test_connecting import Technician

pytestmark = pytest.mark.interop
WAIT_S = 60.0


@pytest.fixture
def seat(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Display]:
    """A display and a session bus with a Remmina on it, as the technician has them."""
    home = tmp_path / "home"
    home.mkdir(mode=0o700)
    with ExitStack() as stack:
        display = stack.enter_context(Display(tmp_path))
        for name in ("XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_CACHE_HOME"):
            monkeypatch.delenv(name, raising=False)
        bus = f"unix:path={tmp_path}/bus"
        own = {
            "HOME": str(home),
            "XDG_RUNTIME_DIR": str(home),
            "DBUS_SESSION_BUS_ADDRESS": bus,
            "NO_AT_BRIDGE": "1",
        }
        for name, value in {**display.env, **own}.items():
            monkeypatch.setenv(name, value)
        command = ["dbus-daemon", "--session", "--nofork", "--address", bus]
        stack.enter_context(Process.start("session bus", command, tmp_path / "bus.log"))
        assert wait_for((tmp_path / "bus").exists, WAIT_S)
        stack.enter_context(Process.start("remmina", ["remmina"], tmp_path / "remmina.log"))
        assert wait_for(lambda: "Remmina Remote Desktop Client" in windows(), WAIT_S)
        yield display


def windows() -> str:
    """Return what the display says of its windows."""
    return run(["xwininfo", "-root", "-tree"])


async def test_remmina_stays_the_redirectors_own_process_beside_one_that_runs(
    seat: Display, tmp_path: Path
) -> None:
    seen: list[Redirector] = []
    async with running(tmp_path / "gateway") as stub, asyncio.timeout(3 * WAIT_S):
        technician = Technician(stub, tmp_path)
        connecting = Connecting(stub.gateway, find_client(Client.REMMINA), technician.saved, 0)
        visiting = asyncio.create_task(
            connecting.connect(technician.ask, technician.tell, watch=seen.append), name="visit"
        )
        try:
            while not (seen and seen[0].traffic.to_host_bytes):
                assert not visiting.done()
                await asyncio.sleep(0.2)
            assert seen[0].traffic.strangers == 0
            assert await asyncio.to_thread(wait_for, lambda: '"acme/files"' in windows(), WAIT_S)
        finally:
            visiting.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await visiting
    assert '"acme/files"' not in windows()
    assert "Remmina Remote Desktop Client" in windows()
