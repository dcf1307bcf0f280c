"""The timeline of a connection: which stage was reached, and how long each took."""

from collections.abc import Callable

from dialback.domain.sessions import Stage


class Timeline:
    """Durations of stages in milliseconds, each measured from the end of the stage before.

    Args:
        clock: monotonic seconds.
        started_at: the clock's reading when the connection began.
    """

    __slots__ = ("_clock", "_durations_ms", "_marked_at")

    def __init__(self, clock: Callable[[], float], started_at: float | None = None) -> None:
        self._clock = clock
        self._marked_at = clock() if started_at is None else started_at
        self._durations_ms: dict[Stage, float] = {}

    def mark(self, stage: Stage, at: float | None = None) -> None:
        """End the stage now, or at the given reading of the clock; marking a stage twice adds up."""
        now = self._clock() if at is None else at
        spent_ms = max(0.0, now - self._marked_at) * 1000
        self._durations_ms[stage] = round(self._durations_ms.get(stage, 0.0) + spent_ms, 3)
        self._marked_at = now

    def durations_ms(self) -> dict[Stage, float]:
        """Return a copy of what was measured so far, in the order in which it happened."""
        return dict(self._durations_ms)
