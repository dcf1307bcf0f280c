"""The host's own health: room on its disks, in its memory and on its processors, and no restart due.

What is so is read here, per operating system; whether it is too little is a plain function of facts and
settings. None of these checks is fatal to the broker: a host that fails one is its last choice.

Left out: which program is to blame.
"""

import os
import re
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from dialback.agent.settings import AgentSettings
from dialback.wire.agent.messages import Failing, clip

RESTART_MARKS = (Path("/var/run/reboot-required"), Path("/run/reboot-required"))
WINDOWS_RESTART_KEYS = (
    r"SOFTWARE\Microsoft\Windows\CurrentVersion\Component Based Servicing\RebootPending",
    r"SOFTWARE\Microsoft\Windows\CurrentVersion\WindowsUpdate\Auto Update\RebootRequired",
)
_MEGABYTE = 1_000_000
_MEMORY_LINE = re.compile(r"^(MemTotal|MemAvailable):\s+(\d+) kB$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class HostFacts:
    """What was read: None where the host does not tell.

    `free_bytes` is by folder, `load_per_cpu` the load of the last minute divided by the processors,
    `free_memory_percent` what programs could still have.
    """

    free_bytes: dict[str, int] = field(default_factory=dict)
    load_per_cpu: float | None = None
    free_memory_percent: float | None = None
    restart_due: bool = False


def failing_checks(facts: HostFacts, settings: AgentSettings) -> tuple[Failing, ...]:
    """Return which checks fail, by the limits in the settings, and why in words."""
    found: list[Failing] = []
    least_bytes = settings.least_free_disk_mb * _MEGABYTE
    full = [
        f"{path} has {free // _MEGABYTE} MB left"
        for path, free in facts.free_bytes.items()
        if free < least_bytes
    ]
    if full:
        found.append(Failing(check="disk", detail=clip(", ".join(full))))
    busy = []
    if facts.load_per_cpu is not None and facts.load_per_cpu > settings.most_load_per_cpu:
        busy.append(f"load of {facts.load_per_cpu:.1f} per processor")
    if (
        facts.free_memory_percent is not None
        and facts.free_memory_percent < settings.least_free_memory_percent
    ):
        busy.append(f"{facts.free_memory_percent:.1f} percent of memory left")
    if busy:
        found.append(Failing(check="load", detail=clip(", ".join(busy))))
    if facts.restart_due:
        found.append(Failing(check="restart", detail="the system waits for a restart"))
    return tuple(found)


def check_host(settings: AgentSettings) -> tuple[Failing, ...]:
    """Look at this host; return which of its checks fail."""
    return failing_checks(read_windows() if sys.platform == "win32" else read_linux(), settings)


def read_linux(
    memory: Path = Path("/proc/meminfo"),
    marks: tuple[Path, ...] = RESTART_MARKS,
    folders: tuple[str, ...] = ("/", "/home"),
) -> HostFacts:
    """Read the facts of a Linux host."""
    return HostFacts(
        free_bytes=free_bytes(folders),
        load_per_cpu=_load(),
        free_memory_percent=parse_memory(_read(memory)),
        restart_due=any(mark.exists() for mark in marks),
    )


def _load() -> float | None:
    try:
        return os.getloadavg()[0] / (os.cpu_count() or 1)
    except OSError:
        return None


def free_bytes(folders: tuple[str, ...]) -> dict[str, int]:
    """Return what ordinary users can still write below each folder; one per file system."""
    free: dict[int, tuple[str, int]] = {}
    for folder in folders:
        try:
            status, device = os.statvfs(folder), os.stat(folder).st_dev
        except OSError:
            continue
        free.setdefault(device, (folder, status.f_bavail * status.f_frsize))
    return dict(free.values())


def parse_memory(text: str) -> float | None:
    """Return the percentage of memory that is available, of /proc/meminfo; None if it does not tell."""
    sizes = {name: int(size) for name, size in _MEMORY_LINE.findall(text)}
    if not sizes.get("MemTotal") or "MemAvailable" not in sizes:
        return None
    return 100 * sizes["MemAvailable"] / sizes["MemTotal"]


def _read(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:
        return ""


def has_registry_key(key: str) -> bool:
    """Say whether a key exists below HKEY_LOCAL_MACHINE; on Windows alone."""
    import winreg

    try:
        winreg.OpenKey(winreg.HKEY_LOCAL_MACHINE, key).Close()  # type: ignore[attr-defined, unused-ignore]
    except OSError:
        return False
    return True


def read_windows(has_key: Callable[[str], bool] = has_registry_key, drive: str = "C:\\") -> HostFacts:
    """Read the facts of a Windows host: room on the system drive, and whether a restart is due."""
    try:
        free = {drive: shutil.disk_usage(drive).free}
    except OSError:
        free = {}
    return HostFacts(
        free_bytes=free,
        restart_due=any(has_key(key) for key in WINDOWS_RESTART_KEYS),
    )
