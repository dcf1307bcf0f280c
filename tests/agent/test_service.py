import asyncio
import contextlib
import os
import signal
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from dialback.agent import service
from dialback.agent.build import Build
from dialback.agent.identity_file import Enrolled, Identity, save_identity
from dialback.agent.management import ManagementContext
from dialback.agent.problems import IdentityProblem
from dialback.agent.service import run
from dialback.domain.consent import ConsentScope
from dialback.domain.ids import HostId
from dialback.identity.host_keys import HostKey
from dialback.settings.file import SettingsProblem
from dialback.transport.leg import Leg
from dialback.wire.agent.messages import ConsentOrder
from dialback.wire.agent.version import VersionRange
from tests.agent.platform_stub import Platform, ServerSide, Stream, serving, take_leg

BUILD = Build("0.0.9", VersionRange(1, 1))


class Naps:
    """Waits that take no time and are written down; `stop` is set after the last of them."""

    def __init__(self, stop: asyncio.Event, most: int = 1000) -> None:
        self.waits: list[float] = []
        self._stop = stop
        self._most = most

    async def __call__(self, wait_s: float) -> None:
        self.waits.append(wait_s)
        if len(self.waits) == self._most:
            self._stop.set()
            await asyncio.Event().wait()
        await asyncio.sleep(0)


@pytest.fixture
def folder(platform: Platform, tmp_path: Path) -> Path:
    """The folder of an agent that is enrolled at the platform."""
    folder = tmp_path / "agent"
    folder.mkdir()
    save_identity(folder, platform.identity)
    return folder


async def run_until(folder: Path, stop: asyncio.Event, naps: Naps) -> list[tuple[str, str]]:
    """Run the agent until it has stopped; return level and event of its log lines."""
    with capture_logs() as lines:
        async with asyncio.timeout(10):
            await run(folder, stop=stop, draw=lambda: 1.0, sleep=naps)
    return [(line["log_level"], line["event"]) for line in lines if line["log_level"] != "debug"]


@contextlib.asynccontextmanager
async def running_agent(folder: Path) -> AsyncIterator[asyncio.Event]:
    """Run the agent while the block does; the event stops it."""
    stop = asyncio.Event()
    task = asyncio.create_task(run(folder, stop=stop, sleep=Naps(stop)))
    try:
        yield stop
    finally:
        stop.set()
        async with asyncio.timeout(10):
            await task


async def test_link_is_tried_again_with_growing_waits_and_one_warning(
    platform: Platform, folder: Path, unused: int
) -> None:
    enrolled = Enrolled(f"127.0.0.1:{unused}", HostId("host"), "desk")
    away = folder.parent / "away"
    away.mkdir()
    save_identity(away, Identity(enrolled, platform.key, platform.identity.ca_pem))
    (away / "agent.toml").write_text("reconnect_most_s = 5\n")
    stop = asyncio.Event()
    naps = Naps(stop, 5)

    lines = await run_until(away, stop, naps)

    assert naps.waits == [1, 2, 4, 5, 5]
    assert lines == [("warning", "agent link down"), ("info", "agent stopped")]


async def test_link_comes_back_after_the_server_ended_it(platform: Platform, folder: Path) -> None:
    async def serve(server: ServerSide) -> None:
        await server.open()
        links.append(server)
        if len(links) < 3:
            await server.leave("restart")
            return
        # What the agent says of itself comes once it has taken the welcome.
        await server.next_text()
        stop.set()
        with contextlib.suppress(EOFError):
            while True:
                await server.next_text()

    links: list[ServerSide] = []
    stop = asyncio.Event()
    platform.on_link = serve

    lines = await run_until(folder, stop, Naps(stop))

    assert lines == [
        ("info", "agent link up"),
        ("warning", "agent link down"),
        ("info", "agent link up"),
        ("warning", "agent link down"),
        ("info", "agent link up"),
        ("info", "agent stopped"),
    ]


@pytest.mark.parametrize(("steady_s", "waits"), [(0, [1, 1, 1]), (30, [1, 2, 4])])
async def test_waits_begin_anew_only_after_a_link_that_held(
    platform: Platform, folder: Path, monkeypatch: pytest.MonkeyPatch, steady_s: float, waits: list[float]
) -> None:
    async def serve(server: ServerSide) -> None:
        await server.open()
        await server.leave("another agent has this key")

    monkeypatch.setattr(service, "STEADY_S", steady_s)
    platform.on_link = serve
    stop = asyncio.Event()
    naps = Naps(stop, 3)

    await run_until(folder, stop, naps)

    assert naps.waits == waits


