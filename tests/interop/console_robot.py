"""A technician at the console's window: a display with a window manager, the real command, mouse and keys."""

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from lab.display import Display
from lab.process import PATIENCE_S, Failed, run, wait_for
from tests.console.rdp_client import REACH
from tests.console.window.platform_stub import TOKEN, PlatformStub

ROOT = Path(__file__).parents[2]
SIZE = (1280, 860)
CLIENT = f"""#!{{python}}
import pathlib, time
{REACH}
with reach() as sock:
    sock.sendall(b"x" * 5000)
    heard = 0
    while heard < 5000 and (data := sock.recv(5000)):
        heard += len(data)
    pathlib.Path(sys.argv[0]).with_name("told").write_text(" ".join(sys.argv[1:]))
    time.sleep(600)
"""


@dataclass(frozen=True)
class Server:
    """Where the technician is signed in."""

    address: str
    ca: Path
    token: str


class Seat:
    """The technician. What is waited for comes within half a minute, or the test fails."""

    def __init__(self, folder: Path, display: Display, server: Server, client: Path) -> None:
        """Sit down at `display`; `client` is the RDP client, first on the path. The home is `folder`."""
        self.folder = folder
        self.display = display
        self.server = server
        self.log = folder / "console.log"
        self.client = client
        self._process: subprocess.Popen[str] | None = None

    def start(self, *words: str) -> Self:
        """Start the command, and wait until its window has the keyboard, which the manager gives it."""
        env = {
            **{name: value for name, value in os.environ.items() if not name.startswith(("QT_", "XDG_"))},
            **self.display.env,
            "HOME": str(self.folder),
            "PATH": f"{self.client.parent}:{os.environ['PATH']}",
            "PYTHONWARNINGS": "error",
            "QT_QPA_PLATFORM": "xcb",
        }
        server = self.server
        options = ["--server", server.address, "--token", server.token, "--ca", str(server.ca), "--port", "0"]
        with self.log.open("w") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.interop.console_probe", "console", *options, *words],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                env=env,
                cwd=ROOT,
            )
        self.until(lambda: self.ask("active", "tenants"))
        return self

    @property
    def process(self) -> "subprocess.Popen[str]":
        assert self._process is not None
        return self._process

    def ask(self, question: str, name: str) -> Any:
        """Ask the window."""
        stdin, stdout = self.process.stdin, self.process.stdout
        assert stdin is not None
        assert stdout is not None
        stdin.write(json.dumps([question, name]) + "\n")
        stdin.flush()
        line = stdout.readline()
        if not line:
            raise Failed(f"the console has ended\n{self.log.read_text()}")
        told = json.loads(line)
        if "problem" in told:
            raise Failed(told["problem"])
        return told["answer"]

    def until(self, holds: Callable[[], object]) -> None:
        """Wait until it holds."""
        if not wait_for(lambda: bool(holds()), poll_s=0.05):
            raise Failed(f"it did not come to hold\n{self.log.read_text()}")

    def click(self, question: str, name: str, *, button: int = 1, held: str = "") -> None:
        """Click on what is where the window says, once it is there."""
        x, y = self._place(question, name)
        keys = ["keydown", held] if held else []
        release = ["keyup", held] if held else []
        self._xdotool("mousemove", str(x), str(y), *keys, "sleep", "0.1", "click", str(button), *release)

    def choose_row(self, name: str) -> None:
        """Click on a host, and wait until it is chosen: a key pressed before would overtake the click."""
        self.click("row", name)
        self.until(lambda: self.ask("text", "host-name") == name)

    def _place(self, question: str, name: str) -> list[int]:
        """Return where it is, once it is there and stays: a new window may be moved by its manager."""
        seen: list[list[int] | None] = [None]

        def stays() -> bool:
            seen.append(self.ask(question, name))
            return seen[-1] is not None and seen[-3:] == [seen[-1]] * 3

        self.until(stays)
        assert seen[-1] is not None
        return seen[-1]

    def focus(self, name: str) -> None:
        """Click on a field, and wait until what is typed goes there: the manager has its say before."""
        self.click("where", name)
        self.until(lambda: self.ask("focused", name))

    def press(self, name: str, *, held: str = "") -> None:
        """Press a button that may be pressed."""
        self.until(lambda: self.ask("enabled", name))
        self.click("where", name, held=held)

    def write(self, name: str, text: str) -> None:
        """Type into a field in place of what is there."""
        self.focus(name)
        self.display.press("ctrl+a")
        self.display.type_keys(text)
        # What is proposed while one types would take the next click.
        self.display.press("Tab")
        self.until(lambda: self.ask("text", name) == text)

    def choose(self, menu: str, entry: str) -> None:
        """Choose an entry of the menu bar."""
        self.click("menu", menu)
        self.click("entry", entry)

    def texts(self, name: str) -> list[str]:
        """Return the first column of a tree or table."""
        return [row[0] for row in self.ask("rows", name)]

    def close(self) -> int:
        """Close the window as its manager does; return the exit status."""
        self.display.press("ctrl+q")
        return self.process.wait()

    def stop(self) -> None:
        """End the command, if it still runs."""
        if self._process and self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(PATIENCE_S)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        if self._process:
            for stream in (self._process.stdin, self._process.stdout):
                if stream:
                    with contextlib.suppress(BrokenPipeError):
                        stream.close()

    def _xdotool(self, *words: str) -> None:
        env = [f"{key}={value}" for key, value in self.display.env.items()]
        run(["env", *env, "xdotool", *words])


class Robot(Seat):
    """The technician before a platform that does as it is told, with a client that is a script."""

    def __init__(self, folder: Path, display: Display, stub: PlatformStub) -> None:
        programs = folder / "bin"
        programs.mkdir()
        client = programs / "xfreerdp3"
        client.write_text(CLIENT.format(python=sys.executable))
        client.chmod(0o700)
        super().__init__(folder, display, Server(stub.address, stub.ca, TOKEN), client)
        self.stub = stub

    @property
    def told(self) -> str:
        """Return how the client was started, empty as long as it was not."""
        file = self.client.with_name("told")
        return file.read_text() if file.exists() else ""


@contextlib.contextmanager
def technician(folder: Path, stub: PlatformStub) -> Iterator[Robot]:
    """Seat a technician at a display of their own."""
    with Display(folder, SIZE) as display:
        display.manage_windows()
        robot = Robot(folder, display, stub)
        try:
            yield robot
        finally:
            robot.stop()
