"""A management session on the host's side: a console asks, the agent answers, within the tenant's consent.

The host decides twice: whether there is such a session at all (settings), and, for each thing that is asked,
whether the consent it was dialled with covers it. What is done is done by the host's own settings; a console
names nothing but a session of the host and a number of lines. Rules of this file:

- One thing after the other; each is logged with who asked, and how it ended.
- What fails is an answer, not an end: a bug in one action leaves the session and the agent up.
- A console that is silent past a deadline is told so and left.

Left out: who may come (`policy`, before the host dials), and cutting a session off, which is done by
cancelling it.

Source: docs/protocols/management.md.
"""

import asyncio
import os
import stat
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from dialback.agent.build import Build, offers_of
from dialback.agent.commands import CommandFailed, run_command
from dialback.agent.control import HostView
from dialback.agent.identity_file import Identity
from dialback.agent.platform.facts import host_name, system_text
from dialback.agent.platform.health import HostFacts, failing_checks, read_linux, read_windows
from dialback.agent.platform.sessions import SessionProblem
from dialback.agent.platform.vitals import disks, uptime_s
from dialback.agent.settings import AgentSettings
from dialback.domain.consent import DAYS, ConsentPolicy, ConsentScope, Window
from dialback.domain.errors import Reason, Refused
from dialback.observe.log import get_logger
from dialback.observe.tail import LogTail
from dialback.transport.inner_tls import InnerTls, server_side
from dialback.transport.leg import Leg, LegLost
from dialback.wire.agent.messages import MAX_FAILING, MAX_RDP_SERVERS, HostSession, clip
from dialback.wire.errors import WireError
from dialback.wire.management.messages import (
    MAX_WINDOWS,
    Answer,
    Ask,
    AskFacts,
    AskLog,
    AskSessions,
    Done,
    Facts,
    Ignored,
    LogOff,
    Policy,
    RefusedAsk,
    RestartAgent,
    RestartRdp,
    Session,
    UpdateAgent,
    fit_lines,
    fit_sessions,
)
from dialback.wire.management.session import AgentEvent, AgentSession, Asked, ConsoleGreeted

GREETING_S = 15.0
IDLE_S = 900.0
ACTION_S = 90.0
RESTART_RDP_S = 60.0
UPDATE_S = 10.0
LOG_BYTES = 256 * 1024
_log = get_logger(__name__)

SCOPES: dict[type[Ask], frozenset[ConsentScope]] = {
    AskFacts: frozenset({ConsentScope.FACTS}),
    AskLog: frozenset({ConsentScope.LOG}),
    # Who may end a session has to see which there are.
    AskSessions: frozenset({ConsentScope.FACTS, ConsentScope.END_SESSIONS}),
    LogOff: frozenset({ConsentScope.END_SESSIONS}),
    RestartRdp: frozenset({ConsentScope.RESTART_RDP}),
    RestartAgent: frozenset({ConsentScope.RESTART_AGENT}),
    UpdateAgent: frozenset({ConsentScope.UPDATE_AGENT}),
}
"""Which consent lets a console ask for what: one of those named."""


@dataclass(frozen=True, slots=True)
class ManagementContext:
    """What a session is served from.

    Attributes:
        connection_id: of the connection that carries it.
        who: the provider's staff member, as the order or the grant names them.
        allowed: the consent that the session was dialled with.
        tail: the agent's own log lines.
        restart: asked to restart the agent, after its session has ended.
        purpose: why, as the request says.
        policy: the host's own policy, to be told.
        build: what the agent says it is.
    """

    connection_id: str
    who: str
    allowed: frozenset[ConsentScope]
    identity: Identity
    settings: AgentSettings
    view: HostView
    tail: LogTail
    restart: Callable[[], None]
    purpose: str = ""
    policy: ConsentPolicy | None = None
    build: Build = field(default_factory=Build)


class _Failed(Exception):
    """What was asked for could not be done; the message is one sentence."""


async def serve_management(leg: Leg, context: ManagementContext) -> None:
    """Serve one console until either side ends; the leg is closed then, and also when this is cancelled.

    Never raises for anything a console does.
    """
    log = _log.bind(connection_id=context.connection_id, user=context.who)
    serving = None
    try:
        made = await asyncio.to_thread(server_side)
        tls = InnerTls(leg, made.context, is_server=True)
        serving = _Serving(tls, made.certificate_sha256, context)
        async with asyncio.timeout(GREETING_S):
            await tls.shake_hands()
            await serving.greet()
        await serving.answer_all()
        await tls.close()
    except TimeoutError:
        log.info("management broken off", why="the console did not greet, or did not read, in time")
    except (LegLost, WireError) as error:
        log.info("management broken off", why=str(error))
    finally:
        leg.abort()
    if serving is not None:
        log.info("management ended", asked=serving.asked)
        if serving.restarts:
            context.restart()


