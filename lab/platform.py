"""The product itself as real programs: `dialback serve`, and `dialback agent` on a host.

Both are started, asked and changed through their command lines alone, as an administrator does it. The agent
runs as an ordinary user in the group xrdp, which may open the socket of an `XrdpHost`. Where a program runs
(a namespace, a machine that knows other names) is said by a function that wraps its command. Needs root for
agents.
"""

import json
import os
import re
import shutil
import signal
import sys
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from lab.place import Command, Place, here
from lab.ports import free_port
from lab.process import PATIENCE_S, Failed, Process, run, tail, wait_for

COMMAND = Path(sys.executable).with_name("dialback")
POLL_S = 0.2
"""A command of the administrator's costs half a second of processor time, so it is not asked more often."""
LINK = re.compile(r"^https://\S+/invitation/\S+$", re.MULTILINE)
AGENT_USER = "nobody"
AGENT_GROUP = "xrdp"


class Platform:
    """One server with a data folder of its own; `address` is `name:port` as clients and agents reach it."""

    def __init__(self, folder: Path, *, name: str = "localhost", listen: str = "127.0.0.1") -> None:
        """Keep data and log in `folder`, which exists; the server is called `name` and is at `listen`."""
        self.data = folder / "data"
        self.ca = self.data / "ca.pem"
        self.log = folder / "serve.log"
        self._port = free_port(listen)
        self._listen = listen
        self.address = f"{name}:{self._port}"
        self._process: Process | None = None

    def start(self) -> Self:
        """Start the server; return when its port is open."""
        before = self.log.stat().st_size if self.log.exists() else 0
        listen = f"{self._listen}:{self._port}"
        words: Command = ["serve", "--data", self.data, "--listen", listen, "--address", self.address]
        self._process = Process.start("server", [COMMAND, *words], self.log)
        try:
            self._process.wait_until(lambda: b"listening" in self.log.read_bytes()[before:], "open port")
        except BaseException:
            self._process.stop()
            raise
        return self

    def stop(self) -> None:
        """Ask the server to stop (SIGTERM) and wait; raise `Failed` if it does not do so by itself."""
        if self._process is None or self._process.returncode is not None:
            return
        os.kill(self._process.pid, signal.SIGTERM)
        try:
            code = self._process.wait()
        finally:
            self._process.stop()
        if code != 0:
            raise Failed(f"server: expected exit status 0, got {code}\n{self._process.log_tail()}")

    def run(self, *words: str | Path, status: int = 0) -> str:
        """Run a command of the administrator's, which ends with `status`, and return what it printed."""
        return run([COMMAND, *words, "--data", self.data], status=status)

    def first_link(self, timeout_s: float = PATIENCE_S) -> str:
        """Wait for the one-time link by which somebody becomes the first administrator, and return it."""
        found: list[str] = []

        def printed() -> bool:
            found[:] = LINK.findall(self.log.read_text())
            return bool(found)

        if not wait_for(printed, timeout_s):
            raise Failed(f"expected a link for the first administrator, got none\n{tail(self.log)}")
        return found[-1]

    def hosts(self) -> list[dict[str, Any]]:
        """Return the session hosts."""
        found: list[dict[str, Any]] = json.loads(self.run("host", "list", "--json"))
        return found

    def link_up(self, host: str) -> bool:
        """Say whether the agent link of the host called so stands."""
        return any(each["link_up"] for each in self.hosts() if each["name"] == host)

    def wait_for_link(self, host: str, *, up: bool = True, timeout_s: float = PATIENCE_S) -> None:
        """Wait until the agent link of `host` is up, or down; raise `Failed` when it does not happen."""
        if not wait_for(lambda: self.link_up(host) is up, timeout_s, POLL_S):
            raise Failed(f"expected the link of {host} {'up' if up else 'down'} within {timeout_s} s")

    def wait_for_report(self, host: str, timeout_s: float = PATIENCE_S) -> dict[str, str]:
        """Wait until the agent of `host` has seen its RDP server answer; return what it reported."""
        found: list[dict[str, str]] = []

        def reported() -> bool:
            reports = [each["report"] for each in self.hosts() if each["name"] == host and each["link_up"]]
            found[:] = [server for report in reports for server in report["rdp_servers"] if server["answers"]]
            return bool(found)

        if not wait_for(reported, timeout_s, POLL_S):
            raise Failed(f"expected a report of host {host} within {timeout_s} s, got none")
        return found[0]

    def connections(self) -> list[dict[str, Any]]:
        """Return the newest connections, newest first."""
        found: list[dict[str, Any]] = json.loads(self.run("connection", "list", "--limit", "50", "--json"))
        return found

    def connection_file(self, resource: str, user: str, path: Path, *, minutes: float = 10) -> Path:
        """Make a connection file at `path` and return it."""
        self.run("connect-file", resource, "--user", user, "--out", path, "--minutes", str(minutes))
        return path

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


