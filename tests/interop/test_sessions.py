"""Broker truth on real parts: sessions of a real xrdp as its agent lists them, and a way back that is cut.

The server runs in this process, in a thread of its own, so that the tests can give its links orders and read
its directory; agents, hosts and clients are programs of their own. An agent that is to see one host and no
other runs among that host's processes.
"""

import asyncio
import re
import threading
import time
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any, Self, TypeVar

import pytest

from dialback.app import run as app_run
from dialback.app.build import Node
from dialback.app.settings import load_settings, write_first_settings
from dialback.domain.errors import Reason, Refused
from dialback.domain.health import Check
from dialback.domain.ids import HostId
from dialback.domain.orders import SessionAction
from dialback.domain.sessions import Session
from dialback.domain.tenancy import MAIN
from dialback.store.open import open_store
from lab.accounts import Account
from lab.listening import descendants, name_of
from lab.place import Command, Place
from lab.platform import Platform
from lab.ports import free_port
from lab.process import PATIENCE_S, Failed, wait_for
from lab.xrdp_host import XrdpHost
from tests.interop.stage import Login, Published, Stage, desktop_through, login_of, seat

pytestmark = pytest.mark.interop

NAME = "truth-desk"
OUT_S = 10.0
"""How soon a host that cannot dial back is to be out of rotation."""
T = TypeVar("T")


