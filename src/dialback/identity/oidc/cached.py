"""A value that a provider publishes, kept for a while, and asked for by one at a time.

A failure is kept too, for a few seconds: while a provider is down, people who wait for it all learn so at
once, and it is not asked anew by each of them.
"""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Generic, TypeVar

from dialback.domain.errors import Refused

T = TypeVar("T")
Now = Callable[[], datetime]
"""A clock; what it returns knows its time zone."""

LIFE = timedelta(hours=1)
FAILURE_LIFE = timedelta(seconds=5)


class Cached(Generic[T]):
    """What `load` returned last. Safe to cancel: the next who asks loads anew."""

    def __init__(self, load: Callable[[], Awaitable[T]], now: Now) -> None:
        self._load = load
        self._now = now
        self._lock = asyncio.Lock()
        self._outcome: T | Refused | None = None
        self._until = datetime.min

    async def get(self) -> T:
        """Return the value; raise `Refused` as `load` does or did moments ago."""
        async with self._lock:
            if self._outcome is None or self._now() >= self._until:
                await self._renew()
            if isinstance(self._outcome, Refused):
                raise Refused(self._outcome.reason, self._outcome.detail)
            assert self._outcome is not None
            return self._outcome

    def forget(self) -> None:
        """Let the next who asks load anew."""
        self._outcome = None

    async def _renew(self) -> None:
        try:
            self._outcome = await self._load()
            self._until = self._now() + LIFE
        except Refused as refused:
            self._outcome = refused
            self._until = self._now() + FAILURE_LIFE
