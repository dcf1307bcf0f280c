"""A host in a network of its own, whose firewall drops everything that comes from outside.

Server, host and client each know the gateway by one name. Inside the host's network that name is the only way
out there is: the link to the server's machine.
"""

import socket
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from lab.freerdp import Version
from lab.listening import in_namespace_of, listening
from lab.netns import Namespace
from lab.place import knowing
from lab.platform import Platform
from lab.xrdp_host import XrdpHost
from tests.interop.records import assert_whole_life
from tests.interop.stage import PREFIX, Login, Stage, desktop_through

pytestmark = pytest.mark.interop

GATEWAY = "gateway.lab.test"
RDP_PORT = 3389
DROPPED_S = 1.5
"""How long a dropped connection is tried; a closed port answers within a millisecond."""
CONNECT = "import socket, sys; socket.create_connection((sys.argv[1], int(sys.argv[2])), 5).close()"


@pytest.fixture
def network(people: None, tmp_path: Path) -> Iterator[Namespace]:
    with Namespace(tmp_path, PREFIX) as namespace:
        yield namespace


@pytest.fixture
def stage_outside(network: Namespace, tmp_path: Path) -> Iterator[Stage]:
    """A stage whose platform is at the outer end of the host's network."""
    stage = Stage(tmp_path, Platform(tmp_path, name=GATEWAY, listen=network.outside).start())
    try:
        yield stage
    finally:
        stage.close()


def ports_of(host: XrdpHost) -> set[int]:
    """Return the TCP ports that anything in the host's network listens on."""
    return {int(one.address.rpartition(":")[2]) for one in in_namespace_of(host.pid) if one.kind == "tcp"}


def assert_dropped(address: str, ports: set[int]) -> None:
    """Check that connections to the ports get no answer at all, tried all at once."""
    with ThreadPoolExecutor(len(ports)) as pool:
        assert set(pool.map(lambda port: answer_of(address, port), ports)) == {"none"}


def answer_of(address: str, port: int) -> str:
    try:
        socket.create_connection((address, port), DROPPED_S).close()
    except TimeoutError:
        return "none"
    except OSError as error:
        return str(error)
    return "open"


@pytest.mark.parametrize("version", [2, 3])
def test_desktop_is_seen_though_the_firewall_drops_all_that_comes_in(
    network: Namespace, stage_outside: Stage, anna: Login, tmp_path: Path, version: Version
) -> None:
    stage = stage_outside
    hosts = tmp_path / "hosts"
    hosts.write_text(f"127.0.0.1 localhost\n{network.outside} {GATEWAY}\n")
    certificate = stage.authority.issue("inside.lab.test")
    everywhere = ("0.0.0.0", RDP_PORT)
    with XrdpHost(tmp_path, f"{PREFIX}in", certificate, address=everywhere, namespace=network) as host:
        published = stage.publish(
            "inside", host, f"127.0.0.1:{RDP_PORT}", anna.user, place=knowing(hosts, network.command)
        )
        assert RDP_PORT in ports_of(host)
        # It would be reached, if the firewall let anybody in.
        network.run([sys.executable, "-c", CONNECT, network.inside, str(RDP_PORT)])
        assert_dropped(network.inside, ports_of(host) | {22, 443, 8443})
        assert listening(published.agent.pid) == []
        watch = stage.watch()
        with desktop_through(stage, published, anna, version, place=knowing(hosts)) as desktop:
            desktop.types(anna.home)
            assert_dropped(network.inside, {RDP_PORT})
        assert_whole_life(watch.ended(), "tsgu-websocket", anna.user, "inside")
        published.agent.stop()
