"""Legacy tunnels: finding the IN request that belongs to an OUT request.

The client chooses the connection id, so it is a handle and no secret: a pair must also come from one address
and claim one user. It need not be unique either (FreeRDP 3.27 uses one for every tunnel of a session), so the
newest OUT request that still waits is the one that is met.

Source: [MS-TSGU] 3.3.5.1 Connection Setup Phase; header RDG-Connection-Id.
"""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from dialback.transport.leg import Leg
from dialback.wire.head import BodyReader, RequestHead

CONNECTION_ID_HEADER = "rdg-connection-id"
USER_ID_HEADER = "rdg-user-id"
PairKey = tuple[str, str, str]


@dataclass(frozen=True, slots=True)
class InRequest:
    """The leg of an IN request and the reader of its body."""

    leg: Leg
    body: BodyReader


def pair_key(head: RequestHead, leg: Leg) -> PairKey:
    """Return what OUT and IN must have in common: connection id, client address and claimed user."""
    return (head.header(CONNECTION_ID_HEADER) or "", leg.peer, head.header(USER_ID_HEADER) or "")


class Pairing:
    """The OUT requests of this node that wait for their IN request."""

    def __init__(self) -> None:
        self._waiting: dict[PairKey, list[asyncio.Future[InRequest]]] = {}

    @contextmanager
    def expect(self, key: PairKey) -> Iterator["asyncio.Future[InRequest]"]:
        """Expect the IN request while the context lasts; the future gives it."""
        waiter: asyncio.Future[InRequest] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(key, []).append(waiter)
        try:
            yield waiter
        except BaseException:
            if waiter.done() and not waiter.cancelled():
                waiter.result().leg.abort()  # it came in the instant in which nobody waited any more
            raise
        finally:
            self._forget(key, waiter)
            waiter.cancel()

    def expected(self, key: PairKey) -> bool:
        """Whether an OUT request waits for this IN request."""
        return bool(self._waiting.get(key))

    def meet(self, key: PairKey, request: InRequest) -> bool:
        """Give the IN request to the newest OUT request that waits for it; False if none does."""
        waiters = self._waiting.get(key)
        if not waiters:
            return False
        waiter = waiters[-1]
        self._forget(key, waiter)
        waiter.set_result(request)
        return True

    def _forget(self, key: PairKey, waiter: "asyncio.Future[InRequest]") -> None:
        waiters = self._waiting.get(key, [])
        if waiter in waiters:
            waiters.remove(waiter)
        if not waiters:
            self._waiting.pop(key, None)
