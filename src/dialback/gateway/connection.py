"""The life of a connection behind any kind of client leg: admit, place, dial, meet, relay, report.

A connection file's client may speak MS-TSGU or the raw stream; from the token on, the steps are these. What
each step took goes into the timeline, what became of it into the one record the broker keeps.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from dialback.domain.catalog import alias_of
from dialback.domain.contracts import Admission, Attempt, Broker, DialOrder, Placement
from dialback.domain.errors import Reason, Refused
from dialback.domain.ids import ConnectionId
from dialback.domain.live import LiveConnection
from dialback.domain.secret import Secret
from dialback.domain.sessions import ConnectionRecord, Stage, Totals
from dialback.edge.accept import Arrival
from dialback.gateway.live import Live
from dialback.gateway.rendezvous import HostLeg, Meeting, Rendezvous
from dialback.gateway.settings import GatewaySettings
from dialback.identity.tokens import make_connection_id
from dialback.observe.log import get_logger
from dialback.observe.metrics import Metrics
from dialback.observe.tasks import Tasks, first_of
from dialback.observe.timeline import Timeline
from dialback.relay.directions import Truncated
from dialback.relay.framings import plain
from dialback.relay.join import End, Ended, Relay, Side
from dialback.relay.meter import Meter
from dialback.relay.pacing import Pacer
from dialback.transport.leg import Leg, LegLost
from dialback.wire.errors import StateError, WireError

_log = get_logger(__name__)
SHOWN_CHARS = 100
_PARKED_IN = {
    Reason.APPROVAL_DENIED: Stage.APPROVE,
    Reason.APPROVAL_TIMED_OUT: Stage.APPROVE,
    Reason.TOO_MANY_APPROVALS: Stage.APPROVE,
    Reason.WAKE_FAILED: Stage.WAKE,
    Reason.WAKE_TIMED_OUT: Stage.WAKE,
    Reason.CONSENT_DENIED: Stage.CONSENT,
    Reason.CONSENT_TIMED_OUT: Stage.CONSENT,
}
"""The reasons for which a connection is refused that was parked, and what it waited for."""


@dataclass(frozen=True, slots=True)
class Gateway:
    """What every connection of a gateway node uses. `address` is `name:port`, as hosts reach this node."""

    address: str
    broker: Broker
    rendezvous: Rendezvous
    relay: Relay
    metrics: Metrics
    tasks: Tasks
    settings: GatewaySettings = field(default_factory=GatewaySettings)
    live: Live = field(default_factory=Live)
    pacer: Pacer = field(default_factory=Pacer)
    clock: Callable[[], float] = time.monotonic
    now: Callable[[], datetime] = lambda: datetime.now(UTC)


class Connection:
    """One attempt to reach a resource."""

    def __init__(self, gateway: Gateway, transport: str, leg: Leg, arrival: Arrival) -> None:
        self.id: ConnectionId = make_connection_id()
        self._gateway = gateway
        self._timeline = Timeline(gateway.clock, arrival.accepted_at)
        self._timeline.mark(Stage.TLS, arrival.secured_at)
        self._timeline.mark(Stage.HEAD, arrival.head_at)
        self._meter = Meter(gateway.clock)
        self._record = ConnectionRecord(
            id=self.id, opened_at=gateway.now(), transport=transport, client_address=leg.peer
        )
        self._meeting: Meeting | None = None
        self._live: LiveConnection | None = None
        self._most_bytes_s: int | None = None
        self.notice = ""
        self._outcome = (Reason.CLIENT_LEFT, "")

    def name_client(self, client_name: str) -> None:
        """Keep what the client calls its machine: its own claim, for the record only."""
        self._record = replace(self._record, client_name=client_name[:SHOWN_CHARS])

    async def admit(self, token: str) -> Admission:
        """Ask whom the token admits; raise `Refused` if nobody."""
        self._timeline.mark(Stage.HANDSHAKE)
        admission = await self._gateway.broker.admit(Secret(token))
        self._timeline.mark(Stage.ADMIT)
        self._record = replace(
            self._record,
            tenant=admission.tenant,
            user=admission.user,
            resource=admission.resource,
            token_hash=admission.token_hash,
        )
        return admission

    async def reach(self, admission: Admission, names: Sequence[str], *client: Leg) -> Leg:
        """Return the host leg that was dialled for the first of the names; raise `Refused` if there is none.

        Names are aliases of resources, matched against the admission and never dialled.

        The client is parked meanwhile; when any of its legs ends, the wait ends with `LegLost`. `notice` is
        then what the user is to read, if anything.
        """
        self._live = LiveConnection(
            self.id,
            admission.tenant,
            admission.user_id,
            admission.user,
            admission.resource,
            admission.token_hash,
            self._record.client_address,
            kind=admission.kind,
        )
        leaving = [_left(leg) for leg in dict.fromkeys(client)]
        reached = first_of(f"reach {self.id}", self._reach(admission, alias_of(names[0])), *leaving)
        return await self._gateway.live.until_cut(self._live, reached, client)

    async def _reach(self, admission: Admission, alias: str) -> Leg:
        self._timeline.mark(Stage.HANDSHAKE)
        attempt = Attempt(self.id, alias, self._record.client_address, self._record.client_name)
        at = self._gateway.clock()
        try:
            placement = await self._gateway.broker.place(admission, attempt)
        except Refused as refused:
            if refused.reason in _PARKED_IN:
                self._timeline.mark(_PARKED_IN[refused.reason])
            raise
        for stage, parked_s in placement.parked_s.items():
            at += parked_s
            self._timeline.mark(stage, at)
        self._timeline.mark(Stage.PLACE)
        self.notice = placement.notice
        self._most_bytes_s = placement.most_bytes_s
        self._record = replace(self._record, host_id=placement.host_id, because=placement.because)
        host_leg = await self._meet_with_consent(admission, placement, attempt)
        self._timeline.mark(Stage.DIAL, host_leg.arrival.accepted_at)
        self._timeline.mark(Stage.REVERSE)
        return host_leg.leg

    async def _meet_with_consent(
        self, admission: Admission, placement: Placement, attempt: Attempt
    ) -> HostLeg:
        """Meet the host; while it wants its tenant's consent, the client stays parked."""
        waited = False
        while True:
            asked_at = self._gateway.clock()
            try:
                host_leg = await self._meet(admission, placement)
            except Refused as refused:
                if refused.reason is not Reason.CONSENT_WANTED or placement.visit is None:
                    raise
            else:
                if waited:
                    self._timeline.mark(Stage.CONSENT, asked_at)
                return host_leg
            waited = True
            placement = await self._consented(placement, attempt)

    async def _consented(self, placement: Placement, attempt: Attempt) -> Placement:
        try:
            return await self._gateway.broker.consent(placement, attempt)
        except Refused as refused:
            if refused.reason in _PARKED_IN:
                self._timeline.mark(_PARKED_IN[refused.reason])
            raise

    async def _meet(self, admission: Admission, placement: Placement) -> HostLeg:
        gateway = self._gateway
        with gateway.rendezvous.expect(placement.host_id, placement.host_key) as meeting:
            self._meeting = meeting
            order = DialOrder(
                connection_id=self.id,
                host_id=placement.host_id,
                gateway=gateway.address,
                certificate_sha256=gateway.rendezvous.certificate_sha256,
                ticket=meeting.ticket,
                target=placement.target,
                user=admission.user,
                visit=placement.visit,
            )
            try:
                async with asyncio.timeout(gateway.settings.host_deadline_s):
                    return await first_of(f"dial {self.id}", meeting.wait(), self._dial(order))
            except TimeoutError as error:
                waited_s = gateway.settings.host_deadline_s
                raise Refused(Reason.HOST_LEG_LATE, f"no host leg within {waited_s:g} s") from error

    async def _dial(self, order: DialOrder) -> HostLeg:
        """Order the dial; end only when it is refused, since the host leg itself arrives elsewhere."""
        await self._gateway.broker.dial(order)
        await asyncio.Event().wait()
        raise AssertionError("an event that nobody sets was set")

    async def relay(self, client: End, host: Leg) -> None:
        """Join the two until either ends."""
        gateway = self._gateway
        log = _log.bind(connection_id=self.id, user=self._record.user, host=self._record.host_id)
        log.info("connection opened", resource=self._record.resource, transport=self._record.transport)
        gateway.metrics.open_connections.inc()
        watch = gateway.tasks.start(f"report {self.id}", self._report())
        try:
            ended = await self._joined(client, host)
        finally:
            watch.cancel()
            gateway.metrics.open_connections.dec()
        self._outcome = (_reason_of(ended), str(ended.error or ""))

    async def _joined(self, client: End, host: Leg) -> Ended:
        gateway = self._gateway
        assert self._live is not None
        live = replace(self._live, host_id=self._record.host_id, moved=self._moved)
        with gateway.pacer.account(live.tenant, (live.home, live.user_id), self._most_bytes_s) as account:
            join = gateway.relay.join(client, End(host, host, plain()), self._meter, account)
            return await gateway.live.until_cut(live, join, (client.source, client.sink, host))

    async def _report(self) -> None:
        """Report the open connection: at once, at its first byte, and its totals now and then."""
        await self._gateway.broker.opened(self._snapshot())
        self._timeline.mark(Stage.FIRST_BYTE, await self._meter.first_byte())
        while True:
            await self._gateway.broker.opened(self._snapshot())
            await asyncio.sleep(self._gateway.settings.report_s)

    def _moved(self) -> int:
        return self._meter.to_left_bytes + self._meter.to_right_bytes

    def _snapshot(self) -> ConnectionRecord:
        totals = Totals(self._meter.to_left_bytes, self._meter.to_right_bytes)
        return replace(self._record, totals=totals, timeline=self._timeline.durations_ms())

    @asynccontextmanager
    async def recorded(self) -> AsyncIterator[None]:
        """Keep how the connection ended; nothing but a cancellation leaves this context."""
        try:
            yield
        except Refused as refused:
            await self._end(refused.reason, refused.detail)
        except (WireError, StateError) as error:
            await self._end(Reason.PROTOCOL_VIOLATION, str(error))
        except TimeoutError:
            await self._end(Reason.DEADLINE_PASSED, self._record.transport)
        except OSError as error:
            await self._end(Reason.CLIENT_LEFT, str(error))
        except asyncio.CancelledError:
            await asyncio.shield(self._end(Reason.SERVER_STOPPED))
            raise
        except Exception as error:
            _log.exception("connection failed", connection_id=self.id)
            await self._end(Reason.INTERNAL_ERROR, type(error).__name__)
        else:
            await self._end(*self._outcome)

    async def _end(self, reason: Reason, detail: str = "") -> None:
        if self._meeting is not None:
            self._meeting.let_go()
        self._timeline.mark(Stage.END)
        record = replace(self._snapshot(), ended_at=self._gateway.now(), reason=reason, detail=detail)
        if record.relayed:
            self._gateway.metrics.ended(reason, record.totals)
        else:
            self._gateway.metrics.refused(reason)
        _log.info(
            "connection ended" if record.relayed else "connection refused",
            connection_id=record.id,
            reason=reason.value,
            detail=detail,
            user=record.user,
            resource=record.resource,
            host=record.host_id,
            peer=record.client_address,
            to_client_bytes=record.totals.to_client_bytes,
            to_host_bytes=record.totals.to_host_bytes,
        )
        await self._gateway.broker.ended(record)


async def _left(client: Leg) -> Leg:
    await client.wait_gone()
    raise LegLost("the client left while it was parked")


def _reason_of(ended: Ended) -> Reason:
    if isinstance(ended.error, WireError):
        return Reason.PROTOCOL_VIOLATION
    if ended.side is Side.LEFT:
        # Clients may end without ending TLS first; our agents never do.
        broke = ended.error is not None and not isinstance(ended.error, Truncated)
        return Reason.CLIENT_LOST if broke else Reason.CLIENT_ENDED
    return Reason.HOST_LOST if ended.error else Reason.HOST_ENDED
