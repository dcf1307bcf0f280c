"""One server per data folder: a second one would declare the first one's links and connections over.

The lock is the kernel's, so it ends with its process, however that ends.
"""

import contextlib
import sys
from collections.abc import Iterator
from pathlib import Path

from dialback.domain.errors import Problem

if sys.platform != "win32":
    import fcntl

LOCK_NAME = "serve.lock"


class AlreadyServing(Problem):
    """Another server works on the data folder; the message is one sentence that says what to do."""


@contextlib.contextmanager
def only_server(folder: Path) -> Iterator[None]:
    """Hold the data folder while the block runs. Windows, where no server runs, has no such lock.

    Raises:
        AlreadyServing: another process holds it.
        OSError: the lock file cannot be written.
    """
    with (folder / LOCK_NAME).open("ab") as file:
        if sys.platform != "win32":
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise AlreadyServing(
                    f"another server runs on the data folder {folder}; stop it, or name another with --data"
                ) from error
        yield
