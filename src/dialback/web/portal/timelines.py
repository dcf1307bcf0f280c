"""The timeline of a connection as a bar of its stages. Pure.

The bar is what opening took. How long the relay then worked is said beside it: drawn to scale, a day of work
would leave nothing of the milliseconds before it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from dialback.domain.sessions import Stage

WIDTH: Final = 1000
LEAST: Final = 6
"""Width of the shortest stage, so that it is seen."""
TITLES: Final[Mapping[str, str]] = {
    "tls": "TLS",
    "head": "Request",
    "handshake": "Handshake",
    "admit": "Admitted",
    "approve": "Approved",
    "place": "Host chosen",
    "wake": "Host started",
    "consent": "Consent given",
    "dial": "Host called",
    "reverse": "Host dialled back",
    "first-byte": "First byte",
    "end": "In use",
}
"""What people read, by the stage's name in records."""
NEVER_OPEN: Final = "Until its end"
"""What people read instead of time in use where the host was never heard: the client waited, or left."""


@dataclass(frozen=True, slots=True)
class Bar:
    """One stage: its duration, and where it stands in a picture of `WIDTH`; `END` has no width."""

    stage: Stage
    title: str
    ms: float
    begin: float = 0.0
    width: float = 0.0


def bars_of(timeline: Mapping[Stage, float]) -> tuple[Bar, ...]:
    """Return a bar for each stage that was reached, in the order in which stages happen."""
    stages = [stage for stage in Stage if stage in timeline]
    drawn = [stage for stage in stages if stage is not Stage.END]
    whole = sum(timeline[stage] for stage in drawn)
    room = WIDTH - LEAST * len(drawn)
    bars, begin = [], 0.0
    for stage in stages:
        share = timeline[stage] / whole if whole else 1 / max(len(drawn), 1)
        width = 0.0 if stage is Stage.END else round(LEAST + room * share, 2)
        unused = stage is Stage.END and Stage.FIRST_BYTE not in timeline
        title = NEVER_OPEN if unused else TITLES[stage]
        bars.append(Bar(stage, title, timeline[stage], round(begin, 2), width))
        begin += width
    return tuple(bars)
