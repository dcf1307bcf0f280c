"""A management session on the console's side: reach a host's agent, know that it is the host's, ask things.

Whoever joins the two legs could answer in the agent's place; so nothing is asked, and nothing that was said
is believed, before the far end has signed with the host's key, which the console knows from before, the very
certificate it showed. Everything an agent says is bounded by the wire; it is escaped where it is shown.

Left out: asking the platform for access, and whether the host's key is the one it always had (`saved`).

Source: docs/protocols/management.md.
"""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TypeVar

from dialback import __version__
from dialback.console.connecting import Access
from dialback.console.ended import why_ended
from dialback.console.legs import Gateway, open_leg
from dialback.domain.errors import Problem, Reason, Refused
from dialback.identity.host_keys import verify
from dialback.transport.inner_tls import InnerTls, client_side
from dialback.transport.leg import Leg, LegLost
from dialback.transport.tls import sha256_of
from dialback.wire.agent.messages import NONCE_BYTES
from dialback.wire.agent.version import VersionRange
from dialback.wire.errors import StateError, WireError
from dialback.wire.management.messages import (
    Answer,
    Ask,
    AskFacts,
    AskLog,
    AskSessions,
    Done,
    Facts,
    Log,
    LogOff,
    RefusedAsk,
    RestartAgent,
    RestartRdp,
    Sessions,
    Source,
    UpdateAgent,
)
from dialback.wire.management.session import AgentGreeted, AgentLeft, Answered, ConsoleEvent, ConsoleSession
from dialback.wire.management.version import SUPPORTED, shown_versions

GREETING_S = 30.0
ANSWER_S = 120.0
"""An agent takes 90 s at most for what it is asked, and the way there some more."""

_A = TypeVar("_A", bound=Answer)


class VersionsDiffer(Problem):
    """Console and agent speak no common version; the remote desktop needs none.

    `place` is the host as `TENANT/HOST`.
    """

    def __init__(self, place: str, console: VersionRange, agent: VersionRange) -> None:
        host = place.rpartition("/")[2]
        super().__init__(
            f"The console (protocol {shown_versions(console)}) and the agent on {host} "
            f"(protocol {shown_versions(agent)}) cannot manage each other; "
            f"`dialback connect {place}` opens its remote desktop."
        )
        self.place = place
        self.console = console
        self.agent = agent


class ManagementLost(Problem):
    """The session has ended before the answer was there; the message says why."""


class Management:
    """An open session. One thing is asked at a time; each method raises as `ask` does."""

    def __init__(self, tls: InnerTls, machine: ConsoleSession, greeted: AgentGreeted) -> None:
        self._tls = tls
        self._machine = machine
        self._asking = asyncio.Lock()
        self.agent_version = greeted.agent_version
        """The agent's own word."""
        self.scopes = greeted.scopes
        """The consent this session has, by the agent's word."""

    async def facts(self) -> Facts:
        """Return how the host is."""
        return await self._ask(AskFacts(), Facts)

    async def log_tail(self, lines: int, source: Source = "agent") -> Log:
        """Return the last lines, 1 to 1,000, of the agent's log or of the RDP service's."""
        return await self._ask(AskLog(lines=lines, source=source), Log)

    async def sessions(self) -> Sessions:
        """Return the sessions on the host."""
        return await self._ask(AskSessions(), Sessions)

    async def log_off(self, id: str) -> Done:
        """End a session and everything in it; `ValueError` if the id can be none."""
        return await self._ask(LogOff(session=id), Done)

    async def restart_rdp(self) -> Done:
        """Restart the host's RDP service."""
        return await self._ask(RestartRdp(), Done)

    async def restart_agent(self) -> Done:
        """Restart the agent, which ends this session."""
        return await self._ask(RestartAgent(), Done)

    async def update_agent(self) -> Done:
        """Start an update of the agent."""
        return await self._ask(UpdateAgent(), Done)

    async def _ask(self, ask: Ask, kind: type[_A]) -> _A:
        """Ask for one thing; return the answer.

        Raises:
            Refused: with the reason that the agent gave.
            ManagementLost: the session has ended. It has too for whoever asks after a wait was cancelled.
        """
        async with self._asking:
            try:
                async with asyncio.timeout(ANSWER_S):
                    await self._tls.send(self._machine.ask(ask))
                    event = await _next_event(self._tls, self._machine)
            except StateError as error:
                raise ManagementLost("the session has ended; open another") from error
            except TimeoutError as error:
                raise ManagementLost(f"the agent gave no answer within {ANSWER_S:g} s") from error
        if isinstance(event, Answered):
            answer = event.answer
            if isinstance(answer, RefusedAsk):
                raise refusal_of(answer)
            if isinstance(answer, kind):
                return answer
        raise ManagementLost(f"the agent gave another answer than one to {ask.type}")


