"""The last log lines of this process, kept in memory for whoever may read them from afar.

A line is what the log has, in one line of text: instant, level, event, fields. It is kept after the fields
were escaped. What a traceback holds is left out; the log has it.
"""

import contextlib
from collections import deque
from collections.abc import Iterator, MutableMapping
from typing import Any

import structlog

MOST_LINES = 1000
LINE_CHARS = 500
_FIRST = ("timestamp", "level", "event")
_LEFT_OUT = ("exception", "exc_info", "stack", "stack_info")


class LogTail:
    """The last lines, 1,000 at most, each of 500 characters at most."""

    def __init__(self) -> None:
        self._lines: deque[str] = deque(maxlen=MOST_LINES)

    def lines(self) -> list[str]:
        """Return the lines, oldest first."""
        return list(self._lines)

    @contextlib.contextmanager
    def listening(self) -> Iterator[None]:
        """Keep what is logged while the block runs."""
        before = structlog.get_config()["processors"]
        structlog.configure(processors=[*before[:-1], self._keep, before[-1]])
        try:
            yield
        finally:
            structlog.configure(processors=before)

    def _keep(self, _logger: Any, method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        first = [str(event.get(name, method if name == "level" else "")) for name in _FIRST]
        rest = [
            f"{name}={value}" for name, value in event.items() if name not in _FIRST and name not in _LEFT_OUT
        ]
        self._lines.append(" ".join(part for part in (*first, *rest) if part)[:LINE_CHARS])
        return event
