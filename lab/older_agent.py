"""An agent of another build, for the day when console and agents differ: `dialback` of an older protocol.

No build from before the first release is kept, so an agent older than the console has to be staged: it is
today's `dialback agent`, which calls itself another version and speaks version 1 of the management protocol
alone. Nothing else is changed; the console it meets is the product's own.
"""

import sys
from functools import partial
from pathlib import Path

from dialback.agent.build import Build
from dialback.agent.service import run
from dialback.cli import agent
from dialback.cli.main import main
from dialback.wire.agent.version import VersionRange

OLDER = Build("0.0.9", VersionRange(1, 1))
PROGRAM = (sys.executable, "-P", Path(__file__).resolve())
"""Starts it from any folder: a host's namespace has another working folder, and `lab` no place in a path."""

if __name__ == "__main__":
    setattr(agent, "run_agent", partial(run, build=OLDER))  # noqa: B010 - a name the module imports
    main()
