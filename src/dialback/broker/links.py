"""Agent links: one standing WebSocket per host, over which orders to dial go out and reports come in.

`serve` is the life of a link: upgrade, challenge, verify, welcome, then one read loop until the agent leaves,
falls silent, its host is revoked, or a newer link of the same host takes its place. Orders are sent by
`dial`, `canary` and `order`, which wait for the agent's answer. What it reports of its host goes to
`HostState`. Rules of this file:

- Only a heartbeat counts as life, and with each the host is looked up again: it may have been revoked, by
  another process. Connections that are open then go on; new ones are refused by the broker at once.
- Whoever is refused or sent away is told why in a goodbye, before the link is closed.
- What the agent says is read only after our answers have left, so that an agent that does not read cannot
  make us remember.
"""

import asyncio
import math
import secrets
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Protocol

from dialback.broker.canary import Bird, CanaryHosts
from dialback.broker.countersign import FlightAnswer, FlightLinks, LinkGone
from dialback.broker.flight_links import FlightWaiters
from dialback.broker.host_state import HostState
from dialback.broker.inflight import InFlight
from dialback.broker.settings import BrokerSettings
from dialback.domain.canary import CanaryOrder, CanaryOrders
from dialback.domain.contracts import DialOrder, Store, StoreUnavailable, Visit
from dialback.domain.errors import SENTENCES, Reason, Refused
from dialback.domain.flight import SignedHead
from dialback.domain.health import Check
from dialback.domain.hosts import Host, HostReport, RdpServer
from dialback.domain.ids import ConnectionId, GrantId, HostId, TenantId
from dialback.domain.management import ManagementOffer
from dialback.domain.orders import SESSION_ORDER_S, SessionAction, SessionOrders
from dialback.domain.sessions import Session
from dialback.edge.accept import Arrival
from dialback.identity.host_keys import verify
from dialback.identity.tokens import make_connection_id
from dialback.observe.log import get_logger
from dialback.observe.metrics import Metrics
from dialback.observe.tasks import first_of
from dialback.transport.leg import Leg, LegLost
from dialback.wire.agent.link import (
    LINK_SUBPROTOCOL,
    DialledReceived,
    DialRefusedReceived,
    FlightRefusedReceived,
    FlightSignedReceived,
    HeartbeatReceived,
    HelloReceived,
    NoCommonVersion,
    ReportReceived,
    ServerEvent,
    ServerLink,
    SessionOrderDoneReceived,
    SessionsReceived,
)
from dialback.wire.agent.messages import MAX_MESSAGE_BYTES, NONCE_BYTES, ConsentOrder, Failing
from dialback.wire.agent.version import CONSENT_VERSION
from dialback.wire.errors import WireError
from dialback.wire.head import RequestHead, build_response
from dialback.wire.websocket import (
    GOING_AWAY,
    NORMAL_CLOSURE,
    PROTOCOL_ERROR,
    FrameReader,
    Opcode,
    accept_key,
    build_close,
    build_frame,
)

SILENT_HEARTBEATS = 2.5
NOTE_AGAIN_S = 5.0
_REASONS = {
    "agent-refused": Reason.AGENT_REFUSED,
    "rdp-server-down": Reason.RDP_SERVER_DOWN,
    "gateway-unreachable": Reason.HOST_LEG_LATE,
    "consent-forbidden": Reason.CONSENT_FORBIDDEN,
    "consent-wanted": Reason.CONSENT_WANTED,
    "grant-other": Reason.GRANT_OTHER,
    "grant-invalid": Reason.GRANT_INVALID,
    "grant-unsigned": Reason.GRANT_UNSIGNED,
    "grant-early": Reason.GRANT_EARLY,
    "grant-expired": Reason.GRANT_EXPIRED,
    "grant-revoked": Reason.GRANT_REVOKED,
    "grant-used": Reason.GRANT_USED,
}
_log = get_logger(__name__)


