"""Whose connection is it? A redirector serves the client that it started, and nobody else on the machine.

A connection over loopback has both ends here, so the system knows which process holds the other one. It is
ours if that process is the client or was started by it; on macOS, if it is of the same user. Where the system
cannot be asked, nobody is let in: whoever may start programs as this user is the one who is meant, and other
users are who is kept out.
"""

import ipaddress
import os
import socket
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

Place = tuple[str, int]
"""An address and a port."""

IsOurs = Callable[[Place, Place, int], bool]
"""Says whether the connection from the first place to the second is of the process or of one it started."""

_PROC = Path("/proc")


def is_ours(client: Place, listener: Place, process: int) -> bool:
    """Say whether a connection over loopback belongs to the process or to one it started."""
    if sys.platform == "linux":
        return is_ours_linux(client, listener, process)
    if sys.platform == "darwin":
        from dialback.console.owners_darwin import is_ours_darwin

        return is_ours_darwin(client, listener)
    from dialback.console.owners_windows import is_ours_windows

    return is_ours_windows(client, listener, process)


def is_ours_linux(client: Place, listener: Place, process: int, proc: Path = _PROC) -> bool:
    """Say so by what the kernel lists: the connection's inode, and who has it open."""
    inode = _inode(proc, client, listener)
    if not inode:
        return False
    wanted = f"socket:[{inode}]"
    return any(wanted in _open_files(proc, each) for each in with_children(proc, process))


def with_children(proc: Path, process: int) -> Iterator[int]:
    """Return the process and all that it and its children have started."""
    parents = {each: _parent(proc, each) for each in _processes(proc)}
    found = {process}
    while True:
        more = {each for each, parent in parents.items() if parent in found} - found
        if not more:
            return iter(sorted(found))
        found |= more


def _inode(proc: Path, client: Place, listener: Place) -> str:
    """Return the inode of the socket at the client's end, empty if the kernel lists none."""
    wanted = (_hex(client), _hex(listener))
    for line in _lines(proc / "net" / "tcp"):
        fields = line.split()
        if len(fields) > 9 and (fields[1], fields[2]) == wanted:
            return fields[9]
    return ""


def _hex(place: Place) -> str:
    """Return a place as /proc/net/tcp writes it: the address in the machine's byte order."""
    number = int.from_bytes(ipaddress.IPv4Address(place[0]).packed, sys.byteorder)
    return f"{number:08X}:{place[1]:04X}"


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text(errors="replace").splitlines()
    except OSError:
        return []


def _processes(proc: Path) -> list[int]:
    return [int(each.name) for each in proc.iterdir() if each.name.isdecimal()]


def _parent(proc: Path, process: int) -> int:
    for line in _lines(proc / str(process) / "status"):
        if line.startswith("PPid:"):
            return int(line.split()[1])
    return 0


def _open_files(proc: Path, process: int) -> set[str]:
    found = set()
    try:
        for each in (proc / str(process) / "fd").iterdir():
            try:
                found.add(os.readlink(each))
            except OSError:
                continue
    except OSError:
        return set()
    return found


def places_of(connected: socket.socket) -> tuple[Place, Place]:
    """Return the client's end and ours of an accepted connection."""
    client, ours = connected.getpeername(), connected.getsockname()
    return (client[0], client[1]), (ours[0], ours[1])
