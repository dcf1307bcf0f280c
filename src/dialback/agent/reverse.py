"""Host legs: what the agent does when the server orders it to dial.

The order is judged by the host's policy. Then the gateway and the target are dialled at the same time, and
the ticket is presented only when both stand: a ticket is good once, and a gateway that sees it may tell its
client that the desktop is there. From the gateway's 101 on the relay moves bytes.

Connections outlive the link that ordered them, and end when the tasks that carry them are closed.

A target that is the word `management` is the agent itself: a console is served, nothing local is dialled.

A canary is a host leg for nothing: it shows that the host still reaches the gateway, and is closed as soon as
the gateway has taken it. One is under way at most; a newer order takes the place of an older one.
"""

import asyncio
import ssl
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from dialback.agent.exchange import ask_upgrade
from dialback.agent.identity_file import Identity
from dialback.agent.outbound import dial_platform
from dialback.agent.policy import may_dial
from dialback.agent.settings import AgentSettings
from dialback.domain.consent import ConsentScope
from dialback.domain.errors import Refused
from dialback.domain.hosts import Target
from dialback.observe.log import get_logger
from dialback.observe.tasks import Tasks
from dialback.relay.framings import plain
from dialback.relay.join import End, Relay
from dialback.relay.meter import Meter
from dialback.transport.dial import DialFailed, dial_target
from dialback.transport.leg import Leg
from dialback.wire.agent.link import (
    HOST_HEADER,
    REVERSE_PATH,
    REVERSE_UPGRADE,
    SIGNATURE_HEADER,
    TICKET_HEADER,
    signed_ticket,
)
from dialback.wire.agent.messages import Canary, Dial, DialRefusal, encode_base64url
from dialback.wire.errors import WireError
from dialback.wire.management.session import MANAGEMENT_TARGET

MOST_DIALLING = 64
_log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Declined:
    """An order that is not carried out: the reason on the wire, and a sentence."""

    reason: DialRefusal
    detail: str


Answer = Callable[[str, Declined | None], None]
"""Told once for each order: the connection's id, and None if both connections stand."""

Manage = Callable[[Dial, frozenset[ConsentScope], Leg], Awaitable[None]]
"""Serves the console behind a host leg, within this consent, until a side ends; the leg is then closed."""


class _CannotDial(Exception):
    def __init__(self, reason: DialRefusal, detail: str) -> None:
        super().__init__(detail)
        self.declined = Declined(reason, detail)