class Link:
    """One agent link that was welcomed. `sent_away` is set to the reason why the server ends it.

    `heard_at` is when its agent last said something, in UTC.
    """

    def __init__(
        self,
        host: Host,
        leg: Leg,
        machine: ServerLink,
        hello: HelloReceived,
        state: HostState,
        heard_at: datetime,
    ) -> None:
        self.host_id = host.id
        self.tenant = host.tenant
        self.host_key = host.public_key
        self.leg = leg
        self.machine = machine
        self.hello = hello
        self.state = state
        self.proved_at = -math.inf
        self.heard_at = heard_at
        self.answers: dict[ConnectionId, asyncio.Future[None]] = {}
        self.done: dict[str, asyncio.Future[str]] = {}
        self.flights = FlightWaiters()
        self.sent_away: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    def send_away(self, why: str) -> None:
        """End the link; its own coroutine tells the agent. Doing it twice is the same as once."""
        if not self.sent_away.done():
            self.sent_away.set_result(why)

    def answer(self, connection_id: str, refused: Refused | None) -> bool:
        """Give the agent's answer to whoever waits for it; False if nobody does."""
        waiter = self.answers.get(ConnectionId(connection_id))
        if waiter is None or waiter.done():
            return False
        if refused is None:
            waiter.set_result(None)
        else:
            waiter.set_exception(refused)
        return True

    def order_done(self, order_id: str, problem: str) -> None:
        """Give the answer to whoever waits for it, as `answer` does."""
        waiter = self.done.get(order_id)
        if waiter is not None and not waiter.done():
            waiter.set_result(problem)

    def fail_all(self, refused: Refused) -> None:
        """Refuse everything that still waits for an answer."""
        for connection_id in list(self.answers):
            self.answer(connection_id, refused)
        for order_id in list(self.done):
            self.order_done(order_id, "the host's agent link was lost; nobody knows whether it was done")
        self.flights.fail_all()


class HostVisits(Protocol):
    """Who knows of visits to hosts."""

    async def revoked_for(self, tenant: TenantId, host_id: HostId) -> Sequence[GrantId]:
        """Return the host's grants that were revoked and would still hold."""

    async def broken_off(self, host_id: HostId, connection_id: ConnectionId, refused: Refused) -> None:
        """Take note that the host ends a visit, and why."""


