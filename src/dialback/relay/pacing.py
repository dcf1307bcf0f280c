"""Keeping relays to their tenants' bandwidth, by pausing what would exceed it.

A relay whose tenant has a limit, or whose node has one, counts through a `Paced` flow: it uses up what it was
lent, and when it cannot have more, its source is held until it is its turn. A relay without any limit is not
touched: nothing of this runs for its chunks. Who is next is decided in `relay.shares`.

While anybody is held, the pacer looks every `TICK_S` who may go on; otherwise it sleeps.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager

from dialback.relay.directions import Count, Direction
from dialback.relay.shares import Flow, Share

TICK_S = 0.01


class Paced(Flow):
    """The flow of one direction. It stands between the direction and its meter while there is a limit."""

    __slots__ = ("_count", "_direction", "_held_at", "_pacer", "_tenant")

    def __init__(
        self, pacer: "Pacer", tenant: "_Tenant", share: Share, direction: Direction, count: Count
    ) -> None:
        super().__init__(share)
        self._pacer = pacer
        self._tenant = tenant
        self._direction = direction
        self._count = count
        self._held_at: float | None = None

    def engage(self) -> None:
        """Begin to keep the direction to its share, or cease to, as there is a limit or not."""
        if self.share.limited:
            self._direction.count_by(self.count, self.share.lot_bytes())
        else:
            self.disengage()

    def disengage(self) -> None:
        """Let the direction move as fast as it can."""
        self.leave()
        self._direction.count_by(self._count)
        self.go_on()

    def count(self, size: int) -> None:
        """Count bytes that were moved; hold the source when there is nothing left for more."""
        self._count(size)
        self.left_bytes -= size
        if self.left_bytes <= 0 and self._held_at is None:
            now = self._pacer.clock()
            if not self.ask(now):
                self._held_at = now
                self._direction.hold()
                self._pacer.wake()

    def go_on(self) -> None:
        """Read the source again, if it was held."""
        if self._held_at is not None:
            self._pacer.on_held(self._tenant.name, self._pacer.clock() - self._held_at)
            self._held_at = None
            self._direction.release()


class Pacer:
    """The bandwidth of one event loop, shared by tenants, and theirs by their users.

    Args:
        most_bytes_s: what all relays together may move in a second, both ways; None is no limit.
        clock: monotonic seconds.
        on_held: told whose relay was held, in one direction, and for how many seconds.
    """

    def __init__(
        self,
        most_bytes_s: int | None = None,
        clock: Callable[[], float] = time.monotonic,
        on_held: Callable[[str, float], None] = lambda _tenant, _seconds: None,
    ) -> None:
        self.clock = clock
        self.on_held = on_held
        self._root = Share(most_bytes_s=most_bytes_s)
        self._tenants: dict[str, _Tenant] = {}
        self._timer: asyncio.TimerHandle | None = None

    @contextmanager
    def account(self, tenant: str, user: Hashable, most_bytes_s: int | None = None) -> "Iterator[Account]":
        """Open an account for a relay of this user of the tenant, whose limit is known to be this one."""
        known = self._tenants.setdefault(tenant, _Tenant(tenant, Share(self._root)))
        known.users[user] += 1
        known.shares.setdefault(user, Share(known.share))
        self.limit(tenant, most_bytes_s)
        account = Account(self, known, known.shares[user])
        try:
            yield account
        finally:
            account.close()
            known.users[user] -= 1
            if not known.users[user]:
                del known.users[user], known.shares[user]
            if not known.users:
                del self._tenants[tenant]

    @property
    def busy(self) -> bool:
        """Whether any tenant has a relay."""
        return bool(self._tenants)

    def limit(self, tenant: str, most_bytes_s: int | None) -> None:
        """Change the limit of a tenant, in the middle of its relays too."""
        known = self._tenants.get(tenant)
        if known is None or known.share.most_bytes_s == most_bytes_s:
            return
        known.share.limit(most_bytes_s)
        for flow in known.flows:
            flow.engage()

    def wake(self) -> None:
        """Look from now on who may go on, until nobody is held."""
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(TICK_S, self.tick)

    def tick(self) -> None:
        """Let everybody go on for whom there are bytes."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        now = self.clock()
        while (flow := self._root.next(now)) is not None:
            assert isinstance(flow, Paced)
            flow.go_on()
        if self._root.waiting:
            self.wake()


class _Tenant:
    """A tenant with open relays: its share, those of its users, and how many relays each user has."""

    def __init__(self, name: str, share: Share) -> None:
        self.name = name
        self.share = share
        self.shares: dict[Hashable, Share] = {}
        self.users: Counter[Hashable] = Counter()
        self.flows: set[Paced] = set()


class Account:
    """What one relay draws on."""

    __slots__ = ("_flows", "_pacer", "_share", "_tenant")

    def __init__(self, pacer: Pacer, tenant: _Tenant, share: Share) -> None:
        self._pacer = pacer
        self._tenant = tenant
        self._share = share
        self._flows: list[Paced] = []

    def pace(self, direction: Direction, count: Count) -> None:
        """Keep the direction to the share from now on; `count` is its meter's."""
        flow = Paced(self._pacer, self._tenant, self._share, direction, count)
        self._flows.append(flow)
        self._tenant.flows.add(flow)
        if self._share.limited:
            flow.engage()

    def close(self) -> None:
        """Let the directions go; cheap to call again."""
        for flow in self._flows:
            self._tenant.flows.discard(flow)
            flow.disengage()
        self._flows.clear()