class _Serving:
    """One session, and what it is asked."""

    def __init__(self, tls: InnerTls, certificate_sha256: str, context: ManagementContext) -> None:
        self._tls = tls
        self._context = context
        self._log = _log.bind(connection_id=context.connection_id, user=context.who)
        self._machine = AgentSession(
            context.identity.enrolled.host_id,
            context.identity.key.sign,
            certificate_sha256,
            agent_version=context.build.version,
            scopes=context.allowed,
            versions=context.build.management,
        )
        self._open = False
        self.asked = 0
        self.restarts = False

    async def greet(self) -> None:
        """Answer the console's hello; it may turn out that the two cannot speak."""
        events: list[AgentEvent] = []
        while not events:
            events = self._machine.receive(await self._receive())
        (event, *more) = events
        if more or not isinstance(event, ConsoleGreeted):
            raise WireError("expected one hello and nothing behind it, got more")
        await self._tls.send(event.reply)
        self._open = event.version is not None
        told = self._log.bind(purpose=self._context.purpose, console=event.console_version)
        told.info("management" if self._open else "management versions differ", version=event.version)

    async def answer_all(self) -> None:
        """Answer what is asked, until the console leaves or it is time to end."""
        while self._open:
            try:
                async with asyncio.timeout(IDLE_S):
                    data = await self._tls.receive()
            except TimeoutError:
                await self._leave(f"the console asked nothing for {IDLE_S / 60:g} minutes")
                return
            if not data:
                return
            for event in self._machine.receive(data):
                if isinstance(event, Asked):
                    await self._answer(event)

    async def _answer(self, event: Asked) -> None:
        self.asked += 1
        answer = await self._judge(event.ask)
        async with asyncio.timeout(GREETING_S):
            await self._tls.send(self._machine.answer(answer))
            if self.restarts:
                await self._leave("the agent restarts")

    async def _leave(self, why: str) -> None:
        self._open = False
        await self._tls.send(self._machine.leave(why))

    async def _receive(self) -> bytes:
        data = await self._tls.receive()
        if not data:
            raise LegLost("the console left without a hello")
        return data

    async def _judge(self, ask: Ask | Ignored) -> Answer:
        """Do what is asked if that is allowed, and log it."""
        log = self._log.bind(action=ask.type, purpose=self._context.purpose)
        if isinstance(ask, LogOff):
            log = log.bind(session=ask.session)
        try:
            async with asyncio.timeout(ACTION_S):
                answer = await self._do(ask)
        except Refused as refused:
            answer = RefusedAsk(reason=refused.reason.value, detail=clip(refused.detail))
        except (_Failed, SessionProblem, CommandFailed) as problem:
            answer = _failed(str(problem))
        except TimeoutError:
            answer = _failed(f"it was not done within {ACTION_S:g} s")
        except Exception:
            # A bug in one action must not take the session down with it.
            log.exception("management action failed inside")
            answer = _failed("the agent failed inside; its log says more")
        if isinstance(answer, RefusedAsk):
            log.warning("management action refused", reason=answer.reason, detail=answer.detail)
        else:
            log.info("management action done")
        return answer

    async def _do(self, ask: Ask | Ignored) -> Answer:
        if isinstance(ask, Ignored):
            ours = self._context.build.version
            raise Refused(Reason.MANAGEMENT_OFF, f"the agent, of version {ours}, knows no {ask.type}")
        self._check_allowed(ask)
        settings = self._context.settings.management
        match ask:
            case AskFacts():
                return await _facts(self._context)
            case AskLog():
                return fit_lines(await self._lines(ask), ask.lines)
            case AskSessions():
                listed = await asyncio.to_thread(self._context.view.sessions.list)
                return fit_sessions([_session_of(each) for each in listed])
            case LogOff():
                await asyncio.to_thread(self._context.view.sessions.log_off, ask.session)
                return Done()
            case RestartRdp():
                return await _run("restart_rdp", settings.restart_rdp, RESTART_RDP_S)
            case UpdateAgent():
                return await _run("update_agent", settings.update_agent, UPDATE_S, leave=True)
            case RestartAgent():
                self.restarts = True
                return Done(detail="the agent restarts")

    def _check_allowed(self, ask: Ask) -> None:
        wanted = SCOPES[type(ask)]
        if not wanted & self._context.allowed:
            given = ", ".join(sorted(self._context.allowed)) or "nothing"
            detail = f"{ask.type} takes consent to {' or '.join(sorted(wanted))}, this connection has {given}"
            raise Refused(Reason.CONSENT_WANTED, detail)

    async def _lines(self, ask: AskLog) -> list[str]:
        if ask.source == "agent":
            return self._context.tail.lines()
        path = self._context.settings.management.rdp_log
        if not path:
            raise Refused(Reason.MANAGEMENT_OFF, "rdp_log is not set")
        return await asyncio.to_thread(_last_lines, Path(path))


