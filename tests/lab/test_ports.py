"""A port is given out that nobody uses, and by nobody else."""

import itertools
import os
import socket
from pathlib import Path

import pytest

from lab import ports
from lab.ports import FIRST_PORT, PORTS, free_port


@pytest.mark.parametrize("address", ["127.0.0.1", "::1"])
def test_a_free_port_can_be_listened_on(address: str) -> None:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.create_server((address, free_port(address)), family=family):
        pass


def test_none_is_given_out_twice() -> None:
    assert len({free_port() for _ in range(100)}) == 100


def test_processes_that_start_together_begin_far_apart() -> None:
    begins = sorted(pid * ports._STRIDE % PORTS for pid in range(os.getpid(), os.getpid() + 20))
    assert min(after - before for before, after in itertools.pairwise(begins)) > 400


def test_none_is_given_out_that_somebody_listens_on(monkeypatch: pytest.MonkeyPatch) -> None:
    taken = free_port()
    with socket.create_server(("127.0.0.1", taken)):
        monkeypatch.setattr(ports, "_given", itertools.count(taken - FIRST_PORT))
        assert free_port() != taken


@pytest.mark.skipif(not Path("/proc/sys/net").exists(), reason="only Linux says which ports it gives out")
def test_none_is_one_that_outgoing_connections_get() -> None:
    first = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    assert first >= FIRST_PORT + PORTS
