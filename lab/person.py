"""People at command lines: each with a home folder of their own, where their sign-in and their keys are.

A person runs the product's own command, as on a machine of theirs. `program` is another one in its place.
Left out: browsers, which `Browser` has.
"""

import shutil
from pathlib import Path

from lab.place import Command
from lab.platform import COMMAND
from lab.process import PATIENCE_S, Failed, Process, run

CLIENTS = ("xfreerdp", "xfreerdp3")
BOTH_STREAMS = 'exec "$@" 2>&1'


class Person:
    """Somebody with a command line; `path` is looked through for programs before the machine's own."""

    def __init__(self, name: str, folder: Path) -> None:
        """Give the person a home in `folder`, which exists."""
        self.name = name
        self.home = folder / f"home-{name}"
        self.home.mkdir(mode=0o700)
        self._programs = self.home / "bin"
        self._programs.mkdir()

    def command(self, *words: str | Path, program: Command = (COMMAND,)) -> Command:
        """Return what runs a command as this person."""
        path = f"PATH={self._programs}:/usr/local/bin:/usr/bin:/bin"
        home = [f"HOME={self.home}", f"XDG_CONFIG_HOME={self.home / '.config'}"]
        return ["env", *home, path, *program, *words]

    def run(self, *words: str | Path, program: Command = (COMMAND,)) -> str:
        """Run a command that succeeds, and return what it printed."""
        return run(self.command(*words, program=program))

    def refused(self, *words: str | Path, program: Command = (COMMAND,), status: int = 1) -> str:
        """Run a command that ends with `status`, and return what it printed and complained."""
        return run(["sh", "-c", BOTH_STREAMS, "sh", *self.command(*words, program=program)], status=status)

    def start(self, name: str, *words: str | Path, env: dict[str, str] | None = None) -> Process:
        """Start a command that takes a while; its log is in the person's home."""
        return Process.start(f"{self.name}: {name}", self.command(*words), self.home / f"{name}.log", env=env)

    def sign_in(self, address: str, authority: Path) -> "SigningIn":
        """Begin `dialback login`; somebody has to let it in with a browser."""
        return SigningIn(self.start("login", "login", address, "--ca", authority))

    def keep_password(self, password: str) -> str:
        """Make the RDP client log on with this password by itself; return the client's name.

        The console gives no client a password, which a person types. Here nobody does: a program of the
        client's name, found first, starts the real client with one more option.
        """
        for client in CLIENTS:
            if real := shutil.which(client):
                program = self._programs / client
                program.touch(mode=0o700)
                program.write_text(f"#!/bin/sh\nexec {real} \"$@\" '/p:{password}'\n")
                return client
        raise Failed(f"expected one of {', '.join(CLIENTS)} on this machine, got none")


class SigningIn:
    """A `dialback login` that waits for a browser."""

    def __init__(self, process: Process) -> None:
        self._process = process

    def link(self) -> str:
        """Wait for the link it shows, and return it."""
        found: list[str] = []

        def shown() -> bool:
            words = self._process.log.read_text().split()
            found[:] = [word for word in words if word.startswith("https://")]
            return bool(found)

        self._process.wait_until(shown, "link")
        return found[0]

    def done(self, timeout_s: float = PATIENCE_S) -> str:
        """Wait until the command is signed in, and return what it says in the end."""
        try:
            if self._process.wait(timeout_s) != 0:
                raise Failed(f"expected a command line that is let in\n{self._process.log_tail()}")
        finally:
            self.stop()
        return self._process.log.read_text().splitlines()[-1]

    def stop(self) -> None:
        """End the command; harmless when it has ended already."""
        self._process.stop()
