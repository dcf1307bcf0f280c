"""How a demonstration is run: from an empty folder, to its last step or until Ctrl-C, with nothing left."""

import contextlib
import os
import shutil
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Protocol

from playwright.sync_api import Error as BrowserError

from demo.show import heading, note, problem, verbatim
from lab.accounts import Account
from lab.listening import descendants
from lab.process import Failed, run


class Demonstrated(Protocol):
    """A demonstration that has gone through its steps."""

    def next_steps(self) -> str:
        """Return what to try while everything runs."""


def present(demonstrate: Callable[[ExitStack], Demonstrated], user: str) -> int:
    """Run a demonstration, whose account of this machine is `user`; return the exit status.

    With `ONCE=1` in the environment it ends after the last step.
    """
    if os.geteuid() != 0:
        problem("The demo adds a user and starts xrdp, so it needs root: run it with sudo.")
        return 1
    once = os.environ.get("ONCE", "") not in ("", "0")
    began = time.monotonic()
    try:
        with ExitStack() as stack, _interruptible():
            tour = demonstrate(stack)
            note(f"All steps took {time.monotonic() - began:.0f} s.")
            if not once:
                heading("Everything keeps running; try next")
                verbatim(tour.next_steps())
                note("Press Ctrl-C to end it.")
                signal.pause()
    except KeyboardInterrupt:
        pass
    except (Failed, BrowserError) as failure:
        problem(str(failure))
        return 1
    if left := left_running(user):
        problem("left running: " + "; ".join(left))
        return 1
    note("Ended, with everything that was started; nothing is left running.")
    return 0


def emptied(folder: Path) -> Path:
    """Make the folder anew and return it; others may pass through it, and see nothing."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(mode=0o711)
    return folder


def left_running(user: str) -> list[str]:
    """Return the processes that the demonstration has left behind; one that has ended counts no more."""
    left = {*descendants(os.getpid()), *Account(user).processes()}
    listed = [line.split() for line in run(["ps", "-eo", "pid=,stat=,args="]).splitlines()]
    return [
        " ".join(words) for pid, state, *words in listed if int(pid) in left and not state.startswith("Z")
    ]


@contextlib.contextmanager
def _interruptible() -> Iterator[None]:
    """Let SIGTERM end the demonstration as Ctrl-C does, so that nothing is left behind.

    SIGINT is set anew: what a shell starts in the background has it ignored.
    """

    def interrupt(_number: int, _frame: object) -> None:
        raise KeyboardInterrupt

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, interrupt)
    yield
