"""Ports to listen on, for programs that have to be told one before they start.

They lie below those that the kernel gives to outgoing connections, one of which would else take the port
between the look and the start. Each process begins elsewhere and gives out none twice until all were.
"""

import itertools
import os
import socket

from lab.process import Failed

FIRST_PORT = 20000
PORTS = 12000
_STRIDE = 7417
"""The golden section of all ports: processes with ids in a row begin hundreds of ports apart, however many.

Two that came to the same place at the same time would be given one port, before either listens on it.
"""
_given = itertools.count(os.getpid() * _STRIDE)


def free_port(address: str = "127.0.0.1") -> int:
    """Return a TCP port of `address` that nobody uses now."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    for port in (FIRST_PORT + next(_given) % PORTS for _ in range(PORTS)):
        with socket.socket(family) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((address, port))
            except OSError:
                continue
            return port
    raise Failed(f"expected a free port of {address}, got none")
