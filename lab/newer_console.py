"""A console of another build, for the day when console and agents differ: `dialback` that manages version 2.

There is one version of the management protocol so far, so an agent older than the console has to be staged:
the agent is the one of today, and this is today's `dialback` in which the console's range of versions is
another one. Nothing else is changed; what it prints is the product's own.
"""

from functools import partial

from dialback.cli import manage
from dialback.cli.main import main
from dialback.console.management import managing
from dialback.wire.agent.version import VersionRange

VERSIONS = VersionRange(2, 2)

if __name__ == "__main__":
    setattr(manage, "managing", partial(managing, versions=VERSIONS))  # noqa: B010 - a name the module imports
    main()
