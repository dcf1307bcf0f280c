"""From *connect* to the desktop: what happens in a console, one step after the other.

Access is asked of the platform; the host's key is compared with the one it always had, and what it has signed
of its certificate is verified with it; a leg to the host is
opened, which may wait for the tenant's consent; through it the host's certificate is looked at, and what that
shows is told; then the RDP client is started against a redirector, with the announced certificate as its
pin, and served until it ends. Each step is told to whoever shows it, since some take minutes. Nothing is left
running, whatever fails.
"""

import asyncio
import contextlib
import os
import tempfile
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path

from dialback.console.addresses import RDP_PORT, open_listener
from dialback.console.announced import NOTHING, Announced, judge
from dialback.console.clients import Display, Launch, Program
from dialback.console.ended import ReadEnd, why_ended
from dialback.console.guard import Guard
from dialback.console.legs import Gateway, open_leg
from dialback.console.owners import is_ours
from dialback.console.proof import Proof, check, compare
from dialback.console.redirector import Redirector, Traffic
from dialback.console.saved import Saved
from dialback.domain.errors import Problem, Refused
from dialback.domain.ids import HostId, TenantId
from dialback.domain.secret import Secret
from dialback.observe.log import get_logger
from dialback.relay.join import Relay
from dialback.transport.leg import Leg

_log = get_logger(__name__)


class ClientNotStarted(Problem):
    """The RDP client could not be started; the message says which and why."""


class Step(StrEnum):
    """How far a connection of the console is."""

    ASKING = "asking"
    """The platform is asked for access."""
    REACHING = "reaching"
    """The host is dialled; it may be waking, or its tenant deciding."""
    PROVING = "proving"
    """The host's certificate is looked at."""
    PROVEN = "proven"
    """It was looked at; the detail says what that has shown, in a sentence."""
    CONNECTED = "connected"
    """The RDP client runs."""
    ENDED = "ended"


Report = Callable[[Proof], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Access:
    """What the platform gives a technician for one host: the token, and by what the host is known.

    `host_key` is hexadecimal; `announced` what the platform hands over of the certificate at the target.
    `report` tells the platform what was seen of the host's certificate, for the record of the connection;
    `read_end` asks it why the connection has ended.
    """

    tenant: TenantId
    host: HostId
    name: str
    alias: str
    token: Secret
    host_key: str
    target: str = ""
    announced: Announced = NOTHING
    report: Report | None = field(default=None, repr=False, compare=False)
    read_end: ReadEnd | None = field(default=None, repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class Visit:
    """A connection that ended: what was proved, what went through, and the client's exit status.

    `refused` is why it was refused or cut, None if client or host ended it; `well` is whether a client ends
    with that status when nothing is wrong.
    """

    proof: Proof
    traffic: Traffic
    status: int
    refused: Refused | None = None
    well: bool = True

    @property
    def problem(self) -> str:
        """Return what was wrong with the client, as a sentence; empty if nothing was."""
        if not self.traffic.connections:
            ended = f"ended before it connected, with status {self.status}"
        elif not self.well:
            ended = f"ended with status {self.status}"
        else:
            return ""
        return f"The RDP client {ended}; its own messages say why."


Ask = Callable[[], Awaitable[Access]]
Tell = Callable[[Step, str], None]
"""Told each step, with a detail for the person."""
Watch = Callable[[Redirector], None]
REPORT_S = 5.0


class Connecting:
    """Connects the technician's own RDP client to hosts.

    Args:
        port: of the redirectors' listeners.
        now: this machine's clock.
    """

    def __init__(
        self,
        gateway: Gateway,
        program: Program,
        saved: Saved,
        port: int = RDP_PORT,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._gateway = gateway
        self._program = program
        self._saved = saved
        self._port = port
        self._now = now
        self._relay = Relay()

    async def connect(
        self, ask: Ask, tell: Tell, display: Display | None = None, watch: Watch | None = None
    ) -> Visit:
        """Connect and return when the client has ended. When cancelled, the client is ended too.

        Args:
            display: how to show the host this time; None for what is remembered of it.
            watch: is given the redirector before the client starts, to look at while it runs.

        Raises:
            Refused: with the reason of whoever refused.
            ClientNotStarted, NoListener, OSError: in words.
        """
        tell(Step.ASKING, "")
        access = await ask()
        self._saved.check_key(access.tenant, access.host, access.host_key)
        announced, why = judge(access.announced, access.host, access.target, access.host_key, self._now())
        proof = await self._prove(access, announced, why, tell)
        shown = display or self._saved.host(access.tenant, access.host).display
        listener = open_listener(access.tenant, access.host, self._port)
        with contextlib.closing(listener):
            redirector = Redirector(
                access.name,
                listener,
                lambda: self._open_leg(access),
                is_ours,
                self._relay,
                _guard(access, announced) if announced else None,
            )
            if watch:
                watch(redirector)
            launch = Launch(*redirector.place, access.name, announced, shown)
            status = await self._serve(redirector, launch, tell)
        refused = redirector.traffic.refused or await why_ended(access.read_end)
        tell(Step.ENDED, "")
        return Visit(proof, redirector.traffic, status, refused, self._program.has_ended_well(status))

    async def _open_leg(self, access: Access) -> Leg:
        return await open_leg(self._gateway, access.alias, access.token)

    async def _prove(self, access: Access, announced: str, why: str, tell: Tell) -> Proof:
        tell(Step.REACHING, access.name)
        leg = await self._open_leg(access)
        try:
            tell(Step.PROVING, access.name)
            proof = await compare(leg, announced, why)
            # While the leg stands, so that the record of this very connection has it.
            await _tell_platform(access, proof)
        finally:
            leg.abort()
        check(proof)
        tell(Step.PROVEN, proof.sentence)
        return proof

    async def _serve(self, redirector: Redirector, launch: Launch, tell: Tell) -> int:
        with _file_for(self._program, launch) as file:
            command = self._program.command(launch, file)
            try:
                client = await asyncio.create_subprocess_exec(*command)
            except OSError as error:
                raise ClientNotStarted(
                    f"the RDP client {command[0]} cannot be started: {error.strerror or error}"
                ) from error
            tell(Step.CONNECTED, launch.place)
            return await redirector.serve(client)


def _guard(access: Access, announced: str) -> Guard:
    async def tell(proof: Proof) -> None:
        await _tell_platform(access, proof)

    return Guard(access.name, announced, tell)


async def _tell_platform(access: Access, proof: Proof) -> None:
    """Tell the platform what was seen; that it fails is no reason not to connect."""
    if access.report is None:
        return
    try:
        async with asyncio.timeout(REPORT_S):
            await access.report(proof)
    except Exception as error:
        _log.warning("the platform was not told of the certificate", host=access.host, why=str(error))


@contextlib.contextmanager
def _file_for(program: Program, launch: Launch) -> Iterator[str]:
    """Yield the path of the settings file while the client runs, empty if it needs none."""
    if not program.needs_file:
        yield ""
        return
    handle, path = tempfile.mkstemp(program.file_suffix, program.file_prefix(launch))
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(program.settings(launch))
        yield path
    finally:
        Path(path).unlink(missing_ok=True)
