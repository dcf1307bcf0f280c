"""`make demo`: a workspace of desktops and apps, used by stock clients, on hosts that have no open port.

All state is in `demo/.state` and made anew at each run; the pictures are beside this file. What is shown is
in `demo/tour.py`.
"""

import contextlib
import os
import shutil
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

from playwright.sync_api import Error as BrowserError

from demo.show import heading, note, problem, verbatim
from demo.tour import Tour, left_running
from lab.process import Failed

HERE = Path(__file__).parent
STATE = HERE / ".state"


def main() -> int:
    """Run the demonstration; with `ONCE=1` in the environment, end after the last step."""
    if os.geteuid() != 0:
        problem("The demo adds a user and starts xrdp, so it needs root: run `sudo make demo`.")
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
    if left := left_running():
        problem("left running: " + "; ".join(left))
        return 1
    note("Ended, with everything that was started; nothing is left running.")
    return 0


def demonstrate(stack: ExitStack) -> Tour:
    """Go through all steps; what they started runs until the stack is closed."""
    shutil.rmtree(STATE, ignore_errors=True)
    STATE.mkdir(mode=0o711)
    (STATE / "hosts").mkdir(mode=0o700)
    tour = Tour(stack, STATE, HERE)
    tour.run()
    return tour


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


if __name__ == "__main__":
    sys.exit(main())
