"""A real PostgreSQL server for tests: Debian's own programs, on loopback, gone when the tests end.

The server runs as an unprivileged user, with a random password, in a folder of its own, and without waiting
for the disk. Each test gets a database of its own. A machine without the programs skips the tests that need
them; in CI, where `CI` is set, they fail.
"""

import os
import secrets
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import pytest

from lab.ports import free_port

LACK = "PostgreSQL's programs are not installed: run tools/packages.sh test"
START_DEADLINE_S = 30
STOP_DEADLINE_S = 30
USER = "dialback"
FAST_SHUTDOWN = signal.SIGINT
"""What ends a server at once and orderly; see "Shutting Down the Server" in PostgreSQL's manual."""

_numbers = count(1)


@dataclass
class PostgresqlServer:
    """A running server: its port on loopback and the password of its one user.

    `template` names a database that is to be copied, empty at first.
    """

    programs: Path
    port: int
    password: str
    template: str = ""

    def new_database(self, template: str = "template1") -> str:
        """Make a database, empty or a copy of another, and return its URL."""
        name = f"test_{next(_numbers)}"
        self.say("postgres", f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
        return f"postgresql://{USER}:{self.password}@127.0.0.1:{self.port}/{name}"

    def drop(self, url: str) -> None:
        """Remove a database, whoever is still connected to it."""
        name = url.rpartition("/")[2]
        self.say("postgres", f'DROP DATABASE "{name}" WITH (FORCE)')

    def say(self, database: str, *statements: str) -> str:
        """Carry out statements and return what they print."""
        command = [str(self.programs / "psql"), "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1"]
        command += ["-h", "127.0.0.1", "-p", str(self.port), "-U", USER, "-d", database]
        for statement in statements:
            command += ["-c", statement]
        environment = {**os.environ, "PGPASSWORD": self.password}
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout


def programs() -> Path | None:
    """Return the folder of the newest server's programs, None if there is none."""
    if found := shutil.which("postgres"):
        return Path(found).resolve().parent
    installed = sorted(
        Path("/usr/lib/postgresql").glob("*/bin/postgres"), key=lambda path: int(path.parts[-3])
    )
    return installed[-1].parent if installed else None


def require() -> Path:
    """Return the folder of the programs; without them skip the test, or fail it in CI."""
    found = programs()
    if found is None:
        if os.environ.get("CI"):
            pytest.fail(LACK, pytrace=False)
        pytest.skip(LACK)
    return found


@contextmanager
def running() -> Iterator[PostgresqlServer]:
    """Run a server from here to the end of the block."""
    folder = Path(tempfile.mkdtemp(prefix="dialback-postgresql-"))
    try:
        server = PostgresqlServer(require(), free_port(), secrets.token_hex(16))
        _initialise(server, folder)
        process = _start(server, folder)
        try:
            _wait(server, process, folder)
            yield server
        finally:
            process.send_signal(FAST_SHUTDOWN)
            process.wait(STOP_DEADLINE_S)
    finally:
        shutil.rmtree(folder)


def _initialise(server: PostgresqlServer, folder: Path) -> None:
    password = folder / "password"
    password.write_text(server.password)
    password.chmod(0o600)
    if os.geteuid() == 0:
        for path in (folder, password):
            shutil.chown(path, "postgres", "postgres")
    command = [server.programs / "initdb", "-D", folder / "data", "-U", USER, "-A", "scram-sha-256"]
    command += ["--pwfile", password, "--locale=C.UTF-8", "--no-sync"]
    subprocess.run([*_unprivileged(), *map(str, command)], check=True, capture_output=True, cwd=folder)


def _start(server: PostgresqlServer, folder: Path) -> "subprocess.Popen[bytes]":
    command = [str(server.programs / "postgres"), "-D", str(folder / "data"), "-p", str(server.port)]
    for setting in (
        "listen_addresses=127.0.0.1",
        f"unix_socket_directories={folder}",
        "fsync=off",
        "synchronous_commit=off",
        "full_page_writes=off",
    ):
        command += ["-c", setting]
    with (folder / "log").open("wb") as log:
        return subprocess.Popen([*_unprivileged(), *command], stdout=log, stderr=log, cwd=folder)


def _wait(server: PostgresqlServer, process: "subprocess.Popen[bytes]", folder: Path) -> None:
    ready = [str(server.programs / "pg_isready"), "-q", "-h", "127.0.0.1", "-p", str(server.port)]
    deadline = time.monotonic() + START_DEADLINE_S
    while subprocess.run(ready, check=False).returncode != 0:
        if process.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError(f"PostgreSQL did not start:\n{(folder / 'log').read_text()[-2000:]}")
        time.sleep(0.02)


def _unprivileged() -> list[str]:
    """Return how to run a program as a user that PostgreSQL accepts, which root is not."""
    if os.geteuid() != 0:
        return []
    # The server dies with the tests, even if these are killed.
    return ["setpriv", "--reuid=postgres", "--regid=postgres", "--init-groups", "--pdeathsig=INT"]
