"""A condition to wait for, like `asyncio.Event`, that weighs little while nobody waits.

Every leg and every direction of a relay has some, and an idle session is mostly them and TLS: an
`asyncio.Event` keeps a queue of 760 bytes from the first on.
"""

import asyncio


class Flag:
    """Up or down; whoever waits goes on when it is up."""

    __slots__ = ("_up", "_waiters")

    def __init__(self, up: bool = False) -> None:
        self._up = up
        self._waiters: list[asyncio.Future[None]] = []

    def is_set(self) -> bool:
        """Say whether the flag is up."""
        return self._up

    def set(self) -> None:
        """Put the flag up, and let all who wait go on."""
        self._up = True
        for waiter in self._waiters:
            if not waiter.done():
                waiter.set_result(None)

    def clear(self) -> None:
        """Take the flag down."""
        self._up = False

    async def wait(self) -> None:
        """Wait until the flag is put up; return at once if it is. Cancel-safe."""
        if self._up:
            return
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiters.append(waiter)
        try:
            await waiter
        finally:
            self._waiters.remove(waiter)