async def test_bug_inside_a_link_does_not_end_the_agent(
    platform: Platform, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(*_arguments: object) -> None:
        raise ValueError("bug")

    monkeypatch.setattr(service, "hold_link", fail)
    stop = asyncio.Event()

    lines = await run_until(folder, stop, Naps(stop, 2))

    assert lines[:2] == [("error", "agent link failed inside")] * 2


async def test_connection_outlives_the_link_and_ends_with_the_agent(platform: Platform, folder: Path) -> None:
    async def serve(server: ServerSide) -> None:
        await server.open()
        if not ordered.is_set():
            ordered.set()
            order = {"gateway": platform.address, "certificate_sha256": platform.certificate_sha256}
            rest = {"connection_id": "c", "ticket": "t", "target": target, "user": "ann"}
            server.send(server.link.dial(**order, **rest))
            await leg_there.wait()
            await server.leave("restart")
            return
        again.set()
        with contextlib.suppress(EOFError):
            while True:
                await server.next_text()

    async def keep(stream: Stream) -> None:
        await take_leg(stream)
        legs.append(stream)
        leg_there.set()
        await ended.wait()

    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(100):
            writer.write(data)

    ordered, leg_there, again, ended = (asyncio.Event() for _ in range(4))
    legs: list[Stream] = []
    platform.on_link, platform.on_leg = serve, keep
    async with serving(echo) as port, asyncio.timeout(10):
        target = f"127.0.0.1:{port}"
        (folder / "agent.toml").write_text(f'targets = ["{target}"]\n')
        async with running_agent(folder):
            await again.wait()
            legs[0].writer.write(b"still here")
            assert await legs[0].reader.readexactly(10) == b"still here"
        assert await legs[0].reader.read() == b""
        ended.set()


async def test_console_is_served_with_the_agents_own_log_and_may_have_it_started_again(
    platform: Platform, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def serve(server: ServerSide) -> None:
        await server.open()
        assert server.hello is not None
        said.append(server.hello.agent_version)
        order = server.link.dial(
            connection_id="connection",
            gateway=platform.address,
            certificate_sha256=platform.certificate_sha256,
            ticket="t1cket",
            target="management",
            user="tom",
            consent=ConsentOrder(
                request_id="r1",
                tenant="acme",
                staff="tom",
                role="technician",
                scope="facts",
                purpose="the disk",
                asked_at=datetime(2026, 1, 2, tzinfo=UTC),
            ),
        )
        server.send(order)
        with contextlib.suppress(EOFError):
            while True:
                await server.next_text()

    async def serve_console(leg: Leg, context: ManagementContext) -> None:
        contexts.append(context)
        await leg.close()
        context.restart()

    said: list[str] = []
    contexts: list[ManagementContext] = []
    platform.on_link, platform.on_leg = serve, take_leg
    monkeypatch.setattr(service, "serve_management", serve_console)
    (folder / "agent.toml").write_text(
        '[management]\nenabled = true\n[consent]\nmode = "always"\nscopes = ["facts", "log", "desktop"]\n'
    )
    async with asyncio.timeout(10):
        assert await run(folder, stop=asyncio.Event(), build=BUILD)
    [context] = contexts
    assert (context.who, context.purpose, context.connection_id) == ("tom", "the disk", "connection")
    assert context.allowed == {ConsentScope.FACTS, ConsentScope.LOG}
    assert context.policy is not None
    assert context.build is BUILD
    assert said == ["0.0.9"]
    assert any("agent link up" in line for line in context.tail.lines())


async def test_agent_that_is_stopped_is_not_to_be_started_again(folder: Path) -> None:
    stop = asyncio.Event()
    stop.set()
    async with asyncio.timeout(10):
        assert not await run(folder, stop=stop)


async def test_sigterm_stops_the_agent(platform: Platform, folder: Path) -> None:
    async def serve(server: ServerSide) -> None:
        await server.open()
        up.set()
        with contextlib.suppress(EOFError):
            while True:
                await server.next_text()

    up = asyncio.Event()
    platform.on_link = serve
    task = asyncio.create_task(run(folder))
    async with asyncio.timeout(10):
        await up.wait()
        os.kill(os.getpid(), signal.SIGTERM)
        await task


async def test_host_that_is_not_enrolled_does_not_run(tmp_path: Path) -> None:
    with pytest.raises(IdentityProblem, match="not enrolled"):
        await run(tmp_path)


async def test_settings_that_cannot_be_used_do_not_run(folder: Path) -> None:
    (folder / "agent.toml").write_text("moon = 1")

    with pytest.raises(SettingsProblem, match="moon"):
        await run(folder)


async def test_authority_that_is_damaged_does_not_run(platform: Platform, tmp_path: Path) -> None:
    save_identity(tmp_path, Identity(platform.identity.enrolled, HostKey.generate(), "x"))

    with pytest.raises(IdentityProblem, match="damaged"):
        await run(tmp_path)
