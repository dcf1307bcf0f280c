"""`make demo`: a workspace of desktops and apps, used by stock clients, on hosts that have no open port.

All state is in `demo/.state` and made anew at each run; the pictures are beside this file. What is shown is
in `demo/tour.py`.
"""

import sys
from contextlib import ExitStack
from pathlib import Path

from demo.presenting import emptied, present
from demo.tour import USER, Tour

HERE = Path(__file__).parent


def demonstrate(stack: ExitStack) -> Tour:
    """Go through all steps; what they started runs until the stack is closed."""
    folder = emptied(HERE / ".state")
    (folder / "hosts").mkdir(mode=0o700)
    tour = Tour(stack, folder, HERE)
    tour.run()
    return tour


if __name__ == "__main__":
    sys.exit(present(demonstrate, USER))
