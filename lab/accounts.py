"""Accounts of people who log on to xrdp hosts: real ones of this machine, made and removed by the lab.

An account carries a mark in its comment field. One that a broken run left behind is taken over; one without
the mark belongs to somebody and is refused. Needs root.
"""

import pwd
import secrets
import shlex
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from lab.desktop import CLOCK, TERMINAL, window_manager
from lab.listening import PROC
from lab.process import PATIENCE_S, Failed, run, wait_for

MARK = "made by the dialback lab"

PROGRAMS = ["sh", "-c", f"{shlex.join(CLOCK)} & exec {shlex.join(TERMINAL)}"]
SESSION = f"""\
xsetroot -solid "#${{LAB_COLOUR:-2d5f8b}}"
exec {shlex.join(map(str, window_manager(PROGRAMS)))}
"""


def uid_of(status: str) -> int:
    """Return the user id in a /proc/PID/status; the folder's owner is root for undumpable programs."""
    line = next(line for line in status.splitlines() if line.startswith("Uid:"))
    return int(line.split()[1])


class Account:
    """A user of this machine with a random password; the session is a clock, a terminal and openbox."""

    def __init__(self, name: str) -> None:
        """Name the account; `create` makes it."""
        self.name = name
        self.password = secrets.token_urlsafe(12)

    @property
    def home(self) -> Path:
        return Path(pwd.getpwnam(self.name).pw_dir)

    @property
    def uid(self) -> int:
        return pwd.getpwnam(self.name).pw_uid

    def create(self) -> Self:
        """Make the account; raise `Failed` when somebody else's has this name."""
        if self._exists():
            if pwd.getpwnam(self.name).pw_gecos != MARK:
                raise Failed(f"expected no account {self.name} on this machine, got one that is not ours")
        else:
            run(["useradd", "--create-home", "--shell", "/bin/bash", "--comment", MARK, self.name])
        run(["chpasswd"], stdin=f"{self.name}:{self.password}\n")
        session = self.home / ".xsession"
        session.write_text(SESSION)
        run(["chown", f"{self.name}:", session])
        return self

    def processes(self) -> list[int]:
        """Return the ids of all processes that run as this user, in whatever namespace."""
        if not self._exists():
            return []
        wanted, found = self.uid, []
        for entry in PROC.iterdir():
            if entry.name.isdigit():
                with suppress(FileNotFoundError, ProcessLookupError):
                    if uid_of((entry / "status").read_text()) == wanted:
                        found.append(int(entry.name))
        return found

    def remove(self, timeout_s: float = PATIENCE_S) -> None:
        """Remove the account with its home; raise `Failed` while processes of it still run."""
        if not self._exists():
            return
        if not wait_for(lambda: not self.processes(), timeout_s):
            raise Failed(f"expected no process of {self.name}, got {self.processes()}: stop its hosts first")
        run(["userdel", "--remove", self.name])

    def _exists(self) -> bool:
        return any(entry.pw_name == self.name for entry in pwd.getpwall())

    def __enter__(self) -> Self:
        return self.create()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.remove()
