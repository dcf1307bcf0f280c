"""A redirector between a real client process and a desktop that says everything back."""

import asyncio
import socket
import sys
import threading
from collections.abc import AsyncIterator

import pytest

from dialback.console import redirector as module
from dialback.console.addresses import open_listener
from dialback.console.guard import Guard
from dialback.console.owners import is_ours
from dialback.console.proof import Proof
from dialback.console.redirector import OpenLeg, Redirector
from dialback.domain.errors import Reason, Refused
from dialback.domain.hosts import parse_target
from dialback.domain.ids import HostId, TenantId
from dialback.relay.join import Relay
from dialback.transport.dial import dial_target
from dialback.transport.leg import Leg
from lab.ports import free_port
from tests.e2e.stage import Desktop

SAY = """
import contextlib, socket, sys
with socket.create_connection((sys.argv[1], int(sys.argv[2]))) as sock:
    for word in sys.argv[3:]:
        heard = b""
        # Who is let go with words unread gets a reset.
        with contextlib.suppress(ConnectionError):
            sock.sendall(word.encode())
            while len(heard) < len(word) and (data := sock.recv(100)):
                heard += data
        print(heard.decode(), flush=True)
"""
WAIT = "import sys; sys.stdin.read()"


@pytest.fixture
async def desktop() -> AsyncIterator[Desktop]:
    desktop = Desktop()
    await desktop.start()
    yield desktop
    desktop.stop()


def to(desktop: Desktop) -> OpenLeg:
    async def open_leg() -> Leg:
        return await dial_target(parse_target(desktop.target), 5)

    return open_leg


async def refused() -> Leg:
    raise Refused(Reason.CONSENT_FORBIDDEN, "the host's policy forbids tess")


async def parked() -> Leg:
    await asyncio.Event().wait()
    raise AssertionError("an event that nobody sets was set")


async def unheard(proof: Proof) -> None:
    raise AssertionError(f"expected nobody to be told, got {proof}")


def redirector(open_leg: OpenLeg, guard: Guard | None = None) -> Redirector:
    listener = open_listener(TenantId("acme"), HostId("h1"), free_port())
    return Redirector("acme/h1", listener, open_leg, is_ours, Relay(), guard)


async def client(code: str, *arguments: object) -> asyncio.subprocess.Process:
    pipe = asyncio.subprocess.PIPE
    words = (str(each) for each in arguments)
    return await asyncio.create_subprocess_exec(sys.executable, "-c", code, *words, stdin=pipe, stdout=pipe)


async def said(process: asyncio.subprocess.Process) -> str:
    assert process.stdout is not None
    return (await process.stdout.read()).decode()


async def test_client_reaches_the_desktop_and_its_end_is_the_end(desktop: Desktop) -> None:
    opened = redirector(to(desktop))
    place = opened.place
    process = await client(SAY, *place, "hello", "again")

    status, heard = await asyncio.gather(opened.serve(process), said(process))

    assert (status, heard) == (0, "hello\nagain\n")
    assert (opened.traffic.connections, opened.traffic.open) == (1, 0)
    assert (opened.traffic.to_host_bytes, opened.traffic.to_client_bytes) == (10, 10)
    with pytest.raises(OSError, match="refused"):
        socket.create_connection(place)


async def test_second_client_on_the_port_is_let_go(desktop: Desktop) -> None:
    opened = redirector(to(desktop))
    process = await client(WAIT)
    serving = asyncio.create_task(opened.serve(process))

    stranger = await client(SAY, *opened.place, "hello")
    assert await said(stranger) == "\n"
    await stranger.wait()

    assert (opened.traffic.strangers, opened.traffic.connections) == (1, 0)
    assert desktop.sessions == 0
    process.stdin.close()  # type: ignore[union-attr]
    assert await serving == 0


async def test_refusal_is_kept_for_the_technician_and_the_client_let_go() -> None:
    opened = redirector(refused)
    process = await client(SAY, *opened.place, "hello")

    status, heard = await asyncio.gather(opened.serve(process), said(process))

    assert (status, heard) == (0, "\n")
    assert opened.traffic.refused is not None
    assert opened.traffic.refused.reason is Reason.CONSENT_FORBIDDEN


async def test_client_may_connect_again(desktop: Desktop) -> None:
    opened = redirector(to(desktop))
    twice = f"code = {SAY!r}\nexec(code)\nexec(code)"
    process = await client(twice, *opened.place, "hello")

    status, heard = await asyncio.gather(opened.serve(process), said(process))

    assert (status, heard) == (0, "hello\nhello\n")
    assert opened.traffic.connections == 2


async def test_closing_it_ends_the_client_and_every_relay(desktop: Desktop) -> None:
    opened = redirector(to(desktop))
    hold = SAY + "    sys.stdin.read()\n"
    process = await client(hold, *opened.place, "hello")
    assert process.stdout is not None
    serving = asyncio.create_task(opened.serve(process))
    await process.stdout.readline()

    serving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await serving

    assert process.returncode is not None
    assert opened.traffic.open == 0
    async with asyncio.timeout(5):
        while desktop.sessions:
            await asyncio.sleep(0.01)


async def test_leg_that_does_not_show_what_was_announced_is_cut_and_kept_for_the_technician(
    desktop: Desktop,
) -> None:
    """The desktop says everything back, and so selects no security at all."""
    opened = redirector(to(desktop), Guard("acme/h1", "ab" * 32, unheard))
    process = await client(SAY, *opened.place, "hello")

    status, heard = await asyncio.gather(opened.serve(process), said(process))

    assert (status, heard) == (0, "\n")
    assert opened.traffic.refused is not None
    assert opened.traffic.refused.reason is Reason.PROTOCOL_VIOLATION
    assert (opened.traffic.to_host_bytes, opened.traffic.to_client_bytes, opened.traffic.open) == (5, 0, 0)
    async with asyncio.timeout(5):
        while desktop.sessions:
            await asyncio.sleep(0.01)


async def test_client_that_ends_while_its_leg_is_opened_leaves_no_connection_behind(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Its host may be waking, or its tenant deciding, and the client gives up."""
    monkeypatch.setattr(module, "STOP_S", 0.05)
    opened = redirector(parked)
    with socket.create_connection(opened.place) as sock:
        opened._is_ours = lambda *_: True
        process = await client(WAIT)
        serving = asyncio.create_task(opened.serve(process))
        async with asyncio.timeout(5):
            while not opened.traffic.open:
                await asyncio.sleep(0.01)
        process.stdin.close()  # type: ignore[union-attr]
        assert await serving == 0
        assert await has_ended(sock)


async def test_connection_that_comes_as_the_client_ends_is_closed(desktop: Desktop) -> None:
    """Nobody knows yet whose it is."""
    asked, answered = threading.Event(), threading.Event()

    def slowly(*_: object) -> bool:
        asked.set()
        return answered.wait(5)

    opened = redirector(to(desktop))
    opened._is_ours = slowly
    process = await client(WAIT)
    serving = asyncio.create_task(opened.serve(process))
    with socket.create_connection(opened.place) as sock:
        await asyncio.to_thread(asked.wait, 5)
        process.stdin.close()  # type: ignore[union-attr]
        assert await serving == 0
        answered.set()
        assert await has_ended(sock)


async def has_ended(sock: socket.socket) -> bool:
    """Say whether the other end has let go, having said nothing."""
    sock.settimeout(5)
    try:
        return await asyncio.to_thread(sock.recv, 1) == b""
    except ConnectionError:
        return True
