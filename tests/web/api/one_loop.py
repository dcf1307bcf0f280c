"""An application in one event loop of its own, whichever loops it is called from.

A test client has a new loop for each request, and the connections of a database belong to the loop that made
them. So the application runs in a thread with a loop that stays, and what it hears and says crosses over.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from typing import Any, TypeVar

from anyio.from_thread import BlockingPortal, start_blocking_portal

T = TypeVar("T")
Message = dict[str, Any]
Receive = Callable[[], Coroutine[Any, Any, Message]]
Send = Callable[[Message], Coroutine[Any, Any, None]]
Application = Callable[[Any, Any, Any], Awaitable[None]]


class OneLoop:
    """The loop: `call` runs a coroutine function there and waits for it."""

    def __init__(self, portal: BlockingPortal) -> None:
        self._portal = portal
        self.call = portal.call

    def around(self, application: Application) -> Application:
        """Return the application as it is to be called from other loops."""

        async def crossing(scope: Any, receive: Receive, send: Send) -> None:
            outside = asyncio.get_running_loop()

            async def back(work: Coroutine[Any, Any, T]) -> T:
                crossed: Future[T] = asyncio.run_coroutine_threadsafe(work, outside)
                return await asyncio.wrap_future(crossed)

            async def inside() -> None:
                await application(scope, lambda: back(receive()), lambda message: back(send(message)))

            await asyncio.wrap_future(self._portal.start_task_soon(inside))

        return crossing


@contextmanager
def one_loop() -> Iterator[OneLoop]:
    """Run the loop while the block does."""
    with start_blocking_portal() as portal:
        yield OneLoop(portal)
