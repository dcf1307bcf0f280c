"""What a second start gives to the window that is open, from another process as it is in life."""

import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

pytest.importorskip("PySide6.QtWidgets")

from PySide6.QtNetwork import QLocalSocket

from dialback.console.window.handover import MAX_LINE_BYTES, Handover, hand_over, socket_name
from dialback.console.window.links import Link

if TYPE_CHECKING:
    from PySide6.QtWidgets import QApplication

LINK = "dialback://connect/acme/files?purpose=why"
SECOND = (
    "import sys; from dialback.console.window.handover import hand_over;"
    "print(hand_over(sys.argv[1], sys.argv[2]))"
)
MANY = """
import gc, sys, time
from PySide6.QtCore import QCoreApplication
from PySide6.QtNetwork import QLocalSocket
from dialback.console.window.handover import Handover
app = QCoreApplication([])
def spin():
    ends_at = time.monotonic() + 0.05
    while time.monotonic() < ends_at:
        app.processEvents()
for number in range(20):
    window = Handover(sys.argv[1])
    assert window.listen()
    starts = [QLocalSocket() for _ in range(3)]
    for start in starts:
        start.connectToServer(sys.argv[1])
        assert start.waitForConnected(1000)
        start.write(b"\\n" if number % 3 else b"")
        start.flush()
    spin()
    for start in starts:
        start.abort()
    if number % 2:
        spin()
    window.close()
    del window
    gc.collect()
spin()
print("alive")
"""
DEADLINE_S = 20.0


class Window:
    """What listens, and what it was given."""

    def __init__(self, name: str, qt: "QApplication") -> None:
        self.name = name
        self.qt = qt
        self.given: list[object] = []
        self.handover = Handover(name)
        self.handover.given.connect(self.given.append)

    def until(self, met: Callable[[], bool]) -> None:
        """Let Qt work until it is so."""
        ends_at = time.monotonic() + DEADLINE_S
        while not met():
            assert time.monotonic() < ends_at
            self.qt.processEvents()
            time.sleep(0.01)

    def second_start(self, link: str) -> str:
        """Start a second program that hands over; return what it says of it."""
        program = subprocess.Popen(
            [sys.executable, "-W", "error", "-c", SECOND, self.name, link], stdout=subprocess.PIPE, text=True
        )
        self.until(lambda: program.poll() is not None)
        said, _ = program.communicate(timeout=DEADLINE_S)
        return said.strip()

    def refuses(self, line: bytes) -> bool:
        """Say whether the connection of who sends this is ended without a word."""
        socket = QLocalSocket()
        socket.connectToServer(self.name)
        assert socket.waitForConnected(2000)
        socket.write(line)
        self.until(lambda: socket.state() is QLocalSocket.LocalSocketState.UnconnectedState)
        return not socket.readAll().data()


@pytest.fixture
def folder() -> Iterator[Path]:
    """Return a folder whose name is as short as people's are: paths of sockets have 107 bytes at the most."""
    with tempfile.TemporaryDirectory(prefix="dialback-") as made:
        yield Path(made)


@pytest.fixture
def window(qt: "QApplication", folder: Path) -> Iterator[Window]:
    made = Window(socket_name(folder / "config", "gw.example.org"), qt)
    assert made.handover.listen()
    yield made
    made.handover.close()


def test_a_second_start_gives_its_link_to_the_window(window: Window) -> None:
    assert window.second_start(LINK) == "True"
    assert window.given == [Link("acme/files", "why")]


def test_a_second_start_without_a_link_calls_the_window(window: Window) -> None:
    assert window.second_start("") == "True"
    assert window.given == [None]


def test_a_window_outlives_whoever_comes_and_goes(folder: Path) -> None:
    # In a process of its own, since what it is about took the whole process down.
    command = [sys.executable, "-W", "error", "-c", MANY, str(folder / "window.sock")]
    ended = subprocess.run(command, check=False, capture_output=True, text=True, timeout=60)
    assert (ended.stdout, ended.stderr, ended.returncode) == ("alive\n", "", 0)


def test_who_finds_no_window_is_the_first(tmp_path: Path) -> None:
    assert not hand_over(socket_name(tmp_path, "gw.example.org"), LINK)


def test_where_no_socket_can_be_each_start_is_a_window(qt: "QApplication", tmp_path: Path) -> None:
    name = socket_name(tmp_path / ("d" * 100), "gw.example.org")
    assert not Handover(name).listen()
    assert not hand_over(name, LINK)


def test_a_socket_that_was_left_behind_is_taken_over(qt: "QApplication", folder: Path) -> None:
    name = socket_name(folder, "gw.example.org")
    killed = (
        "import os, sys; from PySide6.QtCore import QCoreApplication\n"
        "from dialback.console.window.handover import Handover\n"
        "app = QCoreApplication([]); h = Handover(sys.argv[1]); assert h.listen(); os._exit(0)"
    )
    subprocess.run([sys.executable, "-c", killed, name], check=True, timeout=60)
    assert Path(name).exists()
    assert not hand_over(name, LINK)
    window = Window(name, qt)
    assert window.handover.listen()
    assert window.second_start(LINK) == "True"
    window.handover.close()


@pytest.mark.parametrize(
    "line", [b"https://example.org/\n", b"\xff\n", b"dialback://connect/a/b?x=1\n", b"d" * MAX_LINE_BYTES]
)
def test_what_is_no_link_is_not_taken(window: Window, line: bytes) -> None:
    assert window.refuses(line)
    assert window.given == []


def test_nobody_else_may_open_the_socket(window: Window) -> None:
    assert Path(window.name).stat().st_mode & 0o077 == 0


def test_platforms_have_windows_of_their_own(tmp_path: Path) -> None:
    names = {socket_name(tmp_path, server) for server in ("gw.example.org", "gw.example.net")}
    assert len(names) == 2