class InnerPlatform(Platform):
    """A platform whose server runs in this process; `node` is its inside."""

    def start(self) -> Self:
        self.data.mkdir()
        self.log.touch()
        write_first_settings(self.data, f"127.0.0.1:{self._port}", self.address)
        self._started = threading.Event()
        self._failed: list[BaseException] = []
        self._thread = threading.Thread(target=self._run, name="server")
        self._thread.start()
        if not self._started.wait(PATIENCE_S) or self._failed:
            raise Failed(f"expected a server, got {self._failed}")
        return self

    def _run(self) -> None:
        try:
            asyncio.run(self._serve())
        except BaseException as error:
            self._failed.append(error)
            self._started.set()

    async def _serve(self) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        await app_run.serve(self.data, load_settings(self.data), self._started.set, self._stop)

    def stop(self) -> None:
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._stop.set)
            self._thread.join(20)
        if self._failed:
            raise Failed(f"server: {self._failed}")

    def call(self, work: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine in the server's loop."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(30)


class Truth:
    """What the directory says of the one host, and orders to its sessions."""

    def __init__(self, platform: InnerPlatform, node: Node) -> None:
        self._platform = platform
        self._node = node

    @property
    def host(self) -> HostId:
        (bird,) = self._node.links.birds()
        return bird.host_id

    async def _sessions(self) -> list[Session]:
        store = await open_store(f"sqlite:///{self._platform.data}/dialback.sqlite")
        try:
            return [*await store.directory.sessions(MAIN)]
        finally:
            await store.close()

    def sessions(self) -> list[tuple[str, str]]:
        """Return user and state of every session in the directory."""
        return [(each.user, each.state.value) for each in asyncio.run(self._sessions())]

    def wait_for(self, *expected: tuple[str, str]) -> None:
        """Wait until these are the sessions in the directory."""
        if not wait_for(lambda: self.sessions() == [*expected], poll_s=0.2):
            raise Failed(f"expected {expected}, got {self.sessions()}")

    def order(self, action: SessionAction, text: str = "") -> None:
        """Have something done to the one session."""
        (session,) = asyncio.run(self._sessions())
        self._platform.call(self._node.links.order(session, action, text))

    def fails(self, check: Check) -> bool:
        """Say whether the server counts a host that fails the check."""
        return self._node.metrics.value("dialback_hosts_failing", check=check.value) == 1


@pytest.fixture
def cleo(machine: None) -> Iterator[Login]:
    with Account("truthcleo") as account:
        yield login_of(account)


@pytest.fixture
def stage(cleo: Login, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
    nodes: list[Node] = []

    def build(*args: Any, **kwargs: Any) -> Node:
        nodes.append(real(*args, **kwargs))
        return nodes[-1]

    real = app_run.build_node
    monkeypatch.setattr(app_run, "build_node", build)
    platform = InnerPlatform(tmp_path)
    stage = Stage(tmp_path, platform.start())
    stage.truth = Truth(platform, nodes[0])  # type: ignore[attr-defined]
    try:
        yield stage
    finally:
        stage.close()


@pytest.fixture
def truth(stage: Stage) -> Truth:
    found: Truth = stage.truth  # type: ignore[attr-defined]
    return found


@pytest.fixture
def host(stage: Stage, tmp_path: Path) -> Iterator[XrdpHost]:
    with XrdpHost(tmp_path, NAME, stage.authority.issue("truth.lab.test")) as host:
        yield host
        for agent in stage._agents:
            agent.stop()


def among(host: XrdpHost, *, as_root: bool = False) -> Place:
    """Run among the host's processes, with the machine's network; as root, whatever user was meant."""
    sesman = next(pid for pid in descendants(host.pid) if name_of(pid) == "xrdp-sesman")
    inside = ["nsenter", "--target", str(sesman), "--mount", "--pid", "--"]

    def place(command: Command) -> Command:
        words = [*command]
        return [*inside, *(words[words.index("--") + 1 :] if as_root else words)]

    return place


def published(stage: Stage, host: XrdpHost, login: Login, place: Place) -> Published:
    return stage.publish("desk", host, f"unix:{host.socket}", login.user, place=place)


def programs(user: str) -> list[str]:
    """Return the names of all programs of the user."""
    return [name_of(pid) for pid in Account(user).processes()]


def test_session_is_known_from_its_beginning_to_its_end(
    stage: Stage, truth: Truth, host: XrdpHost, cleo: Login
) -> None:
    desk = published(stage, host, cleo, among(host, as_root=True))
    truth.wait_for()
    with desktop_through(stage, desk, cleo) as desktop:
        truth.wait_for((cleo.user, "active"))
        before = desktop.display.picture().share(desk.colour)
        truth.order(SessionAction.MESSAGE, "The host restarts at noon.\nSave your work please.")
        assert "xmessage" in programs(cleo.user)
        # Its window covers some of the background.
        assert wait_for(lambda: desktop.display.picture().share(desk.colour) < before - 0.02, poll_s=0.2)
    truth.wait_for((cleo.user, "disconnected"))
    assert host.session(Account(cleo.user)) != []

    truth.order(SessionAction.LOG_OFF)
    truth.wait_for()
    desktop_programs = {"Xorg", "openbox", "xrdp-chansrv"}
    assert wait_for(lambda: not desktop_programs & {*map(name_of, host.session(Account(cleo.user)))})
    with pytest.raises(ValueError, match="not enough values"):
        truth.order(SessionAction.LOG_OFF)


def test_ordinary_agent_sees_sessions_and_disconnects_them_but_says_what_it_may_not(
    stage: Stage, truth: Truth, host: XrdpHost, cleo: Login
) -> None:
    desk = published(stage, host, cleo, among(host))
    with desktop_through(stage, desk, cleo) as desktop:
        truth.wait_for((cleo.user, "active"))
        for action in (SessionAction.MESSAGE, SessionAction.LOG_OFF):
            with pytest.raises(Refused, match="runs as user nobody and may not") as refused:
                truth.order(action, "hello")
            assert refused.value.reason is Reason.SESSION_ORDER_FAILED
        truth.order(SessionAction.DISCONNECT)
        desktop.client.wait_ended()
        truth.wait_for((cleo.user, "disconnected"))
    assert host.session(Account(cleo.user)) != []


class Proxy:
    """An HTTP proxy; while `stalled`, new connections get no answer and those that stand go on."""

    def __init__(self, platform: InnerPlatform) -> None:
        self._platform = platform
        self.stalled = False
        self.port = free_port()
        self._tasks: set[asyncio.Task[Any]] = set()

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)

    async def stop(self) -> None:
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            name, port = re.fullmatch(rb"CONNECT ([^:]+):(\d+) .*", head, re.DOTALL).groups()  # type: ignore[union-attr]
            while self.stalled:
                await asyncio.sleep(0.05)
            far_reader, far_writer = await asyncio.open_connection(name.decode(), int(port))
            writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
            await asyncio.gather(pump(reader, far_writer), pump(far_reader, writer))
        except (OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass  # a task of the stream server that ends by cancellation is logged as a failure
        finally:
            writer.close()


async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    except OSError:
        pass
    finally:
        writer.close()


@pytest.fixture
def proxy(stage: Stage) -> Iterator[Proxy]:
    platform = stage.platform
    assert isinstance(platform, InnerPlatform)
    proxy = Proxy(platform)
    platform.call(proxy.start())
    yield proxy
    platform.call(proxy.stop())


def taking_s(met: Callable[[], bool], timeout_s: float) -> float:
    """Wait until it is so; return how long it took."""
    began = time.monotonic()
    assert wait_for(met, timeout_s, 0.05), f"expected it within {timeout_s} s"
    return time.monotonic() - began


def test_host_that_cannot_dial_back_is_out_of_rotation_within_ten_seconds(
    stage: Stage, truth: Truth, host: XrdpHost, cleo: Login, proxy: Proxy
) -> None:
    def place(command: Command) -> Command:
        return among(host)(["env", f"HTTPS_PROXY=http://127.0.0.1:{proxy.port}", *command])

    desk = published(stage, host, cleo, place)
    assert not truth.fails(Check.DIAL_BACK)
    link = truth.host

    proxy.stalled = True
    assert taking_s(lambda: truth.fails(Check.DIAL_BACK), OUT_S) < OUT_S
    assert truth.host == link
    watch = stage.watch()
    with seat(stage) as desktop:
        desktop.open(stage.connection_file(desk, cleo.user), cleo, desk.pin)
        desktop.wait_refused()
    record = watch.ended()
    assert record["reason"] == "host-leg-late"
    assert "dial-back 1" in record["detail"]

    proxy.stalled = False
    assert wait_for(lambda: not truth.fails(Check.DIAL_BACK))
    with desktop_through(stage, desk, cleo):
        truth.wait_for((cleo.user, "active"))
