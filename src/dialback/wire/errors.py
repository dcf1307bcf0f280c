"""The two ways a wire module fails.

`WireError` blames the peer: its bytes break the format or the order. `StateError` blames us: a machine was
asked for something its state does not allow. A decoder returns a value or raises `WireError`; anything else
is a bug.
"""


class WireError(Exception):
    """The peer's bytes break the format; the text says what was expected and what came."""


class StateError(Exception):
    """A machine of ours was misused; it has changed nothing."""
