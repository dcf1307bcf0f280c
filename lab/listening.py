"""What a process and its descendants listen on, read from /proc: the proof that an agent listens on nothing.

Sockets come from the network namespace of each process itself, so hosts in a namespace of their own are
seen too. A UDP socket counts when it is bound and has no peer, since anybody may then send to it. Left out:
raw and vsock sockets.
"""

import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path
from typing import Literal

PROC = Path("/proc")
TCP_LISTEN = "0A"
UDP_UNCONNECTED = "07"
UNIX_ACCEPTS = 0x10000


@dataclass(frozen=True, order=True)
class Listener:
    """One listening socket: `address` is `host:port` (IPv6 in brackets), or a path (`@`: abstract)."""

    kind: Literal["tcp", "udp", "unix"]
    address: str


def name_of(pid: int) -> str:
    """Return the name of a process; empty when it has ended."""
    with suppress(FileNotFoundError, ProcessLookupError):
        return (PROC / str(pid) / "comm").read_text().strip()
    return ""


def listening(pid: int) -> list[Listener]:
    """Return what `pid` and its descendants listen on, sorted, each once; empty when they have ended."""
    found: set[Listener] = set()
    for one in [pid, *descendants(pid)]:
        with suppress(FileNotFoundError, ProcessLookupError):
            found |= _listeners_of(one)
    return sorted(found)


def network_of(pid: int) -> str:
    """Return what names the network namespace of `pid`: equal for two processes that share their network."""
    return os.readlink(PROC / str(pid) / "ns" / "net")


def in_namespace_of(pid: int) -> list[Listener]:
    """Return every TCP and UDP listener in the network namespace of `pid`, whoever holds it, sorted."""
    return sorted(listener for listener in _sockets(pid).values() if listener.kind != "unix")


def descendants(pid: int) -> list[int]:
    """Return the ids of all living processes that descend from `pid`, itself not among them."""
    children: dict[int, list[int]] = {}
    for entry in PROC.iterdir():
        if entry.name.isdigit():
            with suppress(FileNotFoundError, ProcessLookupError):
                children.setdefault(_parent(entry), []).append(int(entry.name))
    found: list[int] = []
    queue = [pid]
    while queue:
        born = children.get(queue.pop(), [])
        found += born
        queue += born
    return found


def _parent(entry: Path) -> int:
    # The second field is the program's name in brackets and may itself hold blanks and brackets.
    return int((entry / "stat").read_text().rpartition(")")[2].split()[1])


def _listeners_of(pid: int) -> set[Listener]:
    sockets = _sockets(pid)
    return {sockets[inode] for inode in _socket_inodes(pid) if inode in sockets}


def _socket_inodes(pid: int) -> Iterator[str]:
    for entry in (PROC / str(pid) / "fd").iterdir():
        with suppress(FileNotFoundError):
            target = os.readlink(entry)
            if target.startswith("socket:["):
                yield target[len("socket:[") : -1]


def _sockets(pid: int) -> dict[str, Listener]:
    """Return the listeners in the network namespace of `pid` by inode."""
    net = PROC / str(pid) / "net"
    found: dict[str, Listener] = {}
    for name in ("tcp", "tcp6", "udp", "udp6"):
        if (net / name).exists():
            found |= parse_internet(name, (net / name).read_text())
    return found | parse_unix((net / "unix").read_text())


def parse_internet(name: str, table: str) -> dict[str, Listener]:
    """Read /proc/net/tcp, tcp6, udp or udp6 (`name`) and return its listeners by inode."""
    wanted = TCP_LISTEN if name.startswith("tcp") else UDP_UNCONNECTED
    found: dict[str, Listener] = {}
    for line in table.splitlines()[1:]:
        field = line.split()
        if field[3] == wanted:
            found[field[9]] = Listener("tcp" if name.startswith("tcp") else "udp", _endpoint(field[1]))
    return found


def parse_unix(table: str) -> dict[str, Listener]:
    """Read /proc/net/unix and return its listeners by inode; a listener without a name is left out."""
    found: dict[str, Listener] = {}
    for line in table.splitlines()[1:]:
        field = line.split(maxsplit=7)
        if len(field) == 8 and int(field[3], 16) & UNIX_ACCEPTS:
            found[field[6]] = Listener("unix", field[7])
    return found


def _endpoint(text: str) -> str:
    """Turn `0100007F:0D3D` into `127.0.0.1:3389`; the kernel prints the address in words of native order."""
    address, port = text.split(":")
    raw = b"".join(bytes.fromhex(address[at : at + 8])[::-1] for at in range(0, len(address), 8))
    host = str(IPv4Address(raw)) if len(raw) == 4 else f"[{IPv6Address(raw)}]"
    return f"{host}:{int(port, 16)}"
