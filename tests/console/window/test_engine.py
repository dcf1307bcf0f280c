"""What runs behind the window, against a platform with real management sessions and desktops."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TypeVar

import pytest

from dialback.cli.api import Login
from dialback.cli.console import reached
from dialback.console.actions import Action
from dialback.console.clients import Client, Display, NoClient, Program
from dialback.console.connecting import Step
from dialback.console.saved import Saved
from dialback.console.window.engine import Engine
from dialback.console.window.events import (
    Answered,
    Asked,
    ConsoleClosed,
    ConsoleOpening,
    ConsoleSeen,
    Event,
    NotDone,
    NotSaved,
    PlatformLost,
    TreeRead,
    VersionsWarned,
    Visit,
)
from dialback.console.window.platform import Order, Place
from dialback.domain.errors import Problem, Reason
from dialback.domain.ids import HostId
from dialback.observe.tasks import Tasks
from dialback.wire.agent.version import VersionRange
from dialback.wire.management.messages import Log
from tests.console.test_connecting import CLIENT
from tests.console.window.platform_stub import TOKEN, PlatformStub, StubHost
from tests.console.window.things import ACME

E = TypeVar("E")


class Console:
    """An engine, and what it has told."""

    def __init__(self, stub: PlatformStub, folder: Path) -> None:
        self.told: list[Event] = []
        self.stub = stub
        self.folder = folder
        self.saved = Saved(folder / "saved")
        self.login = Login(stub.address, stub.ca.read_text(), TOKEN)
        self.find_program: Callable[[], Program] = self.program
        self.news = asyncio.Event()
        self.engine = Engine(
            lambda: reached(self.login),
            self._find,
            self.saved,
            self._take,
            port=0,
            refresh_s=0.05,
        )

    def _find(self) -> Program:
        return self.find_program()

    def _take(self, event: Event) -> None:
        self.told.append(event)
        self.news.set()

    def program(self, more: str = "") -> Program:
        path = self.folder / "client"
        path.write_text(CLIENT.format(python=sys.executable, more=more))
        path.chmod(0o700)
        return Program(Client.FREERDP_3, str(path))

    def staying(self) -> Program:
        """Return a client that does not end by itself."""
        return self.program("import time; time.sleep(600)")

    def all(self, kind: type[E]) -> list[E]:
        return [event for event in self.told if isinstance(event, kind)]

    async def until(self, holds: Callable[[], bool]) -> None:
        """Wait until what was told makes it hold."""
        async with asyncio.timeout(20):
            while not holds():
                self.news.clear()
                await self.news.wait()

    async def first(self, kind: type[E], fits: Callable[[E], bool] = lambda event: True) -> E:
        """Wait for the first event that fits."""
        await self.until(lambda: any(fits(event) for event in self.all(kind)))
        return next(event for event in self.all(kind) if fits(event))

    def order(self, host: str, purpose: str = "printer is stuck") -> Order:
        found = self.stub.host(host)
        return Order(Place(ACME, HostId(host), f"acme/{found.name}"), purpose, "4711")


@asynccontextmanager
async def running(console: Console) -> AsyncIterator[Console]:
    tasks = Tasks()
    tasks.start("engine", console.engine.run())
    try:
        yield console
    finally:
        await tasks.close()


@pytest.fixture
async def console(platform_stub: PlatformStub, tmp_path: Path) -> AsyncIterator[Console]:
    async with running(Console(platform_stub, tmp_path)) as console:
        yield console


async def test_tenants_and_hosts_are_read_and_read_again(console: Console) -> None:
    read = await console.first(TreeRead)
    assert [branch.tenant.name for branch in read.tree.branches] == ["Acme GmbH", "Bolt & Söhne"]
    assert [host.name for _, host in read.tree.places()] == ["files", "mail", "old-erp", "terminal-01"]

    console.stub.tenants["acme"][1].append(StubHost("h5", "new"))

    await console.first(TreeRead, lambda read: "new" in [host.name for _, host in read.tree.places()])


async def test_hosts_nobody_looks_at_cost_no_requests(console: Console) -> None:
    await console.until(lambda: len(console.all(TreeRead)) >= 2)
    before, readings = console.stub.requests, len(console.all(TreeRead))
    await console.until(lambda: len(console.all(TreeRead)) >= readings + 5)
    assert console.stub.requests - before <= 8


async def test_host_somebody_looks_at_is_fresh(console: Console) -> None:
    await console.first(TreeRead)
    console.engine.watch({ACME})

    console.stub.host("h1").sessions = 99

    await console.first(TreeRead, lambda read: 99 in [host.sessions for _, host in read.tree.places()])


async def test_platform_that_refuses_is_said_and_asked_again(console: Console) -> None:
    await console.first(TreeRead)
    console.stub.problem = (401, "sign-in-ended", "The sign-in has ended; sign in again.")

    lost = await console.first(PlatformLost)
    assert lost.sentence == "The sign-in has ended; sign in again."

    console.stub.problem = None
    readings = len(console.all(TreeRead))
    await console.until(lambda: len(console.all(TreeRead)) > readings)


async def test_platform_that_cannot_be_opened_is_said(platform_stub: PlatformStub, tmp_path: Path) -> None:
    console = Console(platform_stub, tmp_path)
    console.login = Login(platform_stub.address, "no certificate", TOKEN)
    async with running(console):
        console.engine.connect(console.order("h1"))
        assert "no certificate in PEM" in (await console.first(PlatformLost)).sentence
        assert "no certificate in PEM" in (await console.first(Visit, lambda visit: visit.has_ended)).problem


async def test_remote_desktop_is_told_step_by_step(console: Console) -> None:
    console.engine.connect(console.order("h1"))

    ended = await console.first(Visit, lambda visit: visit.has_ended)

    steps = list(dict.fromkeys(visit.step for visit in console.all(Visit)))
    assert steps == list(Step)
    assert (ended.problem, ended.proof[:6]) == ("", "Proven")
    assert min(ended.to_host_bytes, ended.to_client_bytes) > 100
    assert ended.address.startswith("127.")
    [asked] = console.stub.asked
    assert (asked["scope"], asked["purpose"], asked["ticket_number"]) == (
        "desktop",
        "printer is stuck",
        "4711",
    )


async def test_bytes_are_counted_while_it_runs(console: Console) -> None:
    console.find_program = console.staying
    console.engine.connect(console.order("h1"))

    visit = await console.first(Visit, lambda visit: visit.to_host_bytes > 100)

    assert visit.step is Step.CONNECTED


async def test_display_that_was_saved_and_user_that_was_typed_reach_the_client(console: Console) -> None:
    order = console.order("h1")
    console.engine.save_display(order.place, Display(1024, 768, user="ann"))
    console.engine.connect(Order(order.place, "why", user="bob", target="127.0.0.1:3390"))

    await console.first(Visit, lambda visit: visit.has_ended)

    told = (console.folder / "told").read_text()
    assert "/u:bob" in told
    assert "/size:1024x768" in told
    assert console.stub.asked[0]["target"] == "127.0.0.1:3390"


async def test_visit_ends_alone_and_leaves_no_client(console: Console) -> None:
    console.find_program = console.staying
    for id in ("h1", "h2"):
        console.engine.connect(console.order(id))
    await console.until(lambda: {1, 2} <= {v.number for v in console.all(Visit) if v.to_client_bytes})

    console.engine.end(1)
    console.engine.end(1)

    ended = await console.first(Visit, lambda visit: visit.has_ended)
    assert (ended.number, ended.problem) == (1, "")
    assert len(clients(console)) == 1


async def test_end_of_the_engine_ends_every_client(platform_stub: PlatformStub, tmp_path: Path) -> None:
    console = Console(platform_stub, tmp_path)
    console.find_program = console.staying
    async with running(console):
        console.engine.connect(console.order("h1"))
        await console.first(Visit, lambda visit: visit.to_client_bytes > 0)
        assert len(clients(console)) == 1
    assert clients(console) == []
    assert console.all(Visit)[-1].has_ended


async def test_visit_that_waits_for_consent_is_told_and_can_be_ended(console: Console) -> None:
    console.stub.host("h1").consent = asyncio.Event()
    console.engine.connect(console.order("h1"))
    await console.first(Visit, lambda visit: visit.step is Step.REACHING)

    console.engine.end(1)

    assert (await console.first(Visit, lambda visit: visit.has_ended)).problem == ""


async def test_refused_technician_reads_the_reason(console: Console) -> None:
    console.stub.host("h1").refusal = Reason.CONSENT_DENIED
    console.engine.connect(console.order("h1"))

    ended = await console.first(Visit, lambda visit: visit.has_ended)

    assert ended.problem.startswith("The tenant has denied what was asked")


async def test_technician_whose_visit_was_cut_reads_the_reason(console: Console) -> None:
    console.stub.host("h1").ended = Reason.TENANT_SUSPENDED
    console.find_program = lambda: console.program("sys.exit(131)")
    console.engine.connect(console.order("h1"))

    ended = await console.first(Visit, lambda visit: visit.has_ended)

    assert ended.problem == (
        "The tenant is suspended; the provider's administrator can resume it. said the platform"
    )


async def test_missing_client_is_said_before_anything_is_asked(console: Console) -> None:
    def find() -> Program:
        raise NoClient("no RDP client is installed here")

    console.find_program = find
    console.engine.connect(console.order("h1"))

    assert (
        await console.first(Visit, lambda visit: visit.has_ended)
    ).problem == "no RDP client is installed here"
    assert console.stub.asked == []


async def test_client_that_crashes_is_said(console: Console) -> None:
    console.find_program = lambda: console.program("import os; os.abort()")
    console.engine.connect(console.order("h1"))

    ended = await console.first(Visit, lambda visit: visit.has_ended and bool(visit.problem))

    assert "status -6" in ended.problem


async def test_console_shows_what_the_agent_says(console: Console) -> None:
    console.engine.open_console(console.order("h1"))

    seen = await console.first(ConsoleSeen)

    assert [session.user for session in seen.sessions.sessions] == ["ann", "bob"]
    assert seen.facts.agent_version
    assert console.all(ConsoleOpening) == [ConsoleOpening(console.order("h1"))]
    console.engine.close_console()
    assert await console.first(ConsoleClosed) == ConsoleClosed(console.order("h1"))


async def test_console_at_another_host_closes_the_first(console: Console) -> None:
    console.engine.open_console(console.order("h1"))
    await console.first(ConsoleSeen)
    console.engine.open_console(console.order("h2"))

    await console.first(ConsoleSeen, lambda seen: seen.order.place.host == "h2")

    assert [event.order.place.host for event in console.all(ConsoleClosed)] == ["h1"]


async def test_versions_that_differ_are_a_warning_and_no_failure(console: Console) -> None:
    console.stub.host("h1").managed.versions = VersionRange(1, 1)
    console.engine.open_console(console.order("h1"))

    warned = await console.first(VersionsWarned)
    closed = await console.first(ConsoleClosed)

    assert (warned.console, warned.agent) == (VersionRange(2, 2), VersionRange(1, 1))
    assert closed.problem == ""


async def test_host_with_another_key_is_refused_until_it_is_forgotten(console: Console) -> None:
    order = console.order("h1")
    console.saved.check_key(order.place.tenant, order.place.host, "aa")
    console.engine.open_console(order)
    closed = await console.first(ConsoleClosed)
    assert closed.problem.startswith("The host has another key")

    console.engine.forget_key(order.place)
    console.engine.open_console(order)

    await console.first(ConsoleSeen)


async def test_action_takes_its_own_consent_and_is_answered(console: Console) -> None:
    order = console.order("h1")
    console.engine.open_console(order)
    await console.first(ConsoleSeen)
    console.engine.ask(order, Action.LOG_OFF, "xrdp-10")

    answered = await console.first(Answered)

    assert (await console.first(Asked)).action is answered.action is Action.LOG_OFF
    assert [asked["scope"] for asked in console.stub.asked] == ["facts", "end-sessions"]
    await console.first(ConsoleSeen, lambda seen: [each.user for each in seen.sessions.sessions] == ["bob"])


async def test_log_is_read(console: Console) -> None:
    console.engine.ask(console.order("h1"), Action.LOG, source="agent")

    assert isinstance((await console.first(Answered)).answer, Log)


async def test_action_the_host_does_not_offer_is_said(console: Console) -> None:
    console.engine.ask(console.order("h1"), Action.RESTART_RDP)

    assert "does not offer this" in (await console.first(NotDone)).sentence


async def test_action_at_a_host_of_another_version_is_a_warning(console: Console) -> None:
    console.stub.host("h1").managed.versions = VersionRange(1, 1)
    console.engine.ask(console.order("h1"), Action.UPDATE)

    assert (await console.first(VersionsWarned)).order == console.order("h1")


async def test_announced_versions_that_differ_are_warned_of_before_the_tenant_is_asked(
    console: Console,
) -> None:
    console.stub.host("h1").announced = {"lowest_version": 1, "highest_version": 1, "offers": []}
    console.engine.refresh()
    await console.first(TreeRead, lambda read: announces(read, console.order("h1")))
    console.engine.open_console(console.order("h1"))

    warned = await console.first(VersionsWarned)

    assert (warned.console, warned.agent) == (VersionRange(2, 2), VersionRange(1, 1))
    assert console.stub.asked == []


async def test_action_that_is_not_offered_is_refused_before_the_tenant_is_asked(console: Console) -> None:
    console.stub.host("h1").announced = {"lowest_version": 2, "highest_version": 2, "offers": []}
    console.engine.refresh()
    await console.first(TreeRead, lambda read: announces(read, console.order("h1")))
    console.engine.ask(console.order("h1"), Action.LOG, source="rdp")

    assert "rdp-log is not set up" in (await console.first(NotDone)).sentence
    assert console.stub.asked == []


def announces(read: TreeRead, order: Order) -> bool:
    found = read.tree.host(order.place)
    return bool(found and found[1].report and found[1].report.management)


async def test_what_cannot_be_saved_is_said(console: Console, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise Problem("the disk is full")

    monkeypatch.setattr(console.saved, "save_display", fail)
    monkeypatch.setattr(console.saved, "forget_key", fail)
    console.engine.save_display(console.order("h1").place, Display())
    console.engine.forget_key(console.order("h1").place)

    assert console.all(NotSaved) == [NotSaved("the disk is full")] * 2


async def test_asked_to_refresh_it_reads_now(platform_stub: PlatformStub, tmp_path: Path) -> None:
    console = Console(platform_stub, tmp_path)
    slow = Engine(
        lambda: reached(console.login), console.program, console.saved, console._take, refresh_s=600
    )
    console.engine = slow
    async with running(console):
        await console.first(TreeRead)
        slow.refresh()
        await console.until(lambda: len(console.all(TreeRead)) == 2)


def clients(console: Console) -> list[int]:
    """Return the clients that run."""
    wanted, found = os.fsencode(console.folder / "client"), []
    for each in Path("/proc").iterdir():
        if each.name.isdecimal():
            try:
                if wanted in (each / "cmdline").read_bytes():
                    found.append(int(each.name))
            except OSError:
                continue
    return found
