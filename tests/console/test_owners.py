import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from dialback.console.owners import is_ours, is_ours_linux, places_of, with_children

DIAL = """
import socket, sys
with socket.create_connection((sys.argv[1], int(sys.argv[2]))) as sock:
    print("dialled", flush=True)
    sys.stdin.read()
"""
SHELL = [sys.executable, "-c", "import subprocess, sys; sys.exit(subprocess.call(sys.argv[1:]))"]


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.create_server(("127.77.1.1", 0)) as opened:
        yield opened


def dialling(listener: socket.socket, *through: str) -> subprocess.Popen[str]:
    """Start a process that dials the listener, through others if they are given."""
    address, port = listener.getsockname()
    command = [*through, sys.executable, "-c", DIAL, address, str(port)]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


@pytest.mark.parametrize("through", [[], SHELL], ids=["itself", "its child"])
def test_connection_of_the_client_or_its_child_is_ours(listener: socket.socket, through: list[str]) -> None:
    with dialling(listener, *through) as client, listener.accept()[0] as connected:
        assert is_ours(*places_of(connected), client.pid)
        client.communicate()


def test_connection_of_another_process_is_not_ours(listener: socket.socket) -> None:
    with dialling(listener) as stranger, dialling(listener) as client:
        for _ in range(2):
            with listener.accept()[0] as connected:
                ours = {is_ours(*places_of(connected), process.pid) for process in (stranger, client)}
                assert ours == {True, False}
        stranger.communicate()
        client.communicate()


def test_connection_that_is_gone_is_nobodys(listener: socket.socket) -> None:
    assert not is_ours(("127.0.0.1", 1), listener.getsockname(), os.getpid())


def test_system_that_cannot_be_asked_lets_nobody_in(tmp_path: Path) -> None:
    assert not is_ours_linux(("127.0.0.1", 1), ("127.0.0.1", 2), os.getpid(), tmp_path)


def test_processes_are_found_with_what_they_started(tmp_path: Path) -> None:
    for process, parent in {7: 1, 8: 7, 9: 8, 10: 1}.items():
        (tmp_path / str(process)).mkdir()
        (tmp_path / str(process) / "status").write_text(f"Name:\tx\nPPid:\t{parent}\n")
    (tmp_path / "11").mkdir()

    assert list(with_children(tmp_path, 7)) == [7, 8, 9]
