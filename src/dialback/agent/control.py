"""The agent link, one life of it: connect, prove who we are, then heartbeats, reports, orders, till it ends.

What there is to report comes from a `HostView`; looking may block, and so it is done in a thread.

A link always ends by an error that says why; to try again is the service's business. Rules of this file:

- What the server says is read by one coroutine, which also waits until its own answers have left, so that a
  server that does not read cannot make us remember.
- A heartbeat is due at least every 25 s, whatever the server asks for, because middleboxes forget idle
  connections; a server silent for two and a half of them is gone.
- Reports are said at the start, when something in them has changed, when a target could not be dialled, and
  again after `report_most_s`; the certificates in them are signed each time.
- Orders for sessions are carried out one after the other; more than 16 that wait are declined, and so is one
  that has waited until its server waits no more.

Source: docs/protocols/agent.md; RFC 6455 section 4.1 (client requirements) for the upgrade.
"""

import asyncio
import base64
import os
import ssl
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial

from dialback.agent.announcing import announced
from dialback.agent.build import Build, management_offer
from dialback.agent.exchange import ask_upgrade
from dialback.agent.flight_link import FlightLink
from dialback.agent.flights import Flights
from dialback.agent.identity_file import Identity
from dialback.agent.outbound import dial_platform
from dialback.agent.platform.facts import host_name, system_text
from dialback.agent.platform.sessions import SessionProblem, Sessions
from dialback.agent.reverse import Declined, Dialler
from dialback.agent.settings import AgentSettings
from dialback.domain.orders import SESSION_ORDER_S
from dialback.observe.log import get_logger
from dialback.observe.tasks import first_of, set_within
from dialback.transport.leg import Leg, LegLost
from dialback.transport.tls import sha256_of
from dialback.wire.agent.link import (
    LINK_PATH,
    LINK_SUBPROTOCOL,
    AgentEvent,
    AgentLink,
    CanaryReceived,
    ChallengeReceived,
    DialReceived,
    FlightHeadReceived,
    FlightReceived,
    GoodbyeReceived,
    GrantRevokedReceived,
    LinkState,
    NoCommonVersion,
    SessionOrderReceived,
    WelcomeReceived,
)
from dialback.wire.agent.messages import (
    MAX_MESSAGE_BYTES,
    Failing,
    HostSession,
    RdpServer,
    SessionOrder,
    clip,
)
from dialback.wire.errors import WireError
from dialback.wire.websocket import (
    GOING_AWAY,
    PROTOCOL_ERROR,
    Frame,
    FrameReader,
    Opcode,
    accept_key,
    build_close,
    build_frame,
)

HEARTBEAT_MOST_S = 25
SILENT_HEARTBEATS = 2.5
_log = get_logger(__name__)

MOST_ORDERS = 16
MOST_HANDS = 4
"""How many orders may be under way, those that were given up and have not ended included."""
ORDER_S = 15.0

Probe = Callable[[AgentSettings], Awaitable[tuple[RdpServer, ...]]]
Check = Callable[[AgentSettings], tuple[Failing, ...]]


@dataclass(frozen=True, slots=True)
class HostView:
    """What the agent sees of its host: its RDP servers, which checks fail, and its sessions."""

    probe: Probe
    check: Check
    sessions: Sessions


class LinkLost(ConnectionError):
    """The link ended, or never stood; the message is one sentence that says why."""


async def hold_link(
    identity: Identity,
    settings: AgentSettings,
    context: ssl.SSLContext,
    dialler: Dialler,
    view: HostView,
    opened: Callable[[], None],
    flights: Flights | None = None,
    build: Build | None = None,
) -> None:
    """Hold one agent link until it ends; `opened` is called when the server has said welcome.

    `flights` keeps the host's copies of flight records; without it, entries are refused. `build` is what the
    agent says it is.

    When cancelled, the server is told that the agent goes away.

    Raises:
        DialFailed: the server was not reached.
        LinkLost: always, if nothing else ended it first.
    """
    leg = await dial_platform(identity.enrolled.server, context, settings)
    close_code = GOING_AWAY
    try:
        link = _Link(identity, settings, leg, dialler, view, flights, build or Build())
        try:
            async with asyncio.timeout(settings.dial_timeout_s):
                await link.upgrade()
                heartbeat_s = await link.open()
        except TimeoutError as error:
            raise LinkLost(
                f"the server did not open the link within {settings.dial_timeout_s:g} s"
            ) from error
        opened()
        await link.live(heartbeat_s)
    except WireError as error:
        close_code = PROTOCOL_ERROR
        raise LinkLost(f"the server broke the protocol: {error}") from error
    except LegLost as error:
        raise LinkLost(f"the connection broke: {error}") from error
    finally:
        leg.send(build_close(close_code, mask_key=os.urandom(4)))
        await leg.close()


