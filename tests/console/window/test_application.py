"""The window as a program: its beginning and its end, in a process of its own."""

import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

pytest.importorskip("PySide6.QtWidgets")

from dialback.console.saved import Saved
from dialback.console.window.application import NoDisplay, run_window
from dialback.console.window.engine import Engine
from tests.console.window.platform_stub import TOKEN, PlatformStub

PROGRAM = """
import os, signal, sys
from pathlib import Path
from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QApplication
from dialback.cli.api import Login
from dialback.cli.console import reached
from dialback.console.clients import find_client
from dialback.console.saved import Saved
from dialback.console.window import main_window
from dialback.console.window.application import run_window
from dialback.console.window.engine import Engine
from dialback.console.window.events import TreeRead

address, ca, token, folder = sys.argv[1:]
login, saved = Login(address, Path(ca).read_text(), token), Saved(Path(folder))
take = main_window.MainWindow.take

def noticed(self, event):
    take(self, event)
    if isinstance(event, TreeRead):
        print(*self.tenants.texts(), sep="|", flush=True)
        {end}

main_window.MainWindow.take = noticed
make = lambda tell: Engine(lambda: reached(login), find_client, saved, tell)
sys.exit(run_window(make, saved, address, None, None))
"""
ENDS = {
    "closed": "self.close()",
    "terminated": "os.kill(os.getpid(), signal.SIGTERM)",
    "interrupted": "os.kill(os.getpid(), signal.SIGINT)",
}


@pytest.mark.parametrize("end", ENDS)
def test_window_shows_the_tenants_and_ends_in_order(
    platform_stub: PlatformStub, tmp_path: Path, end: str
) -> None:
    program = textwrap.dedent(PROGRAM).replace("{end}", ENDS[end])
    words = [platform_stub.address, str(platform_stub.ca), TOKEN, str(tmp_path)]

    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", program, *words],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={**os.environ, "QT_QPA_PLATFORM": "offscreen"},
    )

    assert (
        done.returncode,
        done.stderr.replace("This plugin does not support propagateSizeHints()\n", ""),
    ) == (0, "")
    assert done.stdout.splitlines()[0] == "Acme GmbH|files|mail|old-erp|Bolt & Söhne|terminal-01"


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere there always is a desktop")
def test_machine_without_a_display_is_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM"):
        monkeypatch.delenv(name, raising=False)

    def make(tell: object) -> Engine:
        raise AssertionError("no engine is made")

    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(NoDisplay, match="dialback connect"):
        run_window(make, Saved(tmp_path), "gw", None, None)
    assert signal.getsignal(signal.SIGTERM) is before
