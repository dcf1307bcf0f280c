"""Whether a session host can take a session: the checks, and which of them are fatal.

A fatal check that fails puts the host out of rotation. One that is not leaves it as the last choice, for when
no sound host can take the session.
"""

from enum import StrEnum


class Check(StrEnum):
    """What is looked at on a host."""

    LINK = "link"
    """Its agent link stands."""
    DIAL_BACK = "dial-back"
    """It reached the gateway when last asked to."""
    RDP = "rdp"
    """Its RDP server answers."""
    DISK = "disk"
    """Its disk has room."""
    LOAD = "load"
    """Its processors and memory have room."""
    RESTART = "restart"
    """It does not wait for a restart."""


FATAL = frozenset({Check.LINK, Check.DIAL_BACK, Check.RDP})
