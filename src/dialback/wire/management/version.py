"""Versions of the management protocol: each side names the range it speaks, the highest common one is spoken.

A version is a major: within one, messages and fields are only ever added, and whoever does not know them
passes over them. The frame, the two hellos and what is signed are the same in every version, so that two
sides that have none in common can still tell each other so, and be believed.

1 was spoken by builds before the first release alone. Since 2 facts say what the host offers, so that nobody
asks a tenant for what its host would refuse.
"""

from dialback.wire.agent.version import VersionRange

SUPPORTED = VersionRange(2, 2)
"""What this code speaks."""


def shown_versions(versions: VersionRange) -> str:
    """Return the range as people read it: `2`, or `1 to 2`."""
    if versions.lowest == versions.highest:
        return str(versions.highest)
    return f"{versions.lowest} to {versions.highest}"
