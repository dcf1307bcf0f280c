"""How long to wait before the link is tried again: full jitter, so that hosts do not come back in step."""

from collections.abc import Callable


class Backoff:
    """Waits drawn evenly from 0 to a ceiling that starts at 1 s and doubles up to `most_s`.

    Args:
        draw: a random number from 0 to 1.
    """

    def __init__(self, most_s: float, draw: Callable[[], float]) -> None:
        self._most_s = most_s
        self._draw = draw
        self.reset()

    def reset(self) -> None:
        """Begin anew: the link has held."""
        self._ceiling_s = min(1.0, self._most_s)

    def next_s(self) -> float:
        """Return the next wait in seconds."""
        wait_s = self._draw() * self._ceiling_s
        self._ceiling_s = min(2 * self._ceiling_s, self._most_s)
        return wait_s