class Dialler:
    """Carries out orders to dial, each in a task of its own.

    Args:
        context: verifies the gateways of this platform.
        tasks: owns the connections.
        manage: serves consoles; None if the host's settings let nobody manage it.
    """

    def __init__(
        self,
        identity: Identity,
        settings: AgentSettings,
        context: ssl.SSLContext,
        tasks: Tasks,
        manage: Manage | None = None,
    ) -> None:
        self._identity = identity
        self._settings = settings
        self._context = context
        self._tasks = tasks
        self._manage = manage
        self._relay = Relay()
        self._dialling = 0
        self._canary: asyncio.Task[None] | None = None
        self._canary_problem = ""

    def start(self, order: Dial, answer: Answer) -> None:
        """Begin to carry an order out; more than 64 that wait for their dials at once are declined."""
        if self._dialling >= MOST_DIALLING:
            detail = f"this host is dialling for {MOST_DIALLING} connections already"
            answer(order.connection_id, Declined("agent-refused", detail))
            return
        self._dialling += 1
        self._tasks.start(f"connection {order.connection_id}", self._carry_out(order, answer))

    def show(self, order: Canary, answer: Answer) -> None:
        """Begin to show that the gateway can be reached."""
        if self._canary is not None:
            self._canary.cancel()
        self._canary = self._tasks.start(f"canary {order.connection_id}", self._show(order, answer))

    async def _show(self, order: Canary, answer: Answer) -> None:
        try:
            leg = await self._dial_gateway(order)
            try:
                await self._present(order, leg)
                answer(order.connection_id, None)
            finally:
                leg.abort()
        except _CannotDial as error:
            answer(order.connection_id, error.declined)
            self._tell_canary(error.declined.detail)
        else:
            self._tell_canary("")

    def _tell_canary(self, problem: str) -> None:
        """Log what changed: canaries come every few seconds."""
        if bool(problem) != bool(self._canary_problem):
            if problem:
                _log.warning("the gateway cannot be reached", detail=problem)
            else:
                _log.info("the gateway can be reached again")
        self._canary_problem = problem

    async def _carry_out(self, order: Dial, answer: Answer) -> None:
        log = _log.bind(connection_id=order.connection_id, user=order.user, target=order.target)
        try:
            host_leg, local = await self._dial(order)
        except _CannotDial as error:
            declined = error.declined
            log.warning("dial declined", reason=declined.reason, detail=declined.detail)
            answer(order.connection_id, declined)
            return
        finally:
            self._dialling -= 1
        log.info("dialled", gateway=order.gateway)
        answer(order.connection_id, None)
        if local is None:
            await self._serve_console(order, host_leg)
            return
        meter = Meter(asyncio.get_running_loop().time)
        ended = await self._relay.join(End(host_leg, host_leg, plain()), End(local, local, plain()), meter)
        by = "platform" if ended.side == "left" else "host"
        log.info("ended", by=by, to_host_bytes=meter.to_right_bytes, from_host_bytes=meter.to_left_bytes)

    async def _serve_console(self, order: Dial, host_leg: Leg) -> None:
        if self._manage is not None:
            # An order brings no consent, so the console may ask for nothing.
            await self._manage(order, frozenset(), host_leg)

    async def _dial(self, order: Dial) -> tuple[Leg, Leg | None]:
        """Return host leg and local connection, the gateway having taken the ticket."""
        if order.target == MANAGEMENT_TARGET:
            return await self._dial_for_console(order), None
        try:
            target = may_dial(order.target, self._settings)
        except Refused as refused:
            raise _CannotDial("agent-refused", refused.detail) from refused
        host_leg, local = await self._dial_both(order, target)
        try:
            await self._present(order, host_leg)
        except BaseException:
            host_leg.abort()
            local.abort()
            raise
        return host_leg, local

    async def _dial_for_console(self, order: Dial) -> Leg:
        if self._manage is None:
            raise _CannotDial("agent-refused", "management is not enabled in this host's agent settings")
        host_leg = await self._dial_gateway(order)
        try:
            await self._present(order, host_leg)
        except BaseException:
            host_leg.abort()
            raise
        return host_leg

    async def _dial_both(self, order: Dial, target: Target) -> tuple[Leg, Leg]:
        """Dial both ends at once; the first to fail ends the other."""
        name = f"dial {order.connection_id}"
        gateway: asyncio.Task[Leg] | None = None
        local: asyncio.Task[Leg] | None = None
        try:
            async with asyncio.TaskGroup() as group:
                gateway = group.create_task(self._dial_gateway(order), name=name)
                local = group.create_task(self._dial_local(target), name=name)
            return gateway.result(), local.result()
        except BaseException as error:
            for task in (gateway, local):
                if task is not None and task.done() and not task.cancelled() and task.exception() is None:
                    task.result().abort()
            if isinstance(error, BaseExceptionGroup):
                raise error.exceptions[0] from None
            raise

    async def _dial_gateway(self, order: Dial | Canary) -> Leg:
        try:
            return await dial_platform(order.gateway, self._context, self._settings, order.certificate_sha256)
        except DialFailed as error:
            raise _CannotDial("gateway-unreachable", str(error)) from error

    async def _dial_local(self, target: Target) -> Leg:
        try:
            return await dial_target(target, self._settings.dial_timeout_s)
        except DialFailed as error:
            raise _CannotDial("rdp-server-down", str(error)) from error

    async def _present(self, order: Dial | Canary, leg: Leg) -> None:
        """Present the ticket on the host leg and wait until the gateway has taken it."""
        host_id = self._identity.enrolled.host_id
        signature = self._identity.key.sign(signed_ticket(order.ticket, host_id, order.certificate_sha256))
        headers = [
            ("Upgrade", REVERSE_UPGRADE),
            (HOST_HEADER, host_id),
            (TICKET_HEADER, order.ticket),
            (SIGNATURE_HEADER, encode_base64url(signature)),
        ]
        timeout_s = self._settings.dial_timeout_s
        try:
            async with asyncio.timeout(timeout_s):
                answer = await ask_upgrade(leg, REVERSE_PATH, order.gateway, headers)
        except TimeoutError as error:
            detail = f"the gateway {order.gateway} did not take the host leg within {timeout_s:g} s"
            raise _CannotDial("gateway-unreachable", detail) from error
        except (OSError, WireError) as error:
            detail = f"the gateway {order.gateway} gave no proper answer: {error}"
            raise _CannotDial("gateway-unreachable", detail) from error
        if answer.status != 101:
            detail = f"the gateway {order.gateway} refused the host leg with status {answer.status}"
            raise _CannotDial("gateway-unreachable", detail)
