"""`make demo-provider`: a technician reaches a tenant's host with its consent, and both prove what was done.

All state is in `demo/.state` and made anew at each run; the pictures are beside this file. What is shown is
in `demo/provider_tour.py`.
"""

import sys
from contextlib import ExitStack
from pathlib import Path

from demo.presenting import emptied, present
from demo.provider_tour import USER, ProviderTour

HERE = Path(__file__).parent


def demonstrate(stack: ExitStack) -> ProviderTour:
    """Go through all steps; what they started runs until the stack is closed."""
    tour = ProviderTour(stack, emptied(HERE / ".state"), HERE)
    tour.run()
    return tour


if __name__ == "__main__":
    sys.exit(present(demonstrate, USER))
