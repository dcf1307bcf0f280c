"""Joining two ends until one of them ends.

An end is a leg and its framing; on a legacy tunnel it is two legs, one read and one written. `Relay.join`
takes the legs over with the bytes they hold, lets the directions move what comes, and waits for the first
end. It then flushes what was received before, tells the other side in its own words, and closes both.
Nothing is awaited per chunk: this coroutine wakes for the end and for keepalives alone.
"""

import asyncio
import contextlib
from dataclasses import dataclass
from enum import StrEnum

from dialback.observe.tasks import Tasks
from dialback.relay.directions import (
    Direction,
    Opening,
    Scratch,
    Sealing,
)
from dialback.relay.framings import Framing
from dialback.relay.meter import Meter
from dialback.relay.pacing import Account
from dialback.transport.leg import Leg

KEEPALIVE_S = 45
DRAIN_S = 30
FAREWELL_S = 2
LINGER_S = 2
HIGH_WATER_BYTES = 256 * 1024


class Side(StrEnum):
    """Which end of a relay."""

    LEFT = "left"
    RIGHT = "right"


@dataclass(frozen=True, slots=True)
class End:
    """One end of a relay: bytes are read from `source` and written to `sink`, dressed as `framing` says."""

    source: Leg
    sink: Leg
    framing: Framing


@dataclass(frozen=True, slots=True)
class Ended:
    """How a relay ended: which side was first, and the error if it broke instead of ending."""

    side: Side
    error: Exception | None = None


class Relay:
    """Joins legs; one for each event loop, since all joins share its buffer."""

    def __init__(self, keepalive_s: float = KEEPALIVE_S) -> None:
        self._scratch = Scratch()
        self._keepalive_s = keepalive_s
        self._lingering = Tasks()

    async def join(self, left: End, right: End, meter: Meter, account: Account | None = None) -> Ended:
        """Move bytes both ways until either end ends, then flush and close the legs.

        What is moved is kept to the bandwidth of the account, if there is one. A leg whose peer does not
        close within 2 seconds is let go of in the background, within 30. The right end must be transparent (a
        host leg or a local connection). When cancelled, both ends are told and closed before the cancellation
        goes on; when cancelled while they are being closed, both are dropped.
        """
        joint = _Joint(self._scratch, left, right, meter, self._lingering, account)
        joint.start()
        try:
            ended = await joint.wait_ended(self._keepalive_s)
        except asyncio.CancelledError:
            await asyncio.shield(joint.close(None))
            raise
        try:
            await joint.close(ended)
        except asyncio.CancelledError:
            # Whoever cancels now waits no longer for a peer that does not read.
            joint.abort()
            raise
        return ended


class _Joint:
    """One join in progress."""

    def __init__(
        self,
        scratch: Scratch,
        left: End,
        right: End,
        meter: Meter,
        lingering: Tasks,
        account: Account | None,
    ) -> None:
        if not right.framing.transparent:
            raise ValueError(f"expected a transparent framing on the right end, got {right.framing.name}")
        self._left = left
        self._right = right
        self._meter = meter
        self._lingering = lingering
        self._account = account
        self._ended: asyncio.Future[Ended] = asyncio.get_running_loop().create_future()
        self._from_right: Direction = Sealing(
            scratch, right.source, left.sink, left.framing, meter.count_to_left, self._noticed
        )
        self._from_left = self._direction_from_left(scratch)
        into_left = self._from_left
        if left.sink is not left.source:
            into_left = Direction(scratch, left.sink, self._noticed)
        self._directions = {self._from_left, self._from_right, into_left}
        self._into_left = into_left
        into_left.feeder = self._from_right
        self._from_right.feeder = self._from_left
        if account is not None:
            account.pace(self._from_right, meter.count_to_left)
            account.pace(self._from_left, meter.count_to_right)

    def _direction_from_left(self, scratch: Scratch) -> Direction:
        count = self._meter.count_to_right
        left, right = self._left, self._right
        if left.framing.transparent:
            return Sealing(scratch, left.source, right.sink, right.framing, count, self._noticed)
        return Opening(scratch, left.source, right.sink, left.framing, left.sink.send, count, self._noticed)

    def start(self) -> None:
        for leg in (self._left.sink, self._right.sink):
            if not leg.lost:
                leg.transport.set_write_buffer_limits(HIGH_WATER_BYTES)
        for direction in (self._into_left, self._from_right, self._from_left):
            direction.start()

    async def wait_ended(self, keepalive_s: float) -> Ended:
        seen = -1
        while True:
            done, _ = await asyncio.wait({self._ended}, timeout=keepalive_s)
            if done:
                return self._ended.result()
            if seen == self._meter.to_left_bytes and self._left.framing.keepalive:
                self._left.sink.send(self._left.framing.keepalive)
            seen = self._meter.to_left_bytes

    async def close(self, ended: Ended | None) -> None:
        """Flush, say farewell to whoever can still hear it, and let go of every leg."""
        orderly = ended is not None and ended.error is None
        if ended is not None and orderly and self._can_half_close():
            await self._finish_other_way(ended.side)
        for direction in self._directions:
            direction.stop()
        if self._account is not None:
            # Nothing is moved from here on: what is still read is the peer's own end, and that is waited for.
            self._account.close()
        await asyncio.gather(self._into_left.flushed(DRAIN_S), self._from_right.flushed(DRAIN_S))
        farewell = self._left.framing.farewell(orderly=orderly)
        if farewell and not self._left.framing.ended:
            self._left.sink.send(farewell)
            if self._left.framing.acknowledged:
                await self._from_left.wait_finished(FAREWELL_S)
        await asyncio.wait(
            {self._lingering.start("let go", direction.let_go(DRAIN_S)) for direction in self._directions},
            timeout=LINGER_S,
        )

    def abort(self) -> None:
        """Let go of every leg at once; what was not flushed is dropped."""
        for leg in {self._left.source, self._left.sink, self._right.source}:
            if not leg.lost:
                leg.transport.abort()

    def _noticed(self, direction: Direction, error: Exception | None) -> None:
        if not self._can_half_close() or error is not None:
            # A TLS leg that ended takes nothing more, so what still comes for it has nowhere to go.
            for each in self._directions:
                each.stop()
        if not self._ended.done():
            side = Side.RIGHT if direction is self._from_right else Side.LEFT
            self._ended.set_result(Ended(side, error))

    def _can_half_close(self) -> bool:
        """Whether one way may end before the other: TLS legs of asyncio end both ways at once."""
        transparent = self._left.framing.transparent and self._right.framing.transparent
        return transparent and not self._left.sink.secured and not self._right.sink.secured

    async def _finish_other_way(self, ended: Side) -> None:
        sink = self._right.sink if ended is Side.LEFT else self._left.sink
        other = self._from_right if ended is Side.LEFT else self._from_left
        with contextlib.suppress(OSError, RuntimeError):
            sink.transport.write_eof()
        await other.wait_finished(DRAIN_S)