def refusal_of(answer: RefusedAsk) -> Refused:
    """Return why an agent refused, in the platform's words; one of a newer agent may be unknown here."""
    try:
        return Refused(Reason(answer.reason), answer.detail)
    except ValueError:
        return Refused(Reason.MANAGEMENT_FAILED, f"{answer.reason}: {answer.detail}")


@asynccontextmanager
async def managing(
    gateway: Gateway, access: Access, place: str, versions: VersionRange = SUPPORTED
) -> AsyncIterator[Management]:
    """Reach a host's agent through the gateway, and open a session for as long as the block runs.

    Args:
        place: the host as people name it, `TENANT/HOST`.

    Raises:
        Refused: the gateway refused or has cut it, or `HOST_KEY_OTHER`.
        VersionsDiffer, ManagementLost: in words.
        OSError: the connection broke.
    """
    leg = await open_leg(gateway, access.alias, access.token)
    try:
        async with opened(leg, access.host, bytes.fromhex(access.host_key), place, versions) as management:
            yield management
    except ManagementLost:
        if refused := await why_ended(access.read_end):
            raise refused from None
        raise


@asynccontextmanager
async def opened(
    leg: Leg, host_id: str, host_key: bytes, place: str, versions: VersionRange = SUPPORTED
) -> AsyncIterator[Management]:
    """Open a session on a leg that reaches the agent; the leg is closed at the end.

    Args:
        host_key: the host's public key, 32 bytes.

    Raises:
        Refused, VersionsDiffer, ManagementLost: as `managing`.
    """
    tls = InnerTls(leg, client_side(), is_server=False)
    try:
        try:
            async with asyncio.timeout(GREETING_S):
                await tls.shake_hands()
                management = await _greet(tls, host_id, host_key, place, versions)
        except TimeoutError as error:
            raise ManagementLost(f"the agent did not greet within {GREETING_S:g} s") from error
        except LegLost as error:
            raise ManagementLost(f"the session ended while it was opened: {error}") from error
        yield management
        await tls.close()
    finally:
        leg.abort()


async def _greet(
    tls: InnerTls, host_id: str, host_key: bytes, place: str, versions: VersionRange
) -> Management:
    machine = ConsoleSession(
        os.urandom(NONCE_BYTES),
        host_id,
        sha256_of(tls.peer_certificate()),
        console_version=__version__,
        versions=versions,
    )
    await tls.send(machine.greet())
    event = await _next_event(tls, machine)
    if not isinstance(event, AgentGreeted):
        raise ManagementLost("the agent did not greet first")
    if not verify(host_key, event.signature, event.signed):
        raise Refused(
            Reason.HOST_KEY_OTHER,
            f"the far end did not sign with the key {host_key.hex()}: somebody may be in between",
        )
    if event.version is None:
        raise VersionsDiffer(place, versions, event.versions)
    machine.accept()
    return Management(tls, machine, event)


async def _next_event(tls: InnerTls, machine: ConsoleSession) -> ConsoleEvent:
    """Return the one event that is due.

    Raises:
        ManagementLost: the agent left, or broke the protocol.
    """
    try:
        events: list[ConsoleEvent] = []
        while not events:
            data = await tls.receive()
            if not data:
                raise ManagementLost("the agent ended the session")
            events = machine.receive(data)
    except (LegLost, WireError) as error:
        raise ManagementLost(f"the session with the agent broke: {error}") from error
    event = events[0]
    if isinstance(event, AgentLeft):
        raise ManagementLost(f"the agent ended the session: {event.why}")
    return event
