"""How the host is: since when it runs, how big its disks are. What it does not tell is None or left out."""

import os
import shutil
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from dialback.wire.agent.messages import clip
from dialback.wire.management.messages import MAX_DISKS, Disk

LINUX_FOLDERS = ("/", "/home", "/var", "/tmp")
WINDOWS_FOLDERS = tuple(f"{letter}:\\" for letter in "CDEFGHIJKLMNOPQRSTUVWXYZ")


def uptime_s(uptime: Path = Path("/proc/uptime")) -> int | None:
    """Return for how many seconds the system has run."""
    if sys.platform == "win32":
        # There, Python's monotonic clock is the one that counts from the start of the system.
        return int(time.monotonic())
    try:
        return int(float(uptime.read_text().split()[0]))
    except (OSError, ValueError, IndexError):
        return None


def disks(
    folders: Sequence[str] = WINDOWS_FOLDERS if sys.platform == "win32" else LINUX_FOLDERS,
) -> tuple[Disk, ...]:
    """Return the file systems the folders are on, each once."""
    found: dict[int, Disk] = {}
    for folder in folders:
        try:
            device, usage = os.stat(folder).st_dev, shutil.disk_usage(folder)
        except OSError:
            continue
        disk = Disk(path=clip(folder, 253) or "-", size_bytes=usage.total, free_bytes=usage.free)
        found.setdefault(device, disk)
    return tuple(found.values())[:MAX_DISKS]
