"""Loopback addresses of redirectors: one for each host, and the same one each time.

RDP clients keep saved passwords and accepted certificates by the address they connect to. With an address of
its own for each host, what was saved for one is never offered to another, and the standard port can be used
by hundreds at once. Which address is derived from tenant and host, so that it stays; two hosts that share one
are told apart by trying the next.

What is left out: systems whose loopback has one address unless told otherwise, as macOS; there the first
candidates fail, and `open_listener` ends with the address every system has, on any port.
"""

import asyncio
import errno
import hashlib
import socket
from collections.abc import Iterator

from dialback.domain.errors import Problem
from dialback.domain.ids import HostId, TenantId

RDP_PORT = 3389
CANDIDATES = 8
BACKLOG = 16
_FIRST, _LAST = 64, 250
"""The second number of our addresses: systems keep 127.0.x.y for themselves."""
_TAKEN = {errno.EADDRINUSE, errno.EADDRNOTAVAIL, errno.EACCES}


class NoListener(Problem):
    """No loopback address is free for a redirector; the message says what to do."""


def candidates_of(tenant: TenantId, host: HostId) -> Iterator[str]:
    """Return the addresses to try for a host, the first its own."""
    for attempt in range(CANDIDATES):
        seed = hashlib.sha256(f"{tenant}/{host}/{attempt}".encode()).digest()
        second = _FIRST + seed[0] % (_LAST - _FIRST)
        yield f"127.{second}.{seed[1]}.{1 + seed[2] % 254}"


def open_listener(tenant: TenantId, host: HostId, port: int = RDP_PORT) -> socket.socket:
    """Open the listener of a host's redirector: on its address, or the next that is free.

    Raises:
        NoListener: none is; what holds them is named as far as it is known.
    """
    tried = []
    places = [(address, port) for address in candidates_of(tenant, host)] + [("127.0.0.1", 0)]
    for place in places:
        try:
            return _listen(place)
        except OSError as error:
            if error.errno not in _TAKEN:
                raise
            tried.append(place[0])
    raise NoListener(
        f"no loopback address is free for {host}: {', '.join(tried)} are taken; close other connections to it"
    )


def _listen(place: tuple[str, int]) -> socket.socket:
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        listener.setblocking(False)
        listener.bind(place)
        listener.listen(BACKLOG)
    except BaseException:
        listener.close()
        raise
    return listener


async def accept(listener: socket.socket) -> socket.socket:
    """Accept the next connection. Cancel-safe: none is lost but the one being accepted."""
    connected, _ = await asyncio.get_running_loop().sock_accept(listener)
    return connected
