"""The flight recorder's platform side: the chains of connections that go on, and their way to the store.

A connection has one writer, the broker that placed it, so that its chain is extended by nobody else. What
happens becomes an entry at once, here; one task writes entries to the store, connection by connection, and no
connection waits for it. When the store is away they wait. What was hashed is never dropped, since that would
break the chain: when too many wait, how many bytes went and what the host listed is not told any more, and
that comes back once the store does.

A chain is forgotten here when its end is written. Who is to know that entries are in the store, to have them
signed by the host, is told by `saved`.
"""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from dialback.domain.contracts import StoreUnavailable
from dialback.domain.flight import (
    MAX_ENTRIES,
    FlightEvent,
    FlightProof,
    FlightProofs,
    Head,
    build,
    entry_after,
    head_after,
)
from dialback.domain.ids import ConnectionId, HostId, SessionId, TenantId, UserName
from dialback.domain.provider import Provider
from dialback.domain.sessions import ConnectionRecord, Session, SessionState, Stage, Totals
from dialback.observe.log import get_logger

BYTES_EVERY_S = 30.0
SLOWER_AFTER = 1000
"""After each so many entries the time between two about bytes doubles, so that a chain lasts for months."""
KEPT_FREE = 4
"""Entries of a chain that are left for its end."""
MOST_CHANGES = 20
MOST_PROOFS = 1000
MOST_WAITING = 10_000
RETRY_S = 2.0
_log = get_logger(__name__)

Facts = Mapping[str, str | int | float | bool]
Listed = dict[SessionId, tuple[UserName, SessionState, bool | None]]


@dataclass(slots=True)
class Chain:
    """The chain of a connection that goes on; `waiting` are lines that are not in the store yet."""

    tenant: TenantId
    id: ConnectionId
    host: HostId
    request: str
    begun_at: float
    ground: Facts = field(default_factory=dict)
    head: Head | None = None
    waiting: list[str] = field(default_factory=list)
    totals: Totals = field(default_factory=Totals)
    told_at: float = 0.0
    opened: bool = False
    ended: bool = False

    @property
    def count(self) -> int:
        """How many entries it has."""
        return self.head.count if self.head else 0


Saved = Callable[[Chain], None]


