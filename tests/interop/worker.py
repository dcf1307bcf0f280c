"""Which worker of xdist this is: what tests name on the machine they share is told apart by it.

Only names that several files use need it, since `--dist loadfile` gives all tests of a file to one worker.
"""

import os

WORKER = os.environ.get("PYTEST_XDIST_WORKER", "").removeprefix("gw")
"""The worker's number; empty where there is one process."""
