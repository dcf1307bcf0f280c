import asyncio
import os
import signal
import socket
import sqlite3
from pathlib import Path

import pytest

from dialback.app.lock import AlreadyServing
from dialback.app.run import serve
from dialback.app.settings import DATABASE_NAME, ServerSettings, Settings
from dialback.domain.accounts import Origin
from dialback.domain.contracts import StoreUnavailable
from dialback.domain.secret import Secret
from dialback.domain.tenancy import MAIN
from dialback.identity.authenticator import Authenticator
from dialback.identity.certificates import CertificateProblem
from dialback.identity.settings import SignInSettings
from dialback.store.open import open_store
from dialback.transport.listen import PortTaken
from dialback.transport.tls import client_context
from lab.ports import free_port
from tests.broker.stores import record
from tests.transport.ending import settle

DEADLINE_S = 15


@pytest.fixture
def port() -> int:
    """A port of loopback that is free."""
    return free_port()


def settings(port: int) -> Settings:
    return Settings(ServerSettings(f"127.0.0.1:{port}", f"127.0.0.1:{port}"))


async def _ask(folder: Path, port: int, path: str) -> bytes:
    context = client_context((folder / "ca.pem").read_text())
    reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context)
    writer.write(f"GET {path} HTTP/1.1\r\nHost: gw\r\nConnection: close\r\n\r\n".encode())
    answer = await reader.read()
    writer.close()
    await writer.wait_closed()
    return answer


async def _run(folder: Path, port: int, ready: asyncio.Event, stop: asyncio.Event | None) -> None:
    async with asyncio.timeout(DEADLINE_S):
        await serve(folder, settings(port), ready.set, stop)


async def test_server_answers_until_it_is_told_to_stop(tmp_path: Path, port: int) -> None:
    ready, stop = asyncio.Event(), asyncio.Event()
    serving = asyncio.create_task(_run(tmp_path, port, ready, stop))
    await ready.wait()

    answer = await _ask(tmp_path, port, "/health")
    stop.set()
    await serving

    assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
    assert b"\r\nserver:" not in answer.lower()
    with pytest.raises(OSError, match=r"refused|Connect call failed"):
        await asyncio.open_connection("127.0.0.1", port)


async def test_server_counts_the_days_of_who_signs_its_files(tmp_path: Path, port: int) -> None:
    ready, stop = asyncio.Event(), asyncio.Event()
    serving = asyncio.create_task(_run(tmp_path, port, ready, stop))
    await ready.wait()
    async with asyncio.timeout(DEADLINE_S):
        while b"\ndialback_publisher_days_left 18" not in await _ask(tmp_path, port, "/metrics"):
            await asyncio.sleep(0.05)
    stop.set()
    await serving


async def test_first_administrator_is_welcome_until_there_is_one(tmp_path: Path, port: int) -> None:
    links: list[str] = []
    for _ in range(2):
        stop = asyncio.Event()
        async with asyncio.timeout(DEADLINE_S):
            await serve(tmp_path, settings(port), stop.set, stop, links.append)
    assert [link.rpartition("/")[0] for link in links] == [f"https://127.0.0.1:{port}/invitation"] * 2
    store = await open_store(f"sqlite:///{tmp_path / DATABASE_NAME}")
    authenticator = Authenticator(store.accounts, store.directory, SignInSettings())
    link = Secret(links[1].rpartition("/")[2])
    await authenticator.accept(link, Secret("a long enough passphrase"), Origin("192.0.2.1"))
    await store.close()

    stop = asyncio.Event()
    async with asyncio.timeout(DEADLINE_S):
        await serve(tmp_path, settings(port), stop.set, stop, links.append)

    assert len(links) == 2


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_server_stops_by_signal(tmp_path: Path, port: int, number: signal.Signals) -> None:
    ready = asyncio.Event()
    serving = asyncio.create_task(_run(tmp_path, port, ready, None))
    await ready.wait()

    os.kill(os.getpid(), number)

    await serving


async def test_second_server_on_a_folder_leaves_the_first_ones_records_alone(
    tmp_path: Path, port: int
) -> None:
    ready, stop = asyncio.Event(), asyncio.Event()
    serving = asyncio.create_task(_run(tmp_path, port, ready, stop))
    await ready.wait()
    store = await open_store(f"sqlite:///{tmp_path / DATABASE_NAME}")
    await store.save_connection(record(1))

    with pytest.raises(AlreadyServing):
        await serve(tmp_path, settings(port))

    assert (await store.connections(MAIN))[0].reason is None
    await store.close()
    stop.set()
    await serving


async def test_port_that_is_taken_is_named(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(PortTaken, match="cannot be opened"):
            await serve(tmp_path, settings(taken.getsockname()[1]))


async def test_address_of_another_machine_is_named(tmp_path: Path, port: int) -> None:
    with pytest.raises(PortTaken, match=r"192\.0\.2\.1"):
        await serve(tmp_path, Settings(ServerSettings(f"192.0.2.1:{port}", "gw:443")))


async def test_folder_that_is_not_there_is_named(tmp_path: Path, port: int) -> None:
    with pytest.raises(CertificateProblem, match="none"):
        await serve(tmp_path / "none", settings(port))


async def test_damaged_database_is_named(tmp_path: Path, port: int) -> None:
    (tmp_path / DATABASE_NAME).write_bytes(b"no database" * 100)

    with pytest.raises(StoreUnavailable, match="not a database"):
        await serve(tmp_path, settings(port))


async def test_database_of_a_newer_version_is_named(tmp_path: Path, port: int) -> None:
    with sqlite3.connect(tmp_path / DATABASE_NAME) as database:
        database.execute("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL)")
        database.execute("INSERT INTO alembic_version VALUES ('9999')")
    database.close()

    with pytest.raises(StoreUnavailable, match="newer version"):
        await serve(tmp_path, settings(port))


async def test_database_another_process_holds_is_named(
    tmp_path: Path, port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dialback.store.open.BUSY_TIMEOUT_MS", 10)
    other = sqlite3.connect(tmp_path / DATABASE_NAME, isolation_level=None)
    other.execute("PRAGMA journal_mode = WAL")
    other.execute("BEGIN IMMEDIATE")

    with pytest.raises(StoreUnavailable, match="another process holds the database"):
        await serve(tmp_path, settings(port))

    other.close()


async def test_connection_to_the_web_does_not_hold_up_the_stop(tmp_path: Path, port: int) -> None:
    ready, stop = asyncio.Event(), asyncio.Event()
    serving = asyncio.create_task(_run(tmp_path, port, ready, stop))
    await ready.wait()
    context = client_context((tmp_path / "ca.pem").read_text())
    reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context)
    writer.write(b"GET /health HTTP/1.1\r\nHost: gw\r\n\r\n")
    assert (await reader.read(12)) == b"HTTP/1.1 200"

    stop.set()
    await serving

    writer.transport.abort()
    await settle()
