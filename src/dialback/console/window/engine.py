"""What runs behind the window: reading the platform, remote desktops, and the console at one host.

One object in one event loop; the window gives orders and is told events, and neither waits for the other.
Orders never fail: what goes wrong is an event with a sentence. Every few seconds the tenants are read, but
hosts only where somebody looks or a count has changed, so that hundreds of tenants cost one request.

Each remote desktop is a task of its own and ends alone. The engine ends when `run` is cancelled, and then
with every client, redirector and session it has started.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Collection
from dataclasses import replace
from datetime import UTC, datetime

from dialback.console.actions import SCOPES, Action, check_announced, perform
from dialback.console.addresses import RDP_PORT
from dialback.console.clients import Display, Program
from dialback.console.connecting import Access, Connecting, Step
from dialback.console.connecting import Visit as Ended
from dialback.console.management import Management, VersionsDiffer, managing
from dialback.console.redirector import STOP_S, Redirector
from dialback.console.saved import Saved
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
from dialback.console.window.platform import Order, Place, Platform, Reach
from dialback.console.window.texts import safe, sentence_of
from dialback.console.window.tree import Tree, grow, stale
from dialback.domain.consent import ConsentScope
from dialback.domain.errors import Problem, Refused
from dialback.domain.ids import TenantId
from dialback.observe.tasks import Tasks, set_within
from dialback.wire.errors import WireError
from dialback.wire.management.messages import Source

REFRESH_S = 4.0
COUNT_S = 1.0
LOOK_S = 10.0
"""How often the host is looked at to which the console is connected."""
WHOLE_EVERY = 15
"""Every so many readings the hosts of all tenants are read."""
FAILURES = (Problem, Refused, WireError, OSError, ValueError)

FindProgram = Callable[[], Program]
"""Finds the RDP client; raises `NoClient`."""


class Engine:
    """Takes orders in its event loop; `tell` is called there too, and returns at once.

    Args:
        port: of the redirectors' listeners.
    """

    def __init__(
        self,
        reach: Reach,
        find_program: FindProgram,
        saved: Saved,
        tell: Callable[[Event], None],
        *,
        port: int = RDP_PORT,
        refresh_s: float = REFRESH_S,
    ) -> None:
        self._reach = reach
        self._find_program = find_program
        self._saved = saved
        self._tell = tell
        self._port = port
        self._refresh_s = refresh_s
        self._tasks = Tasks()
        self._wake = asyncio.Event()
        self._watched: frozenset[TenantId] = frozenset()
        self._tree = Tree()
        self._visits: dict[int, tuple[Visit, asyncio.Task[None]]] = {}
        self._redirectors: dict[int, Redirector] = {}
        self._count = 0
        self._console: asyncio.Task[None] | None = None
        self._look = asyncio.Event()
        self._opened: asyncio.Future[Platform] = asyncio.get_running_loop().create_future()

    async def run(self) -> None:
        """Read the platform until cancelled; then end everything."""
        try:
            await self._serve()
        finally:
            await asyncio.shield(self._end_all())

    def watch(self, tenants: Collection[TenantId]) -> None:
        """Read the hosts of these tenants every time: somebody looks at them."""
        if not self._watched.issuperset(tenants):
            self._wake.set()
        self._watched = frozenset(tenants)

    def refresh(self) -> None:
        """Read the platform, and the host the console is connected to, now."""
        self._wake.set()
        self._look.set()

    def connect(self, order: Order) -> None:
        """Open a remote desktop."""
        self._count += 1
        visit = Visit(self._count, order, datetime.now(UTC))
        task = self._tasks.start(f"visit {order.place.name}", self._visit(visit))
        self._visits[visit.number] = (visit, task)
        self._tell(visit)

    def end(self, number: int) -> None:
        """End a remote desktop, whatever it waits for."""
        found = self._visits.get(number)
        # A second cancellation would not wait for a client that takes its time.
        if found and not found[1].cancelling():
            found[1].cancel()

    def open_console(self, order: Order) -> None:
        """Connect the console to a host, in place of the one it is connected to."""
        before, self._console = self._console, None
        if before:
            before.cancel()
        self._console = self._tasks.start(f"console {order.place.name}", self._manage(order, before))

    def close_console(self) -> None:
        """Disconnect the console."""
        if self._console:
            self._console.cancel()

    def ask(self, order: Order, action: Action, session: str = "", source: Source = "agent") -> None:
        """Have something done at a host, with the consent that it takes."""
        name = f"{action} {order.place.name}"
        self._tasks.start(name, self._ask(order, action, session, source))

    def forget_key(self, place: Place) -> None:
        """Forget a host's key: the technician knows that it was enrolled anew."""
        try:
            self._saved.forget_key(place.tenant, place.host)
        except Problem as problem:
            self._tell(NotSaved(sentence_of(problem)))

    def save_display(self, place: Place, display: Display) -> None:
        """Remember how a host is to be shown."""
        try:
            self._saved.save_display(place.tenant, place.host, display)
        except Problem as problem:
            self._tell(NotSaved(sentence_of(problem)))

    # --- the platform

    async def _serve(self) -> None:
        try:
            async with self._reach() as platform:
                self._opened.set_result(platform)
                self._tasks.start("count bytes", self._count_bytes())
                await self._read_on(platform)
        except FAILURES as error:
            self._opened.set_exception(error)
            self._tell(PlatformLost(sentence_of(self._opened.exception() or error)))
            await asyncio.get_running_loop().create_future()

    async def _end_all(self) -> None:
        visits = [task for _, task in self._visits.values()]
        for number in list(self._visits):
            self.end(number)
        if visits:
            await asyncio.wait(visits, timeout=3 * STOP_S)
        await self._tasks.close()

    async def _read_on(self, platform: Platform) -> None:
        readings = 0
        while True:
            self._wake.clear()
            try:
                await self._read(platform, whole=readings % WHOLE_EVERY == 0)
                readings += 1
            except FAILURES as error:
                self._tell(PlatformLost(sentence_of(error)))
            await set_within(self._wake, self._refresh_s)

    async def _read(self, platform: Platform, *, whole: bool) -> None:
        tenants = await platform.tenants()
        wanted = stale(tenants, self._tree) | self._watched
        hosts = {
            tenant.id: await platform.hosts(tenant.id) for tenant in tenants if whole or tenant.id in wanted
        }
        self._tree = grow(tenants, self._tree, hosts)
        self._tell(TreeRead(self._tree, datetime.now(UTC)))

    # --- remote desktops

    async def _visit(self, visit: Visit) -> None:
        def tell(step: Step, detail: str) -> None:
            proof = {"proof": safe(detail, 1000)} if step is Step.PROVEN else {}
            if step is not Step.ENDED:
                self._changed(visit.number, step=step, **proof)

        try:
            ended = await self._connect(visit, tell)
            self._changed(visit.number, **_outcome(ended))
        except FAILURES as error:
            self._changed(visit.number, problem=sentence_of(error))
        finally:
            self._counted(visit.number)
            self._changed(visit.number, step=Step.ENDED)
            self._redirectors.pop(visit.number, None)
            self._visits.pop(visit.number, None)

    async def _connect(self, visit: Visit, tell: Callable[[Step, str], None]) -> Ended:
        program, order = self._find_program(), visit.order
        tell(Step.ASKING, "")
        access, gateway = await (await self._platform()).access(order, ConsentScope.DESKTOP)

        async def given() -> Access:
            return access

        def watch(redirector: Redirector) -> None:
            self._redirectors[visit.number] = redirector
            address, port = redirector.place
            self._changed(visit.number, address=f"{address}:{port}")

        display = self._saved.host(order.place.tenant, order.place.host).display
        if order.user:
            display = replace(display, user=order.user)
        connecting = Connecting(gateway, program, self._saved, self._port)
        return await connecting.connect(given, tell, display, watch)

    async def _count_bytes(self) -> None:
        while True:
            await asyncio.sleep(COUNT_S)
            for number in list(self._redirectors):
                self._counted(number)

    def _counted(self, number: int) -> None:
        if redirector := self._redirectors.get(number):
            to_host, to_client = redirector.counted
            refused = redirector.traffic.refused
            problem = {"problem": sentence_of(refused)} if refused else {}
            self._changed(number, to_host_bytes=to_host, to_client_bytes=to_client, **problem)

    def _changed(self, number: int, **changes: object) -> None:
        before, task = self._visits[number]
        after = replace(before, **changes)  # type: ignore[arg-type]
        if after != before:
            self._visits[number] = (after, task)
            self._tell(after)

    # --- the console at a host

    async def _manage(self, order: Order, before: asyncio.Task[None] | None) -> None:
        if before:
            await asyncio.wait([before])
        self._tell(ConsoleOpening(order))
        problem = ""
        try:
            async with self._session(order, Action.FACTS) as management:
                await self._look_on(order, management)
        except VersionsDiffer as differ:
            self._tell(VersionsWarned(order, differ.console, differ.agent))
        except FAILURES as error:
            problem = sentence_of(error)
        finally:
            self._tell(ConsoleClosed(order, problem))

    async def _look_on(self, order: Order, management: Management) -> None:
        while True:
            self._look.clear()
            facts, sessions = await management.facts(), await management.sessions()
            self._tell(ConsoleSeen(order, facts, sessions))
            await set_within(self._look, LOOK_S)

    async def _ask(self, order: Order, action: Action, session: str, source: Source) -> None:
        self._tell(Asked(order.place, action))
        try:
            async with self._session(order, action, source) as management:
                answer = await perform(management, action, session=session, source=source)
            self._tell(Answered(order.place, action, answer))
        except VersionsDiffer as differ:
            self._tell(VersionsWarned(order, differ.console, differ.agent))
        except FAILURES as error:
            self._tell(NotDone(order.place, action, sentence_of(error)))
        self._look.set()

    @contextlib.asynccontextmanager
    async def _session(
        self, order: Order, action: Action, source: Source = "agent"
    ) -> AsyncIterator[Management]:
        found = self._tree.host(order.place)
        announced = found[1].report.management if found and found[1].report else None
        check_announced(order.place.name, announced, action, source)
        access, gateway = await (await self._platform()).access(order, SCOPES[action])
        self._saved.check_key(order.place.tenant, order.place.host, access.host_key)
        async with managing(gateway, access, order.place.name) as management:
            yield management

    async def _platform(self) -> Platform:
        return await asyncio.shield(self._opened)


def _outcome(ended: Ended) -> dict[str, object]:
    """Return what is to be said of a visit that ended by itself."""
    refused = ended.refused
    return {"problem": ended.problem if refused is None else sentence_of(refused)}
