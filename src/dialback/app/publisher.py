"""The key that signs connection files, while the server runs: it follows its file, and its end is told of.

A key that a command renewed, or a certificate that the administrator replaced, is taken without a restart.
One that has expired goes on signing: clients then warn of an unknown publisher, as they would of no
signature, and that is less harm than a feed without files. The server's own is made anew at its end, as a
start would do it.
"""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from dialback.domain.errors import Problem
from dialback.identity.certificates import WARN_DAYS
from dialback.identity.signing import SigningKey
from dialback.observe.log import get_logger
from dialback.observe.metrics import Metrics

LOOK_EVERY_S = 60.0
WARN_EVERY = timedelta(days=1)
_log = get_logger(__name__)
_Stamp = tuple[int, int, int] | None


class PublisherWatch:
    """The loop that looks after the key; every page and file of the server holds the same `key`.

    `load` reads the key's file anew, as a start of the server does.
    """

    def __init__(
        self,
        key: SigningKey,
        load: Callable[[], SigningKey],
        metrics: Metrics,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._key = key
        self._load = load
        self._metrics = metrics
        self._now = now
        self._seen = _stamp(key.path)
        self._warned_at: dict[str, datetime] = {}

    async def run(self, every_s: float = LOOK_EVERY_S) -> None:
        """Look, for ever."""
        while True:
            await self.once()
            await asyncio.sleep(every_s)

    async def once(self) -> None:
        """Take the key if it is another by now, and tell of its end."""
        stamp = _stamp(self._key.path)
        if stamp != self._seen or self._now() >= self._key.facts.not_after:
            await self._take(stamp)
        days = self._key.facts.days_left(self._now())
        self._metrics.publisher_days_left.set(days)
        if days < WARN_DAYS:
            self._warn("certificate of connection files near its end", days_left=days, sha1=self._key.sha1)

    async def _take(self, stamp: _Stamp) -> None:
        try:
            key = await asyncio.to_thread(self._load)
        except Problem as error:
            # Half of a pair may be there and the other not yet: the next look sees both.
            self._warn("signing key not read anew, the old one goes on", why=str(error))
            return
        self._seen = stamp
        if key.sha256 == self._key.sha256:
            return
        _log.info("signing key replaced", before_sha1=self._key.sha1, sha1=key.sha1)
        self._key.become(key)

    def _warn(self, event: str, **facts: Any) -> None:
        """Log it, once a day."""
        now = self._now()
        if event not in self._warned_at or now - self._warned_at[event] >= WARN_EVERY:
            self._warned_at[event] = now
            _log.warning(event, **facts)


def _stamp(path: Path) -> _Stamp:
    """Return what changes when the file is replaced; None if it is not there."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_ino, found.st_size
