"""Ownership of background tasks: each has a name and an owner, and none fails in silence.

The bare `create_task` is banned by the linter, because a task nobody holds may be collected in mid-flight and
its exception is seen by nobody. `Tasks` holds what it starts, logs what fails, and ends all of it at `close`.
"""

import asyncio
import contextlib
from collections.abc import Coroutine
from typing import Any, TypeVar

from dialback.observe.log import get_logger

_log = get_logger(__name__)

T = TypeVar("T")


class Tasks:
    """A set of named tasks with one owner."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[Any]] = set()
        self._closed = False

    def __len__(self) -> int:
        return len(self._tasks)

    def start(self, name: str, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        """Start the coroutine as a task; `name` carries the connection or host id it works for."""
        if self._closed:
            work.close()
            raise RuntimeError(f"no task is started after close: {name}")
        task = asyncio.get_running_loop().create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._done)
        return task

    async def close(self) -> None:
        """Cancel what still runs and wait until it has ended. Cancel-safe: calling it again is allowed."""
        self._closed = True
        while self._tasks:
            for task in list(self._tasks):
                task.cancel()
            await asyncio.wait(list(self._tasks), timeout=5)

    def _done(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            _log.error("task failed", task=task.get_name(), exc_info=error)


async def set_within(event: asyncio.Event, timeout_s: float) -> None:
    """Return when the event is set, or after that time."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(timeout_s):
            await event.wait()


async def first_of(name: str, *works: Coroutine[Any, Any, T]) -> T:
    """Run the coroutines together; return or raise what the first to end does, and cancel the others.

    Args:
        name: named in the tasks, with the connection or host id.

    When several end at once, the earliest in the order given counts.
    """
    loop = asyncio.get_running_loop()
    tasks = [loop.create_task(work, name=name) for work in works]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        return next(task for task in tasks if task in done).result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
