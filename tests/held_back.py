"""A plugin that finds races: `make races`.

What arrives is seen late, each time by a random while, as on a machine that has much else to do. And garbage
is collected after each test: what nobody closed fails the test that left it, and no later one. `LATE_MS` in
the environment says how late at most, 15 ms unless said; `SEED` makes the whiles the same again.

What is left out: uvloop, which asks the kernel itself.
"""

import gc
import os
import random
import selectors
import time
from collections.abc import Iterable
from typing import Any

import pytest

STEP_S = 0.002
"""How long to sleep at most while something is held back, since something else may come."""

Event = tuple[selectors.SelectorKey, int]


class LateSelector(selectors.EpollSelector):
    """Shows what can be read a random while after it could be; what can be written, at once."""

    late_s = int(os.environ.get("LATE_MS", "15")) / 1000
    random = random.Random(int(os.environ.get("SEED", "1")))

    def __init__(self) -> None:
        super().__init__()
        self._due: dict[int, float] = {}
        self._own: int | None = None

    def register(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        """Register as ever; the first is by which the loop wakes itself, and is never late."""
        key = super().register(fileobj, events, data)
        if self._own is None:
            self._own = key.fd
        return key

    def select(self, timeout: float | None = None) -> list[Event]:
        """Return what is ready and has been for long enough."""
        ends_at = None if timeout is None else time.monotonic() + timeout
        while True:
            left = None if ends_at is None else max(0.0, ends_at - time.monotonic())
            if self._due:
                time.sleep(min(self._until_due(), STEP_S if left is None else min(left, STEP_S)))
                left = 0.0
            shown = self._shown(super().select(left))
            if shown or (ends_at is not None and time.monotonic() >= ends_at):
                return shown

    def _until_due(self) -> float:
        return max(0.0, min(self._due.values()) - time.monotonic())

    def _shown(self, ready: Iterable[Event]) -> list[Event]:
        shown, held = [], {}
        for key, mask in ready:
            due = self._due.get(key.fd, time.monotonic() + self.late_s * self.random.random())
            at_once = key.fd == self._own or not mask & selectors.EVENT_READ
            if at_once or due <= time.monotonic():
                shown.append((key, mask))
            else:
                held[key.fd] = due
                if mask & selectors.EVENT_WRITE:
                    shown.append((key, selectors.EVENT_WRITE))
        self._due = held
        return shown


def pytest_configure() -> None:
    """Let every loop of asyncio's own be late."""
    selectors.DefaultSelector = LateSelector  # type: ignore[misc]


@pytest.hookimpl(trylast=True)
def pytest_runtest_teardown() -> None:
    """Let what nobody closed be found in the test that left it."""
    gc.collect()