class _Link:
    """One agent link on one connection."""

    def __init__(
        self,
        identity: Identity,
        settings: AgentSettings,
        leg: Leg,
        dialler: Dialler,
        view: HostView,
        flights: Flights | None,
        build: Build,
    ) -> None:
        self._identity = identity
        self._settings = settings
        self._leg = leg
        self._dialler = dialler
        self._view = view
        self._orders: asyncio.Queue[tuple[SessionOrder, float]] = asyncio.Queue(MOST_ORDERS)
        self._look = asyncio.Event()
        self._reader = FrameReader(masked=False, max_message_bytes=MAX_MESSAGE_BYTES)
        self._frames: deque[Frame] = deque()
        self._machine = AgentLink(
            identity.enrolled.host_id,
            identity.key.sign,
            sha256_of(leg.peer_certificate()),
            agent_version=build.version,
            host_name=host_name(),
            system=system_text(),
        )
        self._flights = FlightLink(flights, self._machine, self._send)
        self._management = management_offer(build, settings.management)

    async def upgrade(self) -> None:
        """Make a WebSocket of the connection."""
        key = base64.b64encode(os.urandom(16)).decode("ascii")
        headers = [
            ("Upgrade", "websocket"),
            ("Sec-WebSocket-Version", "13"),
            ("Sec-WebSocket-Key", key),
            ("Sec-WebSocket-Protocol", LINK_SUBPROTOCOL),
        ]
        answer = await ask_upgrade(self._leg, LINK_PATH, self._identity.enrolled.server, headers)
        if answer.status != 101:
            raise LinkLost(f"the server answered the agent link with status {answer.status}")
        if answer.header("sec-websocket-accept") != accept_key(key):
            raise LinkLost("the server gave no proper answer to the WebSocket key")

    async def open(self) -> float:
        """Prove who we are; return the seconds between heartbeats."""
        while True:
            event = await self._next_event()
            if isinstance(event, ChallengeReceived):
                self._send(event.reply)
            elif isinstance(event, WelcomeReceived):
                return min(event.heartbeat_s, HEARTBEAT_MOST_S)

    async def live(self, heartbeat_s: float) -> None:
        """Do the link's work until it ends."""
        host = self._identity.enrolled.host_id
        await first_of(
            f"agent link {host}",
            self._listen(SILENT_HEARTBEATS * heartbeat_s),
            self._beat(heartbeat_s),
            self._report(),
            self._list_sessions(),
            self._carry_out(),
            self._flights.run(),
        )

    async def _listen(self, silence_s: float) -> None:
        while True:
            try:
                async with asyncio.timeout(silence_s):
                    event = await self._next_event()
            except TimeoutError as error:
                raise LinkLost(f"the server said nothing for {silence_s:g} s") from error
            if isinstance(event, DialReceived):
                self._dialler.start(event.order, self._answer)
            elif isinstance(event, CanaryReceived):
                self._dialler.show(event.order, self._answer)
            elif isinstance(event, GrantRevokedReceived):
                self._dialler.revoke(event.grant_id)
            elif isinstance(event, SessionOrderReceived):
                self._queue(event.order)
            elif isinstance(event, FlightReceived | FlightHeadReceived):
                self._flights.put(event)

    async def _beat(self, heartbeat_s: float) -> None:
        while True:
            await asyncio.sleep(heartbeat_s)
            self._send(self._machine.heartbeat())

    async def _report(self) -> None:
        """Report what the probes find and which checks fail; at once, and anew, after a dial that failed."""
        clock, failed = asyncio.get_running_loop().time, self._dialler.target_failed
        told: tuple[Sequence[RdpServer], set[str]] | None = None
        told_at = 0.0
        while True:
            asked = failed.is_set()
            failed.clear()
            found = await self._view.probe(self._settings)
            failing = await asyncio.to_thread(self._view.check, self._settings)
            # The numbers in the details change all the time; what they mean does not.
            state = (found, {each.check for each in failing})
            if asked or state != told or clock() - told_at >= self._settings.report_most_s:
                servers = announced(found, self._identity, datetime.now(UTC))
                self._send(self._machine.report(servers, failing, self._management))
                told, told_at = state, clock()
            await set_within(failed, self._until_next_probe_s(found, failing))

    def _until_next_probe_s(self, found: Sequence[RdpServer], failing: Sequence[Failing]) -> float:
        """Look sooner after something failed: until it is seen to be well, the host gets no users."""
        well = all(server.answers for server in found) and not failing
        usual_s = self._settings.probe_interval_s
        return usual_s if well else min(usual_s, self._settings.session_interval_s)

    async def _list_sessions(self) -> None:
        """List the sessions, to a server that takes the list."""
        clock = asyncio.get_running_loop().time
        told: tuple[Sequence[HostSession], str] | None = None
        told_at = 0.0
        while self._machine.takes_canaries:
            self._look.clear()
            state = await self._sessions()
            if state != told or clock() - told_at >= self._settings.report_most_s:
                self._send(self._machine.sessions(*state))
                if state[1] and (told is None or state[1] != told[1]):
                    _log.warning("sessions cannot be listed", why=state[1])
                told, told_at = state, clock()
            await set_within(self._look, self._settings.session_interval_s)
        await asyncio.Event().wait()

    async def _sessions(self) -> tuple[Sequence[HostSession], str]:
        try:
            return list(await asyncio.to_thread(self._view.sessions.list)), ""
        except (SessionProblem, OSError, ValueError) as problem:
            return [], clip(str(problem))

    def _queue(self, order: SessionOrder) -> None:
        try:
            self._orders.put_nowait((order, asyncio.get_running_loop().time()))
        except asyncio.QueueFull:
            problem = f"{MOST_ORDERS} orders wait on this host already"
            self._send(self._machine.session_order_done(order.order_id, problem))

    async def _carry_out(self) -> None:
        """Carry out orders for sessions, and look at the sessions anew after each."""
        clock = asyncio.get_running_loop().time
        # Threads of their own: an order that the system does not end keeps one, and all else has to go on.
        hands = ThreadPoolExecutor(MOST_HANDS, "session order")
        try:
            while True:
                order, came_at = await self._orders.get()
                late = clock() - came_at >= SESSION_ORDER_S
                problem = "it was not begun in time" if late else await self._do(order, hands)
                _log.info("session order", action=order.action, session=order.session, problem=problem)
                self._send(self._machine.session_order_done(order.order_id, problem))
                self._look.set()
        finally:
            hands.shutdown(wait=False, cancel_futures=True)

    async def _do(self, order: SessionOrder, hands: Executor) -> str:
        """Carry out one order; return why it could not be, or an empty text."""
        sessions, by_hand = self._view.sessions, partial(asyncio.get_running_loop().run_in_executor, hands)
        try:
            async with asyncio.timeout(ORDER_S):
                if order.action == "message":
                    await by_hand(sessions.message, order.session, order.text, order.user)
                elif order.action == "disconnect":
                    await by_hand(sessions.disconnect, order.session, order.user)
                else:
                    await by_hand(sessions.log_off, order.session, order.user)
        except SessionProblem as problem:
            return str(problem)
        except TimeoutError:
            return f"it was not done within {ORDER_S:g} s"
        except Exception:
            # A bug in one order must not take the link down with it.
            _log.exception("session order failed inside", action=order.action)
            return "the agent failed inside; its log says more"
        return ""

    def _answer(self, connection_id: str, declined: Declined | None) -> None:
        """Answer an order, unless the link has ended since; nobody waits for it then."""
        if self._machine.state is not LinkState.OPEN:
            return
        if declined is None:
            self._send(self._machine.dialled(connection_id))
        else:
            self._send(self._machine.dial_refused(connection_id, declined.reason, declined.detail))

    def _send(self, text: str) -> None:
        self._leg.send(build_frame(Opcode.TEXT, text.encode(), mask_key=os.urandom(4)))

    async def _next_event(self) -> AgentEvent:
        event = self._machine.receive(await self._next_text())
        if isinstance(event, GoodbyeReceived):
            raise LinkLost(f"the server ended the link: {clip(event.reason)}")
        if isinstance(event, NoCommonVersion):
            raise LinkLost(f"the server speaks versions {event.theirs} of the agent protocol, not ours")
        return event

    async def _next_text(self) -> bytes:
        while True:
            while self._frames:
                frame = self._frames.popleft()
                if frame.opcode is Opcode.TEXT and frame.final:
                    return frame.payload
                self._take_control(frame)
            await self._leg.drain()
            data = await self._leg.receive()
            if not data:
                raise LinkLost("the server closed the connection")
            self._frames.extend(self._reader.feed(data))

    def _take_control(self, frame: Frame) -> None:
        if frame.opcode is Opcode.PING:
            self._leg.send(build_frame(Opcode.PONG, frame.payload, mask_key=os.urandom(4)))
        elif frame.opcode is Opcode.CLOSE:
            code = int.from_bytes(frame.payload[:2], "big")
            raise LinkLost(f"the server closed the link with code {code}")
        elif frame.opcode is not Opcode.PONG:
            raise WireError(f"expected a text in one piece, got {frame.opcode.name}")
