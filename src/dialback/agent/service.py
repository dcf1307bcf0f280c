"""The agent's service: keep the link up, for as long as the process runs.

A server that is away is an ordinary state: the first failure is a warning, the same again is a debug line.
Nothing is remembered from one link to the next but how long to wait.
"""

import asyncio
import contextlib
import random
import signal
import ssl
from collections.abc import Awaitable, Callable, Iterator, Sequence
from datetime import datetime
from pathlib import Path

from dialback.agent.backoff import Backoff
from dialback.agent.build import Build
from dialback.agent.consent import HostConsent, local_now
from dialback.agent.consent_files import ConsentFiles
from dialback.agent.control import HostView, hold_link
from dialback.agent.flights import Flights
from dialback.agent.identity_file import Identity, load_identity
from dialback.agent.management import ManagementContext, serve_management
from dialback.agent.platform.health import check_host
from dialback.agent.platform.sessions import open_sessions
from dialback.agent.probes import probe_all
from dialback.agent.problems import IdentityProblem
from dialback.agent.reverse import Dialler, Manage
from dialback.agent.settings import AgentSettings, load_settings, policy_of
from dialback.domain.consent import ConsentScope
from dialback.observe.log import get_logger
from dialback.observe.tail import LogTail
from dialback.observe.tasks import Tasks, first_of
from dialback.transport.leg import Leg
from dialback.transport.tls import client_context
from dialback.wire.agent.messages import Dial

STEADY_S = 30
WATCH_S = 0.5
MOST_WARNINGS = 8
_log = get_logger(__name__)

Sleep = Callable[[float], Awaitable[None]]


async def run(
    folder: Path,
    *,
    stop: asyncio.Event | None = None,
    draw: Callable[[], float] = random.random,
    sleep: Sleep = asyncio.sleep,
    now: Callable[[], datetime] = local_now,
    build: Build | None = None,
) -> bool:
    """Run the agent of an enrolled host until it is told to stop; then end link and connections in order.

    Returns:
        Whether it is to be started again: a console has asked for that.

    Args:
        folder: where `join` put the identity and the settings.
        stop: set to stop; if None, SIGTERM and SIGINT do.
        draw: a random number from 0 to 1, for the waits between links.
        sleep: waits that many seconds.
        now: the host's clock, by which consent is judged, in its own time zone.
        build: what the agent says it is; None for what it is.

    Raises:
        IdentityProblem: the host is not enrolled, or its identity is damaged.
        SettingsProblem: `agent.toml` cannot be used.
    """
    identity, settings = load_identity(folder), load_settings(folder)
    try:
        context = client_context(identity.ca_pem)
    except ssl.SSLError as error:
        raise IdentityProblem(f"the identity in {folder} is damaged; enrol this host again") from error
    stopping = stop or asyncio.Event()
    signals = () if stop else (signal.SIGTERM, signal.SIGINT)
    again = asyncio.Event()
    tasks, tail = Tasks(), LogTail()
    view = HostView(probe_all, check_host, open_sessions())
    build = build or Build()

    def restart() -> None:
        again.set()
        stopping.set()

    async def manage(order: Dial, allowed: frozenset[ConsentScope], leg: Leg) -> None:
        await serve_management(
            leg,
            ManagementContext(
                order.connection_id,
                order.user,
                allowed,
                identity,
                settings,
                view,
                tail,
                restart,
                purpose=order.consent.purpose if order.consent else "",
                policy=policy_of(settings.consent) if settings.consent else None,
                build=build,
            ),
        )

    enabled = settings.management.enabled
    consent = HostConsent(ConsentFiles(folder), identity.enrolled.host_id, settings.consent, now)
    service = Service(
        identity,
        settings,
        context,
        tasks,
        draw,
        sleep,
        view,
        manage=manage if enabled else None,
        consent=consent,
        flights=Flights(folder, identity.key, settings.flights),
        build=build,
    )
    with _set_by(signals, stopping), tail.listening() if enabled else contextlib.nullcontext():
        try:
            await first_of("agent", service.keep_link(), service.watch(), _wait(stopping))
        finally:
            await tasks.close()
    _log.info("agent stopped", host=identity.enrolled.host_id, again=again.is_set())
    return again.is_set()


async def _wait(stopping: asyncio.Event) -> None:
    await stopping.wait()


@contextlib.contextmanager
def _set_by(signals: Sequence[signal.Signals], stopping: asyncio.Event) -> Iterator[None]:
    """Let the signals set the event; loops on Windows have no such hook."""
    loop = asyncio.get_running_loop()
    with contextlib.suppress(NotImplementedError):
        for number in signals:
            loop.add_signal_handler(number, stopping.set)
    try:
        yield
    finally:
        with contextlib.suppress(NotImplementedError):
            for number in signals:
                loop.remove_signal_handler(number)


class Service:
    """Holds one link after another.

    Args:
        context: verifies this platform's server and gateways.
        tasks: owns the connections, which outlive a link.
    """

    def __init__(
        self,
        identity: Identity,
        settings: AgentSettings,
        context: ssl.SSLContext,
        tasks: Tasks,
        draw: Callable[[], float],
        sleep: Sleep,
        view: HostView | None = None,
        manage: Manage | None = None,
        consent: HostConsent | None = None,
        flights: Flights | None = None,
        build: Build | None = None,
    ) -> None:
        self._identity = identity
        self._settings = settings
        self._context = context
        self._view = view or HostView(probe_all, check_host, open_sessions())
        self._flights = flights
        self._build = build
        self._sleep = sleep
        self._dialler = Dialler(identity, settings, context, tasks, manage, consent)
        self._backoff = Backoff(settings.reconnect_most_s, draw)
        self._up_at: float | None = None
        self._warned: set[str] = set()

    async def watch(self) -> None:
        """Look after visits of the provider until cancelled."""
        while True:
            self._dialler.look()
            await asyncio.sleep(WATCH_S)

    async def keep_link(self) -> None:
        """Keep the link up until cancelled."""
        while True:
            self._up_at = None
            try:
                await hold_link(
                    self._identity,
                    self._settings,
                    self._context,
                    self._dialler,
                    self._view,
                    self._opened,
                    self._flights,
                    self._build,
                )
            except OSError as error:
                self._tell(str(error))
            except Exception:
                # A bug in one link must not take the running sessions down with it.
                _log.exception("agent link failed inside")
            self._settle()
            await self._sleep(self._backoff.next_s())

    def _opened(self) -> None:
        enrolled = self._identity.enrolled
        self._up_at = asyncio.get_running_loop().time()
        self._warned.clear()
        _log.info("agent link up", host=enrolled.host_id, name=enrolled.host_name, server=enrolled.server)

    def _settle(self) -> None:
        """Begin the waits anew if the link has held: one that is ended at once must not be tried at once."""
        if self._up_at is not None and asyncio.get_running_loop().time() - self._up_at >= STEADY_S:
            self._backoff.reset()

    def _tell(self, reason: str) -> None:
        repeated = reason in self._warned or len(self._warned) >= MOST_WARNINGS
        tell = _log.debug if repeated else _log.warning
        if not repeated:
            self._warned.add(reason)
        tell("agent link down", host=self._identity.enrolled.host_id, reason=reason)
