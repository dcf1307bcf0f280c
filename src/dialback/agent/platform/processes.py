"""Processes of a Linux host, as anybody may read them in /proc.

Readers give None for a process that ended meanwhile or that is hidden from the agent (`hidepid`).

Source: proc(5), /proc/pid/stat, /proc/pid/status, /proc/net/unix, /proc/net/tcp.
"""

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

PROC = Path("/proc")
_STAT = re.compile(r"(\d+) \((.*)\) [A-Za-z] (\d+) (.*)", re.DOTALL)
_STARTED_FIELD = 22 - 5
"""Where `starttime`, field 22, is among the fields behind `ppid`, field 4."""
_CONNECTED = "03"
_ESTABLISHED = "01"


@dataclass(frozen=True, slots=True)
class Process:
    """One process: `started_ticks` since boot tells it from another that gets its id later."""

    pid: int
    name: str
    parent: int
    started_ticks: int


def parse_stat(text: str) -> Process | None:
    """Parse /proc/pid/stat; the name may hold blanks and parentheses of its own."""
    match = _STAT.fullmatch(text.strip())
    fields = match[4].split() if match else []
    if match is None or len(fields) <= _STARTED_FIELD or not fields[_STARTED_FIELD].isdigit():
        return None
    return Process(int(match[1]), match[2], int(match[3]), int(fields[_STARTED_FIELD]))


def parse_uid(status: str) -> int | None:
    """Return the real user id in /proc/pid/status."""
    match = re.search(r"^Uid:\s+(\d+)", status, re.MULTILINE)
    return int(match[1]) if match else None


def parse_unix(table: str) -> Iterator[tuple[str, bool]]:
    """Yield path and whether it is connected of every named socket in /proc/net/unix."""
    for line in table.splitlines()[1:]:
        fields = line.split(None, 7)
        if len(fields) == 8:
            yield fields[7], fields[5] == _CONNECTED


def parse_tcp(table: str) -> set[int]:
    """Return the local ports of the established connections in /proc/net/tcp or tcp6."""
    rows = (line.split() for line in table.splitlines()[1:])
    return {
        int(fields[1].rpartition(":")[2], 16)
        for fields in rows
        if len(fields) > 3 and fields[3] == _ESTABLISHED and re.fullmatch(r"[0-9A-F]+:[0-9A-F]{4}", fields[1])
    }


def read(path: Path) -> str | None:
    """Return the text of a file below /proc."""
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None


def processes(proc: Path = PROC) -> dict[int, Process]:
    """Return every process the agent may see, by id."""
    found = {}
    for entry in os.scandir(proc):
        if entry.name.isdigit() and (text := read(Path(entry.path) / "stat")) is not None:
            process = parse_stat(text)
            if process is not None:
                found[process.pid] = process
    return found


def uid_of(pid: int, proc: Path = PROC) -> int | None:
    """Return the real user id of a process."""
    status = read(proc / str(pid) / "status")
    return None if status is None else parse_uid(status)


def words_of(pid: int, proc: Path = PROC) -> tuple[str, ...]:
    """Return the command line of a process."""
    text = read(proc / str(pid) / "cmdline")
    return tuple(text.rstrip("\0").split("\0")) if text else ()


def booted_at(proc: Path = PROC) -> float:
    """Return when the machine was started, in seconds since 1970; 0 if it does not say."""
    match = re.search(r"^btime (\d+)$", read(proc / "stat") or "", re.MULTILINE)
    return float(match[1]) if match else 0.0
