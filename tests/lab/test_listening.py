"""Listening sockets are read from /proc, of one process and its descendants."""

import os
import socket
import sys
from pathlib import Path

from lab.listening import Listener, descendants, listening, network_of, parse_internet, parse_unix
from lab.process import Process

TCP = """\
  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt uid timeout inode
   0: 0100007F:0D3D 00000000:0000 0A 00000000:00000000 00:00000000 00000000 1000 0 4711 1 0 100
   1: 0100007F:0D3D 0100007F:C001 01 00000000:00000000 00:00000000 00000000 1000 0 4712 1 0 100
"""
TCP6 = """\
  sl  local_address                         remote_address                        st
   0: 00000000000000000000000001000000:0D16 00000000000000000000000000000000:0000 0A 0:0 0:0 0 0 0 99 1
"""
UNIX = """\
Num       RefCount Protocol Flags    Type St Inode Path
0000000000000000: 00000002 00000000 00010000 0001 01 21 /run/host socket
0000000000000000: 00000003 00000000 00000000 0001 03 22 /run/connected
0000000000000000: 00000003 00000000 00010000 0001 01 23
"""


SERVER = """\
import socket, time
listener = socket.create_server(("127.0.0.1", 0))
print("ready", flush=True)
time.sleep(60)
"""


def test_only_listening_tcp_sockets_are_found() -> None:
    assert parse_internet("tcp", TCP) == {"4711": Listener("tcp", "127.0.0.1:3389")}


def test_ipv6_addresses_stand_in_brackets() -> None:
    assert parse_internet("tcp6", TCP6) == {"99": Listener("tcp", "[::1]:3350")}


def test_only_unix_sockets_that_accept_and_have_a_name_are_found() -> None:
    assert parse_unix(UNIX) == {"21": Listener("unix", "/run/host socket")}


def test_own_sockets_are_found_until_they_are_closed() -> None:
    with socket.socket() as tcp, socket.socket(type=socket.SOCK_DGRAM) as udp:
        tcp.bind(("127.0.0.1", 0))
        tcp.listen()
        udp.bind(("127.0.0.1", 0))
        expected = {Listener("tcp", name(tcp)), Listener("udp", name(udp))}
        assert expected <= set(listening(os.getpid()))
    assert not expected & set(listening(os.getpid()))


def name(one: socket.socket) -> str:
    host, port = one.getsockname()
    return f"{host}:{port}"


def test_sockets_of_grandchildren_are_found(tmp_path: Path) -> None:
    command = ["sh", "-c", '"$0" -c "$1"; true', sys.executable, SERVER]
    with Process.start("server", command, tmp_path / "log") as process:
        process.wait_until(lambda: "ready" in process.log_tail(), "greeting")
        assert len(descendants(process.pid)) == 1
        assert [one.kind for one in listening(process.pid)] == ["tcp"]


def test_a_child_shares_the_network_of_its_parent(tmp_path: Path) -> None:
    with Process.start("sleep", ["sleep", "60"], tmp_path / "log") as process:
        assert network_of(process.pid) == network_of(os.getpid())


def test_an_ended_process_listens_on_nothing(tmp_path: Path) -> None:
    with Process.start("true", ["true"], tmp_path / "log") as process:
        process.wait()
        assert listening(process.pid) == []
