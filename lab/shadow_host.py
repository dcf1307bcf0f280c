"""A host that asks for network level authentication: freerdp-shadow-cli, which shares a display of its own.

All who connect see the same desktop, a clock and a terminal; the password is checked before any picture
(NLA). It listens on TCP at a loopback address, or on a Unix socket. The server runs as whoever started it,
and so does what is typed into the terminal. Left out: sessions per user (that is xrdp).
"""

import secrets
import shutil
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Literal, Self

from lab.certificates import HostCertificate
from lab.desktop import CLOCK, TERMINAL
from lab.display import Display
from lab.listening import listening
from lab.process import Process, run

PURPLE = "#553388"
PROGRAMS = {2: ("freerdp-shadow-cli", "winpr-hash"), 3: ("freerdp-shadow-cli3", "winpr-hash3")}


class ShadowHost:
    """An NLA host for one user; `address` or `socket` is where it listens, `display` what it shows."""

    def __init__(
        self,
        folder: Path,
        name: str,
        certificate: HostCertificate,
        *,
        address: tuple[str, int] | None = None,
        user: str = "shadow",
        version: Literal[2, 3] = 2,
        colour: str = PURPLE,
    ) -> None:
        """Plan a host that lives in `folder / name`; without `address` it listens on `socket`."""
        self.name = name
        self.address = address
        self.user = user
        self.password = secrets.token_urlsafe(12)
        self.colour = colour
        self.folder = folder / name
        self.socket = self.folder / "rdp.sock"
        self.display = Display(self.folder, (1024, 768), name)
        self._certificate = certificate
        self._server, self._hasher = PROGRAMS[version]
        self._stack = ExitStack()

    def start(self) -> Self:
        """Start the display, its desktop and the server; return when it listens."""
        self.folder.mkdir(mode=0o700, parents=True)
        try:
            self._stack.enter_context(self.display)
            self._start_desktop()
            server = self._start_server()
        except BaseException:
            self.stop()
            raise
        self._process = server
        return self

    @property
    def pid(self) -> int:
        return self._process.pid

    def stop(self) -> None:
        """End the server and its display."""
        self._stack.close()

    def _start_desktop(self) -> None:
        self.display.manage_windows()
        for name, command in {
            "xsetroot": ["xsetroot", "-solid", self.colour],
            "xclock": CLOCK,
            "xterm": [*TERMINAL, "-T", self.name],
        }.items():
            self.display.launch(name, command, env={"HOME": str(self.folder)})

    def _start_server(self) -> Process:
        settings = self.folder / ".config" / "freerdp" / "shadow"
        settings.mkdir(parents=True)
        shutil.copyfile(self._certificate.chain, settings / "shadow.crt")
        shutil.copyfile(self._certificate.key, settings / "shadow.key")
        sam = self.folder / "sam"
        sam.write_text(run([self._hasher, "-u", self.user, "-p", self.password, "-f", "sam"]))
        server = Process.start(
            f"shadow {self.name}",
            [self._server, *self._listen_options(), "/sec:nla", f"/sam-file:{sam}", "+auth"],
            self.folder / "shadow.log",
            env={
                **self.display.env,
                "HOME": str(self.folder),
                "XDG_CONFIG_HOME": str(self.folder / ".config"),
            },
        )
        self._stack.enter_context(server)
        endpoint = f"{self.address[0]}:{self.address[1]}" if self.address else str(self.socket)
        server.wait_until(lambda: any(one.address == endpoint for one in listening(server.pid)), endpoint)
        return server

    def _listen_options(self) -> list[str]:
        if self.address is None:
            return [f"/ipc-socket:{self.socket}"]
        return [f"/bind-address:{self.address[0]}", f"/port:{self.address[1]}"]

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