class Flights(FlightProofs):
    """The chains of one broker.

    Args:
        clock: monotonic seconds.
    """

    def __init__(
        self,
        provider: Provider,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        clock: Callable[[], float] = time.monotonic,
        retry_s: float = RETRY_S,
        most_waiting: int = MOST_WAITING,
    ) -> None:
        self._provider = provider
        self._now = now
        self._clock = clock
        self._retry_s = retry_s
        self._most_waiting = most_waiting
        self._chains: dict[ConnectionId, Chain] = {}
        self._proofs: OrderedDict[tuple[TenantId, str], list[FlightProof]] = OrderedDict()
        self._listed: dict[HostId, Listed] = {}
        self._count_waiting = 0
        self._something = asyncio.Event()
        self._nothing = asyncio.Event()
        self._nothing.set()
        self.saved: Saved = lambda _chain: None

    def __len__(self) -> int:
        return self._count_waiting

    def begin(
        self, tenant: TenantId, connection_id: ConnectionId, host: HostId, facts: Facts, request: str = ""
    ) -> None:
        """Begin the chain of a connection to the host, with who asked for what; never waits and never fails.

        `request` is the consent request of somebody of the provider.
        """
        chain = Chain(tenant, connection_id, host, request, self._clock())
        self._chains[connection_id] = chain
        self._add(chain, FlightEvent.ASKED, {**facts, "host": host})
        for proof in self._proofs.get((tenant, request), ()):
            self._add(chain, FlightEvent.PROOF, _proof_facts(proof))

    def ordered(self, connection_id: ConnectionId, ground: Facts) -> None:
        """Note on what ground the host is asked to let them in; it has once the connection is open."""
        if chain := self._chains.get(connection_id):
            chain.ground = ground

    def opened(self, record: ConnectionRecord) -> None:
        """Take the state of a connection that is open: its timeline at first, later its bytes."""
        chain = self._chains.get(record.id)
        if chain is None or chain.ended:
            return
        if not chain.opened:
            chain.opened, chain.told_at = True, self._clock()
            self._add(chain, FlightEvent.CONSENT, chain.ground)
            self._add(chain, FlightEvent.OPENED, _timeline(record))
            return
        every_s = BYTES_EVERY_S * 2 ** (chain.count // SLOWER_AFTER)
        # A report comes now and then, never quite on time.
        if record.totals != chain.totals and self._clock() - chain.told_at >= 0.9 * every_s:
            chain.totals, chain.told_at = record.totals, self._clock()
            self._add_if_room(chain, FlightEvent.BYTES, _totals(record.totals))

    def ended(self, record: ConnectionRecord) -> None:
        """End the chain, with the reason and the totals."""
        chain = self._chains.get(record.id)
        if chain is None or chain.ended:
            return
        facts = {
            "reason": str(record.reason or ""),
            "detail": record.detail,
            "seconds": round(self._clock() - chain.begun_at, 3),
            "opened": chain.opened,
            **_totals(record.totals),
        }
        self._add(chain, FlightEvent.ENDED, facts)
        chain.ended = True

    def listed(self, host: HostId, sessions: Iterable[Session]) -> None:
        """Take the host's list of its sessions: what changed is told on every chain of the host."""
        now: Listed = {session.id: (session.user, session.state, session.locked) for session in sessions}
        before = self._listed.get(host)
        self._listed[host] = now
        chains = [chain for chain in self._chains.values() if chain.host == host and not chain.ended]
        if before is None or before == now or not chains:
            return
        changes = list(_changes(before, now))
        for chain in chains:
            for change in changes[:MOST_CHANGES]:
                self._add_if_room(chain, FlightEvent.HOST, change)
            if len(changes) > MOST_CHANGES:
                more = len(changes) - MOST_CHANGES
                self._add_if_room(chain, FlightEvent.HOST, {"what": "more", "count": more})

    def proven(self, tenant: TenantId, request: str, proof: FlightProof) -> None:
        known = self._proofs.setdefault((tenant, request), [])
        if proof in known or len(known) >= MOST_CHANGES:
            return
        known.append(proof)
        self._proofs.move_to_end((tenant, request))
        while len(self._proofs) > MOST_PROOFS:
            self._proofs.popitem(last=False)
        for chain in self._chains.values():
            if (chain.tenant, chain.request) == (tenant, request) and not chain.ended:
                self._add_if_room(chain, FlightEvent.PROOF, _proof_facts(proof))

    async def run(self) -> None:
        """Write what waits, for ever."""
        while True:
            await self._something.wait()
            self._something.clear()
            away = False
            for chain in [chain for chain in self._chains.values() if chain.waiting]:
                if not await self._save(chain):
                    away = True
                    break
            if away:
                await asyncio.sleep(self._retry_s)
                self._something.set()
            elif not self._count_waiting:
                self._nothing.set()

    async def settled(self, timeout_s: float) -> bool:
        """Wait until everything is written, `timeout_s` at most; say whether it is."""
        if self._count_waiting:
            self._something.set()
        try:
            async with asyncio.timeout(timeout_s):
                await self._nothing.wait()
        except TimeoutError:
            return False
        return True

    def _add_if_room(self, chain: Chain, event: FlightEvent, facts: Facts) -> None:
        if self._count_waiting < self._most_waiting and chain.count < MAX_ENTRIES - KEPT_FREE:
            self._add(chain, event, facts)

    def _add(self, chain: Chain, event: FlightEvent, facts: Facts) -> None:
        entry = entry_after(chain.head, chain.id, self._now(), event, facts)
        chain.head = head_after(entry)
        chain.waiting.append(build(entry))
        self._count_waiting += 1
        self._nothing.clear()
        self._something.set()

    async def _save(self, chain: Chain) -> bool:
        """Write what waits of a chain; False if it has to wait. What fails otherwise is a bug of ours."""
        lines = list(chain.waiting)
        try:
            await self._provider.append_flight(chain.tenant, lines)
        except StoreUnavailable as error:
            _log.error("flight records wait for the store", waiting=self._count_waiting, why=str(error))
            return False
        except Exception:
            # The chain cannot go on behind a gap.
            _log.exception("flight record broken off, it cannot be written", connection_id=chain.id)
            self._count_waiting -= len(chain.waiting)
            self._chains.pop(chain.id, None)
            return True
        del chain.waiting[: len(lines)]
        self._count_waiting -= len(lines)
        if chain.ended and not chain.waiting:
            self._chains.pop(chain.id, None)
        self.saved(chain)
        return True


def _timeline(record: ConnectionRecord) -> dict[str, str | int | float | bool]:
    stages = {f"{stage}_ms": round(ms, 1) for stage, ms in record.timeline.items() if stage is not Stage.END}
    return {**stages, "transport": record.transport}


def _totals(totals: Totals) -> dict[str, str | int | float | bool]:
    return {"to_client_bytes": totals.to_client_bytes, "to_host_bytes": totals.to_host_bytes}


def _proof_facts(proof: FlightProof) -> Facts:
    return {"proven": proof.proven, "shown": proof.shown, "announced": proof.announced, "by": proof.by}


def _changes(before: Listed, now: Listed) -> Iterable[Facts]:
    """Yield what happened between two lists of a host's sessions."""
    for id in sorted(before.keys() | now.keys()):
        was, is_now = before.get(id), now.get(id)
        user, state, locked = is_now or before[id]
        if was is None:
            happened = ["log-on"]
        elif is_now is None:
            happened = ["log-off"]
        else:
            happened = list(_changes_within(was[1:], state, locked))
        for what in happened:
            yield {"what": what, "session": id, "user": user}


def _changes_within(
    before: tuple[SessionState, bool | None], state: SessionState, locked: bool | None
) -> Iterable[str]:
    """Yield what happened to a session that goes on; a lock nobody told of before may be an old one."""
    was, was_locked = before
    if was is not state:
        yield "disconnect" if state is SessionState.DISCONNECTED else "reconnect"
    if None not in (was_locked, locked) and was_locked != locked:
        yield "lock" if locked else "unlock"
