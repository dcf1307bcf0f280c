"""The programs the demonstration starts: the server and the agent, through their command lines alone."""

import json
import os
import pwd
import shutil
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from lab.process import Failed, Process, run, wait_for

AGENT_USER = "nobody"
FIRST_PORT = 8443


class Platform:
    """`dialback serve` on loopback, and the commands an administrator runs beside it."""

    def __init__(self, state: Path) -> None:
        self.command = Path(sys.executable).with_name("dialback")
        self.data = state / "data"
        self.address = f"localhost:{_free_port(FIRST_PORT)}"
        self.ca = self.data / "ca.pem"
        self._log = state / "serve.log"
        self._process: Process | None = None

    def run(self, *words: str) -> str:
        """Run a command of the administrator's and return what it printed."""
        return run([self.command, *words, "--data", self.data])

    def wait_for_host(self, name: str) -> dict[str, str]:
        """Wait until the host's agent has reported its RDP server; return the report."""
        found: list[dict[str, str]] = []

        def reported() -> bool:
            hosts = json.loads(self.run("host", "list", "--json"))
            reports = [host["report"] for host in hosts if host["name"] == name and host["link_up"]]
            found[:] = [server for report in reports for server in report["rdp_servers"] if server["answers"]]
            return bool(found)

        if not wait_for(reported, 15, 0.2):
            raise Failed(f"expected a report of host {name}, got none within 15 s")
        return found[0]

    def newest_connection(self) -> dict[str, Any]:
        """Return the record of the newest connection."""
        records: list[dict[str, Any]] = json.loads(self.run("connection", "list", "--limit", "1", "--json"))
        return records[0]

    def __enter__(self) -> Self:
        port = self.address.rpartition(":")[2]
        words: list[str | Path] = [
            "serve",
            "--data",
            self.data,
            "--listen",
            f"127.0.0.1:{port}",
            "--address",
            self.address,
        ]
        self._process = Process.start("server", [self.command, *words], self._log)
        try:
            self._process.wait_until(lambda: "listening" in self._log.read_text(), 15, "open port")
        except BaseException:
            self._process.stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process is not None:
            self._process.stop()


@dataclass(frozen=True)
class Agent:
    """A running host agent."""

    process: Process

    @property
    def user(self) -> str:
        """Whose rights it has now: it starts as root and gives them up before it does anything."""
        return pwd.getpwuid(Path(f"/proc/{self.process.pid}").stat().st_uid).pw_name


@contextmanager
def start_agent(state: Path, code: str, target: str) -> Iterator[Agent]:
    """Enrol and run an agent as an ordinary user who may open the host's socket."""
    command = Path(sys.executable).with_name("dialback")
    folder = Path("/var/tmp") / f"dialback-demo-agent-{os.getpid()}"
    folder.mkdir(mode=0o700)
    shutil.chown(folder, AGENT_USER)
    ordinary: list[str | Path] = ["setpriv", "--reuid", AGENT_USER, "--regid", "xrdp", "--clear-groups", "--"]
    try:
        run([*ordinary, command, "agent", "join", code, "--folder", folder / "agent", "--target", target])
        words: list[str | Path] = ["agent", "run", "--folder", folder / "agent"]
        with Process.start("agent", [*ordinary, command, *words], state / "agent.log") as process:
            yield Agent(process)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _free_port(first: int) -> int:
    """Return the first free TCP port of loopback from `first` on."""
    for port in range(first, first + 100):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise Failed(f"expected a free port from {first} on, got none in 100")
