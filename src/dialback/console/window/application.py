"""The window as a program: Qt's event loop in this thread, the engine in another, and an orderly end."""

import os
import signal
import socket
import sys
from collections.abc import Callable
from types import FrameType

from PySide6.QtCore import QObject, QSocketNotifier, Qt, Signal
from PySide6.QtWidgets import QApplication

from dialback.console.saved import Saved
from dialback.console.window.handover import Handover
from dialback.console.window.links import Link
from dialback.console.window.main_window import MainWindow
from dialback.console.window.marks import console_icon
from dialback.console.window.thread import EngineThread, MakeEngine, MakeLoop
from dialback.domain.errors import Problem

NAME = "dialback-console"
END_S = 30.0


class NoDisplay(Problem):
    """There is no desktop to draw a window on."""


class Bridge(QObject):
    """Carries events from the engine's thread into Qt's."""

    told = Signal(object)


def run_window(
    make: MakeEngine,
    saved: Saved,
    server: str,
    link: Link | None,
    make_loop: MakeLoop | None,
    handover_name: str = "",
) -> int:
    """Show the window until it is closed; return the exit status.

    Args:
        make: makes the engine in its own thread.
        server: the platform's name, to show.
        make_loop: of the engine's event loop.
        handover_name: of the socket on which later starts are heard; nobody is, if it is empty.

    Raises:
        NoDisplay: in words.
    """
    _check_display()
    QApplication.setDesktopFileName(NAME)
    application = QApplication([NAME])
    application.setApplicationDisplayName("")
    application.setWindowIcon(console_icon())
    application.setQuitOnLastWindowClosed(False)
    bridge = Bridge()
    thread = EngineThread(make, bridge.told.emit, make_loop)
    window = MainWindow(thread, saved, server, link)
    bridge.told.connect(window.take, Qt.ConnectionType.QueuedConnection)
    handover = Handover(handover_name)
    handover.given.connect(window.take_link)
    if handover_name:
        handover.listen()
    thread.start()
    with _Signals(window.end_all):
        window.show()
        status = application.exec()
    handover.close()
    return status if thread.join(END_S) else 1


def _check_display() -> None:
    if sys.platform != "linux":
        return
    if not any(os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM")):
        raise NoDisplay(
            "there is no display to show a window on; `dialback tenants` and `dialback connect` need none"
        )


class _Signals:
    """Has SIGINT and SIGTERM close the window: Qt's loop runs no Python unless something happens to it."""

    def __init__(self, end: Callable[[], None]) -> None:
        self._end = end
        self._here, self._there = socket.socketpair()

    def __enter__(self) -> None:
        for each in (self._here, self._there):
            each.setblocking(False)
        self._notifier = QSocketNotifier(self._here.fileno(), QSocketNotifier.Type.Read)
        self._notifier.activated.connect(self._wake)
        self._before = {
            number: signal.signal(number, self._take) for number in (signal.SIGINT, signal.SIGTERM)
        }
        self._wakeup = signal.set_wakeup_fd(self._there.fileno(), warn_on_full_buffer=False)

    def __exit__(self, *_: object) -> None:
        signal.set_wakeup_fd(self._wakeup)
        for number, before in self._before.items():
            signal.signal(number, before)
        self._notifier.setEnabled(False)
        self._here.close()
        self._there.close()

    def _wake(self) -> None:
        # The byte is read, and Python runs again: the handler below follows at once.
        self._here.recv(64)

    def _take(self, number: int, frame: FrameType | None) -> None:
        self._end()
