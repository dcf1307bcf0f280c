"""Waking hosts: real commands, a real web server, and every way in which they fail."""

import asyncio
import json
import os
import shlex
import socket
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from dialback.broker import wake
from dialback.broker.settings import BrokerSettings
from dialback.broker.wake import HookFailed, HookWaker, post, run_command
from dialback.domain.directory import HostStanding
from dialback.domain.errors import Reason, Refused
from dialback.domain.ids import HostId, PoolId, TenantId
from dialback.domain.pools import HostPool, PoolHost, StartOnConnect, WakeMethod
from dialback.domain.tenancy import MAIN
from dialback.observe.tasks import Tasks

DEADLINE_S = 10
HOST = HostId("h1")
POOL = HostPool(MAIN, PoolId("p1"), "Office")
SLEEPING = HostStanding(PoolHost(MAIN, POOL.id, HOST), "desk", b"k" * 32)
FACTS = {"host_id": HOST, "host_name": "desk"}


def shell(script: str) -> str:
    """Return a command line that runs a script in a shell of its own."""
    return f"/bin/sh -c {shlex.quote(script)}"


def woken_by(what: str, method: WakeMethod = WakeMethod.COMMAND, deadline_s: int = 5) -> HostPool:
    return replace(POOL, start_on_connect=StartOnConnect(method, what, deadline_s))


@dataclass
class Links:
    """Which hosts are ready."""

    standing: set[HostId] = field(default_factory=set)

    def ready(self, host: HostId) -> bool:
        return host in self.standing


@dataclass
class Stand:
    links: Links
    tasks: Tasks
    waker: HookWaker

    async def refused(self, pool: HostPool) -> Refused:
        with pytest.raises(Refused) as caught:
            await self.waker.wake(pool, SLEEPING)
        return caught.value


@pytest.fixture
async def stand() -> AsyncIterator[Stand]:
    links, tasks = Links(), Tasks()
    yield Stand(links, tasks, HookWaker(links.ready, tasks, look_every_s=0.01))
    await tasks.close()


