"""Versions of the agent protocol: each side names a range, the highest common one is spoken."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class VersionRange:
    """The versions one side speaks, both ends included.

    Raises:
        ValueError: the range is empty or goes below 1.
    """

    lowest: int
    highest: int

    def __post_init__(self) -> None:
        if not 1 <= self.lowest <= self.highest:
            raise ValueError(f"expected 1 <= lowest <= highest, got {self.lowest} and {self.highest}")

    def __contains__(self, version: int) -> bool:
        return self.lowest <= version <= self.highest

    def __str__(self) -> str:
        return f"{self.lowest}-{self.highest}"


SUPPORTED = VersionRange(1, 4)
"""What this code speaks."""

CANARY_VERSION = 2
"""From here on an agent understands canaries and session orders; one below would never answer them."""

CONSENT_VERSION = 3
"""From here on an agent judges what the provider asks for; one below would dial for them as for a user."""

FLIGHT_VERSION = 4
"""From here on an agent keeps its copy of flight records and signs them."""


def choose_version(ours: VersionRange, theirs: VersionRange) -> int | None:
    """Return the highest version both sides speak, or None; the same whichever side asks."""
    version = min(ours.highest, theirs.highest)
    return version if version in ours and version in theirs else None
