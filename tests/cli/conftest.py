"""What the command line's tests share: a data folder with a host, and a way to run commands."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import structlog
from typer.testing import CliRunner, Result

from dialback.app.settings import DATABASE_NAME, load_settings, store_url, write_first_settings
from dialback.cli.main import make_app
from dialback.domain.errors import Reason
from dialback.domain.hosts import HostReport, JoinCode, RdpServer
from dialback.domain.ids import TenantId
from dialback.domain.sessions import Stage, Totals
from dialback.domain.tenancy import Tenant
from dialback.identity.tokens import hash_token
from dialback.observe.log import configure_logging
from dialback.store.open import open_store
from dialback.store.sql import SqlStore
from lab.ports import free_port
from tests.broker.stores import HOST, NOW, RECORD, RESOURCE, TOKEN, USER, publish
from tests.cli.remote import Served, served
from tests.databases import make_sqlite

HOSTILE = "\x1b[2J\u202e\u200f[bold]:ab:\n"
"""A terminal escape, direction marks, markup, an emoji's code, a line break."""


class Terminal:
    """Runs commands on a data folder; `sent` is what both streams showed."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def run(self, *words: str | Path) -> Result:
        texts = [str(word) for word in words]
        return CliRunner(env={"COLUMNS": "300", "NO_COLOR": "1"}).invoke(make_app(texts), texts)

    def data(self, *words: str | Path) -> Result:
        """Run a command on the data folder."""
        return self.run(*words, "--data", self.folder)

    def good(self, *words: str | Path) -> str:
        """Run a command that must succeed; return what it printed."""
        result = self.data(*words)
        assert result.exit_code == 0, result.output
        return result.stdout

    def json(self, *words: str | Path) -> Any:
        return json.loads(self.good(*words, "--json"))

    def bad(self, *words: str | Path) -> str:
        """Run a command that must fail with one sentence; return it."""
        return sentence(self.data(*words))

    def tenant(self, id: str) -> None:
        """Make a tenant."""
        self.store(lambda store: store.directory.save_tenant(Tenant(TenantId(id), id)))

    def store(self, work: Callable[[SqlStore], Awaitable[Any]]) -> Any:
        """Do something to the store, as a server would."""

        async def opened() -> Any:
            store = await open_store(store_url(self.folder, load_settings(self.folder)))
            try:
                return await work(store)
            finally:
                await store.close()

        return asyncio.run(opened())


def sentence(result: Result) -> str:
    """Return the one sentence of a command that failed: status 1, one line on stderr, no traceback."""
    assert result.exit_code == 1, result.output
    assert result.exception is None or isinstance(result.exception, SystemExit)
    lines = result.stderr.splitlines()
    assert len(lines) == 1, lines
    assert lines[0].startswith("error: ")
    assert "Traceback" not in result.output
    return lines[0].removeprefix("error: ")


@pytest.fixture(autouse=True)
def _logging_as_before() -> Iterator[None]:
    """Undo what a command sets up for its process."""
    yield
    structlog.reset_defaults()


@pytest.fixture
def port() -> int:
    return free_port()


@pytest.fixture
def terminal(tmp_path: Path, port: int, monkeypatch: pytest.MonkeyPatch) -> Terminal:
    """A data folder in which a server was started once, and nothing else."""
    for name in ("https_proxy", "HTTPS_PROXY", "DIALBACK_DATA", "DIALBACK_AGENT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "data"
    folder.mkdir()
    write_first_settings(folder, f"127.0.0.1:{port}", f"127.0.0.1:{port}")
    make_sqlite(folder / DATABASE_NAME)
    return Terminal(folder)


@pytest.fixture
def filled(terminal: Terminal) -> Terminal:
    """The same with a host whose agent is hostile, its resource, and an open and a refused connection."""

    async def fill(store: SqlStore) -> None:
        code = JoinCode(hash_token("code"), HOST.name, NOW + timedelta(hours=1))
        await store.save_join_code(code)
        await store.enrol_host(code.hash, HOST, NOW)
        server = RdpServer(RESOURCE.target, True, "tls", "TLSv1.3", "ab" * 32)
        report = HostReport(HOSTILE, HOSTILE, HOSTILE, (server, RdpServer("x", False, problem=HOSTILE)))
        await store.save_report(HOST.id, report, NOW)
        await store.set_link(HOST.id, True, NOW)
        await publish(store.directory)
        await store.save_token(TOKEN)
        opened = replace(RECORD, user=USER, resource=RESOURCE.name, host_id=HOST.id, client_name=HOSTILE)
        await store.save_connection(opened)
        refused = replace(
            opened,
            id=RECORD.id + "-refused",
            opened_at=NOW + timedelta(seconds=1),
            client_address="2001:db8:ab:cd::1",
            ended_at=NOW + timedelta(seconds=2),
            reason=Reason.AGENT_REFUSED,
            detail=HOSTILE,
            totals=Totals(1, 2),
            timeline={Stage.TLS: 1.5, Stage.END: 2.5},
        )
        await store.save_connection(refused)

    terminal.store(fill)
    return terminal


def assert_harmless(output: str) -> None:
    """Check that what a peer said cannot steer a terminal, turn text around, or forge a line."""
    assert not any(mark in output for mark in ("\x1b", "\u202e", "\u200f", "🆎", "💿"))
    assert "[bold]" in output


@pytest.fixture
def remote(terminal: Terminal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Served]:
    """A server with the API over the terminal's data folder, and a home without a login."""
    for name in ("DIALBACK_SERVER", "DIALBACK_TOKEN", "DIALBACK_CA"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    # Server and commands share a process: what the one logs must not stand in what the others print.
    configure_logging(level="error")
    with served(terminal.folder) as server:
        yield server
