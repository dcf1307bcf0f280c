"""Placements in flight: connections that were placed on a host whose session list does not show them yet.

A host tells of its sessions now and then; until it does, whoever is placed there would not count, and a rush
of users would all land on the host that was emptiest when it began. A placement is in flight until its host's
list shows a session of its user, or `LIFE_S` have passed: by then it has become a session, or it will not. A
connection that ends without having reached its host is taken out sooner; one that has reached it leaves a
session behind, which the user may come back to at once.

One that waits for its host to wake is held, and its life begins when the wake has ended.

Several connections of a user to one host lead to one session, and count as one.

Neither time nor lists are fetched here. What other brokers have in flight is not known; pools are large
compared with the number of brokers, and a host's list corrects it soon.
"""

import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from dialback.domain.ids import ConnectionId, HostId, UserName
from dialback.domain.sessions import Session, is_session_of

LIFE_S = 60.0


@dataclass(frozen=True, slots=True)
class _Placed:
    host: HostId
    user: UserName


class InFlight:
    """Which placements are in flight; `clock` gives monotonic seconds."""

    def __init__(self, clock: Callable[[], float] = time.monotonic, life_s: float = LIFE_S) -> None:
        self._clock = clock
        self._life_s = life_s
        self._placed: dict[ConnectionId, _Placed] = {}
        # In the order of time; those that are held are not in it.
        self._until: dict[ConnectionId, float] = {}
        self._on: defaultdict[HostId, Counter[UserName]] = defaultdict(Counter)

    def begin(self, connection_id: ConnectionId, host: HostId, user: UserName) -> None:
        """Note that the connection was placed on the host; an earlier placement of it counts no more."""
        self.end(connection_id)
        self._placed[connection_id] = _Placed(host, user)
        self._until[connection_id] = self._clock() + self._life_s
        self._on[host][user] += 1

    @contextmanager
    def held(self, connection_id: ConnectionId) -> Iterator[None]:
        """Let the placement outlast the block; its life begins anew at the end of it."""
        self._until.pop(connection_id, None)
        try:
            yield
        finally:
            if connection_id in self._placed:
                self._until[connection_id] = self._clock() + self._life_s

    def end(self, connection_id: ConnectionId) -> None:
        """Note that the connection did not reach its host, or has another reason not to count."""
        placed = self._placed.pop(connection_id, None)
        self._until.pop(connection_id, None)
        if placed is None:
            return
        users = self._on[placed.host]
        users[placed.user] -= 1
        if not users[placed.user]:
            del users[placed.user]
        if not users:
            del self._on[placed.host]

    def shown(self, host: HostId, sessions: Iterable[Session]) -> None:
        """Forget placements that the host's session list shows."""
        if host not in self._on:
            return
        listed = list(sessions)
        for connection_id, placed in list(self._placed.items()):
            if placed.host == host and any(is_session_of(session, placed.user) for session in listed):
                self.end(connection_id)

    def on(self, host: HostId) -> int:
        """Return how many users have placements in flight to the host."""
        self._expire()
        return len(self._on.get(host, ()))

    def has(self, host: HostId, user: UserName) -> bool:
        """Say whether the user has a placement in flight to the host."""
        self._expire()
        return user in self._on.get(host, ())

    def _expire(self) -> None:
        now = self._clock()
        while self._until:
            oldest, until = next(iter(self._until.items()))
            if until > now:
                break
            self.end(oldest)