class HostAgent:
    """The agent of one session host; `place` is where it runs."""

    def __init__(
        self,
        platform: Platform,
        folder: Path,
        host: str,
        target: str,
        place: Place = here,
        *,
        pool: str | None = None,
        tenant: str | None = None,
        settings: str = "",
    ) -> None:
        """Plan the agent of `host`, which may dial `target`; its log goes to `folder`, which exists.

        The host joins `pool`, or else gets a pool of its own; it is of `tenant`, or else of the first one.
        `settings` are TOML tables that stand in the agent's settings beside its target.
        """
        self.host = host
        self.target = target
        self.log = folder / f"{host}.agent.log"
        self._platform = platform
        self._place = place
        self._pool = pool
        self._tenant = tenant
        self._settings = settings
        # Not below `folder`, which the agent's user may not enter.
        self._state = Path(tempfile.mkdtemp(prefix=f"dialback-{host}-agent-"))
        shutil.chown(self._state, AGENT_USER)
        self._process: Process | None = None

    def join(self) -> None:
        """Enrol the host with a new join code."""
        pool = ["--pool", self._pool] if self._pool else []
        tenant = ["--tenant", self._tenant] if self._tenant else []
        code = self._platform.run("host", "code", self.host, *pool, *tenant).strip()
        run(self._command("join", code, "--target", self.target))
        if self._settings:
            file = self._state / "agent" / "agent.toml"
            file.write_text(f"targets = [{json.dumps(self.target)}]\n\n{self._settings}")

    def ask(self, word: str, *words: str) -> str:
        """Run a command of `dialback agent` on the host, and return what it printed."""
        return run(self._command(word, *words))

    def start(self, program: Command = (COMMAND,)) -> Self:
        """Start the agent, anew if there was one; return at once. `program` is one of another build."""
        self.stop()
        command = self._command("run", program=program)
        self._process = Process.start(f"agent {self.host}", command, self.log)
        return self

    @property
    def pid(self) -> int:
        if self._process is None:
            raise Failed(f"{self.host}: expected a started agent")
        return self._process.pid

    def signal(self, number: signal.Signals) -> None:
        """Send the agent a signal."""
        os.kill(self.pid, number)

    def wait_ended(self, timeout_s: float = PATIENCE_S) -> int:
        """Wait until the agent has ended and return its exit status; negative for a signal."""
        if self._process is None:
            raise Failed(f"{self.host}: expected a started agent")
        return self._process.wait(timeout_s)

    def stop(self) -> None:
        """End the agent; harmless when it has ended already."""
        if self._process is not None:
            self._process.stop()

    def _command(self, word: str, *words: str, program: Command = (COMMAND,)) -> Command:
        ordinary: Command = ["setpriv", "--reuid", AGENT_USER, "--regid", AGENT_GROUP, "--clear-groups", "--"]
        folder: Command = ["--folder", self._state / "agent"]
        return self._place([*ordinary, *program, "agent", word, *words, *folder])

    def __enter__(self) -> Self:
        try:
            self.join()
        except BaseException:
            shutil.rmtree(self._state)
            raise
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
        shutil.rmtree(self._state)
