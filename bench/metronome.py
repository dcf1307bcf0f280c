"""Beats finer than an event loop's timers, which tick in whole milliseconds.

Thirty desktops do not draw at the same instant: each stream of messages has a phase of its own, a fraction of
a millisecond from the next. A thread sleeps until the next beat and hands it to the loop.
"""

import asyncio
import heapq
import itertools
import threading
import time
from collections.abc import Callable


class Metronome:
    """Calls actions in the event loop, each at its time on `time.monotonic`."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._order = itertools.count()
        self._waiting: list[tuple[float, int, Callable[[], None]]] = []
        self._changed = threading.Condition()
        threading.Thread(target=self._run, name="metronome", daemon=True).start()

    def call_at(self, at: float, action: Callable[[], None]) -> None:
        """Have the action called."""
        with self._changed:
            heapq.heappush(self._waiting, (at, next(self._order), action))
            self._changed.notify()

    def _run(self) -> None:
        while True:
            with self._changed:
                left_s = self._waiting[0][0] - time.monotonic() if self._waiting else None
                if left_s is None or left_s > 0:
                    self._changed.wait(left_s)
                    continue
                _, _, action = heapq.heappop(self._waiting)
            self._loop.call_soon_threadsafe(action)