class Hook:
    """A web server that answers every request alike, or not at all, and keeps what it is asked."""

    def __init__(self, head: str = "HTTP/1.1 204 No Content\r\n\r\n") -> None:
        self.head = head
        self.over = asyncio.Event()
        self.requests: list[bytes] = []

    async def __aenter__(self) -> "Hook":
        self.server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        port = self.server.sockets[0].getsockname()[1]
        self.url = f"http://127.0.0.1:{port}/wake"
        return self

    async def __aexit__(self, *_: object) -> None:
        self.over.set()
        self.server.close()
        await self.server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request = await reader.readuntil(b"\r\n\r\n")
        size = int(request.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
        self.requests.append(request + await reader.readexactly(size))
        writer.write(self.head.encode())
        if not self.head:
            await self.over.wait()
        writer.close()


# The wait for the host.


async def test_a_host_that_comes_up_ends_the_wait(stand: Stand, tmp_path: Path) -> None:
    mark = tmp_path / "woken"
    waking = asyncio.create_task(stand.waker.wake(woken_by(f"touch {mark}"), SLEEPING))
    async with asyncio.timeout(DEADLINE_S):
        while not mark.exists():
            await asyncio.sleep(0.01)
        assert not waking.done()
        assert stand.waker.wakes(HOST)
        stand.links.standing.add(HOST)
        await waking
    assert not stand.waker.wakes(HOST)


async def test_a_host_that_is_up_before_its_command_ends_is_not_waited_for_longer(stand: Stand) -> None:
    stand.links.standing.add(HOST)
    async with asyncio.timeout(DEADLINE_S):
        await stand.waker.wake(woken_by("sleep 60", deadline_s=60), SLEEPING)


async def test_a_pool_without_a_hook_wakes_nothing(stand: Stand) -> None:
    assert (await stand.refused(POOL)).reason is Reason.HOST_OFFLINE


async def test_a_hook_that_fails_refuses_with_its_last_line(stand: Stand) -> None:
    refused = await stand.refused(woken_by(shell("echo trying; echo no such machine >&2; exit 3")))
    assert refused.reason is Reason.WAKE_FAILED
    assert refused.detail == "desk: the command ended with status 3: no such machine"


async def test_a_host_that_stays_away_refuses_at_the_deadline(stand: Stand) -> None:
    refused = await stand.refused(woken_by("true", deadline_s=1))
    assert refused.reason is Reason.WAKE_TIMED_OUT
    assert refused.detail == "desk: no agent link with an RDP server that answers within 1 s"


async def test_whoever_comes_later_joins_the_wake_that_runs(stand: Stand, tmp_path: Path) -> None:
    count = tmp_path / "count"
    pool = woken_by(shell(f"echo once >> {count}"))
    wakes = [asyncio.create_task(stand.waker.wake(pool, SLEEPING)) for _ in range(5)]
    async with asyncio.timeout(DEADLINE_S):
        while not count.exists() or not count.read_text():
            await asyncio.sleep(0.01)
        wakes[0].cancel()
        stand.links.standing.add(HOST)
        await asyncio.gather(*wakes[1:])
    assert count.read_text() == "once\n"


async def test_a_wake_that_failed_is_tried_again(stand: Stand) -> None:
    await stand.refused(woken_by("false"))
    stand.links.standing.add(HOST)
    await stand.waker.wake(woken_by("true"), SLEEPING)


async def test_each_of_those_who_wait_is_refused_alike(stand: Stand) -> None:
    refusals = await asyncio.gather(*(stand.refused(woken_by("false")) for _ in range(3)))
    assert {refused.reason for refused in refusals} == {Reason.WAKE_FAILED}


async def test_a_webhook_wakes_a_host(stand: Stand) -> None:
    async with Hook() as hook:
        waking = asyncio.create_task(stand.waker.wake(woken_by(hook.url, WakeMethod.WEBHOOK), SLEEPING))
        async with asyncio.timeout(DEADLINE_S):
            while not hook.requests:
                await asyncio.sleep(0.01)
            stand.links.standing.add(HOST)
            await waking
    head, _, body = hook.requests[0].partition(b"\r\n\r\n")
    assert head.startswith(b"POST /wake HTTP/1.1\r\n")
    assert json.loads(body) == {
        "host_id": "h1",
        "host_name": "desk",
        "pool_id": "p1",
        "pool_name": "Office",
        "tenant": "main",
    }


@pytest.mark.parametrize(
    ("method", "what", "why"),
    [
        (WakeMethod.COMMAND, "true", "desk: the server runs no commands of this tenant"),
        (WakeMethod.WEBHOOK, "http://127.0.0.1:1/", "desk: the server calls no loopback for this tenant"),
    ],
)
async def test_another_tenant_runs_no_command_and_reaches_no_loopback(
    stand: Stand, method: WakeMethod, what: str, why: str
) -> None:
    acme = TenantId("acme")
    pool = replace(woken_by(what, method), tenant=acme)
    refused = await stand.refused(pool)
    assert (refused.reason, refused.detail) == (Reason.WAKE_FAILED, why)


async def test_the_settings_may_let_another_tenant(stand: Stand) -> None:
    stand.links.standing.add(HOST)
    waker = HookWaker(stand.links.ready, stand.tasks, BrokerSettings(wake_tenants=("acme",)))
    await waker.wake(replace(woken_by("true"), tenant=TenantId("acme")), SLEEPING)


# Commands.


async def test_a_command_gets_the_facts_and_nothing_else_of_ours(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_PASSWORD", "secret")
    seen = tmp_path / "seen"
    await run_command(shell(f"env > {seen}"), {**FACTS, "host_name": "a\0b; rm -rf /"}, DEADLINE_S)
    lines = seen.read_text().splitlines()
    assert "DIALBACK_HOST_ID=h1" in lines
    assert "DIALBACK_HOST_NAME=ab; rm -rf /" in lines
    assert not [line for line in lines if "secret" in line]


async def test_no_shell_reads_the_command_line(tmp_path: Path) -> None:
    await run_command(f"touch {tmp_path}/a;b $HOME", FACTS, DEADLINE_S)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a;b"]
    Path("$HOME").unlink()


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("'unfinished", "the command line cannot be split"),
        ("''", "the command cannot be started"),
        ("/no/such/command", "the command cannot be started"),
        ("false", "the command ended with status 1: no output"),
        (shell("kill -9 $$"), "the command ended with status -9: no output"),
    ],
)
async def test_a_command_that_does_not_work_says_why(line: str, why: str) -> None:
    with pytest.raises(HookFailed, match=why):
        await run_command(line, FACTS, DEADLINE_S)


