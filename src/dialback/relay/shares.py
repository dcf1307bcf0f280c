"""Fair shares of a bandwidth: who may move bytes now, and who is next.

A share is a part of its parent's: tenants have parts of a node's, users of a tenant's, and each part may have
a limit of its own. Bytes are lent in advance: a `Flow`, one direction of one relay, is lent some, uses them
up, and asks again. Rules of this file:

- What is lent is charged to the flow's share and to every one above it. A share that has lent more than its
  limit allows is in debt, and lends nothing until time has paid for it.
- Whoever asks in vain waits. Next is who, of those whose share can lend, has had least: busy parts get equal
  amounts, however many connections each has, and one that asks seldom hardly waits.
- Nobody saves up: who has been idle begins about where those who are served now stand. About, because a busy
  flow is away from the queue too, while it uses up what it was lent, and must not lose its place by that.

Pure: the caller says what time it is, in monotonic seconds.

Source: Goyal, Vin, Cheng, "Start-time Fair Queuing" (1996), section 2. What a chunk costs is known here only
once it was read, which is why bytes are lent.
"""

from collections.abc import Iterator

BURST_S = 0.25
"""How long a share that has been idle saves up."""
LENT_S = 0.02
"""What is lent at once lasts so long at the tightest limit."""
KEPT_LOTS = 4
"""How many lots a part may be behind those who are served and still have its place."""
LEAST_BYTES = 4 * 1024
MOST_BYTES = 1024 * 1024


class Part:
    """What stands in a share's queue: a share below it, or a flow. `had` is how far it is in its parent."""

    __slots__ = ("had", "parent")

    def __init__(self, parent: "Share | None") -> None:
        self.parent = parent
        self.had = 0.0

    def pick(self, now: float) -> "Flow | None":
        """Return the flow in this part that may go on and is next; None if there is none yet."""
        raise NotImplementedError

    def above(self) -> "Iterator[Share]":
        """Yield the shares this part belongs to, the nearest first."""
        share = self.parent
        while share is not None:
            yield share
            share = share.parent


class Share(Part):
    """A part of a bandwidth, with a limit of its own in bytes a second, or None."""

    __slots__ = ("_paid_at", "_spare_bytes", "most_bytes_s", "served", "waiting")

    def __init__(self, parent: "Share | None" = None, most_bytes_s: int | None = None) -> None:
        super().__init__(parent)
        self.most_bytes_s = most_bytes_s
        self.served = 0.0
        self.waiting: dict[Part, None] = {}
        self._spare_bytes: float | None = None
        self._paid_at = 0.0

    @property
    def limited(self) -> bool:
        """Whether this share, or one above it, has a limit."""
        return self.most_bytes_s is not None or any(each.most_bytes_s is not None for each in self.above())

    def limit(self, most_bytes_s: int | None) -> None:
        """Set the limit; it holds for what is lent from now on."""
        if most_bytes_s != self.most_bytes_s:
            self.most_bytes_s = most_bytes_s
            self._spare_bytes = None

    def lot_bytes(self) -> int:
        """Return how much is lent at once: little where the limit is tight, so that turns are short."""
        limits = [each.most_bytes_s for each in (self, *self.above()) if each.most_bytes_s is not None]
        wanted = int(min(limits) * LENT_S) if limits else MOST_BYTES
        return min(max(wanted, LEAST_BYTES), MOST_BYTES)

    def next(self, now: float) -> "Flow | None":
        """Return the flow that may go on, having lent to it; None if none may yet."""
        flow = self.pick(now)
        if flow is not None:
            flow.leave()
            flow.lend(now)
        return flow

    def pick(self, now: float) -> "Flow | None":
        if self.in_debt(now):
            return None
        for part in sorted(self.waiting, key=lambda each: each.had):
            if (flow := part.pick(now)) is not None:
                return flow
        return None

    def in_debt(self, now: float) -> bool:
        """Whether more was lent than the limit allows."""
        return self._spare(now) <= 0

    def charge(self, part: Part, size: int, now: float) -> None:
        """Note that a part of this share was lent so many bytes."""
        self.served = max(self.served, part.had)
        part.had += size
        if self.most_bytes_s is not None:
            self._spare_bytes = self._spare(now) - size

    def enter(self, part: Part) -> None:
        """Put a part into the queue, not far before those that are served now."""
        if part not in self.waiting:
            part.had = max(part.had, self.served - KEPT_LOTS * self.lot_bytes())
            self.waiting[part] = None
            if self.parent is not None:
                self.parent.enter(self)

    def leave(self, part: Part) -> None:
        """Take a part out of the queue, if it is there."""
        self.waiting.pop(part, None)
        if not self.waiting and self.parent is not None:
            self.parent.leave(self)

    def _spare(self, now: float) -> float:
        """Return how much may be lent, negative while in debt."""
        if self.most_bytes_s is None:
            return 1.0
        most = max(self.most_bytes_s * BURST_S, LEAST_BYTES)
        if self._spare_bytes is None:
            self._spare_bytes = most
        else:
            earned = max(now - self._paid_at, 0.0) * self.most_bytes_s
            self._spare_bytes = min(most, self._spare_bytes + earned)
        self._paid_at = now
        return self._spare_bytes


class Flow(Part):
    """One direction of one relay. `left_bytes` is left of what it was lent, below 0 if it took more."""

    __slots__ = ("left_bytes", "share")

    def __init__(self, share: Share) -> None:
        super().__init__(share)
        self.share = share
        self.left_bytes = 0

    def pick(self, now: float) -> "Flow | None":
        return self

    def ask(self, now: float) -> bool:
        """Say whether the flow may go on, having been lent more; if not, it waits for its turn."""
        limits = [each for each in self.above() if each.most_bytes_s is not None]
        if any(each.waiting or each.in_debt(now) for each in limits):
            self.share.enter(self)
            return False
        self.lend(now)
        return True

    def leave(self) -> None:
        """Wait no more."""
        self.share.leave(self)

    def lend(self, now: float) -> None:
        """Let the flow have what it may use up next, and charge it to all above."""
        size = max(self.share.lot_bytes() - self.left_bytes, 0)
        self.left_bytes += size
        part: Part = self
        for share in self.above():
            share.charge(part, size, now)
            part = share
