"""Writing key and certificate files: whole or not at all, and keys for the owner's eyes only.

A file is written under a temporary name beside its place, flushed to the disk, and then moved; a reader sees
the old file or the new one. What is left out: encryption of key files, which only moves the secret elsewhere.
"""

import contextlib
import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

if sys.platform != "win32":
    import fcntl

PRIVATE = 0o600
PUBLIC = 0o644


def write_file(path: Path, data: bytes, mode: int, *, replace: bool) -> None:
    """Write the file atomically with these permissions.

    Raises:
        FileExistsError: `replace` is false and there is such a file; it is left as it was.
        OSError: the folder is missing, unwritable or full; nothing is left behind.
    """
    handle, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            os.chmod(temporary, mode)
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        if replace:
            os.replace(temporary, path)
        else:
            # A link, unlike a rename, fails when the name is taken, in one step.
            os.link(temporary, path)
    finally:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(temporary)


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the lock file while the block runs; a second process waits for the first.

    Windows, where agents run but no server does, has no such lock.
    """
    with path.open("ab") as file:
        if sys.platform != "win32":
            fcntl.flock(file, fcntl.LOCK_EX)
        yield