class Links(CanaryHosts, CanaryOrders, SessionOrders, FlightLinks):
    """The agent links of one broker.

    `in_flight` are the placements that hosts do not list yet; each list that comes in is told to it, and then
    to `listed`. `linked` is told of each link that is up. `visits`, once it is set, is told which visits a
    host has ended, and asked which grants it has to be told of.

    Args:
        certificate_sha256: the leaf certificate this node shows, to which agents bind their answer.
    """

    def __init__(
        self,
        store: Store,
        certificate_sha256: str,
        metrics: Metrics,
        settings: BrokerSettings | None = None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._store = store
        self._certificate_sha256 = certificate_sha256
        self._metrics = metrics
        self._settings = settings or BrokerSettings()
        self._now = now
        self.in_flight = InFlight()
        self.visits: HostVisits | None = None
        self.listed: Callable[[HostId, Sequence[Session]], None] = lambda _host, _sessions: None
        self.linked: Callable[[HostId, TenantId], None] = lambda _host, _tenant: None
        self._links: dict[HostId, Link] = {}
        self._noting = asyncio.Lock()
        self._unnoted: set[HostId] = set()

    def up(self, host_id: HostId) -> bool:
        """Whether the host's agent link stands."""
        return host_id in self._links

    def ready(self, host_id: HostId) -> bool:
        """Whether the link stands, and what was said over it is enough to place by.

        That is: an RDP server answers, and the sessions are listed, if the agent can.
        """
        link = self._links.get(host_id)
        if link is None or not link.state.answers:
            return False
        return link.state.listed or not link.machine.takes_canaries

    async def run(self, every_s: float = NOTE_AGAIN_S) -> None:
        """Keep what the store missed of links that came and went, for ever."""
        while True:
            for host_id in list(self._unnoted):
                await self._note(host_id)
                if host_id in self._unnoted:
                    # The store is away still; one line in the log is enough.
                    break
            await asyncio.sleep(every_s)

    async def settled(self) -> None:
        """Wait until the state of every link that ended is kept; called when no link is served any more."""
        async with self._noting:
            pass

    async def dial(self, order: DialOrder) -> None:
        """Order the host's agent to dial; return when it says it has.

        Raises:
            Refused: `HOST_OFFLINE`, `AGENT_SILENT`, `AGENT_REFUSED`, `RDP_SERVER_DOWN` or `HOST_LEG_LATE`; of
                a visit also `AGENT_TOO_OLD`, `CONSENT_FORBIDDEN`, `CONSENT_WANTED` or a reason of its grant.
        """
        link = self._links.get(order.host_id)
        if link is None:
            raise Refused(Reason.HOST_OFFLINE)
        if order.visit is not None and (old := self.too_old(order.host_id)):
            raise Refused(Reason.AGENT_TOO_OLD, old)
        asked_at = asyncio.get_running_loop().time()
        try:
            async with asyncio.timeout(self._settings.dial_deadline_s):
                await _answered(link, order.connection_id, _dial_text(link.machine, order))
        except TimeoutError as error:
            waited_s, heard = self._settings.dial_deadline_s, f"{link.heard_at:%Y-%m-%d %H:%M:%S %Z}"
            detail = f"no answer within {waited_s:g} s, last heard of {heard}"
            raise Refused(Reason.AGENT_SILENT, detail) from error
        except Refused as refused:
            if refused.reason is Reason.HOST_LEG_LATE:
                await link.state.dialled_back(refused.detail or SENTENCES[refused.reason])
            raise
        await self._proved(link, asked_at)

    def too_old(self, host_id: HostId) -> str:
        """Return, in words, how old the host's agent is if it cannot judge consent; else an empty text."""
        link = self._links.get(host_id)
        if link is None or link.machine.takes_consent:
            return ""
        spoken = link.machine.version
        return (
            f"agent {link.hello.agent_version} speaks version {spoken} of its protocol, "
            f"consent needs version {CONSENT_VERSION}"
        )

    def tell_revoked(self, host_id: HostId, grant_id: GrantId) -> None:
        """Tell the host's agent, if its link stands, that the grant is revoked."""
        link = self._links.get(host_id)
        if link is not None and link.machine.takes_consent:
            _send(link.leg, link.machine.grant_revoked(grant_id))

    async def canary(self, order: CanaryOrder) -> None:
        link = self._links.get(order.host_id)
        if link is None or not link.machine.takes_canaries:
            raise Refused(Reason.HOST_OFFLINE)
        text = link.machine.canary(
            connection_id=order.connection_id,
            gateway=order.gateway,
            certificate_sha256=order.certificate_sha256,
            ticket=order.ticket.reveal(),
        )
        await _answered(link, order.connection_id, text)

    def birds(self) -> Sequence[Bird]:
        return [
            Bird(link.host_id, link.host_key, link.proved_at)
            for link in self._links.values()
            if link.machine.takes_canaries
        ]

    async def dialled_back(self, host_id: HostId, problem: str) -> None:
        link = self._links.get(host_id)
        if link is not None:
            await link.state.dialled_back(problem)

    async def _proved(self, link: Link, asked_at: float) -> None:
        """Take a dial for a connection as a canary that came back."""
        link.proved_at = asked_at
        if Check.DIAL_BACK in link.state.failed:
            await link.state.dialled_back("")

    async def order(self, session: Session, action: SessionAction, text: str) -> None:
        link = self._links.get(session.host)
        if link is None or link.tenant != session.tenant:
            raise Refused(Reason.HOST_OFFLINE, session.host)
        if not link.machine.takes_canaries:
            raise Refused(Reason.SESSION_ORDER_FAILED, "the host's agent is too old for it; update it")
        problem = await self._order(link, session, action, text)
        _log.info(
            "session order", host=session.host, session=session.id, action=action.value, problem=problem
        )
        if problem:
            raise Refused(Reason.SESSION_ORDER_FAILED, problem)

    def flight_key(self, host: HostId) -> bytes | None:
        link = self._links.get(host)
        return link.host_key if link is not None and link.machine.takes_flights else None

    async def tell_flight(self, host: HostId, id: ConnectionId, lines: Sequence[str]) -> FlightAnswer:
        link = self._links.get(host)
        if link is None or not link.machine.takes_flights:
            raise LinkGone("the agent link is down")
        text = link.machine.flight(id, lines)
        return await link.flights.ask(id, lambda: _send(link.leg, text))

    def show_head(self, host: HostId, signed: SignedHead, platform_key: bytes) -> None:
        link = self._links.get(host)
        if link is None or link.sent_away.done() or not link.machine.takes_flights:
            return
        text = link.machine.flight_head(
            signed.head.connection_id,
            signed.head.count,
            signed.head.hash,
            agent_signature=signed.agent_signature,
            platform_signature=signed.platform_signature,
            platform_key=platform_key,
        )
        _send(link.leg, text)

    async def _order(self, link: Link, session: Session, action: SessionAction, text: str) -> str:
        """Have it done; return why it was not, or an empty text."""
        order_id = make_connection_id()
        order = link.machine.session_order(order_id, action.value, session.id, text, session.user)
        done: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        link.done[order_id] = done
        try:
            _send(link.leg, order)
            async with asyncio.timeout(SESSION_ORDER_S):
                return await done
        except TimeoutError:
            return f"the agent did not answer within {SESSION_ORDER_S:g} s; nobody knows whether it was done"
        finally:
            del link.done[order_id]

    async def serve(self, head: RequestHead, leg: Leg, _arrival: Arrival) -> None:
        """Serve one agent link from its upgrade to its end."""
        if not head.wants_websocket:
            leg.send(build_response(426, [("Content-Length", "0"), ("Upgrade", "websocket")]))
            await leg.close()
            return
        leg.send(_upgrade(head))
        code = GOING_AWAY
        try:
            code = await self._serve(leg)
        finally:
            leg.send(build_close(code))
            await asyncio.shield(leg.close())

    async def _serve(self, leg: Leg) -> int:
        """Serve an upgraded link; return the code to close it with."""
        reader = FrameReader(masked=True, max_message_bytes=MAX_MESSAGE_BYTES)
        machine = ServerLink(
            secrets.token_bytes(NONCE_BYTES), self._certificate_sha256, self._settings.heartbeat_s
        )
        try:
            async with asyncio.timeout(self._settings.hello_deadline_s):
                link, waiting = await self._welcome(leg, reader, machine)
            await self._keep(link, reader, waiting)
        except WireError as error:
            _log.info("agent link broke the protocol", peer=leg.peer, why=str(error))
            return PROTOCOL_ERROR
        except (TimeoutError, OSError) as error:
            _log.debug("agent link ended", peer=leg.peer, why=str(error) or "a deadline passed")
        except Refused as refused:
            self._metrics.refused(refused.reason)
            reason = refused.reason.value
            _log.warning("agent link refused", peer=leg.peer, reason=reason, detail=refused.detail)
        return NORMAL_CLOSURE

    async def _welcome(self, leg: Leg, reader: FrameReader, machine: ServerLink) -> tuple[Link, list[str]]:
        """Return the link, once the agent has proved who it is, and the texts that came behind its hello."""
        _send(leg, machine.start())
        hello, waiting = await self._hello(leg, reader, machine)
        try:
            host = await self._verify(hello)
        except Refused as refused:
            _send(leg, machine.refuse(SENTENCES[refused.reason]))
            raise
        _send(leg, machine.welcome(self._now()))
        state = HostState(self._store.directory, host, self._metrics, self._shown)
        return Link(host, leg, machine, hello, state, self._now()), waiting

    def _shown(self, host: HostId, sessions: Sequence[Session]) -> None:
        self.in_flight.shown(host, sessions)
        self.listed(host, sessions)

    async def _hello(
        self, leg: Leg, reader: FrameReader, machine: ServerLink
    ) -> tuple[HelloReceived, list[str]]:
        while True:
            waiting = await _texts(leg, reader)
            while waiting:
                event = machine.receive(waiting.pop(0))
                if isinstance(event, HelloReceived):
                    return event, waiting
                if isinstance(event, NoCommonVersion):
                    _send(leg, event.reply)
                    raise LegLost(f"no common version, the agent speaks {event.theirs}")

    async def _verify(self, hello: HelloReceived) -> Host:
        try:
            host = await self._store.any_host(HostId(hello.host_id))
        except StoreUnavailable as error:
            raise Refused(Reason.STORE_UNAVAILABLE, str(error)) from error
        if host is None or not verify(host.public_key, hello.signature, hello.signed):
            raise Refused(Reason.HOST_KEY_REFUSED, hello.host_id)
        if host.revoked_at is not None:
            raise Refused(Reason.HOST_REVOKED, host.name)
        return host

    async def _keep(self, link: Link, reader: FrameReader, waiting: list[str]) -> None:
        """Keep a welcomed link until it ends."""
        why = "the server stops"
        try:
            await self._put(link)
            await first_of(f"agent link {link.host_id}", self._read(link, reader, waiting), _part(link))
        except TimeoutError:
            why = "the agent is silent"
            raise
        except (WireError, OSError) as error:
            why = str(error)
            raise
        except asyncio.CancelledError:
            if not link.sent_away.done():
                _send(link.leg, link.machine.goodbye(SENTENCES[Reason.SERVER_STOPPED]))
            raise
        finally:
            await asyncio.shield(self._remove(link, why))

    async def _read(self, link: Link, reader: FrameReader, waiting: list[str]) -> None:
        """Take what the agent says, for ever; `TimeoutError` when its heartbeat stays away."""
        silence_s = self._settings.heartbeat_s * SILENT_HEARTBEATS
        clock = asyncio.get_running_loop().time
        async with asyncio.timeout(silence_s) as silence:
            while True:
                for text in waiting:
                    event = link.machine.receive(text)
                    link.heard_at = self._now()
                    await self._take(link, event)
                    if isinstance(event, HeartbeatReceived):
                        silence.reschedule(clock() + silence_s)
                waiting = await _texts(link.leg, reader)

    async def _take(self, link: Link, event: ServerEvent) -> None:
        match event:
            case HeartbeatReceived(reply):
                _send(link.leg, reply)
                await self._check_standing(link)
                await link.state.keep()
            case DialledReceived(connection_id):
                link.answer(connection_id, None)
            case DialRefusedReceived(connection_id, reason, detail):
                refused = Refused(_REASONS[reason], detail)
                if not link.answer(connection_id, refused) and self.visits is not None:
                    await self.visits.broken_off(link.host_id, ConnectionId(connection_id), refused)
            case SessionOrderDoneReceived(order_id, problem):
                link.order_done(order_id, problem)
            case FlightSignedReceived() | FlightRefusedReceived():
                link.flights.answer(event)
            case SessionsReceived(sessions, problem):
                await link.state.list_sessions(sessions, problem)
            case ReportReceived(rdp_servers, failing, management):
                servers = tuple(RdpServer(**server.model_dump()) for server in rdp_servers)
                offer = ManagementOffer(**management.model_dump()) if management else None
                await self._save_report(link, servers, offer)
                await _tell_health(link, servers, failing)

    async def _check_standing(self, link: Link) -> None:
        """Send the agent away if its host was revoked; while the store is away, it stays."""
        try:
            host = await self._store.any_host(link.host_id)
        except StoreUnavailable as error:
            _log.debug("host not looked up", host=link.host_id, why=str(error))
            return
        if host is None or host.revoked_at is not None:
            link.send_away(SENTENCES[Reason.HOST_REVOKED])
        elif not host.link_up:
            # The store was away when the link came up.
            await self._note(link.host_id)

    async def _put(self, link: Link) -> None:
        older = self._links.get(link.host_id)
        self._links[link.host_id] = link
        self._metrics.agent_links.set(len(self._links))
        if older is not None:
            older.state.end()
            older.fail_all(Refused(Reason.HOST_OFFLINE, "the agent link was replaced"))
            older.send_away("A newer link of this host took its place; run its agent only once.")
        _log.info("agent link up", host=link.host_id, name=link.hello.host_name, peer=link.leg.peer)
        await self._note(link.host_id)
        await self._save_report(link, ())
        # What an earlier link was found to fail says nothing about this one.
        await link.state.keep()
        self.linked(link.host_id, link.tenant)
        await self._tell_all_revoked(link)

    async def _tell_all_revoked(self, link: Link) -> None:
        """Tell the host of grants that were revoked while its link was down."""
        if self.visits is None or not link.machine.takes_consent:
            return
        try:
            revoked = await self.visits.revoked_for(link.tenant, link.host_id)
        except StoreUnavailable as error:
            _log.warning("host not told of revoked grants", host=link.host_id, why=str(error))
            return
        for grant_id in revoked:
            self.tell_revoked(link.host_id, grant_id)

    async def _remove(self, link: Link, why: str) -> None:
        link.state.end()
        if self._links.get(link.host_id) is not link:
            return
        del self._links[link.host_id]
        self._metrics.agent_links.set(len(self._links))
        link.fail_all(Refused(Reason.HOST_OFFLINE, "the agent link was lost"))
        _log.info("agent link down", host=link.host_id, name=link.hello.host_name, why=why)
        await self._note(link.host_id)

    async def _note(self, host_id: HostId) -> None:
        """Keep whether the link stands now; one at a time, so that the last one written is true."""
        async with self._noting:
            try:
                await self._store.set_link(host_id, self.up(host_id), self._now())
                self._unnoted.discard(host_id)
            except StoreUnavailable as error:
                self._unnoted.add(host_id)
                _log.warning("link state not kept", host=host_id, why=str(error))

    async def _save_report(
        self, link: Link, rdp_servers: tuple[RdpServer, ...], management: ManagementOffer | None = None
    ) -> None:
        hello = link.hello
        report = HostReport(hello.host_name, hello.system, hello.agent_version, rdp_servers, management)
        try:
            await self._store.save_report(link.host_id, report, self._now())
        except StoreUnavailable as error:
            _log.warning("report not kept", host=link.host_id, why=str(error))


async def _part(link: Link) -> None:
    """Wait until the server sends the agent away, and tell it."""
    why = await asyncio.shield(link.sent_away)
    _send(link.leg, link.machine.goodbye(why))
    raise LegLost(f"sent away: {why}")


def _upgrade(head: RequestHead) -> bytes:
    accept = accept_key(head.header("sec-websocket-key") or "")
    headers = [("Upgrade", "websocket"), ("Connection", "Upgrade"), ("Sec-WebSocket-Accept", accept)]
    if LINK_SUBPROTOCOL in head.tokens("sec-websocket-protocol"):
        headers.append(("Sec-WebSocket-Protocol", LINK_SUBPROTOCOL))
    return build_response(101, headers)


def _dial_text(machine: ServerLink, order: DialOrder) -> str:
    return machine.dial(
        connection_id=order.connection_id,
        gateway=order.gateway,
        certificate_sha256=order.certificate_sha256,
        ticket=order.ticket.reveal(),
        target=order.target,
        user=order.user,
        consent=None if order.visit is None else _consent_order(order.visit),
    )


def _consent_order(visit: Visit) -> ConsentOrder:
    request = visit.request
    return ConsentOrder(
        request_id=request.id,
        tenant=request.tenant,
        staff=request.staff,
        role=request.role,
        scope=request.scope.value,
        purpose=request.purpose,
        asked_at=request.asked_at,
        ticket_number=request.ticket_number,
        grant=visit.grant or None,
    )


async def _answered(link: Link, connection_id: ConnectionId, text: str) -> None:
    """Send the order and wait for its answer; there is no deadline but the caller's."""
    answer: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    link.answers[connection_id] = answer
    try:
        _send(link.leg, text)
        await answer
    finally:
        del link.answers[connection_id]


async def _tell_health(link: Link, servers: Sequence[RdpServer], failing: Sequence[Failing]) -> None:
    """Tell the state: the RDP check fails if no target's server answers."""
    why = next((server.problem for server in servers if server.problem), "no RDP server was found")
    await link.state.report(any(server.answers for server in servers), why, failing)


def _send(leg: Leg, text: str) -> None:
    leg.send(build_frame(Opcode.TEXT, text.encode()))


async def _texts(leg: Leg, reader: FrameReader) -> list[str]:
    """Return the texts that arrived next; empty if there were only control frames."""
    await leg.drain()
    data = await leg.receive()
    if not data:
        raise LegLost("the agent closed the link")
    texts: list[str] = []
    for frame in reader.feed(data):
        if frame.opcode is Opcode.TEXT and frame.final:
            texts.append(_text(frame.payload))
        elif frame.opcode is Opcode.PING:
            leg.send(build_frame(Opcode.PONG, frame.payload[:125]))
        elif frame.opcode is Opcode.CLOSE:
            raise LegLost("the agent closed the link")
        elif frame.opcode is not Opcode.PONG:
            raise WireError(f"expected one whole text message, got opcode {frame.opcode.name}")
    return texts


def _text(payload: bytes) -> str:
    try:
        return payload.decode()
    except UnicodeDecodeError as error:
        raise WireError("expected UTF-8 in a text message") from error