def _failed(detail: str) -> RefusedAsk:
    return RefusedAsk(reason=Reason.MANAGEMENT_FAILED.value, detail=clip(detail))


async def _run(setting: str, command: str, wait_s: float, *, leave: bool = False) -> Done:
    if not command.strip():
        raise Refused(Reason.MANAGEMENT_OFF, f"{setting} is not set")
    said = await asyncio.to_thread(run_command, command, wait_s, leave=leave)
    return Done(detail=clip(said))


def _last_lines(path: Path) -> list[str]:
    """Return the last lines of a log file, the first of them whole; what is no plain file is refused."""
    try:
        with open(os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0)), "rb") as file:
            status = os.fstat(file.fileno())
            if not stat.S_ISREG(status.st_mode):
                raise _Failed(f"{path} is no plain file")
            begin = max(0, status.st_size - LOG_BYTES)
            file.seek(begin)
            lines = file.read(LOG_BYTES).decode("utf-8", "replace").splitlines()
    except OSError as error:
        raise _Failed(f"{path} cannot be read: {error.strerror or error}") from error
    return lines[1:] if begin else lines


def _session_of(session: HostSession) -> Session:
    return Session.model_validate(session.model_dump())


async def _facts(context: ManagementContext) -> Facts:
    settings = context.settings
    servers = await context.view.probe(settings)
    facts = await asyncio.to_thread(read_windows if sys.platform == "win32" else read_linux)
    counts, problem = await _counted(context)
    failing = failing_checks(facts, settings)
    return Facts(
        host_name=clip(host_name()),
        system=clip(system_text()),
        agent_version=clip(context.build.version),
        now=datetime.now(UTC),
        offers=offers_of(settings.management),
        uptime_s=uptime_s(),
        load_per_cpu=facts.load_per_cpu,
        free_memory_percent=_percent(facts),
        disks=await asyncio.to_thread(disks),
        active_sessions=None if counts is None else counts[0],
        disconnected_sessions=None if counts is None else counts[1],
        sessions_problem=problem,
        rdp_servers=servers[:MAX_RDP_SERVERS],
        failing=failing[:MAX_FAILING],
        targets=settings.targets[:MAX_RDP_SERVERS],
        policy=None if context.policy is None else policy_of(context.policy),
    )


def _percent(facts: HostFacts) -> float | None:
    percent = facts.free_memory_percent
    return None if percent is None else min(100.0, max(0.0, percent))


async def _counted(context: ManagementContext) -> tuple[tuple[int, int] | None, str]:
    """Return how many sessions are active and how many disconnected, or why that is not known."""
    try:
        found = await asyncio.to_thread(context.view.sessions.list)
    except (SessionProblem, OSError, ValueError) as problem:
        return None, clip(str(problem))
    active = sum(session.state == "active" for session in found)
    return (active, len(found) - active), ""


def policy_of(policy: ConsentPolicy) -> Policy:
    """Return what a console is told of the host's policy: not who may come, but how and for what."""
    return Policy(
        mode=policy.mode.value,
        windows=tuple(_hours(window) for window in policy.windows[:MAX_WINDOWS]),
        scopes=tuple(sorted(policy.scopes)),
        approvers=policy.approvers,
    )


def _hours(window: Window) -> str:
    days = ",".join(DAYS[day] for day in sorted(window.days))
    begin, end = (f"{minute // 60:02}:{minute % 60:02}" for minute in (window.begin, window.end))
    return f"{days} {begin}-{end}"
