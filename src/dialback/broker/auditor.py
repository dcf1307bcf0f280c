"""The way to the audit log: entries are queued and written by one task, so that no action waits for the log.

When the store does not answer they wait, bounded in number; each is in the server's log as well, so that what
is dropped from a full queue is not lost without a trace. Refusals can be brought about by anybody who reaches
the port, so those from one address are bounded: within `BURST_S` the first `MOST_DIFFERENT` that differ are
written, and what repeats or exceeds them is counted, and written as a number when the time is over.
"""

import asyncio
import time
from collections import OrderedDict, deque
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from dialback.domain.audit import Actor, Audit, AuditEntry, Recorder, shortened
from dialback.domain.contracts import StoreUnavailable
from dialback.domain.ids import TenantId
from dialback.observe.log import get_logger

BURST_S = 60.0
MOST_DIFFERENT = 20
MOST_ADDRESSES = 1000
MOST_WAITING = 10_000
RETRY_S = 2.0
_log = get_logger(__name__)


@dataclass(slots=True)
class _Burst:
    """Refusals of one tenant from one address: those that were written, with how often they came again."""

    began_at: float
    repeats: dict[AuditEntry, int] = field(default_factory=dict)
    others: int = 0

    def take(self, entry: AuditEntry) -> bool:
        """Say whether the entry is to be written; if not, it is counted."""
        alike = _alike(entry)
        if alike in self.repeats:
            self.repeats[alike] += 1
        elif len(self.repeats) < MOST_DIFFERENT:
            self.repeats[alike] = 0
            return True
        else:
            self.others += 1
        return False

    def counted(self, tenant: TenantId, address: str, now: datetime) -> list[AuditEntry]:
        """Return what was counted, as entries."""
        again = [
            replace(entry, at=now, detail=f"{entry.detail} ({count} more within {BURST_S:g} s)".strip())
            for entry, count in self.repeats.items()
            if count
        ]
        if self.others:
            actor = Actor(next(iter(self.repeats)).actor.kind, "", address)
            detail = f"{self.others} more refusals within {BURST_S:g} s"
            again.append(AuditEntry(tenant, now, actor, "refusals.counted", detail=detail, allowed=False))
        return again


class Auditor(Recorder):
    """The queue in front of the audit log."""

    def __init__(
        self,
        audit: Audit,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        retry_s: float = RETRY_S,
        most_waiting: int = MOST_WAITING,
    ) -> None:
        self._audit = audit
        self._clock = clock
        self._now = now
        self._retry_s = retry_s
        self._most_waiting = most_waiting
        self._bursts: OrderedDict[tuple[TenantId, str], _Burst] = OrderedDict()
        self._waiting: deque[AuditEntry] = deque()
        self._something = asyncio.Event()
        self._nothing = asyncio.Event()
        self._nothing.set()

    def __len__(self) -> int:
        return len(self._waiting)

    def note(self, entry: AuditEntry) -> None:
        """Queue the entry; never waits and never fails."""
        entry = shortened(entry)
        self._end_bursts(self._clock() - BURST_S)
        if entry.allowed or self._burst(entry).take(entry):
            self._queue(entry)

    async def run(self) -> None:
        """Write what is queued, for ever."""
        while True:
            if not self._waiting:
                self._something.clear()
                self._nothing.set()
                await self._wait()
                continue
            entry = self._waiting[0]
            if not await self._write(entry):
                await asyncio.sleep(self._retry_s)
            elif self._waiting and self._waiting[0] is entry:
                self._waiting.popleft()

    async def settled(self, timeout_s: float) -> bool:
        """Write what was counted too, wait until all is written, `timeout_s` at most; say whether it is."""
        self._end_bursts(self._clock())
        try:
            async with asyncio.timeout(timeout_s):
                await self._nothing.wait()
        except TimeoutError:
            return False
        return True

    async def _wait(self) -> None:
        """Wait for something to write; bursts end meanwhile."""
        try:
            async with asyncio.timeout(BURST_S if self._bursts else None):
                await self._something.wait()
        except TimeoutError:
            self._end_bursts(self._clock() - BURST_S)

    def _burst(self, entry: AuditEntry) -> _Burst:
        key = (entry.tenant, entry.actor.address)
        burst = self._bursts.get(key)
        if burst is None:
            if len(self._bursts) >= MOST_ADDRESSES:
                self._end_oldest_burst()
            burst = self._bursts[key] = _Burst(self._clock())
        return burst

    def _end_bursts(self, before: float) -> None:
        # They are in the order in which they began.
        while self._bursts and next(iter(self._bursts.values())).began_at <= before:
            self._end_oldest_burst()

    def _end_oldest_burst(self) -> None:
        (tenant, address), burst = self._bursts.popitem(last=False)
        for entry in burst.counted(tenant, address, self._now()):
            self._queue(entry)

    def _queue(self, entry: AuditEntry) -> None:
        _log.info(
            "audit",
            tenant=entry.tenant,
            actor=entry.actor.name or entry.actor.kind.value,
            peer=entry.actor.address,
            action=entry.action,
            subject=entry.subject,
            detail=entry.detail,
            allowed=entry.allowed,
        )
        self._waiting.append(entry)
        self._nothing.clear()
        self._something.set()
        if len(self._waiting) > self._most_waiting:
            self._waiting.popleft()
            _log.warning("audit entry dropped, the store is away for too long")

    async def _write(self, entry: AuditEntry) -> bool:
        """Write the entry; False if it has to wait. One that fails for another reason is a bug of ours."""
        try:
            await self._audit.write(entry)
        except StoreUnavailable as error:
            _log.error("audit entry waits for the store", waiting=len(self._waiting), why=str(error))
            return False
        except Exception:
            _log.exception("audit entry dropped, it cannot be written", action=entry.action)
        return True


def _alike(entry: AuditEntry) -> AuditEntry:
    """Return what entries have in common that say the same at different times."""
    return replace(entry, at=datetime.min.replace(tzinfo=UTC))
