"""A namespace drops what comes from outside and lets through what starts inside."""

import socket
import sys
from ipaddress import IPv4Network
from pathlib import Path

import pytest

from lab.listening import Listener, in_namespace_of
from lab.netns import BLOCK, NETWORKS, Namespace, free_network
from lab.process import PATIENCE_S, run

SERVER = """\
import socket, time
listener = socket.create_server(("0.0.0.0", 3389))
print("ready", flush=True)
time.sleep(60)
"""

CLIENT = """\
import socket, sys
with socket.create_connection((sys.argv[1], int(sys.argv[2])), 5) as peer:
    peer.sendall(b"from inside")
"""


def test_the_first_network_is_chosen_when_none_is_taken() -> None:
    assert free_network("1: lo inet 127.0.0.1/8 scope host") == IPv4Network("198.18.0.0/30")


def test_a_taken_network_is_passed_over() -> None:
    assert free_network("7: veth inet 198.18.0.1/30 scope global") == IPv4Network("198.18.0.4/30")


def test_the_choice_begins_where_it_is_told_and_goes_on_at_the_front() -> None:
    last = NETWORKS - 1
    assert free_network("", last) == [*BLOCK.subnets(new_prefix=30)][-1]
    assert free_network("7: veth inet 198.19.255.253/30 scope global", last) == IPv4Network("198.18.0.0/30")


@pytest.mark.interop
def test_firewall_drops_inbound_and_lets_outbound_through(tmp_path: Path) -> None:
    with Namespace(tmp_path) as namespace:
        server = namespace.launch("server", [sys.executable, "-c", SERVER])
        server.wait_until(lambda: "ready" in server.log_tail(), "greeting")
        assert Listener("tcp", "0.0.0.0:3389") in in_namespace_of(server.pid)
        with pytest.raises(TimeoutError):
            socket.create_connection((namespace.inside, 3389), 1.5)
        with socket.create_server((namespace.outside, 0)) as listener:
            listener.settimeout(PATIENCE_S)
            port = str(listener.getsockname()[1])
            namespace.run([sys.executable, "-c", CLIENT, namespace.outside, port])
            peer, (address, _) = listener.accept()
            with peer:
                assert peer.recv(100) == b"from inside"
        assert address == namespace.inside
        name = namespace.name
    assert name not in run(["ip", "netns", "list"])
    assert name not in run(["ip", "link"])
