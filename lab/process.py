"""Start a named program with a log file, wait for what it promises, end it by its id.

Each program leads its own process group. Ending it means SIGTERM to the group, a time to obey, then SIGKILL
to what is left of the group: the leader is not reaped before that, so its id cannot have become somebody
else's. Left out: programs that leave their group. An xrdp session does; its host runs in a pid namespace
instead.
"""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

TAIL_LINES = 25
POLL_S = 0.02
PATIENCE_S = 30.0
"""How long anything real may take before it is taken for hung. It claims nothing about speed."""


class Failed(Exception):
    """A program ended or stayed silent when it should have answered; the text holds the end of its log."""


def wait_for(holds: Callable[[], bool], timeout_s: float = PATIENCE_S, poll_s: float = POLL_S) -> bool:
    """Ask `holds` every `poll_s` until it is true; return whether it was before `timeout_s` passed."""
    deadline = time.monotonic() + timeout_s
    while not holds():
        if time.monotonic() > deadline:
            return False
        time.sleep(poll_s)
    return True


def tail(path: Path, lines: int = TAIL_LINES) -> str:
    """Return the last `lines` lines of a log, and an empty text when there is no such file."""
    if not path.exists():
        return ""
    return "\n".join(path.read_text(errors="replace").splitlines()[-lines:])


class Process:
    """A started program: `name` for messages, `pid` (also its process group), `log` with all it printed."""

    def __init__(self, name: str, child: "subprocess.Popen[bytes]", log: Path) -> None:
        self.name = name
        self.log = log
        self._child = child

    @classmethod
    def start(
        cls,
        name: str,
        command: Sequence[str | Path],
        log: Path,
        *,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        pass_fds: Sequence[int] = (),
    ) -> Self:
        """Start `command` with nothing on its standard input; `env` is added to our own environment."""
        with log.open("ab") as output:
            child = subprocess.Popen(
                [str(part) for part in command],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env={**os.environ, **(env or {})},
                cwd=cwd,
                pass_fds=pass_fds,
                start_new_session=True,
            )
        return cls(name, child, log)

    @property
    def pid(self) -> int:
        return self._child.pid

    @property
    def returncode(self) -> int | None:
        """The exit status, negative for a signal; None while it runs."""
        return self._child.poll()

    def log_tail(self) -> str:
        return tail(self.log)

    def wait_until(
        self, holds: Callable[[], bool], what: str, timeout_s: float = PATIENCE_S, poll_s: float = POLL_S
    ) -> None:
        """Wait until `holds`; raise `Failed` when the program ends first or `timeout_s` passes."""
        if not wait_for(lambda: holds() or self.returncode is not None, timeout_s, poll_s):
            raise Failed(f"{self.name}: no {what} within {timeout_s} s\n{self.log_tail()}")
        if self.returncode is not None:
            raise Failed(f"{self.name}: ended with {self.returncode} before {what}\n{self.log_tail()}")

    def wait(self, timeout_s: float = PATIENCE_S) -> int:
        """Wait for the program to end by itself, return its exit status; raise `Failed` after `timeout_s`."""
        if not wait_for(lambda: self.returncode is not None, timeout_s):
            raise Failed(f"{self.name}: still running after {timeout_s} s\n{self.log_tail()}")
        return self._child.wait()

    def stop(self, grace_s: float = 3.0) -> int:
        """End the program and its group, and return its exit status; harmless when it has ended already."""
        if self._child.returncode is None:
            os.killpg(self.pid, signal.SIGTERM)
            wait_for(self._has_exited, grace_s)
            os.killpg(self.pid, signal.SIGKILL)
        return self._child.wait()

    def _has_exited(self) -> bool:
        """Say whether it has exited, and leave it unreaped."""
        flags = os.WEXITED | os.WNOHANG | os.WNOWAIT
        return os.waitid(os.P_PID, self.pid, flags) is not None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def run(
    command: Sequence[str | Path], *, stdin: str | None = None, timeout_s: float = PATIENCE_S, status: int = 0
) -> str:
    """Run a short command to its end, return its standard output; raise `Failed` with its complaint.

    `status` is the exit status that means success.
    """
    done = subprocess.run(
        [str(part) for part in command],
        input=stdin,
        capture_output=True,
        text=True,
        timeout=timeout_s,
        check=False,
    )
    if done.returncode != status:
        raise Failed(f"{command[0]}: ended with {done.returncode}\n{done.stderr.strip()}")
    return done.stdout
