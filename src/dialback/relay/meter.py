"""What a relay counts while it runs: bytes of the RDP stream each way, and when the first came back."""

import asyncio
from collections.abc import Callable


class Meter:
    """Live counters of one relay; read at any time, written by the relay alone.

    Args:
        clock: monotonic seconds.
    """

    __slots__ = ("_clock", "_first_byte", "to_left_bytes", "to_right_bytes")

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self.to_left_bytes = 0
        self.to_right_bytes = 0
        self._first_byte: asyncio.Future[float] = asyncio.get_running_loop().create_future()

    def count_to_left(self, size: int) -> None:
        """Count bytes that came from the right end."""
        if not self.to_left_bytes and not self._first_byte.done():
            self._first_byte.set_result(self._clock())
        self.to_left_bytes += size

    def count_to_right(self, size: int) -> None:
        """Count bytes that came from the left end."""
        self.to_right_bytes += size

    async def first_byte(self) -> float:
        """Return the clock's reading when the first byte came from the right end. Cancel-safe."""
        return await asyncio.shield(self._first_byte)
