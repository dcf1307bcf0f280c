"""One window for each platform: a console that is started while another is open gives it its link, and ends.

The open window listens on a local socket that only its own user can open. What comes is one line, a link or
nothing, and is judged as links from anywhere are. Where no such socket can be made, every start is a window
of its own.
"""

import contextlib
import hashlib
import sys
from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QObject, QTimer, Signal
from PySide6.QtNetwork import QLocalServer, QLocalSocket

from dialback.console.window.links import MAX_LINK_CHARS, BadLink, Link, parse_link

MAX_LINE_BYTES = 4 * MAX_LINK_CHARS + 1
WAIT_MS = 2000
_TAKEN = b"taken\n"


def socket_name(folder: Path, server: str) -> str:
    """Return the name of the socket of this user's window for the platform; `folder` is the user's own."""
    name = f"console-{hashlib.sha256(server.encode()).hexdigest()[:16]}"
    if sys.platform == "win32":
        return f"dialback-{hashlib.sha256(str(folder).encode()).hexdigest()[:16]}-{name}"
    return str(folder / f"{name}.sock")


def hand_over(name: str, link: str) -> bool:
    """Give a link, or an empty text, to the window that is open; False if there is none that takes it."""
    socket = QLocalSocket()
    socket.connectToServer(name)
    if not socket.waitForConnected(WAIT_MS):
        return False
    socket.write(f"{link}\n".encode())
    answer = b""
    while not answer.endswith(b"\n") and len(answer) < len(_TAKEN) and socket.waitForReadyRead(WAIT_MS):
        answer += bytes(socket.readAll().data())
    socket.abort()
    return answer == _TAKEN


class Handover(QObject):
    """Listens for what later starts of the console hand over. `given` tells of it: a `Link`, or None."""

    given = Signal(object)

    def __init__(self, name: str) -> None:
        super().__init__()
        self._name = name
        self._readers: set[_Reader] = set()
        self._server = QLocalServer()
        self._server.setSocketOptions(QLocalServer.SocketOption.UserAccessOption)
        self._server.newConnection.connect(self._accept)

    def listen(self) -> bool:
        """Begin to listen, in place of a window that ended without a word; False if it cannot be."""
        if sys.platform != "win32":
            with contextlib.suppress(OSError):
                Path(self._name).parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        QLocalServer.removeServer(self._name)
        return self._server.listen(self._name)

    def close(self) -> None:
        """Listen no more, and end the connections of who has not said what they want."""
        self._server.close()
        for reader in list(self._readers):
            reader.give_up()

    def _accept(self) -> None:
        while (socket := self._server.nextPendingConnection()) is not None:
            reader = _Reader(socket, self.given.emit, self._readers.discard)
            self._readers.add(reader)
            reader.begin()


class _Reader:
    """Reads the line of one start; `ended` is told of it when the connection has ended.

    No object of Qt's: as a child of its socket it was deleted by both Qt and Python.
    """

    def __init__(
        self,
        socket: QLocalSocket,
        given: Callable[[Link | None], object],
        ended: Callable[["_Reader"], object],
    ) -> None:
        self._socket = socket
        self._given = given
        self._ended = ended
        self._patience = QTimer()

    def begin(self) -> None:
        """Read what is there, and what comes within `WAIT_MS`."""
        self._socket.disconnected.connect(self._end)
        self._socket.readyRead.connect(self._read)
        self._patience.setSingleShot(True)
        self._patience.timeout.connect(self.give_up)
        self._patience.start(WAIT_MS)
        self._read()

    def give_up(self) -> None:
        """End the connection."""
        self._socket.abort()

    def _end(self) -> None:
        self._patience.stop()
        self._socket.deleteLater()
        self._ended(self)

    def _read(self) -> None:
        if not self._socket.canReadLine():
            if self._socket.bytesAvailable() >= MAX_LINE_BYTES:
                self._socket.abort()
            return
        line = bytes(self._socket.readLine(MAX_LINE_BYTES).data())
        self._socket.readyRead.disconnect(self._read)
        try:
            text = line.decode().removesuffix("\n")
            link = parse_link(text) if text else None
        except (UnicodeDecodeError, BadLink):
            self._socket.abort()
            return
        self._socket.write(_TAKEN)
        self._socket.flush()
        self._given(link)