async def test_a_command_is_killed_at_its_deadline_with_all_it_started(tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    line = shell(f"sleep 300 & echo $! > {pids}; echo $$ >> {pids}; wait")
    with pytest.raises(HookFailed, match="was killed"):
        await run_command(line, FACTS, 0.5)
    for pid in map(int, pids.read_text().split()):
        async with asyncio.timeout(DEADLINE_S):
            while runs(pid):
                await asyncio.sleep(0.01)


async def test_what_a_command_leaves_running_does_not_keep_us_waiting(tmp_path: Path) -> None:
    pids = tmp_path / "pid"
    async with asyncio.timeout(DEADLINE_S):
        await run_command(shell(f"sleep 300 & echo $! > {pids}"), FACTS, 300)
    os.kill(int(pids.read_text()), 9)


async def test_of_much_output_the_end_is_kept() -> None:
    line = f"{sys.executable} -c \"print('x' * 3_000_000); print('the end'); raise SystemExit(2)\""
    with pytest.raises(HookFailed, match=r"status 2: the end$"):
        await run_command(line, FACTS, DEADLINE_S)


async def test_output_is_shown_short_and_without_controls() -> None:
    with pytest.raises(HookFailed) as caught:
        await run_command(shell("printf 'a\\033[31m%0500d' 0; exit 1"), FACTS, DEADLINE_S)
    said = str(caught.value).partition(": ")[2]
    assert said.startswith("a[31m000")
    assert len(said) == wake.SHOWN_CHARS


def runs(pid: int) -> bool:
    """Say whether a process is there and no zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().split()[2] != "Z"
    except OSError:
        return False


# Webhooks.


@pytest.mark.parametrize("head", ["HTTP/1.1 500 No\r\n\r\n", "HTTP/1.1 302 Found\r\nLocation: /x\r\n\r\n"])
async def test_only_success_is_success(head: str) -> None:
    async with Hook(head) as hook:
        with pytest.raises(HookFailed, match=rf"the webhook answered {head[9:12]}"):
            await post(hook.url, FACTS, loopback=True)
        assert len(hook.requests) == 1


async def test_a_webhook_that_is_silent_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wake, "WEBHOOK_TIMEOUT_S", 0.2)
    async with Hook("") as hook:
        with pytest.raises(HookFailed, match="did not answer within"):
            await post(hook.url, FACTS, loopback=True)


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("http://192.0.2.1/", "expected a webhook by https"),
        ("http://localhost.example/", "expected a webhook by https"),
        ("ftp://127.0.0.1/", "expected a webhook by https"),
        ("http://[::1", "no URL"),
        ("http://127.0.0.1:1/", "cannot be asked"),
    ],
)
async def test_a_webhook_that_cannot_be_asked_says_why(url: str, why: str) -> None:
    with pytest.raises(HookFailed, match=why):
        await post(url, FACTS, loopback=True)


@pytest.mark.parametrize(
    "url",
    [
        "https://127.0.0.1/",
        "https://localhost/",
        "http://[::1]/",
        "https://LOCALHOST./",
        "https://127.1/",
        "https://127.0.0.1./",
        "https://2130706433/",
        "https://0x7f.0.0.1/",
        "https://0.0.0.0/",
        "https://[::]/",
        "https://[::ffff:127.0.0.1]/",
        "https://127\u30020\u30020\u30021/",
    ],
)
async def test_the_loopback_is_for_those_who_may(url: str) -> None:
    with pytest.raises(HookFailed, match="no loopback"):
        await post(url, FACTS, loopback=False)


@pytest.mark.parametrize(
    ("found", "why"),
    [
        (["192.0.2.1", "::1"], "no loopback"),
        (socket.gaierror(-2, "Name or service not known"), "cannot be asked: .*Name or service not known"),
    ],
)
async def test_a_name_is_looked_up_before_it_is_asked(
    monkeypatch: pytest.MonkeyPatch, found: list[str] | Exception, why: str
) -> None:
    async def look_up(name: str, port: None) -> list[object]:
        assert name == "hook.example"
        if isinstance(found, Exception):
            raise found
        return [(socket.AF_UNSPEC, 0, 0, "", (address, 0)) for address in found]

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", look_up)
    with pytest.raises(HookFailed, match=why):
        await post("https://hook.example/wake", FACTS, loopback=False)
