"""Host legs: what the agent does when the server orders it to dial.

The order is judged by the host's policy. Then the gateway and the target are dialled at the same time, and
the ticket is presented only when both stand: a ticket is good once, and a gateway that sees it may tell its
client that the desktop is there. From the gateway's 101 on the relay moves bytes.

Connections outlive the link that ordered them, and end when the tasks that carry them are closed.

Who comes from the provider needs the host's consent, which is judged first, and again while the visit lasts:
one that has lost it is told to the server, for its record, and is over within `CUT_S`, whoever still reads.

A target that is the word `management` is the agent itself: a console is served, nothing local is dialled.

A canary is a host leg for nothing: it shows that the host still reaches the gateway, and is closed as soon as
the gateway has taken it. One is under way at most; a newer order takes the place of an older one.
"""

import asyncio
import ssl
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from dialback.agent.consent import HostConsent, Visit
from dialback.agent.exchange import ask_upgrade
from dialback.agent.identity_file import Identity
from dialback.agent.outbound import dial_platform
from dialback.agent.policy import may_dial
from dialback.agent.settings import AgentSettings
from dialback.domain.consent import ConsentScope
from dialback.domain.errors import Reason, Refused
from dialback.domain.hosts import Target
from dialback.observe.log import get_logger
from dialback.observe.tasks import Tasks, first_of
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
TELL_S = 0.2
"""How long a visit goes on after the server was told of its end, so that the server is the one to end it."""
CUT_S = 1.0
_REASONS: Final[dict[Reason, DialRefusal]] = {
    Reason.AGENT_REFUSED: "agent-refused",
    Reason.CONSENT_FORBIDDEN: "consent-forbidden",
    Reason.CONSENT_WANTED: "consent-wanted",
    Reason.GRANT_OTHER: "grant-other",
    Reason.GRANT_INVALID: "grant-invalid",
    Reason.GRANT_UNSIGNED: "grant-unsigned",
    Reason.GRANT_EARLY: "grant-early",
    Reason.GRANT_EXPIRED: "grant-expired",
    Reason.GRANT_REVOKED: "grant-revoked",
    Reason.GRANT_USED: "grant-used",
}
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


@dataclass(eq=False, slots=True)
class _Visiting:
    """A visit that was let in, and the future that ends it."""

    visit: Visit
    cut: "asyncio.Future[Refused]" = field(default_factory=lambda: asyncio.get_running_loop().create_future())


class Dialler:
    """Carries out orders to dial, each in a task of its own.

    Args:
        context: verifies the gateways of this platform.
        tasks: owns the connections.
        manage: serves consoles; None if the host's settings let nobody manage it.
        consent: judges what the provider asks for; None lets nobody of theirs in.
    """

    def __init__(
        self,
        identity: Identity,
        settings: AgentSettings,
        context: ssl.SSLContext,
        tasks: Tasks,
        manage: Manage | None = None,
        consent: HostConsent | None = None,
    ) -> None:
        self._identity = identity
        self._settings = settings
        self._context = context
        self._tasks = tasks
        self._manage = manage
        self._consent = consent
        self._visits: set[_Visiting] = set()
        self.target_failed = asyncio.Event()
        """Set when a target could not be dialled, for whoever looks after the host's RDP server."""
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

    def revoke(self, grant_id: str) -> None:
        """Take a grant as revoked: what it opened is cut, and it opens nothing more."""
        if self._consent is not None:
            self._consent.revoke(grant_id)
            self.look()

    def look(self) -> None:
        """Cut each visit that has lost its consent by now."""
        for visiting in [each for each in self._visits if not each.cut.done()]:
            try:
                assert self._consent is not None
                self._consent.check(visiting.visit)
            except Refused as refused:
                visiting.cut.set_result(refused)

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
        visiting: _Visiting | None = None
        try:
            try:
                visiting = self._let_in(order)
                host_leg, local = await self._dial(order)
            except _CannotDial as error:
                declined = error.declined
                # The server asks again and again while consent is wanted.
                tell = log.debug if declined.reason == "consent-wanted" else log.warning
                tell("dial declined", reason=declined.reason, detail=declined.detail)
                answer(order.connection_id, declined)
                return
            finally:
                self._dialling -= 1
            log.info("dialled", gateway=order.gateway)
            answer(order.connection_id, None)
            if local is None:
                work = self._serve_console(order, visiting, host_leg)
                await self._until_cut(order, visiting, answer, work, [host_leg])
                return
            await self._until_cut(
                order, visiting, answer, self._relayed(log, host_leg, local), [host_leg, local]
            )
        finally:
            if visiting is not None:
                self._left(visiting)

    def _let_in(self, order: Dial) -> _Visiting | None:
        """Judge the order; return the visit, None if it is a user's."""
        try:
            if self._consent is None and order.consent is not None:
                raise Refused(Reason.CONSENT_FORBIDDEN, "no consent policy on this host")
            visit = self._consent.judge(order) if self._consent is not None else None
        except Refused as refused:
            raise _CannotDial(_REASONS[refused.reason], refused.detail) from refused
        if visit is None:
            return None
        visiting = _Visiting(visit)
        self._visits.add(visiting)
        return visiting

    def _left(self, visiting: _Visiting) -> None:
        assert self._consent is not None
        self._visits.discard(visiting)
        self._consent.ended(visiting.visit)

    async def _relayed(self, log: Any, host_leg: Leg, local: Leg) -> None:
        meter = Meter(asyncio.get_running_loop().time)
        ended = await self._relay.join(End(host_leg, host_leg, plain()), End(local, local, plain()), meter)
        by = "platform" if ended.side == "left" else "host"
        log.info("ended", by=by, to_host_bytes=meter.to_right_bytes, from_host_bytes=meter.to_left_bytes)

    async def _until_cut(
        self,
        order: Dial,
        visiting: _Visiting | None,
        answer: Answer,
        work: Coroutine[Any, Any, None],
        legs: Sequence[Leg],
    ) -> None:
        """Do the work; if it is a visit that loses its consent, tell the server and end it."""
        if visiting is None:
            await work
            return
        cut = self._cut(order, visiting, answer, legs)
        await first_of(f"visit {order.connection_id}", work, cut)

    async def _cut(self, order: Dial, visiting: _Visiting, answer: Answer, legs: Sequence[Leg]) -> None:
        """Return when the visit has to end, which ends it; legs that do not close are dropped."""
        refused = await asyncio.shield(visiting.cut)
        _log.warning(
            "visit cut", connection_id=order.connection_id, reason=refused.reason.value, detail=refused.detail
        )
        answer(order.connection_id, Declined(_REASONS[refused.reason], refused.detail))
        loop = asyncio.get_running_loop()
        for leg in legs:
            loop.call_later(CUT_S, _drop, leg)
        await asyncio.sleep(TELL_S)

    async def _serve_console(self, order: Dial, visiting: _Visiting | None, host_leg: Leg) -> None:
        if self._manage is not None:
            scopes = visiting.visit.scopes if visiting is not None else frozenset()
            await self._manage(order, scopes, host_leg)

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
            self.target_failed.set()
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


def _drop(leg: Leg) -> None:
    """Let go of the leg at once: of its transport, since a relay may have taken it over."""
    if not leg.lost:
        leg.transport.abort()
